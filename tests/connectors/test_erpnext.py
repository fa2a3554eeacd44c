"""ERPNext: balances and limits worked out by hand, its local times, every wrong setting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connectors.erpnext import ErpNextConnector
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Empty,
    Item,
    Number,
    Purchase,
    Purchases,
    SourceError,
    Tickets,
    Tombstone,
)
from tests.connectors.asking import ask, everything, facts_of
from tests.connectors.fakes.erpnext import (
    ADA,
    MEADOW,
    SECRET,
    FakeErpNext,
    connector,
    contact,
    invoice,
    link,
)
from tests.connectors.web import DOWN, WebServer

KESTREL, PERSON = CustomerRef("Customer/Kestrel Garden"), CustomerRef(f"Contact/{ADA}")
OWL = CustomerRef("Customer/CUST-0002")


@pytest.fixture
def vendor() -> FakeErpNext:
    return FakeErpNext()


@pytest.fixture
async def source(web: WebServer) -> AsyncIterator[ErpNextConnector]:
    made = connector(web)
    yield made
    await made.aclose()


class TestContract(ConnectorContract):
    known = PERSON
    unknown = CustomerRef("Customer/nobody")
    secrets = (SECRET,)

    @pytest.fixture
    def working(self, web: WebServer) -> ErpNextConnector:
        return connector(web)

    @pytest.fixture
    def broken(self, web: WebServer) -> ErpNextConnector:
        web.answers["*"] = DOWN
        return connector(web)


async def test_what_is_owed_are_open_invoices_less_what_was_paid_on_account(
    source: ErpNextConnector, web: WebServer
) -> None:
    owed, answer = await ask(source, Balance, KESTREL)
    # 356.10 + 200.00 - 56.00
    assert (owed.currency, owed.balance) == ("INR", Decimal("500.10"))
    assert (owed.overdue_amount, owed.unapplied_credit) == (Decimal("356.10"), Decimal(56))
    assert [(i.number, i.total_amount) for i in owed.open_invoices] == [
        ("SINV-1", Decimal("456.1")), ("SINV-2", Decimal(200)),
    ]  # fmt: skip
    assert [p.transaction_date for p in owed.payments] == [date(2026, 11, 10), date(2026, 10, 15)]
    assert answer.incomplete is None
    assert answer.remote_url == f"{web.url}/app/customer/Kestrel%20Garden"


async def test_a_contact_shows_the_account_of_its_customer_and_says_so(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    owed, answer = await ask(source, Balance, PERSON)
    assert owed.balance == Decimal("500.10")
    assert answer.incomplete == "the account of Kestrel Garden, which this contact belongs to"
    vendor.tables["Dynamic Link"].append(link("Contact", ADA, "CUST-0002", idx=2))
    _, answer = await ask(source, Balance, PERSON)
    assert "belongs to 1 more" in str(answer.incomplete)
    assert isinstance(await source.fetch("balance", CustomerRef("Contact/Abe")), Empty)


async def test_what_the_ledger_has_beside_invoices_is_said(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    vendor.ledger["Kestrel Garden", MEADOW] = 575.6
    _, answer = await ask(source, Balance, KESTREL)
    assert answer.incomplete is not None
    assert answer.incomplete.startswith("the ledger says INR 575.60")


async def test_only_the_money_of_the_company_chosen_is_read(
    web: WebServer, vendor: FakeErpNext
) -> None:
    vendor.ledger["Kestrel Garden", "Meadow UK"] = 999.0
    source = connector(web, company="Meadow UK")
    owed = await facts_of(source, Balance, KESTREL)
    assert (owed.currency, owed.balance) == ("GBP", Decimal(999))
    # Neither customer nor group has a limit in this company: its own, 700, counts.
    assert (await facts_of(source, CreditTerms, KESTREL)).credit_available == Decimal("-299.00")
    await source.aclose()


async def test_nothing_owed_is_a_zero_and_not_unknown(source: ErpNextConnector) -> None:
    owed, answer = await ask(source, Balance, OWL)
    assert (owed.balance, owed.currency, answer.incomplete) == (Decimal(0), "INR", None)


async def test_amounts_of_two_currencies_are_not_added(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    # What is open is in the currency of the account, which the total is not.
    foreign = {"currency": "EUR", "party_account_currency": "USD"}
    vendor.tables["Sales Invoice"].append(
        invoice("SINV-6", "2026-11-01", "2026-12-01", 90.0, 100.0, **foreign)
    )
    owed = await facts_of(source, Balance, KESTREL)
    assert owed.balance == Decimal("500.10")
    assert [(o.currency, o.balance) for o in owed.other_currencies] == [("USD", Decimal(100))]


@pytest.mark.parametrize(
    ("now", "overdue"),
    [(datetime(2026, 12, 1, 18, 29, tzinfo=UTC), "356.10"),
     (datetime(2026, 12, 1, 18, 30, tzinfo=UTC), "556.10")],
)  # fmt: skip
async def test_an_invoice_is_overdue_from_the_sites_midnight(
    web: WebServer, now: datetime, overdue: str
) -> None:
    # SINV-2 is due on 1 December; 18:30 UTC is midnight in Kolkata.
    source = connector(web, now)
    owed = await facts_of(source, Balance, KESTREL)
    await source.aclose()
    assert owed.overdue_amount == Decimal(overdue)


async def test_a_limit_falls_back_to_the_group_and_counts_open_orders(
    source: ErpNextConnector,
) -> None:
    said = await facts_of(source, CreditTerms, KESTREL)
    # 9,000 of the group - 500.10 owed - 60 % of 300.00 ordered and not invoiced
    assert (said.credit_limit, said.credit_used) == (Decimal(9000), Decimal("680.10"))
    assert said.credit_available == Decimal("8319.90")
    assert (said.exposure_includes_orders, said.currency) == (True, "INR")
    assert (said.payment_terms, said.days_until_due) == ("Net 30", 30)
    assert (said.on_hold, said.hold_reason) == (False, None)


async def test_a_limit_of_nought_everywhere_is_no_limit(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    vendor.tables["Customer Credit Limit"][1]["bypass_credit_limit_check"] = 1
    vendor.tables["Customer"][0]["is_frozen"] = 1
    said = await facts_of(source, CreditTerms, KESTREL)
    assert (said.credit_limit, said.credit_available) == (None, None)
    assert (said.on_hold, said.hold_reason) == (True, "frozen")


async def test_a_customer_whose_orders_are_not_checked_uses_what_is_owed_only(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    limits = {"credit_limit": 600.0, "bypass_credit_limit_check": 1}
    vendor.tables["Customer Credit Limit"][0] |= limits
    said = await facts_of(source, CreditTerms, KESTREL)
    assert (said.credit_limit, said.credit_used) == (Decimal(600), Decimal("500.10"))
    assert said.exposure_includes_orders is False


async def test_purchases_are_submitted_orders_with_their_lines(source: ErpNextConnector) -> None:
    bought = await facts_of(source, Purchases, PERSON)
    assert [o.order_number for o in bought.orders] == ["SO-2", "SO-1"]
    assert (bought.lifetime_amount, bought.order_count) == (Decimal("420.50"), 2)
    assert [(i.name, i.total_amount) for i in bought.orders[1].line_items] == [
        ("Spade", Decimal("60.5")), ("Fork", Decimal(60)),
    ]  # fmt: skip


async def test_invoices_may_count_as_purchases_instead(web: WebServer) -> None:
    source = connector(web, purchases="invoices", row_limit=1)
    bought, answer = await ask(source, Purchases, KESTREL)
    await source.aclose()
    assert [o.order_number for o in bought.orders] == ["SINV-2"]
    assert bought.lifetime_amount is None
    assert answer.incomplete is not None


async def test_issues_changed_at_the_sites_local_time(source: ErpNextConnector) -> None:
    facts = await facts_of(source, Tickets, KESTREL)
    # 13:30 in Kolkata
    assert facts.tickets[0].updated_at == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


async def test_contacts_have_all_their_numbers_and_customers_those_of_addresses(
    source: ErpNextConnector,
) -> None:
    items = await everything(source.contacts(None))
    rows = {i.remote_id: i for i in items if isinstance(i, ContactRow)}
    ada, abe, owl = rows[f"Contact/{ADA}"], rows["Contact/Abe"], rows["Customer/CUST-0002"]
    assert (ada.display_name, ada.company_name) == ("Ada Kestrel", "Kestrel Garden")
    assert [(p.raw, p.type, p.is_primary) for p in ada.phone_numbers] == [
        ("020 7946-0958 x12", None, False), ("+44 7700 900123", "mobile", True),
    ]  # fmt: skip
    assert (abe.display_name, abe.company_name) == ("Abe", None)
    assert ([p.raw for p in owl.phone_numbers], owl.region) == (["01632 960001"], "GB")
    assert (owl.display_name, owl.tags) == ("Owl's Nest", ("disabled",))
    assert owl.updated_at == datetime(2026, 11, 21, 4, 30, tzinfo=UTC)
    assert rows["Customer/Kestrel Garden"].tax_number == "GB123"


async def test_a_read_that_broke_off_goes_on_where_it_was(source: ErpNextConnector) -> None:
    marks = [i.cursor for i in await everything(source.contacts(None)) if isinstance(i, Checkpoint)]
    at = "2026-11-22T07:55:00Z"
    assert marks == [f"{at} Customer Kestrel Garden", f"{at} Contact {ADA}", at]
    rest = await everything(source.contacts(f"{at} Contact Abe"))
    assert [i.remote_id for i in rest if isinstance(i, ContactRow)] == [f"Contact/{ADA}"]
    assert rest[-1] == Checkpoint(at)
    with pytest.raises(SourceError, match="read everything again"):
        await everything(source.contacts("yesterday"))


async def test_more_contacts_than_a_page_are_all_read_once(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    vendor.tables["Contact"] = [contact(f"C{n:04}", "C", str(n)) for n in range(1203)]
    rows = [i for i in await everything(source.contacts(None)) if isinstance(i, ContactRow)]
    assert len({row.remote_id for row in rows}) == len(rows) == 1206


async def test_changes_are_asked_for_in_the_sites_time_with_deletions(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    # 10:00 in Kolkata is 04:30 UTC.
    items = await everything(source.contacts("2026-11-20T04:29:00Z"))
    assert [i.remote_id for i in items if isinstance(i, ContactRow)] == [
        "Customer/CUST-0002", "Contact/Abe",
    ]  # fmt: skip
    assert [i for i in items if isinstance(i, Tombstone)] == [Tombstone("Contact/Zoe")]
    items = await everything(source.contacts("2026-11-20T04:31:00Z"))
    assert "Contact/Abe" not in [i.remote_id for i in items if isinstance(i, ContactRow)]
    vendor.forbidden = {"Deleted Document"}
    vendor.tables["Address"][0]["modified"] = "2026-11-22 10:00:00"
    items = await everything(source.contacts("2026-11-21T12:00:00Z"))
    assert [i.remote_id for i in items if not isinstance(i, Checkpoint)] == ["Customer/CUST-0002"]


async def test_a_number_is_found_in_any_spelling_and_in_its_country_only(
    source: ErpNextConnector,
) -> None:
    for e164, ids in (("+442079460958", [f"Contact/{ADA}"]), ("+12079460958", ["Contact/Abe"]),
                      ("+442079460000", [])):  # fmt: skip
        assert [c.remote_id for c in await source.find(Number("x", e164))] == ids
    assert await source.find(Number("x", "+44%' OR 1=1")) == []


async def test_the_history_drops_what_was_cancelled_or_deleted(source: ErpNextConnector) -> None:
    items = await everything(source.purchases(None))
    orders = {i.order.order_number: i.remote_id for i in items if isinstance(i, Purchase)}
    assert orders == {
        "SO-1": "Customer/Kestrel Garden", "SO-2": "Customer/Kestrel Garden",
        "SO-5": "Customer/CUST-0002",
    }  # fmt: skip
    later = await everything(source.purchases("2026-11-19T00:00:00Z"))
    assert [i.order.order_number for i in later if isinstance(i, Purchase)] == ["SO-2"]
    assert [i for i in later if isinstance(i, Tombstone)] == [Tombstone("SO-4"), Tombstone("SO-9")]


async def test_items_have_the_price_of_today_and_their_stock_in_all_warehouses(
    source: ErpNextConnector,
) -> None:
    digging, spade = [i for i in await everything(source.catalogue(None)) if isinstance(i, Item)]
    assert (spade.unit_price, spade.currency) == (Decimal("30.25"), "INR")
    assert (spade.inventory_quantity, digging.inventory_quantity) == (Decimal(7), None)
    assert (digging.is_active, digging.unit_price) == (False, None)
