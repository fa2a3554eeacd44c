"""The words that customers are searched by: of their names and e-mail addresses.

The index is filled beside the syncs, which have no time for it. Its table is written in batches,
because SQLite has one writer and no event can be acknowledged while it writes something else.
`python -m app.store.words` does it in a process of its own (`store.apart`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.core.identity import plain_words
from app.store.apart import answer_once
from app.store.calls import upsert
from app.store.customer_models import CustomerTerm
from app.store.engine import Database
from app.store.models import Meta
from app.store.records import CUSTOMERS

TERMS = cast("Table", CustomerTerm.__table__)
LONGEST_WORD = 100
_AT_A_TIME = 100
_FREE_S = 0.005
_PAGE = 2000
# What was written longer ago than a batch takes is there for all to see.
_SETTLED = timedelta(seconds=30)
# The key in `meta` of when and which customer was indexed last.
INDEXED_UNTIL = "customer_terms_until"


def terms(document: Mapping[str, Any]) -> set[str]:
    """Return what a customer is found by: words of names, e-mail addresses and their domains."""
    names = (document["display_name"], document["company_name"] or "")
    found = {word[:LONGEST_WORD] for name in names for word in plain_words(name)}
    for address in document["email_addresses"]:
        plain = address.strip().casefold()[:LONGEST_WORD]
        found |= {plain, plain.rpartition("@")[2]}
    return found - {""}


async def index_changed(db: Database, now: datetime) -> int:
    """Index all customers that have changed; returns how many were looked at."""
    looked_at = 0
    while count := await index_some(db, now):
        looked_at += count
        await asyncio.sleep(_FREE_S)
    return looked_at


async def index_some(db: Database, now: datetime, at_most: int = _AT_A_TIME) -> int:
    """Index the customers that have changed first; returns how many were looked at."""
    async with db.read() as session:
        mark = await session.scalar(select(Meta.value).where(Meta.key == INDEXED_UNTIL))
        at, _, last = (mark or "2000-01-01T00:00:00+00:00 ").partition(" ")
        query = (
            select(CUSTOMERS.c.id, CUSTOMERS.c.doc, CUSTOMERS.c.updated_at)
            .where(
                tuple_(CUSTOMERS.c.updated_at, CUSTOMERS.c.id) > (datetime.fromisoformat(at), last),
                CUSTOMERS.c.updated_at < now - _SETTLED,
            )
            .order_by(CUSTOMERS.c.updated_at, CUSTOMERS.c.id)
            .limit(at_most)
        )
        rows = (await session.execute(query)).all()
    if rows:
        until = f"{rows[-1][2].astimezone(UTC).isoformat()} {rows[-1][0]}"
        await _write(db, [(row[0], row[1]) for row in rows], until)
    return len(rows)


async def index_missing(db: Database) -> int:
    """Index the customers that have no words, whatever the time they were written at."""
    indexed, last = 0, ""
    while True:
        has = select(TERMS.c.term).where(TERMS.c.customer_id == CUSTOMERS.c.id).exists()
        async with db.read() as session:
            query = (
                select(CUSTOMERS.c.id, func.length(CUSTOMERS.c.display_name) > 0, has)
                .where(CUSTOMERS.c.id > last)
                .order_by(CUSTOMERS.c.id)
                .limit(_PAGE)
            )
            page = (await session.execute(query)).all()
        if not page:
            return indexed
        last = page[-1][0]
        without = [row[0] for row in page if row[1] and not row[2]]
        for start in range(0, len(without), _AT_A_TIME):
            some = CUSTOMERS.c.id.in_(without[start : start + _AT_A_TIME])
            async with db.read() as session:
                rows = (
                    await session.execute(select(CUSTOMERS.c.id, CUSTOMERS.c.doc).where(some))
                ).all()
            await _write(db, [(row[0], row[1]) for row in rows], None)
            indexed += len(rows)
            await asyncio.sleep(_FREE_S)


async def _write(
    db: Database, customers: Sequence[tuple[str, Mapping[str, Any]]], until: str | None
) -> None:
    """Write the words of some customers anew; `until` is how far the index has come then."""
    words = [{"term": t, "customer_id": own_id} for own_id, doc in customers for t in terms(doc)]
    ids = [own_id for own_id, _ in customers]
    insert = sqlite_insert if db.dialect == "sqlite" else postgresql_insert
    async with db.begin() as session:
        # Somebody may have merged one of them since it was read.
        there = select(CUSTOMERS.c.id).where(CUSTOMERS.c.id.in_(ids))
        still = set(await session.scalars(there.with_for_update(read=True, key_share=True)))
        await session.execute(delete(TERMS).where(TERMS.c.customer_id.in_(ids)))
        if rows := [row for row in words if row["customer_id"] in still]:
            await session.execute(insert(TERMS).on_conflict_do_nothing(), rows)
        if until is not None:
            await session.execute(
                upsert(db, Meta, {"key": INDEXED_UNTIL, "value": until}, ("key",))
            )


async def _index(url: str, at: datetime) -> dict[str, Any]:
    db = Database(url)
    try:
        return {"customers": await index_changed(db, at)}
    finally:
        await db.dispose()


if __name__ == "__main__":
    answer_once(_index)
