"""Taking secrets out of what a source said, before anybody sees it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "•••"
# Fields that hold what opens a door, whatever they are set to.
_SECRET_NAME = re.compile(
    r"(?i)(^|[_-])(pass(word|wd|phrase)?|secret|api[_-]?key|authori[sz]ation|(access|refresh|id)"
    r"[_-]?token|session[_-]?(id|token|key)|private[_-]?key|cookie)$"
)
# Shorter ones stand in every text by chance.
_SHORTEST = 4


def redacted(value: Any, secrets: Iterable[str]) -> Any:
    """Return a copy as JSON can say it, secrets hidden: known ones anywhere, others by name."""
    known = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
    # The longest first: one may be a part of another.
    return _copy(value, sorted(known, key=len, reverse=True))


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, and as it may stand in a URL: who wrote that chose the marks."""
    return {secret, quote_plus(secret), *(quote(secret, safe) for safe in ("", "/", "+", "/+"))}


def _copy(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {
            _text(str(key), secrets): HIDDEN
            if _SECRET_NAME.search(str(key)) and isinstance(each, str | int | float) and each != ""
            else _copy(each, secrets)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_copy(each, secrets) for each in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"({len(value)} bytes)"
    if isinstance(value, float) and value.is_integer():
        # A spreadsheet has no other numbers: 2000 is 2000.0 there.
        return str(int(value))
    if isinstance(value, Decimal | float):
        return str(value)
    return _text(str(value), secrets)


def _text(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text
