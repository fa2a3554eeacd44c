"""Configured connectors: settings, state, and tests of the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from time import perf_counter
from typing import Annotated, Any, get_args

import structlog
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict

from app.api.configured import (
    IfMatch,
    checked_settings,
    known_kind,
    shown_settings,
    unchanged_since,
)
from app.api.deps import Admin, RuntimeDep
from app.api.oauth import AuthorisationOut, authorisation, callback_url
from app.api.syncs import SyncOut, sync_out
from app.entries import ConnectorFields, Region, Slug
from app.errors import AppError
from app.kinds import settings_schema
from app.runtime import Runtime
from app.store import configuration, versions
from app.store.grants import grants_by_connector
from app.store.models import ConnectorRow, ConnectorVersion, SyncState
from app.store.source_models import OAuthGrant
from connectors import registry
from connectors.presets import Preset, presets, with_preset
from connectors.sdk.connector import Capability, Connector, Context
from connectors.sdk.types import CheckResult, CheckStatus

router = APIRouter(prefix="/api/v1", tags=["connectors"])
log = structlog.get_logger("api")
SlugPath = Annotated[Slug, Path()]
# A check tries every query; it may take longer than a caller would be let wait.
CHECK_S = 20.0


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
    version: int | None
    has_draft: bool
    provides: list[str]
    fault: str | None
    breaker: str | None
    sync: dict[str, SyncOut]
    authorisation: AuthorisationOut | None
    updated_at: datetime


class DraftOut(BaseModel):
    """A connector that is only a draft yet."""

    slug: str
    kind: str
    name: str | None
    author: str
    created_at: datetime

    @classmethod
    def of(cls, row: ConnectorVersion) -> DraftOut:
        """Show a draft."""
        fields = row.fields
        return cls(
            slug=row.slug,
            kind=fields["kind"],
            name=fields.get("name"),
            author=row.author,
            created_at=row.created_at,
        )


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
async def list_kinds(_admin: Admin, runtime: RuntimeDep, request: Request) -> dict[str, Any]:
    """List the kinds with the JSON Schema of their settings and presets, or why they are broken.

    `redirect_uri` is what to register with the vendor, where a person may have to say yes.
    """
    back = callback_url(runtime, request)
    usable = [
        {
            "kind": kind.kind,
            "title": kind.title,
            "summary": kind.summary,
            "settings_schema": settings_schema(kind.Config),
            "brings": _brings(kind),
            "needs": _needs(kind),
            "presets": [_preset(p) for p in presets().values() if p.kind == kind.kind],
            "redirect_uri": back if kind.may_ask_a_person() else None,
            "broken": None,
        }
        for kind in registry.kinds().values()
    ]
    broken: list[dict[str, Any]] = [
        {
            "kind": kind,
            "title": kind,
            "summary": "",
            "settings_schema": None,
            "brings": None,
            "needs": [],
            "presets": [],
            "redirect_uri": None,
            "broken": reason,
        }
        for kind, reason in registry.broken().items()
    ]
    return {"items": usable + broken}


@router.get("/connectors")
async def list_connectors(_admin: Admin, runtime: RuntimeDep) -> dict[str, list[ConnectorOut]]:
    """List the connectors and how their last sync went."""
    async with runtime.db.read() as session:
        rows = await configuration.rows_of(session, ConnectorRow)
        states = await configuration.sync_states(session)
        grants = await grants_by_connector(session)
        numbers = await versions.current_numbers(session)
    return {
        "items": [
            _shown(
                row,
                states.get(row.slug, {}),
                grants.get(row.slug),
                numbers.get(row.slug, (None, None)),
                runtime,
            )
            for row in rows
        ]
    }


@router.get("/connector-drafts")
async def list_drafts(_admin: Admin, runtime: RuntimeDep) -> dict[str, list[DraftOut]]:
    """List the drafts of connectors that are not live."""
    async with runtime.db.read() as session:
        rows = await versions.unpublished(session)
    return {"items": [DraftOut.of(row) for row in rows]}


@router.get("/connectors/{slug}")
async def get_connector(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> ConnectorOut:
    """Read one connector."""
    return await _read(runtime, slug)


@router.put("/connectors/{slug}")
async def put_connector(
    slug: SlugPath,
    body: ConnectorFields,
    admin: Admin,
    runtime: RuntimeDep,
    if_match: IfMatch = None,
) -> ConnectorOut:
    """Create or replace a connector."""
    config = config_of(body.kind)
    async with runtime.db.begin() as session:
        await unchanged_since(session, slug, if_match)
        row = await session.get(ConnectorRow, slug)
        same = row is not None and row.kind == body.kind
        stored = configuration.open_settings(row, runtime.secrets) if row and same else {}
        fields = body.model_dump()
        fields["settings"] = checked_settings(config, body.settings, stored)
        await configuration.put_row(
            session, ConnectorRow, slug, fields, runtime.secrets, runtime.clock(), admin.user.email
        )
    await runtime.contacts.refresh_documents(at=runtime.clock())
    await runtime.reload()
    return await _read(runtime, slug)


@router.delete("/connectors/{slug}", status_code=204)
async def delete_connector(slug: SlugPath, admin: Admin, runtime: RuntimeDep) -> None:
    """Remove a connector; the numbers it brought no longer match."""
    async with runtime.db.begin() as session:
        if not await configuration.delete_row(
            session, ConnectorRow, slug, runtime.clock(), admin.user.email
        ):
            raise not_found()
    await runtime.contacts.forget_connector(slug, at=runtime.clock())
    await runtime.reload()


@router.post("/connectors/check")
async def check_settings(body: CheckIn, _admin: Admin, runtime: RuntimeDep) -> CheckOut:
    """Test settings before they are saved."""
    config = config_of(body.kind)
    stored: dict[str, Any] = {}
    if body.slug is not None:
        async with runtime.db.read() as session:
            stored = await versions.kept_settings(session, body.slug, body.kind, runtime.secrets)
    settings = checked_settings(config, body.settings, stored)
    return await _check(runtime, body.slug or "check", body.kind, settings, body.region)


@router.post("/connectors/{slug}/check")
async def check_connector(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> CheckOut:
    """Test a connector as it is saved."""
    async with runtime.db.read() as session:
        row = await session.get(ConnectorRow, slug)
    if row is None:
        raise not_found()
    config = config_of(row.kind)
    stored = configuration.open_settings(row, runtime.secrets)
    settings = checked_settings(config, stored, stored)
    return await _check(runtime, slug, row.kind, settings, row.region)


def _brings(kind: type[Connector[Any]]) -> list[str] | None:
    """Return what a kind can bring, in the pop's order; None where it does not say."""
    if kind.brings is None:
        return None
    return [each for each in get_args(Capability) if each in kind.brings]


