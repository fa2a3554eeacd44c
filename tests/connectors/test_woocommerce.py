"""WooCommerce: accounts and guests, what counts, the shop's own day, every wrong setting."""

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
    Item,
    Number,
    Purchase,
    Purchases,
    RejectedRow,
    SourceError,
    Tombstone,
)
from connectors.woocommerce import WooCommerceConfig, WooCommerceConnector
from tests.connectors.asking import ask, checked, everything, facts_of
from tests.connectors.fakes.woocommerce import (
    CANNOT,
    KEY,
    SECRET,
    ZOE,
    FakeWooCommerce,
    error,
    guest,
    order,
)
from tests.connectors.web import DOWN, WebServer, reply

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ADA, GUEST = CustomerRef("customer/25"), CustomerRef(f"guest/{ZOE}")


@pytest.fixture
def vendor() -> FakeWooCommerce:
    return FakeWooCommerce()


def connector(web: WebServer, **changes: Any) -> WooCommerceConnector:
    given = {
        "base_url": web.url,
        "consumer_key": KEY,
        "consumer_secret": SECRET,
        "unpaid_statuses": ["on-hold"],
        "allow_private_network": True,
        **changes,
    }
    config = WooCommerceConfig.model_validate(given)
    return WooCommerceConnector(config, Context("shop", "GB", Path(), lambda: NOW))


@pytest.fixture
async def shop(web: WebServer) -> AsyncIterator[WooCommerceConnector]:
    source = connector(web)
    yield source
    await source.aclose()


class TestContract(ConnectorContract):
    known = ADA
    unknown = CustomerRef("customer/999")
    secrets = (SECRET,)

    @pytest.fixture
    def working(self, web: WebServer) -> WooCommerceConnector:
        return connector(web)

    @pytest.fixture
    def broken(self, web: WebServer) -> WooCommerceConnector:
        web.answers["*"] = DOWN
        return connector(web)


async def test_guests_are_known_by_their_address_and_their_newest_order(
    shop: WooCommerceConnector, web: WebServer
) -> None:
    items = await everything(shop.contacts(None))
    # As the host writes them: a later one replaces an earlier.
    rows = {i.remote_id: i for i in items if isinstance(i, ContactRow)}
    assert set(rows) == {"customer/25", "customer/26", f"guest/{ZOE}", "order/107"}
    ada, zoe = rows["customer/25"], rows[f"guest/{ZOE}"]
    assert (ada.display_name, ada.company_name, ada.region) == (
        "Ada Kestrel", "Kestrel Garden", "GB",
    )  # fmt: skip
    assert ada.postal_address == "1 High Street, SW1A 1AA, London"
    assert ada.remote_url == f"{web.url}/wp-admin/user-edit.php?user_id=25"
    assert [p.raw for p in zoe.phone_numbers] == ["07700 900456"]
    assert zoe.remote_url == f"{web.url}/wp-admin/admin.php?page=wc-orders&s=zoe%40z.example"


async def test_a_read_that_broke_off_goes_on_where_it_was(
    web: WebServer, vendor: FakeWooCommerce
) -> None:
    vendor.most = 1
    shop = connector(web)
    items = await everything(shop.contacts(None))
    marks = [i.cursor for i in items if isinstance(i, Checkpoint)]
    at = "2026-11-22T08:55:00Z"
    assert marks == [
        f"{at} customers 2", f"{at} guests 1", f"{at} guests 2", f"{at} guests 3", at,
    ]  # fmt: skip
    rest = await everything(shop.contacts(f"{at} guests 2"))
    assert [i.remote_id for i in rest if isinstance(i, ContactRow)] == [f"guest/{ZOE}", "order/107"]
    with pytest.raises(SourceError, match="read everything again"):
        await everything(shop.contacts("yesterday"))
    await shop.aclose()


async def test_changes_are_new_accounts_and_whoever_ordered(shop: WooCommerceConnector) -> None:
    items = await everything(shop.contacts("2026-11-17T00:00:00Z"))
    rows = {i.remote_id: i for i in items if isinstance(i, ContactRow)}
    # 26 is new, 25 and Zoe ordered.
    assert set(rows) == {"customer/26", "customer/25", f"guest/{ZOE}"}
    assert isinstance(items[-1], Checkpoint)


async def test_an_old_order_that_changed_does_not_bring_back_an_old_number(
    shop: WooCommerceConnector, vendor: FakeWooCommerce
) -> None:
    vendor.orders[3]["date_modified_gmt"] = "2026-11-21T10:00:00"
    items = await everything(shop.contacts("2026-11-20T23:00:00Z"))
    rows = [i for i in items if isinstance(i, ContactRow) and i.remote_id == f"guest/{ZOE}"]
    assert [p.raw for row in rows for p in row.phone_numbers] == ["07700 900456"]


