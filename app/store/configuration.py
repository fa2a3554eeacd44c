"""Configured phone systems and connectors, the default region, and the priority rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import orjson
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import UserError
from app.store.models import (
    CallEventRow,
    ConnectorRow,
    HookRefusal,
    Meta,
    PhoneSystemRow,
    SyncState,
)
from app.store.types import SecretBox
from app.store.version import bump_config_version

Row = TypeVar("Row", bound=PhoneSystemRow | ConnectorRow)

_REGION = "default_region"
_PRIORITIES = "priorities"


def open_settings(row: PhoneSystemRow | ConnectorRow, secrets: SecretBox) -> dict[str, Any]:
    """Decrypt the settings of a phone system or a connector.

    Raises:
        UserError: none of the keys fits.
    """
    try:
        settings: dict[str, Any] = secrets.open(row.settings)
    except ValueError as error:
        raise UserError(f"{row.__tablename__} {row.slug}: {error}") from None
    return settings


async def default_region(session: AsyncSession) -> str | None:
    """Return the region of numbers without a country code, if one is configured."""
    row = await session.get(Meta, _REGION)
    return row.value if row else None


async def set_default_region(session: AsyncSession, region: str | None) -> None:
    """Set the default region, or unset it."""
    await session.execute(delete(Meta).where(Meta.key == _REGION))
    if region is not None:
        session.add(Meta(key=_REGION, value=region))
    await bump_config_version(session)


async def priorities(session: AsyncSession) -> list[dict[str, Any]]:
    """Return the priority rules as they were written, in the order in which they are tried."""
    row = await session.get(Meta, _PRIORITIES)
    rules: list[dict[str, Any]] = orjson.loads(row.value) if row else []
    return rules


async def set_priorities(session: AsyncSession, rules: Sequence[Mapping[str, Any]]) -> None:
    """Replace the priority rules."""
    await session.execute(delete(Meta).where(Meta.key == _PRIORITIES))
    session.add(Meta(key=_PRIORITIES, value=orjson.dumps(list(rules)).decode()))
    await bump_config_version(session)


async def rows_of(session: AsyncSession, model: type[Row]) -> Sequence[Row]:
    """Return every phone system or connector, in the order of the file."""
    return (await session.scalars(select(model).order_by(model.position, model.slug))).all()


async def put_row(
    session: AsyncSession,
    model: type[Row],
    slug: str,
    fields: Mapping[str, Any],
    secrets: SecretBox,
    now: datetime,
    position: int | None = None,
) -> bool:
    """Create or replace one; a new one comes last unless told. Returns whether it is new.

    A connector that reads from elsewhere than before starts its next sync from the beginning.
    """
    row = await session.get(model, slug)
    new = row is None
    values = dict(fields)
    settings = values.pop("settings")
    if row is None:
        last = await session.scalar(select(func.max(model.position)))
        row = model(slug=slug, position=0 if last is None else last + 1)
        session.add(row)
    elif model is ConnectorRow and (
        row.kind != values["kind"] or open_settings(row, secrets) != settings
    ):
        await _forget_checkpoint(session, slug)
    for name, value in values.items():
        setattr(row, name, value)
    if position is not None:
        row.position = position
    row.settings = secrets.seal(settings)
    row.updated_at = now
    await session.flush()
    await bump_config_version(session)
    return new


async def delete_row(session: AsyncSession, model: type[Row], slug: str) -> bool:
    """Remove one; returns whether there was one.

    What a connector brought stays until `Contacts.forget_connector`.
    """
    row = await session.get(model, slug)
    if row is None:
        return False
    await session.delete(row)
    await bump_config_version(session)
    return True


async def sync_states(session: AsyncSession) -> dict[str, SyncState]:
    """Return how each connector's last sync went."""
    return {state.connector: state for state in await session.scalars(select(SyncState))}


async def recent_events(
    session: AsyncSession, slug: str, limit: int, before: int | None
) -> Sequence[CallEventRow]:
    """Return accepted events of a phone system, newest first, older than an id."""
    rows = select(CallEventRow).where(CallEventRow.phone_system == slug)
    if before is not None:
        rows = rows.where(CallEventRow.id < before)
    return (await session.scalars(rows.order_by(CallEventRow.id.desc()).limit(limit))).all()


async def recent_refusals(
    session: AsyncSession, slug: str, limit: int, before: int | None
) -> Sequence[HookRefusal]:
    """Return refused and unreadable bodies of a phone system, newest first, older than an id."""
    rows = select(HookRefusal).where(HookRefusal.phone_system == slug)
    if before is not None:
        rows = rows.where(HookRefusal.id < before)
    return (await session.scalars(rows.order_by(HookRefusal.id.desc()).limit(limit))).all()


async def _forget_checkpoint(session: AsyncSession, slug: str) -> None:
    await session.execute(
        update(SyncState).where(SyncState.connector == slug).values(checkpoint=None)
    )
