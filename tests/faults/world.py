"""A product with two real sources that a test can break: a ledger in SQLite, a shop over HTTP."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.connectors.web import Handler, Request, WebServer, reply, web_server
from tests.product import USERS, Product, Screen, settings_for

KESTREL, OWL, SHARED = "+442079460958", "+442079460300", "+442079460777"
LEDGER = """
CREATE TABLE customers (account TEXT PRIMARY KEY, name TEXT, phone TEXT, credit_limit NUMERIC);
CREATE TABLE items (account TEXT, number TEXT, due DATE, amount_due NUMERIC);
INSERT INTO customers VALUES ('C-100', 'Kestrel Garden', '020 7946 0958', 2000),
 ('C-200', 'Owl Ltd', '020 7946 0300', NULL), ('C-300', 'Finch & Co', '020 7946 0777', 50),
 ('C-400', 'Wren & Co', '020 7946 0777', 70);
INSERT INTO items VALUES ('C-100', 'F-1', '2026-01-10', 456), ('C-300', 'F-2', '2026-01-10', 100),
 ('C-400', 'F-3', '2026-01-10', 11.5);
"""
QUERIES = {
    "contacts": "SELECT account AS remote_id, account AS external_id, name AS display_name, phone"
    " FROM customers ORDER BY account",
    "balance": "SELECT number, due AS due_date, amount_due FROM items WHERE account = :remote_id",
    "credit_terms": "SELECT credit_limit FROM customers WHERE account = :remote_id",
}
ORDERS = [{"order_number": "O-1", "order_date": "2026-03-05", "order_total": "39.99"}]
SHOPPERS = [
    {"remote_id": 7, "external_id": "C-100", "display_name": "Kestrel", "phone": KESTREL},
    {"remote_id": 8, "external_id": "C-200", "display_name": "Owl", "phone": OWL},
]


@dataclass
class World:
    """The product, and the switches of its sources."""

    product: Product
    web: WebServer
    ledger: Path
    configuration: dict[str, Any]

    async def configure(self) -> None:
        """Apply the configuration as it is now."""
        text = USERS + "connectors: " + json.dumps(list(self.configuration.values()))
        await self.product.configure(text, LEDGER_URL=f"sqlite:///{self.ledger}")

    def shop(self, path: str, answer: bytes | Callable[[Request], bytes] | Handler) -> None:
        """Let the shop answer this at a path."""
        self.web.answers[path] = answer

    def asked(self, path: str) -> int:
        """How often the shop was asked for this path."""
        return sum(request.path == path for request in self.web.requests)

    async def ring(self, call_id: str, ani: str = KESTREL, extension: str = "101") -> str:
        """Let a phone ring."""
        return await self.product.event("ringing", call_id, ani=ani, extension=extension)

    async def whole(self, screen: Screen, call_id: str, ani: str = KESTREL) -> dict[str, Any]:
        """Let a phone ring and return the pop when every source has answered or failed."""
        return await screen.whole(await self.ring(call_id, ani))


@dataclass
class Gate:
    """An answer that comes when the test opens the gate."""

    answer: bytes

    def __post_init__(self) -> None:
        self.asked, self.opened = asyncio.Event(), asyncio.Event()

    def handler(self) -> Handler:
        """Return what the web server calls."""

        async def wait(_request: Request, writer: asyncio.StreamWriter) -> None:
            self.asked.set()
            await self.opened.wait()
            writer.write(self.answer)

        return wait


def sources(web: WebServer) -> dict[str, Any]:
    """Return the two connectors' entries; nothing is kept fresh, so every call asks."""
    always = {"balance": 0, "purchases": 0, "credit_terms": 0}
    return {
        "ledger": {
            "slug": "ledger",
            "kind": "sql",
            "name": "Ledger",
            "priority": 10,
            "cache_s": always,
            "settings": {"url": {"env": "LEDGER_URL"}, "queries": QUERIES, "currency": "EUR"},
        },
        "shop": {
            "slug": "shop",
            "kind": "rest",
            "name": "Shop",
            "timeout_ms": 5000,
            "cache_s": always,
            "settings": {
                "base_url": web.url,
                "allow_private_network": True,
                "currency": "EUR",
                "contacts": {"path": "/customers"},
                "purchases": {"path": "/orders/{remote_id}"},
            },
        },
    }


@asynccontextmanager
async def open_world(database_url: str, folder: Path, **more: Any) -> AsyncIterator[World]:
    """Run the product and its sources until the end of the block."""
    ledger = folder / "ledger.db"
    with sqlite3.connect(ledger) as file:
        file.executescript(LEDGER)
    file.close()
    async with web_server() as web:
        web.answers["/customers"] = reply(SHOPPERS)
        web.answers["/orders/7"] = reply(ORDERS)
        web.answers["/orders/8"] = reply([])
        async with Product.running(settings_for(database_url, folder, **more)) as product:
            world = World(product, web, ledger, sources(web))
            await world.configure()
            yield world
