"""What Dialpad's call events mean: one event to `CallEvent`s.

Dialpad makes a call of its own for each step: the entry point (a contact centre, a main line), and
one for every operator who is rung. `master_call_id` or `entry_point_call_id` names the call they
all belong to, which is ours. How states map, and why:

- Of a user, a state is that agent's; of a group it is the whole call's, which only waits there.
- `connected` is said at the pick-up and again after a hold, so it is `answered` and `resumed`.
- An operator who did not take a group's call is out alone: the group rings the next one, and its
  own `hangup` ends the call. Who talked (`date_connected`) and hangs up ends it too, unless
  somebody else has it, or it was transferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.body import required_text, text, text_values
from app.telephony.provider_json import epoch_ms, event_key, part, required_word, word, words

_USER = {
    "preanswer": EventKind.INCOMING,
    "calling": EventKind.RINGING,
    "ringing": EventKind.RINGING,
    "queued": EventKind.QUEUED,
    "connected": EventKind.ANSWERED,
    "hold": EventKind.HELD,
    "parked": EventKind.HELD,
    "missed": EventKind.MISSED,
    "voicemail": EventKind.MISSED,
    "hangup": EventKind.MISSED,
}
_GROUP = {
    "preanswer": EventKind.INCOMING,
    "calling": EventKind.INCOMING,
    "ringing": EventKind.INCOMING,
    "connected": EventKind.INCOMING,
    "queued": EventKind.QUEUED,
    "voicemail": EventKind.INCOMING,
    "missed": EventKind.ENDED,
    "hangup": EventKind.ENDED,
}
_DIRECTIONS: dict[str | None, Direction] = {"inbound": "inbound", "outbound": "outbound"}
_REASONS = {"missed": "no_answer", "voicemail": "voicemail"}


def read_event(event: Mapping[str, Any], *, slug: str, received_at: datetime) -> list[CallEvent]:
    """Read one event; empty when it is about something else than a call's progress.

    Raises:
        NotUnderstood: not a call event, or a value cannot be kept.
    """
    state = required_text(event, "state", "", "Dialpad's state of the call")
    target = part(event, "target")
    of_user = target.get("type") in ("user", "room")
    kind = (_USER if of_user else _GROUP).get(state)
    if kind is None:
        return []
    leg = required_word(event, "call_id", "", "Dialpad's id of the call")
    entry_point = word(event, "entry_point_call_id")
    call_id = word(event, "master_call_id") or entry_point or leg
    direction = _DIRECTIONS.get(text(event, "direction"))
    contact = part(event, "contact")
    customer = word(event, "external_number") or word(contact, "phone", "/contact")
    ours = word(event, "internal_number")
    outbound = direction == "outbound"
    over = kind in (EventKind.MISSED, EventKind.ENDED)
    read = CallEvent(
        kind=kind,
        call_id=f"{slug}:{call_id}",
        phone_system=slug,
        received_at=received_at,
        event_key=event_key("dialpad", leg, state, word(event, "event_timestamp")),
        occurred_at=epoch_ms(event.get("event_timestamp")),
        direction=direction,
        ani=ours if outbound else customer,
        withheld=customer is None and direction == "inbound" and not over,
        cnam=text(contact, "name", "/contact"),
        dnis=customer if outbound else ours,
        extensions=_agent(target) if of_user and kind is not EventKind.INCOMING else (),
        queue=_queue(event, target, of_user=of_user),
        attached_data=_attached_data(event),
        ended_reason=_reason(event, state) if over else None,
    )
    if kind is EventKind.ANSWERED:
        return [read, replace(read, kind=EventKind.RESUMED, event_key=f"{read.event_key}:resumed")]
    if kind is not EventKind.MISSED:
        return [read]
    if state == "hangup" and event.get("is_transferred") is True and _talked(event):
        return [replace(read, kind=EventKind.TRANSFERRED, ended_reason=None)]
    in_group = entry_point is not None and entry_point != leg
    # A voicemail is left after this, and its hangup follows.
    goes_on = state == "voicemail" or (in_group and not _talked(event))
    return [replace(read, call_goes_on=goes_on)]


def _agent(target: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that an agent may be configured by: Dialpad's id, e-mail address."""
    return words(word(target, "id", "/target"), text(target, "email", "/target"))


def _talked(event: Mapping[str, Any]) -> bool:
    return bool(event.get("date_connected"))


def _queue(event: Mapping[str, Any], target: Mapping[str, Any], *, of_user: bool) -> str | None:
    """Return the group that the call is in, or came through."""
    entry = part(event, "entry_point_target")
    if not of_user:
        return text(target, "name", "/target") or text(entry, "name", "/entry_point_target")
    if entry.get("type") in (None, "user", "room"):
        return None
    return text(entry, "name", "/entry_point_target")


def _reason(event: Mapping[str, Any], state: str) -> str:
    if state in _REASONS:
        return _REASONS[state]
    return "completed" if _talked(event) else "no_answer"


def _attached_data(event: Mapping[str, Any]) -> dict[str, str]:
    """Keep the labels, and the text that was given when the call was made."""
    labels = event.get("labels")
    names = (
        [label for label in labels if isinstance(label, str)] if isinstance(labels, list) else []
    )
    custom = event.get("custom_data") or None
    if isinstance(custom, dict):
        return text_values(event, "custom_data", "")
    data = {"labels": ", ".join(names) or None, "custom_data": custom}
    return text_values({"data": data}, "data", "")
