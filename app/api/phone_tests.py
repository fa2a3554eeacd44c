"""Finding out what a phone system does: guide, live feed, test call, replay, unknown extensions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from app.api.configured import hook_url
from app.api.deps import Admin, Limit, RuntimeDep
from app.api.inward import Inward
from app.api.kept_hooks import opened
from app.entries import Line, Slug
from app.errors import AppError, UserError
from app.guides import guide_text
from app.runtime import Runtime
from app.screenpop import receive_all
from app.store.hook_bodies import bodies_of
from app.store.models import CallEventRow, HookBody
from app.store.refusals import redact
from app.telephony.base import TEST_CALL, NotUnderstood, PhoneSystem, Refused, TestCall
from app.telephony.registry import kinds

router = APIRouter(prefix="/api/v1", tags=["phone systems"])
SlugPath = Annotated[Slug, Path()]
_SEEN_FOR = timedelta(days=30)
_LOOKED_AT = 5_000


class TestCallIn(BaseModel):
    """Who seems to call, and the extension that rings."""

    __test__ = False

    model_config = ConfigDict(extra="forbid")
    ani: Annotated[Line, Field(max_length=40)]
    extension: Annotated[Line, Field(max_length=60)]


class TestCallOut(BaseModel):
    """What the webhook answered; `agents` have that extension, `connected` of them look on."""

    __test__ = False

    status: int
    answer: str
    call_id: str
    agents: list[str]
    connected: int


class ReplayIn(BaseModel):
    """Which of the kept webhooks."""

    model_config = ConfigDict(extra="forbid")
    body_id: Annotated[int, Field(ge=1, le=2**62)]


class ReplayOut(BaseModel):
    """What became of it by the settings of now."""

    verified: bool
    why: str | None
    understood: list[dict[str, Any]]
    call_ids: list[str]


@router.get("/phone-system-kinds/{kind}/guide")
async def read_guide(kind: Annotated[str, Path(max_length=60)], _admin: Admin) -> dict[str, Any]:
    """Read how to connect a phone system of this kind: text in a small part of Markdown."""
    if kind not in kinds():
        raise AppError(404, "not_found", "there is no such kind of phone system")
    return {"kind": kind, "text": guide_text(kind)}


@router.get("/phone-systems/{slug}/feed")
async def live_feed(
    slug: SlugPath, _admin: Admin, runtime: RuntimeDep, limit: Limit = 50
) -> dict[str, Any]:
    """List the last webhooks as they came (redacted), what was understood, or why refused."""
    system = runtime.phone_systems.get(slug)
    async with runtime.db.read() as session:
        rows = (await bodies_of(session, slug))[:limit]
    return {"items": [_fed(row, system, runtime) for row in rows]}


@router.post("/phone-systems/{slug}/test-call")
async def ring_test_call(
    slug: SlugPath, body: TestCallIn, _admin: Admin, request: Request, runtime: RuntimeDep
) -> TestCallOut:
    """Ring an extension through the real webhook, signed as the phone system would."""
    system = _running(runtime, slug)
    url = hook_url(request, runtime.settings.public_url, slug)
    call_id = f"{TEST_CALL}{uuid.uuid4().hex[:12]}"
    call = TestCall(call_id, body.ani, body.extension, runtime.clock(), url)
    try:
        signed = system.ring(call)
    except UserError as error:
        raise AppError(409, "no_test_call", str(error)) from None
    inward: Inward = request.app.state.inward
    status, answer = await inward.post_hook(slug, signed)
    agents = runtime.directory.at(body.extension)
    return TestCallOut(
        status=status,
        answer=answer,
        call_id=f"{slug}:{call_id}",
        agents=[agent.name for agent in agents],
        connected=sum(runtime.hub.connected(agent.user_id) for agent in agents),
    )


@router.post("/phone-systems/{slug}/replay")
async def replay(slug: SlugPath, body: ReplayIn, _admin: Admin, runtime: RuntimeDep) -> ReplayOut:
    """Take a kept webhook again, as a new test call: verified and read by today's settings."""
    system = _running(runtime, slug)
    async with runtime.db.read() as session:
        row = await session.get(HookBody, body.body_id)
    if row is None or row.phone_system != slug:
        raise AppError(404, "not_found", "this webhook is no longer kept; choose a later one")
    request = opened(row, runtime.secrets)
    try:
        # As of when it came: by now its signature would be too old.
        system.verify(request)
    except Refused as error:
        return ReplayOut(verified=False, why=str(error), understood=[], call_ids=[])
    try:
        events = system.parse(replace(request, received_at=runtime.clock()))
    except NotUnderstood as error:
        return ReplayOut(verified=True, why=str(error), understood=[], call_ids=[])
    mark = uuid.uuid4().hex[:8]
    again = [
        replace(
            event,
            call_id=system.full_id(f"{TEST_CALL}{mark}-{event.call_id.removeprefix(slug + ':')}"),
            event_key=f"replay:{mark}:{index}",
            event_id=None,
            occurred_at=None,
        )
        for index, event in enumerate(events)
    ]
    if again:
        await receive_all(runtime, again)
    return ReplayOut(
        verified=True,
        why=None,
        understood=[_understood(event) for event in again],
        call_ids=sorted({event.call_id for event in again}),
    )


