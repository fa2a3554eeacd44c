"""Where records are at home by the rules, and which customer that is after merges.

`linking` asks here what persons have said, so that a sync neither splits what was merged nor
joins what was parted. Without merges and bars each question costs one look at an empty table.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.golden import Link, golden
from app.core.identity import Bar, Record, Ref
from app.core.merges import Edge, family, root
from app.store.customer_models import CustomerBar, CustomerMerge, DuplicateProposal
from app.store.models import Base
from app.store.records import CUSTOMERS, LINKS, by_connector, chunks

_TABLES = Base.metadata.tables
MERGES = cast("Table", CustomerMerge.__table__)
BARS = cast("Table", CustomerBar.__table__)
PROPOSALS = cast("Table", DuplicateProposal.__table__)
CALLS = _TABLES["calls"]
CHOICES = _TABLES["number_choices"]
_CONNECTORS = _TABLES["connectors"]
# One lock for whoever joins customers, on PostgreSQL; SQLite has one writer anyway.
_LOCK = 0x5C_2E_E4_91
_PARTING = "parting-"


@dataclass(frozen=True, slots=True)
class Settled:
    """The customer of each home where that is another one, and the families that changed."""

    roots: Mapping[str, str] = field(default_factory=dict)
    families: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def customer(self, home: str) -> str:
        """Return the customer that the records of a home are shown as."""
        return self.roots.get(home, home)


async def hold_customers(conn: AsyncConnection) -> None:
    """Let nobody else join or part customers until the transaction ends."""
    if conn.dialect.name == "postgresql":
        await conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def with_bars(
    conn: AsyncConnection, records: list[Record], current: Mapping[Ref, str]
) -> list[Record]:
    """Return the records with what persons said against joining them.

    What was said of one home holds for those that a person merged with it as well; `current`
    is the home of each record.
    """
    if not records or await conn.scalar(select(BARS.c.decision).limit(1)) is None:
        return records
    bars: dict[Ref, set[Bar]] = {}
    query = select(BARS.c.connector, BARS.c.remote_id, BARS.c.decision, BARS.c.side)
    for connector, ids in by_connector(record.ref for record in records):
        mine = query.where(BARS.c.connector == connector, BARS.c.remote_id.in_(ids))
        for slug, remote_id, decision, side in await conn.execute(mine):
            bars.setdefault(Ref(slug, remote_id), set()).add(Bar(decision, bool(side)))
    edges = await edges_of(conn, set(current.values()))
    said: dict[str, set[Bar]] = {}
    for ref in bars.keys() & current.keys():
        said.setdefault(current[ref], set()).update(bars[ref])
    ends = {end for edge in edges for end in (edge.gone, edge.survivor)}
    kin = {home: family(home, edges) for home in ends & set(current.values())}
    for ref, home in current.items():
        for other in (kin.get(home, frozenset()) & said.keys()) - {home}:
            bars.setdefault(ref, set()).update(said[other])
    return [
        replace(record, bars=frozenset(bars[record.ref])) if record.ref in bars else record
        for record in records
    ]


def parting_decision(parting_id: int) -> str:
    """Name the word by which a record was taken out of a customer."""
    return f"{_PARTING}{parting_id}"


def new_id() -> str:
    """Return a customer's id that no record founds."""
    return f"c-{uuid.uuid4().hex[:20]}"


async def founding_ids(conn: AsyncConnection, records: Iterable[Record]) -> dict[Ref, str]:
    """Return under which ids records were taken out of customers: they come back under these.

    The id that such a record founded itself may be that of the customer that it was taken out of.
    """
    word_of = {
        int(bar.decision.removeprefix(_PARTING)): record.ref
        for record in records
        for bar in sorted(record.bars)
        if bar.decision.startswith(_PARTING) and not bar.side
    }
    query = select(MERGES.c.id, MERGES.c.gone_id).order_by(MERGES.c.id)
    # Of one that was taken out twice the last id counts.
    return {
        word_of[row[0]]: row[1]
        for ids in chunks(sorted(word_of))
        for row in await conn.execute(query.where(MERGES.c.id.in_(ids)))
    }


