"""Makes two customers one by a person's word, and takes that back with both histories right."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.identity import Record, Ref
from app.core.merges import Edge, family, root, rule_between
from app.errors import UserError
from app.store.homes import (
    BARS,
    CALLS,
    CHOICES,
    MERGES,
    PROPOSALS,
    documents_of,
    edges_of,
    follow,
    hold_customers,
)
from app.store.linking import decide_again
from app.store.records import (
    CUSTOMERS,
    INDEX,
    LINKS,
    by_connector,
    chunks,
    drop_empty,
    give_numbers,
    write_customers,
)


class NoSuchCustomer(UserError):
    """There is no customer, or no merge, with this id."""


class CannotMerge(UserError):
    """The two are one customer already, or the merge was undone already."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that was made, and how many of the gone customer's records and calls came along."""

    merge_id: int
    survivor_id: str
    gone_id: str
    records: int
    calls: int


@dataclass(frozen=True, slots=True)
class Parted:
    """A merge that was undone.

    `calls_since` went with the number that they came from; `calls_kept`, made since the merge
    from numbers of both or of neither, stay with the survivor.
    """

    merge_id: int
    survivor_id: str
    gone_id: str
    records: int
    calls: int
    calls_since: int
    calls_kept: int


@dataclass(frozen=True, slots=True)
class LinkedRecord:
    """A record under a customer: where it is at home, its contact, and since when it is there."""

    ref: Ref
    home: str
    contact: Any
    since: datetime | None


async def shown_id(conn: AsyncConnection, customer_id: str) -> str:
    """Return the id that a customer goes by now: its own, or that of who it was merged into."""
    return root(family(customer_id, edges := await edges_of(conn, [customer_id])), edges)


async def merge(
    conn: AsyncConnection,
    survivor: str,
    gone: str,
    *,
    user_id: str,
    at: datetime,
    score: float = 1.0,
    reasons: Sequence[str] = (),
) -> Merged:
    """Make `gone` part of `survivor`: its records, numbers, calls, notes, choices, follow-ups.

    Raises:
        NoSuchCustomer: one of the two is not known.
        CannotMerge: they are one customer already.
    """
    await hold_customers(conn)
    survivor, gone = [await shown_id(conn, each) for each in (survivor, gone)]
    documents = await _documents(conn, (survivor, gone))
    for each in (survivor, gone):
        if each not in documents:
            raise NoSuchCustomer(f"there is no customer {each}")
    if survivor == gone:
        raise CannotMerge("these are one customer already")
    ours, theirs = await records_of(conn, survivor), await records_of(conn, gone)
    await _drop_bars(conn, [r.ref for r in ours], [r.ref for r in theirs])
    calls = await _count_calls(conn, gone)
    row = {
        "survivor_id": survivor,
        "gone_id": gone,
        "gone_doc": documents[gone],
        "gone_refs": [list(r.ref) for r in theirs],
        "made_by": "user",
        "user_id": user_id,
        "score": score,
        "reasons": list(reasons),
        "merged_at": at,
    }
    merge_id = await conn.scalar(insert(MERGES).values(**row).returning(MERGES.c.id))
    either = or_(PROPOSALS.c.left_id == gone, PROPOSALS.c.right_id == gone)
    await conn.execute(delete(PROPOSALS).where(PROPOSALS.c.decision.is_(None), either))
    await _show_as(conn, theirs, survivor)
    await write_customers(conn, await documents_of(conn, [survivor]), at)
    edges = await edges_of(conn, [survivor])
    await follow(conn, {survivor: family(survivor, edges)})
    return Merged(merge_id or 0, survivor, gone, len(theirs), calls)


