"""A database that is full, busy or gone: nothing is promised that is not kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest_asyncio

from tests.api.phone_systems import (
    CALLER,
    bearer,
    event,
)
from tests.ledger import WITH_BOOKS, write_books
from tests.product import Product, settings_for


@pytest_asyncio.fixture
async def fragile(migrated_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_url, tmp_path)) as running:
        await running.configure()
        yield running


async def from_outside(product: Product, on_sqlite: str, on_postgresql: str) -> None:
    """Do something to the database behind the product's back."""
    # In a thread: what the product is writing just now must be able to end.
    await asyncio.to_thread(_do, product.settings.database, on_sqlite, on_postgresql)


def _do(url: str, on_sqlite: str, on_postgresql: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            # Locked before it is read: to find it changed then is an error that nothing waits for.
            file.executescript(f"BEGIN IMMEDIATE; {on_sqlite}; COMMIT")
    else:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(on_postgresql.encode())


async def test_an_event_that_cannot_be_written_is_not_accepted_until_it_can(
    fragile: Product,
) -> None:
    await from_outside(
        fragile,
        "CREATE TRIGGER full BEFORE INSERT ON call_events"
        " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
        'ALTER TABLE call_events ADD CONSTRAINT "full" CHECK (false) NOT VALID',
    )
    ringing: dict[str, Any] = {
        "event": "ringing",
        "call_id": "c-1",
        "event_id": "e-1",
        "ani": CALLER,
    }
    for _ in range(2):
        answer = await fragile.send(**ringing, extension="101")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["title"] == "unavailable"
        assert "disk" not in answer.text
    await from_outside(
        fragile, "DROP TRIGGER full", 'ALTER TABLE call_events DROP CONSTRAINT "full"'
    )
    async with fragile.screen("ada@example.com") as ada:
        answer = await fragile.send(**ringing, extension="101")
        assert (answer.status_code, answer.json()["duplicate"]) == (202, False)
        await ada.pop("pbx:c-1")
        answer = await fragile.send(**ringing, extension="101")
        assert (answer.status_code, answer.json()["duplicate"]) == (202, True)


async def test_a_configuration_that_cannot_be_read_is_not_a_wrong_signature(
    fragile: Product,
) -> None:
    rename = "ALTER TABLE {} RENAME TO {}"
    await from_outside(fragile, *[rename.format("meta", "away")] * 2)
    answer = await fragile.client.post("/hooks/nobody", content=b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    await from_outside(fragile, *[rename.format("away", "meta")] * 2)
    answer = await fragile.client.post("/hooks/nobody", content=b"{}")
    assert answer.status_code == 401


async def test_a_database_that_is_busy_is_waited_for(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as product:
        await product.configure()
        file = sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        with closing(file):
            async with product.screen("ada@example.com") as ada:
                file.execute("BEGIN IMMEDIATE")
                sent = asyncio.create_task(product.event("ringing", ani=CALLER, extension="101"))
                await ada.pop("pbx:c-1")  # The screen does not wait for the disk.
                assert not sent.done()
                file.execute("COMMIT")
                assert await sent == "pbx:c-1"


async def test_lost_database_connections_cost_no_event(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with Product.running(settings_for(migrated_postgres_url, tmp_path)) as product:
        await product.configure()
        accepted = []
        for number in range(6):
            if number in (1, 3):
                await from_outside(product, "", cut)
            for _attempt in range(5):
                answer = await product.send(**event(f"c-{number}", event_id=f"e-{number}"))
                assert answer.status_code in (202, 503), answer.text
                if answer.status_code == 202:
                    accepted.append(answer.json()["call_id"])
                    break
        assert accepted == [f"pbx:c-{number}" for number in range(6)]
        with psycopg.connect(product.settings.database) as server:
            stored = server.execute("SELECT call_id FROM call_events ORDER BY id").fetchall()
        assert [row[0] for row in stored] == accepted


async def test_a_phone_index_that_cannot_be_read_hides_no_call(
    fragile: Product, tmp_path: Path
) -> None:
    await fragile.configure(WITH_BOOKS, BOOKS_URL=write_books(tmp_path))
    rename = "ALTER TABLE {} RENAME TO {}"
    await from_outside(fragile, *[rename.format("phone_index", "away")] * 2)
    async with fragile.screen("ada@example.com") as ada:
        call_id = await fragile.event("ringing", ani=CALLER, extension="101")
        assert (await ada.pop(call_id))["call"]["ani"]["e164"] == CALLER
        await from_outside(fragile, *[rename.format("away", "phone_index")] * 2)
        await fragile.event("answered", extension="101")
        pop = await ada.in_state(call_id, "answered")
        assert pop["customer"]["display_name"] == "Kestrel Garden"


async def test_an_event_that_was_not_written_is_no_repeat_under_another_webhook_id(
    fragile: Product,
) -> None:
    await from_outside(
        fragile,
        "CREATE TRIGGER full BEFORE INSERT ON call_events"
        " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
        'ALTER TABLE call_events ADD CONSTRAINT "full" CHECK (false) NOT VALID',
    )
    for webhook_id in ("w-1", "w-2"):
        answer = await fragile.client.post(
            "/hooks/pbx",
            json=event("c-1", event_id="e-1"),
            headers=bearer(**{"webhook-id": webhook_id}),
        )
        assert answer.status_code == 503
