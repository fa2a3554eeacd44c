"""Loads into SQLite: a few thousand rows at a time, each table in the order of its key.

SQLite has one writer, and its B-trees are written a page at a time: rows in the order of the key
fill a page once, in transactions short enough for events to be acknowledged in between. A record
is there once its link is; its keys and numbers follow, and each is looked up among those of the
others as it is written. After a crash in between, `ContactWriter` writes the records of this load
anew. The driver is used directly, in a thread: statement by statement with nothing between them.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any, Self

from app.core.loading import Prepared
from app.store.loading import (
    HELD_BY_OTHERS,
    IS_NEW,
    LANES,
    LEFT_OVER,
    NEW,
    OTHERS,
    SAME,
    SORT_OUT,
    STAGING,
    Pass,
    Rest,
)
from app.store.sync_state import SyncTakenOver

# How long a transaction may hold the write lock, and how long it is free after each.
_HELD_S = 0.015
_FREE_S = 0.001
_FEWEST, _MOST = 500, 8_000
_BUSY_MS = 10_000
# What is loaded can be read again, so nothing waits for the disk before the checkpoint of the
# sync is written; pages are kept in memory (KiB) and copied into the database by the thousand.
_PRAGMAS = (
    f"busy_timeout = {_BUSY_MS}",
    "foreign_keys = ON",
    "synchronous = NORMAL",
    "temp_store = MEMORY",
    "temp.journal_mode = OFF",
    f"cache_size = -{48 * 1024}",
    "wal_autocheckpoint = 4000",
)
# So many rows in a statement: a third of the time of one by one.
_AT_ONCE = 50
_ORDER = "CREATE TEMP TABLE load_order AS SELECT t.rowid AS r FROM {table} t WHERE {where}"
_SOME = """load_order o CROSS JOIN {table} t ON t.rowid = o.r
WHERE o.rowid > :after AND o.rowid <= :until"""
_CLASHES = """
SELECT DISTINCT t.remote_id FROM {rows} AND EXISTS
  (SELECT 1 FROM {among} a WHERE a.key = t.key AND a.connector <> :connector)
"""
_STILL = (
    "SELECT 1 FROM sync_state WHERE connector = :connector AND part = 'contacts'"
    " AND checkpoint = :checkpoint"
)
_TOUCHED = (
    f"CREATE TEMP TABLE load_touched AS SELECT t.remote_id FROM load_contacts t WHERE {IS_NEW}"  # noqa: S608 - constant names
    " AND NOT EXISTS (SELECT 1 FROM customer_links l WHERE l.connector = :connector"
    " AND l.remote_id = t.remote_id AND l.sync_id = :mark AND l.customer_id = t.customer_id)"
)
_NOT_THEIRS = tuple(
    f"DELETE FROM {table} WHERE connector = :connector AND (key, remote_id) IN"  # noqa: S608 - constant names
    f" (SELECT t.key, t.remote_id FROM {staged} t JOIN load_touched USING (remote_id))"
    for table, staged in (("customer_keys", "load_keys"), ("phone_index", "load_numbers"))
)
_SUSPECT = (
    "UPDATE customer_links SET sync_id = :mark WHERE connector = :connector"
    " AND remote_id IN (SELECT remote_id FROM load_touched)"
)


@cache
def _insert(table: str, columns: int, rows: int) -> str:
    places = ", ".join([f"({', '.join('?' * columns)})"] * rows)
    return f"INSERT INTO {table} VALUES {places}"  # noqa: S608 - constant names


class SqliteLoad:
    """`loading.Load` on an SQLite file."""

    def __init__(self, path: str, connector: str, mark: str, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._values: dict[str, Any] = {"connector": connector, "mark": mark}
        self._step = _FEWEST
        self._pause = threading.Event()

    async def __aenter__(self) -> Self:
        """Open a connection of its own, with empty staging tables."""
        self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")
        for statement in STAGING:
            self._db.execute(statement)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let the connection go, and with it the staged rows."""
        self._db.close()

    async def stage(self, ready: Prepared) -> None:
        """Take rows, without a lock that others wait for."""
        with self._transaction("BEGIN"):
            self._insert("load_contacts", ready.contacts)
            self._insert("load_numbers", ready.numbers)
            self._insert("load_keys", ready.keys)

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            statement = _insert(table, len(some[0]), len(some))
            self._db.execute(statement, list(chain.from_iterable(some)))

    async def move(self, checkpoint: str) -> Rest:
        """Write what is new, as long as `checkpoint` is that of the sync."""
        self._values["checkpoint"] = checkpoint
        return await asyncio.to_thread(self._move)

    def _move(self) -> Rest:
        rest = Rest()
        with self._transaction("BEGIN"):
            self._run(SORT_OUT)
            if self._beside_others():
                self._run(HELD_BY_OTHERS)
            lanes = {row[0] for row in self._run(LANES)}
            if "linking" in lanes:
                rest.undecided = dict(self._run(LEFT_OVER).fetchall())
        for each in NEW:
            rest.half_written |= self._pass(each, IS_NEW if lanes else "true")
        if "same" in lanes:
            self._pass(SAME, "t.lane = 'same'")
        rest.half_written |= self._touched()
        return rest

    def _pass(self, each: Pass, where: str) -> set[str]:
        """Run a statement over a staging table, some rows at a time in the order of its key."""
        self._db.execute("DROP TABLE IF EXISTS load_order")
        ordered = f"{_ORDER} ORDER BY t.{each.order}"
        self._db.execute(ordered.format(table=each.table, where=where))
        count = self._db.execute("SELECT count(*) FROM load_order").fetchone()[0]
        rows = _SOME.format(table=each.table)
        statement = each.statement.format(rows=rows)
        clashes: set[str] = set()
        self._values["until"] = 0
        while self._values["until"] < count:
            self._values["after"] = self._values["until"]
            self._values["until"] += self._step
            with self._writing():
                # Asked in the transaction that writes: nobody can write in between.
                if each.among is not None and self._beside_others():
                    found = self._run(_CLASHES.format(rows=rows, among=each.among))
                    clashes |= {row[0] for row in found}
                self._run(statement)
        return clashes

    def _touched(self) -> set[str]:
        """Take back what was written of records that somebody else has changed meanwhile."""
        self._run(_TOUCHED)
        touched = {row[0] for row in self._db.execute("SELECT remote_id FROM load_touched")}
        if touched:
            with self._writing():
                for statement in (*_NOT_THEIRS, _SUSPECT):
                    self._run(statement)
        return touched

    def _beside_others(self) -> bool:
        return bool(self._run(OTHERS).fetchone()[0])

    def _run(self, statement: str) -> sqlite3.Cursor:
        if ":at" in statement:
            at = self._clock().astimezone(UTC).replace(tzinfo=None)
            self._values["at"] = at.isoformat(sep=" ", timespec="microseconds")
        return self._db.execute(statement, self._values)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the write lock as shortly as it may be held, and leave it to others after."""
        began = time.perf_counter()
        with self._transaction("BEGIN IMMEDIATE"):
            if self._run(_STILL).fetchone() is None:
                raise SyncTakenOver("another sync of this connector has begun: this one stops")
            yield
        taken_s = time.perf_counter() - began
        wanted = int(self._step * _HELD_S / max(taken_s, 1e-4))
        self._step = min(max(wanted, self._step // 2, _FEWEST), self._step * 2, _MOST)
        self._pause.wait(_FREE_S)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with closing(self._db.cursor()) as cursor:
            cursor.execute(begin)
            try:
                yield
            except BaseException:
                if self._db.in_transaction:
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
