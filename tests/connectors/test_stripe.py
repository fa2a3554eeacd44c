"""Stripe: the receivable of open invoices, minor units, one-off charges, events, search."""

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
from connectors.stripe import StripeConfig, StripeConnector
from tests.connectors.asking import ask, checked, everything, facts_of
from tests.connectors.fakes.stripe import (
    KEY,
    Stripe,
    at,
    charge,
    customer,
    error,
    event,
    invoice,
    line,
)
from tests.connectors.web import reply, web_server

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KESTREL, OWL = CustomerRef("cus_1"), CustomerRef("cus_2")


def fill(stripe: Stripe) -> None:
    kestrel = customer(
        "cus_1", "Kestrel Garden", phone="+442079460958", balance=-1250,
        email="a@kestrel.example", preferred_locales=["en-GB"], address={"country": "GB"},
        shipping={"name": "Barn", "phone": "01632 960001"}, created=at("2026-01-03"),
    )  # fmt: skip
    owl = customer("cus_2", None, email="owl@example.org", created=at("2026-01-02"))
    stripe.tables = {
        "customers": [kestrel, owl, customer("cus_3", None, currency=None)],
        "invoices": [
            invoice("in_1", "cus_1", "2026-09-12", "2026-10-12", 45610, 35610,
                    lines=[line("3 × Spade", 3, 10000, 30000), line("Fork", 1, 15610, 15610)]),
            invoice("in_2", "cus_1", "2026-11-01", "2026-12-01", 20000, 20000),
            invoice("in_3", "cus_1", "2026-11-07", "2026-11-21T23:30:00", 4600, 4600),
            invoice("in_4", "cus_1", "2026-01-05", None, 8000, 0, status="paid",
                    post_payment_credit_notes_amount=1000),
            invoice("in_5", "cus_1", "2026-11-06", None, 99900, 99900, status="draft",
                    number=None),
            invoice("in_6", "cus_1", "2026-11-05", None, 7700, 7700, status="void"),
        ],
        "charges": [
            charge("ch_1", "cus_1", "2026-10-15", 10000, invoice="in_1"),
            charge("ch_2", "cus_1", "2026-03-01", 1990, description="Gift card",
                   amount_refunded=490),
            charge("ch_3", "cus_1", "2026-03-02", 5000, status="failed"),
            charge("ch_4", None, "2026-03-03", 5000),
        ],
        "products": [
            {"id": "prod_1", "object": "product", "active": True, "name": "Spade",
             "created": at("2026-01-02"), "livemode": False,
             "default_price": {"id": "price_1", "currency": "jpy", "unit_amount": 1999}},
            {"id": "prod_2", "object": "product", "active": False, "name": "Old spade",
             "created": at("2026-01-01"), "livemode": False, "default_price": None},
        ],
        "events": [
            event("customer.updated", "2026-11-20T10:00:00", {**kestrel, "name": "Kestrel"}),
            event("customer.updated", "2026-11-21T10:00:00", kestrel),
            event("customer.deleted", "2026-11-21T11:00:00", customer("cus_9", "Gone")),
            event("customer.updated", "2026-11-10T10:00:00", owl),
            event("customer.subscription.updated", "2026-11-21T12:00:00", {"id": "sub_1"}),
        ],
    }  # fmt: skip


def connector(stripe: Stripe, now: datetime = NOW, **settings: Any) -> StripeConnector:
    given = {
        "api_key": KEY,
        "base_url": stripe.web.url,
        "allow_private_network": True,
        "page_size": 2,
        **settings,
    }
    config = StripeConfig.model_validate(given)
    return StripeConnector(config, Context("stripe", "GB", Path(), lambda: now))


@pytest.fixture
async def stripe() -> AsyncIterator[Stripe]:
    async with web_server() as web:
        fake = Stripe(web)
        fill(fake)
        yield fake


@pytest.fixture
async def source(stripe: Stripe) -> AsyncIterator[StripeConnector]:
    made = connector(stripe)
    yield made
    await made.aclose()


class TestContract(ConnectorContract):
    known = KESTREL
    unknown = CustomerRef("cus_unknown")
    secrets: ClassVar = (KEY,)

    @pytest.fixture
    def working(self, stripe: Stripe) -> StripeConnector:
        return connector(stripe)

    @pytest.fixture
    def broken(self, stripe: Stripe) -> StripeConnector:
        stripe.fault = error(500, "api_error", None)
        return connector(stripe)


