"""What TaskRouter's events mean: one event of a task or reservation to one `CallEvent`.

The task is the call: its sid stays over queues, reservations and transfers. A reservation is one
worker's part of it.

- A transfer is told by reservations: the next worker's is created, the first worker's goes into
  wrap-up, which takes the call off that screen (`transferred` without a target). The
  `task.transfer-…` events name nobody and add nothing.
- A reservation that comes to nothing is `missed` for that worker alone: TaskRouter goes on to the
  next one, or cancels the task.
- The call is over when the task goes into wrap-up; `task.completed` may come much later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.base import NotUnderstood
from app.telephony.body import json_value, required_text, text, text_values
from app.telephony.parties import sip_user
from app.telephony.provider_json import epoch_ms, event_key
from app.telephony.times import epoch_time, iso_time

_KINDS = {
    "task.created": EventKind.INCOMING,
    "task-queue.entered": EventKind.QUEUED,
    "task-queue.moved": EventKind.QUEUED,
    "reservation.created": EventKind.RINGING,
    "reservation.accepted": EventKind.ANSWERED,
    "reservation.rejected": EventKind.MISSED,
    "reservation.timeout": EventKind.MISSED,
    "reservation.canceled": EventKind.MISSED,
    "reservation.rescinded": EventKind.MISSED,
    "reservation.failed": EventKind.MISSED,
    "reservation.wrapup": EventKind.TRANSFERRED,
    "reservation.completed": EventKind.TRANSFERRED,
    "task.wrapup": EventKind.ENDED,
    "task.completed": EventKind.ENDED,
    "task.canceled": EventKind.ENDED,
    "task.deleted": EventKind.ENDED,
    "task.system-deleted": EventKind.ENDED,
}
_REASONS = {
    "reservation.rejected": "declined",
    "reservation.timeout": "no_answer",
    "reservation.canceled": "cancelled",
    "reservation.failed": "failed",
    "task.wrapup": "completed",
    "task.completed": "completed",
    "task.canceled": "cancelled",
    "task.deleted": "cancelled",
    "task.system-deleted": "cancelled",
}
_DIRECTIONS: dict[str, Direction] = {
    "inbound": "inbound",
    "outbound": "outbound",
    "outbound-api": "outbound",
}
# Twilio's own parameters of the call, which say nothing that the pop does not have already.
_PLUMBING = frozenset(("account_sid", "api_version", "call_status", "conference", "direction"))
_PLACES = ("from_", "to_", "caller_", "called_")
_VOICE = (None, "", "voice", "default")


@lru_cache(maxsize=512)
def plain_name(name: str) -> str:
    """Spell `TaskSid` (callbacks) and `task_sid` (streams) alike."""
    return name.replace("_", "").lower()


def read_event(
    name: str, fields: Mapping[str, Any], *, slug: str, received_at: datetime
) -> CallEvent | None:
    """Read one event whose field names are `plain_name`s; None for one of no interest.

    Raises:
        NotUnderstood: a value is missing or cannot be kept.
    """
    kind = _KINDS.get(name)
    if kind is None:
        return None
    task = required_text(fields, "tasksid", "", "it says which task, and so which call, this is")
    attributes = _object(fields.get("taskattributes"))
    channel = fields.get("taskchanneluniquename")
    if channel not in _VOICE and "call_sid" not in attributes:
        return None
    outbound = _DIRECTIONS.get(str(attributes.get("direction"))) == "outbound"
    caller = text(attributes, "from", "/TaskAttributes")
    called = text(attributes, "to", "/TaskAttributes")
    extensions = _worker(fields) if name.startswith("reservation.") else ()
    if kind in (EventKind.MISSED, EventKind.TRANSFERRED) and not extensions:
        return None  # Nobody is named: it must not be taken for everybody's.
    own_id = text(fields, "sid")
    resource, stamp = text(fields, "resourcesid"), fields.get("timestamp")
    return CallEvent(
        kind=kind,
        call_id=f"{slug}:{task}",
        phone_system=slug,
        received_at=received_at,
        event_key=event_key(
            "taskrouter", *((own_id,) if own_id else (name, resource, task, stamp))
        ),
        occurred_at=_time(fields),
        direction=_DIRECTIONS.get(str(attributes.get("direction"))),
        ani=caller,
        withheld=caller is None and "from" in attributes and not outbound,
        cnam=_caller_name(attributes),
        dnis=(text(attributes, "outbound_to", "/TaskAttributes") if outbound else None) or called,
        extensions=extensions,
        queue=text(fields, "taskqueuename"),
        collected=_collected(attributes),
        attached_data=_attached_data(attributes),
        ended_reason=_REASONS.get(name),
        call_goes_on=kind is EventKind.MISSED,
    )


def _worker(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the worker as an agent: e-mail, else client, SIP user or number, else the name."""
    attributes = _object(fields.get("workerattributes"))
    email = text(attributes, "email", "/WorkerAttributes")
    contact = text(attributes, "contact_uri", "/WorkerAttributes") or ""
    scheme, _, client = contact.partition(":")
    if scheme == "client":
        contact = unquote(client)
    named = email or sip_user(contact) or contact or text(fields, "workername")
    return (
        (text({"contact_uri": named}, "contact_uri", "/WorkerAttributes") or "",) if named else ()
    )


def _object(value: object) -> Mapping[str, Any]:
    """Return attributes, which callbacks send as JSON text; what cannot be read says nothing."""
    if isinstance(value, str):
        try:
            value = json_value(value.encode("utf-8", "surrogatepass"))
        except NotUnderstood:
            return {}
    return value if isinstance(value, dict) else {}


def _time(fields: Mapping[str, Any]) -> datetime | None:
    """Read the time: seconds or milliseconds since 1970, or ISO 8601."""
    for name in ("timestampms", "timestamp"):
        value = fields.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
            value = int(value)
        if isinstance(value, int):
            return epoch_ms(value) if value > 1e11 else epoch_time(value)
        if (moment := iso_time(value)) is not None:
            return moment
    return None


def _caller_name(attributes: Mapping[str, Any]) -> str | None:
    """Return the name, which in Flex often is just the number again."""
    name = text(attributes, "name", "/TaskAttributes")
    return name if name and any(letter.isalpha() for letter in name) else None


def _collected(attributes: Mapping[str, Any]) -> dict[str, str]:
    typed = {name: attributes[name] for name in ("digits", "Digits") if attributes.get(name)}
    return text_values({"collected": typed}, "collected", "")


def _attached_data(attributes: Mapping[str, Any]) -> dict[str, str]:
    extra = {
        name: value
        for name, value in attributes.items()
        if value not in (None, "") and name not in _PLUMBING and not name.startswith(_PLACES)
    }
    return text_values({"TaskAttributes": extra}, "TaskAttributes", "")
