"""How a connector has been answering: for charts, and for who has to find out what is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from app.api.deps import Admin, RuntimeDep
from app.api.oauth import AuthorisationOut, authorisation
from app.core.latency import Minute, added, latest, percentile_ms
from app.core.spans import HOUR, MINUTE, Stretch, length_in, span_of, step_of
from app.entries import Slug
from app.errors import AppError
from app.sources.guard import BreakerState
from app.store import configuration
from app.store.models import ConnectorRow
from app.store.source_health import points_of
from app.store.source_models import OAuthGrant
from app.store.spans import LONGEST_WINDOW
from app.turns import in_turns

router = APIRouter(prefix="/api/v1", tags=["connectors"])
_MOST_POINTS = 360
_LONGEST_HOURS = LONGEST_WINDOW // HOUR


class CountsOut(BaseModel):
    """Answers of a section and how long they took, ms; `errors` counts failures by code."""

    section: str
    answers: int
    cache_hits: int
    errors: dict[str, int]
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class PointOut(CountsOut):
    """The same for the span of time that starts `at`."""

    at: datetime


class FaultOut(BaseModel):
    """One answer that failed, and why."""

    at: datetime
    section: str
    code: str
    text: str | None


class SourceHealthOut(BaseModel):
    """`breaker`, `budget_left` and `faults` are those of the process that answers.

    All counts are from `since` on, where a span of `step_minutes` starts: up to a span before the
    `hours` asked for. `points` lie so far apart; spans in which nothing was asked are left out.
    """

    connector: str
    fault: str | None
    breaker: BreakerState | None
    budget_left: int | None
    authorisation: AuthorisationOut | None
    last_success_at: datetime | None
    hours: int
    since: datetime
    step_minutes: int
    sections: list[CountsOut]
    points: list[PointOut]
    faults: list[FaultOut]


@router.get("/connectors/{slug}/health", response_model=SourceHealthOut)
async def get_health(
    slug: Annotated[Slug, Path()],
    _admin: Admin,
    runtime: RuntimeDep,
    hours: Annotated[int, Query(ge=1, le=_LONGEST_HOURS)] = 24,
) -> Response:
    """Read how a connector has been answering in the last hours, over all processes."""
    step = step_of(hours * HOUR, _MOST_POINTS)
    since = span_of(runtime.clock() - hours * HOUR, step)
    async with runtime.db.read() as session:
        row = await session.get(ConnectorRow, slug)
        if row is None:
            raise AppError(404, "connector_not_found", "there is no connector with this slug")
        grant = await session.get(OAuthGrant, slug)
        minutes = await points_of(session, slug, Stretch(length_in(step), since))
    minutes += runtime.health.minutes(slug)
    sums = [each async for each in in_turns(added(minutes))]
    success: datetime | None = None
    for each in sums:
        success = latest(success, each.last_success_at)
    points = [
        PointOut(at=each.at, **_counts(each)) async for each in in_turns(added(minutes, step))
    ]
    instance = runtime.sources.get(slug)
    told = SourceHealthOut(
        connector=slug,
        fault=instance.fault if instance else None,
        breaker=instance.guard.state if instance else None,
        budget_left=instance.budget_left if instance else None,
        authorisation=authorisation(row, configuration.open_settings(row, runtime.secrets), grant),
        last_success_at=success,
        hours=hours,
        since=since,
        step_minutes=step // MINUTE,
        sections=[CountsOut(**_counts(each)) for each in sums],
        points=points,
        faults=[
            FaultOut(at=each.at, section=each.section, code=each.code, text=each.text)
            for each in runtime.health.faults(slug)
        ],
    )
    return Response(told.model_dump_json(), media_type="application/json")


def _counts(minute: Minute) -> dict[str, object]:
    return {
        "section": minute.section,
        "answers": minute.answers,
        "cache_hits": minute.cache_hits,
        "errors": dict(minute.errors),
        "p50_ms": percentile_ms(minute.sizes, 50),
        "p95_ms": percentile_ms(minute.sizes, 95),
        "p99_ms": percentile_ms(minute.sizes, 99),
    }
