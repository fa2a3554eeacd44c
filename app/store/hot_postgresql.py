"""The hot statements on PostgreSQL, by asyncpg."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg

from app.core.call import CallEvent
from app.core.match import Choice, IndexHit
from app.core.purchases import APART, Line, Ordered, newest, read_lines
from app.store.group_commit import GroupCommit
from app.store.hot import (
    ANSWERS_SQL,
    BOUGHT_SQL,
    CALL_COLUMNS,
    CHOICE_SQL,
    COUNT_SQL,
    EVENTS_SQL,
    HOLDERS_SQL,
    IDENTIFY_SQL,
    INTERACTIONS_SQL,
    LINKS_SQL,
    MOST_HITS,
    ORDERED_SQL,
    SHARED_SQL,
    SOLD_SQL,
    VERSION_SQL,
    CallRecord,
    EventRow,
    GivenAnswer,
    Identified,
    SoldItem,
    account_hit,
    identified,
    interaction,
    load_event,
    newest_said,
    record_values,
    utc,
)

_INSERT = """
INSERT INTO call_events (phone_system, event_key, call_id, received_at, payload)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
ON CONFLICT (phone_system, event_key) DO NOTHING RETURNING phone_system, event_key
"""
_UPSERT_CALL = (
    f"INSERT INTO calls ({', '.join(CALL_COLUMNS)}) "  # noqa: S608 - constant names
    f"VALUES ({', '.join(f'${n}' for n in range(1, len(CALL_COLUMNS) + 1))}) "
    "ON CONFLICT (call_id) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in CALL_COLUMNS[2:])
)
_KEYS = "= ANY($1::text[])"
_IDENTIFY = IDENTIFY_SQL.format(keys=_KEYS)
_SHARED = SHARED_SQL.format(keys=_KEYS, chosen="$2", e164="$3")
_COUNT = COUNT_SQL.format(keys=_KEYS)
_INTERACTIONS = INTERACTIONS_SQL.format(
    join_notes="string_agg(n.text, E'\\n\\n' ORDER BY n.created_at)",
    customer="$1",
    e164="$2",
    call="$3",
)
_NEWEST = BOUGHT_SQL.format(connector="$1", remote_id="$2", since="$3", limit="$4")
# So many of the orders that their lines are enough.
_BOUGHT = f"""
SELECT lines FROM (
  SELECT *, sum(line_count) OVER (
    ORDER BY order_day DESC, id DESC ROWS UNBOUNDED PRECEDING
  ) - line_count AS before FROM ({_NEWEST}) AS newest
) AS counted WHERE before < $4 ORDER BY order_day DESC, id DESC
"""  # noqa: S608 - constant text
_ORDERED = ORDERED_SQL.format(
    prefix="$5::text",
    connector="$1",
    remote_id="$2",
    since="$3",
    limit="$4",
    keys="SELECT unnest($6::text[])",
)
_SOLD = SOLD_SQL.format(connector="$1", items="SELECT unnest($2::text[])")
_ANSWERS = ANSWERS_SQL.format(customer="$1")
_TIMEOUT_S = 10


async def _keep(_connection: Any) -> None:
    """Reset nothing between uses: these connections run only the statements of this file."""


class PostgresHot:
    """`HotStore` on PostgreSQL."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._commit = GroupCommit(self._write)

    @classmethod
    async def connect(cls, url: str) -> PostgresHot:
        """Open a few connections of its own."""
        pool = await asyncpg.create_pool(
            url, min_size=2, max_size=6, reset=_keep, command_timeout=_TIMEOUT_S
        )
        return cls(pool)

    def append(self, event: CallEvent) -> asyncio.Future[bool]:
        """Start to put the event on disk; done when it is: False if it was there already."""
        return self._commit.append(EventRow.of(event))

    async def _write(self, rows: list[EventRow]) -> list[bool]:
        columns = [
            [r.phone_system for r in rows],
            [r.event_key for r in rows],
            [r.call_id for r in rows],
            [r.received_at for r in rows],
            [r.payload for r in rows],
        ]
        stored = await self._pool.fetch(_INSERT, *columns)
        fresh = {(row[0], row[1]) for row in stored}
        new = []
        for row in rows:
            key = (row.phone_system, row.event_key)
            new.append(key in fresh)
            fresh.discard(key)
        return new

    async def events_of(self, call_id: str) -> list[CallEvent]:
        """Read all events of a call, oldest first."""
        rows = await self._pool.fetch(EVENTS_SQL.format(call="$1"), call_id)
        return [load_event(row[0]) for row in rows]

    async def identify(self, keys: Sequence[str], e164: str | None) -> Identified:
        """Read the phone index and an agent's earlier choice."""
        asked = list(keys)
        rows = await self._pool.fetch(_IDENTIFY, asked)
        choice = None
        if e164 is not None and len(rows) > 1:
            row = await self._pool.fetchrow(CHOICE_SQL.format(e164="$1"), e164)
            choice = row and Choice(row[0], row[1], utc(row[2]))
        if len(rows) < MOST_HITS:
            return identified(rows, choice)
        rows = await self._pool.fetch(_SHARED, asked, choice and choice.customer_id, keys[0])
        return identified(rows, choice, await self._pool.fetchval(_COUNT, asked))

    async def holders(self, account_keys: Sequence[str]) -> list[IndexHit]:
        """Read whose account numbers these are."""
        return [
            account_hit(*row)
            for key in account_keys
            for row in await self._pool.fetch(HOLDERS_SQL.format(key="$1"), key)
        ]

    async def interactions(
        self, customer_id: str | None, e164: str | None, except_call: str
    ) -> list[dict[str, Any]]:
        """Read the earlier calls of a customer (else of a number), newest first."""
        rows = await self._pool.fetch(_INTERACTIONS, customer_id, e164, except_call)
        return [interaction(row) for row in rows]

    async def bought(self, customer_id: str, since_day: int, limit: int) -> Sequence[Line]:
        """Read the newest lines of a customer's orders, by all its records."""
        links = await self._pool.fetch(LINKS_SQL.format(customer="$1"), customer_id)
        found = [await self._pool.fetch(_BOUGHT, *link, since_day, limit) for link in links]
        return newest([read_lines(row[0] for row in rows) for rows in found], limit)

    async def ordered(
        self, customer_id: str, since_day: int, limit: int, keys: Collection[str]
    ) -> list[Ordered]:
        """Read what the newest of these lines say of each of these items."""
        links = await self._pool.fetch(LINKS_SQL.format(customer="$1"), customer_id)
        return newest_said(
            [
                row
                for link in links
                for row in await self._pool.fetch(
                    _ORDERED, *link, since_day, limit, link[0] + APART, list(keys)
                )
            ]
        )

    async def sold(self, items: Mapping[str, Sequence[str]]) -> list[SoldItem]:
        """Read the items with these ids, by connector, that are in its catalogue."""
        return [
            SoldItem(*row)
            for connector, ids in items.items()
            for row in await self._pool.fetch(_SOLD, connector, list(ids))
        ]

    async def answers(self, customer_id: str) -> list[GivenAnswer]:
        """Read what a customer said of suggestions, oldest first, by all its records."""
        rows = await self._pool.fetch(_ANSWERS, customer_id)
        return [GivenAnswer(*row) for row in rows]

    async def save_calls(self, records: Sequence[CallRecord]) -> None:
        """Write calls for lists and history."""
        rows = [record_values(r) for r in records]
        await self._pool.executemany(_UPSERT_CALL, rows)

    async def config_version(self) -> int:
        """Read the number that grows with every change of configuration."""
        value = await self._pool.fetchval(VERSION_SQL)
        return int(value or 0)

    async def checkpoint(self) -> None:
        """Leave it to PostgreSQL."""

    async def close(self) -> None:
        """Finish what is queued and give the connections back."""
        await self._commit.drain()
        await self._pool.close()
