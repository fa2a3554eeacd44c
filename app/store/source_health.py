"""How sources answered, minute by minute; what several processes saw adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.latency import Minute
from app.store.calls import upsert
from app.store.engine import Database
from app.store.source_models import ConnectorMinute

KEEP_FOR = timedelta(days=14)


async def write_minutes(db: Database, process: str, minutes: Iterable[Minute]) -> None:
    """Write down what one process saw."""
    key = ("connector", "at", "section", "process")
    async with db.begin() as session:
        for minute in minutes:
            values = {
                "connector": minute.connector,
                "at": minute.at,
                "section": minute.section,
                "process": process,
                "answers": minute.answers,
                "cache_hits": minute.cache_hits,
                "errors": dict(minute.errors),
                "sizes": {str(size): count for size, count in minute.sizes.items()},
                "last_success_at": minute.last_success_at,
            }
            await session.execute(upsert(db, ConnectorMinute, values, key))


async def minutes_since(
    session: AsyncSession, since: datetime, connector: str | None = None
) -> list[Minute]:
    """Return what all processes saw, of one connector or of all."""
    rows = select(ConnectorMinute).where(ConnectorMinute.at >= since)
    if connector is not None:
        rows = rows.where(ConnectorMinute.connector == connector)
    return [
        Minute(
            row.connector,
            row.section,
            row.at,
            row.answers,
            row.cache_hits,
            Counter(row.errors),
            Counter({int(size): count for size, count in row.sizes.items()}),
            row.last_success_at,
        )
        for row in await session.scalars(rows.order_by(ConnectorMinute.at))
    ]


async def forget_minutes(db: Database, before: datetime) -> None:
    """Remove what is older."""
    async with db.begin() as session:
        await session.execute(delete(ConnectorMinute).where(ConnectorMinute.at < before))
