"""The last webhooks of each phone system as they came, encrypted, to look at and to try again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.engine import Database
from app.store.models import HookBody

KEPT_PER_SYSTEM = 50
KEPT_FOR = timedelta(days=2)


async def keep_body(
    db: Database,
    phone_system: str,
    request: bytes,
    *,
    at: datetime,
    outcome: int,
) -> None:
    """Write one down (`request` is encrypted), and drop those that are old or too many."""
    async with db.begin() as session:
        await session.execute(
            insert(HookBody).values(
                phone_system=phone_system,
                received_at=at,
                outcome=outcome,
                request=request,
            )
        )
        oldest_kept = (
            select(HookBody.id)
            .where(HookBody.phone_system == phone_system)
            .order_by(HookBody.id.desc())
            .offset(KEPT_PER_SYSTEM - 1)
            .limit(1)
            .scalar_subquery()
        )
        mine = HookBody.phone_system == phone_system
        await session.execute(delete(HookBody).where(mine, HookBody.id < oldest_kept))
        old = HookBody.received_at < at - KEPT_FOR
        await session.execute(delete(HookBody).where(mine, old))


async def bodies_of(session: AsyncSession, phone_system: str) -> Sequence[HookBody]:
    """Return what is kept of a phone system, newest first."""
    rows = select(HookBody).where(HookBody.phone_system == phone_system)
    return (await session.scalars(rows.order_by(HookBody.id.desc()))).all()
