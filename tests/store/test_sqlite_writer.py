"""Many callers share one durable write on SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.store.sqlite_writer import SqliteWriter


@pytest_asyncio.fixture
async def writer(tmp_path: Path) -> AsyncIterator[SqliteWriter]:
    db = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)
    db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    opened = SqliteWriter(db)
    yield opened
    await opened.close()


def insert(n: int) -> Callable[[sqlite3.Connection], Any]:
    return lambda db: db.execute("INSERT INTO t VALUES (?)", (n,)).rowcount


async def test_every_caller_learns_when_its_own_row_is_on_disk(
    writer: SqliteWriter, tmp_path: Path
) -> None:
    assert await asyncio.gather(*(writer.run(insert(n)) for n in range(200))) == [1] * 200
    with sqlite3.connect(tmp_path / "x.db") as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (200,)
    other.close()


async def test_a_row_that_cannot_be_written_does_not_take_the_others_with_it(
    writer: SqliteWriter,
) -> None:
    good, bad, also_good = writer.run(insert(1)), writer.run(insert(1)), writer.run(insert(2))
    assert await good == 1
    with pytest.raises(sqlite3.IntegrityError):
        await bad
    assert await also_good == 1


async def test_closing_writes_what_is_queued(writer: SqliteWriter) -> None:
    last = writer.run(insert(7))
    await writer.close()
    assert await last == 1
