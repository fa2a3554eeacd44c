"""From what a source gave for one customer to the answer for one section. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from connectors.sdk import facts
from connectors.sdk.types import (
    Empty,
    ErrorKind,
    Found,
    SectionFacts,
    SectionName,
    SourceError,
)
from connectors.sdk.values import Row


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows of one customer. `more` says that the row limit cut them.

    `lines` holds the lines of each row's order, when the source nests them; `absent` names columns
    that the source was expected to give and did not.
    """

    rows: Sequence[Row]
    more: bool = False
    lines: Sequence[Sequence[Row]] | None = None
    absent: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when rows were read, and how to read them."""

    slug: str
    today: date
    as_of: datetime
    currency: str | None = None
    remote_url: str | None = None


NOTHING = Reading(())


def answer(
    section: SectionName,
    reading: Reading,
    origin: Origin,
    beside: Reading = NOTHING,
    notes: Sequence[str] = (),
) -> Found | Empty:
    """Work out a section. `notes` say what is known to be missing from the rows.

    `beside` holds the payments of a balance, or the totals of purchases.

    Raises:
        SourceError: the rows are not what their columns say, or too many to be summed.
    """
    known, missing = _facts(section, reading, origin, beside)
    if known is None:
        return Empty(origin.as_of)
    incomplete = "; ".join((*notes, *missing)) or None
    return Found(known, origin.as_of, origin.remote_url, incomplete)


def _facts(
    section: SectionName, reading: Reading, origin: Origin, beside: Reading
) -> tuple[SectionFacts | None, list[str]]:
    rows, currency = reading.rows, origin.currency
    if section == "balance":
        return _balance(reading, origin, beside)
    if section == "purchases":
        return _purchases(reading, currency, beside)
    if section == "credit_terms":
        return facts.credit_terms(rows, currency), []
    return facts.tickets(rows, origin.slug), []


def _balance(
    reading: Reading, origin: Origin, payments: Reading
) -> tuple[SectionFacts | None, list[str]]:
    if reading.more:
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            f"more than {len(reading.rows)} open items: a sum of some would be wrong."
            " Raise row_limit, or give one row with the column `balance`",
        )
    owed = facts.balance(reading.rows, origin.today, origin.currency, payments.rows)
    if owed is None:
        return None, []
    listed, count = len(owed.open_invoices), owed.open_invoice_count or 0
    cut = [f"the {listed} oldest of {count} open invoices are listed"] if count > listed else []
    return owed, cut


def _purchases(
    reading: Reading, currency: str | None, totals: Reading
) -> tuple[SectionFacts | None, list[str]]:
    if reading.lines is not None:
        orders = list(zip(reading.rows, reading.lines, strict=True))
    else:
        grouped = facts.group_lines(reading.rows)
        # The limit may have cut through the last order.
        orders = [(o, list(lines)) for o, lines in (grouped[:-1] if reading.more else grouped)]
        orders = orders or [(o, list(lines)) for o, lines in grouped]
    bought = facts.purchases(orders, currency, all_read=not reading.more, totals=totals.rows)
    if bought is None or not reading.more or bought.order_count is not None:
        return bought, []
    return bought, [f"only the first {len(reading.rows)} rows of purchases were read (row_limit)"]
