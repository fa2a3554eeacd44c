"""Xero: balances worked out by hand, numbers in three parts, /Date(ms)/, tenants, limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

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
from connectors.xero import XeroConfig, XeroConnector
from tests.connectors.asking import ask, checked, everything, facts_of
from tests.connectors.fakes.tokens import CLIENT_ID, CLIENT_SECRET
from tests.connectors.fakes.xero import (
    TENANT,
    Xero,
    contact,
    credit,
    guid,
    invoice,
    line,
    ms,
    phone,
    problem,
    throttled,
)
from tests.connectors.grants import MemoryGrants
from tests.connectors.web import reply, web_server

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KESTREL, OWL, UNKNOWN = (CustomerRef(guid(n)) for n in (1, 2, 9))
CHANGED = "2026-11-21T12:00:00"


def fill(xero: Xero) -> None:
    terms = {"Sales": {"Day": 14, "Type": "DAYSAFTERBILLDATE"}}
    xero.tables = {
        "Organisations": [{"Name": "Meadow Ltd", "BaseCurrency": "GBP", "ShortCode": "!23eYt"}],
        "Contacts": [
            contact(1, "Kestrel Garden", PaymentTerms=terms, TaxNumber="GB123456789",
                    ContactNumber="C-100", EmailAddress="a@kestrel.example",
                    Phones=[phone("DDI", "7946 0958", "020", "44"),
                            phone("DEFAULT", "960001", "01632"),
                            phone("FAX", "7946 0000", "020", "44"),
                            phone("MOBILE", "+44 7700 900123", "0", "44")]),
            contact(2, "Owl Ltd", CHANGED, IsSupplier=True,
                    PaymentTerms={"Sales": {"Day": 20, "Type": "OFFOLLOWINGMONTH"}}),
            contact(3, "Gone Ltd", CHANGED, ContactStatus="ARCHIVED"),
            contact(4, "Robin", Phones=[phone("DEFAULT", "1", "", "0044")]),
        ],
        "Invoices": [
            invoice("INV-1", 1, "2026-09-01", "2026-09-15", "=456.10", "=356.10", LineItems=[
                line("SP-1", "Spade", "=3.0000", "=100.00", "=300.00"),
                line("FK-1", "Fork", "=1.5000", 104, "=156.10"),
                {"Description": "Thank you for your order", "LineItemID": guid(91)}]),
            invoice("INV-2", 1, "2026-11-01", "2026-12-01", 200, 200),
            invoice("INV-3", 1, "2026-11-07", "2026-11-21", "=46.00", "=46.00"),
            invoice("INV-4", 1, "2026-01-05", "2026-02-04", 80, 0, Status="PAID",
                    UpdatedDateUTC=ms(CHANGED)),
            invoice("INV-5", 1, "2026-11-05", "2026-12-04", 999, 999, Status="DRAFT"),
            invoice("INV-6", 1, "2026-11-05", "2026-12-04", 77, 0, Status="VOIDED",
                    UpdatedDateUTC=ms(CHANGED)),
            invoice("INV-7", 1, "2026-10-01", "2026-10-31", 500, 500, Type="ACCPAY"),
        ],
        "CreditNotes": [credit("CreditNote", "ACCRECCREDIT", 60, 1, "=30.00",
                               LineItems=[line("SP-1", "Spade", "=0.5", 60, 30)])],
        "Overpayments": [
            credit("Overpayment", "RECEIVE-OVERPAYMENT", 61, 1, "=20.00"),
            credit("Overpayment", "SPEND-OVERPAYMENT", 62, 1, 700),
        ],
        "Prepayments": [credit("Prepayment", "RECEIVE-PREPAYMENT", 63, 1, 6)],
        "Payments": [
            {"PaymentID": guid(80), "Date": ms("2026-10-15"), "Amount": 100, "Status": "AUTHORISED",
             "PaymentType": "ACCRECPAYMENT",
             "Invoice": {"CurrencyCode": "GBP", "Contact": {"ContactID": guid(1)}}},
            {"PaymentID": guid(81), "Date": ms("2026-10-16"), "Amount": 5, "Status": "DELETED",
             "PaymentType": "ACCRECPAYMENT",
             "Invoice": {"CurrencyCode": "GBP", "Contact": {"ContactID": guid(1)}}},
        ],
        "Items": [
            {"ItemID": guid(70), "Code": "SP-1", "Name": "Spade", "IsSold": True,
             "SalesDetails": {"UnitPrice": "=19.99"}, "IsTrackedAsInventory": True,
             "QuantityOnHand": "=4.0000"},
            {"ItemID": guid(71), "Code": "DIG", "IsSold": False, "IsTrackedAsInventory": False},
        ],
    }  # fmt: skip


def connector(xero: Xero, now: datetime = NOW, **settings: Any) -> XeroConnector:
    given = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "base_url": xero.web.url,
        "token_url": f"{xero.web.url}/connect/token",
        "allow_private_network": True,
        "page_size": 2,
        **settings,
    }
    grants = MemoryGrants(xero.tokens.grant())
    config = XeroConfig.model_validate(given)
    return XeroConnector(config, Context("books", "GB", Path(), lambda: now, grants))


@pytest.fixture
async def xero() -> AsyncIterator[Xero]:
    async with web_server() as web:
        fake = Xero(web)
        fill(fake)
        yield fake


@pytest.fixture
async def source(xero: Xero) -> AsyncIterator[XeroConnector]:
    made = connector(xero)
    yield made
    await made.aclose()


class TestContract(ConnectorContract):
    known = KESTREL
    unknown = UNKNOWN
    secrets: ClassVar = (CLIENT_SECRET, "access-0", "refresh-0")

    @pytest.fixture
    def working(self, xero: Xero) -> XeroConnector:
        return connector(xero)

    @pytest.fixture
    def broken(self, xero: Xero) -> XeroConnector:
        xero.fault = reply(b"The Organisation is offline", 503, "text/html")
        return connector(xero)


async def test_credits_of_all_three_kinds_reduce_what_is_owed(source: XeroConnector) -> None:
    owed, found = await ask(source, Balance, KESTREL)
    # 356.10 + 200.00 + 46.00 open; 30.00 credit note, 20.00 overpaid, 6.00 prepaid.
    assert owed.balance == Decimal("546.10")
    assert owed.unapplied_credit == Decimal("56.00")
    # Due on 15 September and on 21 November: credits are not netted.
    assert owed.overdue_amount == Decimal("402.10")
    assert owed.aging is not None
    assert (owed.aging.days_1_30, owed.aging.days_61_90) == (Decimal(46), Decimal("356.10"))
    assert [(i.number, i.due_date) for i in owed.open_invoices] == [
        ("INV-1", date(2026, 9, 15)),
        ("INV-3", date(2026, 11, 21)),
        ("INV-2", date(2026, 12, 1)),
    ]
    assert [p.total_amount for p in owed.payments] == [Decimal(100)]
    assert found.remote_url == f"https://go.xero.com/Contacts/View/{guid(1)}"


async def test_amounts_of_two_currencies_are_never_added(xero: Xero, source: XeroConnector) -> None:
    xero.tables["Invoices"][1]["CurrencyCode"] = "USD"
    owed = await facts_of(source, Balance, KESTREL)
    assert (owed.currency, owed.balance) == ("GBP", Decimal("346.10"))
    assert [(o.currency, o.balance) for o in owed.other_currencies] == [("USD", Decimal(200))]


@pytest.mark.parametrize(
    ("now", "overdue"),
    [
        (datetime(2026, 11, 21, 10, 59, tzinfo=UTC), "356.10"),
        (datetime(2026, 11, 21, 11, 0, tzinfo=UTC), "402.10"),
    ],
)
async def test_an_invoice_is_overdue_from_the_organisations_midnight(
    xero: Xero, now: datetime, overdue: str
) -> None:
    # 11:00 UTC is midnight in Auckland in November.
    source = connector(xero, now, time_zone="Pacific/Auckland")
    owed = await facts_of(source, Balance, KESTREL)
    await source.aclose()
    assert owed.overdue_amount == Decimal(overdue)


async def test_a_date_is_its_day_in_utc_whatever_offset_is_behind_it(
    xero: Xero, source: XeroConnector
) -> None:
    xero.tables["Invoices"][0]["DueDate"] = ms("2026-09-15", "+1300")
    owed = await facts_of(source, Balance, KESTREL)
    assert owed.oldest_due_date == date(2026, 9, 15)


async def test_terms_are_told_in_words_and_days_only_where_they_are_days(
    source: XeroConnector,
) -> None:
    terms = await facts_of(source, CreditTerms, KESTREL)
    assert terms == CreditTerms(payment_terms="14 days after the invoice date", days_until_due=14)
    terms = await facts_of(source, CreditTerms, OWL)
    assert terms == CreditTerms(payment_terms="on day 20 of the month after the invoice")
    assert isinstance(await source.fetch("credit_terms", CustomerRef(guid(4))), Empty)


async def test_purchases_are_sales_invoices_without_drafts(source: XeroConnector) -> None:
    bought = await facts_of(source, Purchases, KESTREL)
    assert [o.order_number for o in bought.orders] == ["INV-3", "INV-2", "INV-1", "INV-4"]
    assert bought.lifetime_amount == Decimal("782.10")
    lines = [(i.sku, i.quantity, i.total_amount) for i in bought.orders[2].line_items]
    assert lines == [
        ("SP-1", Decimal(3), Decimal("300.00")),
        ("FK-1", Decimal("1.5"), Decimal("156.10")),
    ]


async def test_a_number_is_joined_of_its_three_parts(source: XeroConnector) -> None:
    kestrel, owl, robin, end = await everything(source.contacts(None))
    assert isinstance(kestrel, ContactRow)
    assert [(p.raw, p.type) for p in kestrel.phone_numbers] == [
        ("+44 020 7946 0958", "work"),
        ("01632 960001", "main"),
        ("+44 7700 900123", "mobile"),
    ]
    assert (kestrel.external_id, kestrel.tax_number) == ("C-100", "GB123456789")
    assert isinstance(owl, ContactRow)
    assert owl.tags == ("Customer", "Supplier")
    assert owl.phone_numbers == ()
    assert isinstance(robin, ContactRow)
    assert robin.phone_numbers[0].raw == "0044 1"
    assert end == Checkpoint("2026-11-22T08:55:00Z")


async def test_changed_contacts_come_with_the_archived_ones(source: XeroConnector) -> None:
    owl, gone, _ = await everything(source.contacts("2026-11-21T00:00:00Z"))
    assert isinstance(owl, ContactRow)
    assert gone == Tombstone(guid(3))


async def test_the_history_has_credit_notes_negative_and_voided_invoices_gone(
    source: XeroConnector,
) -> None:
    items = await everything(source.purchases(None))
    bought = {i.order.order_number: i.order for i in items if isinstance(i, Purchase)}
    assert set(bought) == {guid(1001), guid(1002), guid(1003), guid(1004), guid(60)}
    assert bought[guid(60)].total_amount == Decimal("-30.00")
    assert bought[guid(60)].line_items[0].quantity == Decimal("-0.5")
    changed = await everything(source.purchases("2026-11-21T00:00:00Z"))
    assert Tombstone(guid(1006)) in changed
    assert len(changed) == 3


async def test_the_catalogue_has_prices_in_the_base_currency(source: XeroConnector) -> None:
    spade, digging, end = await everything(source.catalogue(None))
    assert spade == Item(
        item_id=guid(70), sku="SP-1", name="Spade", unit_price=Decimal("19.99"), currency="GBP",
        inventory_quantity=Decimal("4.0000"),
    )  # fmt: skip
    assert isinstance(digging, Item)
    assert (digging.name, digging.inventory_quantity, digging.is_active) == ("DIG", None, False)
    assert end == Checkpoint(None)


async def test_an_ended_token_is_renewed_once_for_all_that_wait(
    xero: Xero, source: XeroConnector
) -> None:
    xero.tokens.expire()
    owed = await facts_of(source, Balance, KESTREL)
    assert owed.balance == Decimal("546.10")
    assert xero.tokens.given == 1


async def test_one_of_several_organisations_has_to_be_named(xero: Xero) -> None:
    xero.tenants = ["Meadow Ltd", "Hedge Ltd"]
    result = await checked(connector(xero))
    assert result.status == CheckStatus.BAD_CONFIG
    assert "`organisation`" in result.text
    for name in ("meadow ltd", TENANT):
        assert (await checked(connector(xero, organisation=name))).status == CheckStatus.OK


async def test_the_wrong_organisation_is_said(xero: Xero) -> None:
    xero.tenants = ["Meadow Ltd", "Hedge Ltd"]
    result = await checked(connector(xero, organisation="Hedge Ltd"))
    assert result.status == CheckStatus.MISSING_PERMISSION
    assert "choose the organisation" in result.text


async def test_the_connection_test_names_the_part_that_may_not_be_read(
    xero: Xero, source: XeroConnector
) -> None:
    xero.denied = "Overpayments"
    result = await source.check()
    assert result.status == CheckStatus.MISSING_PERMISSION
    assert result.text.startswith("Overpayments: ")
    assert "scope" in result.text
    assert result.proved[0] == "Organisation: Meadow Ltd"


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (problem(403, "AuthenticationUnsuccessful"), "missing_permission", "withdrawn"),
        (throttled("day", "30000"), "cannot_connect", "of the day are used up"),
        (reply({"ErrorNumber": 16, "Type": "QueryParseException", "Message": "raw words"}, 400),
         "bad_config", "HTTP 400"),
        (reply({"Status": "OK"}), "bad_config", "`Organisations`"),
        (reply({"Organisations": "none"}), "bad_config", "`Organisations`"),
        (reply(b"<html>", 200, "text/html"), "bad_config", "web page"),
    ],
)  # fmt: skip
async def test_the_connection_test_says_in_words_what_is_wrong(
    xero: Xero, source: XeroConnector, answer: bytes, status: str, words: str
) -> None:
    xero.fault = answer
    result = await source.check()
    assert result.status == status
    assert words in result.text
    assert "raw words" not in result.text


async def test_a_limit_of_the_minute_carries_its_wait(xero: Xero, source: XeroConnector) -> None:
    xero.fault = throttled("minute", "38")
    with pytest.raises(SourceError) as caught:
        await source.fetch("purchases", KESTREL)
    assert (caught.value.kind, caught.value.retry_after_s) == (ErrorKind.RATE_LIMITED, 38)


async def test_wrong_credentials_and_a_withdrawn_grant_are_told_apart(xero: Xero) -> None:
    xero.tokens.expire()
    wrong = await checked(connector(xero, client_secret="no"))
    assert "client id and secret" in wrong.text
    xero.tokens.refresh_token = None
    result = await checked(connector(xero))
    assert result.status == CheckStatus.INVALID_AUTH
    assert "connect books again" in result.text


async def test_a_changed_field_rejects_the_record_and_names_it(
    xero: Xero, source: XeroConnector
) -> None:
    xero.tables["Contacts"][0]["Phones"] = "020 7946 0958"
    xero.tables["Contacts"][1]["Name"] = None
    rejected = [i async for i in source.contacts(None) if isinstance(i, RejectedRow)]
    assert [r.where for r in rejected] == ["contact 1", "contact 2"]
    assert "`Phones`" in rejected[0].why
    assert "`display_name`" in rejected[1].why


async def test_a_date_in_another_format_is_refused_by_name(
    xero: Xero, source: XeroConnector
) -> None:
    xero.tables["Invoices"][0]["DueDate"] = "15/09/2026"
    with pytest.raises(SourceError, match="`due_date` is not written as"):
        await source.fetch("balance", KESTREL)


async def test_an_id_that_is_no_guid_never_gets_into_a_filter(
    xero: Xero, source: XeroConnector
) -> None:
    for hostile in ('") OR true==("', "..", "", "1"):
        assert isinstance(await source.fetch("balance", CustomerRef(hostile)), Empty)
    assert xero.web.requests == []
