"""Business Central: the ledger in the local currency, open invoices, limits, blocks, next links."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.business_central import BusinessCentralConfig, BusinessCentralConnector
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
    Number,
    Purchase,
    Purchases,
    RejectedRow,
    SourceError,
    Tombstone,
)
from tests.connectors.asking import ask, checked, everything, facts_of
from tests.connectors.fakes.business_central import (
    COMPANY,
    TENANT,
    BusinessCentral,
    error,
    fill,
    guid,
)
from tests.connectors.fakes.tokens import CLIENT_ID, CLIENT_SECRET
from tests.connectors.web import reply, web_server

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KESTREL, OWL, UNKNOWN = (CustomerRef(guid(n)) for n in (1, 2, 9))


def connector(
    central: BusinessCentral, now: datetime = NOW, **settings: Any
) -> BusinessCentralConnector:
    given = {
        "tenant_id": TENANT,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "base_url": central.web.url,
        "login_url": central.web.url,
        "allow_private_network": True,
        "page_size": 2,
        **settings,
    }
    config = BusinessCentralConfig.model_validate(given)
    return BusinessCentralConnector(config, Context("erp", "GB", Path(), lambda: now))


@pytest.fixture
async def central() -> AsyncIterator[BusinessCentral]:
    async with web_server() as web:
        fake = BusinessCentral(web)
        fill(fake)
        yield fake


@pytest.fixture
async def source(central: BusinessCentral) -> AsyncIterator[BusinessCentralConnector]:
    made = connector(central)
    yield made
    await made.aclose()


class TestContract(ConnectorContract):
    known = KESTREL
    unknown = UNKNOWN
    secrets: ClassVar = (CLIENT_SECRET, "access-1")

    @pytest.fixture
    def working(self, central: BusinessCentral) -> BusinessCentralConnector:
        return connector(central)

    @pytest.fixture
    def broken(self, central: BusinessCentral) -> BusinessCentralConnector:
        central.fault = reply(b"Service unavailable", 503, "text/html")
        return connector(central)


async def test_the_ledgers_balance_is_explained_by_the_invoices_that_the_customer_pays(
    source: BusinessCentralConnector,
) -> None:
    owed, found = await ask(source, Balance, KESTREL)
    # 356.10 + 200.00 + 46.00 open = 602.10 in the ledger at 546.10: 56.00 of credit.
    assert owed.balance == Decimal("546.10")
    assert owed.unapplied_credit == Decimal("56.00")
    # Due on 12 October and on 21 November; the ledger's own 346.10 has the credit in it.
    assert owed.overdue_amount == Decimal("402.10")
    assert owed.oldest_due_date == date(2026, 10, 12)
    assert owed.aging is not None
    assert (owed.aging.days_1_30, owed.aging.days_31_60) == (Decimal(46), Decimal("356.10"))
    assert [i.number for i in owed.open_invoices] == ["PS-INV1", "PS-INV3", "PS-INV2"]
    assert found.incomplete is None
    assert found.remote_url == (
        f"https://businesscentral.dynamics.com/{TENANT}/Production/"
        "?company=Meadow%20Ltd&page=21&filter=%27No.%27%20IS%20%27C00001%27"
    )


async def test_what_is_on_no_invoice_takes_the_ledgers_word_for_what_is_overdue(
    source: BusinessCentralConnector,
) -> None:
    owed, found = await ask(source, Balance, CustomerRef(guid(3)))
    assert (owed.balance, owed.overdue_amount) == (Decimal(120), Decimal(20))
    assert str(found.incomplete).startswith("GBP 120.00 of the balance is on no open invoice")


async def test_invoices_in_a_foreign_currency_are_not_added_to_the_local_ledger(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    central.tables["salesInvoices"][1]["currencyCode"] = "USD"
    owed, found = await ask(source, Balance, KESTREL)
    assert (owed.currency, owed.balance) == ("GBP", Decimal("546.10"))
    assert owed.overdue_amount == Decimal("346.10")
    assert owed.unapplied_credit is None
    assert [i.number for i in owed.open_invoices] == ["PS-INV1", "PS-INV3"]
    assert "other currencies" in str(found.incomplete)


@pytest.mark.parametrize(
    ("now", "overdue"),
    [
        (datetime(2026, 11, 21, 22, 59, tzinfo=UTC), "356.10"),
        (datetime(2026, 11, 21, 23, 0, tzinfo=UTC), "402.10"),
    ],
)
async def test_an_invoice_is_overdue_from_the_companys_midnight(
    central: BusinessCentral, now: datetime, overdue: str
) -> None:
    # 23:00 UTC is midnight in Copenhagen in November.
    source = connector(central, now, time_zone="Europe/Copenhagen")
    owed = await facts_of(source, Balance, KESTREL)
    await source.aclose()
    assert owed.overdue_amount == Decimal(overdue)


async def test_a_limit_of_zero_is_no_limit_and_a_block_is_a_hold(
    source: BusinessCentralConnector,
) -> None:
    terms = await facts_of(source, CreditTerms, KESTREL)
    assert terms == CreditTerms(
        currency="GBP", credit_limit=Decimal(2000), credit_used=Decimal("546.10"),
        credit_available=Decimal("1453.90"), exposure_includes_orders=False,
        payment_terms="Net 30 days", days_until_due=30, on_hold=False,
    )  # fmt: skip
    terms = await facts_of(source, CreditTerms, OWL)
    assert (terms.credit_limit, terms.credit_available) == (None, None)
    assert (terms.on_hold, terms.hold_reason) == (True, "blocked: Ship")
    # The end of the month is no number of days.
    assert (terms.payment_terms, terms.days_until_due) == ("Month end", None)
    # Robin's blank is written as _x0020_.
    terms = await facts_of(source, CreditTerms, CustomerRef(guid(3)))
    assert terms.on_hold is False


async def test_open_orders_are_listed_but_counted_only_when_invoiced(
    source: BusinessCentralConnector,
) -> None:
    bought = await facts_of(source, Purchases, KESTREL)
    assert [(o.order_number, o.status) for o in bought.orders] == [
        ("SO-1", "order open"),
        ("PS-INV3", "open"),
        ("PS-INV1", "open"),
        ("PS-INV4", "paid"),
    ]
    assert (bought.order_count, bought.lifetime_amount) == (3, Decimal("582.10"))
    lines = [(i.sku, i.quantity, i.total_amount) for i in bought.orders[2].line_items]
    assert lines == [
        ("SP-1", Decimal(3), Decimal("300.00")),
        ("FK-1", Decimal("1.5"), Decimal("156.10")),
    ]


async def test_orders_alone_say_nothing_on_what_was_bought(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    central.tables["salesInvoices"] = []
    bought = await facts_of(source, Purchases, KESTREL)
    assert [o.order_number for o in bought.orders] == ["SO-1"]
    assert (bought.order_count, bought.lifetime_amount) == (None, None)


async def test_contacts_are_read_page_by_page_over_next_links(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    kestrel, owl, robin, end = await everything(source.contacts(None))
    assert isinstance(kestrel, ContactRow)
    assert [p.raw for p in kestrel.phone_numbers] == ["020 7946 0958"]
    assert (kestrel.external_id, kestrel.tax_number) == ("C00001", "GB123456789")
    assert str(kestrel.remote_url).endswith("filter=%27No.%27%20IS%20%27C00001%27")
    assert isinstance(owl, ContactRow)
    assert isinstance(robin, ContactRow)
    assert end == Checkpoint("2026-11-22T08:55:00Z")
    assert "skiptoken" in central.web.requests[-1].target


async def test_changed_contacts_are_asked_for_by_time(source: BusinessCentralConnector) -> None:
    owl, _ = await everything(source.contacts("2026-11-21T00:00:00Z"))
    assert isinstance(owl, ContactRow)
    assert owl.remote_id == guid(2)


async def test_a_number_is_searched_as_it_may_have_been_typed(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    number = Number("x", "+442079460958", "020 7946 0958", "+44 20 7946 0958")
    assert [c.display_name for c in await source.find(number)] == ["Kestrel Garden"]
    await source.find(Number("x", "+44' or true or '", "020 7946 0958", "'"))
    assert "true" not in central.filters[-1]


async def test_the_history_has_credit_memos_negative_and_cancelled_invoices_gone(
    source: BusinessCentralConnector,
) -> None:
    items = await everything(source.purchases(None))
    bought = {i.order.order_number: i.order for i in items if isinstance(i, Purchase)}
    assert set(bought) == {guid(101), guid(102), guid(103), guid(104), guid(201)}
    assert bought[guid(201)].total_amount == Decimal(-56)
    assert bought[guid(201)].line_items[0].quantity == Decimal("-0.5")
    gone = {i for i in items if isinstance(i, Tombstone)}
    assert gone == {Tombstone(guid(106)), Tombstone(guid(202))}
    changed = await everything(source.purchases("2026-11-21T00:00:00Z"))
    assert len(changed) == 4


async def test_the_catalogue_counts_stock_of_inventory_only(
    source: BusinessCentralConnector,
) -> None:
    spade, digging, _ = await everything(source.catalogue(None))
    assert spade == Item(
        item_id=guid(70), sku="SP-1", name="Spade", category="TOOLS", unit_price=Decimal("19.99"),
        currency="GBP", inventory_quantity=Decimal(4),
    )  # fmt: skip
    assert isinstance(digging, Item)
    assert (digging.inventory_quantity, digging.is_active) == (None, False)


async def test_an_ended_token_is_renewed_once(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    await ask(source, Balance, KESTREL)
    central.tokens.expire()
    owed = await facts_of(source, Balance, KESTREL)
    assert owed.balance == Decimal("546.10")
    assert central.tokens.given == 2


async def test_one_of_several_companies_has_to_be_named(central: BusinessCentral) -> None:
    central.companies.append({"id": guid(77), "name": "Hedge Ltd"})
    result = await checked(connector(central))
    assert result.status == CheckStatus.BAD_CONFIG
    assert "2 of the companies fit" in result.text
    for name in ("meadow ltd", COMPANY):
        result = await checked(connector(central, company=name))
        assert result.status == CheckStatus.OK
        assert result.proved[0] == "company: Meadow Ltd, GBP"


async def test_a_wrong_company_and_a_wrong_environment_are_said(central: BusinessCentral) -> None:
    result = await checked(connector(central, company="Thicket"))
    assert result.text == "company: none of the companies fit: give its name in `company`"
    result = await checked(connector(central, environment="Sandbox"))
    assert result.status == CheckStatus.BAD_CONFIG
    assert "`environment`" in result.text


async def test_a_wrong_secret_is_said(central: BusinessCentral) -> None:
    result = await checked(connector(central, client_secret="no"))
    assert result.status != CheckStatus.OK
    assert "client id and secret" in result.text


async def test_an_application_that_the_company_does_not_know_is_said(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    central.fault = error(401, "Authentication_InvalidCredentials")
    result = await source.check()
    assert result.status == CheckStatus.INVALID_AUTH
    assert "Microsoft Entra" in result.text


async def test_the_permission_that_is_missing_is_named(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    central.denied = "salesOrders"
    result = await source.check()
    assert result.status == CheckStatus.MISSING_PERMISSION
    assert result.text.startswith("salesOrders: ")
    assert "permission set" in result.text


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (error(404, "Internal_CompanyNotFound"), "bad_config", "`company`"),
        (error(400, "BadRequest"), "bad_config", "HTTP 400"),
        (error(504, "Unknown"), "cannot_connect", "fault of its own"),
        (reply({"companies": []}), "bad_config", "`value`"),
        (reply({"value": [1]}), "bad_config", "`value`"),
        (reply(b"<html>", 200, "text/html"), "bad_config", "web page"),
    ],
)
async def test_the_connection_test_says_in_words_what_is_wrong(
    central: BusinessCentral,
    source: BusinessCentralConnector,
    answer: bytes,
    status: str,
    words: str,
) -> None:
    central.fault = answer
    result = await source.check()
    assert result.status == status
    assert words in result.text
    assert "raw words" not in result.text


async def test_throttling_carries_its_wait(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    central.fault = reply({"error": {"code": "Unknown", "message": "…"}}, 429, Retry_After="12")
    with pytest.raises(SourceError) as caught:
        await source.fetch("balance", KESTREL)
    assert (caught.value.kind, caught.value.retry_after_s) == (ErrorKind.RATE_LIMITED, 12)


async def test_a_balance_that_is_missing_is_no_zero(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    del central.tables["customers"][0]["customerFinancialDetail"]["balance"]
    with pytest.raises(SourceError, match="`balance` of financial detail"):
        await source.fetch("balance", KESTREL)
    del central.tables["customers"][0]["customerFinancialDetail"]
    with pytest.raises(SourceError, match="`customerFinancialDetail`"):
        await source.fetch("balance", KESTREL)


async def test_a_changed_customer_is_rejected_by_name(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    central.tables["customers"][0]["displayName"] = {"en": "Kestrel"}
    rejected = [i async for i in source.contacts(None) if isinstance(i, RejectedRow)]
    assert [r.where for r in rejected] == ["customer 1"]
    assert "`display_name`" in rejected[0].why


async def test_an_id_that_is_no_guid_never_gets_into_an_address(
    central: BusinessCentral, source: BusinessCentralConnector
) -> None:
    for hostile in (f"{guid(1)})/../items", "..", "", "1"):
        assert isinstance(await source.fetch("balance", CustomerRef(hostile)), Empty)
    assert central.web.requests == []
