"""A customer with everything that is known of it, proposals to decide, and issues to mend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.contact import reading_of
from app.core.identity import Proof, Record, Ref, proofs
from app.core.merges import Edge, family
from app.store.calls import calls_of
from app.store.engine import Database
from app.store.homes import BARS, MERGES, PROPOSALS, edges_of, parting_decision
from app.store.merging import Merged, bar, merge, shown_id
from app.store.models import Base
from app.store.records import CUSTOMERS, INDEX, KEYS, LINKS, chunks
from app.store.scan import ISSUES
from app.store.source_models import IssueSetAside

_USERS = Base.metadata.tables["users"]
_ASIDE = IssueSetAside.metadata.tables["issues_set_aside"]
_is_aside = and_(
    _ASIDE.c.connector == ISSUES.c.connector,
    _ASIDE.c.kind == ISSUES.c.kind,
    _ASIDE.c.remote_id == ISSUES.c.remote_id,
)
_SIDES = (PROPOSALS.c.left_id, PROPOSALS.c.right_id)
_CALLS_SHOWN = 50
# What `all_issues` says of each that is of use in a file.
ISSUE_COLUMNS = ("connector", "kind", "remote_id", "display_name", "text", "customer_id")


async def customer(session: AsyncSession, customer_id: str) -> dict[str, Any] | None:
    """Return a customer, its records with what links them, numbers, calls and merges.

    The id of a customer that was merged away leads to the one that it is part of.
    """
    conn = await session.connection()
    shown = await shown_id(conn, customer_id)
    document = await conn.scalar(select(CUSTOMERS.c.doc).where(CUSTOMERS.c.id == shown))
    if document is None:
        return None
    edges = await edges_of(conn, [shown])
    merges = await _merges(conn, family(shown, edges) | {shown, customer_id})
    rows = (
        await conn.execute(
            select(LINKS)
            .where(LINKS.c.customer_id == shown)
            .order_by(LINKS.c.connector, LINKS.c.remote_id)
        )
    ).all()
    proven = await _proofs(conn, rows)
    return {
        **document,
        "records": [_record(row, proven, edges, merges) for row in rows],
        "numbers": await _numbers(conn, shown),
        "calls": await calls_of(session, shown, _CALLS_SHOWN),
        "merges": merges,
    }


def _record(
    row: Any, proven: Mapping[Ref, Proof], edges: list[Edge], merges: list[dict[str, Any]]
) -> dict[str, Any]:
    ref = Ref(row.connector, row.remote_id)
    proof = proven[ref]
    made = _merge_of(row.home_id, row.customer_id, edges, merges)
    link = {
        "score": proof.score,
        "reasons": list(proof.reasons),
        "since": row.linked_at,
        "made_by": "rule",
        "merge_id": None,
    }
    if made is not None:
        who = made["user"]["name"] or "a user who is gone"
        words = f"merged by {who} on {made['merged_at']:%Y-%m-%d}"
        link = {
            "score": made["score"],
            "reasons": [words, *made["reasons"]],
            "since": made["merged_at"],
            "made_by": "user",
            "merge_id": made["merge_id"],
        }
    return {"connector": ref.connector, **row.data, "link": link}


def _merge_of(
    home: str | None, shown: str, edges: list[Edge], merges: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """Return the merge by a person that brought the records of a home to the customer."""
    if home is None:
        return None
    for edge in edges:
        rest = [each for each in edges if each != edge]
        if not edge.by_rule and shown not in family(home, rest):
            return next((m for m in merges if m["merge_id"] == edge.merge_id), None)
    return None


async def _proofs(conn: AsyncConnection, rows: Iterable[Any]) -> dict[Ref, Proof]:
    homes: dict[str, list[Record]] = {}
    for row in rows:
        homes.setdefault(row.home_id or row.customer_id, []).append(
            Record.of(row.connector, row.data)
        )
    records = [record for group in homes.values() for record in group]
    shared: set[str] = set()
    for table, held in (
        (KEYS, {key for record in records for key in record.keys}),
        (INDEX, {number for record in records for number in record.numbers}),
    ):
        for some in chunks(held):
            twice = (
                select(table.c.key)
                .where(table.c.key.in_(some))
                .group_by(table.c.key, table.c.connector)
                .having(func.count() > 1)
            )
            shared |= set(await conn.scalars(twice))
    return {ref: proof for group in homes.values() for ref, proof in proofs(group, shared).items()}


async def _numbers(conn: AsyncConnection, customer_id: str) -> list[dict[str, Any]]:
    stored = select(LINKS.c.data).where(LINKS.c.customer_id == customer_id)
    keys = {row.key for data in await conn.scalars(stored) for row in reading_of(data).index}
    rows: list[Any] = []
    for some in chunks(keys):
        mine = INDEX.c.key.in_(some), INDEX.c.customer_id == customer_id
        rows += (await conn.execute(select(INDEX).where(*mine))).all()
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row.key, row.connector, row.remote_id)):
        number = {"e164": None if row.key.startswith("~") else row.key, "raw": row.raw}
        each = found.setdefault(row.key, {**number, "types": [], "connectors": []})
        each["connectors"] += [row.connector] * (row.connector not in each["connectors"])
        each["types"] += [row.type] * (row.type is not None and row.type not in each["types"])
    for some in chunks(list(found)):
        held = select(INDEX.c.key, func.count(INDEX.c.customer_id.distinct()))
        for key, count in await conn.execute(
            held.where(INDEX.c.key.in_(some)).group_by(INDEX.c.key)
        ):
            found[key]["customers"] = count
    return list(found.values())


async def _merges(conn: AsyncConnection, customers: Iterable[str]) -> list[dict[str, Any]]:
    ids = sorted(customers)
    undoers = _USERS.alias()
    query = (
        select(MERGES, _USERS.c.name, undoers.c.name.label("undone_by_name"))
        .outerjoin_from(MERGES, _USERS, _USERS.c.id == MERGES.c.user_id)
        .outerjoin(undoers, undoers.c.id == MERGES.c.undone_by)
        .where(or_(MERGES.c.survivor_id.in_(ids), MERGES.c.gone_id.in_(ids)))
        .order_by(MERGES.c.id.desc())
    )
    rows = (await conn.execute(query)).all()
    words = [parting_decision(row.id) for row in rows if row.made_by == "rule" and row.undone_by]
    kept = select(BARS.c.decision).where(BARS.c.decision.in_(words)).distinct()
    apart = set(await conn.scalars(kept)) if words else set()
    return [
        {
            "merge_id": row.id,
            "survivor_id": row.survivor_id,
            "gone_id": row.gone_id,
            "gone_name": row.gone_doc["display_name"] if row.gone_doc else None,
            "made_by": row.made_by,
            "user": {"user_id": row.user_id, "name": row.name},
            "score": row.score,
            "reasons": row.reasons,
            "merged_at": row.merged_at,
            "undone_at": row.undone_at,
            "undone_by": {"user_id": row.undone_by, "name": row.undone_by_name}
            if row.undone_by
            else None,
            "kept_apart": parting_decision(row.id) in apart,
        }
        for row in rows
    ]


async def proposals(
    session: AsyncSession,
    after: tuple[float, int] | None,
    limit: int,
    among: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Return open proposals, likeliest first, each with both sides' facts.

    `among`: only those that one of these customers is in.
    """
    conn = await session.connection()
    query = select(PROPOSALS).where(PROPOSALS.c.decision.is_(None))
    if among is not None:
        # Each side by its own index: by both at once, all open proposals would be looked at.
        mine = [select(PROPOSALS.c.id).where(side.in_(among)) for side in _SIDES]
        ids = {i for each in mine for i in await conn.scalars(each)}
        query = query.where(PROPOSALS.c.id.in_(ids))
    if after is not None:
        score, last = after
        query = query.where(
            PROPOSALS.c.score <= score, or_(PROPOSALS.c.score < score, PROPOSALS.c.id < last)
        )
    query = query.order_by(PROPOSALS.c.score.desc(), PROPOSALS.c.id.desc()).limit(limit)
    rows = (await conn.execute(query)).all()
    sides = await _sides(conn, {i for row in rows for i in (row.left_id, row.right_id)})
    return [
        {
            "proposal_id": row.id,
            "score": row.score,
            "reasons": row.reasons,
            "found_at": row.found_at,
            "left": sides.get(row.left_id, {"customer_id": row.left_id, "records": []}),
            "right": sides.get(row.right_id, {"customer_id": row.right_id, "records": []}),
        }
        for row in rows
    ]


