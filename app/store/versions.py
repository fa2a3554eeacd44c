"""The history of each connector's configuration: versions with author and time, one draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import UserError
from app.store.models import ConnectorVersion
from app.store.types import SecretBox

DRAFT, LIVE, PAST, REMOVED = "draft", "live", "past", "removed"


async def versions_of(session: AsyncSession, slug: str) -> Sequence[ConnectorVersion]:
    """Return all versions of a connector, newest first."""
    query = select(ConnectorVersion).where(ConnectorVersion.slug == slug)
    return (await session.scalars(query.order_by(ConnectorVersion.number.desc()))).all()


async def version(session: AsyncSession, slug: str, number: int) -> ConnectorVersion | None:
    """Return one version."""
    return await session.get(ConnectorVersion, (slug, number))


async def draft_of(session: AsyncSession, slug: str) -> ConnectorVersion | None:
    """Return the draft of a connector, if there is one."""
    return await _in_state(session, slug, DRAFT)


async def live_number(session: AsyncSession, slug: str) -> int | None:
    """Return which version is live; None when the connector is not."""
    live = await _in_state(session, slug, LIVE)
    return live.number if live else None


async def current_numbers(
    session: AsyncSession, slug: str | None = None
) -> dict[str, tuple[int | None, int | None]]:
    """Return the numbers of the live version and of the draft, by connector, or of one."""
    query = select(ConnectorVersion.slug, ConnectorVersion.state, ConnectorVersion.number).where(
        ConnectorVersion.state.in_((LIVE, DRAFT))
    )
    if slug is not None:
        query = query.where(ConnectorVersion.slug == slug)
    numbers: dict[str, tuple[int | None, int | None]] = {}
    for its_slug, state, number in await session.execute(query):
        live, draft = numbers.get(its_slug, (None, None))
        numbers[its_slug] = (number, draft) if state == LIVE else (live, number)
    return numbers


async def unpublished(session: AsyncSession) -> Sequence[ConnectorVersion]:
    """Return the drafts of connectors that are not live."""
    live = select(ConnectorVersion.slug).where(ConnectorVersion.state == LIVE)
    query = select(ConnectorVersion).where(
        ConnectorVersion.state == DRAFT, ConnectorVersion.slug.not_in(live)
    )
    return (await session.scalars(query.order_by(ConnectorVersion.slug))).all()


async def save_draft(
    session: AsyncSession,
    slug: str,
    fields: Mapping[str, Any],
    secrets: SecretBox,
    author: str,
    note: str | None,
    now: datetime,
) -> ConnectorVersion:
    """Save a draft in the place of the one there was; what is live stays as it is."""
    await drop_draft(session, slug)
    return await _add(session, slug, DRAFT, fields, secrets, author, note, now)


async def drop_draft(session: AsyncSession, slug: str) -> bool:
    """Throw a draft away; returns whether there was one."""
    gone = await session.execute(
        delete(ConnectorVersion)
        .where(ConnectorVersion.slug == slug, ConnectorVersion.state == DRAFT)
        .returning(ConnectorVersion.number)
    )
    return gone.first() is not None


async def record_live(
    session: AsyncSession,
    slug: str,
    fields: Mapping[str, Any],
    secrets: SecretBox,
    author: str,
    now: datetime,
    note: str | None = None,
) -> None:
    """Note that a connector is live with these fields from now on; the same again is no version."""
    live = await _in_state(session, slug, LIVE)
    if live is not None and fields_of(live, secrets) == dict(fields):
        return
    await _retire(session, slug)
    row = await _add(session, slug, LIVE, fields, secrets, author, note, now)
    row.published_at = now
    await session.flush()


async def record_removal(session: AsyncSession, slug: str, author: str, now: datetime) -> None:
    """Note that a connector was removed; its draft goes with it."""
    await drop_draft(session, slug)
    live = await _in_state(session, slug, LIVE)
    await _retire(session, slug)
    session.add(
        ConnectorVersion(
            slug=slug,
            number=await _next_number(session, slug),
            state=REMOVED,
            fields=live.fields if live else {},
            settings=live.settings if live else b"",
            author=author,
            note=None,
            created_at=now,
            published_at=now,
        )
    )
    await session.flush()


async def kept_settings(
    session: AsyncSession, slug: str, kind: str, secrets: SecretBox
) -> dict[str, Any]:
    """Return the settings whose secrets `set` stands for: the draft's, else what is live."""
    for state in (DRAFT, LIVE):
        row = await _in_state(session, slug, state)
        fields = fields_of(row, secrets) if row else None
        if fields is not None and fields["kind"] == kind:
            settings: dict[str, Any] = fields["settings"]
            return settings
    return {}


def fields_of(row: ConnectorVersion, secrets: SecretBox) -> dict[str, Any]:
    """Return the fields of a version, settings decrypted.

    Raises:
        UserError: none of the keys fits.
    """
    try:
        settings = secrets.open(row.settings) if row.settings else {}
    except ValueError as error:
        raise UserError(f"version {row.number} of {row.slug}: {error}") from None
    return {**row.fields, "settings": settings}


def changed_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name the fields in which two versions differ, settings one by one; no values."""
    differ = [
        k for k in sorted(old.keys() | new.keys()) if k != "settings" and _differs(k, old, new)
    ]
    before, after = old.get("settings", {}), new.get("settings", {})
    keys = sorted(before.keys() | after.keys())
    return differ + [f"settings.{key}" for key in keys if _differs(key, before, after)]


def _differs(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return (key in old) != (key in new) or old.get(key) != new.get(key)


async def _in_state(session: AsyncSession, slug: str, state: str) -> ConnectorVersion | None:
    query = select(ConnectorVersion).where(
        ConnectorVersion.slug == slug, ConnectorVersion.state == state
    )
    return (await session.scalars(query)).first()


async def _retire(session: AsyncSession, slug: str) -> None:
    await session.execute(
        update(ConnectorVersion)
        .where(ConnectorVersion.slug == slug, ConnectorVersion.state == LIVE)
        .values(state=PAST)
    )


async def _next_number(session: AsyncSession, slug: str) -> int:
    query = select(func.max(ConnectorVersion.number)).where(ConnectorVersion.slug == slug)
    return (await session.scalar(query) or 0) + 1


async def _add(
    session: AsyncSession,
    slug: str,
    state: str,
    fields: Mapping[str, Any],
    secrets: SecretBox,
    author: str,
    note: str | None,
    now: datetime,
) -> ConnectorVersion:
    plain = {key: value for key, value in fields.items() if key != "settings"}
    row = ConnectorVersion(
        slug=slug,
        number=await _next_number(session, slug),
        state=state,
        fields=plain,
        settings=secrets.seal(dict(fields["settings"])),
        author=author,
        note=note,
        created_at=now,
        published_at=None,
    )
    session.add(row)
    await session.flush()
    return row
