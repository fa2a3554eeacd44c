"""The rules of the pop: service levels, alerts, outcomes, blocks; tried on a recent call."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.configured import IfMatch
from app.api.deps import Admin, RuntimeDep
from app.api.versioned import refuse_changed, version_of
from app.core.pop import dumps
from app.core.priority import Rule
from app.core.rules import DISPOSITIONS, AlertRules, Layout
from app.entries import AlertFields, Dispositions, Layouts, Line, Priorities
from app.errors import AppError
from app.jobs import write_calls
from app.preview import preview
from app.store import rules
from app.store.calls import get_call, list_calls
from app.store.models import User

router = APIRouter(prefix="/api/v1/rules", tags=["rules"])
_RECENT = 20


class RulesIn(BaseModel):
    """The rules to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    priorities: Priorities | None = None
    alerts: AlertFields | None = None
    dispositions: Dispositions | None = None
    pop_layout: Layouts | None = None


class RulesOut(BaseModel):
    """The rules as they hold, and the queues that people or calls name."""

    priorities: list[dict[str, Any]]
    alerts: dict[str, Any]
    dispositions: list[str]
    usual_dispositions: list[str]
    pop_layout: list[dict[str, Any]]
    queues: list[str]
    version: int


class PreviewIn(RulesIn):
    """Rules that are not saved, and the call to try them on."""

    call_id: Line


@router.get("")
async def read_rules(_admin: Admin, runtime: RuntimeDep) -> RulesOut:
    """Read the rules."""
    async with runtime.db.read() as session:
        return await _shown(session)


@router.patch("")
async def change_rules(
    body: RulesIn, _admin: Admin, runtime: RuntimeDep, if_match: IfMatch = None
) -> RulesOut:
    """Change rules; they hold from the next change of each pop on."""
    given = _given(body)
    async with runtime.db.begin() as session:
        refuse_changed(version_of(await _saved(session)), if_match)
        if "priorities" in given:
            await rules.set_priorities(session, given["priorities"])
        if "alerts" in given:
            await rules.set_alert_rules(session, given["alerts"])
        if "dispositions" in given:
            await rules.set_dispositions(session, given["dispositions"])
        if "pop_layout" in given:
            await rules.set_pop_layouts(session, given["pop_layout"])
    await runtime.reload()
    async with runtime.db.read() as session:
        return await _shown(session)


@router.get("/calls")
async def list_recent_calls(_admin: Admin, runtime: RuntimeDep) -> Response:
    """List the calls that rules can be tried on, newest first."""
    await write_calls(runtime)
    async with runtime.db.read() as session:
        found = await list_calls(session, user_id=None, state=None, since=None, limit=_RECENT)
    return _json({"items": found})


@router.post("/preview")
async def preview_rules(body: PreviewIn, _admin: Admin, runtime: RuntimeDep) -> Response:
    """Say what the agent would see of a recent call by these rules, and sees by those that hold."""
    await write_calls(runtime)
    async with runtime.db.read() as session:
        call = await get_call(session, body.call_id, None)
    if call is None:
        raise AppError(404, "not_found", "there is no such call")
    given = _given(body)
    priorities, alerts, layouts = runtime.priorities, runtime.alert_rules, runtime.layouts
    if "priorities" in given:
        priorities = tuple(Rule.of(rule) for rule in given["priorities"])
    if "alerts" in given:
        alerts = AlertRules.of(given["alerts"])
    if "pop_layout" in given:
        layouts = tuple(Layout.of(layout) for layout in given["pop_layout"])
    return _json(await preview(runtime, call, priorities, alerts, layouts))


def _given(body: RulesIn) -> dict[str, Any]:
    """Return the rules that were sent, as they are stored."""
    return body.model_dump(mode="json", exclude={"call_id"}, exclude_defaults=True)


async def _saved(session: AsyncSession) -> dict[str, Any]:
    return {
        "priorities": await rules.priorities(session),
        "alerts": await rules.alert_rules(session),
        "dispositions": await rules.dispositions(session),
        "pop_layout": await rules.pop_layouts(session),
    }


async def _shown(session: AsyncSession) -> RulesOut:
    saved = await _saved(session)
    people = await session.scalars(select(User.queues).where(~User.disabled))
    named = {queue for queues in people for queue in queues}
    named |= {layout["queue"] for layout in saved["pop_layout"] if layout.get("queue")}
    return RulesOut(
        **saved,
        usual_dispositions=list(DISPOSITIONS),
        queues=sorted(named),
        version=version_of(saved),
    )


def _json(content: Any) -> Response:
    return Response(dumps(content), media_type="application/json")