def _needs(kind: type[Connector[Any]]) -> list[str]:
    """Return what somebody must have at hand to connect it: the settings without a default."""
    schema = settings_schema(kind.Config)
    fields = schema.get("properties", {})
    needed = [
        str(fields[name].get("title") or name.replace("_", " ").capitalize())
        for name in schema.get("required", [])
    ]
    return needed + (["Somebody who may allow it there"] if kind.oauth is not None else [])


def _preset(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "title": preset.title,
        "summary": preset.summary,
        "needs": dict(preset.needs),
        "settings": with_preset(preset, {}),
    }


async def _check(
    runtime: Runtime, slug: str, kind: str, settings: dict[str, Any], region: str | None
) -> CheckOut:
    context = runtime.sources.context(slug, kind, region or runtime.default_region)
    start = perf_counter()
    cls = registry.kinds()[kind]
    filled = runtime.sources.with_currency(cls.Config.model_fields, settings)
    try:
        result = await _run_check(cls, cls.Config.model_validate(filled), context)
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


def config_of(kind: str) -> type[BaseModel]:
    """Return the settings' model of a kind.

    Raises:
        AppError: 422, there is no such kind.
    """
    found = registry.kinds().get(kind)
    if found is None:
        raise known_kind(kind, registry.kinds())
    config: type[BaseModel] = found.Config
    return config


async def _read(runtime: Runtime, slug: str) -> ConnectorOut:
    async with runtime.db.read() as session:
        row = await session.get(ConnectorRow, slug)
        states = await configuration.sync_states(session, slug)
        grant = await session.get(OAuthGrant, slug)
        numbers = await versions.current_numbers(session, slug)
    if row is None:
        raise not_found()
    return _shown(row, states.get(slug, {}), grant, numbers.get(slug, (None, None)), runtime)


def not_found() -> AppError:
    """Return the error for a connector that there is not."""
    return AppError(404, "connector_not_found", "there is no connector with this slug")


def _shown(
    row: ConnectorRow,
    states: Mapping[str, SyncState],
    grant: OAuthGrant | None,
    numbers: tuple[int | None, int | None],
    runtime: Runtime,
) -> ConnectorOut:
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
        version=numbers[0],
        has_draft=numbers[1] is not None,
        provides=sorted(connector.provides) if connector else [],
        fault=running.fault if running else None,
        breaker=running.guard.state.value if connector and running else None,
        sync={part: sync_out(state) for part, state in states.items()},
        authorisation=authorisation(row, settings, grant),
        updated_at=row.updated_at,
    )
