"""Configured connectors: settings, state, and tests of the connection."""

from __future__ import annotations

import asyncio
from datetime import datetime
from time import perf_counter
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from app.api.configured import checked_settings, known_kind, shown_settings
from app.api.deps import Admin, RuntimeDep
from app.entries import ConnectorFields, Region, Slug
from app.errors import AppError
from app.kinds import settings_schema
from app.runtime import Runtime
from app.store import configuration
from app.store.models import ConnectorRow, SyncState
from connectors import registry
from connectors.sdk.connector import Connector, Context
from connectors.sdk.types import CheckResult, CheckStatus

router = APIRouter(prefix="/api/v1", tags=["connectors"])
log = structlog.get_logger("api")
SlugPath = Annotated[Slug, Path()]
# A check tries every query; it may take longer than a caller would be let wait.
CHECK_S = 20.0


class SyncOut(BaseModel):
    """How the last sync went. `rejected` are the first of the rows that could not be used."""

    started_at: datetime | None
    finished_at: datetime | None
    contacts: int
    numbers: int
    rejected: Any
    rejected_count: int
    error: str | None


class ConnectorOut(BaseModel):
    """A connector; secrets in `settings` read `set`, and sending that back keeps them."""

    slug: str
    kind: str
    name: str | None
    settings: dict[str, Any] | None
    region: str | None
    timeout_ms: int
    cache_s: dict[str, float]
    priority: int
    enabled: bool
    provides: list[str]
    fault: str | None
    sync: SyncOut | None
    updated_at: datetime


class CheckIn(BaseModel):
    """Settings to try that are not saved; `slug` says whose secrets `set` stands for."""

    model_config = ConfigDict(extra="forbid")
    slug: Slug | None = None
    kind: str
    settings: dict[str, Any] = {}
    region: Region | None = None


class CheckOut(BaseModel):
    """What a test proved, or what is wrong and what to do."""

    status: CheckStatus
    text: str
    proved: list[str]
    samples: dict[str, Any]
    elapsed_ms: int


@router.get("/connector-kinds")
async def list_kinds(_admin: Admin) -> dict[str, Any]:
    """List the kinds, each with the JSON Schema of its settings, or why it cannot be used."""
    usable = [
        {
            "kind": kind.kind,
            "title": kind.title,
            "summary": kind.summary,
            "settings_schema": settings_schema(kind.Config),
            "broken": None,
        }
        for kind in registry.kinds().values()
    ]
    broken = [
        {"kind": kind, "title": kind, "summary": "", "settings_schema": None, "broken": reason}
        for kind, reason in registry.broken().items()
    ]
    return {"items": usable + broken}


@router.get("/connectors")
async def list_connectors(_admin: Admin, runtime: RuntimeDep) -> dict[str, list[ConnectorOut]]:
    """List the connectors and how their last sync went."""
    async with runtime.db.read() as session:
        rows = await configuration.rows_of(session, ConnectorRow)
        states = await configuration.sync_states(session)
    return {"items": [_shown(row, states.get(row.slug), runtime) for row in rows]}


