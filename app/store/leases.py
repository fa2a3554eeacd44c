"""A lease: of many processes one does a job, and another takes over when it dies."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.calls import upsert
from app.store.engine import Database
from app.store.models import Meta

_PAST = "2000-01-01T00:00:00+00:00"


async def hold(db: Database, name: str, owner: str, now: datetime, life: timedelta) -> bool:
    """Take or renew a lease; False while another process holds it."""
    key = f"lease:{name}"
    async with db.begin() as session:
        # A row to lock must be there, or two processes could both find none.
        await session.execute(_insert_new(db, key, f"{_PAST} {owner}"))
        rows = select(Meta.value).where(Meta.key == key).with_for_update()
        until, _, holder = (await session.scalars(rows)).one().partition(" ")
        if holder != owner and datetime.fromisoformat(until) > now:
            return False
        value = f"{(now + life).isoformat()} {owner}"
        await session.execute(upsert(db, Meta, {"key": key, "value": value}, ("key",)))
        return True


async def release(db: Database, name: str, owner: str) -> None:
    """Give a lease back, if it is still the owner's: another process takes over at once."""
    mine = update(Meta).where(Meta.key == f"lease:{name}", Meta.value.endswith(f" {owner}"))
    async with db.begin() as session:
        await session.execute(mine.values(value=f"{_PAST} {owner}"))


def _insert_new(db: Database, key: str, value: str) -> Any:
    insert = sqlite_insert if db.dialect == "sqlite" else postgresql_insert
    return insert(Meta).values(key=key, value=value).on_conflict_do_nothing()


async def held(db: Database, name: str, now: datetime) -> bool:
    """Say whether a process holds the lease now."""
    async with db.read() as session:
        value = await session.scalar(select(Meta.value).where(Meta.key == f"lease:{name}"))
    return value is not None and datetime.fromisoformat(value.partition(" ")[0]) > now
