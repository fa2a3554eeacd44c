"""The rules of the pop, each kept whole as JSON: service levels, alerts, outcomes, blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.rules import DISPOSITIONS
from app.store.models import Meta
from app.store.version import bump_config_version


async def priorities(session: AsyncSession) -> list[dict[str, Any]]:
    """Return the priority rules as they were written, in the order in which they are tried."""
    return await _value(session, "priorities") or []


async def set_priorities(session: AsyncSession, rules: Sequence[Mapping[str, Any]]) -> None:
    """Replace the priority rules."""
    await _set_value(session, "priorities", list(rules))


async def alert_rules(session: AsyncSession) -> dict[str, Any]:
    """Return which alerts stay away, as it was written."""
    return await _value(session, "alerts") or {}


async def set_alert_rules(session: AsyncSession, rules: Mapping[str, Any]) -> None:
    """Replace the rules of the alerts."""
    await _set_value(session, "alerts", dict(rules))


async def dispositions(session: AsyncSession) -> list[str]:
    """Return the outcomes that a call can have."""
    return await _value(session, "dispositions") or list(DISPOSITIONS)


async def set_dispositions(session: AsyncSession, names: Sequence[str]) -> None:
    """Replace the outcomes."""
    await _set_value(session, "dispositions", list(names))


async def pop_layouts(session: AsyncSession) -> list[dict[str, Any]]:
    """Return the order and visibility of blocks by queue, as it was written."""
    return await _value(session, "pop_layout") or []


async def set_pop_layouts(session: AsyncSession, layouts: Sequence[Mapping[str, Any]]) -> None:
    """Replace the layouts."""
    await _set_value(session, "pop_layout", list(layouts))


async def _value(session: AsyncSession, key: str) -> Any:
    row = await session.get(Meta, key)
    return orjson.loads(row.value) if row else None


async def _set_value(session: AsyncSession, key: str, value: Any) -> None:
    await session.execute(delete(Meta).where(Meta.key == key))
    session.add(Meta(key=key, value=orjson.dumps(value).decode()))
    await bump_config_version(session)