async def open_proposals(session: AsyncSession) -> int:
    """Return how many proposals wait for a person's word."""
    query = select(func.count()).where(PROPOSALS.c.decision.is_(None))
    return await session.scalar(query) or 0


async def _sides(conn: AsyncConnection, customers: Iterable[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for ids in chunks(customers):
        query = select(CUSTOMERS.c.id, CUSTOMERS.c.doc).where(CUSTOMERS.c.id.in_(ids))
        found.update({row[0]: {**row[1], "records": []} for row in await conn.execute(query)})
        records = select(LINKS.c.customer_id, LINKS.c.connector, LINKS.c.data)
        for owner, connector, data in await conn.execute(
            records.where(LINKS.c.customer_id.in_(ids)).order_by(LINKS.c.connector)
        ):
            if owner in found:
                found[owner]["records"].append({"connector": connector, **data})
    return found


async def decide(
    conn: AsyncConnection,
    proposal_id: int,
    *,
    same: bool,
    survivor: str | None,
    user_id: str,
    at: datetime,
) -> Merged | bool | None:
    """Take a person's word on a proposal. None: there is no such open proposal.

    Returns the merge when they are the same, else True; `survivor` is the side that stays.

    Raises:
        NoSuchCustomer: a source has taken one of the two back meanwhile.
        CannotMerge: they have become one meanwhile.
    """
    found = (await conn.execute(select(PROPOSALS).where(PROPOSALS.c.id == proposal_id))).first()
    if found is None or found.decision is not None:
        return None
    stays, goes = found.left_id, found.right_id
    if survivor == goes:
        stays, goes = goes, stays
    decided = update(PROPOSALS).where(PROPOSALS.c.id == proposal_id)
    word = {"decided_by": user_id, "decided_at": at}
    if not same:
        await bar(conn, stays, goes)
        await conn.execute(decided.values(decision="different", **word))
        return True
    await conn.execute(decided.values(decision="same", **word))
    told = {"score": found.score, "reasons": found.reasons}
    merged = await merge(conn, stays, goes, user_id=user_id, at=at, **told)
    await conn.execute(decided.values(merge_id=merged.merge_id))
    return merged


Counts = Mapping[tuple[str, str], int]


async def issue_counts(session: AsyncSession, every: Counts | None = None) -> list[dict[str, Any]]:
    """Return how many issues of each kind each connector has, without those set aside.

    `every`: what `every_issue` has counted before.
    """
    found = await every_issue(session) if every is None else every
    place = (_ASIDE.c.connector, _ASIDE.c.kind)
    still = select(ISSUES.c.kind).where(_is_aside).exists()
    left = select(*place, func.count()).where(still).group_by(*place)
    aside = {(row[0], row[1]): row[2] for row in await session.execute(left)}
    counts = [(*key, count - aside.get(key, 0)) for key, count in sorted(found.items())]
    return [{"connector": c, "kind": kind, "count": count} for c, kind, count in counts if count]


async def every_issue(session: AsyncSession) -> Counts:
    """Count the issues by connector and kind; only a scan changes them."""
    place = (ISSUES.c.connector, ISSUES.c.kind)
    rows = await session.execute(select(*place, func.count()).group_by(*place))
    return {(row[0], row[1]): row[2] for row in rows}


async def issues(
    session: AsyncSession,
    connector: str | None,
    kind: str | None,
    after: tuple[str, str, str] | None,
    limit: int,
    among: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Return issues in the order of kind, connector and record, without those set aside.

    `among`: only those of these customers.
    """
    place = (ISSUES.c.kind, ISSUES.c.connector, ISSUES.c.remote_id)
    left = select(_ASIDE.c.kind).where(_is_aside).exists()
    query = select(ISSUES).where(~left).order_by(*place).limit(limit)
    if among is not None:
        query = query.where(ISSUES.c.customer_id.in_(among))
    if connector is not None:
        query = query.where(ISSUES.c.connector == connector)
    if kind is not None:
        query = query.where(ISSUES.c.kind == kind)
    if after is not None:
        query = query.where(and_(ISSUES.c.kind >= after[0], tuple_(*place) > after))
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def all_issues(
    db: Database, connector: str | None, kind: str | None
) -> AsyncIterator[dict[str, Any]]:
    """Yield every issue, read a page at a time."""
    after: tuple[str, str, str] | None = None
    while True:
        async with db.read() as session:
            page = await issues(session, connector, kind, after, 1000)
        for issue in page:
            yield issue
        if not page:
            return
        after = (page[-1]["kind"], page[-1]["connector"], page[-1]["remote_id"])
