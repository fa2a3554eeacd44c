"""Writes many contacts at once: staged in temporary tables, then moved by a few statements.

What is new and shares no evidence with another connector's records is written here, set by set.
What has changed, or may join or part customers, is handed back for `linking` to decide.

SQLite has one writer, and its B-trees are written a page at a time: each table is filled in the
order of its key, so that a page is written once for many rows, in transactions short enough for
events to be acknowledged in between. A record is there once its link is; its keys and numbers
follow, and each is looked up among those of the others as it is written. After a crash in
between, `ContactWriter` writes the records of this load anew. PostgreSQL takes it all at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.loading import Prepared
from app.store.engine import Database
from app.store.homes import hold_customers
from app.store.types import UtcDateTime

# How long a transaction may hold SQLite's write lock, and how long it is free after each.
_HELD_S = 0.015
_FREE_S = 0.001
_FEWEST, _MOST = 500, 8_000
# What is loaded can be read again, so nothing waits for the disk before the checkpoint of the
# sync is written; pages are kept in memory (KiB) and copied into the database by the thousand.
_SQLITE = (
    "synchronous = NORMAL",
    "temp_store = MEMORY",
    f"cache_size = -{48 * 1024}",
    "wal_autocheckpoint = 4000",
)

_STAGING = (
    "CREATE TEMP TABLE load_contacts (remote_id TEXT, customer_id TEXT, display_name TEXT,"
    " doc TEXT, data TEXT, lane TEXT)",
    "CREATE TEMP TABLE load_numbers (key TEXT, remote_id TEXT, raw TEXT, type TEXT,"
    " is_primary BOOLEAN)",
    "CREATE TEMP TABLE load_keys (key TEXT, remote_id TEXT)",
)
_COLUMNS = {
    "load_contacts": ("remote_id", "customer_id", "display_name", "doc", "data"),
    "load_numbers": ("key", "remote_id", "raw", "type", "is_primary"),
    "load_keys": ("key", "remote_id"),
}
_INSERTS = {
    "load_contacts": "INSERT INTO load_contacts VALUES (?, ?, ?, ?, ?, NULL)",
    "load_numbers": "INSERT INTO load_numbers VALUES (?, ?, ?, ?, ?)",
    "load_keys": "INSERT INTO load_keys VALUES (?, ?)",
}
_ANALYSES = ("ANALYZE load_contacts", "ANALYZE load_numbers", "ANALYZE load_keys")
_ORDERS = {
    "load_contacts": "CREATE TEMP TABLE load_order AS SELECT rowid AS r FROM load_contacts"
    " ORDER BY customer_id",
    "load_numbers": "CREATE TEMP TABLE load_order AS SELECT rowid AS r FROM load_numbers"
    " ORDER BY key",
    "load_keys": "CREATE TEMP TABLE load_order AS SELECT rowid AS r FROM load_keys ORDER BY key",
}
# Least and greatest are each one step in the index, where "any other" would read it all.
_OTHERS = """
SELECT (SELECT min(connector) FROM customer_links) <> :connector
    OR (SELECT max(connector) FROM customer_links) <> :connector
"""
# New records, alone; the rest is `same` as stored or for `linking` to decide.
_SORT_OUT = """
UPDATE load_contacts SET lane = CASE
  WHEN EXISTS (SELECT 1 FROM customer_links l WHERE l.connector = :connector
               AND l.remote_id = load_contacts.remote_id AND l.data = load_contacts.data)
  THEN 'same'
  WHEN EXISTS (SELECT 1 FROM customer_links l WHERE l.connector = :connector
               AND l.remote_id = load_contacts.remote_id)
    OR EXISTS (SELECT 1 FROM customer_links l WHERE l.customer_id = load_contacts.customer_id)
    OR EXISTS (SELECT 1 FROM customer_merges m WHERE m.gone_id = load_contacts.customer_id
               OR m.survivor_id = load_contacts.customer_id)
  THEN 'linking' ELSE 'new' END
"""
_HELD_BY_OTHERS = """
UPDATE load_contacts SET lane = 'linking' WHERE lane = 'new' AND remote_id IN (
  SELECT t.remote_id FROM load_keys t WHERE EXISTS (
    SELECT 1 FROM customer_keys k WHERE k.key = t.key AND k.connector <> :connector)
  UNION ALL SELECT t.remote_id FROM load_numbers t WHERE EXISTS (
    SELECT 1 FROM phone_index p WHERE p.key = t.key AND p.connector <> :connector))