async def homes(conn: AsyncConnection, customers: Mapping[Ref, str]) -> dict[Ref, str]:
    """Return each record's home by the rules, given the customer it is shown as."""
    found = dict(customers)
    if not customers or not await any_merge(conn):
        return found
    query = select(LINKS.c.connector, LINKS.c.remote_id, LINKS.c.home_id)
    for connector, ids in by_connector(customers):
        mine = query.where(
            LINKS.c.connector == connector, LINKS.c.remote_id.in_(ids), LINKS.c.home_id.is_not(None)
        )
        found.update({Ref(slug, i): home for slug, i, home in await conn.execute(mine)})
    return found


async def settle(
    conn: AsyncConnection,
    homes_now: Collection[str],
    successors: Mapping[str, str],
    before: Mapping[Ref, str],
    at: datetime,
) -> Settled:
    """Take down which homes the rules made one, and say which customer each home is now.

    `successors`: homes that are gone and what they became; `before`: the home of each record.
    """
    if successors:
        await _write_successors(conn, successors, before, at)
    elif not await any_merge(conn):
        return Settled()
    back = await _end_rules_of(conn, homes_now, at)
    changed = {*successors, *back}
    edges = await edges_of(conn, [*homes_now, *changed])
    if not edges and not changed:
        return Settled()
    ends = {end for edge in edges for end in (edge.gone, edge.survivor)}
    families: dict[str, frozenset[str]] = {}
    roots: dict[str, str] = {}
    for home in sorted((ends & set(homes_now)) | changed):
        of_it = family(home, edges)
        shown = root(of_it, edges)
        families[shown] = of_it
        if shown != home:
            roots[home] = shown
    return Settled(roots, families)


async def keep_homes(
    conn: AsyncConnection,
    homes_now: Mapping[Ref, str],
    customers_now: Mapping[Ref, str],
    homes_before: Mapping[Ref, str],
    customers_before: Mapping[Ref, str],
) -> None:
    """Write the homes of records where they are not simply the customer that is shown."""
    changed = [
        {
            "b_connector": ref.connector,
            "b_remote_id": ref.remote_id,
            "home_id": None if home == customers_now[ref] else home,
        }
        for ref, home in homes_now.items()
        if _kept(home, customers_now[ref])
        != _kept(homes_before.get(ref), customers_before.get(ref))
    ]
    if changed:
        await conn.execute(
            update(LINKS).where(
                LINKS.c.connector == bindparam("b_connector"),
                LINKS.c.remote_id == bindparam("b_remote_id"),
            ),
            changed,
        )


def _kept(home: str | None, customer: str | None) -> str | None:
    return None if home == customer else home


async def edges_of(conn: AsyncConnection, customers: Iterable[str]) -> list[Edge]:
    """Return the merges in force that connect these customers with others."""
    found: dict[int, Edge] = {}
    waiting, asked = set(customers), set()
    query = select(
        MERGES.c.id, MERGES.c.gone_id, MERGES.c.survivor_id, MERGES.c.made_by
    ).where(MERGES.c.undone_at.is_(None))  # fmt: skip
    while waiting:
        asked |= waiting
        some = [
            Edge(row[0], row[1], row[2], row[3] == "rule")
            for ids in chunks(waiting)
            for row in await conn.execute(
                query.where(or_(MERGES.c.gone_id.in_(ids), MERGES.c.survivor_id.in_(ids)))
            )
        ]
        found.update({edge.merge_id: edge for edge in some})
        waiting = {end for edge in some for end in (edge.gone, edge.survivor)} - asked
    return [found[merge_id] for merge_id in sorted(found)]


