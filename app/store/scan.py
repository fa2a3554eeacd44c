"""One pass over all customers: which are likely duplicates, and what somebody should mend.

It takes minutes of computing for a million customers, so the server runs it in a process of its
own (`python -m app.store.scan`, see `store.apart`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.contact import StoredContact
from app.core.duplicates import Finder, Likeness, Party
from app.core.identity import Ref
from app.core.quality import MANY, Issue, issues
from app.store.apart import answer_once
from app.store.calls import upsert
from app.store.customer_models import QualityIssue
from app.store.engine import Database
from app.store.homes import BARS, PROPOSALS, mend_calls
from app.store.models import Meta
from app.store.records import CUSTOMERS, INDEX, LINKS
from app.store.words import index_missing

ISSUES = cast("Table", QualityIssue.__table__)
MOST_PROPOSALS = 10_000
SCANNED = "customers_scanned"
_READ = "customers_scan_read"
_NIGHT_FROM = 2
_TELL_S = 1.0
_PAGE = 2000
# A batch holds SQLite's write lock, in which no event can be acknowledged.
_AT_A_TIME = 300


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan found. `left_out`: likely duplicates beyond the best `MOST_PROPOSALS`."""

    customers: int
    proposals: int
    left_out: int
    issues: int
    seconds: float


async def scan(
    db: Database, at: datetime, progress: Callable[[int], None] = lambda _: None
) -> Scanned:
    """Look at every customer, and write the proposals and the issues anew."""
    began = asyncio.get_running_loop().time()
    finder = Finder()
    async with db.begin() as session:
        await mend_calls(await session.connection())
    held = await _numbers_of_many(db)
    customers = found = 0
    waiting: list[tuple[str, Issue]] = []
    async for customer, records in _customers(db):
        finder.add(Party.of(customer, records.values()))
        wrong = issues(records, lambda number: held.get(number, 1), at)
        waiting += ((customer, issue) for issue in wrong)
        customers += 1
        if len(waiting) >= _AT_A_TIME:
            found += await _write_issues(db, waiting, at)
            waiting = []
        if customers % _PAGE == 0:
            progress(customers)
    found += await _write_issues(db, waiting, at)
    found += await _write_gone(db, at)
    await _forget_mended(db, at)
    progress(customers)
    pairs = sorted(finder.pairs(), key=lambda pair: (-pair.score, pair.left, pair.right))
    await index_missing(db)
    proposals, left_out = await _write_proposals(db, pairs, at)
    async with db.begin() as session:
        values = {"key": SCANNED, "value": at.isoformat()}
        await session.execute(upsert(db, Meta, values, ("key",)))
    seconds = asyncio.get_running_loop().time() - began
    return Scanned(customers, proposals, left_out, found, round(seconds, 3))


async def last_scan(db: Database) -> datetime | None:
    """Return when all customers were last looked at."""
    async with db.read() as session:
        value = await session.scalar(select(Meta.value).where(Meta.key == SCANNED))
        return datetime.fromisoformat(value) if value else None


async def tell_read(db: Database, count: int) -> None:
    """Keep how many customers the present scan has read, for whoever watches."""
    async with db.begin() as session:
        await session.execute(upsert(db, Meta, {"key": _READ, "value": str(count)}, ("key",)))


async def read_so_far(db: Database) -> int:
    """Return how many customers the present scan (or the last one) has read."""
    async with db.read() as session:
        return int(await session.scalar(select(Meta.value).where(Meta.key == _READ)) or 0)


async def any_customer(db: Database) -> bool:
    """Is any record of a customer known?"""
    async with db.read() as session:
        return (await session.execute(select(LINKS.c.connector).limit(1))).first() is not None


async def _customers(db: Database) -> AsyncIterator[tuple[str, dict[Ref, StoredContact]]]:
    """Yield every customer with its records, a page of customers in a transaction."""
    last = ""
    while True:
        async with db.read() as session:
            ids = (
                select(LINKS.c.customer_id)
                .where(LINKS.c.customer_id > last)
                .group_by(LINKS.c.customer_id)
                .order_by(LINKS.c.customer_id)
                .limit(_PAGE)
            )
            page = list(await session.scalars(ids))
            if not page:
                return
            rows = await session.execute(
                select(LINKS.c.customer_id, LINKS.c.connector, LINKS.c.remote_id, LINKS.c.data)
                .where(LINKS.c.customer_id > last, LINKS.c.customer_id <= page[-1])
                .order_by(LINKS.c.customer_id, LINKS.c.connector, LINKS.c.remote_id)
            )
            found = rows.all()
        for customer, of_it in groupby(found, lambda row: row[0]):
            yield customer, {Ref(row[1], row[2]): row[3] for row in of_it}
        last = page[-1]


async def _numbers_of_many(db: Database) -> dict[str, int]:
    holders = func.count(INDEX.c.customer_id.distinct())
    query = select(INDEX.c.key, holders).group_by(INDEX.c.key).having(holders >= MANY)
    async with db.read() as session:
        return {row[0]: row[1] for row in await session.execute(query)}


async def _write_issues(
    db: Database, found: Collection[tuple[str | None, Issue]], at: datetime
) -> int:
    rows = [
        {
            "connector": issue.ref.connector,
            "kind": issue.kind,
            "remote_id": issue.ref.remote_id,
            "customer_id": customer,
            "display_name": issue.display_name,
            "text": issue.text,
            "found_at": at,
        }
        for customer, issue in found
    ]
    if rows:
        dialect = sqlite_insert if db.dialect == "sqlite" else postgresql_insert
        statement = dialect(ISSUES)
        kept = ("connector", "kind", "remote_id")
        changes = {name: statement.excluded[name] for name in rows[0] if name not in kept}
        statement = statement.on_conflict_do_update(index_elements=kept, set_=changes)
        async with db.begin() as session:
            await session.execute(statement, rows)
    return len(rows)


