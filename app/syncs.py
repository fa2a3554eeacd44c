"""Synchronises the sources: each once at a time over all processes, on a schedule."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import structlog

from app.core.sync import PARTS, Part
from app.errors import UserError
from app.runtime import Runtime
from app.sources.instances import Instance
from app.sources.sync import PartStore, Progress, SyncResult, sync
from app.store.catalogue import Catalogue
from app.store.configuration import sync_states
from app.store.contacts import ContactWriter
from app.store.history import History
from app.store.leases import held, hold, release
from app.store.models import SyncState

LEASE = timedelta(seconds=60)
RENEW_S = 15.0
AGAIN = timedelta(minutes=1)
EVERY: Mapping[Part, timedelta] = {
    "contacts": timedelta(minutes=15),
    "catalogue": timedelta(hours=1),
    "history": timedelta(hours=1),
}
# What cannot tell what has changed is read whole, and orders are many.
WHOLE_EVERY: Mapping[Part, timedelta] = {**EVERY, "history": timedelta(hours=24)}
log = structlog.get_logger("syncs")


class SyncRunning(UserError):
    """This connector is being read already, by this process or another."""


async def sync_source(
    rt: Runtime,
    instance: Instance,
    *,
    full: bool = False,
    parts: Sequence[Part] = PARTS,
    progress: Callable[[Progress], None] = lambda _: None,
) -> list[SyncResult]:
    """Read the parts that the source brings, one after the other.

    Raises:
        SyncRunning: this connector is being read already.
        UserError: the connector cannot run; says why.
    """
    if instance.connector is None:
        raise UserError(f"{instance.slug}: {instance.fault}")
    results = []
    async with _alone(rt, instance.slug):
        for part in parts:
            if instance.provides(part):
                store = _store(rt, instance, part)
                result = await sync(
                    instance.connector, store, full=full, progress=progress, clock=rt.clock
                )
                log.info(
                    "synced",
                    connector=instance.slug,
                    part=part,
                    records=result.records,
                    removed=result.removed,
                    rejected=result.rejected_count,
                    error=result.error,
                )
                results.append(result)
    return results


def _store(rt: Runtime, instance: Instance, part: Part) -> PartStore:
    match part:
        case "contacts":
            config = instance.config
            return ContactWriter(rt.db, config.region, config.priority)
        case "history":
            return History(rt.db)
        case "catalogue":
            return Catalogue(rt.db)


async def sync_due(rt: Runtime) -> None:
    """Read what is due; several processes share the sources out among themselves."""
    for instance in rt.sources:
        parts = await _due(rt, instance)
        for full in (False, True):
            chosen = [part for part, whole in parts.items() if whole is full]
            if not chosen:
                continue
            try:
                await sync_source(rt, instance, full=full, parts=chosen)
            except SyncRunning:
                continue
            except UserError as error:
                log.warning("sync_stopped", connector=instance.slug, why=str(error))
            except Exception:
                # One connector's bug must not keep the others from their turn.
                log.exception("connector_fault", connector=instance.slug)


async def _due(rt: Runtime, instance: Instance) -> dict[Part, bool]:
    """Return the parts that are due now, and whether each is to be read whole."""
    if instance.connector is None:
        return {}
    now = rt.clock()
    async with rt.db.read() as session:
        states = (await sync_states(session, instance.slug)).get(instance.slug, {})
    due: dict[Part, bool] = {}
    for part in PARTS:
        if instance.provides(part):
            whole = _whole(states.get(part), now)
            if _is_due(part, states.get(part), now):
                due[part] = whole
    return due


def _whole(state: SyncState | None, now: datetime) -> bool:
    return state is None or state.full_at is None or now.date() != state.full_at.date()


def _is_due(part: Part, state: SyncState | None, now: datetime) -> bool:
    if state is None or state.finished_at is None or state.checkpoint is None:
        return True
    if state.error:
        return now - state.finished_at >= AGAIN
    knows_changes = '"cursor":null' not in state.checkpoint
    return now - state.finished_at >= (EVERY if knows_changes else WHOLE_EVERY)[part]


async def running(rt: Runtime, slug: str) -> bool:
    """Say whether some process reads this source now."""
    return await held(rt.db, _lease(slug), rt.clock())


@asynccontextmanager
async def _alone(rt: Runtime, slug: str) -> AsyncIterator[None]:
    """Be the only one of all processes that reads this source; a dead one's turn runs out."""
    owner = f"{rt.process_id}-{uuid.uuid4().hex[:8]}"
    if not await hold(rt.db, _lease(slug), owner, rt.clock(), LEASE):
        raise SyncRunning(f"connector {slug} is being synchronised already: wait until it is done")

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            with suppress(Exception):
                await hold(rt.db, _lease(slug), owner, rt.clock(), LEASE)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.shield(release(rt.db, _lease(slug), owner))


def _lease(slug: str) -> str:
    return f"sync:{slug}"
