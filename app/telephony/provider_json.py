"""What the JSON of several providers has in common: nested parts, ids as text or number, times.

Only what a call cannot do without is refused; an optional part of another shape says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.telephony.base import NotUnderstood
from app.telephony.body import json_type, json_value, text
from app.telephony.times import epoch_time


def json_object(body: bytes) -> dict[str, Any]:
    """Read a body that must be one JSON object, whatever its content-type says.

    Raises:
        NotUnderstood: not JSON, or not an object.
    """
    value = json_value(body)
    if not isinstance(value, dict):
        raise NotUnderstood(f"must be one object, not {json_type(value)}")
    return value


def part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a nested object, empty when it is absent or something else."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def word(data: Mapping[str, Any], key: str, at: str = "") -> str | None:
    """Return an id, a number or a name, which some providers send as text and some as a number.

    Raises:
        NotUnderstood: neither text nor a whole number, too long, or with a NUL in it.
    """
    value = data.get(key)
    return str(value) if type(value) is int else text(data, key, at)


def required_word(data: Mapping[str, Any], key: str, at: str, why: str) -> str:
    """Return such a value that must be there; `why` says what it is for.

    Raises:
        NotUnderstood: missing, blank, or not a value that can be kept.
    """
    value = word(data, key, at)
    if value is None or value.isspace():
        raise NotUnderstood(f"is missing: {why}", f"{at}/{key}")
    return value


def words(*values: str | None) -> tuple[str, ...]:
    """Return the values that are given, each once."""
    return tuple(dict.fromkeys(value for value in values if value))


def epoch_ms(value: object) -> datetime | None:
    """Read milliseconds since 1970; None for anything else, and for 0, which is "not yet"."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    return epoch_time(value / 1000)


def event_key(kind: str, *parts: object) -> str:
    """Recognise a repeat by the parts that tell this provider's events apart."""
    whole = "\0".join(["" if value is None else str(value) for value in parts])
    return f"{kind}:{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