async def _forget_mended(db: Database, at: datetime) -> None:
    """Delete the issues that this scan did not find again."""
    record = (ISSUES.c.connector, ISSUES.c.kind, ISSUES.c.remote_id)
    while True:
        async with db.begin() as session:
            query = select(*record).where(ISSUES.c.found_at < at).limit(_AT_A_TIME)
            old = (await session.execute(query)).all()
            if not old:
                return
            await session.execute(delete(ISSUES).where(tuple_(*record).in_(old)))


async def _write_gone(db: Database, at: datetime) -> int:
    """Note the customers that only earlier calls speak of: no source has them any more."""
    linked = select(LINKS.c.customer_id).where(LINKS.c.customer_id == CUSTOMERS.c.id).exists()
    query = select(CUSTOMERS.c.id, CUSTOMERS.c.display_name).where(~linked)
    async with db.read() as session:
        gone = (await session.execute(query)).all()
    text = "no source has this customer any more; earlier calls speak of it"
    found = [(i, Issue(Ref("", i), "gone", name, text)) for i, name in gone]
    parts = [found[i : i + _AT_A_TIME] for i in range(0, len(found), _AT_A_TIME)]
    return sum([await _write_issues(db, some, at) for some in parts])


async def _write_proposals(
    db: Database, pairs: Iterable[Likeness], at: datetime
) -> tuple[int, int]:
    """Write the best of the open proposals; one that was found before keeps its id."""
    pair_of = (PROPOSALS.c.left_id, PROPOSALS.c.right_id)
    query = select(PROPOSALS.c.id, PROPOSALS.c.decision, *pair_of)
    async with db.read() as session:
        barred = await _barred(await session.connection())
        rows = (await session.execute(query)).all()
    settled = {(row[2], row[3]) for row in rows if row[1] is not None}
    known = {(row[2], row[3]): row[0] for row in rows if row[1] is None}
    wanted = [
        pair
        for pair in pairs
        if (pair.left, pair.right) not in settled
        and not _parted(barred.get(pair.left, set()), barred.get(pair.right, set()))
    ]
    best = wanted[:MOST_PROPOSALS]
    new, changed = [], []
    for pair in best:
        values = {"score": pair.score, "reasons": list(pair.reasons)}
        proposal_id = known.pop((pair.left, pair.right), None)
        if proposal_id is None:
            new.append({"left_id": pair.left, "right_id": pair.right, "found_at": at, **values})
        else:
            changed.append({"b_id": proposal_id, **values})
    gone = [{"b_id": proposal_id} for proposal_id in known.values()]
    # A person may have decided meanwhile: that word stays.
    this = (PROPOSALS.c.id == bindparam("b_id")) & PROPOSALS.c.decision.is_(None)
    dialect = sqlite_insert if db.dialect == "sqlite" else postgresql_insert
    added = dialect(PROPOSALS).on_conflict_do_nothing(index_elements=[c.name for c in pair_of])
    for statement, values_of in (
        (delete(PROPOSALS).where(this), gone),
        (added, new),
        (update(PROPOSALS).where(this), changed),
    ):
        for start in range(0, len(values_of), _AT_A_TIME):
            async with db.begin() as session:
                conn = await session.connection()
                await conn.execute(statement, values_of[start : start + _AT_A_TIME])
    return len(best), len(wanted) - len(best)


async def _barred(conn: AsyncConnection) -> dict[str, set[tuple[str, bool]]]:
    """Return the sides of persons' decisions that each customer's records are on."""
    query = select(LINKS.c.customer_id, BARS.c.decision, BARS.c.side).join_from(
        BARS,
        LINKS,
        (LINKS.c.connector == BARS.c.connector) & (LINKS.c.remote_id == BARS.c.remote_id),
    )
    barred: dict[str, set[tuple[str, bool]]] = {}
    for customer, decision, side in await conn.execute(query):
        barred.setdefault(customer, set()).add((decision, bool(side)))
    return barred


def _parted(one: Collection[tuple[str, bool]], other: Collection[tuple[str, bool]]) -> bool:
    return any((decision, not side) in other for decision, side in one)


def due(last: datetime | None, now: datetime) -> bool:
    """Say whether it is time: at first, once a night (after 2 o'clock UTC), or a day late."""
    return (
        last is None
        or (now.date() > last.date() and now.hour >= _NIGHT_FROM)
        or (now - last > timedelta(days=1, hours=12))
    )


def next_due(last: datetime) -> datetime:
    """Return from when on it is time again."""
    day = last.astimezone(UTC).date() + timedelta(days=1)
    return datetime.combine(day, time(_NIGHT_FROM), UTC)


async def _scan_once(url: str, at: datetime) -> dict[str, Any]:
    db = Database(url)
    read = 0

    def count(customers: int) -> None:
        nonlocal read
        read = customers

    async def tell() -> None:
        while True:
            await asyncio.sleep(_TELL_S)
            with suppress(Exception):
                await tell_read(db, read)

    telling = asyncio.create_task(tell())
    try:
        return asdict(await scan(db, at, progress=count))
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await db.dispose()


if __name__ == "__main__":
    answer_once(_scan_once)
