"""What people decided about likely duplicates and quality issues, and its undoing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.identity import Ref
from app.store.homes import MERGES, PROPOSALS
from app.store.merging import Parted, unbar, undo
from app.store.models import Base
from app.store.records import CUSTOMERS
from app.store.scan import ISSUES
from app.store.source_models import IssueSetAside

ASIDE = IssueSetAside.metadata.tables["issues_set_aside"]
_USERS = Base.metadata.tables["users"]


async def decided(session: AsyncSession, limit: int) -> list[dict[str, Any]]:
    """Return the proposals that were decided last, newest first."""
    left, right = CUSTOMERS.alias(), CUSTOMERS.alias()
    query = (
        select(
            PROPOSALS,
            left.c.display_name.label("left_name"),
            right.c.display_name.label("right_name"),
            _USERS.c.name.label("user_name"),
            MERGES.c.gone_doc,
        )
        .outerjoin_from(PROPOSALS, left, left.c.id == PROPOSALS.c.left_id)
        .outerjoin(right, right.c.id == PROPOSALS.c.right_id)
        .outerjoin(_USERS, _USERS.c.id == PROPOSALS.c.decided_by)
        .outerjoin(MERGES, MERGES.c.id == PROPOSALS.c.merge_id)
        .where(PROPOSALS.c.decision.is_not(None))
        .order_by(PROPOSALS.c.decided_at.desc(), PROPOSALS.c.id.desc())
        .limit(limit)
    )
    return [
        {
            "proposal_id": row.id,
            "decision": row.decision,
            "left": {"customer_id": row.left_id, "display_name": row.left_name or _gone(row)},
            "right": {"customer_id": row.right_id, "display_name": row.right_name or _gone(row)},
            "decided_at": row.decided_at,
            "decided_by": row.user_name,
        }
        for row in await session.execute(query)
    ]


def _gone(row: Any) -> str | None:
    """Return the name of the side that became part of the other."""
    return row.gone_doc["display_name"] if row.gone_doc else None


async def reopen(
    conn: AsyncConnection, proposal_id: int, *, user_id: str, at: datetime
) -> Parted | bool:
    """Take a decision back as if it had not been made: the pair waits for a person's word again.

    Returns how the two were parted when they had been merged, True when they had been kept apart,
    False when there is no such decided proposal.

    Raises:
        CannotMerge: their merge was undone already.
    """
    found = (await conn.execute(select(PROPOSALS).where(PROPOSALS.c.id == proposal_id))).first()
    if found is None or found.decision is None:
        return False
    parted: Parted | bool = True
    if found.decision == "same" and found.merge_id is not None:
        parted = await undo(conn, found.merge_id, user_id=user_id, at=at)
    await unbar(conn, found.left_id, found.right_id)
    again = update(PROPOSALS).where(PROPOSALS.c.id == proposal_id)
    await conn.execute(again.values(decision=None, decided_by=None, decided_at=None, merge_id=None))
    return parted


async def set_aside(
    conn: AsyncConnection, kind: str, ref: Ref, *, user_id: str, at: datetime
) -> bool:
    """Leave an issue as it is, also when the next scans find it; False: there is no such issue."""
    issue = select(ISSUES.c.kind).where(_at(ISSUES, kind, ref))
    if (await conn.execute(issue)).first() is None:
        return False
    await conn.execute(delete(ASIDE).where(_at(ASIDE, kind, ref)))
    row = {"connector": ref.connector, "kind": kind, "remote_id": ref.remote_id}
    await conn.execute(insert(ASIDE).values(**row, user_id=user_id, at=at))
    return True


async def take_up(conn: AsyncConnection, kind: str, ref: Ref) -> bool:
    """Put an issue that was set aside back on the list; False: it was not set aside."""
    gone = await conn.execute(delete(ASIDE).where(_at(ASIDE, kind, ref)).returning(ASIDE.c.kind))
    return bool(gone.all())


async def aside(session: AsyncSession, limit: int) -> list[dict[str, Any]]:
    """Return the issues that were set aside last, newest first."""
    same = (
        (ASIDE.c.connector == ISSUES.c.connector)
        & (ASIDE.c.kind == ISSUES.c.kind)
        & (ASIDE.c.remote_id == ISSUES.c.remote_id)
    )
    query = (
        select(ISSUES, ASIDE.c.at, _USERS.c.name.label("user_name"))
        .join_from(ASIDE, ISSUES, same)
        .outerjoin(_USERS, _USERS.c.id == ASIDE.c.user_id)
        .order_by(ASIDE.c.at.desc())
        .limit(limit)
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


def _at(table: Any, kind: str, ref: Ref) -> Any:
    return (
        (table.c.connector == ref.connector)
        & (table.c.kind == kind)
        & (table.c.remote_id == ref.remote_id)
    )
