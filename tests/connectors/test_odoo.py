"""Odoo over both of its protocols: balances worked out by hand, companies, rights, changed data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connectors.odoo import OdooConnector
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckStatus,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Item,
    Number,
    Purchase,
    Purchases,
    SourceError,
    Tickets,
    Tombstone,
)
from tests.connectors.asking import ask, everything, facts_of
from tests.connectors.fakes.odoo import KEY, LEGACY, USD, FakeOdoo, connector, partner
from tests.connectors.web import DOWN, WebServer

KESTREL, ADA = CustomerRef("12"), CustomerRef("13")


@pytest.fixture
def vendor() -> FakeOdoo:
    return FakeOdoo()


@pytest.fixture(params=["json2", "jsonrpc"])
async def books(request: pytest.FixtureRequest, web: WebServer) -> AsyncIterator[OdooConnector]:
    source = connector(web, **(LEGACY if request.param == "jsonrpc" else {}))
    yield source
    await source.aclose()


@pytest.fixture
async def source(web: WebServer) -> AsyncIterator[OdooConnector]:
    made = connector(web)
    yield made
    await made.aclose()


class TestContract(ConnectorContract):
    known = ADA
    unknown = CustomerRef("999")
    secrets = (KEY,)

    @pytest.fixture
    def working(self, web: WebServer) -> OdooConnector:
        return connector(web)

    @pytest.fixture
    def broken(self, web: WebServer) -> OdooConnector:
        web.answers["*"] = DOWN
        return connector(web)


class TestContractOfTheOlderProtocol(ConnectorContract):
    known = KESTREL
    unknown = CustomerRef("999")
    secrets = (KEY,)

    @pytest.fixture
    def working(self, web: WebServer) -> OdooConnector:
        return connector(web, **LEGACY)

    @pytest.fixture
    def broken(self, web: WebServer) -> OdooConnector:
        return connector(web, **{**LEGACY, "database": "other"})


async def test_what_is_owed_are_open_entries_less_what_was_paid_on_account(
    books: OdooConnector, web: WebServer
) -> None:
    owed, answer = await ask(books, Balance, KESTREL)
    # 356.10 + 200.00 - 56.00
    assert (owed.currency, owed.balance) == ("EUR", Decimal("500.10"))
    assert (owed.overdue_amount, owed.unapplied_credit) == (Decimal("356.10"), Decimal(56))
    assert [(i.number, i.due_date) for i in owed.open_invoices] == [
        ("INV/2026/0001", date(2026, 10, 12)),
        ("INV/2026/0002", date(2026, 12, 1)),
    ]
    assert [(p.total_amount, p.payment_method) for p in owed.payments] == [
        (Decimal(100), "Manual Payment")
    ]
    assert answer.incomplete is None
    assert answer.remote_url == f"{web.url}/web#id=12&model=res.partner&view_type=form"


async def test_a_contact_shows_the_account_of_its_company_and_says_so(
    books: OdooConnector,
) -> None:
    owed, answer = await ask(books, Balance, ADA)
    assert owed.balance == Decimal("500.10")
    assert answer.incomplete == "the account of Kestrel Garden, which this contact belongs to"
    assert answer.remote_url is not None
    assert "id=12&" in answer.remote_url


async def test_only_the_money_of_the_company_chosen_is_read(web: WebServer) -> None:
    source = connector(web, company="Meadow UK")
    owed = await facts_of(source, Balance, KESTREL)
    terms = await facts_of(source, CreditTerms, KESTREL)
    await source.aclose()
    assert (owed.currency, owed.balance) == ("GBP", Decimal(999))
    # In this company limits are switched off: 9,000 in the field is no limit.
    assert (terms.credit_limit, terms.credit_available) == (None, None)


async def test_nothing_owed_is_a_zero_and_not_unknown(source: OdooConnector) -> None:
    owed = await facts_of(source, Balance, CustomerRef("14"))
    assert (owed.balance, owed.currency) == (Decimal(0), "EUR")


async def test_entries_that_the_user_may_not_see_are_said_to_be_missing(
    source: OdooConnector, vendor: FakeOdoo
) -> None:
    vendor.tables["account.move.line"][1]["reconciled"] = None
    _, answer = await ask(source, Balance, KESTREL)
    assert answer.incomplete is not None
    assert "total receivable is EUR 500.10" in answer.incomplete


async def test_amounts_of_two_currencies_are_not_added(
    source: OdooConnector, vendor: FakeOdoo
) -> None:
    vendor.tables["account.move.line"][1] |= {
        "currency_id": USD, "amount_currency": 220.0, "amount_residual_currency": 220.0,
    }  # fmt: skip
    owed = await facts_of(source, Balance, KESTREL)
    assert (owed.currency, owed.balance) == ("EUR", Decimal("300.10"))
    assert [(o.currency, o.balance) for o in owed.other_currencies] == [("USD", Decimal(220))]


@pytest.mark.parametrize(
    ("now", "overdue"),
    [(datetime(2026, 12, 1, 22, 59, tzinfo=UTC), "356.10"),
     (datetime(2026, 12, 1, 23, 0, tzinfo=UTC), "556.10")],
)  # fmt: skip
async def test_an_invoice_is_overdue_from_the_midnight_of_the_users_time_zone(
    web: WebServer, now: datetime, overdue: str
) -> None:
    # INV/2026/0002 is due on 1 December; 23:00 UTC is midnight in Berlin.
    source = connector(web, now)
    owed = await facts_of(source, Balance, KESTREL)
    await source.aclose()
    assert owed.overdue_amount == Decimal(overdue)


async def test_a_limit_leaves_what_is_neither_owed_nor_ordered(books: OdooConnector) -> None:
    terms = await facts_of(books, CreditTerms, KESTREL)
    # 9,000 - 500.10 owed - 120.50 ordered and not invoiced
    assert (terms.credit_limit, terms.credit_used) == (Decimal(9000), Decimal("620.60"))
    assert terms.credit_available == Decimal("8379.40")
    assert terms.exposure_includes_orders is True
    assert (terms.payment_terms, terms.days_until_due) == ("30 Days", 30)
    assert (terms.on_hold, terms.risk_rating) == (False, "normal")


async def test_a_limit_of_nought_is_no_limit_and_a_warning_may_block(
    source: OdooConnector, vendor: FakeOdoo
) -> None:
    kestrel = vendor.tables["res.partner"][0]
    kestrel |= {"credit_limit": 0.0, "sale_warn": "block", "sale_warn_msg": "Ask Olive first"}
    terms = await facts_of(source, CreditTerms, KESTREL)
    assert (terms.credit_limit, terms.credit_used) == (None, Decimal("620.60"))
    assert (terms.on_hold, terms.hold_reason) == (True, "Ask Olive first")


async def test_orders_of_all_its_contacts_are_of_the_companys_day(books: OdooConnector) -> None:
    bought = await facts_of(books, Purchases, KESTREL)
    assert [(o.order_number, o.order_date) for o in bought.orders] == [
        ("S00002", date(2026, 11, 1)),
        ("S00001", date(2026, 7, 1)),
    ]
    assert (bought.order_count, bought.lifetime_amount) == (2, Decimal("620.60"))
    assert bought.orders[0].status == "pending, to invoice"
    spade, fork = bought.orders[1].line_items
    assert (spade.sku, spade.name, spade.total_amount) == ("SP-1", "Spade", Decimal("60.5"))
    assert (fork.sku, fork.name, fork.quantity) == (None, "Fork", Decimal(1))


async def test_a_customer_with_too_many_orders_gets_the_newest_and_no_false_total(
    web: WebServer,
) -> None:
    source = connector(web, row_limit=1)
    bought, answer = await ask(source, Purchases, KESTREL)
    await source.aclose()
    assert [o.order_number for o in bought.orders] == ["S00002"]
    assert bought.lifetime_amount is None
    assert answer.incomplete is not None


async def test_tickets_are_of_the_helpdesk(books: OdooConnector) -> None:
    facts = await facts_of(books, Tickets, KESTREL)
    ticket = facts.tickets[0]
    assert (ticket.number, ticket.status, ticket.priority) == ("00081", "In progress", "high")


async def test_contacts_have_their_company_and_its_tax_number_only_once(
    books: OdooConnector,
) -> None:
    rows = [i for i in await everything(books.contacts(None)) if isinstance(i, ContactRow)]
    kestrel, ada, abe, address = rows
    assert [p.raw for p in kestrel.phone_numbers] == ["020 7946 0958"]
    assert (kestrel.external_id, kestrel.tax_number) == ("C-100", "GB123456789")
    assert (kestrel.tags, kestrel.owner and kestrel.owner.name) == (("Gold",), "Olive Owner")
    assert kestrel.postal_address is not None
    assert kestrel.postal_address.endswith("London SW1A 1AA, United Kingdom")
    assert (ada.display_name, ada.company_name) == ("Ada Kestrel", "Kestrel Garden")
    assert ([(p.raw, p.type) for p in ada.phone_numbers], ada.tax_number) == (
        [("+44 (0)7700 900123", "mobile")], None,
    )  # fmt: skip
    assert (abe.region, abe.language) == ("US", "en")
    assert address.display_name == "Kestrel Garden"


async def test_a_read_that_broke_off_goes_on_and_later_brings_changes_only(
    source: OdooConnector, vendor: FakeOdoo
) -> None:
    marks = [i for i in await everything(source.contacts(None)) if isinstance(i, Checkpoint)]
    assert marks == [
        Checkpoint("2026-11-22T08:55:00Z 16", 4),
        Checkpoint("2026-11-22T08:55:00Z", 4),
    ]
    rest = await everything(source.contacts("2026-11-22T08:55:00Z 13"))
    assert [i.remote_id for i in rest if isinstance(i, ContactRow)] == ["14", "16"]
    changed = await everything(source.contacts("2026-11-10T00:00:00Z"))
    assert [i.remote_id for i in changed if isinstance(i, ContactRow)] == ["13"]
    assert Tombstone("15") in changed
    with pytest.raises(SourceError, match="read everything again"):
        await everything(source.contacts("yesterday"))


async def test_more_contacts_than_a_page_are_all_read_once(
    source: OdooConnector, vendor: FakeOdoo
) -> None:
    vendor.tables["res.partner"] = [partner(n, f"C{n}") for n in range(1, 1204)]
    rows = [i for i in await everything(source.contacts(None)) if isinstance(i, ContactRow)]
    assert len({row.remote_id for row in rows}) == len(rows) == 1203


@pytest.mark.parametrize("module", [True, False])
async def test_the_same_digits_in_another_country_are_not_found(
    web: WebServer, vendor: FakeOdoo, module: bool
) -> None:
    vendor.hidden = set() if module else {"phone_mobile_search"}
    source = connector(web)
    for e164, ids in (("+442079460958", ["12"]), ("+12079460958", ["14"]),
                      ("+447700900123", ["13"]), ("+442079460000", [])):  # fmt: skip
        assert [c.remote_id for c in await source.find(Number("x", e164))] == ids
    assert await source.find(Number("x", "+44' OR 1=1")) == []
    await source.aclose()


async def test_odoo_19_has_no_mobile_field(source: OdooConnector, vendor: FakeOdoo) -> None:
    vendor.hidden = {"mobile", "sale_warn", "sale_warn_msg", "is_storable"}
    assert (await source.check()).status == CheckStatus.OK
    rows = [i for i in await everything(source.contacts(None)) if isinstance(i, ContactRow)]
    assert rows[1].phone_numbers == ()
    terms = await facts_of(source, CreditTerms, KESTREL)
    assert terms.on_hold is None


async def test_the_history_names_the_company_and_what_was_cancelled(
    books: OdooConnector,
) -> None:
    items = await everything(books.purchases(None))
    bought = {i.order.order_number: i for i in items if isinstance(i, Purchase)}
    assert {number: b.remote_id for number, b in bought.items()} == {
        "S00001": "12", "S00002": "12", "S00009": "14",
    }  # fmt: skip
    assert [i.quantity for i in bought["S00002"].order.line_items] == [Decimal("1.5")]
    later = await everything(books.purchases("2026-10-15T00:00:00Z"))
    assert [i.order.order_number for i in later if isinstance(i, Purchase)] == ["S00002"]
    assert Tombstone("S00004") in later
    assert isinstance(later[-1], Checkpoint)


async def test_stock_that_is_not_counted_is_unknown(source: OdooConnector) -> None:
    spade, fork = [i for i in await everything(source.catalogue(None)) if isinstance(i, Item)]
    assert (spade.sku, spade.name, spade.inventory_quantity) == ("SP-1", "Spade", Decimal(4))
    assert (fork.unit_price, fork.currency, fork.inventory_quantity) == (Decimal(60), "EUR", None)
