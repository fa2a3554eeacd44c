"""The REST connector against a web server that a test can make answer anything."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import RestConfig, RestConnector
from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Empty,
    Found,
    Number,
    Purchases,
    RejectedRow,
    SourceError,
    Tickets,
)
from tests.connectors.web import Request, WebServer, reply, web_server

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TOKEN = "s3cret-t0ken"
KESTREL = CustomerRef("7", "C-100")
SETTINGS: dict[str, Any] = {
    "auth": {"kind": "bearer", "token": TOKEN},
    "allow_private_network": True,
    "currency": "EUR",
    "customer_url": "https://crm.example/c/{remote_id}",
    "contacts": {
        "path": "/customers",
        "records": "data",
        "fields": {
            "remote_id": "id",
            "external_id": "account.no",
            "display_name": "name",
            "phone": "phones[].number",
            "email": "mail",
            "tags": "labels",
        },
    },
    "find": {
        "path": "/search",
        "query": {"phone": "{e164}"},
        "records": "data",
        "fields": {"remote_id": "id", "display_name": "name", "phone": "tel"},
    },
    "balance": {
        "path": "/customers/{remote_id}/items",
        "fields": {"amount_due": "open", "due_date": "due", "number": "no"},
    },
    "purchases": {
        "path": "/orders",
        "query": {"customer": "{external_id}"},
        "records": "orders",
        "fields": {"order_number": "no", "order_date": "at", "order_total": "total"},
        "lines": "lines",
        "line_fields": {"sku": "sku", "quantity": "qty", "total_amount": "sum"},
    },
    "credit_terms": {
        "path": "/customers/{remote_id}/terms",
        "fields": {"credit_limit": "limit", "credit_used": "used", "on_hold": "blocked"},
    },
    "tickets": {
        "path": "/tickets/{remote_id}",
        "fields": {"number": "id", "subject": "title", "updated_at": "changed", "url": "link"},
    },
}
CUSTOMERS = [
    {
        "id": 7,
        "account": {"no": "C-100"},
        "name": "Kestrel Garden",
        "phones": [{"number": "020 7946 0958"}, {"number": "+44 7700 900123"}],
        "mail": "office@kestrel.example",
        "labels": ["vip"],
    },
    {"id": 8, "name": "Owl Ltd", "phones": None},
    {"id": 9, "phones": [{"number": "1"}]},
]
ORDERS = [
    {"no": "O-1", "at": "2026-01-05T10:00:00Z", "total": 39.99,
     "lines": [{"sku": "SPADE", "qty": 2, "sum": "30.00"}, {"sku": "FORK", "qty": 1, "sum": 9.99}]},
    {"no": "O-2", "at": "2026-03-05", "total": 30.00, "lines": None},
]  # fmt: skip
TERMS = {"limit": "2000.00", "used": 1214, "blocked": False}


def fill(web: WebServer) -> None:
    def search(request: Request) -> bytes:
        hit = request.query["phone"] == "+442079460958"
        rows = [{"id": 7, "name": "Kestrel Garden", "tel": "020 7946 0958"}] if hit else []
        return reply({"data": rows})

    def orders(request: Request) -> bytes:
        return reply({"orders": ORDERS if request.query["customer"] == "C-100" else []})

    web.answers.update(
        {
            "/customers": reply({"data": CUSTOMERS}),
            "/search": search,
            "/customers/7/items": reply(
                b'[{"no": "F-1", "open": 456.000000, "due": "2026-10-12"},'
                b' {"no": "F-2", "open": 400.10, "due": "2026-12-01"}, {"open": -70.10}]'
            ),
            "/orders": orders,
            "/customers/7/terms": reply(TERMS),
            "/tickets/7": reply(
                [{"id": 12, "title": "Late", "changed": "2026-11-20T08:00:00+01:00",
                  "link": "javascript:alert(1)"}]
            ),
        }
    )  # fmt: skip


def connector(url: str, **changes: Any) -> RestConnector:
    config = RestConfig.model_validate({"base_url": url, **SETTINGS, **changes})
    return RestConnector(config, Context("shop", "GB", Path(), lambda: NOW))


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    async with web_server() as server:
        fill(server)
        yield server


@pytest.fixture
async def shop(web: WebServer) -> AsyncIterator[RestConnector]:
    source = connector(web.url)
    yield source
    await source.aclose()


class TestContract(ConnectorContract):
    known = KESTREL
    unknown = CustomerRef("999", "C-999")
    secrets = (TOKEN,)

    @pytest.fixture
    def working(self, web: WebServer) -> RestConnector:
        return connector(web.url)

    @pytest.fixture
    def broken(self, web: WebServer) -> RestConnector:
        async def refuse(_: Request, writer: asyncio.StreamWriter) -> None:
            writer.close()

        web.answers = dict.fromkeys(web.answers, refuse)
        return connector(web.url)


async def test_open_items_become_a_balance_with_exact_amounts(shop: RestConnector) -> None:
    found = await shop.fetch("balance", KESTREL)
    assert isinstance(found, Found)
    assert isinstance(found.facts, Balance)
    assert found.facts.balance == Decimal("786.00")
    assert found.facts.overdue_amount == 456
    assert found.remote_url == "https://crm.example/c/7"


async def test_nested_lines_become_orders(shop: RestConnector) -> None:
    found = await shop.fetch("purchases", KESTREL)
    assert isinstance(found, Found)
    bought = found.facts
    assert isinstance(bought, Purchases)
    assert [o.order_number for o in bought.orders] == ["O-2", "O-1"]
    assert [i.sku for i in bought.orders[1].line_items] == ["SPADE", "FORK"]
    assert bought.lifetime_amount == Decimal("69.99")


async def test_terms_come_from_one_object(shop: RestConnector) -> None:
    found = await shop.fetch("credit_terms", KESTREL)
    assert isinstance(found, Found)
    assert isinstance(found.facts, CreditTerms)
    assert found.facts.credit_available == Decimal("786.00")


async def test_a_link_of_the_source_is_shown_only_if_it_is_a_web_address(
    shop: RestConnector,
) -> None:
    found = await shop.fetch("tickets", KESTREL)
    assert isinstance(found, Found)
    assert isinstance(found.facts, Tickets)
    ticket = found.facts.tickets[0]
    assert ticket.url is None
    assert ticket.updated_at == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert ticket.source == "shop"


async def test_contacts_have_their_numbers_and_bad_records_are_named(shop: RestConnector) -> None:
    kestrel, owl, nameless, end = [item async for item in shop.contacts(None)]
    assert isinstance(kestrel, ContactRow)
    assert [p.raw for p in kestrel.phone_numbers] == ["020 7946 0958", "+44 7700 900123"]
    assert (kestrel.remote_id, kestrel.external_id, kestrel.tags) == ("7", "C-100", ("vip",))
    assert kestrel.email_addresses == ("office@kestrel.example",)
    assert kestrel.remote_url == "https://crm.example/c/7"
    assert isinstance(owl, ContactRow)
    assert nameless == RejectedRow(
        "contacts record 3", "column `display_name` of contacts record 3 is empty"
    )
    assert end == Checkpoint(None)


async def test_a_number_is_found_live(shop: RestConnector) -> None:
    found = await shop.find(Number("+442079460958", "+442079460958", "020 7946 0958"))
    assert [c.display_name for c in found] == ["Kestrel Garden"]
    assert await shop.find(Number("+442079460000", "+442079460000", "x")) == []


async def test_an_id_is_one_segment_of_the_path_whatever_it_holds(web: WebServer) -> None:
    source = connector(web.url)
    assert isinstance(await source.fetch("credit_terms", CustomerRef("a/b?c#d e")), Empty)
    assert web.requests[-1].target == "/customers/a%2Fb%3Fc%23d%20e/terms"
    with pytest.raises(SourceError):
        await source.fetch("credit_terms", CustomerRef(".."))
    await source.aclose()


async def test_a_customer_without_the_id_asked_for_has_nothing_there(web: WebServer) -> None:
    source = connector(web.url)
    assert isinstance(await source.fetch("purchases", CustomerRef("7")), Empty)
    await source.aclose()
    assert web.requests == []


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "bearer", "token": TOKEN}, "authorization", f"Bearer {TOKEN}"),
        ({"kind": "header", "name": "X-Key", "value": TOKEN}, "x-key", TOKEN),
        (
            {"kind": "basic", "username": "ada", "password": TOKEN},
            "authorization",
            "Basic " + base64.b64encode(f"ada:{TOKEN}".encode()).decode(),
        ),
    ],
)
async def test_credentials_are_sent_as_the_service_wants_them(
    web: WebServer, auth: dict[str, str], header: str, value: str
) -> None:
    source = connector(web.url, auth=auth, headers={"X-Tenant": "t1"})
    await source.fetch("credit_terms", KESTREL)
    await source.aclose()
    assert web.requests[0].headers[header] == value
    assert web.requests[0].headers["x-tenant"] == "t1"
