"""How Stripe writes amounts, times and refusals. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connectors.sdk import vendor
from connectors.sdk.answers import Answer
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row

# Stripe's own decimals (docs.stripe.com/currencies): ISK and UGX have two there, MGA none.
_NO_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD JOD KWD OMR TND"
_LATEST = 32_503_680_000  # the year 3000, in seconds since 1970


def refused(answer: Answer, data: Any) -> SourceError | None:
    """Read Stripe's error object."""
    error = data.get("error") if isinstance(data, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    if answer.status == 401:
        text = "has expired" if code == "api_key_expired" else "is not known to Stripe"
        return SourceError(ErrorKind.AUTH_EXPIRED, f"the API key {text}: make a new one")
    if answer.status == 403:
        text = "the API key may not read this: give the restricted key the right"
        return SourceError(ErrorKind.AUTH_DENIED, text)
    if code == "resource_missing":
        return SourceError(ErrorKind.NOT_FOUND, "Stripe has no such record")
    return None


def money(minor: Decimal | int, currency: str) -> Decimal:
    """Turn minor units into an amount with the decimals that Stripe gives the currency."""
    code = currency.upper()
    decimals = 0 if code in _NO_DECIMALS else 3 if code in _THREE_DECIMALS else 2
    return Decimal(minor).scaleb(-decimals)


def amount_of(record: vendor.Record, name: str) -> Decimal:
    """Read an amount in minor units as money."""
    row = Row(record, what=str(record.get("object") or "record"))
    minor = row.whole(name)
    if minor is None:
        raise SourceError(ErrorKind.BAD_DATA, f"field `{name}` of {row.what} is missing")
    return money(minor, row.currency(None))


def day_of(record: vendor.Record, name: str, zone: str) -> date | None:
    """Read an instant (seconds since 1970) as the company's day."""
    seconds = Row(record, what="record").whole(name)
    if seconds is not None and not 0 <= seconds < _LATEST:
        raise SourceError(ErrorKind.BAD_DATA, f"field `{name}` is no time in seconds")
    return None if seconds is None else vendor.today_in(zone, datetime.fromtimestamp(seconds, UTC))
