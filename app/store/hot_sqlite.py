"""The hot statements on SQLite.

Reads and the writing of an event run in the event loop's own thread: an indexed read takes
7-10 µs, a hop to a thread and back 30-100 µs. The flush that makes an event durable, and all that
may wait for a lock, has threads of its own.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from app.core.call import CallEvent
from app.core.match import Choice, IndexHit
from app.core.purchases import APART, Line, Ordered, newest, read_lines
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
from app.store.log_flusher import LogFlusher
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
_CHOICE = CHOICE_SQL.format(e164="?")
_EVENTS = EVENTS_SQL.format(call="?")
_HOLDERS = HOLDERS_SQL.format(key="?")
_COUNT = COUNT_SQL.format(keys="IN (?, ?)")
_INTERACTIONS = INTERACTIONS_SQL.format(
    join_notes="group_concat(n.text, char(10) || char(10))",
    customer=":customer",
    e164=":e164",
    call=":call",
)
_LINKS = LINKS_SQL.format(customer="?")
_BOUGHT = BOUGHT_SQL.format(connector="?", remote_id="?", since="?", limit="?")
_ORDERED = ORDERED_SQL.format(
    prefix="?",
    connector="?",
    remote_id="?",
    since="?",
    limit="?",
    keys="SELECT value FROM json_each(?)",
)
_SOLD = SOLD_SQL.format(connector="?", items="SELECT value FROM json_each(?)")
_ANSWERS = ANSWERS_SQL.format(customer="?")
_BEGIN_LOG = "INSERT OR REPLACE INTO meta (key, value) VALUES ('log_begun', datetime())"
_LOG_BYTES = 8 << 20
# They take about six pages each, 5 MB in all.
_MANY_EVENTS = 200


def _stored(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    db.execute("PRAGMA journal_mode = WAL")
    db.row_factory = sqlite3.Row
    return db


def _open_for_loop(path: Path) -> sqlite3.Connection:
    """Open the connection of the event loop, where nothing may wait: not for a lock, nor a disk."""
    db = _open(path)
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA busy_timeout = 0")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("PRAGMA cache_size = -16384")  # KiB: the upper pages of every index asked.
    return db


def _open_for_writer(path: Path) -> sqlite3.Connection:
    db = _open(path)
    db.execute("PRAGMA synchronous = FULL")
    # `checkpoint` copies the log; a commit does only if that cannot keep up.
    db.execute("PRAGMA wal_autocheckpoint = 8000")
    return db


def _lengthen_log(path: Path) -> None:
    """Make the file of the log long, by pages that are never committed.

    A flush that makes a file longer takes the disk twice as long as one that writes over what is
    there, and on a busy disk ten times: it waits for what other programs write. Where it cannot be
    done now, it is done without.
    """
    with closing(_open(path)) as db, suppress(sqlite3.OperationalError):
        db.execute("PRAGMA cache_size = 10")  # What does not fit goes to the log at once.
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO meta (key, value) VALUES ('', zeroblob(?))", (_LOG_BYTES,))
        db.execute("ROLLBACK")
        with _log_of(path).open("r+b") as log:
            os.fsync(log)


def _copy_log(path: Path, *, is_broken: bool) -> bool:
    """Copy the log into the database; say whether all of it was copied.

    The log is then begun anew; who does that waits for a flush, so it should not be the event loop.
    A broken log has a hole, after which nothing is read: nobody may write behind it meanwhile.
    """
    mode = "RESTART" if is_broken else "PASSIVE"
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        busy, pages, copied = db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        all_copied = not busy and pages == copied
        if all_copied:
            with suppress(sqlite3.OperationalError):  # Somebody else was faster.
                db.execute(_BEGIN_LOG)
        return all_copied


class SqliteHot:
    """`HotStore` on an SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _lengthen_log(path)
        self._appended = 0
        self._db = _open_for_loop(path)
        self._writer = SqliteWriter(_open_for_writer(path))
        self._flusher = LogFlusher(_log_of(path))

    def append(self, event: CallEvent) -> asyncio.Future[bool]:
        """Start to put the event on disk; done when it is: False if it was there already."""
        self._appended += 1
        row = EventRow.of(event)
        values = (
            row.phone_system,
            row.event_key,
            row.call_id,
            _stored(row.received_at),
            row.payload,
        )
        try:
            new = self._db.execute(_INSERT, values).rowcount == 1
        except sqlite3.OperationalError:  # Others write now: wait for them, but not in the loop.
            if self._flusher.failed:
                return self._flusher.on_disk(False)
            return self._writer.run(lambda db: db.execute(_INSERT, values).rowcount == 1)
        return self._flusher.on_disk(new)

    async def events_of(self, call_id: str) -> list[CallEvent]:
        """Read all events of a call, oldest first."""
        rows = self._db.execute(_EVENTS, (call_id,))
        return [load_event(row[0]) for row in rows.fetchall()]

    async def identify(self, keys: Sequence[str], e164: str | None) -> Identified:
        """Read the phone index and an agent's earlier choice."""
        asked = (keys[0], keys[-1])
        rows = self._db.execute(_IDENTIFY, asked).fetchall()
        choice = None
        if e164 is not None and len(rows) > 1:
            row = self._db.execute(_CHOICE, (e164,)).fetchone()
            choice = row and Choice(row[0], row[1], utc(row[2]))
        if len(rows) < MOST_HITS:
            return identified(rows, choice)
        wanted = {"exact": keys[0], "ending": keys[-1], "chosen": choice and choice.customer_id}
        rows = self._db.execute(_SHARED, wanted).fetchall()
        return identified(rows, choice, self._db.execute(_COUNT, asked).fetchone()[0])

    async def holders(self, account_keys: Sequence[str]) -> list[IndexHit]:
        """Read whose account numbers these are."""
        return [
            account_hit(*row)
            for key in account_keys
            for row in self._db.execute(_HOLDERS, (key,)).fetchall()
        ]

    async def interactions(
        self, customer_id: str | None, e164: str | None, except_call: str
    ) -> list[dict[str, Any]]:
        """Read the earlier calls of a customer (else of a number), newest first."""
        wanted = {"customer": customer_id, "e164": e164, "call": except_call}
        return [interaction(row) for row in self._db.execute(_INTERACTIONS, wanted).fetchall()]

    async def bought(self, customer_id: str, since_day: int, limit: int) -> Sequence[Line]:
        """Read the newest lines of a customer's orders, by all its records."""
        with closing(self._plain()) as cursor:
            links = cursor.execute(_LINKS, (customer_id,)).fetchall()
            found: list[list[Line]] = []
            for link in links:
                texts: list[str] = []
                wanted = limit
                for text, count, *_ in cursor.execute(_BOUGHT, (*link, since_day, limit)):
                    texts.append(text)
                    wanted -= count
                    if wanted <= 0:
                        break
                found.append(read_lines(texts))
        return newest(found, limit)

    async def ordered(
        self, customer_id: str, since_day: int, limit: int, keys: Collection[str]
    ) -> list[Ordered]:
        """Read what the newest of these lines say of each of these items."""
        cursor, wanted = self._plain(), orjson.dumps(list(keys)).decode()
        links = cursor.execute(_LINKS, (customer_id,)).fetchall()
        return newest_said(
            row
            for link in links
            for row in cursor.execute(
                _ORDERED, (link[0] + APART, *link, since_day, limit, wanted)
            ).fetchall()
        )

    def _plain(self) -> sqlite3.Cursor:
        """Return a cursor whose rows are plain tuples, which cost less."""
        cursor = self._db.cursor()
        cursor.row_factory = None
        return cursor

    async def sold(self, items: Mapping[str, Sequence[str]]) -> list[SoldItem]:
        """Read the items with these ids, by connector, that are in its catalogue."""
        return [
            SoldItem(*row)
            for connector, ids in items.items()
            for row in self._plain().execute(_SOLD, (connector, orjson.dumps(ids).decode()))
        ]

    async def answers(self, customer_id: str) -> list[GivenAnswer]:
        """Read what a customer said of suggestions, oldest first, by all its records."""
        rows = self._db.execute(_ANSWERS, (customer_id,)).fetchall()
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
        row = self._db.execute(VERSION_SQL).fetchone()
        return int(row[0]) if row else 0

    async def checkpoint(self) -> None:
        """Copy the write-ahead log into the database, if it has become long."""
        is_broken = self._flusher.failed
        if self._appended >= _MANY_EVENTS or is_broken:
            self._appended = 0
            all_copied = await asyncio.to_thread(_copy_log, self._path, is_broken=is_broken)
            # What failed during the copy is not in it.
            if all_copied and is_broken:
                self._flusher.all_copied()

    async def close(self) -> None:
        """Finish what is queued and give the connections back."""
        await self._flusher.close()
        await self._writer.close()
        self._db.close()
