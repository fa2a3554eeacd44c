"""Configured phone systems, and what they sent of late."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from app.api.configured import IfMatch, checked_settings, hook_url, known_kind, shown_settings
from app.api.deps import Admin, Limit, RuntimeDep
from app.api.versioned import refuse_changed, version_of
from app.entries import PhoneSystemFields, Slug
from app.errors import AppError
from app.kinds import settings_schema
from app.runtime import Runtime
from app.store import configuration
from app.store.models import PhoneSystemRow
from app.store.stream_health import StreamHealth
from app.streams import stream_healths
from app.telephony.registry import kinds

router = APIRouter(prefix="/api/v1", tags=["phone systems"])
SlugPath = Annotated[Slug, Path()]


class HealthOut(BaseModel):
    """How the connection to a phone system is that we connect to; `since` when it became so."""

    connected: bool
    since: datetime | None
    error: str | None


class PhoneSystemOut(BaseModel):
    """A phone system; secrets in `settings` read `set`, and sending that back keeps them.

    `health` is of the connection, null for one that sends webhooks.
    """

    slug: str
    kind: str
    name: str | None
    settings: dict[str, Any] | None
    region: str | None
    url: str
    fault: str | None
    health: HealthOut | None = None
    updated_at: datetime
    version: int


@router.get("/phone-system-kinds")
async def list_kinds(_admin: Admin) -> dict[str, Any]:
    """List the kinds, each with the JSON Schema of its settings."""
    return {
        "items": [
            {
                "kind": kind.kind,
                "title": kind.title,
                "summary": kind.summary,
                "settings_schema": settings_schema(kind.Config),
                "broken": None,
            }
            for kind in kinds().values()
        ]
    }


@router.get("/phone-systems")
async def list_phone_systems(
    _admin: Admin, request: Request, runtime: RuntimeDep
) -> dict[str, list[PhoneSystemOut]]:
    """List the phone systems."""
    async with runtime.db.read() as session:
        rows = await configuration.rows_of(session, PhoneSystemRow)
        found = await stream_healths(session, runtime)
    return {"items": [_shown(row, request, runtime, found.get(row.slug)) for row in rows]}


@router.get("/phone-systems/{slug}")
async def get_phone_system(
    slug: SlugPath, _admin: Admin, request: Request, runtime: RuntimeDep
) -> PhoneSystemOut:
    """Read one phone system."""
    async with runtime.db.read() as session:
        found = await stream_healths(session, runtime)
    return _shown(await _row(runtime, slug), request, runtime, found.get(slug))


@router.put("/phone-systems/{slug}")
async def put_phone_system(
    slug: SlugPath,
    body: PhoneSystemFields,
    admin: Admin,
    request: Request,
    runtime: RuntimeDep,
    if_match: IfMatch = None,
) -> PhoneSystemOut:
    """Create or replace a phone system."""
    kind = kinds().get(body.kind)
    if kind is None:
        raise known_kind(body.kind, kinds())
    async with runtime.db.begin() as session:
        row = await session.get(PhoneSystemRow, slug)
        refuse_changed(_version(row), if_match)
        same = row is not None and row.kind == body.kind
        stored = configuration.open_settings(row, runtime.secrets) if row and same else {}
        fields = body.model_dump()
        fields["settings"] = checked_settings(kind.Config, body.settings, stored)
        await configuration.put_row(
            session,
            PhoneSystemRow,
            slug,
            fields,
            runtime.secrets,
            runtime.clock(),
            admin.user.email,
        )
    await runtime.reload()
    return _shown(await _row(runtime, slug), request, runtime)


@router.delete("/phone-systems/{slug}", status_code=204)
async def delete_phone_system(slug: SlugPath, admin: Admin, runtime: RuntimeDep) -> None:
    """Remove a phone system; its calls stay."""
    async with runtime.db.begin() as session:
        if not await configuration.delete_row(
            session, PhoneSystemRow, slug, runtime.clock(), admin.user.email
        ):
            raise _not_found()
    await runtime.reload()


@router.get("/phone-systems/{slug}/events")
async def list_events(
    slug: SlugPath,
    _admin: Admin,
    runtime: RuntimeDep,
    limit: Limit = 50,
    events_before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    refused_before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> dict[str, Any]:
    """List accepted events and refused bodies, each newest first.

    The next page starts before the last id of the page at hand. What was sent to a slug that
    does not exist is kept under it too.
    """
    async with runtime.db.read() as session:
        events = await configuration.recent_events(session, slug, limit, events_before)
        refused = await configuration.recent_refusals(session, slug, limit, refused_before)
    return {
        "events": [
            {
                "id": row.id,
                "call_id": row.call_id,
                "received_at": row.received_at,
                "event": orjson.loads(row.payload),
            }
            for row in events
        ],
        "refused": [
            {
                "id": row.id,
                "received_at": row.received_at,
                "status": row.status,
                "reason": row.reason,
                "body": row.body,
            }
            for row in refused
        ],
    }


async def _row(runtime: Runtime, slug: str) -> PhoneSystemRow:
    async with runtime.db.read() as session:
        row = await session.get(PhoneSystemRow, slug)
    if row is None:
        raise _not_found()
    return row


def _not_found() -> AppError:
    return AppError(404, "phone_system_not_found", "there is no phone system with this slug")


def _shown(
    row: PhoneSystemRow, request: Request, runtime: Runtime, health: StreamHealth | None = None
) -> PhoneSystemOut:
    kind = kinds().get(row.kind)
    settings = configuration.open_settings(row, runtime.secrets)
    return PhoneSystemOut(
        slug=row.slug,
        kind=row.kind,
        name=row.name,
        settings=shown_settings(kind.Config if kind else None, settings),
        region=row.region,
        url=hook_url(request, runtime.settings.public_url, row.slug),
        fault=runtime.faults.get(row.slug),
        health=HealthOut(**asdict(health)) if health else None,
        updated_at=row.updated_at,
        version=_version(row),
    )


def _version(row: PhoneSystemRow | None) -> int:
    """Return a number for what is saved, 0 for nothing; the sealed text differs at every save."""
    return 0 if row is None else version_of([row.updated_at.isoformat(), row.settings.hex()])
