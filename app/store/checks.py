"""The saved checks of connectors, and how they came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.source_models import ConnectorCheck, ConnectorCheckRun

KEPT_RUNS = 60


async def checks_of(session: AsyncSession, slug: str) -> Sequence[ConnectorCheck]:
    """Return the checks of a connector in their order."""
    query = select(ConnectorCheck).where(ConnectorCheck.connector == slug)
    return (await session.scalars(query.order_by(ConnectorCheck.position))).all()


async def replace_checks(
    session: AsyncSession, slug: str, checks: Sequence[Mapping[str, Any]]
) -> None:
    """Put these in the place of the checks there were."""
    await session.execute(delete(ConnectorCheck).where(ConnectorCheck.connector == slug))
    for position, fields in enumerate(checks):
        session.add(ConnectorCheck(connector=slug, position=position, **fields))
    await session.flush()


async def record_run(
    session: AsyncSession,
    slug: str,
    at: datetime,
    occasion: str,
    tried: str,
    results: Sequence[Mapping[str, Any]],
) -> None:
    """Keep how the checks came out; the oldest runs are forgotten."""
    session.add(
        ConnectorCheckRun(
            connector=slug,
            at=at,
            occasion=occasion,
            tried=tried,
            passed=sum(bool(each["passed"]) for each in results),
            total=len(results),
            results=list(results),
        )
    )
    await session.flush()
    newest = (
        select(ConnectorCheckRun.id)
        .where(ConnectorCheckRun.connector == slug)
        .order_by(ConnectorCheckRun.id.desc())
        .limit(KEPT_RUNS)
    )
    kept = (await session.scalars(newest)).all()
    old = ConnectorCheckRun.id < min(kept)
    await session.execute(delete(ConnectorCheckRun).where(ConnectorCheckRun.connector == slug, old))


async def runs_of(session: AsyncSession, slug: str) -> Sequence[ConnectorCheckRun]:
    """Return the kept runs of a connector, newest first."""
    query = select(ConnectorCheckRun).where(ConnectorCheckRun.connector == slug)
    return (await session.scalars(query.order_by(ConnectorCheckRun.id.desc()))).all()


async def last_runs(
    session: AsyncSession, occasion: str | None = None
) -> dict[str, tuple[datetime, int, int]]:
    """Return when the checks of each connector last ran (on an occasion): passed, of how many."""
    newest = select(func.max(ConnectorCheckRun.id)).group_by(ConnectorCheckRun.connector)
    if occasion is not None:
        newest = newest.where(ConnectorCheckRun.occasion == occasion)
    runs = await session.scalars(select(ConnectorCheckRun).where(ConnectorCheckRun.id.in_(newest)))
    return {run.connector: (run.at, run.passed, run.total) for run in runs}


async def checked_connectors(session: AsyncSession) -> list[str]:
    """Return the connectors that have checks."""
    query = select(ConnectorCheck.connector).distinct().order_by(ConnectorCheck.connector)
    return list((await session.scalars(query)).all())
