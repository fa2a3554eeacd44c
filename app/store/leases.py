"""A lease: of many processes one does a job, and another takes over when it dies."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from app.store.calls import upsert
from app.store.engine import Database
from app.store.models import Meta


async def hold(db: Database, name: str, owner: str, now: datetime, life: timedelta) -> bool:
    """Take or renew a lease; False while another process holds it."""
    key = f"lease:{name}"
    async with db.begin() as session:
        rows = select(Meta.value).where(Meta.key == key).with_for_update()
        held = await session.scalar(rows)
        if held is not None:
            until, _, holder = held.partition(" ")
            if holder != owner and datetime.fromisoformat(until) > now:
                return False
        value = f"{(now + life).isoformat()} {owner}"
        await session.execute(upsert(db, Meta, {"key": key, "value": value}, ("key",)))
        return True
