"""Counts by span of time: each process writes its minutes and their sums, which add up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Table, and_, delete, func, select, union_all
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.spans import (
    DAY,
    HOUR,
    LENGTHS,
    MINUTE,
    TEN_MINUTES,
    THREE_HOURS,
    Stretch,
    folded,
    span_of,
)
from app.store.engine import Database
from app.store.types import Json, UtcDateTime
from app.turns import in_turns

LONGEST_WINDOW = timedelta(days=14)
# As long as a window or a chart asks for them; a day more, as windows start with a whole span.
_KEPT = {
    MINUTE: DAY,
    TEN_MINUTES: 4 * DAY,
    HOUR: LONGEST_WINDOW + DAY,
    THREE_HOURS: LONGEST_WINDOW + DAY,
    DAY: LONGEST_WINDOW + DAY,
}
_AT_ONCE = 200
_FORGOTTEN_AT_ONCE = 10


async def write_spans(
    db: Database, table: Table, process: str, minutes: Iterable[dict[str, Any]]
) -> None:
    """Write down one process's minutes, and anew what the longer spans that they lie in sum up to.

    What was not written to its end may be written once more.
    """
    rows = [{**minute, "process": process} for minute in minutes]
    await _put(db, table, MINUTE, rows)
    written = {row["at"] for row in rows}
    by = [key.name for key in table.primary_key if key.name not in ("minutes", "at")]
    for length, longer in pairwise(LENGTHS):
        sums = []
        async with db.read() as session:
            for start in sorted({span_of(at, longer) for at in written}):
                parts = Stretch(length, start, start + longer)
                mine = table.c.process == process
                summed = spans_summed(session, table, by, [parts], mine)
                sums += [{**row, "at": start} async for row in summed]
        await _put(db, table, longer, sums)


async def spans_summed(
    session: AsyncSession,
    table: Table,
    by: Sequence[str],
    stretches: Iterable[Stretch],
    *which: ColumnElement[bool],
) -> AsyncIterator[dict[str, Any]]:
    """Yield the sums of spans, one row for each value of the columns `by`, in their order."""
    # One by one: for any of several SQLite may read the whole table in the order of its key.
    parts = (select(table).where(_within(table, each), *which) for each in stretches)
    spans = union_all(*parts).subquery()
    columns = [spans.c[name] for name in by]
    counted = [spans.c[column.name] for column in table.c if not column.primary_key]
    sums = (_sum(column).label(column.name) for column in counted)
    statement = select(*columns, *sums).group_by(*columns).order_by(*columns)
    deep = [column.name for column in counted if isinstance(column.type, Json)]
    async for row in in_turns((await session.execute(statement)).mappings()):
        yield {**row, **{name: folded(orjson.loads(f"[{row[name]}]")) for name in deep}}


async def forget_spans(db: Database, table: Table, now: datetime) -> None:
    """Remove what nobody asks for any more, a little at a time: others write too."""
    for length, kept in _KEPT.items():
        spans = table.c.minutes == _minutes(length)
        oldest_first = select(table.c.at).where(spans, table.c.at < now - kept).order_by(table.c.at)
        while True:
            async with db.read() as session:
                oldest = await session.scalar(oldest_first.limit(1))
            if oldest is None:
                break
            until = min(oldest + _FORGOTTEN_AT_ONCE * length, now - kept)
            async with db.begin() as session:
                await session.execute(delete(table).where(spans, table.c.at < until))


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Json):
        return func.aggregate_strings(column, ",")
    return func.max(column) if isinstance(column.type, UtcDateTime) else func.sum(column)


def _within(table: Table, stretch: Stretch) -> ColumnElement[bool]:
    spans = and_(table.c.minutes == _minutes(stretch.length), table.c.at >= stretch.since)
    return spans if stretch.until is None else and_(spans, table.c.at < stretch.until)


async def _put(
    db: Database, table: Table, length: timedelta, rows: Sequence[dict[str, Any]]
) -> None:
    insert = sqlite_insert if db.dialect == "sqlite" else postgresql_insert
    statement = insert(table)
    statement = statement.on_conflict_do_update(
        index_elements=[key.name for key in table.primary_key],
        set_={c.name: statement.excluded[c.name] for c in table.c if not c.primary_key},
    )
    async with db.begin() as session:
        for first in range(0, len(rows), _AT_ONCE):
            some = [{**row, "minutes": _minutes(length)} for row in rows[first : first + _AT_ONCE]]
            await session.execute(statement, some)


def _minutes(length: timedelta) -> int:
    return length // MINUTE