async def undo(conn: AsyncConnection, merge_id: int, *, user_id: str, at: datetime) -> Parted:
    """Take a merge back, and remember that the two are not the same.

    Raises:
        NoSuchCustomer: there is no merge with this id that a person made.
        CannotMerge: it was undone already.
    """
    await hold_customers(conn)
    merged = (await conn.execute(select(MERGES).where(MERGES.c.id == merge_id))).first()
    if merged is None or merged.made_by != "user":
        raise NoSuchCustomer(f"there is no merge {merge_id}")
    if merged.undone_at is not None:
        raise CannotMerge("this merge was undone already")
    edges = await edges_of(conn, [merged.gone_id])
    before = root(family(merged.gone_id, edges), edges)
    await _end(conn, merge_id, user_id, at)
    decided = update(PROPOSALS).where(PROPOSALS.c.merge_id == merge_id)
    await conn.execute(decided.values(decision="different", decided_by=user_id, decided_at=at))
    rest = [edge for edge in edges if edge.merge_id != merge_id]
    fused = await _unfuse(conn, merged.gone_id, merged.survivor_id, rest, before, at)
    rest = await edges_of(conn, [merged.gone_id, merged.survivor_id])
    theirs = family(merged.gone_id, rest)
    ours = family(merged.survivor_id, rest)
    shown, back = root(ours, rest), root(theirs, rest)
    linked = await records_of(conn, before)
    parted = [r for r in linked if r.home in theirs]
    kept = [r for r in linked if r.home not in theirs]
    document = {**merged.gone_doc, "customer_id": back, "links": []}
    await _add_missing(conn, {back: document, shown: {**document, "customer_id": shown}}, at)
    await _show_as(conn, parted, back)
    await _show_as(conn, kept, shown)
    calls = await _count_calls(conn, before)
    since, undecided = await _label_calls_since(conn, merged, edges, before, back, shown)
    await _label_choices_since(conn, merged.merged_at, before, back, shown)
    await follow(conn, {back: theirs, shown: ours})
    await keep_apart(conn, [r.ref for r in parted], [r.ref for r in kept])
    await write_customers(conn, await documents_of(conn, [back, shown]), at)
    if fused:
        # The rules had made them one as well: what they joined since is decided anew.
        await decide_again(conn, [Record.of(r.ref.connector, r.contact) for r in linked], at)
    moved = calls - await _count_calls(conn, shown)
    await drop_empty(conn, [i for i, some in ((back, parted), (shown, kept)) if not some], at)
    return Parted(merge_id, shown, back, len(parted), moved, since, undecided)


async def bar(conn: AsyncConnection, one: str, other: str) -> None:
    """Remember a person's word that two customers are not the same."""
    await hold_customers(conn)
    ours, theirs = [[r.ref for r in await records_of(conn, each)] for each in (one, other)]
    await keep_apart(conn, ours, theirs)


async def unbar(conn: AsyncConnection, one: str, other: str) -> None:
    """Forget the words that two customers are not the same."""
    await hold_customers(conn)
    refs = [[r.ref for r in await records_of(conn, each)] for each in (one, other)]
    await _drop_bars(conn, *refs)


async def _end(conn: AsyncConnection, merge_id: int, user_id: str | None, at: datetime) -> None:
    ended = update(MERGES).where(MERGES.c.id == merge_id)
    await conn.execute(ended.values(undone_at=at, undone_by=user_id))


async def _unfuse(
    conn: AsyncConnection, gone: str, survivor: str, edges: list[Edge], shown: str, at: datetime
) -> bool:
    """End what the rules joined since; the records of then go back to the homes of then."""
    found = False
    while (edge := rule_between(gone, survivor, edges)) is not None:
        found = True
        await _end(conn, edge.merge_id, None, at)
        edges = [each for each in edges if each != edge]
        refs = await conn.scalar(select(MERGES.c.gone_refs).where(MERGES.c.id == edge.merge_id))
        for connector, ids in by_connector(Ref(*ref) for ref in refs or ()):
            await conn.execute(
                update(LINKS)
                .where(
                    LINKS.c.connector == connector,
                    LINKS.c.remote_id.in_(ids),
                    LINKS.c.customer_id == shown,
                )
                .values(home_id=edge.gone)
            )
    return found


async def _documents(conn: AsyncConnection, customers: Iterable[str]) -> dict[str, dict[str, Any]]:
    query = select(CUSTOMERS.c.id, CUSTOMERS.c.doc).where(CUSTOMERS.c.id.in_(list(customers)))
    return {row[0]: row[1] for row in await conn.execute(query)}


async def _add_missing(
    conn: AsyncConnection, documents: Mapping[str, dict[str, Any]], at: datetime
) -> None:
    known = await _documents(conn, documents)
    await write_customers(conn, {i: d for i, d in documents.items() if i not in known}, at)


async def records_of(conn: AsyncConnection, customer: str) -> list[LinkedRecord]:
    """Return the records that are shown as a customer, in order."""
    query = select(LINKS).where(LINKS.c.customer_id == customer)
    return [
        LinkedRecord(
            Ref(row.connector, row.remote_id), row.home_id or customer, row.data, row.linked_at
        )
        for row in await conn.execute(query.order_by(LINKS.c.connector, LINKS.c.remote_id))
    ]


async def _show_as(conn: AsyncConnection, records: Sequence[LinkedRecord], customer: str) -> None:
    if not records:
        return
    rows = [
        {
            "b_connector": r.ref.connector,
            "b_remote_id": r.ref.remote_id,
            "customer_id": customer,
            "home_id": None if r.home == customer else r.home,
        }
        for r in records
    ]
    moved = update(LINKS).where(
        LINKS.c.connector == bindparam("b_connector"),
        LINKS.c.remote_id == bindparam("b_remote_id"),
    )
    await conn.execute(moved, rows)
    contacts = {record.ref: record.contact for record in records}
    await give_numbers(conn, contacts, dict.fromkeys(contacts, customer))


