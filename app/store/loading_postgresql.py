"""Loads into PostgreSQL: copied into the staging tables, and moved in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Self

from sqlalchemy import bindparam, text
from sqlalchemy.engine import CursorResult

from app.core.loading import Prepared
from app.store.engine import Database
from app.store.homes import hold_customers
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
    Rest,
)
from app.store.types import UtcDateTime

_COLUMNS = {
    "load_contacts": ("remote_id", "customer_id", "display_name", "doc", "data"),
    "load_numbers": ("key", "remote_id", "customer_id", "raw", "type", "is_primary"),
    "load_keys": ("key", "remote_id"),
}

_ANALYSES = tuple(f"ANALYZE {table}" for table in _COLUMNS)


class PostgresqlLoad:
    """`loading.Load` on PostgreSQL."""

    def __init__(
        self, db: Database, connector: str, mark: str, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._clock = clock
        self._values: Mapping[str, Any] = {"connector": connector, "mark": mark}
        self._open_now = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open a connection of its own, with empty staging tables."""
        self._conn = await self._open_now.enter_async_context(self._db.connection())
        async with self._conn.begin():
            for statement in STAGING:
                await self._conn.exec_driver_sql(statement)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let the connection go, and with it the staged rows."""
        await self._open_now.aclose()

    async def stage(self, ready: Prepared) -> None:
        """Take rows, without a lock that others wait for."""
        rows: dict[str, Sequence[tuple[Any, ...]]] = {
            "load_contacts": ready.contacts,
            "load_numbers": ready.numbers,
            "load_keys": ready.keys,
        }
        adapted: Any = (await self._conn.get_raw_connection()).dbapi_connection
        for table, some in rows.items():
            if some:
                await adapted.driver_connection.copy_records_to_table(
                    table, records=some, columns=_COLUMNS[table]
                )

    async def move(self, checkpoint: str) -> Rest:  # noqa: ARG002 - one transaction, all or nothing
        """Write what is new; a sync that was taken over cannot write its checkpoint after."""
        async with self._conn.begin():
            await hold_customers(self._conn)
            for statement in _ANALYSES:
                await self._conn.exec_driver_sql(statement)
            await self._run(SORT_OUT)
            if (await self._run(OTHERS)).scalar():
                await self._run(HELD_BY_OTHERS)
            lanes = set((await self._run(LANES)).scalars())
            for each in NEW:
                rows = f"{each.table} t WHERE {IS_NEW} ORDER BY t.{each.order}"
                await self._run(each.statement.format(rows=rows))
            if "same" in lanes:
                rows = f"{SAME.table} t WHERE t.lane = 'same'"
                await self._run(SAME.statement.format(rows=rows))
            left_over: Any = await self._run(LEFT_OVER)
            return Rest({row[0]: row[1] for row in left_over})

    async def _run(self, sql: str) -> CursorResult[Any]:
        values = {name: value for name, value in self._values.items() if f":{name}" in sql}
        query = text(sql)
        if ":at" in sql:
            query = query.bindparams(bindparam("at", type_=UtcDateTime()))
            values["at"] = self._clock()
        return await self._conn.execute(query, values)
