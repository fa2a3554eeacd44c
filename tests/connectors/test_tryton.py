"""The Tryton connector against a real Tryton 8, whose figures are worked out by hand here.

The café's account on 2026-11-22, in EUR, of what `real/tryton_seed.py` enters:

    invoice  of          total   paid   due          open   overdue by
    2        2026-08-10    500    200   2026-09-09    300   21+31+22 = 74 days
    6        2026-11-01    400     50   2026-11-01    150   21 days
                                        2026-12-01    200   -
    5        2026-10-23     80      -   2026-11-22     80   -
    7        2026-11-10    150      -   2026-12-10    150   -
                                                      880   450
    credit note 4: 60, paid on account: 40            100   balance 880 - 100 = 780
"""

from __future__ import annotations

from datetime import date, datetime

import pytest
import pytest_asyncio

from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    CreditTerms,
    CustomerRef,
    Empty,
    ErrorKind,
    Purchases,
    SourceError,
)
from connectors.tryton import TrytonConnector
from tests.connectors.asking import ask, facts_of
from tests.connectors.real.tryton import (
    PASSWORD,
    Connect,
    Tryton,
    connector,
)

pytestmark = pytest.mark.timeout(300)  # the first test makes the databases

CAFE, BAR, QUIET, LEDGER = (CustomerRef(number) for number in ("2", "3", "4", "6"))


@pytest_asyncio.fixture
async def erp(connect_tryton: Connect, tryton: Tryton) -> TrytonConnector:
    return connect_tryton(tryton.url)


class TestTryton(ConnectorContract):
    known, unknown, secrets = CAFE, CustomerRef("999999"), (PASSWORD,)

    @pytest.fixture
    def working(self, tryton: Tryton) -> TrytonConnector:
        return connector(tryton.url)

    @pytest.fixture
    def broken(self) -> TrytonConnector:
        return connector("http://127.0.0.1:9")


async def test_the_balance_is_what_the_books_say_line_by_line(erp: TrytonConnector) -> None:
    owed = await facts_of(erp, Balance, CAFE)
    said = owed.model_dump(mode="json")
    assert (said["currency"], said["balance"], said["overdue_amount"]) == (
        "EUR",
        "780.00",
        "450.00",
    )
    assert said["unapplied_credit"] == "100.00"
    assert said["oldest_due_date"] == "2026-09-09"
    assert said["aging"] == {
        "current": "430.00",
        "days_1_30": "150.00",
        "days_31_60": "0.00",
        "days_61_90": "300.00",
        "days_over_90": "0.00",
    }
    names = ("number", "issue_date", "due_date", "total_amount", "amount_due", "days_overdue")
    assert [tuple(item[name] for name in names) for item in said["open_invoices"]] == [
        ("2", "2026-08-10", "2026-09-09", "500.00", "300.00", 74),
        ("6", "2026-11-01", "2026-11-01", "400.00", "150.00", 21),
        ("5", "2026-10-23", "2026-11-22", "80.00", "80.00", 0),
        ("6", "2026-11-01", "2026-12-01", "400.00", "200.00", 0),
        ("7", "2026-11-10", "2026-12-10", "150.00", "150.00", 0),
    ]


async def test_the_last_payments_are_shown_and_credit_notes_are_none(erp: TrytonConnector) -> None:
    owed = await facts_of(erp, Balance, CAFE)
    said = owed.model_dump(mode="json")["payments"]
    assert [(p["transaction_date"], p["total_amount"], p["payment_method"]) for p in said] == [
        ("2026-11-12", "40.00", "Cash"),
        ("2026-11-05", "50.00", "Cash"),
        ("2026-09-01", "200.00", "Cash"),
        ("2026-07-15", "120.00", "Cash"),
    ]


async def test_an_invoice_in_dollars_is_not_added_to_euros(erp: TrytonConnector) -> None:
    owed = await facts_of(erp, Balance, CAFE)
    (dollars,) = owed.model_dump(mode="json")["other_currencies"]
    assert dollars == {"currency": "USD", "balance": "90.00", "overdue_amount": "90.00"}


