"""The hot statements on SQLite.

One thread writes (group commit, synchronous=FULL). Reads run in the event loop's own thread: an
indexed read takes 7-10 µs, a hop to a thread and back 30-100 µs.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from app.core.call import CallEvent
from app.core.match import Choice, IndexHit
from app.core.purchases import APART, Line, as_line, newest
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
    record_values,
    utc,
)
from app.store.sqlite_writer import SqliteWriter

_INSERT = """
INSERT OR IGNORE INTO call_events (phone_system, event_key, call_id, received_at, payload)
VALUES (?, ?, ?, ?, ?)
"""
_UPSERT_CALL = (
    f"INSERT INTO calls ({', '.join(CALL_COLUMNS)}) "  # noqa: S608 - constant names
    f"VALUES ({', '.join('?' * len(CALL_COLUMNS))}) ON CONFLICT (call_id) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in CALL_COLUMNS[2:])
)
_STARTED = CALL_COLUMNS.index("started_at")
_IDENTIFY = IDENTIFY_SQL.format(keys="IN (?, ?)")
_SHARED = SHARED_SQL.format(keys="IN (:exact, :ending)", chosen=":chosen", e164=":exact")
_COUNT = COUNT_SQL.format(keys="IN (?, ?)")
_INTERACTIONS = INTERACTIONS_SQL.format(
    join_notes="group_concat(n.text, char(10) || char(10))",
    customer=":customer",
    e164=":e164",
    call=":call",
)
_LINKS = LINKS_SQL.format(customer="?")
_BOUGHT = BOUGHT_SQL.format(
    prefix="?",
    quantity="l.thousandths / 1000.0",
    connector="?",
    remote_id="?",
    since="?",
    limit="?",
)
_SOLD = SOLD_SQL.format(connector="?", items="SELECT value FROM json_each(?)")
_ANSWERS = ANSWERS_SQL.format(customer="?")
_BUSY_MS = 5000


def _stored(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _open(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    # A reader never waits for the writer (WAL), so waiting would only ever block the event loop.
    db.execute(f"PRAGMA busy_timeout = {0 if read_only else _BUSY_MS}")
    if read_only:
        db.execute("PRAGMA query_only = ON")
    # A job copies the log into the database; an event does only if that job cannot keep up.
    db.execute("PRAGMA wal_autocheckpoint = 8000")
    db.row_factory = sqlite3.Row
    return db


class SqliteHot:
    """`HotStore` on an SQLite file."""

    def __init__(self, path: Path) -> None:
        self._reader = _open(path, read_only=True)
        self._writer = SqliteWriter(_open(path))

    def append(self, event: CallEvent) -> asyncio.Future[bool]:
        """Start to put the event on disk; done when it is: False if it was there already."""
        row = EventRow.of(event)
        values = (
            row.phone_system,
            row.event_key,
            row.call_id,
            _stored(row.received_at),
            row.payload,
        )
        return self._writer.run(lambda db: db.execute(_INSERT, values).rowcount == 1)

    async def events_of(self, call_id: str) -> list[CallEvent]:
        """Read all events of a call, oldest first."""
        rows = self._reader.execute(EVENTS_SQL.format(call="?"), (call_id,))
        return [load_event(row[0]) for row in rows.fetchall()]

    async def identify(self, keys: Sequence[str], e164: str | None) -> Identified:
        """Read the phone index and an agent's earlier choice."""
        asked = (keys[0], keys[-1])
        rows = self._reader.execute(_IDENTIFY, asked).fetchall()
        choice = None
        if e164 is not None and len(rows) > 1:
            row = self._reader.execute(CHOICE_SQL.format(e164="?"), (e164,)).fetchone()
            choice = row and Choice(row[0], row[1], utc(row[2]))
        if len(rows) < MOST_HITS:
            return identified(rows, choice)
        wanted = {"exact": keys[0], "ending": keys[-1], "chosen": choice and choice.customer_id}
        rows = self._reader.execute(_SHARED, wanted).fetchall()
        return identified(rows, choice, self._reader.execute(_COUNT, asked).fetchone()[0])

    async def holders(self, account_keys: Sequence[str]) -> list[IndexHit]:
        """Read whose account numbers these are."""
        return [
            account_hit(*row)
            for key in account_keys
            for row in self._reader.execute(HOLDERS_SQL.format(key="?"), (key,)).fetchall()
        ]

    async def interactions(
        self, customer_id: str | None, e164: str | None, except_call: str
    ) -> list[dict[str, Any]]:
        """Read the earlier calls of a customer (else of a number), newest first."""
        wanted = {"customer": customer_id, "e164": e164, "call": except_call}
        return [interaction(row) for row in self._reader.execute(_INTERACTIONS, wanted).fetchall()]

    async def bought(self, customer_id: str, since_day: int, limit: int) -> list[Line]:
        """Read the newest lines of a customer's orders, by all its records."""
        links = self._reader.execute(_LINKS, (customer_id,)).fetchall()
        found = []
        for link in links:
            cursor = self._reader.cursor()
            cursor.row_factory = None
            values = (link[0] + APART, *link, since_day, limit)
            found.append(map(as_line, cursor.execute(_BOUGHT, values)))
        return newest(found, limit)

    async def sold(self, items: Mapping[str, Sequence[str]]) -> list[SoldItem]:
        """Read the items with these ids, by connector, that are in its catalogue."""
        return [
            SoldItem(*row)
            for connector, ids in items.items()
            for row in self._reader.execute(_SOLD, (connector, orjson.dumps(ids).decode()))
        ]

    async def answers(self, customer_id: str) -> list[GivenAnswer]:
        """Read what a customer said of suggestions, oldest first, by all its records."""
        rows = self._reader.execute(_ANSWERS, (customer_id,)).fetchall()
        return [GivenAnswer(*row)._replace(at=utc(row[6])) for row in rows]

    async def save_calls(self, records: Sequence[CallRecord]) -> None:
        """Write calls for lists and history."""
        rows = [
            (*values[:_STARTED], _stored(values[_STARTED]), *values[_STARTED + 1 :])
            for values in map(record_values, records)
        ]
        await self._writer.run(lambda db: db.executemany(_UPSERT_CALL, rows))

    async def config_version(self) -> int:
        """Read the number that grows with every change of configuration."""
        row = self._reader.execute(VERSION_SQL).fetchone()
        return int(row[0]) if row else 0

    async def close(self) -> None:
        """Finish what is queued and give the connections back."""
        await self._writer.close()
        self._reader.close()