"""
_LEAVE_OUT = (
    "DELETE FROM load_numbers WHERE remote_id IN"
    " (SELECT remote_id FROM load_contacts WHERE lane <> 'new')",
    "DELETE FROM load_keys WHERE remote_id IN"
    " (SELECT remote_id FROM load_contacts WHERE lane <> 'new')",
)
_CUSTOMERS = """
INSERT INTO customers (id, display_name, doc, updated_at)
SELECT t.customer_id, t.display_name, t.doc, {at} FROM {rows} AND t.lane = 'new'
ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name, doc = excluded.doc,
  updated_at = excluded.updated_at
"""
_LINKS = """
INSERT INTO customer_links (connector, remote_id, customer_id, data, sync_id, linked_at)
SELECT :connector, t.remote_id, t.customer_id, t.data, :sync_id, {at}
FROM {rows} AND t.lane = 'new' ON CONFLICT DO NOTHING
"""
_KEYS = """
INSERT INTO customer_keys (key, connector, remote_id)
SELECT t.key, :connector, t.remote_id FROM {rows} ON CONFLICT DO NOTHING
"""
# The link says whose a number is: somebody may have merged the customer a moment ago.
_NUMBERS = """
INSERT INTO phone_index (key, connector, remote_id, customer_id, raw, type, is_primary)
SELECT t.key, :connector, t.remote_id, l.customer_id, t.raw, t.type, t.is_primary
FROM {rows} AND l.connector = :connector AND l.remote_id = t.remote_id ON CONFLICT DO NOTHING
"""
_SEEN = """
UPDATE customer_links SET sync_id = :sync_id WHERE connector = :connector AND remote_id IN
  (SELECT t.remote_id FROM {rows} AND t.lane = 'same')
