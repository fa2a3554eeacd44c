"""A ledger's balance explained by open invoices, whatever the two hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.ledger import ledger_balance
from connectors.sdk.sections import Origin, Reading
from connectors.sdk.values import numbered

TODAY = date(2026, 11, 22)
ORIGIN = Origin("books", TODAY, datetime(2026, 11, 22, tzinfo=UTC), "EUR")
amounts = st.decimals("0.01", "1000000", places=2)
invoices = st.lists(
    st.fixed_dictionaries(
        {
            "amount_due": amounts,
            "due_date": st.integers(-200, 200).map(lambda days: TODAY + timedelta(days=days)),
            "currency": st.sampled_from(["EUR", "EUR", "USD"]),
        }
    ),
    max_size=8,
)


@given(st.decimals("-1000000", "1000000", places=2), invoices)
def test_the_ledgers_total_stands_and_what_is_known_beside_it_adds_up(
    total: Decimal, rows: list[dict[str, object]]
) -> None:
    owed, notes = ledger_balance(total, None, "EUR", Reading(numbered(rows)), ORIGIN)
    assert (owed.balance, owed.currency) == (total, "EUR")
    open_ = sum((i.amount_due for i in owed.open_invoices), Decimal(0))
    if notes:
        # Not all is explained: nothing is said of what depends on it.
        assert (owed.unapplied_credit, owed.aging, owed.overdue_amount) == (None, None, None)
    else:
        assert owed.unapplied_credit is not None
        assert owed.unapplied_credit >= 0
        assert open_ - owed.unapplied_credit == total
        assert owed.aging is not None
        assert sum(dict(owed.aging).values()) == open_
        late = sum((i.amount_due for i in owed.open_invoices if i.days_overdue), Decimal(0))
        assert owed.overdue_amount == late


def test_a_reading_that_was_cut_explains_nothing() -> None:
    rows = numbered([{"amount_due": 5, "due_date": "2026-11-01"}])
    owed, notes = ledger_balance(Decimal(5), Decimal(2), "EUR", Reading(rows, more=True), ORIGIN)
    assert (owed.overdue_amount, owed.aging, owed.open_invoice_count) == (Decimal(2), None, None)
    assert notes == ["only the first 1 open invoices are listed"]
