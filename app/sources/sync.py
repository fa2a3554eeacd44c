"""Reads a part of a source into the store: in batches, resumable, with progress."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from app.core.contact import Reading, read_contact
from app.core.sync import Part, SyncRun
from connectors.sdk.budget import patience
from connectors.sdk.connector import Connector
from connectors.sdk.types import (
    Checkpoint,
    ContactRow,
    Item,
    Purchase,
    RejectedRow,
    SourceError,
    Tombstone,
)

# A batch holds the write lock of SQLite for some 30 ms, in which no event can be acknowledged.
BATCH = 500
# For a source that asks to be called less often; nobody waits for a sync.
LONGEST_WAIT_S = 300.0
NOUNS: Mapping[Part, str] = {"contacts": "contacts", "history": "orders", "catalogue": "items"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is; `total` is None when the source does not know."""

    connector: str
    part: Part
    records: int
    numbers: int
    rejected: int
    total: int | None


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How a sync went; after an `error` what was read until then stays."""

    connector: str
    part: Part
    records: int
    numbers: int
    removed: int
    rejected_count: int
    rejected: tuple[RejectedRow, ...]
    error: str | None


class PartStore(Protocol):
    """Where a sync writes one part: `store.contacts`, `store.history`, `store.catalogue`."""

    @property
    def part(self) -> Part:
        """Which part this is."""

    async def start_sync(self, connector: str, *, full: bool, at: datetime) -> SyncRun:
        """Begin a full read, or go on with the last one."""

    async def write(self, run: SyncRun, changes: Mapping[str, Any], *, at: datetime) -> None:
        """Take a batch by id, None = it is gone; written at once or with more of them.

        The batch and the checkpoint it reaches are written both or neither.
        """

    async def settle(self, run: SyncRun) -> None:
        """Write what was taken and is not written yet."""

    async def remove_unseen(self, run: SyncRun, *, at: datetime) -> int:
        """Remove the records that a full read did not come across."""

    async def finish_sync(
        self, run: SyncRun, *, at: datetime, error: str | None, settled: bool = True
    ) -> None:
        """Write how the sync ended; unless `settled`, not all that was read was written."""

    async def kept(self, connector: str) -> int:
        """Return how many records of this connector are known."""

    async def aclose(self) -> None:
        """Give back what the writing needed."""


class FoundStore(Protocol):
    """Where what a live search found is written (`store.contacts.Contacts`)."""

    async def write_found(
        self, connector: str, changes: Mapping[str, Reading], *, priority: int, at: datetime
    ) -> dict[str, str]:
        """Write what a live search found; returns the customer of each record."""


async def sync(
    connector: Connector[Any],
    store: PartStore,
    *,
    full: bool,
    progress: Callable[[Progress], None],
    clock: Callable[[], datetime],
) -> SyncResult:
    """Read a part of a source, all of it (`full`) or from where the last sync left off.

    A fault of the source ends the sync and is in the result; what was read stays. Only one may
    run at a time for a part of a connector: of two, the one that began first stops.
    """
    try:
        run = await store.start_sync(connector.context.slug, full=full, at=clock())
        with patience(LONGEST_WAIT_S):
            return await _Sync(connector, store, run, progress, clock).read()
    finally:
        await store.aclose()


async def upsert_found(
    connector: str,
    rows: Sequence[ContactRow],
    region: str | None,
    priority: int,
    store: FoundStore,
    *,
    at: datetime,
) -> dict[str, str]:
    """Put what a live `find` returned into the index; returns the customer id of each remote id."""
    readings = [read_contact(row, region) for row in rows]
    changes = {r.contact["remote_id"]: r for r in readings if isinstance(r, Reading)}
    return await store.write_found(connector, changes, priority=priority, at=at)


@dataclass(slots=True)
class _Sync:
    """One sync under way."""

    connector: Connector[Any]
    store: PartStore
    run: SyncRun
    progress: Callable[[Progress], None]
    clock: Callable[[], datetime]

    async def read(self) -> SyncResult:
        """Read to the end or to the source's fault, and write how it went."""
        run = self.run
        error: str | None = None
        removed = 0
        try:
            await self._read_all()
            if run.full:
                removed, error = await self._remove_unseen()
        except SourceError as fault:
            error = fault.text
        except Exception as fault:
            # A connector's bug must not look like a sync that still runs.
            error = f"the connector failed: {type(fault).__name__}"
            await self.store.finish_sync(run, at=self.clock(), error=error, settled=False)
            raise
        await self.store.finish_sync(run, at=self.clock(), error=error)
        return SyncResult(
            run.connector,
            run.part,
            run.records,
            run.numbers,
            removed,
            run.rejected_count,
            tuple(run.rejected),
            error,
        )

    async def _read_all(self) -> None:
        waiting: dict[str, Any] = {}
        items = _items(self.connector, self.run)
        try:
            async for item in items:
                match item:
                    case RejectedRow():
                        self.run.reject(item)
                    case Checkpoint():
                        self.run.cursor = item.cursor or self.run.cursor
                        self.run.total = item.total if item.total is not None else self.run.total
                    case Tombstone():
                        waiting[item.remote_id] = None
                    case _:
                        waiting[_id_of(item)] = item
                if len(waiting) >= BATCH:
                    # Emptied first: a batch that failed to be written is not tried again below.
                    batch, waiting = waiting, {}
                    await self._write(batch)
        except SourceError:
            await self._write(waiting)
            await self.store.settle(self.run)
            raise
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()
        await self._write(waiting)
        await self.store.settle(self.run)

    async def _write(self, batch: Mapping[str, Any]) -> None:
        run = self.run
        await self.store.write(run, batch, at=self.clock())
        now = Progress(
            run.connector, run.part, run.records, run.numbers, run.rejected_count, run.total
        )
        self.progress(now)

    async def _remove_unseen(self) -> tuple[int, str | None]:
        run = self.run
        if run.records == 0 and await self.store.kept(run.connector):
            # An export that is empty for a moment must not cost every choice and link.
            noun = NOUNS[run.part]
            return 0, f"the source gave no {noun} at all: those known from before were kept"
        return await self.store.remove_unseen(run, at=self.clock()), None


def _items(connector: Connector[Any], run: SyncRun) -> AsyncIterator[Any]:
    match run.part:
        case "contacts":
            return connector.contacts(run.cursor)
        case "history":
            return connector.purchases(run.cursor)
        case "catalogue":
            return connector.catalogue(run.cursor)


def _id_of(item: ContactRow | Purchase | Item) -> str:
    match item:
        case ContactRow():
            return item.remote_id
        case Purchase():
            return item.order.order_number
        case Item():
            return item.item_id
