"""QuickBooks Online: balances worked out by hand, jobs, faults, the company's day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.quickbooks import QuickBooksConfig, QuickBooksConnector
from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckStatus,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Empty,
    ErrorKind,
    Item,
    Purchase,
    Purchases,
    RejectedRow,
    SourceError,
    Tombstone,
)
from tests.connectors.asking import ask, checked, everything, facts_of
from tests.connectors.fakes.quickbooks import REALM, QuickBooks, fault, fill, ref
from tests.connectors.fakes.tokens import CLIENT_ID, CLIENT_SECRET
from tests.connectors.grants import MemoryGrants
from tests.connectors.web import DOWN, reply, web_server

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KESTREL, KITCHEN, BARN, OWL = (CustomerRef(i) for i in ("12", "13", "14", "20"))
UNKNOWN = CustomerRef("999")


def connector(
    books: QuickBooks, now: datetime = NOW, realm: str = REALM, **settings: Any
) -> QuickBooksConnector:
    given = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "base_url": books.web.url,
        "token_url": f"{books.web.url}/oauth2/v1/tokens/bearer",
        "allow_private_network": True,
        "page_size": 2,
        **settings,
    }
    grants = MemoryGrants(books.tokens.grant(realmId=realm) if realm else None)
    config = QuickBooksConfig.model_validate(given)
    return QuickBooksConnector(config, Context("books", "GB", Path(), lambda: now, grants))


@pytest.fixture
async def books() -> AsyncIterator[QuickBooks]:
    async with web_server() as web:
        fake = QuickBooks(web)
        fill(fake)
        yield fake


@pytest.fixture
async def source(books: QuickBooks) -> AsyncIterator[QuickBooksConnector]:
    made = connector(books)
    yield made
    await made.aclose()


class TestContract(ConnectorContract):
    known = KESTREL
    unknown = UNKNOWN
    secrets: ClassVar = (CLIENT_SECRET, "access-0", "refresh-0")

    @pytest.fixture
    def working(self, books: QuickBooks) -> QuickBooksConnector:
        return connector(books)

    @pytest.fixture
    def broken(self, books: QuickBooks) -> QuickBooksConnector:
        books.fault = DOWN
        return connector(books)


async def test_a_parent_owes_what_it_and_its_jobs_owe_counted_once(
    source: QuickBooksConnector,
) -> None:
    owed, found = await ask(source, Balance, KESTREL)
    # 356.10 + 200.00 + 46.00 open = 602.10; a credit memo of 56.00 leaves 546.10.
    assert owed.balance == Decimal("546.10")
    assert owed.unapplied_credit == Decimal("56.00")
    # Due on 12 October and on 21 November; the kitchen's on 1 December.
    assert owed.overdue_amount == Decimal("402.10")
    assert owed.oldest_due_date == date(2026, 10, 12)
    assert owed.aging is not None
    assert (owed.aging.current, owed.aging.days_1_30) == (Decimal(200), Decimal(46))
    assert owed.aging.days_31_60 == Decimal("356.10")
    assert [i.number for i in owed.open_invoices] == ["1001", "1003", "1002"]
    assert owed.currency == "GBP"
    assert [(p.total_amount, p.payment_method) for p in owed.payments] == [(Decimal(100), "Cheque")]
    assert found.remote_url == "https://app.qbo.intuit.com/app/customerdetail?nameId=12"
    assert found.incomplete is None


async def test_a_job_billed_with_its_parent_shows_the_parents_account_and_says_so(
    source: QuickBooksConnector,
) -> None:
    owed, found = await ask(source, Balance, KITCHEN)
    assert owed.balance == Decimal("546.10")
    assert found.incomplete == "billed with Kestrel Garden: this is its account"
    assert found.remote_url is not None
    assert found.remote_url.endswith("=12")


async def test_a_job_billed_on_its_own_shows_its_own_account(source: QuickBooksConnector) -> None:
    owed = await facts_of(source, Balance, BARN)
    assert (owed.balance, owed.overdue_amount) == (Decimal(46), Decimal(46))


async def test_what_is_on_no_invoice_has_no_due_date_and_is_said(
    books: QuickBooks, source: QuickBooksConnector
) -> None:
    books.tables["Customer"][3]["BalanceWithJobs"] = "=75.50"
    owed, found = await ask(source, Balance, OWL)
    assert owed.balance == Decimal("75.50")
    assert owed.overdue_amount is None
    assert found.incomplete is not None
    assert found.incomplete.startswith("GBP 75.50 of the balance is on no open invoice")


async def test_nothing_owed_is_a_zero_and_not_unknown(source: QuickBooksConnector) -> None:
    owed = await facts_of(source, Balance, OWL)
    assert (owed.balance, owed.overdue_amount) == (Decimal(0), Decimal(0))
    assert owed.open_invoice_count == 0


@pytest.mark.parametrize(
    ("now", "overdue"),
    [
        (datetime(2026, 11, 22, 7, 59, tzinfo=UTC), 0),
        (datetime(2026, 11, 22, 8, 0, tzinfo=UTC), 46),
    ],
)
async def test_an_invoice_is_overdue_from_the_companys_midnight(
    books: QuickBooks, now: datetime, overdue: int
) -> None:
    # 08:00 UTC is midnight in Los Angeles: the barn's invoice was due on the 21st.
    source = connector(books, now, time_zone="America/Los_Angeles")
    owed = await facts_of(source, Balance, BARN)
    await source.aclose()
    assert owed.overdue_amount == overdue


async def test_jobs_in_another_currency_are_not_added_up(
    books: QuickBooks, source: QuickBooksConnector
) -> None:
    books.tables["Invoice"][2]["CurrencyRef"] = ref("USD")
    owed, found = await ask(source, Balance, KESTREL)
    assert owed.balance == Decimal("546.10")
    assert owed.overdue_amount is None
    assert owed.unapplied_credit is None
    assert "other currencies" in str(found.incomplete)


async def test_terms_have_days_and_no_invented_credit_limit(source: QuickBooksConnector) -> None:
    terms = await facts_of(source, CreditTerms, KESTREL)
    assert terms == CreditTerms(payment_terms="Net 30", days_until_due=30, currency="GBP")
    assert isinstance(await source.fetch("credit_terms", OWL), Empty)


async def test_purchases_are_invoices_and_receipts_of_the_customer_and_its_jobs(
    source: QuickBooksConnector,
) -> None:
    bought = await facts_of(source, Purchases, KESTREL)
    numbers = [o.order_number for o in bought.orders]
    assert numbers == ["1002", "1003", "1001", "SalesReceipt-110", "1000"]
    # 456.10 + 200 + 46 + 80 + 19.90
    assert bought.lifetime_amount == Decimal("802.00")
    assert [(i.name, i.quantity, i.total_amount) for i in bought.orders[2].line_items] == [
        ("Spade", 3, Decimal("300.00")),
        ("Fork", Decimal("1.5"), Decimal("156.10")),
    ]
    assert [i.name for i in bought.orders[3].line_items] == ["Spade"]
    assert [o.status for o in bought.orders[2:]] == ["open", "paid", "paid"]


async def test_a_customer_with_too_many_orders_gets_the_newest_and_no_false_total(
    books: QuickBooks,
) -> None:
    source = connector(books, row_limit=2)
    bought, found = await ask(source, Purchases, KESTREL)
    await source.aclose()
    assert bought.orders[0].order_number == "1002"
    assert bought.lifetime_amount is None
    assert found.incomplete is not None


async def test_contacts_have_every_number_but_the_fax(source: QuickBooksConnector) -> None:
    kestrel, kitchen, *_, end = await everything(source.contacts(None))
    assert isinstance(kestrel, ContactRow)
    assert [(p.raw, p.type) for p in kestrel.phone_numbers] == [
        ("(020) 7946 0958 x12", None),
        ("+44 1632 960001", None),
        ("07700 900123", "mobile"),
    ]
    assert kestrel.email_addresses == ("a@kestrel.example", "b@kestrel.example")
    # The tax number comes masked, and would link strangers.
    assert kestrel.tax_number is None
    assert isinstance(kitchen, ContactRow)
    assert kitchen.display_name == "Kestrel Garden:Kitchen"
    assert end == Checkpoint("2026-11-22T08:55:00Z")


async def test_changed_contacts_come_with_those_made_inactive(source: QuickBooksConnector) -> None:
    barn, gone, end = await everything(source.contacts("2026-11-20T00:00:00Z"))
    assert isinstance(barn, ContactRow)
    assert barn.remote_id == "14"
    assert gone == Tombstone("21")
    assert isinstance(end, Checkpoint)


async def test_the_history_has_returns_with_negative_quantities(
    source: QuickBooksConnector,
) -> None:
    items = await everything(source.purchases(None))
    orders = {i.order.order_number: i for i in items if isinstance(i, Purchase)}
    assert set(orders) == {f"Invoice-{n}" for n in (100, 101, 102, 103)} | {
        "SalesReceipt-110",
        "CreditMemo-120",
    }
    memo = orders["CreditMemo-120"]
    assert (memo.remote_id, memo.order.total_amount) == ("12", Decimal("-56.00"))
    assert memo.order.line_items[0].quantity == Decimal("-0.5")
    assert memo.order.line_items[0].unit_price == 112


async def test_the_changed_history_names_what_was_deleted(
    books: QuickBooks, source: QuickBooksConnector
) -> None:
    books.deleted = {"Invoice": ["77"], "CreditMemo": ["78"]}
    items = await everything(source.purchases("2026-11-20T00:00:00Z"))
    assert items[:2] == [Tombstone("Invoice-77"), Tombstone("CreditMemo-78")]
    assert [i.order.order_number for i in items if isinstance(i, Purchase)] == ["Invoice-103"]


async def test_the_catalogue_counts_stock_only_where_it_is_counted(books: QuickBooks) -> None:
    source = connector(books, currency="GBP")
    spade, digging, _ = await everything(source.catalogue(None))
    await source.aclose()
    assert spade == Item(
        item_id="7", sku="SP-1", name="Spade", category="Tools", unit_price=Decimal("19.99"),
        currency="GBP", inventory_quantity=Decimal(4),
    )  # fmt: skip
    assert isinstance(digging, Item)
    assert (digging.inventory_quantity, digging.is_active) == (None, False)


async def test_an_ended_token_is_renewed_and_kept_before_it_is_used(books: QuickBooks) -> None:
    source = connector(books)
    books.tokens.expire()
    owed = await facts_of(source, Balance, KESTREL)
    await source.aclose()
    assert owed.balance == Decimal("546.10")
    grants = source.context.grants
    assert isinstance(grants, MemoryGrants)
    assert [g.refresh_token for g in grants.written] == ["refresh-1"]
    assert grants.written[0].extra == {"realmId": REALM}


async def test_an_id_that_is_no_number_never_gets_into_a_query(
    books: QuickBooks, source: QuickBooksConnector
) -> None:
    for hostile in ("12' or Id > '0", "", "١٢", "12 "):
        assert isinstance(await source.fetch("balance", CustomerRef(hostile)), Empty)
    assert books.queries == []


async def test_a_name_with_a_quote_is_escaped(
    books: QuickBooks, source: QuickBooksConnector
) -> None:
    await source.fetch("purchases", OWL)
    assert any(r"like 'Owl\'s Nest:%'" in query for query in books.queries)


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (fault(403, "3100", "AUTHORIZATION", small=True), "missing_permission", "admin of the"),
        (fault(400, "6190", "ValidationFault"), "missing_permission", "subscription"),
        (fault(200, "5020", "ValidationFault"), "missing_permission", "plan"),
        (fault(400, "4001", "ValidationFault"), "bad_config", "error 4001"),
        (fault(429, "003001", "THROTTLE", small=True), "cannot_connect", "requests_per_minute"),
        (fault(500, "10000", "SystemFault"), "cannot_connect", "fault of its own"),
        (reply({"time": "2026-11-22T01:00:00-08:00"}), "bad_config", "QueryResponse"),
        (reply([1, 2]), "bad_config", "QueryResponse"),
        (reply({"QueryResponse": {"CompanyInfo": {"Id": 1}}, "time": "x"}), "bad_config",
         "CompanyInfo"),
        (reply(b"<html>", 200, "text/html"), "bad_config", "web page"),
    ],
)  # fmt: skip
async def test_the_connection_test_says_in_words_what_is_wrong(
    books: QuickBooks, source: QuickBooksConnector, answer: bytes, status: str, words: str
) -> None:
    books.fault = answer
    result = await source.check()
    assert result.status == status
    assert words in result.text
    assert "raw words" not in result.text


async def test_the_wrong_company_is_to_be_connected_again(books: QuickBooks) -> None:
    result = await checked(connector(books, realm="other"))
    assert result.status == CheckStatus.MISSING_PERMISSION
    assert "connect again" in result.text


async def test_nobody_connected_yet_is_said(books: QuickBooks) -> None:
    result = await checked(connector(books, realm=""))
    assert result.status == CheckStatus.INVALID_AUTH
    assert "connect it" in result.text


async def test_wrong_credentials_are_told_apart_from_a_withdrawn_grant(books: QuickBooks) -> None:
    books.tokens.expire()
    result = await checked(connector(books, client_secret="no"))
    assert "client id and secret" in result.text
    books.tokens.refresh_token = None
    result = await checked(connector(books))
    assert result.status == CheckStatus.INVALID_AUTH
    assert "connect books again" in result.text


async def test_throttling_carries_the_minute_that_intuit_asks_for(
    books: QuickBooks, source: QuickBooksConnector
) -> None:
    books.fault = fault(429, "3001", "THROTTLE")
    with pytest.raises(SourceError) as caught:
        await source.fetch("balance", KESTREL)
    assert caught.value.kind == ErrorKind.RATE_LIMITED
    assert caught.value.retry_after_s == 60


async def test_a_changed_field_rejects_the_record_and_names_it(
    books: QuickBooks, source: QuickBooksConnector
) -> None:
    books.tables["Customer"][0]["PrimaryPhone"] = "020 7946 0958"
    del books.tables["Customer"][1]["FullyQualifiedName"]
    rejected = [i async for i in source.contacts(None) if isinstance(i, RejectedRow)]
    assert rejected == [
        RejectedRow("customer 1", "field `PrimaryPhone` is no object"),
        RejectedRow("customer 2", "column `display_name` of customer 2 is empty"),
    ]


async def test_a_balance_of_another_type_is_no_balance(
    books: QuickBooks, source: QuickBooksConnector
) -> None:
    books.tables["Customer"][0]["BalanceWithJobs"] = {"amount": 3}
    with pytest.raises(SourceError, match="BalanceWithJobs"):
        await source.fetch("balance", KESTREL)