async def test_the_receivable_is_what_is_left_of_open_invoices(source: StripeConnector) -> None:
    owed, found = await ask(source, Balance, KESTREL)
    # 356.10 + 200.00 + 46.00; no drafts, no void invoices.
    assert owed.balance == Decimal("602.10")
    assert owed.overdue_amount == Decimal("402.10")
    assert (owed.currency, owed.oldest_due_date) == ("EUR", date(2026, 10, 12))
    assert owed.aging is not None
    assert (owed.aging.days_1_30, owed.aging.days_31_60) == (Decimal("46.00"), Decimal("356.10"))
    assert [i.number for i in owed.open_invoices] == ["1", "3", "2"]
    assert [(p.total_amount, p.payment_method) for p in owed.payments] == [
        (Decimal("100.00"), "card"),
        (Decimal("19.90"), "card"),
    ]
    assert found.remote_url == "https://dashboard.stripe.com/customers/cus_1"


async def test_the_customers_balance_is_no_receivable_and_is_told_apart(
    source: StripeConnector,
) -> None:
    owed, found = await ask(source, Balance, KESTREL)
    assert owed.unapplied_credit == 0
    assert found.incomplete == "a credit of EUR 12.50 waits for the next invoice and is not in it"


async def test_nothing_open_is_a_zero_and_a_deleted_customer_has_nothing(
    source: StripeConnector,
) -> None:
    owed = await facts_of(source, Balance, OWL)
    assert (owed.balance, owed.overdue_amount) == (Decimal(0), Decimal(0))
    assert isinstance(await source.fetch("balance", CustomerRef("cus_9")), Empty)
    # Without a currency not even a zero can be said.
    assert isinstance(await source.fetch("balance", CustomerRef("cus_3")), Empty)


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("jpy", "4600"), ("kwd", "4.600"), ("eur", "46.00"), ("isk", "46.00"), ("mga", "4600")],
)
async def test_amounts_have_the_decimals_that_stripe_gives_a_currency(
    stripe: Stripe, source: StripeConnector, currency: str, amount: str
) -> None:
    stripe.tables["invoices"] = [
        invoice("in_3", "cus_1", "2026-11-07", None, 4600, 4600, currency=currency)
    ]
    stripe.tables["charges"] = []
    owed = await facts_of(source, Balance, KESTREL)
    assert (owed.currency, str(owed.balance)) == (currency.upper(), amount)


async def test_amounts_of_two_currencies_are_never_added(
    stripe: Stripe, source: StripeConnector
) -> None:
    stripe.tables["invoices"][1]["currency"] = "jpy"
    owed = await facts_of(source, Balance, KESTREL)
    assert (owed.currency, owed.balance) == ("EUR", Decimal("402.10"))
    assert [(o.currency, o.balance) for o in owed.other_currencies] == [("JPY", Decimal(20000))]


@pytest.mark.parametrize(("zone", "overdue"), [("UTC", "402.10"), ("Europe/Berlin", "356.10")])
async def test_a_due_date_is_the_day_it_is_at_the_company(
    stripe: Stripe, zone: str, overdue: str
) -> None:
    # Due at 23:30 UTC on the 21st, which is the 22nd in Berlin.
    source = connector(stripe, time_zone=zone)
    owed = await facts_of(source, Balance, KESTREL)
    await source.aclose()
    assert owed.overdue_amount == Decimal(overdue)


async def test_purchases_are_final_invoices_and_charges_without_one(
    source: StripeConnector,
) -> None:
    bought = await facts_of(source, Purchases, KESTREL)
    assert [(o.order_number, o.total_amount) for o in bought.orders] == [
        ("3", Decimal("46.00")),
        ("2", Decimal("200.00")),
        ("1", Decimal("456.10")),
        ("ch_2", Decimal("15.00")),
        ("4", Decimal("70.00")),
    ]
    assert bought.lifetime_amount == Decimal("787.10")
    lines = [(i.item_id, i.quantity, i.unit_price) for i in bought.orders[2].line_items]
    assert lines[0] == ("prod_1", Decimal(3), Decimal("100.00"))
    assert bought.orders[3].line_items[0].name == "Gift card"


async def test_contacts_have_a_name_even_if_nobody_gave_one(source: StripeConnector) -> None:
    kestrel, owl, nameless, end = await everything(source.contacts(None))
    assert isinstance(kestrel, ContactRow)
    assert [p.raw for p in kestrel.phone_numbers] == ["+442079460958", "01632 960001"]
    assert (kestrel.language, kestrel.region) == ("en-GB", "GB")
    assert isinstance(owl, ContactRow)
    assert owl.display_name == "owl@example.org"
    assert isinstance(nameless, ContactRow)
    assert nameless.display_name == "cus_3"
    assert end == Checkpoint("2026-11-22T08:55:00Z")


async def test_changed_contacts_come_from_events_with_the_deleted_ones(
    source: StripeConnector,
) -> None:
    gone, kestrel, _ = await everything(source.contacts("2026-11-19T00:00:00Z"))
    assert gone == Tombstone("cus_9")
    assert isinstance(kestrel, ContactRow)
    # The last state counts, not that of the older event.
    assert kestrel.display_name == "Kestrel Garden"


