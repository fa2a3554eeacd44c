"""Reads a connector's contacts into the phone index: in batches, resumable, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from app.core.contact import Reading, SyncRun, read_contact
from app.errors import UserError
from connectors.sdk.connector import Connector
from connectors.sdk.types import Checkpoint, ContactRow, RejectedRow, SourceError, Tombstone

# A batch holds the write lock of SQLite for some 30 ms, in which no event can be acknowledged.
BATCH = 500
REJECTED_KEPT = 100

_running: set[tuple[int, str]] = set()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is; `total` is None when the source does not know."""

    connector: str
    contacts: int
    numbers: int
    rejected: int
    total: int | None


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How a sync went; after an `error` what was read until then stays."""

    connector: str
    contacts: int
    numbers: int
    removed: int
    rejected_count: int
    rejected: tuple[RejectedRow, ...]
    error: str | None


class ContactStore(Protocol):
    """Where a sync writes (`store.contacts.Contacts`)."""

    async def start_sync(self, connector: str, *, full: bool, at: datetime) -> SyncRun:
        """Begin a full read, or go on with the last one."""

    async def write(
        self, run: SyncRun, changes: Mapping[str, Reading | None], *, priority: int, at: datetime
    ) -> None:
        """Write a batch and the checkpoint it reaches, both or neither."""

    async def remove_unseen(self, run: SyncRun, *, priority: int, at: datetime) -> int:
        """Remove the records that a full read did not come across."""

    async def finish_sync(self, run: SyncRun, *, at: datetime, error: str | None) -> None:
        """Write how the sync ended."""

    async def has_contacts(self, connector: str) -> bool:
        """Is any record of this connector known?"""

    async def write_found(
        self, connector: str, changes: Mapping[str, Reading], *, priority: int, at: datetime
    ) -> dict[str, str]:
        """Write what a live search found; returns the customer of each record."""


class SyncRunning(UserError):
    """This connector is being read already."""


async def sync(
    connector: Connector[Any],
    region: str | None,
    priority: int,
    store: ContactStore,
    *,
    full: bool,
    progress: Callable[[Progress], None],
    clock: Callable[[], datetime],
) -> SyncResult:
    """Read a connector's contacts, all (`full`) or where the last sync left off.

    `region` is for numbers without a country code. A fault of the source ends the sync and is
    in the result; what was read stays.

    Raises:
        SyncRunning: this connector is being read already.
    """
    slug = connector.context.slug
    claim = (id(store), slug)
    if claim in _running:
        raise SyncRunning(f"connector {slug} is being synchronised already: wait until it is done")
    _running.add(claim)
    try:
        run = await store.start_sync(slug, full=full, at=clock())
        return await _Sync(connector, region, priority, store, run, progress, clock).read()
    finally:
        _running.discard(claim)


async def upsert_found(
    connector: str,
    rows: Sequence[ContactRow],
    region: str | None,
    priority: int,
    store: ContactStore,
    *,
    at: datetime,
) -> dict[str, str]:
    """Put what a live `find` returned into the index; returns the customer id of each remote id."""
    readings = [read_contact(row, region) for row in rows]
    changes = {r.contact["remote_id"]: r for r in readings if isinstance(r, Reading)}
    return await store.write_found(connector, changes, priority=priority, at=at)


@dataclass(slots=True)
class _Sync:
    """One sync under way: what was read and is not yet written."""

    connector: Connector[Any]
    region: str | None
    priority: int
    store: ContactStore
    run: SyncRun
    progress: Callable[[Progress], None]
    clock: Callable[[], datetime]
    total: int | None = None

    async def read(self) -> SyncResult:
        """Read to the end or to the source's fault, and write how it went."""
        error: str | None = None
        removed = 0
        try:
            await self._read_contacts()
            if self.run.full:
                removed, error = await self._remove_unseen()
        except SourceError as fault:
            error = fault.text
        except Exception as fault:
            # A connector's bug must not look like a sync that still runs.
            await self._finish(f"the connector failed: {type(fault).__name__}")
            raise
        await self._finish(error)
        run = self.run
        return SyncResult(
            run.connector,
            run.contacts,
            run.numbers,
            removed,
            run.rejected_count,
            tuple(run.rejected),
            error,
        )

    async def _read_contacts(self) -> None:
        waiting: dict[str, ContactRow | None] = {}
        items = self.connector.contacts(self.run.cursor)
        try:
            async for item in items:
                match item:
                    case ContactRow():
                        waiting[item.remote_id] = item
                    case Tombstone():
                        waiting[item.remote_id] = None
                    case RejectedRow():
                        self._reject([item])
                    case Checkpoint():
                        self.run.cursor = item.cursor or self.run.cursor
                        self.total = item.total if item.total is not None else self.total
                if len(waiting) >= BATCH:
                    # Emptied first: a batch that failed to be written is not tried again below.
                    batch, waiting = waiting, {}
                    await self._write(batch)
        except SourceError:
            await self._write(waiting)
            raise
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()
        await self._write(waiting)

    async def _write(self, rows: Mapping[str, ContactRow | None]) -> None:
        # In a thread: normalising a batch takes long enough to hold up a pop.
        readings = await asyncio.to_thread(_read_rows, rows, self.region)
        changes: dict[str, Reading | None] = {}
        for remote_id, reading in readings.items():
            if isinstance(reading, RejectedRow):
                self._reject([reading])
                continue
            changes[remote_id] = reading
            if reading is not None:
                self.run.contacts += 1
                self.run.numbers += len(reading.index)
                self._reject(reading.rejected)
        await self.store.write(self.run, changes, priority=self.priority, at=self.clock())
        run = self.run
        self.progress(
            Progress(run.connector, run.contacts, run.numbers, run.rejected_count, self.total)
        )

    async def _remove_unseen(self) -> tuple[int, str | None]:
        if self.run.contacts == 0 and await self.store.has_contacts(self.run.connector):
            # An export that is empty for a moment must not cost every choice and link.
            return 0, "the source gave no contacts at all: those known from before were kept"
        return await self.store.remove_unseen(
            self.run, priority=self.priority, at=self.clock()
        ), None

    async def _finish(self, error: str | None) -> None:
        await self.store.finish_sync(self.run, at=self.clock(), error=error)

    def _reject(self, rows: Sequence[RejectedRow]) -> None:
        self.run.rejected_count += len(rows)
        self.run.rejected += rows[: REJECTED_KEPT - len(self.run.rejected)]


def _read_rows(
    rows: Mapping[str, ContactRow | None], region: str | None
) -> dict[str, Reading | RejectedRow | None]:
    return {
        remote_id: None if row is None else read_contact(row, region)
        for remote_id, row in rows.items()
    }
