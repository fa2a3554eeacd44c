"""`/api/v1/calls`: the agents' calls, their notes, wrap-ups and follow-ups."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import AnyUser, RuntimeDep
from app.api.security import Principal
from app.core.pop import dumps
from app.errors import AppError
from app.jobs import write_calls
from app.runtime import Runtime
from app.screenpop import tell_note
from app.store import calls, rules

router = APIRouter(prefix="/api/v1", tags=["calls"])


class NoteIn(BaseModel):
    """A note; with a known `note_id` it replaces that note's text."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=10_000)
    note_id: uuid.UUID | None = None


class FollowUpIn(BaseModel):
    """What was promised, and by when."""

    model_config = ConfigDict(extra="forbid")
    due_on: date
    text: str | None = Field(None, max_length=1_000)


class WrapUpIn(BaseModel):
    """How a call came out."""

    model_config = ConfigDict(extra="forbid")
    disposition: str | None = Field(None, max_length=60)
    sentiment: Literal["positive", "neutral", "negative"] | None = None
    follow_up: FollowUpIn | None = None


def _whose(me: Principal) -> str | None:
    """Agents see the calls that were for them; supervisors and admins see all."""
    return me.user.user_id if me.user.role == "agent" else None


def _json(content: Any, status: int = 200) -> Response:
    return Response(dumps(content), status, media_type="application/json")


async def _call(rt: Runtime, call_id: str, me: Principal) -> dict[str, Any]:
    await write_calls(rt)
    async with rt.db.read() as session:
        call = await calls.get_call(session, call_id, _whose(me))
    if call is None:
        raise AppError(404, "not_found", "there is no such call among yours")
    return call


@router.get("/calls")
async def list_calls(
    rt: RuntimeDep,
    me: AnyUser,
    state: Literal["missed", "today", "live"] | None = None,
    limit: Annotated[int, Query(ge=1, le=calls.LARGEST_PAGE)] = 50,
) -> Response:
    """List calls, newest first."""
    await write_calls(rt)
    since = rt.clock() - timedelta(days=7 if state == "missed" else 1)
    async with rt.db.read() as session:
        found = await calls.list_calls(
            session,
            user_id=_whose(me),
            state=state if state != "today" else None,
            since=since if state is not None else None,
            limit=limit,
        )
    return _json({"calls": found})


@router.get("/calls/{call_id}")
async def get_call(rt: RuntimeDep, me: AnyUser, call_id: str) -> Response:
    """Return one call."""
    return _json(await _call(rt, call_id, me))


@router.post("/calls/{call_id}/notes")
async def write_note(rt: RuntimeDep, me: AnyUser, call_id: str, note: NoteIn) -> Response:
    """Write a note, or replace the text of one's own."""
    await _call(rt, call_id, me)
    note_id = str(note.note_id or uuid.uuid4())
    async with rt.db.begin() as session:
        saved = await calls.save_note(
            session, note_id, call_id, me.user.user_id, note.text, rt.clock()
        )
    if saved is None:
        raise AppError(409, "conflict", "this note is another agent's or another call's")
    row, new = saved
    await tell_note(rt, call_id, me.user.user_id)
    await rt.bus.publish({"note": call_id, "author": me.user.user_id})
    return _json(calls.note_json(row, me.user.name), 201 if new else 200)


@router.put("/calls/{call_id}/wrap-up")
async def wrap_up(rt: RuntimeDep, me: AnyUser, call_id: str, body: WrapUpIn) -> Response:
    """Say how a call came out, and what was promised."""
    await _call(rt, call_id, me)
    await calls.save_wrap_up(
        rt.db,
        call_id,
        me.user.user_id,
        disposition=body.disposition,
        sentiment=body.sentiment,
        due_on=body.follow_up.due_on if body.follow_up else None,
        text=body.follow_up.text if body.follow_up else None,
        now=rt.clock(),
    )
    return _json((await _call(rt, call_id, me))["wrap_up"])


@router.get("/follow-ups")
async def follow_ups(rt: RuntimeDep, me: AnyUser) -> Response:
    """List what was promised and is not done yet."""
    async with rt.db.read() as session:
        found = await calls.open_follow_ups(session, _whose(me), calls.LARGEST_PAGE)
    return _json({"follow_ups": found})


@router.post("/follow-ups/{call_id}/done", status_code=204)
async def follow_up_done(rt: RuntimeDep, me: AnyUser, call_id: str) -> None:
    """Mark a promise as kept."""
    async with rt.db.begin() as session:
        done = await calls.finish_follow_up(session, call_id, _whose(me), rt.clock())
    if not done:
        raise AppError(404, "not_found", "there is no such follow-up among yours")


@router.get("/dispositions")
async def dispositions(_me: AnyUser, rt: RuntimeDep) -> dict[str, list[str]]:
    """List the outcomes that a call can have."""
    async with rt.db.read() as session:
        return {"dispositions": await rules.dispositions(session)}