async def test_what_events_no_longer_tell_is_read_in_full(source: StripeConnector) -> None:
    items = await everything(source.contacts("2026-10-01T00:00:00Z"))
    assert len([i for i in items if isinstance(i, ContactRow)]) == 3


async def test_a_number_is_searched_as_it_may_have_been_typed(
    stripe: Stripe, source: StripeConnector
) -> None:
    found = await source.find(Number("x", "+442079460958", "020 7946 0958"))
    assert [c.display_name for c in found] == ["Kestrel Garden"]
    assert stripe.searches == [
        "phone:'+442079460958' OR phone:'442079460958' OR phone:'02079460958'"
    ]
    await source.find(Number("x", "+4420' OR name:'", "'1"))
    assert stripe.searches[-1] == "phone:'1'"


async def test_the_history_names_void_invoices_and_reads_recent_ones_again(
    source: StripeConnector,
) -> None:
    items = await everything(source.purchases(None))
    keys = {i.order.order_number for i in items if isinstance(i, Purchase)}
    assert keys == {"in_1", "in_2", "in_3", "in_4", "ch_2"}
    assert Tombstone("in_6") in items
    changed = await everything(source.purchases("2026-11-20T00:00:00Z"))
    keys = {i.order.order_number for i in changed if isinstance(i, Purchase)}
    assert keys == {"in_2", "in_3"}


async def test_the_catalogue_has_prices_in_their_own_currency(source: StripeConnector) -> None:
    spade, old, end = await everything(source.catalogue(None))
    assert spade == Item(
        item_id="prod_1", name="Spade", unit_price=Decimal(1999), currency="JPY",
        remote_url="https://dashboard.stripe.com/products/prod_1",
    )  # fmt: skip
    assert isinstance(old, Item)
    assert (old.is_active, old.unit_price, old.inventory_quantity) == (False, None, None)
    assert end == Checkpoint(None)


async def test_a_wrong_key_is_said_without_the_key(stripe: Stripe) -> None:
    result = await checked(connector(stripe, api_key="sk_live_wrong"))
    assert result.status == CheckStatus.INVALID_AUTH
    assert "is not known to Stripe" in result.text
    assert "sk_live" not in result.text


async def test_the_right_that_is_missing_is_named(stripe: Stripe, source: StripeConnector) -> None:
    stripe.denied = "charges"
    result = await source.check()
    assert result.status == CheckStatus.MISSING_PERMISSION
    assert result.text.startswith("charges: ")
    assert result.proved == (
        "customers: can be read (test mode)",
        "invoices: can be read (test mode)",
    )


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (error(401, "invalid_request_error", "api_key_expired"), "invalid_auth", "has expired"),
        (error(400, "invalid_request_error", "parameter_unknown"), "bad_config", "HTTP 400"),
        (error(500, "api_error", None), "cannot_connect", "fault of its own"),
        (reply({"object": "list"}), "bad_config", "`data`"),
        (reply({"data": {"id": 1}}), "bad_config", "`data`"),
        (reply(b"<html>", 200, "text/html"), "bad_config", "web page"),
    ],
)
async def test_the_connection_test_says_in_words_what_is_wrong(
    stripe: Stripe, source: StripeConnector, answer: bytes, status: str, words: str
) -> None:
    stripe.fault = answer
    result = await source.check()
    assert result.status == status
    assert words in result.text
    assert "raw words" not in result.text


async def test_throttling_is_said(stripe: Stripe, source: StripeConnector) -> None:
    stripe.fault = error(429, "invalid_request_error", "rate_limit")
    with pytest.raises(SourceError) as caught:
        await source.fetch("purchases", KESTREL)
    assert caught.value.kind == ErrorKind.RATE_LIMITED


async def test_an_amount_that_is_missing_or_no_integer_is_no_amount(
    stripe: Stripe, source: StripeConnector
) -> None:
    del stripe.tables["invoices"][0]["amount_remaining"]
    with pytest.raises(SourceError, match="`amount_remaining` of invoice is missing"):
        await source.fetch("balance", KESTREL)
    stripe.tables["invoices"][0]["amount_remaining"] = "35.61"
    with pytest.raises(SourceError, match="`amount_remaining` of invoice 1 is not a whole number"):
        await source.fetch("balance", KESTREL)


async def test_a_changed_customer_is_rejected_by_name(
    stripe: Stripe, source: StripeConnector
) -> None:
    stripe.tables["customers"][0]["shipping"] = "Barn"
    rejected = [i async for i in source.contacts(None) if isinstance(i, RejectedRow)]
    assert rejected == [RejectedRow("customer 1", "field `shipping` is no object")]


async def test_an_id_of_another_shape_is_never_asked_for(
    stripe: Stripe, source: StripeConnector
) -> None:
    for hostile in ("../invoices", "cus_1?expand[]=sources", "", "cüs"):
        assert isinstance(await source.fetch("balance", CustomerRef(hostile)), Empty)
    assert stripe.web.requests == []
