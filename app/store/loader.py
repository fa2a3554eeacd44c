"""Loads many contacts: read in another process, staged, and moved while more are being read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import orjson
from sqlalchemy import select

from app.core.contact import reading_of
from app.core.sync import SyncRun
from app.store.contact_reader import ContactReader
from app.store.engine import Database
from app.store.linking import Batch, write_batch
from app.store.loading import Load
from app.store.records import LINKS
from app.store.sync_state import mark_loading, save_progress
from connectors.sdk.types import ContactRow

# More are moved with fewer pages written, but wait longer to be found, and are lost by a crash.
LOAD = {"sqlite": 50_000, "postgresql": 20_000}
_AHEAD = 4
_AT_A_TIME = 500


@dataclass(slots=True)
class _Staged:
    """A load that is being filled, with the ids it holds."""

    load: Load
    mark: str
    ids: set[str] = field(default_factory=set)


class Loader:
    """Takes contacts of a run; `settle` makes sure that all of them are written."""

    def __init__(
        self,
        db: Database,
        reader: ContactReader,
        region: str | None,
        priority: int,
        at: datetime,
    ) -> None:
        self._db = db
        self._reader = reader
        self._region = region
        self._priority = priority
        self._staged: _Staged | None = None
        self._moving: asyncio.Task[None] | None = None
        self._loads = 0
        self._size = LOAD[db.dialect]
        self._began = at, time.monotonic()

    @classmethod
    async def start(cls, db: Database, region: str | None, priority: int, at: datetime) -> Loader:
        """Start the process that reads; `at` is the time now."""
        return cls(db, await ContactReader.start(), region, priority, at)

    def holds(self, ids: Iterable[str]) -> bool:
        """Say whether one of these was taken and is not written yet."""
        return self._staged is not None and not self._staged.ids.isdisjoint(ids)

    async def take(self, run: SyncRun, rows: Sequence[ContactRow]) -> None:
        """Take contacts, none of which it holds."""
        if not rows:
            return
        if self._staged is None:
            self._loads += 1
            mark = f"{run.sync_id}.{self._loads}"
            load = await Load(self._db, run.connector, mark, self._now).__aenter__()
            self._staged = _Staged(load, mark)
        self._staged.ids.update(row.remote_id for row in rows)
        await self._reader.ask(run.connector, self._region, rows)
        while self._reader.waiting > _AHEAD:
            await self._stage_one(run, self._staged.load)
        if len(self._staged.ids) >= self._size:
            await self._begin_to_move(run, self._staged)

    async def settle(self, run: SyncRun) -> None:
        """Write everything that was taken."""
        if self._staged is not None:
            await self._begin_to_move(run, self._staged)
        await self._moved()

    async def aclose(self) -> None:
        """Stop; what was not settled is lost."""
        if self._moving is not None:
            self._moving.cancel()
            await asyncio.gather(self._moving, return_exceptions=True)
        if self._staged is not None:
            await self._staged.load.__aexit__(None, None, None)
        await self._reader.aclose()

    def _now(self) -> datetime:
        """Return the time: what is written may have been taken a while before."""
        at, began = self._began
        return at + timedelta(seconds=time.monotonic() - began)

    async def _stage_one(self, run: SyncRun, load: Load) -> None:
        ready = await self._reader.answer()
        await load.stage(ready)
        run.records += len(ready.contacts)
        run.numbers += len(ready.numbers)
        run.reject(*ready.rejected)

    async def _begin_to_move(self, run: SyncRun, staged: _Staged) -> None:
        """Let what is staged be written, up to where the source has been read now."""
        while self._reader.waiting:
            await self._stage_one(run, staged.load)
        await self._moved()
        self._staged = None
        reached = replace(run, rejected=list(run.rejected))
        self._moving = asyncio.create_task(self._move(staged, run, reached))

    async def _moved(self) -> None:
        """Wait until the former load is written."""
        moving, self._moving = self._moving, None
        if moving is not None:
            await moving

    async def _move(self, staged: _Staged, run: SyncRun, reached: SyncRun) -> None:
        """Write a load, and the checkpoint that it reaches."""
        try:
            async with self._db.begin() as session:
                await mark_loading(await session.connection(), run, staged.mark)
            undecided, half_written = await staged.load.move()
            await self._decide(reached, undecided)
            await write_anew(self._db, reached, half_written, self._priority, self._now())
        finally:
            await staged.load.__aexit__(None, None, None)
        reached.saved = run.saved
        async with self._db.begin() as session:
            await save_progress(await session.connection(), reached)
        run.saved = reached.saved

    async def _decide(self, run: SyncRun, data: Mapping[str, str]) -> None:
        """Let `linking` write records that are not simply new."""
        ids = list(data)
        for start in range(0, len(ids), _AT_A_TIME):
            some = ids[start : start + _AT_A_TIME]
            changes = {remote_id: reading_of(orjson.loads(data[remote_id])) for remote_id in some}
            batch = Batch(run.connector, self._priority, run.sync_id, self._now(), changes)
            async with self._db.begin() as session:
                await write_batch(await session.connection(), batch)


async def write_anew(
    db: Database, run: SyncRun, ids: Iterable[str], priority: int, at: datetime
) -> None:
    """Write records, numbers, keys and all, from what is stored of them."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), _AT_A_TIME):
        some = LINKS.c.remote_id.in_(wanted[start : start + _AT_A_TIME])
        stored = select(LINKS.c.remote_id, LINKS.c.data).where(
            LINKS.c.connector == run.connector, some
        )
        async with db.begin() as session:
            conn = await session.connection()
            changes = {row[0]: reading_of(row[1]) for row in await conn.execute(stored)}
            batch = Batch(run.connector, priority, run.sync_id, at, changes)
            await write_batch(conn, batch, anew=True)
