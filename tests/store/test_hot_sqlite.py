"""Events on SQLite: written in the event loop, made durable beside it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from app.core.call import CallEvent, EventKind
from app.store.hot_sqlite import SqliteHot
from app.store.migrations import migrate

Ring = Callable[..., asyncio.Future[bool]]
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Disk:
    """The system's flush, which a test can hold up or let fail."""

    def __init__(self) -> None:
        self.flushes = 0
        self.fails = False
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()

    def flush(self, file: int) -> None:
        self.flushes += 1
        self.begun.set()
        assert self.may_end.wait(10)
        if self.fails:
            raise OSError(5, "Input/output error")
        os.fsync(file)

    async def is_at_work(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 10)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr("app.store.log_flusher._flush", disk.flush)
    return disk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest_asyncio.fixture
async def hot(file: Path, disk: Disk) -> AsyncIterator[SqliteHot]:
    await migrate(f"sqlite:///{file}")
    hot = SqliteHot(file)
    yield hot
    disk.may_end.set()
    await hot.close()


@pytest.fixture
def ring(hot: SqliteHot) -> Ring:
    def ring(key: str, cnam: str | None = None) -> asyncio.Future[bool]:
        return hot.append(CallEvent(EventKind.RINGING, "pbx:c-1", "pbx", NOW, key, cnam=cnam))

    return ring


async def test_nobody_is_told_that_an_event_is_on_disk_before_it_was_flushed(
    disk: Disk, ring: Ring, hot: SqliteHot
) -> None:
    disk.may_end.clear()
    written = ring("e-1")
    await disk.is_at_work()
    assert [e.event_key for e in await hot.events_of("pbx:c-1")] == ["e-1"]
    assert not written.done()
    disk.may_end.set()
    assert await written is True


async def test_what_is_written_during_a_flush_shares_the_next_one(disk: Disk, ring: Ring) -> None:
    disk.may_end.clear()
    first = ring("e-0")
    await disk.is_at_work()
    others = [ring(f"e-{number}") for number in range(1, 50)]
    disk.may_end.set()
    assert await first
    assert all(await asyncio.gather(*others))
    assert disk.flushes == 2


async def test_a_repeat_is_told_apart_and_waits_for_the_disk_as_well(
    disk: Disk, ring: Ring
) -> None:
    disk.may_end.clear()
    first, again = ring("e-1"), ring("e-1")
    await disk.is_at_work()
    assert not again.done()
    disk.may_end.set()
    assert [await first, await again] == [True, False]


async def test_after_a_flush_that_failed_nothing_is_promised_until_the_log_was_copied(
    disk: Disk, ring: Ring, hot: SqliteHot
) -> None:
    disk.fails = True
    with pytest.raises(OSError, match="Input/output"):
        await ring("e-1")
    disk.fails = False
    with pytest.raises(OSError, match="Input/output"):
        await ring("e-2")
    await hot.checkpoint()
    assert await ring("e-3") is True
    assert await ring("e-1") is False


async def test_after_a_flush_that_failed_waiting_for_another_writer_promises_nothing_either(
    disk: Disk, ring: Ring, file: Path
) -> None:
    disk.fails = True
    with pytest.raises(OSError, match="Input/output"):
        await ring("e-1")
    disk.fails = False
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = ring("e-2")
        other.execute("COMMIT")
    with pytest.raises(OSError, match="Input/output"):
        await refused


async def test_an_event_waits_for_who_else_writes_but_the_event_loop_does_not(
    ring: Ring, hot: SqliteHot, file: Path
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        written = ring("e-1")
        assert await hot.config_version() == 0
        assert not written.done()
        other.execute("COMMIT")
    assert await written is True


async def test_the_log_is_begun_anew_instead_of_growing(
    ring: Ring, hot: SqliteHot, file: Path
) -> None:
    sizes = []
    for batch in range(3):
        for number in range(200):
            await ring(f"{batch}-{number}", cnam="x" * 4000)
        await hot.checkpoint()
        sizes.append(file.with_name("x.db-wal").stat().st_size)
    assert sizes[2] < 1.2 * sizes[0]


async def test_closing_ends_what_is_queued(file: Path) -> None:
    await migrate(f"sqlite:///{file}")
    hot = SqliteHot(file)
    written = hot.append(CallEvent(EventKind.ENDED, "pbx:c-1", "pbx", NOW, "e-9"))
    await hot.close()
    assert await written is True
