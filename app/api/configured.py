"""What phone systems and connectors have in common over HTTP: settings against their kind."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Header, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.problems import field_errors, pointer
from app.errors import AppError, FieldError
from app.kinds import settings_faults, settings_schema
from app.secret_fields import NothingKept, masked, with_kept
from app.store import versions

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The live version that was looked at, 0 for none: another one is refused.",
        pattern=r'^"?\d{1,9}"?$',
    ),
]


def known_kind(kind: str, known: Iterable[str]) -> AppError:
    """Return the error for a kind that there is not."""
    near = difflib.get_close_matches(kind, list(known), 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    detail = f"there is no kind {kind!r}{hint}"
    return AppError(422, "unknown_kind", detail, [{"pointer": "/kind", "detail": detail}])


def checked_settings(
    config: type[BaseModel], settings: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings to keep: secrets that are `set` filled from the stored ones, all valid.

    Raises:
        AppError: 422, with a pointer to each value that is wrong.
    """
    filled = filled_settings(config, settings, stored)
    faults = settings_faults(config, filled)
    if faults:
        raise _invalid(
            field_errors([{"loc": p, "type": t, "msg": m} for p, t, m in faults], "/settings")
        )
    return filled


def filled_settings(
    config: type[BaseModel], settings: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings with secrets that are `set` filled from the stored ones, valid or not.

    Raises:
        AppError: 422, nothing is stored for one of them.
    """
    try:
        # Where a secret stands is known by the stored settings too: the sent ones may be odd.
        return with_kept(settings_schema(config), settings, stored)
    except NothingKept as error:
        where = pointer(("settings", *error.path))
        raise _invalid([{"pointer": where, "detail": str(error)}]) from None


def shown_settings(
    config: type[BaseModel] | None, settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return settings without their secrets; None where their kind is gone and cannot say."""
    return None if config is None else masked(settings_schema(config), settings)


async def unchanged_since(session: AsyncSession, slug: str, if_match: str | None) -> None:
    """Refuse to overwrite what another admin has saved since it was looked at.

    Raises:
        AppError: 409, with who saved what and when.
    """
    if if_match is None:
        return
    seen = int(if_match.strip('"'))
    now = await versions.live_number(session, slug) or 0
    if seen == now:
        return
    row = await versions.version(session, slug, now) if now else None
    who = f"{row.author} saved version {now} on {row.created_at:%Y-%m-%d %H:%M}" if row else ""
    detail = f"it was changed meanwhile: {who or 'it was removed'}; look at it and save again"
    raise AppError(409, "changed_meanwhile", detail)


def hook_url(request: Request, public_url: str | None, slug: str) -> str:
    """Return the address to give to the phone system's provider."""
    base = public_url or str(request.base_url).rstrip("/")
    return f"{base}/hooks/{slug}"


def _invalid(errors: list[FieldError]) -> AppError:
    detail = "; ".join(f"{e['pointer']} {e['detail']}" for e in errors[:3])
    return AppError(422, "invalid", detail, errors)
