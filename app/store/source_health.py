"""How sources answered; what several processes saw adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.latency import Minute
from app.core.spans import Stretch, covering
from app.store.engine import Database
from app.store.models import Base
from app.store.source_models import ConnectorSpan
from app.store.spans import forget_spans, spans_summed, write_spans

_SPANS = Base.metadata.tables[ConnectorSpan.__tablename__]


@dataclass(frozen=True, slots=True)
class LastWord:
    """When a source answered last, and the first failure after that."""

    answered_at: datetime | None = None
    failing_since: datetime | None = None
    code: str | None = None


async def write_minutes(db: Database, process: str, minutes: Iterable[Minute]) -> None:
    """Write down what one process saw."""
    rows = (
        {
            "connector": minute.connector,
            "at": minute.at,
            "section": minute.section,
            "answers": minute.answers,
            "cache_hits": minute.cache_hits,
            "errors": dict(minute.errors),
            "sizes": {str(size): count for size, count in minute.sizes.items()},
            "last_success_at": minute.last_success_at,
        }
        for minute in minutes
    )
    await write_spans(db, _SPANS, process, rows)


async def sums_since(session: AsyncSession, since: datetime) -> dict[str, Minute]:
    """Return what all processes saw since a whole minute, by connector."""
    rows = spans_summed(session, _SPANS, ["connector"], covering(since))
    return {row["connector"]: _minute({**row, "section": "", "at": since}) async for row in rows}


async def points_of(session: AsyncSession, connector: str, stretch: Stretch) -> list[Minute]:
    """Return what all processes saw of one connector, by section and span."""
    of_it = _SPANS.c.connector == connector
    rows = spans_summed(session, _SPANS, ["connector", "section", "at"], [stretch], of_it)
    return [_minute(row) async for row in rows]


async def last_words(session: AsyncSession, since: datetime) -> Mapping[str, LastWord]:
    """Say by connector how the sources that were asked since then answered last."""
    span, recent = ConnectorSpan, and_(ConnectorSpan.minutes == 1, ConnectorSpan.at >= since)
    good = (
        select(span.connector, func.max(span.at).label("at"))
        .where(recent, span.answers > 0)
        .group_by(span.connector)
    )
    answered = good.subquery()
    bad = (
        select(span.connector, span.at, span.errors)
        .outerjoin(answered, answered.c.connector == span.connector)
        .where(recent, span.errors != {}, or_(answered.c.at.is_(None), span.at > answered.c.at))
        .order_by(span.at.desc())
    )
    words = {connector: LastWord(at) for connector, at in await session.execute(good)}
    for connector, at, errors in await session.execute(bad):
        answered_at = words.get(connector, LastWord()).answered_at
        words[connector] = LastWord(answered_at, at, max(errors, key=errors.__getitem__))
    return words


async def forget_minutes(db: Database, now: datetime) -> None:
    """Remove what nobody asks for any more."""
    await forget_spans(db, _SPANS, now)


def _minute(row: Mapping[str, Any]) -> Minute:
    return Minute(
        row["connector"],
        row["section"],
        row["at"],
        row["answers"],
        row["cache_hits"],
        Counter(row["errors"]),
        Counter({int(size): count for size, count in row["sizes"].items()}),
        row["last_success_at"],
    )