async def follow(conn: AsyncConnection, families: Mapping[str, frozenset[str]]) -> None:
    """Give each family's calls and choices to its root, and forget the ids that are no root.

    What was another's keeps that id as its origin, by which it goes back one day.
    """
    for shown, of_it in families.items():
        others = sorted(of_it - {shown})
        for table in (CALLS, CHOICES):
            mine, origin = table.c.customer_id, table.c.origin_id
            for ids in chunks(others):
                await conn.execute(
                    update(table)
                    .where(mine.in_(ids), origin.is_(None))
                    .values(origin_id=mine, customer_id=shown)
                )
                await conn.execute(
                    update(table).where(origin.in_(ids), mine != shown).values(customer_id=shown)
                )
            await conn.execute(
                update(table).where(origin == shown).values(origin_id=None, customer_id=shown)
            )
        for ids in chunks(others):
            await conn.execute(delete(CUSTOMERS).where(CUSTOMERS.c.id.in_(ids)))


async def mend_calls(conn: AsyncConnection) -> None:
    """Give calls that a process wrote to a customer that was gone already to the one it became."""
    merged = select(MERGES.c.gone_id).where(MERGES.c.undone_at.is_(None))
    astray = select(CALLS.c.customer_id).where(CALLS.c.customer_id.in_(merged)).distinct()
    known = select(CUSTOMERS.c.id)
    lost = set(await conn.scalars(astray.where(CALLS.c.customer_id.not_in(known))))
    if lost:
        await hold_customers(conn)
        edges = await edges_of(conn, lost)
        families = {family(customer, edges) for customer in lost}
        await follow(conn, {root(of_it, edges): of_it for of_it in families})


async def documents_of(conn: AsyncConnection, customers: list[str]) -> dict[str, dict[str, Any]]:
    """Make the golden records of customers anew from their records."""
    priority = func.coalesce(_CONNECTORS.c.priority, 0)
    query = (
        select(LINKS.c.customer_id, LINKS.c.connector, priority, LINKS.c.data)
        .outerjoin_from(LINKS, _CONNECTORS, _CONNECTORS.c.slug == LINKS.c.connector)
        .where(LINKS.c.customer_id.in_(customers))
    )
    links: dict[str, list[Link]] = {}
    for customer, *link in await conn.execute(query):
        links.setdefault(customer, []).append(Link(*link))
    return {customer: golden(customer, of_it) for customer, of_it in links.items()}


async def any_merge(conn: AsyncConnection) -> bool:
    """Say whether any customers were ever merged."""
    return await conn.scalar(select(MERGES.c.id).limit(1)) is not None


async def _write_successors(
    conn: AsyncConnection, successors: Mapping[str, str], before: Mapping[Ref, str], at: datetime
) -> None:
    refs: dict[str, list[Ref]] = {}
    for ref, home in before.items():
        if home in successors:
            refs.setdefault(home, []).append(ref)
    rows = [
        {
            "gone_id": gone,
            "survivor_id": heir,
            "gone_refs": [list(ref) for ref in sorted(refs.get(gone, ()))],
            "made_by": "rule",
            "score": 1.0,
            "reasons": [],
            "merged_at": at,
        }
        for gone, heir in successors.items()
    ]
    await conn.execute(insert(MERGES), rows)


async def _end_rules_of(
    conn: AsyncConnection, homes_now: Collection[str], at: datetime
) -> set[str]:
    """End what the rules merged where the home that was gone is there again; return those."""
    back: set[str] = set()
    for ids in chunks(homes_now):
        again = (
            update(MERGES)
            .where(
                MERGES.c.made_by == "rule",
                MERGES.c.undone_at.is_(None),
                MERGES.c.gone_id.in_(ids),
            )
            .values(undone_at=at)
            .returning(MERGES.c.gone_id, MERGES.c.survivor_id)
        )
        for gone, survivor in await conn.execute(again):
            back |= {gone, survivor}
    return back
