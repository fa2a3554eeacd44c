"""How the synchronisation of each connector goes, and a button to begin one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from app import syncs
from app.api.deps import Admin, RuntimeDep
from app.core.sync import PARTS
from app.entries import Slug
from app.errors import AppError, UserError
from app.runtime import Runtime
from app.sources.instances import Instance
from app.store import configuration
from app.store.models import SyncState

router = APIRouter(prefix="/api/v1", tags=["connectors"])
log = structlog.get_logger("api")
SlugPath = Annotated[Slug, Path()]


class SyncOut(BaseModel):
    """How the last sync of a part went, or how far the present one is.

    `records` (contacts, orders, items) and `numbers` are what it read, `total` how many there are
    where the source says so, `kept` how many were known when a sync last ended: a failed one
    costs none of them. `rejected` are the first of the rows that could not be used.
    """

    started_at: datetime | None
    finished_at: datetime | None
    full_at: datetime | None
    records: int
    numbers: int
    total: int | None
    kept: int
    rejected: Any
    rejected_count: int
    error: str | None


class SyncsOut(BaseModel):
    """The parts that a connector brings; None = never read."""

    running: bool
    parts: dict[str, SyncOut | None]


class SyncIn(BaseModel):
    """Which sync to begin; `full` reads everything, not only what has changed."""

    model_config = ConfigDict(extra="forbid")
    full: bool = False


def sync_out(state: SyncState) -> SyncOut:
    """Return how the sync of a part went."""
    return SyncOut.model_validate(state, from_attributes=True)


@router.get("/connectors/{slug}/sync")
async def get_sync(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> SyncsOut:
    """Read how far the present sync is, in whichever process it runs, and how the last one went."""
    instance = _instance(runtime, slug)
    async with runtime.db.read() as session:
        states = (await configuration.sync_states(session, slug)).get(slug, {})
    parts = [part for part in PARTS if part in states or instance.provides(part)]
    return SyncsOut(
        running=await syncs.running(runtime, slug),
        parts={part: sync_out(states[part]) if part in states else None for part in parts},
    )


@router.post("/connectors/{slug}/sync", status_code=202)
async def start_sync(
    slug: SlugPath, body: SyncIn, _admin: Admin, runtime: RuntimeDep
) -> dict[str, bool]:
    """Begin to read a source now; what becomes of it is read at the same address."""
    instance = _instance(runtime, slug)
    if instance.connector is None:
        raise AppError(409, "connector_broken", f"{slug} cannot run: {instance.fault}")
    if await syncs.running(runtime, slug):
        raise _running(slug)
    runtime.spawn(_sync(runtime, instance, body.full))
    return {"started": True}


async def _sync(runtime: Runtime, instance: Instance, full: bool) -> None:
    try:
        await syncs.sync_source(runtime, instance, full=full)
    except UserError as error:
        log.warning("sync_stopped", connector=instance.slug, why=str(error))


def _instance(runtime: Runtime, slug: str) -> Instance:
    instance = runtime.sources.get(slug)
    if instance is None:
        raise AppError(404, "connector_not_found", "there is no connector in use with this slug")
    return instance


def _running(slug: str) -> AppError:
    text = f"connector {slug} is being synchronised already"
    return AppError(409, "sync_running", text)
