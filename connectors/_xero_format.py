"""How Xero writes dates, numbers, terms and refusals. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sdk.answers import Answer, retry_after
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row
from connectors.sdk.vendor import Record, part

# Milliseconds since 1970 in UTC; an offset behind them changes nothing.
_DATE = re.compile(r"/Date\((-?\d{1,13})(?:[+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TERMS = {
    "DAYSAFTERBILLDATE": "{} days after the invoice date",
    "DAYSAFTERBILLMONTH": "{} days after the end of the invoice's month",
    "OFCURRENTMONTH": "on day {} of the invoice's month",
    "OFFOLLOWINGMONTH": "on day {} of the month after the invoice",
}


def refused(answer: Answer, data: Any) -> SourceError | None:
    """Read Xero's problem details and its rate limits."""
    told = isinstance(data, Mapping) and str(data.get("Detail") or data.get("detail") or "")
    if answer.status == 401 and "AuthorizationUnsuccessful" in (told or ""):
        return SourceError(
            ErrorKind.AUTH_DENIED,
            "the connection may not read this (scope): connect again and allow what is asked",
        )
    if answer.status == 403:
        return SourceError(
            ErrorKind.AUTH_DENIED,
            "the connection to this organisation was withdrawn, or the user's role is too low:"
            " connect again and choose the organisation",
        )
    if answer.status == 429:
        daily = answer.headers.get("x-rate-limit-problem", "").lower() == "day"
        text = (
            "Xero's calls of the day are used up" if daily else "Xero asks to be called less often"
        )
        wait = retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
        return SourceError(ErrorKind.RATE_LIMITED, text, retry_after_s=wait)
    return None


def _moment(value: Any, name: str) -> datetime | None:
    if value is None:
        return None
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise SourceError(ErrorKind.BAD_DATA, f"field `{name}` is not written as /Date(…)/")
    return _EPOCH + timedelta(milliseconds=int(found[1]))


def dated(values: Record, *names: str) -> dict[str, Any]:
    """Read the fields of these names as instants in UTC, in which Xero's dates are days.

    Raises:
        SourceError: BAD_DATA, one is written in another way.
    """
    return {**values, **{name: _moment(values[name], name) for name in names}}


def phone_text(phone: Record) -> str | None:
    """Join the three parts of a number; each may be empty, and the last may hold all."""
    row = Row(phone, what="phone")
    parts = ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber")
    country, area, number = (row.text(part) or "" for part in parts)
    if not number or number.startswith("+"):
        return number or None
    if country and not country.startswith(("+", "00")):
        country = f"+{country}"
    return " ".join(part for part in (country, area, number) if part)


def terms_of(sales: Any) -> dict[str, Any] | None:
    """Read payment terms; days only where they count from the invoice. None: none are set.

    Raises:
        SourceError: BAD_DATA, they are no object, or their day is no number.
    """
    if sales is None:
        return None
    row = Row(part({"Sales": sales}, "Sales"), what="payment terms")
    kind, days = row.text("Type") or "", row.whole("Day")
    if kind not in _TERMS or days is None:
        return None
    known = days if kind == "DAYSAFTERBILLDATE" else None
    return {"payment_terms": _TERMS[kind].format(days), "days_until_due": known}
