"""The version of configuration and people, by which every process sees that they changed."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.models import Meta

_VERSION = "config_version"


async def config_version(session: AsyncSession) -> int:
    """Return the version, which grows with every change of configuration or people."""
    value = await session.scalar(select(Meta.value).where(Meta.key == _VERSION))
    return int(value or 0)


async def bump_config_version(session: AsyncSession) -> None:
    """Tell every process, at its next look, that something has changed."""
    await session.execute(
        text(
            "INSERT INTO meta (key, value) VALUES (:key, '1') ON CONFLICT (key) DO UPDATE "
            "SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)"
        ),
        {"key": _VERSION},
    )
