"""Webhooks that were refused or not understood, redacted and bounded, for the admin."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import delete, insert, select

from app.store.engine import Database
from app.store.models import HookRefusal

KEPT_PER_SYSTEM = 200
LARGEST_BODY = 4096
_NUMBER = re.compile(r"\d(?:[\s().-]?\d){5,}")
_SECRET = re.compile(
    r"""(?i)(["']?(?:token|secret|password|authorization|signature|apikey|api_key)["']?\s*[:=]\s*["']?)[^"'&,\s}]+"""
)


def redact(body: bytes) -> str:
    """Return the start of a body as text, with secrets and all but the last digits masked."""
    text = body[:LARGEST_BODY].decode("utf-8", "replace").replace("\x00", "\ufffd")
    text = _SECRET.sub(r"\1•••", text)
    return _NUMBER.sub(lambda m: "•" * (len(m[0]) - 3) + m[0][-3:], text)


async def keep_refusal(
    db: Database, phone_system: str, at: datetime, status: int, reason: str, body: bytes
) -> None:
    """Write one refusal down and drop the oldest ones of the phone system."""
    async with db.begin() as session:
        await session.execute(
            insert(HookRefusal).values(
                phone_system=phone_system,
                received_at=at,
                status=status,
                reason=reason[:500],
                body=redact(body),
            )
        )
        oldest_kept = (
            select(HookRefusal.id)
            .where(HookRefusal.phone_system == phone_system)
            .order_by(HookRefusal.id.desc())
            .offset(KEPT_PER_SYSTEM - 1)
            .limit(1)
            .scalar_subquery()
        )
        await session.execute(
            delete(HookRefusal).where(
                HookRefusal.phone_system == phone_system, HookRefusal.id < oldest_kept
            )
        )
