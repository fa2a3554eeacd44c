"""Configured phone systems and connectors, the defaults for numbers and money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

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
from app.store.versions import record_live, record_removal

Row = TypeVar("Row", bound=PhoneSystemRow | ConnectorRow)

_REGION = "default_region"
_CURRENCY = "default_currency"


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


async def default_currency(session: AsyncSession) -> str | None:
    """Return the currency of amounts without one, if one is configured."""
    row = await session.get(Meta, _CURRENCY)
    return row.value if row else None


async def set_default_currency(session: AsyncSession, currency: str | None) -> None:
    """Set the default currency, or unset it."""
    await session.execute(delete(Meta).where(Meta.key == _CURRENCY))
    if currency is not None:
        session.add(Meta(key=_CURRENCY, value=currency))
    await bump_config_version(session)


async def set_default_region(session: AsyncSession, region: str | None) -> None:
    """Set the default region, or unset it."""
    await session.execute(delete(Meta).where(Meta.key == _REGION))
    if region is not None:
        session.add(Meta(key=_REGION, value=region))
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
    author: str,
    position: int | None = None,
    note: str | None = None,
) -> bool:
    """Create or replace one; a new one comes last unless told. Returns whether it is new.

    A connector that reads from elsewhere than before starts its next sync from the beginning,
    and what it becomes is a version of it.
    """
    row = await session.get(model, slug)
    if model is ConnectorRow:
        await record_live(session, slug, fields, secrets, author, now, note)
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


async def delete_row(
    session: AsyncSession, model: type[Row], slug: str, now: datetime, author: str
) -> bool:
    """Remove one; returns whether there was one.

    What a connector brought stays until `Contacts.forget_connector`.
    """
    row = await session.get(model, slug)
    if row is None:
        return False
    if model is ConnectorRow:
        await record_removal(session, slug, author, now)
    await session.delete(row)
    await bump_config_version(session)
    return True


async def sync_states(
    session: AsyncSession, connector: str | None = None
) -> dict[str, dict[str, SyncState]]:
    """Return how the last sync of each connector (or of one) went, by part."""
    states: dict[str, dict[str, SyncState]] = {}
    rows = select(SyncState)
    if connector is not None:
        rows = rows.where(SyncState.connector == connector)
    for state in await session.scalars(rows):
        states.setdefault(state.connector, {})[state.part] = state
    return states


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