"""
# A statement, the staged rows that it moves, and among which rows of others they may clash.
_Pass = tuple[str, str, str | None]
_NEW: tuple[_Pass, ...] = (
    (_CUSTOMERS, "load_contacts", None),
    (_LINKS, "load_contacts", None),
    (_KEYS, "load_keys", "customer_keys"),
    (_NUMBERS, "load_numbers", "phone_index"),
)
_SAME: tuple[_Pass, ...] = ((_SEEN, "load_contacts", None),)
_CLASHES = (
    "SELECT DISTINCT t.remote_id FROM {rows} AND EXISTS"
    " (SELECT 1 FROM {table} o WHERE o.key = t.key AND o.connector <> :connector)"
)


class Load:
    """Contacts on their way into the store; an asynchronous context manager.

    Stage first, then `move`; what `move` returns is left to be decided one by one.
    """

    def __init__(
        self, db: Database, connector: str, sync_id: str, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._clock = clock
        self._values: dict[str, Any] = {"connector": connector, "sync_id": sync_id}
        self._open_now = AsyncExitStack()
        self._step = _FEWEST
        self._lanes: frozenset[str] = frozenset()

    async def __aenter__(self) -> Self:
        """Open a connection of its own, with empty staging tables."""
        self._conn = await self._open_now.enter_async_context(self._db.connection())
        self._sqlite = self._conn.dialect.name == "sqlite"
        if self._sqlite:
            driver = await self._driver()
            for pragma in _SQLITE:
                await driver.execute(f"PRAGMA {pragma}")
        async with self._beside():
            for statement in _STAGING:
                await self._conn.exec_driver_sql(statement)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Let the connection go, and with it the staged rows."""
        await self._open_now.aclose()

    async def stage(self, ready: Prepared) -> None:
        """Take rows, without a lock that others wait for."""
        rows: dict[str, Sequence[tuple[Any, ...]]] = {
            "load_contacts": ready.contacts,
            "load_numbers": ready.numbers,
            "load_keys": ready.keys,
        }
        async with self._beside():
            for table, some in rows.items():
                if some:
                    await self._insert(table, some)

    async def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if self._sqlite:
            await self._conn.exec_driver_sql(_INSERTS[table], list(rows))
        else:
            driver = await self._driver()
            await driver.copy_records_to_table(table, records=rows, columns=_COLUMNS[table])

    async def _driver(self) -> Any:
        adapted: Any = (await self._conn.get_raw_connection()).dbapi_connection
        return adapted.driver_connection

    async def move(self) -> tuple[dict[str, str], set[str]]:
        """Write what is new; return the data of what is to be decided, and the half-written.

        The half-written records are new ones of which another connector's record turned out, as
        they were written, to share evidence: they are to be written anew.
        """
        if self._sqlite:
            async with self._beside():
                await self._sort_out()
            return await self._left_over(), await self._move_in_order()
        async with self._writing():
            await hold_customers(self._conn)
            await self._sort_out()
            for statement, table, _ in self._passes():
                link = ", customer_links l" if statement is _NUMBERS else ""
                await self._run(statement, f"{table} t{link} WHERE true")
        return await self._left_over(), set()

    def _passes(self) -> tuple[_Pass, ...]:
        return (*(_NEW if "new" in self._lanes else ()), *(_SAME if "same" in self._lanes else ()))

    async def _sort_out(self) -> None:
        """Say of each record which way it goes."""
        if not self._sqlite:
            for statement in _ANALYSES:
                await self._conn.exec_driver_sql(statement)
        await self._conn.execute(text(_SORT_OUT), self._named(_SORT_OUT))
        if await self._beside_others():
            await self._conn.execute(text(_HELD_BY_OTHERS), self._named(_HELD_BY_OTHERS))
        lanes = await self._conn.scalars(text("SELECT DISTINCT lane FROM load_contacts"))
        self._lanes = frozenset(lanes)
        if self._lanes != {"new"}:
            for statement in _LEAVE_OUT:
                await self._conn.exec_driver_sql(statement)

    async def _left_over(self) -> dict[str, str]:
        async with self._beside():
            query = text("SELECT remote_id, data FROM load_contacts WHERE lane = 'linking'")
            return {row[0]: row[1] for row in await self._conn.execute(query)}

    async def _move_in_order(self) -> set[str]:
        clashes: set[str] = set()
        for statement, table, among in self._passes():
            clashes |= await self._pass(statement, table, among)
        return clashes

    async def _pass(self, statement: str, table: str, among: str | None) -> set[str]:
        """Run a statement over a staging table, some rows at a time in the order of its key."""
        async with self._beside():
            await self._conn.exec_driver_sql(_ORDERS[table])
            count = await self._conn.scalar(text("SELECT count(*) FROM load_order")) or 0
        clashes: set[str] = set()
        joined = f"load_order o CROSS JOIN {table} t ON t.rowid = o.r{{}}"
        some = f"{joined} WHERE o.rowid > :after AND o.rowid <= :until"
        done = 0
        while done < count:
            self._values |= {"after": done, "until": done + self._step}
            done += self._step
            began = time.perf_counter()
            async with self._writing():
                # Asked in the transaction that writes: nobody can write in between.
                if among is not None and await self._beside_others():
                    query = _CLASHES.format(rows=some.format(""), table=among)
                    found = await self._conn.scalars(text(query), self._named(query))
                    clashes |= set(found)
                link = " CROSS JOIN customer_links l" if statement is _NUMBERS else ""
                await self._run(statement, some.format(link))
            self._adapt(time.perf_counter() - began)
            await asyncio.sleep(_FREE_S)
        async with self._beside():
            await self._conn.exec_driver_sql("DROP TABLE load_order")
        return clashes

    async def _beside_others(self) -> bool:
        return bool(await self._conn.scalar(text(_OTHERS), self._named(_OTHERS)))

    def _adapt(self, taken_s: float) -> None:
        wanted = int(self._step * _HELD_S / max(taken_s, 1e-4))
        self._step = min(max(wanted, self._step // 2, _FEWEST), self._step * 2, _MOST)

    async def _run(self, statement: str, rows: str) -> None:
        sql = statement.format(rows=rows, at=":at")
        query, values = text(sql), self._named(sql)
        if ":at" in sql:
            query, values["at"] = (
                query.bindparams(bindparam("at", type_=UtcDateTime())),
                self._clock(),
            )
        await self._conn.execute(query, values)

    def _named(self, sql: str) -> dict[str, Any]:
        return {name: value for name, value in self._values.items() if f":{name}" in sql}

    @asynccontextmanager
    async def _beside(self) -> AsyncIterator[None]:
        """Open a transaction that writes to the staging tables only."""
        self._conn = await self._conn.execution_options(screenpop_read=True)
        async with self._conn.begin():
            yield

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        self._conn = await self._conn.execution_options(screenpop_read=False)
        async with self._conn.begin():
            yield self._conn
