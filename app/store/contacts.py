"""What a sync writes: contacts in batches, each with the checkpoint it reaches."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.contact import Reading, SyncRun
from app.core.identity import Link, golden
from app.errors import UserError
from app.store.engine import Database
from app.store.linking import Batch, write_batch
from app.store.models import Base
from app.store.records import LINKS, write_customers
from connectors.sdk.types import RejectedRow

_STATE = Base.metadata.tables["sync_state"]
_CONNECTORS = Base.metadata.tables["connectors"]
_FOUND_LIVE = "found"
_AT_A_TIME = 500


class SyncTakenOver(UserError):
    """Another process has begun a sync of the same connector; this one must stop."""


class Contacts:
    """The phone index and its customers, as syncs write them (`sources.sync.ContactStore`)."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def start_sync(self, connector: str, *, full: bool, at: datetime) -> SyncRun:
        """Begin a full read, or go on: with an interrupted full read, else with what changed."""
        async with self._db.begin() as session:
            conn = await session.connection()
            row = (
                await conn.execute(select(_STATE).where(_STATE.c.connector == connector))
            ).first()
            last = _checkpoint(row.checkpoint if row else None)
            run = SyncRun(connector, secrets.token_hex(8), full=full or not last.get("cursor"))
            if not full and last.get("full") and not last.get("done"):
                run.sync_id, run.full, run.cursor = last["sync_id"], True, last["cursor"]
                if row is not None and run.cursor is not None:
                    run.contacts, run.numbers = row.contacts, row.numbers
                    run.rejected = [RejectedRow(**rejected) for rejected in row.rejected]
                    run.rejected_count = row.rejected_count
            elif not run.full:
                run.cursor = last["cursor"]
            values = {**_values(run), "started_at": at, "finished_at": None, "error": None}
            if row is None:
                await conn.execute(insert(_STATE).values(connector=connector, **values))
            else:
                await conn.execute(
                    update(_STATE).where(_STATE.c.connector == connector).values(**values)
                )
        run.saved = values["checkpoint"]
        return run

    async def write(
        self, run: SyncRun, changes: Mapping[str, Reading | None], *, priority: int, at: datetime
    ) -> None:
        """Write a batch and the checkpoint it reaches, both or neither.

        Raises:
            SyncTakenOver: another process has begun a sync of this connector.
        """
        async with self._db.begin() as session:
            conn = await session.connection()
            await write_batch(conn, Batch(run.connector, priority, run.sync_id, at, changes))
            await _save(conn, run, _values(run))

    async def remove_unseen(self, run: SyncRun, *, priority: int, at: datetime) -> int:
        """Remove the records that a full read did not come across, and say how many."""
        return await self._remove(run.connector, run.sync_id, priority, at)

    async def finish_sync(self, run: SyncRun, *, at: datetime, error: str | None) -> None:
        """Write how the sync ended; with an error it can be gone on with."""
        values = {**_values(run, done=error is None), "finished_at": at, "error": error}
        async with self._db.begin() as session:
            await _save(await session.connection(), run, values)

    async def has_contacts(self, connector: str) -> bool:
        """Is any record of this connector known?"""
        async with self._db.read() as session:
            query = select(LINKS.c.connector).where(LINKS.c.connector == connector).limit(1)
            return (await session.execute(query)).first() is not None

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
        removed = await self._remove(connector, "", 0, at)
        async with self._db.begin() as session:
            await session.execute(delete(_STATE).where(_STATE.c.connector == connector))
        return removed

    async def refresh_documents(self, *, at: datetime) -> None:
        """Write the golden records anew, after the priorities of connectors have changed."""
        last = ""
        while True:
            async with self._db.begin() as session:
                conn = await session.connection()
                several = (
                    select(LINKS.c.customer_id)
                    .where(LINKS.c.customer_id > last)
                    .group_by(LINKS.c.customer_id)
                    .having(func.count() > 1)
                    .order_by(LINKS.c.customer_id)
                    .limit(_AT_A_TIME)
                )
                ids = list(await conn.scalars(several))
                if not ids:
                    return
                await write_customers(conn, await _documents(conn, ids), at)
                last = ids[-1]

    async def _remove(self, connector: str, except_sync: str, priority: int, at: datetime) -> int:
        removed, last = 0, ""
        while True:
            async with self._db.begin() as session:
                conn = await session.connection()
                unseen = (
                    select(LINKS.c.remote_id)
                    .where(
                        LINKS.c.connector == connector,
                        LINKS.c.remote_id > last,
                        LINKS.c.sync_id != except_sync,
                    )
                    .order_by(LINKS.c.remote_id)
                    .limit(_AT_A_TIME)
                )
                ids = list(await conn.scalars(unseen))
                if not ids:
                    return removed
                gone = dict.fromkeys(ids)
                await write_batch(conn, Batch(connector, priority, except_sync, at, gone))
                removed, last = removed + len(ids), ids[-1]


async def _documents(conn: AsyncConnection, customers: list[str]) -> dict[str, dict[str, Any]]:
    priority = func.coalesce(_CONNECTORS.c.priority, 0)
    query = (
        select(LINKS.c.customer_id, LINKS.c.connector, priority, LINKS.c.data)
        .outerjoin_from(LINKS, _CONNECTORS, _CONNECTORS.c.slug == LINKS.c.connector)
        .where(LINKS.c.customer_id.in_(customers))
    )
    links: dict[str, list[Link]] = {}
    for customer, *link in await conn.execute(query):
        links.setdefault(customer, []).append(Link(*link))
    return {customer: golden(customer, of_it) for customer, of_it in links.items()}


def _checkpoint(text: str | None) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(text) if text else {}
    return loaded


def _values(run: SyncRun, *, done: bool = False) -> dict[str, Any]:
    checkpoint = {"sync_id": run.sync_id, "full": run.full, "cursor": run.cursor, "done": done}
    return {
        "checkpoint": orjson.dumps(checkpoint).decode(),
        "contacts": run.contacts,
        "numbers": run.numbers,
        "rejected": [asdict(row) for row in run.rejected],
        "rejected_count": run.rejected_count,
    }


async def _save(conn: AsyncConnection, run: SyncRun, values: dict[str, Any]) -> None:
    written = await conn.execute(
        update(_STATE)
        .where(_STATE.c.connector == run.connector, _STATE.c.checkpoint == run.saved)
        .values(**values)
    )
    if written.rowcount == 0:
        raise SyncTakenOver(f"another sync of {run.connector} has begun: this one stops")
    run.saved = values["checkpoint"]