@router.get("/phone-systems/extensions/seen")
async def list_unknown_extensions(_admin: Admin, runtime: RuntimeDep) -> dict[str, Any]:
    """List the extensions in the events of late that nobody has, most frequent first."""
    since = runtime.clock() - _SEEN_FOR
    newest = select(CallEventRow.payload, CallEventRow.phone_system, CallEventRow.received_at)
    newest = newest.where(CallEventRow.received_at >= since)
    async with runtime.db.read() as session:
        rows = await session.execute(newest.order_by(CallEventRow.id.desc()).limit(_LOOKED_AT))
    found: dict[str, dict[str, Any]] = {}
    for payload, phone_system, received_at in rows:
        event = orjson.loads(payload)
        for extension in (*event.get("extensions", ()), event.get("transfer_to")):
            if not extension or runtime.directory.at(extension):
                continue
            seen = found.setdefault(
                extension,
                {
                    "extension": extension,
                    "phone_system": phone_system,
                    "events": 0,
                    "queues": [],
                    "last_seen_at": received_at,
                },
            )
            seen["events"] += 1
            queue = event.get("queue")
            if queue and queue not in seen["queues"]:
                seen["queues"].append(queue)
    return {"items": sorted(found.values(), key=lambda each: -each["events"])[:200]}


def _running(runtime: Runtime, slug: str) -> PhoneSystem[Any]:
    system = runtime.phone_systems.get(slug)
    if system is not None:
        return system
    if slug in runtime.faults:
        raise AppError(409, "phone_system_broken", runtime.faults[slug])
    raise AppError(404, "phone_system_not_found", "there is no phone system with this slug")


def _fed(row: HookBody, system: PhoneSystem[Any] | None, runtime: Runtime) -> dict[str, Any]:
    request = opened(row, runtime.secrets)
    shown: dict[str, Any] = {
        "id": row.id,
        "received_at": row.received_at,
        "status": row.outcome,
        "accepted": row.outcome < 300,
        "raw": redact(request.body or request.query.encode()),
        "headers": sorted(request.headers),
        "events": [],
        "why": None,
    }
    if system is None:
        return shown
    try:
        if row.outcome == 401:
            system.verify(request)
            shown["why"] = "refused then; by the settings of now it would be accepted"
        shown["events"] = [_understood(event) for event in system.parse(request)]
    except Refused as error:
        shown["why"] = str(error)
    except NotUnderstood as error:
        shown["why"] = str(error)
    return shown


def _understood(event: Any) -> dict[str, Any]:
    """Return what an event says, in our words; what it does not say is left out."""
    fields = (
        "call_id",
        "direction",
        "ani",
        "withheld",
        "dnis",
        "cnam",
        "extensions",
        "queue",
        "transfer_to",
        "ended_reason",
        "occurred_at",
        "collected",
        "attached_data",
    )
    said: Mapping[str, Any] = {name: getattr(event, name) for name in fields}
    return {"event": event.kind.value, **{name: value for name, value in said.items() if value}}
