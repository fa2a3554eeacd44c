"""The Shopify connector against a fake of its GraphQL API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

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
    Found,
    Item,
    Number,
    Purchase,
    Purchases,
    SourceError,
    Tombstone,
)
from connectors.shopify import ShopifyConfig, ShopifyConnector
from tests.connectors.asking import checked, everything, facts_of
from tests.connectors.fakes.shopify import (
    CLIENT,
    DENIED,
    SECRET,
    TOKEN,
    FakeShopify,
    refusal,
    throttled,
)
from tests.connectors.web import WebServer, hang_up, reply

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ADA = CustomerRef("51")


@pytest.fixture
def vendor() -> FakeShopify:
    return FakeShopify()


def connector(web: WebServer, **changes: Any) -> ShopifyConnector:
    settings = {
        "base_url": web.url,
        "access_token": TOKEN,
        "outstanding": True,
        "allow_private_network": True,
        **changes,
    }
    config = ShopifyConfig.model_validate(settings)
    return ShopifyConnector(config, Context("shop", None, Path(), lambda: NOW))


@pytest.fixture
async def shop(web: WebServer) -> AsyncIterator[ShopifyConnector]:
    source = connector(web)
    yield source
    await source.aclose()


class TestContract(ConnectorContract):
    known = ADA
    unknown = CustomerRef("999")
    secrets = (TOKEN, SECRET)

    @pytest.fixture
    def working(self, web: WebServer) -> ShopifyConnector:
        return connector(web)

    @pytest.fixture
    def broken(self, web: WebServer) -> ShopifyConnector:
        web.answers["*"] = hang_up
        return connector(web)


async def test_customers_have_the_numbers_of_their_addresses_too(
    shop: ShopifyConnector, web: WebServer
) -> None:
    items = await everything(shop.contacts(None))
    ada, abe, zoe = (item for item in items if isinstance(item, ContactRow))
    assert [p.raw for p in ada.phone_numbers] == ["+442079460958", "07700 900123"]
    assert (ada.company_name, ada.region, ada.tags) == ("Kestrel Garden", "GB", ("vip",))
    assert ada.email_addresses == ("ada@kestrel.example",)
    assert ada.remote_url == f"{web.url}/admin/customers/51"
    assert abe.remote_id == "52"
    assert zoe.phone_numbers == ()


async def test_a_read_that_broke_off_goes_on_and_later_brings_changes_only(
    shop: ShopifyConnector,
) -> None:
    items = await everything(shop.contacts(None))
    marks = [item.cursor for item in items if isinstance(item, Checkpoint)]
    assert marks == ["2026-11-22T08:55:00Z at-2", "2026-11-22T08:55:00Z"]
    rest = await everything(shop.contacts(marks[0]))
    assert [i.remote_id for i in rest if isinstance(i, ContactRow)] == ["53"]
    assert rest[-1] == items[-1]
    later = await everything(shop.contacts("2026-11-10T00:00:00Z"))
    assert [i.remote_id for i in later if isinstance(i, ContactRow)] == ["51"]
    with pytest.raises(SourceError, match="read everything again"):
        await everything(shop.contacts("x' OR id:*"))


async def test_a_number_is_found_as_shopify_keeps_it(
    shop: ShopifyConnector, vendor: FakeShopify
) -> None:
    assert [c.remote_id for c in await shop.find(Number("x", "+442079460958"))] == ["51"]
    assert [c.remote_id for c in await shop.find(Number("x", "+12079460958"))] == ["52"]
    assert await shop.find(Number("x", "+442079460000")) == []
    asked = len(vendor.asked)
    assert await shop.find(Number("x", "+44 OR id:*")) == []
    assert len(vendor.asked) == asked


async def test_orders_are_of_the_shops_day_and_in_its_currency(shop: ShopifyConnector) -> None:
    bought = await facts_of(shop, Purchases, ADA)
    # 1001 was bought at 23:30 UTC, which was 1 July in London; 1003 is cancelled, 1004 a test.
    assert [(o.order_number, o.order_date) for o in bought.orders] == [
        ("#1005", date(2026, 11, 1)),
        ("#1002", date(2026, 9, 12)),
        ("#1001", date(2026, 7, 1)),
    ]
    assert (bought.currency, bought.order_count) == ("GBP", 3)
    assert bought.lifetime_amount == Decimal("550.60")
    assert bought.orders[0].status == "partially paid, unfulfilled"
    spade, fork = bought.orders[2].line_items
    assert (spade.item_id, spade.quantity, spade.total_amount) == (
        "31",
        Decimal(2),
        Decimal("60.50"),
    )
    assert fork.unit_price == Decimal("60.00")


async def test_what_is_not_paid_of_orders_is_the_balance(shop: ShopifyConnector) -> None:
    owed = await facts_of(shop, Balance, ADA)
    assert (owed.currency, owed.balance) == ("GBP", Decimal("430.10"))
    assert owed.overdue_amount == Decimal("30.00")
    assert [(i.number, i.due_date) for i in owed.open_invoices] == [
        ("#1002", date(2026, 10, 12)),
        ("#1005", date(2026, 12, 1)),
    ]
    assert owed.unapplied_credit is None


async def test_a_customer_without_unpaid_orders_owes_nothing(shop: ShopifyConnector) -> None:
    owed = await facts_of(shop, Balance, CustomerRef("52"))
    assert (owed.balance, owed.currency) == (Decimal(0), "GBP")


async def test_balances_are_promised_only_where_they_are_wanted(web: WebServer) -> None:
    source = connector(web, outstanding=False)
    assert source.provides == {"contacts", "find", "purchases", "history", "catalogue"}
    await source.aclose()


async def test_the_history_has_every_line_and_no_cancelled_order(
    web: WebServer, vendor: FakeShopify
) -> None:
    vendor.page = 1
    shop = connector(web)
    items = await everything(shop.purchases(None))
    bought = {i.order.order_number: i for i in items if isinstance(i, Purchase)}
    assert set(bought) == {"#1001", "#1002", "#1005"}
    assert [line.sku for line in bought["#1001"].order.line_items] == ["SPADE", "FORK"]
    assert bought["#1001"].remote_id == "51"
    assert [i for i in items if isinstance(i, Tombstone)] == [Tombstone("#1003")]
    later = await everything(shop.purchases("2026-10-15T00:00:00Z"))
    await shop.aclose()
    assert [i.order.order_number for i in later if isinstance(i, Purchase)] == ["#1005"]


async def test_stock_that_is_not_counted_is_unknown(shop: ShopifyConnector, web: WebServer) -> None:
    items = await everything(shop.catalogue(None))
    spade, fork = (item for item in items if isinstance(item, Item))
    assert (spade.name, spade.inventory_quantity, spade.currency) == ("Spade", Decimal(4), "GBP")
    assert (fork.name, fork.inventory_quantity) == ("Fork, Long", None)
    assert spade.remote_url == f"{web.url}/admin/products/9/variants/31"


async def test_an_id_that_is_no_number_is_not_asked_for(
    shop: ShopifyConnector, vendor: FakeShopify
) -> None:
    for remote_id in ('51") { id }', "gid://shopify/Order/1001", ""):
        assert isinstance(await shop.fetch("purchases", CustomerRef(remote_id)), Empty)
    assert vendor.asked == []


async def test_the_connection_test_says_what_it_proved(shop: ShopifyConnector) -> None:
    result = await shop.check()
    assert result.proved == (
        "shop acme.myshopify.com",
        "contacts: 1 read",
        "find: the search answers",
        "purchases: orders of the last 60 days",
        "balance: can be read",
        "catalogue: can be read",
    )


async def test_an_app_of_the_dev_dashboard_gets_and_renews_its_token(
    web: WebServer, vendor: FakeShopify
) -> None:
    shop = connector(web, access_token="", client_id=CLIENT, client_secret=SECRET)
    assert (await shop.check()).status == CheckStatus.OK
    vendor.valid = "shpat_other"
    assert isinstance(await shop.fetch("purchases", ADA), Found)
    await shop.aclose()
    assert vendor.tokens == 2


@pytest.mark.parametrize(
    ("changes", "answers", "status", "said"),
    [
        ({"access_token": "old"}, [], CheckStatus.INVALID_AUTH, "or is of another shop"),
        ({"api_version": "2020-01"}, [], CheckStatus.BAD_CONFIG, "base_url and api_version"),
        ({}, [DENIED], CheckStatus.MISSING_PERMISSION, "access scope read_orders,"),
        ({}, [reply({"errors": "x"}, 402)], CheckStatus.MISSING_PERMISSION, "bill"),
        ({}, [refusal("undefinedField", "Field 'x'")], CheckStatus.BAD_CONFIG, "check api_version"),
        ({}, [reply({"data": None})], CheckStatus.BAD_CONFIG, "no `data`"),
        (
            {"access_token": "", "client_id": CLIENT, "client_secret": "wrong"},
            [],
            CheckStatus.MISSING_PERMISSION,
            "client id and secret",
        ),
    ],
)
async def test_each_fault_has_its_words(
    web: WebServer,
    vendor: FakeShopify,
    changes: dict[str, Any],
    answers: list[bytes],
    status: CheckStatus,
    said: str,
) -> None:
    vendor.next = answers
    result = await checked(connector(web, **changes))
    assert (result.status, said in result.text) == (status, True), result


async def test_throttled_by_cost_it_waits_as_long_as_the_points_need(
    shop: ShopifyConnector, vendor: FakeShopify
) -> None:
    await shop.fetch("purchases", ADA)
    # 100 points wanted, 99 there, 100 a second: there again after 10 ms.
    vendor.next = [throttled(99.0)]
    assert isinstance(await shop.fetch("purchases", ADA), Found)
    vendor.next = [throttled(0.0, 900.0)]
    with pytest.raises(SourceError) as caught:
        await shop.fetch("purchases", ADA)
    assert (caught.value.kind, caught.value.retry_after_s) == (ErrorKind.RATE_LIMITED, 9)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"customer": {"orders": []}}, "`orders` is no object|no list"),
        ({"customer": {"orders": {"nodes": [1]}}}, "no list of objects `nodes`"),
        ({"customer": 5}, "no object|no list"),
    ],
)
async def test_a_changed_answer_is_named_and_not_read_as_nothing(
    shop: ShopifyConnector, vendor: FakeShopify, data: dict[str, Any], said: str
) -> None:
    await shop.fetch("purchases", ADA)
    vendor.next = [reply({"data": data})]
    with pytest.raises(SourceError, match=said) as caught:
        await shop.fetch("purchases", ADA)
    assert caught.value.kind is ErrorKind.BAD_DATA


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "either access_token"),
        ({"access_token": "x", "client_id": "y", "client_secret": "z"}, "either access_token"),
        ({"access_token": "x", "base_url": "acme.myshopify.com"}, "https://"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ShopifyConfig.model_validate({"base_url": "https://acme.myshopify.com", **changes})
