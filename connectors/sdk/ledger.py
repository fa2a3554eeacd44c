"""A balance from two sources of one vendor: the ledger's total and the open invoices. Pure.

The ledger knows credits, payments on account and journal entries; the invoices know due dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from connectors.sdk import facts
from connectors.sdk.sections import Origin, Reading
from connectors.sdk.types import Aging, Balance, money_text
from connectors.sdk.values import Row


def ledger_balance(
    total: Decimal,
    overdue: Decimal | None,
    currency: str,
    invoices: Reading,
    origin: Origin,
    payments: Sequence[Row] = (),
) -> tuple[Balance, list[str]]:
    """Return what is owed by the ledger, explained by open invoices, and notes on what is not.

    What open invoices exceed the total by is unapplied credit. What the total exceeds them by
    has no known due date; then `overdue` is the ledger's own, None when it gives none.

    Raises:
        SourceError: a value of the rows is not what its column says.
    """
    rows = invoices.rows
    own = [row for row in rows if row.currency(currency) == currency]
    paid = [row for row in payments if row.currency(currency) == currency]
    listed = facts.balance(own, origin.today, currency, paid) or Balance(
        currency=currency,
        balance=Decimal(0),
        overdue_amount=Decimal(0),
        open_invoice_count=0,
        aging=Aging(**dict.fromkeys(facts.AGING, Decimal(0))),
    )
    credit = facts.EXACT.subtract(listed.balance, total)
    notes = []
    if len(own) < len(rows):
        notes.append("open invoices in other currencies are in the balance, but not listed")
    elif invoices.more:
        notes.append(f"only the first {len(rows)} open invoices are listed")
    elif credit < 0:
        missing = f"{currency} {money_text(-credit, currency)}"
        notes.append(f"{missing} of the balance is on no open invoice (journal, opening balance)")
    else:
        return listed.model_copy(update={"balance": total, "unapplied_credit": credit}), notes
    unknown = {
        "balance": total,
        "overdue_amount": overdue,
        "unapplied_credit": None,
        "aging": None,
        "open_invoice_count": None if invoices.more else listed.open_invoice_count,
    }
    return listed.model_copy(update=unknown), notes
