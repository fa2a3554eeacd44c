"""How a connector has been answering: for charts, and for who has to find out what is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from app.api.deps import Admin, RuntimeDep
from app.api.oauth import AuthorisationOut, authorisation
from app.core.latency import Minute, added, latest, percentile_ms
from app.entries import Slug
from app.errors import AppError
from app.sources.guard import BreakerState
from app.store import configuration
from app.store.models import ConnectorRow
from app.store.source_health import KEEP_FOR, minutes_since
from app.store.source_models import OAuthGrant

router = APIRouter(prefix="/api/v1", tags=["connectors"])
_MOST_POINTS = 360
_LONGEST_HOURS = int(KEEP_FOR.total_seconds() // 3_600)


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

    `points` lie `step_minutes` apart; spans in which nothing was asked are left out.
    """

    connector: str
    fault: str | None
    breaker: BreakerState | None
    budget_left: int | None
    authorisation: AuthorisationOut | None
    last_success_at: datetime | None
    hours: int
    step_minutes: int
    sections: list[CountsOut]
    points: list[PointOut]
    faults: list[FaultOut]


@router.get("/connectors/{slug}/health")
async def get_health(
    slug: Annotated[Slug, Path()],
    _admin: Admin,
    runtime: RuntimeDep,
    hours: Annotated[int, Query(ge=1, le=_LONGEST_HOURS)] = 24,
) -> SourceHealthOut:
    """Read how a connector has been answering in the last hours, over all processes."""
    now = runtime.clock()
    async with runtime.db.read() as session:
        row = await session.get(ConnectorRow, slug)
        if row is None:
            raise AppError(404, "connector_not_found", "there is no connector with this slug")
        grant = await session.get(OAuthGrant, slug)
        minutes = await minutes_since(session, now - timedelta(hours=hours), slug)
    minutes += runtime.health.minutes(slug)
    step = timedelta(minutes=-(-hours * 60 // _MOST_POINTS))
    sums = added(minutes)
    success: datetime | None = None
    for each in sums:
        success = latest(success, each.last_success_at)
    instance = runtime.sources.get(slug)
    return SourceHealthOut(
        connector=slug,
        fault=instance.fault if instance else None,
        breaker=instance.guard.state if instance else None,
        budget_left=instance.budget_left if instance else None,
        authorisation=authorisation(row, configuration.open_settings(row, runtime.secrets), grant),
        last_success_at=success,
        hours=hours,
        step_minutes=int(step.total_seconds() // 60),
        sections=[CountsOut(**_counts(each)) for each in sums],
        points=[PointOut(at=each.at, **_counts(each)) for each in added(minutes, step)],
        faults=[
            FaultOut(at=each.at, section=each.section, code=each.code, text=each.text)
            for each in runtime.health.faults(slug)
        ],
    )


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
