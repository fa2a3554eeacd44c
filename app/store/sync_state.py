"""How far each sync is, on disk: begun, gone on with, finished; a second one takes over."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.sync import Part, SyncRun
from app.errors import UserError
from app.store.engine import Database
from app.store.models import Base
from connectors.sdk.types import RejectedRow

_STATE = Base.metadata.tables["sync_state"]


class SyncTakenOver(UserError):
    """Another process has begun a sync of the same part of the connector; this one must stop."""


async def start_sync(
    db: Database, connector: str, part: Part, *, full: bool, at: datetime
) -> SyncRun:
    """Begin a full read, or go on: with an interrupted full read, else with what changed."""
    async with db.begin() as session:
        conn = await session.connection()
        row = (await conn.execute(select(_STATE).where(*_of(connector, part)))).first()
        last: dict[str, Any] = orjson.loads(row.checkpoint) if row and row.checkpoint else {}
        run = SyncRun(connector, secrets.token_hex(8), full or not last.get("cursor"), part)
        run.loading = last.get("loading")
        if not full and last.get("full") and not last.get("done"):
            run.sync_id, run.full, run.cursor = last["sync_id"], True, last["cursor"]
            if row is not None and run.cursor is not None:
                run.records, run.numbers = row.records, row.numbers
                run.rejected = [RejectedRow(**rejected) for rejected in row.rejected]
                run.rejected_count = row.rejected_count
        elif not run.full:
            run.cursor = last["cursor"]
        values = {**_values(run), "started_at": at, "finished_at": None, "error": None}
        if row is None:
            await conn.execute(insert(_STATE).values(connector=connector, part=part, **values))
        else:
            await conn.execute(update(_STATE).where(*_of(connector, part)).values(**values))
    run.saved = values["checkpoint"]
    return run


async def save_progress(conn: AsyncConnection, run: SyncRun) -> None:
    """Write the checkpoint that a batch reaches, in the transaction of the batch.

    Raises:
        SyncTakenOver: another process has begun a sync of this part.
    """
    await _save(conn, run, _values(run))


async def mark_loading(conn: AsyncConnection, run: SyncRun, mark: str) -> None:
    """Write which rows are being written in several transactions, as long as they are.

    Raises:
        SyncTakenOver: another process has begun a sync of this part.
    """
    marked = orjson.dumps({**orjson.loads(run.saved), "loading": mark}).decode()
    await _save(conn, run, {"checkpoint": marked})


async def read_saved(db: Database, run: SyncRun) -> None:
    """Take the checkpoint as it is now, after a process that wrote it for this run was stopped."""
    query = select(_STATE.c.checkpoint).where(*_of(run.connector, run.part))
    async with db.read() as session:
        saved = await session.scalar(query)
    if saved is not None and orjson.loads(saved)["sync_id"] == run.sync_id:
        run.saved = saved


async def finish_sync(
    db: Database, run: SyncRun, *, kept: int, at: datetime, error: str | None, settled: bool = True
) -> None:
    """Write how the sync ended; with an error it can be gone on with.

    Unless `settled`, some of what was read was not written: the checkpoint stays where it was.
    """
    reached = _values(run, done=error is None) if settled else {"checkpoint": run.saved}
    values = {**reached, "finished_at": at, "error": error, "kept": kept}
    if error is None and run.full:
        values["full_at"] = at
    async with db.begin() as session:
        await _save(await session.connection(), run, values)


async def forget_states(conn: AsyncConnection, connector: str) -> None:
    """Forget how far the syncs of a connector are."""
    await conn.execute(delete(_STATE).where(_STATE.c.connector == connector))


async def _save(conn: AsyncConnection, run: SyncRun, values: dict[str, Any]) -> None:
    mine = (*_of(run.connector, run.part), _STATE.c.checkpoint == run.saved)
    written = await conn.execute(update(_STATE).where(*mine).values(**values))
    if written.rowcount == 0:
        raise SyncTakenOver(f"another sync of {run.connector} has begun: this one stops")
    run.saved = values["checkpoint"]


def _of(connector: str, part: Part) -> tuple[Any, ...]:
    return _STATE.c.connector == connector, _STATE.c.part == part


def _values(run: SyncRun, *, done: bool = False) -> dict[str, Any]:
    checkpoint = {
        "sync_id": run.sync_id,
        "full": run.full,
        "cursor": run.cursor,
        "done": done,
        "loading": run.loading,
    }
    return {
        "checkpoint": orjson.dumps(checkpoint).decode(),
        "records": run.records,
        "numbers": run.numbers,
        "total": run.total,
        "rejected": [asdict(row) for row in run.rejected],
        "rejected_count": run.rejected_count,
    }