async def _count_calls(conn: AsyncConnection, customer: str) -> int:
    rows = await conn.scalars(select(CALLS.c.call_id).where(CALLS.c.customer_id == customer))
    return len(rows.all())


async def _label_calls_since(
    conn: AsyncConnection, merged: Any, edges: list[Edge], before: str, back: str, shown: str
) -> tuple[int, int]:
    """Give calls since the merge to whose number they came from; also how many are undecided."""
    since = await _since(conn, merged, edges)
    query = select(CALLS.c.call_id, CALLS.c.e164, CALLS.c.origin_id, CALLS.c.started_at)
    rows = await conn.execute(
        query.where(CALLS.c.customer_id == before, CALLS.c.started_at >= merged.merged_at)
    )
    joint = [
        (call_id, e164)
        for call_id, e164, origin, started_at in rows
        if (origin or before) in since and started_at >= since[origin or before]
    ]
    holders = await _holders(conn, {e164 for _, e164 in joint if e164}, (back, shown))
    theirs = [call_id for call_id, e164 in joint if holders.get(e164) == {back}]
    for ids in chunks(theirs):
        await conn.execute(update(CALLS).where(CALLS.c.call_id.in_(ids)).values(origin_id=back))
    return len(theirs), sum(len(holders.get(e164, ())) != 1 for _, e164 in joint)


async def _since(conn: AsyncConnection, merged: Any, edges: list[Edge]) -> dict[str, datetime]:
    """Return the ids that the joint customer went by, and since when it went by each."""
    ids = [edge.merge_id for edge in edges]
    query = select(MERGES.c.id, MERGES.c.merged_at).where(MERGES.c.id.in_(ids))
    made = {row[0]: row[1] for row in await conn.execute(query)}
    since = {merged.survivor_id: merged.merged_at}
    at = merged.survivor_id
    while nexts := [e for e in edges if e.gone == at and not e.by_rule and e.survivor not in since]:
        at = nexts[0].survivor
        since[at] = made[nexts[0].merge_id]
    return since


async def _label_choices_since(
    conn: AsyncConnection, since: datetime, before: str, back: str, shown: str
) -> None:
    made = select(CHOICES.c.e164).where(
        CHOICES.c.customer_id == before, CHOICES.c.chosen_at >= since, CHOICES.c.origin_id.is_(None)
    )
    numbers = set(await conn.scalars(made))
    holders = await _holders(conn, numbers, (back, shown))
    theirs = [number for number in numbers if holders.get(number) == {back}]
    for some in chunks(theirs):
        await conn.execute(update(CHOICES).where(CHOICES.c.e164.in_(some)).values(origin_id=back))


async def _holders(
    conn: AsyncConnection, numbers: Collection[str], customers: Collection[str]
) -> dict[str, set[str]]:
    """Return which of the customers have each number."""
    found: dict[str, set[str]] = {}
    for some in chunks(numbers):
        query = select(INDEX.c.key, INDEX.c.customer_id).where(
            INDEX.c.key.in_(some), INDEX.c.customer_id.in_(list(customers))
        )
        for number, customer in await conn.execute(query):
            found.setdefault(number, set()).add(customer)
    return found


async def keep_apart(
    conn: AsyncConnection, one: Sequence[Ref], other: Sequence[Ref], decision: str | None = None
) -> None:
    """Let no rule join records of the two sides; `decision` names this word."""
    if not one or not other:
        return
    decision = decision or uuid.uuid4().hex
    rows = [
        {"connector": ref.connector, "remote_id": ref.remote_id, "decision": decision, "side": side}
        for side, refs in ((False, one), (True, other))
        for ref in refs
    ]
    await conn.execute(insert(BARS), rows)


async def _drop_bars(conn: AsyncConnection, one: Sequence[Ref], other: Sequence[Ref]) -> None:
    """Forget the words against joining these records, which a newer word says are one."""
    sides: list[set[tuple[str, bool]]] = []
    for refs in (one, other):
        found: set[tuple[str, bool]] = set()
        for some in chunks(refs):
            of_record = tuple_(BARS.c.connector, BARS.c.remote_id).in_(some)
            query = select(BARS.c.decision, BARS.c.side).where(of_record)
            found |= {(row[0], bool(row[1])) for row in await conn.execute(query)}
        sides.append(found)
    ours, theirs = sides
    for decision in sorted({d for d, side in ours if (d, not side) in theirs}):
        await conn.execute(delete(BARS).where(BARS.c.decision == decision))