async def test_more_than_a_page_is_read_even_without_the_headers_that_count(
    shop: WooCommerceConnector, vendor: FakeWooCommerce
) -> None:
    vendor.counts = False
    vendor.orders = [
        order(n, guest("A B", "", f"g{n}@x.example"), "2026-11-01T10:00:00", "completed", "1.00")
        for n in range(1, 251)
    ]
    items = await everything(shop.contacts(None))
    assert len([i for i in items if isinstance(i, ContactRow)]) == 252


async def test_only_the_statuses_that_count_are_purchases(shop: WooCommerceConnector) -> None:
    facts, found = await ask(shop, Purchases, ADA)
    assert [(o.order_number, o.order_date) for o in facts.orders] == [
        ("105", date(2026, 11, 19)),
        ("102", date(2026, 10, 31)),
        ("101", date(2026, 6, 30)),
    ]
    # 120.50 + 480.00 + 75.00
    assert (facts.currency, facts.order_count, facts.lifetime_amount) == (
        "USD", 3, Decimal("675.50"),
    )  # fmt: skip
    assert facts.orders[1].status == "processing, partly refunded"
    spade, hose = facts.orders[2].line_items
    assert (spade.item_id, spade.quantity, spade.unit_price) == (
        "31", Decimal(2), Decimal("30.25"),
    )  # fmt: skip
    assert hose.item_id == "34"
    assert found.incomplete is None


async def test_a_guest_has_the_orders_of_the_address_and_no_others(
    shop: WooCommerceConnector, vendor: FakeWooCommerce
) -> None:
    vendor.orders[3]["billing"]["address_2"] = "care of abe@maine.example"
    facts = await facts_of(shop, Purchases, GUEST)
    assert [o.order_number for o in facts.orders] == ["106", "104"]
    other = CustomerRef("guest/abe@maine.example")
    assert isinstance(await shop.fetch("purchases", other), Empty)
    facts = await facts_of(shop, Purchases, CustomerRef("order/107"))
    assert facts.lifetime_amount == Decimal("5.00")


async def test_orders_of_two_currencies_are_not_added(
    shop: WooCommerceConnector, vendor: FakeWooCommerce
) -> None:
    vendor.orders[1]["currency"] = "EUR"
    facts = await facts_of(shop, Purchases, ADA)
    assert (facts.currency, facts.lifetime_amount) == ("USD", Decimal("195.50"))


async def test_a_customer_with_too_many_orders_gets_the_newest_and_no_false_total(
    web: WebServer,
) -> None:
    shop = connector(web, row_limit=2)
    facts, found = await ask(shop, Purchases, ADA)
    await shop.aclose()
    assert [o.order_number for o in facts.orders] == ["105", "102"]
    assert facts.lifetime_amount is None
    assert found.incomplete is not None


async def test_unpaid_orders_are_owed_and_what_is_not_known_is_not_nought(
    shop: WooCommerceConnector,
) -> None:
    owed = await facts_of(shop, Balance, ADA)
    assert (owed.currency, owed.balance) == ("USD", Decimal("75.00"))
    assert [i.number for i in owed.open_invoices] == ["105"]
    assert (owed.overdue_amount, owed.aging, owed.unapplied_credit) == (None, None, None)
    owed = await facts_of(shop, Balance, GUEST)
    assert owed.balance == 0


async def test_without_unpaid_statuses_no_balance_is_promised(web: WebServer) -> None:
    shop = connector(web, unpaid_statuses=[])
    assert shop.provides == {"contacts", "find", "purchases", "history", "catalogue"}
    await shop.aclose()


async def test_a_number_is_found_in_the_usual_spellings_and_in_its_country_only(
    shop: WooCommerceConnector,
) -> None:
    for e164, ids in (
        ("+442079460958", ["customer/25"]),
        ("+447700900123", [f"guest/{ZOE}"]),
        ("+442079460000", []),
    ):
        assert [c.remote_id for c in await shop.find(Number("x", e164))] == ids
    assert await shop.find(Number("x", "+44' OR 1=1")) == []


async def test_the_history_drops_what_was_cancelled_or_trashed(
    shop: WooCommerceConnector, vendor: FakeWooCommerce
) -> None:
    items = await everything(shop.purchases(None))
    orders = {i.order.order_number: i.remote_id for i in items if isinstance(i, Purchase)}
    assert orders == {
        "101": "customer/25", "102": "customer/25", "105": "customer/25",
        "104": f"guest/{ZOE}", "106": f"guest/{ZOE}", "107": "order/107",
    }  # fmt: skip
    vendor.orders[1] |= {"status": "cancelled", "date_modified_gmt": "2026-11-21T10:00:00"}
    later = await everything(shop.purchases("2026-11-18T23:00:00Z"))
    assert [i.order.order_number for i in later if isinstance(i, Purchase)] == ["105"]
    assert [i for i in later if isinstance(i, Tombstone)] == [Tombstone("102"), Tombstone("108")]


