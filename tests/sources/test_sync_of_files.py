"""A file that is replaced or written while a sync reads it: one version of it, or an error."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from app.sources.sync import PartStore, Progress, SyncResult, sync
from app.store.contacts import ContactWriter
from app.store.engine import Database
from app.store.history import History
from app.store.models import CustomerLink
from app.store.source_models import PurchaseOrder
from connectors.sdk.connector import Context
from connectors.table import TableConfig, TableConnector

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HEADERS = ("id", "name", "phone", "order", "day", "item")
COLUMNS = dict(
    zip(
        ("remote_id", "display_name", "phone", "order_number", "order_date", "item_id"),
        HEADERS,
        strict=True,
    )
)
BEING_WRITTEN = "is being written: have it written under another name and then renamed"

Rows = list[tuple[str, ...]]


def version(name: str, ids: range) -> Rows:
    """Return the rows of a version of the file: each says in its name which one it is of."""
    return [(str(i), f"{name} {i}", f"020 7946 {i:04}", f"O-{i}", "2026-11-01", name) for i in ids]


OLD, NEW = version("old", range(2_600)), version("new", range(1_000, 3_000))


@pytest.fixture
async def db(migrated_sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_sqlite_url)
    yield database
    await database.dispose()


def content(suffix: str, rows: Rows) -> bytes:
    if suffix == ".csv":
        text = io.StringIO()
        csv.writer(text).writerows([HEADERS, *rows])
        return text.getvalue().encode()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (HEADERS, *rows):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def put(path: Path, data: bytes, *, seconds_ago: float = 60) -> None:
    """Write a file in place, as somebody did some time ago."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate()
        file.write(data)
    then = time.time_ns() - int(seconds_ago * 1e9)
    os.utime(path, ns=(then, then))


def rename(path: Path, data: bytes) -> None:
    """Put another file into the place of one, as an export that is done well does."""
    put(beside := path.with_name("export.tmp"), data, seconds_ago=30)
    beside.replace(path)


def source(path: Path) -> TableConnector:
    config = TableConfig(path=path.name, columns=COLUMNS)
    return TableConnector(config, Context("credit", "GB", path.parent, lambda: NOW))


async def read(
    connector: TableConnector,
    store: PartStore,
    progress: Callable[[Progress], None] = lambda _: None,
) -> SyncResult:
    return await sync(connector, store, full=True, progress=progress, clock=lambda: NOW)


def once(work: Callable[[], None]) -> Callable[[Progress], None]:
    """Do something when the first batch was written, and not again."""
    done: list[Progress] = []

    def progress(so_far: Progress) -> None:
        if not done:
            assert 0 < so_far.records < len(OLD)
            done.append(so_far)
            work()

    return progress


async def names(db: Database) -> list[str]:
    async with db.read() as session:
        data = await session.scalars(select(CustomerLink.data))
        return sorted(each["display_name"] for each in data)


async def orders(db: Database) -> set[str]:
    async with db.read() as session:
        return set(await session.scalars(select(PurchaseOrder.order_number)))


def names_in(rows: Rows) -> list[str]:
    return sorted(row[1] for row in rows)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
async def test_a_file_that_is_replaced_while_a_sync_reads_it_is_read_in_one_version(
    db: Database, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"export{suffix}"
    put(path, content(suffix, OLD))
    later = content(suffix, NEW)
    connector = source(path)
    result = await read(connector, ContactWriter(db, "GB", 0), once(lambda: rename(path, later)))
    assert (result.error, result.records, result.removed) == (None, len(OLD), 0)
    assert await names(db) == names_in(OLD)
    result = await read(connector, ContactWriter(db, "GB", 0))
    await connector.aclose()
    assert (result.error, result.records, result.removed) == (None, len(NEW), 1_000)
    assert await names(db) == names_in(NEW)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
async def test_a_file_that_is_written_while_a_sync_reads_it_ends_the_sync_and_removes_nothing(
    db: Database, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"export{suffix}"
    put(path, content(suffix, OLD))
    connector = source(path)
    await read(connector, ContactWriter(db, "GB", 0))
    # What a sync finds first may be all that was written until then.
    half, whole = content(suffix, NEW[:1_200]), content(suffix, NEW)
    put(path, half)
    result = await read(
        connector, ContactWriter(db, "GB", 0), once(lambda: put(path, whole, seconds_ago=30))
    )
    assert result.error == f"export{suffix} {BEING_WRITTEN}"
    assert result.removed == 0
    assert len(await names(db)) == len(OLD)
    result = await read(connector, ContactWriter(db, "GB", 0))
    await connector.aclose()
    assert (result.error, result.removed) == (None, 1_000)
    assert await names(db) == names_in(NEW)


async def test_orders_are_not_removed_for_a_file_that_is_written_meanwhile(
    db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    put(path, content(".csv", OLD))
    connector = source(path)
    await read(connector, History(db))
    put(path, content(".csv", OLD[:1_000]), seconds_ago=40)
    whole = content(".csv", OLD)
    result = await read(connector, History(db), once(lambda: put(path, whole, seconds_ago=30)))
    await connector.aclose()
    assert result.error == f"export.csv {BEING_WRITTEN}"
    assert await orders(db) == {row[3] for row in OLD}


async def test_a_file_that_was_written_a_moment_ago_is_read_when_its_writer_is_done(
    db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    whole = content(".csv", OLD[:100])
    put(path, whole[:2_000], seconds_ago=0)
    connector = source(path)
    reading = asyncio.create_task(read(connector, ContactWriter(db, "GB", 0)))
    await asyncio.wait([reading], timeout=0.1)
    assert not reading.done()
    put(path, whole, seconds_ago=0)
    result = await reading
    await connector.aclose()
    assert (result.error, result.records) == (None, 100)
    assert await names(db) == names_in(OLD[:100])


async def test_a_row_that_cannot_be_read_is_named_with_its_line_and_the_rest_is_kept(
    db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    rows: list[Any] = [*OLD[:3], ("9", "has, too", "many", "x", "2026-11-01", "cells", "here")]
    put(path, content(".csv", rows))
    connector = source(path)
    result = await read(connector, ContactWriter(db, "GB", 0))
    await connector.aclose()
    assert (result.error, result.records, result.rejected_count) == (None, 3, 1)
    assert result.rejected[0].where == "row 5"
    assert "a delimiter inside a text?" in result.rejected[0].why


async def test_a_file_just_handed_over_is_read_though_the_timers_of_a_busy_loop_are_early(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda delay: sleep(max(0.0, delay - 0.05)))
    put(path := tmp_path / "customers.csv", content(".csv", NEW[:3]), seconds_ago=0.5)
    connector = source(path)
    result = await read(connector, ContactWriter(db, "GB", 0))
    await connector.aclose()
    assert (result.error, result.records) == (None, 3)
