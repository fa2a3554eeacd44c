"""Synchronisation over HTTP: begun with a button, followed, and shown when it failed."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.store.leases import hold
from app.syncs import LEASE
from tests.api.conftest import Site
from tests.api.test_session import problem

URL = "/api/v1/connectors/books/sync"
QUERIES = {
    "contacts": "SELECT id AS remote_id, name AS display_name, phone FROM customers ORDER BY id",
    "history": "SELECT no AS order_number, customer AS remote_id, day AS order_date,"
    " item AS item_id FROM orders ORDER BY no",
    "catalogue": "SELECT item AS item_id, item AS name FROM orders GROUP BY item",
}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """An accounting database with a customer and an order of two lines."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("""
            CREATE TABLE customers (id TEXT, name TEXT, phone TEXT);
            CREATE TABLE orders (no TEXT, customer TEXT, day TEXT, item TEXT);
            INSERT INTO customers VALUES ('C1', 'Kestrel', '020 7946 0958');
            INSERT INTO orders VALUES ('o-1', 'C1', '2026-11-01', 'spade'),
              ('o-1', 'C1', '2026-11-01', 'hose');
        """)
    return path


async def configured(site: Site, ledger: Path) -> httpx.AsyncClient:
    admin = await site.browser("zoe@example.com")
    body = {
        "kind": "sql", "name": "Ledger", "region": "GB",
        "settings": {"url": f"sqlite:///{ledger}", "queries": QUERIES},
    }  # fmt: skip
    answer = await admin.put("/api/v1/connectors/books", json=body)
    assert answer.status_code == 200, answer.text
    return admin


async def ended(admin: httpx.AsyncClient) -> dict[str, Any]:
    """Wait for the end of the sync, and return how it went."""
    async with asyncio.timeout(20):
        while True:
            shown: dict[str, Any] = (await admin.get(URL)).json()
            parts = shown["parts"].values()
            if not shown["running"] and all(part and part["finished_at"] for part in parts):
                return shown
            await asyncio.sleep(0.02)


async def test_a_sync_is_begun_and_followed_and_a_failure_costs_nothing(
    either_site: Site, ledger: Path
) -> None:
    admin = await configured(either_site, ledger)
    assert (await admin.post(URL, json={"full": True})).status_code in (202, 409)
    shown = await ended(admin)
    assert {part: state["kept"] for part, state in shown["parts"].items()} == {
        "contacts": 1, "history": 1, "catalogue": 2,
    }  # fmt: skip
    with closing(sqlite3.connect(ledger)) as connection:
        connection.executescript("DROP TABLE customers; DROP TABLE orders")
    answer = await admin.post(URL, json={})
    assert (answer.status_code, answer.json()) == (202, {"started": True})
    async with asyncio.timeout(20):
        while (shown := await ended(admin))["parts"]["catalogue"]["error"] is None:
            await asyncio.sleep(0.02)
    assert {part: state["kept"] for part, state in shown["parts"].items()} == {
        "contacts": 1, "history": 1, "catalogue": 2,
    }  # fmt: skip
    assert all(state["error"] for state in shown["parts"].values())


async def test_a_sync_that_runs_elsewhere_is_not_begun_again(site: Site, ledger: Path) -> None:
    admin = await configured(site, ledger)
    assert await hold(site.runtime.db, "sync:books", "another process", site.clock(), LEASE)
    assert problem(await admin.post(URL, json={})) == (409, "sync_running")
    assert (await admin.get(URL)).json()["running"] is True


async def test_a_source_that_is_not_there_is_said_not_to_be(
    site: Site,
) -> None:
    admin = await site.browser("zoe@example.com")
    assert problem(await admin.get(URL)) == (404, "connector_not_found")
    assert problem(await admin.post(URL, json={})) == (404, "connector_not_found")


async def test_only_admins_may_see_and_begin_it(site: Site, ledger: Path) -> None:
    await configured(site, ledger)
    agent = await site.browser("ada@example.com")
    assert (await agent.get(URL)).status_code == 403
    assert (await agent.post(URL, json={})).status_code == 403
