"""Two admins notice each other: a number for what was looked at, refused when it is another now."""

from __future__ import annotations

import zlib
from typing import Any

import orjson

from app.errors import AppError


def version_of(value: Any) -> int:
    """Return a number that changes when the value (anything that JSON can say) does."""
    return zlib.crc32(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)) % 1_000_000_000


def refuse_changed(version: int, if_match: str | None) -> None:
    """Refuse to overwrite what was changed since it was looked at.

    Raises:
        AppError: 409, somebody saved in between.
    """
    if if_match is not None and int(if_match.strip('"')) != version:
        detail = "somebody else changed it meanwhile; look at what they saved, then save again"
        raise AppError(409, "changed_meanwhile", detail)
