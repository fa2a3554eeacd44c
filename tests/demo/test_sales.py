from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.demo.records import Business
from app.demo.sales import SalesServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(business: Business) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        SalesServer(business, delays=False) as server,
        httpx.AsyncClient(
            base_url=server.url, headers={"X-Api-Key": server.api_key}, trust_env=False
        ) as client,
    ):
        yield client


async def _all_pages(shop: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    page, pages = 1, 1
    while page <= pages:
        answer = (await shop.get(path, params={"page": page, "per_page": 100})).json()
        pages = answer["paging"]["pages"]
        rows += answer["data"]
        page += 1
    assert answer["paging"]["total"] == len(rows)
    return rows


@pytest.mark.parametrize("headers", [{"X-Api-Key": "wrong"}, {"X-Api-Key": ""}])
async def test_nothing_is_said_without_the_api_key(
    shop: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for path in ("/v1/status", "/v1/customers", "/v1/customers/50001/orders", "/v1/products"):
        answer = await shop.get(path, headers=headers)
        assert answer.status_code == 401
        assert set(answer.json()) == {"message"}


async def test_the_list_has_every_shop_customer_but_those_new_today(
    shop: httpx.AsyncClient, business: Business
) -> None:
    rows = await _all_pages(shop, "/v1/customers")
    expected = [c for c in business.customers if c.shop_id is not None and not c.new_today]
    assert [(r["id"], r["account_ref"], r["name"]) for r in rows] == [
        (c.shop_id, c.account, c.name) for c in expected
    ]
    assert {p["number"] for r in rows for p in r["phones"]} == {
        p.in_shop for c in expected for p in c.phones
    }


async def test_a_customer_new_today_is_found_by_number(
    shop: httpx.AsyncClient, business: Business
) -> None:
    tobias = business.customer("Tobias Wren")
    for written in ("+447700900733", "07700 900733"):
        answer = await shop.get("/v1/customers/search", params={"phone": written})
        assert [r["id"] for r in answer.json()["data"]] == [tobias.shop_id]


@pytest.mark.parametrize("phone", ["", "no number", "+447700900999", "%27 OR 1=1"])
async def test_a_number_that_nobody_has_finds_nobody(shop: httpx.AsyncClient, phone: str) -> None:
    answer = await shop.get("/v1/customers/search", params={"phone": phone})
    assert answer.json() == {"data": []}


async def test_orders_come_newest_first_with_exact_amounts(
    shop: httpx.AsyncClient, business: Business
) -> None:
    for customer in business.customers[:12]:
        orders = [o for o in business.orders if o.customer_key == customer.key]
        path = f"/v1/customers/{customer.shop_id}/orders"
        rows = await _all_pages(shop, path)
        assert {r["ref"] for r in rows} == {o.number for o in orders}
        assert [r["placed_on"] for r in rows] == sorted(
            (o.placed_on.isoformat() for o in orders), reverse=True
        )
        for row in rows:
            lines = [Decimal(str(x["price"])) * x["qty"] for x in row["lines"]]
            assert Decimal(str(row["goods_total"])) == sum(lines)
        summary = (await shop.get(path)).json()["summary"]
        spent = sum(
            (
                line.quantity * line.unit_price
                for o in orders
                if o.status != "cancelled" and o.currency == customer.currency
                for line in o.lines
            ),
            Decimal(),
        )
        assert Decimal(str(summary["spent"])) == spent


async def test_an_unknown_customer_is_404_and_a_bad_page_400(shop: httpx.AsyncClient) -> None:
    assert (await shop.get("/v1/customers/1/orders")).status_code == 404
    for page, per_page in (("0", "10"), ("x", "10"), ("1", "0"), ("1", "101")):
        answer = await shop.get("/v1/customers", params={"page": page, "per_page": per_page})
        assert answer.status_code == 400


async def test_the_catalogue_has_the_stock_where_it_is_counted(
    shop: httpx.AsyncClient, business: Business
) -> None:
    rows = await _all_pages(shop, "/v1/products")
    assert {r["code"]: r["in_stock"] for r in rows} == {i.sku: i.stock for i in business.items}
