"""The phone index and its customers, as syncs and live searches write them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select

from app.core.contact import Reading, read_contact
from app.core.sync import Part, SyncRun
from app.store.catalogue import Catalogue
from app.store.engine import Database
from app.store.history import History
from app.store.homes import documents_of, hold_customers
from app.store.linking import Batch, write_anew, write_batch
from app.store.loader import Loader
from app.store.records import LINKS, write_customers
from app.store.sync_state import (
    finish_sync,
    forget_states,
    read_saved,
    save_progress,
    start_sync,
)
from connectors.sdk.types import ContactRow, RejectedRow

_FOUND_LIVE = "found"
_AT_A_TIME = 500
# From so many contacts on a process of its own and bulk statements are worth their start.
FEW = 2_000
# Rows loaded in bulk are marked by the run and a number; `_RUN` is how long a run's mark is.
_RUN = 16


class Contacts:
    """What is written of contacts outside a sync."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def write_found(
        self, connector: str, changes: Mapping[str, Reading], *, priority: int, at: datetime
    ) -> dict[str, str]:
        """Write what a live search found; returns the customer of each record."""
        batch = Batch(connector, priority, _FOUND_LIVE, at, changes)
        customer = select(LINKS.c.remote_id, LINKS.c.customer_id).where(
            LINKS.c.connector == connector, LINKS.c.remote_id.in_(list(changes))
        )
        async with self._db.begin() as session:
            await write_batch(await session.connection(), batch)
            return {row[0]: row[1] for row in await session.execute(customer)}

    async def forget_connector(self, connector: str, *, at: datetime) -> int:
        """Remove everything that came from a connector, when it leaves the configuration."""
        removed = await remove(self._db, connector, "", 0, at)
        await History(self._db).forget_connector(connector)
        await Catalogue(self._db).forget_connector(connector)
        async with self._db.begin() as session:
            await forget_states(await session.connection(), connector)
        return removed

    async def refresh_documents(self, *, at: datetime) -> None:
        """Write the golden records anew, after the priorities of connectors have changed."""
        last = ""
        while True:
            several = (
                select(LINKS.c.customer_id)
                .where(LINKS.c.customer_id > last)
                .group_by(LINKS.c.customer_id)
                .having(func.count() > 1)
                .order_by(LINKS.c.customer_id)
                .limit(_AT_A_TIME)
            )
            # Looked for without the write lock: most customers have one record.
            async with self._db.read() as session:
                ids = list(await session.scalars(several))
            if not ids:
                return
            async with self._db.begin() as session:
                conn = await session.connection()
                await hold_customers(conn)
                await write_customers(conn, await documents_of(conn, ids), at)
            last = ids[-1]