async def test_another_companys_books_are_not_added(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    american = connect_tryton(tryton.url, username="american")
    owed = await facts_of(american, Balance, CAFE)
    said = owed.model_dump(mode="json")
    assert (said["currency"], said["balance"], said["other_currencies"]) == ("USD", "999.00", [])


@pytest.mark.parametrize(
    ("now", "overdue", "late"),
    [("2026-11-23T04:59:59Z", "450.00", 0), ("2026-11-23T05:00:00Z", "530.00", 1)],
)
async def test_the_companys_midnight_makes_an_invoice_overdue(
    connect_tryton: Connect, tryton: Tryton, now: str, overdue: str, late: int
) -> None:
    """Invoice 5 is due on the 22nd in New York, which is five hours behind UTC."""
    erp = connect_tryton(tryton.url, lambda: datetime.fromisoformat(now))
    owed = await facts_of(erp, Balance, CAFE)
    assert str(owed.overdue_amount) == overdue
    assert [i.days_overdue for i in owed.open_invoices if i.number == "5"] == [late]


async def test_a_customer_with_many_open_items_is_read_page_by_page(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    """120 items of 1.25 are 150.00, due on 2026-03-01."""
    erp = connect_tryton(tryton.url, page_size=50)
    owed = await facts_of(erp, Balance, LEDGER)
    assert str(owed.balance) == "150.00"
    assert owed.open_invoice_count == 120
    assert str(owed.overdue_amount) == "150.00"


async def test_more_open_items_than_the_limit_are_no_balance(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    erp = connect_tryton(tryton.url, page_size=50, row_limit=100)
    with pytest.raises(SourceError, match="more than 100 open items") as caught:
        await erp.fetch("balance", LEDGER)
    assert caught.value.kind is ErrorKind.BAD_CONFIG


async def test_credit_used_counts_what_is_owed_and_what_is_ordered(erp: TrytonConnector) -> None:
    """780 EUR and 90 USD (at 1.25: 72 EUR) owed, 50 and 100 ordered and not invoiced: 1002."""
    said = await facts_of(erp, CreditTerms, CAFE)
    terms = said.model_dump(mode="json")
    assert terms == {
        "currency": "EUR",
        "credit_limit": "2000.00",
        "credit_used": "1002.00",
        "credit_available": "998.00",
        "exposure_includes_orders": True,
        "payment_terms": "30 days",
        "days_until_due": 30,
        "on_hold": None,
        "hold_reason": None,
        "risk_rating": None,
    }


async def test_a_limit_of_nothing_is_not_no_limit(erp: TrytonConnector) -> None:
    bar = await facts_of(erp, CreditTerms, BAR)
    quiet = await facts_of(erp, CreditTerms, QUIET)
    assert [str(bar.credit_limit), str(bar.credit_available)] == ["0", "0"]
    assert (quiet.credit_limit, quiet.credit_available) == (None, None)
    assert [str(quiet.credit_used), quiet.payment_terms] == ["0", None]


async def test_a_term_of_two_payments_has_no_single_number_of_days(erp: TrytonConnector) -> None:
    bar = await facts_of(erp, CreditTerms, BAR)
    assert (bar.payment_terms, bar.days_until_due) == ("Half now, half in 30 days", None)


async def test_orders_are_shown_with_their_lines_and_offers_are_not(erp: TrytonConnector) -> None:
    bought = await facts_of(erp, Purchases, CAFE)
    said = bought.model_dump(mode="json")
    can = {"item_id": "1", "sku": "W-1", "name": "Watering can", "unit_price": "25.00"}
    assert said == {
        "currency": "EUR",
        "orders": [
            {
                "order_number": "2",
                "order_date": "2026-11-15",
                "status": "processing",
                "total_amount": "100.00",
                "currency": "EUR",
                "line_items": [{**can, "quantity": "4", "total_amount": "100.00"}],
            },
            {
                "order_number": "1",
                "order_date": "2026-05-04",
                "status": "processing",
                "total_amount": "50.00",
                "currency": "EUR",
                "line_items": [{**can, "quantity": "2", "total_amount": "50.00"}],
            },
        ],
        "order_count": 2,
        "lifetime_amount": "150.00",
        "first_order_date": "2026-05-04",
    }


async def test_the_newest_orders_are_shown_and_all_are_counted(erp: TrytonConnector) -> None:
    """23 orders of 25.00, one a day from 2026-03-01: 575.00."""
    bought = await facts_of(erp, Purchases, LEDGER)
    assert [o.order_date for o in bought.orders] == [date(2026, 3, d) for d in range(23, 3, -1)]
    assert all(o.line_items for o in bought.orders)
    assert (bought.order_count, str(bought.lifetime_amount)) == (23, "575.00")
    assert bought.first_order_date == date(2026, 3, 1)


async def test_totals_of_too_many_orders_are_unknown(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    erp = connect_tryton(tryton.url, row_limit=2)
    bought, found = await ask(erp, Purchases, LEDGER)
    assert (bought.order_count, bought.lifetime_amount) == (None, None)
    assert "row_limit" in (found.incomplete or "")


async def test_what_is_no_partys_id_is_unknown(erp: TrytonConnector) -> None:
    assert isinstance(await erp.fetch("balance", CustomerRef("2 OR 1=1")), Empty)
    assert isinstance(await erp.fetch("credit_terms", CustomerRef("²")), Empty)
    assert isinstance(await erp.fetch("purchases", CustomerRef("9" * 30)), Empty)
