"""What came of phone systems' events, minute by minute; what several processes saw adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pace import PhoneMinute
from app.store.calls import upsert
from app.store.engine import Database
from app.store.source_models import PhoneMinute as Row


async def write_phone_minutes(db: Database, process: str, minutes: Iterable[PhoneMinute]) -> None:
    """Write down what one process saw."""
    async with db.begin() as session:
        for minute in minutes:
            values = {
                "phone_system": minute.phone_system,
                "at": minute.at,
                "process": process,
                "events": minute.events,
                "answers": dict(minute.answers),
                "matches": dict(minute.matches),
                "matched": dict(minute.matched),
                "sizes": {
                    part: {str(size): count for size, count in sizes.items()}
                    for part, sizes in minute.sizes.items()
                },
                "last_event_at": minute.last_event_at,
            }
            await session.execute(upsert(db, Row, values, ("phone_system", "at", "process")))


async def phone_minutes_since(session: AsyncSession, since: datetime) -> list[PhoneMinute]:
    """Return what all processes saw, in the order of time."""
    rows = select(Row).where(Row.at >= since).order_by(Row.at)
    return [
        PhoneMinute(
            row.phone_system,
            row.at,
            row.events,
            Counter(row.answers),
            Counter(row.matches),
            Counter(row.matched),
            {
                part: Counter({int(size): count for size, count in sizes.items()})
                for part, sizes in row.sizes.items()
            },
            row.last_event_at,
        )
        for row in await session.scalars(rows)
    ]


async def forget_phone_minutes(db: Database, before: datetime) -> None:
    """Remove what is older."""
    async with db.begin() as session:
        await session.execute(delete(Row).where(Row.at < before))