async def test_variations_are_items_and_may_share_the_stock_of_the_product(
    shop: WooCommerceConnector,
) -> None:
    items = {i.item_id: i for i in await everything(shop.catalogue(None)) if isinstance(i, Item)}
    assert {n: (i.name, i.inventory_quantity) for n, i in items.items()} == {
        "31": ("Spade", Decimal(4)), "32": ("Digging", None),
        "34": ("Hose, 10 m", Decimal(9)), "35": ("Hose, 20 m", None),
    }  # fmt: skip
    assert (items["31"].category, items["31"].currency) == ("Tools", "USD")
    assert (items["32"].is_active, items["32"].unit_price) == (False, None)


async def test_an_id_that_is_none_of_ours_is_not_asked_for(
    shop: WooCommerceConnector, vendor: FakeWooCommerce
) -> None:
    for hostile in ("25", "customer/0", "customer/2&5", "guest/nobody", "order/١٢", "guest/a b@c"):
        assert isinstance(await shop.fetch("purchases", CustomerRef(hostile)), Empty)
    assert vendor.asked == []


async def test_the_connection_test_says_what_it_proved(shop: WooCommerceConnector) -> None:
    assert (await shop.check()).proved == (
        "customers: 1 read of 2",
        "orders: 1 read of 7",
        "statuses: completed, on-hold, processing are known",
        "find: the search of orders answers",
        "products: 1 read of 3",
        "currency: USD",
    )


@pytest.mark.parametrize(
    ("changes", "answer", "status", "said"),
    [
        ({"consumer_key": "ck_old"}, None, CheckStatus.INVALID_AUTH, "begins with https:"),
        ({"consumer_secret": "cs_old"}, None, CheckStatus.INVALID_AUTH, "key and secret"),
        ({}, error("woocommerce_rest_authentication_error", 401, "The API key provided does not"
                   " have read permissions."), CheckStatus.MISSING_PERMISSION, "permission Read"),
        ({}, error(CANNOT, 403), CheckStatus.MISSING_PERMISSION, "shop manager"),
        ({}, reply(b"<html>denied", 403, "text/html"), CheckStatus.MISSING_PERMISSION, "firewall"),
        ({}, error("rest_no_route", 404), CheckStatus.BAD_CONFIG, "permalinks"),
        ({}, reply(b"<html>", 404, "text/html"), CheckStatus.BAD_CONFIG, "permalinks"),
        ({}, reply(b"x", 429, "text/plain"), CheckStatus.CANNOT_CONNECT, "less often"),
        ({}, reply(b"<br>Warning: []", 200, "text/html"), CheckStatus.BAD_CONFIG, "web page"),
        ({}, reply({"orders": []}), CheckStatus.BAD_CONFIG, "no list of objects"),
        ({"statuses": ["shipped"]}, None, CheckStatus.BAD_CONFIG, "check the statuses"),
    ],
)  # fmt: skip
async def test_each_fault_has_its_words(
    web: WebServer,
    vendor: FakeWooCommerce,
    changes: dict[str, Any],
    answer: bytes | None,
    status: CheckStatus,
    said: str,
) -> None:
    vendor.next = [answer] if answer else []
    result = await checked(connector(web, **changes))
    assert (result.status, said in result.text) == (status, True), result
    assert "raw words" not in result.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"total": None}, "`total`"),
        ({"total": {"amount": 1}}, "`total`"),
        ({"customer_id": "25"}, "`customer_id`"),
        ({"refunds": None}, "`refunds`"),
        ({"billing": "Ada"}, "`billing` is no object"),
    ],
)
async def test_a_changed_order_is_named_and_stops_no_other(
    shop: WooCommerceConnector, vendor: FakeWooCommerce, changes: dict[str, Any], said: str
) -> None:
    vendor.orders[1] |= changes
    vendor.next = [reply([vendor.orders[1], vendor.orders[0]], x_wp_totalpages="1")]
    items = await everything(shop.purchases(None))
    rejected = [i.why for i in items if isinstance(i, RejectedRow)]
    assert len(rejected) == 1
    assert said in rejected[0]
    assert [i.order.order_number for i in items if isinstance(i, Purchase)] == ["101"]
    vendor.next = [reply([vendor.orders[1]])]
    with pytest.raises(SourceError, match=said) as caught:
        await shop.fetch("purchases", ADA)
    assert caught.value.kind is ErrorKind.BAD_DATA


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "shop.example"}, "https://"),
        ({"statuses": []}, "statuses"),
        ({"unpaid_statuses": ["On hold"]}, "unpaid_statuses"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], said: str) -> None:
    given = {"base_url": "https://x.example", "consumer_key": "k", "consumer_secret": "s"}
    with pytest.raises(ValidationError, match=said):
        WooCommerceConfig.model_validate({**given, **changes})
