"""The generic event (contract section 3): one JSON object, checked strictly, to a `CallEvent`.

Hand-written because it runs once for every event of every call: a few microseconds each.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args

from app.core.call import (
    Attestation,
    AttestationLevel,
    CallEvent,
    Direction,
    EventKind,
    TransferKind,
    Verdict,
)
from app.telephony.base import NotUnderstood
from app.telephony.body import (
    checked_text,
    json_type,
    required_text,
    text,
    text_values,
    timestamp,
)

MAX_EXTENSIONS = 1000

T = TypeVar("T")

_KINDS = {kind.value: kind for kind in EventKind}
_DIRECTIONS: dict[str, Direction] = {d: d for d in get_args(Direction)}
_LEVELS: dict[str, AttestationLevel] = {level: level for level in get_args(AttestationLevel)}
_VERDICTS: dict[str, Verdict] = {verdict: verdict for verdict in get_args(Verdict)}
_TRANSFERS: dict[str, TransferKind] = {kind: kind for kind in get_args(TransferKind)}
# On these a null `ani` says that the caller is withheld; later events just do not repeat it.
_OPENING = (EventKind.INCOMING, EventKind.QUEUED, EventKind.RINGING)


def read_event(
    data: object,
    at: str,
    *,
    slug: str,
    received_at: datetime,
    message_key: str | None = None,
    envelope_id: str | None = None,
    envelope_time: datetime | None = None,
) -> CallEvent:
    """Read one event found at JSON pointer `at`; fields we do not know are ignored.

    `message_key` is what recognises a repeat of the message, if it has such a thing; the rest is
    what the envelope says where the event itself does not.

    Raises:
        NotUnderstood: with the JSON pointer of the field, what is wrong and what to send.
    """
    if not isinstance(data, dict):
        raise NotUnderstood(f"must be an object that is one event, not {json_type(data)}", at)
    kind = _choice(data, "event", at, _KINDS)
    if kind is None:
        raise NotUnderstood(f"is missing: send one of {', '.join(_KINDS)}", f"{at}/event")
    call_id = required_text(data, "call_id", at, "send the phone system's own id of the call")
    event_id = text(data, "event_id", at) or envelope_id
    occurred = text(data, "occurred_at", at)
    ani = text(data, "ani", at)
    parent = text(data, "parent_call_id", at)
    transfer = _object(data, "transfer", at)
    ended = _object(data, "ended", at)
    return CallEvent(
        kind=kind,
        call_id=f"{slug}:{call_id}",
        phone_system=slug,
        received_at=received_at,
        # Two namespaces: a sender's webhook-id is never taken for another's event_id.
        event_key=message_key or (f"event:{event_id}" if event_id else None),
        event_id=event_id,
        occurred_at=timestamp(occurred, f"{at}/occurred_at") if occurred else envelope_time,
        direction=_choice(data, "direction", at, _DIRECTIONS),
        ani=ani,
        withheld=ani is None and "ani" in data and kind in _OPENING,
        cnam=text(data, "cnam", at),
        dnis=text(data, "dnis", at),
        extensions=_extensions(data.get("extension"), f"{at}/extension"),
        queue=text(data, "queue", at),
        attestation=_attestation(data.get("attestation"), f"{at}/attestation"),
        collected=text_values(data, "collected", at),
        attached_data=text_values(data, "attached_data", at),
        parent_call_id=f"{slug}:{parent}" if parent else None,
        **(_transfer(transfer, f"{at}/transfer") if transfer else {}),
        ended_reason=text(ended, "reason", f"{at}/ended") if ended else None,
    )


def _transfer(transfer: Mapping[str, Any], at: str) -> dict[str, Any]:
    return {
        "transfer_to": text(transfer, "to_extension", at),
        "transfer_kind": _choice(transfer, "kind", at, _TRANSFERS),
    }


def _choice(data: Mapping[str, Any], key: str, at: str, choices: Mapping[str, T]) -> T | None:
    value = data.get(key)
    if type(value) is str and value in choices:
        return choices[value]
    word = text(data, key, at)
    if word is None:
        return None
    shown = word if len(word) <= 40 else word[:39] + "…"
    raise NotUnderstood(f'"{shown}" is not one of {", ".join(choices)}', f"{at}/{key}")


def _object(data: Mapping[str, Any], key: str, at: str) -> Mapping[str, Any]:
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NotUnderstood(f"must be an object, not {json_type(value)}", f"{at}/{key}")
    return value


def _extensions(value: object, at: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        return () if value is None or value == "" else (checked_text(value, at),)
    if len(value) > MAX_EXTENSIONS:
        raise NotUnderstood(f"names {len(value)} extensions, the limit is {MAX_EXTENSIONS}", at)
    checked = [checked_text(item, f"{at}/{index}") for index, item in enumerate(value)]
    return tuple(dict.fromkeys(filter(None, checked)))


def _attestation(value: object, at: str) -> Attestation | None:
    if value is None or value == "":
        return None
    if isinstance(value, dict):
        return Attestation(
            level=_choice(value, "level", at, _LEVELS),
            verdict=_choice(value, "verdict", at, _VERDICTS),
        )
    level = _LEVELS.get(value) if isinstance(value, str) else None
    if level is None:
        raise NotUnderstood('must be "A", "B" or "C", or {"level": "A", "verdict": "passed"}', at)
    return Attestation(level=level)