class ContactWriter:
    """Writes a source's contacts into the phone index (`sources.sync.PartStore`).

    `region` is for numbers without a country code. A few contacts are written as they come; of
    many the rest is loaded in bulk.
    """

    part: Part = "contacts"

    def __init__(self, db: Database, region: str | None, priority: int) -> None:
        self._db = db
        self._region = region
        self._priority = priority
        self._loader: Loader | None = None
        self._direct = 0

    async def start_sync(self, connector: str, *, full: bool, at: datetime) -> SyncRun:
        """Begin a full read, or go on; records that a crash left half-written are mended first."""
        run = await start_sync(self._db, connector, self.part, full=full, at=at)
        if run.loading is not None:
            await self._mend(run, at)
        return run

    async def write(
        self, run: SyncRun, changes: Mapping[str, ContactRow | None], *, at: datetime
    ) -> None:
        """Take a batch of contacts by id; None = it is gone."""
        if self._direct < FEW:
            self._direct += len(changes)
            await self._write_directly(run, changes, at)
            return
        if self._loader is None:
            self._loader = await Loader.start(self._db, run, self._region, self._priority, at)
        gone = [remote_id for remote_id, row in changes.items() if row is None]
        if gone or self._loader.holds(changes):
            # In the order of the source: what is gone now may have been given before.
            await self._loader.settle()
        await self._loader.take([row for row in changes.values() if row is not None])
        if gone:
            await self._loader.settle()
            await self._write_directly(run, dict.fromkeys(gone), at)

    async def settle(self, run: SyncRun) -> None:  # noqa: ARG002 - the loader knows the run
        """Write what was taken and is not written yet."""
        if self._loader is not None:
            await self._loader.settle()

    async def remove_unseen(self, run: SyncRun, *, at: datetime) -> int:
        """Remove the records that a full read did not come across, and say how many."""
        return await remove(self._db, run.connector, run.sync_id, self._priority, at)

    async def finish_sync(
        self, run: SyncRun, *, at: datetime, error: str | None, settled: bool = True
    ) -> None:
        """Write how the sync ended."""
        if self._loader is not None and not settled:
            await self._loader.aclose()
            await read_saved(self._db, run)
        kept = await self.kept(run.connector)
        await finish_sync(self._db, run, kept=kept, at=at, error=error, settled=settled)

    async def kept(self, connector: str) -> int:
        """Return how many contacts of a connector are known."""
        async with self._db.read() as session:
            query = select(func.count()).where(LINKS.c.connector == connector)
            return await session.scalar(query) or 0

    async def aclose(self) -> None:
        """Stop loading; what is not settled is lost."""
        if self._loader is not None:
            await self._loader.aclose()

    async def _write_directly(
        self, run: SyncRun, rows: Mapping[str, ContactRow | None], at: datetime
    ) -> None:
        # In a thread: normalising a batch takes long enough to hold up a pop.
        readings = await asyncio.to_thread(_read_rows, rows, self._region)
        changes: dict[str, Reading | None] = {}
        for remote_id, reading in readings.items():
            if isinstance(reading, RejectedRow):
                run.reject(reading)
                continue
            changes[remote_id] = reading
            if reading is not None:
                run.records += 1
                run.numbers += len(reading.index)
                run.reject(*reading.rejected)
        async with self._db.begin() as session:
            conn = await session.connection()
            batch = Batch(run.connector, self._priority, run.sync_id, at, changes)
            await write_batch(conn, batch)
            await save_progress(conn, run)

    async def _mend(self, run: SyncRun, at: datetime) -> None:
        """Write the records of a load that was cut short anew: numbers of theirs may be missing."""
        mine = LINKS.c.connector == run.connector, LINKS.c.sync_id == run.loading
        async with self._db.read() as session:
            suspect = list(await session.scalars(select(LINKS.c.remote_id).where(*mine)))
        named = run.connector, self._priority, run.sync_id
        await write_anew(self._db, *named, suspect, at)
        run.loading = None
        async with self._db.begin() as session:
            await save_progress(await session.connection(), run)


def _read_rows(
    rows: Mapping[str, ContactRow | None], region: str | None
) -> dict[str, Reading | RejectedRow | None]:
    return {
        remote_id: None if row is None else read_contact(row, region)
        for remote_id, row in rows.items()
    }


async def remove(
    db: Database, connector: str, except_sync: str, priority: int, at: datetime
) -> int:
    """Remove the records of a connector but those that a sync has seen, and say how many."""
    unseen = (
        LINKS.c.connector == connector,
        func.substr(LINKS.c.sync_id, 1, _RUN) != except_sync,
    )
    removed, last = 0, ""
    while True:
        # Looked for without the write lock: a million records may have to be looked through.
        some = select(LINKS.c.remote_id).where(*unseen, LINKS.c.remote_id > last)
        async with db.read() as session:
            rows = await session.scalars(some.order_by(LINKS.c.remote_id).limit(_AT_A_TIME))
            ids = list(rows)
        if not ids:
            return removed
        async with db.begin() as session:
            still = select(LINKS.c.remote_id).where(*unseen, LINKS.c.remote_id.in_(ids))
            gone = dict.fromkeys(await session.scalars(still))
            batch = Batch(connector, priority, except_sync, at, gone)
            await write_batch(await session.connection(), batch)
        removed, last = removed + len(gone), ids[-1]
