"""How the connections to phone systems are, as the process that holds each one says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.calls import upsert
from app.store.engine import Database
from app.store.models import Meta

_NOBODY = "no server process is connected: start the server"


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """`since`: when it became so, None if never. `error`: what is not right, in plain words."""

    connected: bool
    since: datetime | None = None
    error: str | None = None


async def write_health(
    db: Database, slug: str, health: StreamHealth, alive_until: datetime
) -> None:
    """Keep a stream's health; it counts as not connected after `alive_until`."""
    said = {
        "connected": health.connected,
        "since": health.since,
        "error": health.error,
        "alive_until": alive_until,
    }
    values = {"key": _key(slug), "value": orjson.dumps(said).decode()}
    async with db.begin() as session:
        await session.execute(upsert(db, Meta, values, ("key",)))


async def healths(
    session: AsyncSession, slugs: Iterable[str], now: datetime
) -> dict[str, StreamHealth]:
    """Return the health of each stream."""
    wanted = list(slugs)
    if not wanted:
        return {}
    keys = [_key(slug) for slug in wanted]
    rows = await session.execute(select(Meta.key, Meta.value).where(Meta.key.in_(keys)))
    said = {row[0]: orjson.loads(row[1]) for row in rows}
    return {slug: _health(said.get(_key(slug)), now) for slug in wanted}


def _health(said: dict[str, str] | None, now: datetime) -> StreamHealth:
    if said is None or datetime.fromisoformat(said["alive_until"]) < now:
        return StreamHealth(False, error=_NOBODY)
    since = datetime.fromisoformat(said["since"]) if said["since"] else None
    return StreamHealth(bool(said["connected"]), since, said["error"])


def _key(slug: str) -> str:
    return f"stream:{slug}"
