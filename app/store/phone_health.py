"""What came of phone systems' events; what several processes saw adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pace import PhoneMinute
from app.core.spans import Stretch, covering
from app.store.engine import Database
from app.store.models import Base
from app.store.source_models import PhoneSpan
from app.store.spans import forget_spans, spans_summed, write_spans

_SPANS = Base.metadata.tables[PhoneSpan.__tablename__]


async def write_phone_minutes(db: Database, process: str, minutes: Iterable[PhoneMinute]) -> None:
    """Write down what one process saw."""
    rows = (
        {
            "phone_system": minute.phone_system,
            "at": minute.at,
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
        for minute in minutes
    )
    await write_spans(db, _SPANS, process, rows)


async def phone_sums_since(session: AsyncSession, since: datetime) -> list[PhoneMinute]:
    """Return what all processes saw since a whole minute, one sum for each phone system."""
    rows = spans_summed(session, _SPANS, ["phone_system"], covering(since))
    return [_minute({**row, "at": since}) async for row in rows]


async def phone_points(session: AsyncSession, stretch: Stretch) -> list[PhoneMinute]:
    """Return what all processes saw of all phone systems together, span by span."""
    rows = spans_summed(session, _SPANS, ["at"], [stretch])
    return [_minute({**row, "phone_system": ""}) async for row in rows]


async def forget_phone_minutes(db: Database, now: datetime) -> None:
    """Remove what nobody asks for any more."""
    await forget_spans(db, _SPANS, now)


def _minute(row: Mapping[str, Any]) -> PhoneMinute:
    return PhoneMinute(
        row["phone_system"],
        row["at"],
        row["events"],
        Counter(row["answers"]),
        Counter(row["matches"]),
        Counter(row["matched"]),
        {
            part: Counter({int(size): count for size, count in sizes.items()})
            for part, sizes in row["sizes"].items()
        },
        row["last_event_at"],
    )
