"""Takes a record out of a customer by a person's word, where the rules joined what is not one.

That is kept as the rules' joining of the record, undone by a person. Bars under its id keep the
record apart from what it was with, at this and every later sync, until the word is taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.golden import Link, golden
from app.core.identity import Record, Ref, customer_id
from app.core.merges import Edge, family, root
from app.store.homes import (
    BARS,
    CALLS,
    CHOICES,
    MERGES,
    edges_of,
    follow,
    hold_customers,
    new_id,
    parting_decision,
)
from app.store.linking import decide_again
from app.store.merging import (
    CannotMerge,
    LinkedRecord,
    NoSuchCustomer,
    keep_apart,
    records_of,
    shown_id,
)
from app.store.records import LINKS, chunks


@dataclass(frozen=True, slots=True)
class TakenOut:
    """A record that was taken out: `customer_id` is who it was part of, `parted_id` whose it is.

    `calls` went with it; `calls_kept`, from a number of both or of neither since it was linked,
    stay.
    """

    parting_id: int
    customer_id: str
    parted_id: str
    calls: int
    calls_kept: int


@dataclass(frozen=True, slots=True)
class PutBack:
    """A taking out that was taken back.

    `joined`: the rules have made them one again, and `parted_id` is part of `customer_id`.
    """

    parting_id: int
    customer_id: str
    parted_id: str
    joined: bool


async def take_out(
    conn: AsyncConnection,
    customer: str,
    ref: Ref,
    *,
    user_id: str,
    at: datetime,
    reasons: Sequence[str] = (),
) -> TakenOut:
    """Make a record a customer of its own, and remember that it is not the others'.

    Raises:
        NoSuchCustomer: the customer is not known.
        CannotMerge: the record is not its (any more), or its only one, or came by a merge.
    """
    await hold_customers(conn)
    shown = await shown_id(conn, customer)
    records = await records_of(conn, shown)
    if not records:
        raise NoSuchCustomer(f"there is no customer {customer} with records")
    found = [record for record in records if record.ref == ref]
    if not found:
        raise CannotMerge(
            f"{ref.connector} {ref.remote_id} is no record of this customer any more: read it again"
        )
    taken, rest = found[0], [record for record in records if record.ref != ref]
    edges = await edges_of(conn, [taken.home])
    mates = [record for record in rest if record.home == taken.home]
    if not mates:
        raise CannotMerge(_why_alone(taken, rest, edges))
    parted = await _own_id(conn, taken, edges)
    word = {"undone_at": at, "undone_by": user_id, "reasons": list(reasons)}
    parting_id = await _note(conn, taken, parted, family(taken.home, edges), word)
    await keep_apart(conn, [ref], [record.ref for record in rest], parting_decision(parting_id))
    apart = update(LINKS).where(LINKS.c.connector == ref.connector, LINKS.c.remote_id == ref[1])
    await conn.execute(apart.values(home_id=parted))
    before = await _count_calls(conn, shown)
    evidence = [Record.of(each.ref.connector, each.contact) for each in records]
    await decide_again(conn, evidence, at, [shown])
    kept = await _give_calls(conn, taken, rest, shown, parted, edges)
    now = await edges_of(conn, [parted])
    of_it = family(parted, now)
    await follow(conn, {root(of_it, now): of_it})
    stays = await shown_id(conn, taken.home)
    moved = before - await _count_calls(conn, stays)
    return TakenOut(parting_id, stays, root(of_it, now), moved, kept)


def _why_alone(taken: LinkedRecord, rest: Sequence[LinkedRecord], edges: Sequence[Edge]) -> str:
    if not rest:
        return "this is the customer's only record"
    ends = [e for e in edges if not e.by_rule and taken.home in (e.gone, e.survivor)]
    merges = ", ".join(str(edge.merge_id) for edge in ends)
    return f"this record came by a merge, not by the rules: undo merge {merges}"


async def put_back(
    conn: AsyncConnection, parting_id: int, *, user_id: str, at: datetime
) -> PutBack:
    """Take back that a record was taken out: the rules decide again whose it is.

    Raises:
        NoSuchCustomer: there is no such parting.
        CannotMerge: it was taken back already, or they were merged since.
    """
    await hold_customers(conn)
    row = (await conn.execute(select(MERGES).where(MERGES.c.id == parting_id))).first()
    if row is None or row.made_by != "rule" or row.undone_by is None:
        raise NoSuchCustomer(f"there is no record that was taken out as {parting_id}")
    word = delete(BARS).where(BARS.c.decision == parting_decision(parting_id))
    barred = await conn.execute(word.returning(BARS.c.connector, BARS.c.remote_id))
    refs = [Ref(*each) for each in barred]
    if not refs:
        raise CannotMerge("this was taken back already, or the two were merged since")
    last = await conn.scalar(select(func.max(MERGES.c.id))) or 0
    found = [await _record(conn, ref) for ref in sorted(refs)]
    owners = [await shown_id(conn, each) for each in (row.gone_id, row.survivor_id)]
    await decide_again(conn, [record for record in found if record is not None], at, owners)
    joined_anew = update(MERGES).where(MERGES.c.id > last, MERGES.c.made_by == "rule")
    await conn.execute(joined_anew.values(user_id=user_id))
    parted, stays = [await shown_id(conn, each) for each in owners]
    if parted != stays:
        return PutBack(parting_id, stays, parted, joined=False)
    gone = next((each for each in owners if each != stays), stays)
    return PutBack(parting_id, stays, gone, joined=True)


async def _own_id(conn: AsyncConnection, taken: LinkedRecord, edges: Sequence[Edge]) -> str:
    """Return the id that the record founded, if it is free; it comes with the calls of then."""
    own = customer_id(taken.ref)
    used = select(LINKS.c.connector).where(LINKS.c.customer_id == own)
    merged = any(own in (edge.gone, edge.survivor) for edge in edges if not edge.by_rule)
    free = own != taken.home and not merged and (await conn.execute(used.limit(1))).first() is None
    return own if free else new_id()


async def _note(
    conn: AsyncConnection,
    taken: LinkedRecord,
    parted: str,
    of_it: Collection[str],
    word: Mapping[str, Any],
) -> int:
    """Write down who ended what the rules had joined, and return its id."""
    alone = golden(parted, [Link(taken.ref.connector, 0, taken.contact)])
    ended = {**word, "gone_doc": alone, "gone_refs": [list(taken.ref)]}
    in_force = (
        update(MERGES)
        .where(
            MERGES.c.made_by == "rule",
            MERGES.c.gone_id == parted,
            MERGES.c.survivor_id.in_(of_it),
            MERGES.c.undone_at.is_(None),
        )
        .values(**ended)
        .returning(MERGES.c.id)
    )
    known = await conn.scalar(in_force)
    if known is not None:
        return int(known)
    row = {
        "survivor_id": taken.home,
        "gone_id": parted,
        "made_by": "rule",
        "score": 1.0,
        "merged_at": taken.since or word["undone_at"],
        **ended,
    }
    return await conn.scalar(insert(MERGES).values(**row).returning(MERGES.c.id)) or 0


async def _record(conn: AsyncConnection, ref: Ref) -> Record | None:
    query = select(LINKS.c.data).where(
        LINKS.c.connector == ref.connector, LINKS.c.remote_id == ref.remote_id
    )
    data = await conn.scalar(query)
    return None if data is None else Record.of(ref.connector, data)


async def _count_calls(conn: AsyncConnection, customer: str) -> int:
    query = select(func.count()).select_from(CALLS).where(CALLS.c.customer_id == customer)
    return await conn.scalar(query) or 0


async def _give_calls(
    conn: AsyncConnection,
    taken: LinkedRecord,
    rest: Sequence[LinkedRecord],
    shown: str,
    parted: str,
    edges: Sequence[Edge],
) -> int:
    """Label the calls and choices that are the record's own; return how many are undecided.

    Its own are, since it was linked, those from a number that only it has, and, where it founded
    the customer, those before another record came.
    """
    ours, theirs = _numbers([taken]), _numbers(rest)
    mates = [record.since for record in rest if record.home == taken.home]
    founded = customer_id(taken.ref) == taken.home
    alone_until = min((s for s in mates if s is not None), default=None) if founded else None
    since = await _together_since(conn, taken, shown, edges)
    query = select(CALLS.c.call_id, CALLS.c.e164, CALLS.c.started_at, CALLS.c.origin_id)
    at_home = or_(CALLS.c.origin_id.is_(None), CALLS.c.origin_id == taken.home)
    own: list[str] = []
    undecided = 0
    for call in await conn.execute(query.where(CALLS.c.customer_id == shown, at_home)):
        joint = call.origin_id is None and shown != taken.home
        begun = since if joint else taken.since
        if begun is not None and call.started_at < begun:
            continue
        alone = alone_until is not None and not joint and call.started_at < alone_until
        if alone or call.e164 in ours - theirs:
            own.append(call.call_id)
        elif call.e164 not in theirs - ours:
            undecided += 1
    await _label(conn, CALLS, CALLS.c.call_id, own, parted)
    chosen = select(CHOICES.c.e164).where(CHOICES.c.customer_id == shown)
    chosen = chosen.where(or_(CHOICES.c.origin_id.is_(None), CHOICES.c.origin_id == taken.home))
    numbers = set(await conn.scalars(chosen)) & (ours - theirs)
    await _label(conn, CHOICES, CHOICES.c.e164, numbers, parted)
    return undecided


async def _together_since(
    conn: AsyncConnection, taken: LinkedRecord, shown: str, edges: Sequence[Edge]
) -> datetime | None:
    """Return since when all that persons merged with the record's home is one with it."""
    if shown == taken.home:
        return taken.since
    ids = [edge.merge_id for edge in edges if not edge.by_rule]
    last: Any = await conn.scalar(select(func.max(MERGES.c.merged_at)).where(MERGES.c.id.in_(ids)))
    times = [each for each in (taken.since, last) if each is not None]
    return max(times, default=None)


async def _label(
    conn: AsyncConnection, table: Any, key: Any, values: Collection[str], parted: str
) -> None:
    for some in chunks(values):
        await conn.execute(update(table).where(key.in_(some)).values(origin_id=parted))


def _numbers(records: Sequence[LinkedRecord]) -> frozenset[str]:
    held = (Record.of(each.ref.connector, each.contact).numbers for each in records)
    return frozenset[str]().union(*held)