@router.get("/connectors/{slug}")
async def get_connector(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> ConnectorOut:
    """Read one connector."""
    return await _read(runtime, slug)


@router.put("/connectors/{slug}")
async def put_connector(
    slug: SlugPath, body: ConnectorFields, _admin: Admin, runtime: RuntimeDep
) -> ConnectorOut:
    """Create or replace a connector."""
    config = _config(body.kind)
    async with runtime.db.begin() as session:
        row = await session.get(ConnectorRow, slug)
        same = row is not None and row.kind == body.kind
        stored = configuration.open_settings(row, runtime.secrets) if row and same else {}
        fields = body.model_dump()
        fields["settings"] = checked_settings(config, body.settings, stored)
        await configuration.put_row(
            session, ConnectorRow, slug, fields, runtime.secrets, runtime.clock()
        )
    await runtime.contacts.refresh_documents(at=runtime.clock())
    await runtime.reload()
    return await _read(runtime, slug)


@router.delete("/connectors/{slug}", status_code=204)
async def delete_connector(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> None:
    """Remove a connector; the numbers it brought no longer match."""
    async with runtime.db.begin() as session:
        if not await configuration.delete_row(session, ConnectorRow, slug):
            raise _not_found()
    await runtime.contacts.forget_connector(slug, at=runtime.clock())
    await runtime.reload()


@router.post("/connectors/check")
async def check_settings(body: CheckIn, _admin: Admin, runtime: RuntimeDep) -> CheckOut:
    """Test settings before they are saved."""
    config = _config(body.kind)
    stored: dict[str, Any] = {}
    if body.slug is not None:
        async with runtime.db.read() as session:
            row = await session.get(ConnectorRow, body.slug)
        if row is not None and row.kind == body.kind:
            stored = configuration.open_settings(row, runtime.secrets)
    settings = checked_settings(config, body.settings, stored)
    return await _check(runtime, body.slug or "check", body.kind, settings, body.region)


@router.post("/connectors/{slug}/check")
async def check_connector(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> CheckOut:
    """Test a connector as it is saved."""
    async with runtime.db.read() as session:
        row = await session.get(ConnectorRow, slug)
    if row is None:
        raise _not_found()
    config = _config(row.kind)
    stored = configuration.open_settings(row, runtime.secrets)
    settings = checked_settings(config, stored, stored)
    return await _check(runtime, slug, row.kind, settings, row.region)


async def _check(
    runtime: Runtime, slug: str, kind: str, settings: dict[str, Any], region: str | None
) -> CheckOut:
    context = Context(
        slug, region or runtime.default_region, runtime.settings.data_dir, runtime.clock
    )
    start = perf_counter()
    cls = registry.kinds()[kind]
    try:
        result = await _run_check(cls, cls.Config.model_validate(settings), context)
    except Exception as error:  # noqa: BLE001 - a connector is somebody else's code
        log.warning("check_broke", connector=slug, kind=kind, error=type(error).__name__)
        text = f"the connector itself failed ({type(error).__name__}); tell its author"
        result = CheckResult(CheckStatus.BAD_CONFIG, text)
    return CheckOut(
        status=result.status,
        text=result.text,
        proved=list(result.proved),
        samples=dict(result.samples),
        elapsed_ms=round((perf_counter() - start) * 1000),
    )


async def _run_check(cls: type[Connector[Any]], config: Any, context: Context) -> CheckResult:
    connector = cls(config, context)
    try:
        async with asyncio.timeout(CHECK_S):
            return await connector.check()
    except TimeoutError:
        return CheckResult(
            CheckStatus.CANNOT_CONNECT,
            f"no answer within {CHECK_S:.0f} s; check the address and the network between",
        )
    finally:
        await connector.aclose()


def _config(kind: str) -> type[BaseModel]:
    found = registry.kinds().get(kind)
    if found is None:
        raise known_kind(kind, registry.kinds())
    config: type[BaseModel] = found.Config
    return config


async def _read(runtime: Runtime, slug: str) -> ConnectorOut:
    async with runtime.db.read() as session:
        row = await session.get(ConnectorRow, slug)
        state = await session.get(SyncState, slug)
    if row is None:
        raise _not_found()
    return _shown(row, state, runtime)


def _not_found() -> AppError:
    return AppError(404, "connector_not_found", "there is no connector with this slug")


def _shown(row: ConnectorRow, state: SyncState | None, runtime: Runtime) -> ConnectorOut:
    kind = registry.kinds().get(row.kind)
    running = runtime.sources.get(row.slug)
    connector = running.connector if running else None
    settings = configuration.open_settings(row, runtime.secrets)
    return ConnectorOut(
        slug=row.slug,
        kind=row.kind,
        name=row.name,
        settings=shown_settings(kind.Config if kind else None, settings),
        region=row.region,
        timeout_ms=row.timeout_ms,
        cache_s=row.cache_s,
        priority=row.priority,
        enabled=row.enabled,
        provides=sorted(connector.provides) if connector else [],
        fault=running.fault if running else None,
        sync=None if state is None else _sync(state),
        updated_at=row.updated_at,
    )


def _sync(state: SyncState) -> SyncOut:
    return SyncOut(
        started_at=state.started_at,
        finished_at=state.finished_at,
        contacts=state.contacts,
        numbers=state.numbers,
        rejected=state.rejected,
        rejected_count=state.rejected_count,
        error=state.error,
    )
