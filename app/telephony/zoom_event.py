"""What Zoom Phone's events mean: one notification to `CallEvent`s.

How events map, and why:

- `callee_*` of a user is that agent's; of a call queue, an auto receptionist or the like it is the
  call's: it waits there, nobody has answered yet.
- A queue sends `callee_missed` for every agent who did not take the call, so there it is only one
  agent's; otherwise the agent who missed it was the only one.
- `callee_ended` says that this agent has left. It is the only end that Zoom sends for a call from
  outside, so the call ends with it unless somebody else has it (a transfer, another ring).
- `caller_*` is the agent who dials out; on an internal call the callee's events tell it all.
- `blind_transfer_initiated` takes the call from its owner. Whom it rings next tells the next
  `callee_ringing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.base import NotUnderstood
from app.telephony.body import required_text, text, text_values
from app.telephony.provider_json import epoch_ms, event_key, part, required_word, word, words

_CALLEE = {
    "ringing": EventKind.RINGING,
    "answered": EventKind.ANSWERED,
    "hold": EventKind.HELD,
    "unhold": EventKind.RESUMED,
    "parked": EventKind.HELD,
    "missed": EventKind.MISSED,
    "rejected": EventKind.MISSED,
    "ended": EventKind.MISSED,
}
_CALLER = {
    "ringing": EventKind.RINGING,
    "connected": EventKind.ANSWERED,
    "hold": EventKind.HELD,
    "unhold": EventKind.RESUMED,
    "ended": EventKind.MISSED,
}
_TRANSFERS = ("blind_transfer_initiated", "transfer_call_to_voicemail_initiated")
_QUEUES = ("callQueue", "sharedLineGroup")
# Other destinations that are no agent's phone.
_NOBODY = ("autoReceptionist", "contactCenter", "pstn", "five9", "twilio")
_INTERNAL = ("user", "commonArea", "commonAreaPhone", "zoomRoom", "ciscoRoom/PolycomRoom")
# Results in our words; one that we do not know is kept as it came.
_REASONS = {
    "call connected": "completed",
    "call cancel": "cancelled",
    "call cancelled": "cancelled",
    "abandoned": "cancelled",
    "call failed": "failed",
    "missed": "no_answer",
    "call missed": "no_answer",
    "no answer": "no_answer",
    "ring timeout": "no_answer",
    "rejected": "declined",
    "busy": "busy",
    "voicemail": "voicemail",
}


def read_event(notice: Mapping[str, Any], *, slug: str, received_at: datetime) -> list[CallEvent]:
    """Read one notification; empty when it is about something else than a call's progress.

    Raises:
        NotUnderstood: not Zoom's envelope, or a value cannot be kept.
    """
    name = required_text(notice, "event", "", "Zoom's name of the event")
    side, _, what = name.removeprefix("phone.").partition("_")
    kind = {"callee": _CALLEE, "caller": _CALLER}.get(side, {}).get(what)
    moved = name.removeprefix("phone.") in _TRANSFERS
    if not name.startswith("phone.") or (kind is None and not moved):
        return []
    call = part(part(notice, "payload"), "object")
    at = "/payload/object"
    call_id = required_word(call, "call_id", at, "Zoom's id of the call")
    own = part(call, "owner" if moved else side)
    key = event_key(
        "zoom",
        name,
        call_id,
        *(word(own, id_, f"{at}/{side}") for id_ in ("extension_number", "user_id", "device_id")),
        word(notice, "event_ts"),
    )
    common: dict[str, Any] = {
        "call_id": f"{slug}:{call_id}",
        "phone_system": slug,
        "received_at": received_at,
        "event_key": key,
        "occurred_at": epoch_ms(notice.get("event_ts")),
    }
    if kind is None:
        # A transfer that failed leaves the call where it is.
        if call.get("failure_reason"):
            return []
        blind = name.endswith("blind_transfer_initiated")
        return [
            CallEvent(
                kind=EventKind.TRANSFERRED,
                extensions=_agent(own, f"{at}/owner"),
                transfer_kind="blind" if blind else None,
                **common,
            )
        ]
    return _progress(kind, side, what, call, at, common)


def _progress(
    kind: EventKind,
    side: str,
    what: str,
    call: Mapping[str, Any],
    at: str,
    common: Mapping[str, Any],
) -> list[CallEvent]:
    callee, caller = part(call, "callee"), part(call, "caller")
    direction = _direction(side, caller, callee)
    if side == "caller" and direction == "internal":
        return []
    type_ = callee.get("extension_type")
    own = callee if side == "callee" else caller
    agent = _agent(own, f"{at}/{side}")
    queue = _queue(call, callee, at)
    nobody = side == "callee" and type_ in (*_QUEUES, *_NOBODY)
    if nobody:
        agent = ()
        if kind in (EventKind.RINGING, EventKind.ANSWERED, EventKind.HELD, EventKind.RESUMED):
            kind = EventKind.QUEUED if type_ in _QUEUES else EventKind.INCOMING
        elif what == "ended":
            # The queue has let go of it: to an agent, or the caller gave up.
            return []
    elif not agent:
        raise NotUnderstood("names no extension_number, user_id or extension_id", f"{at}/{side}")
    over = kind is EventKind.MISSED
    ani = word(caller, "phone_number", f"{at}/caller") or word(
        caller, "extension_number", f"{at}/caller"
    )
    return [
        CallEvent(
            kind=kind,
            direction=direction,
            ani=ani,
            withheld=ani is None and direction == "inbound" and not over,
            cnam=text(caller, "name", f"{at}/caller"),
            dnis=word(callee, "phone_number", f"{at}/callee"),
            extensions=agent,
            queue=queue,
            attached_data=_forwarded_by(call),
            ended_reason=_reason(call, what, at) if over else None,
            call_goes_on=over and what != "ended" and not nobody and queue is not None,
            **common,
        )
    ]


def _agent(who: Mapping[str, Any], at: str) -> tuple[str, ...]:
    """Return the names that an agent may be configured by: extension number, user id."""
    known = words(word(who, "extension_number", at), word(who, "user_id", at), word(who, "id", at))
    return known or words(word(who, "extension_id", at))


def _direction(side: str, caller: Mapping[str, Any], callee: Mapping[str, Any]) -> Direction:
    if side == "callee":
        return "internal" if caller.get("extension_type") in _INTERNAL else "inbound"
    inside = (*_INTERNAL, *_QUEUES, "autoReceptionist", "contactCenter")
    return "internal" if callee.get("extension_type") in inside else "outbound"


def _queue(call: Mapping[str, Any], callee: Mapping[str, Any], at: str) -> str | None:
    """Return the queue that the call is in, or came from."""
    if callee.get("extension_type") in _QUEUES:
        return text(callee, "name", f"{at}/callee") or word(
            callee, "extension_number", f"{at}/callee"
        )
    for name in ("forwarded_by", "redirect_forwarded_by"):
        source = part(call, name)
        if source.get("extension_type") in _QUEUES:
            here = f"{at}/{name}"
            return text(source, "name", here) or word(source, "extension_number", here)
    return None


def _forwarded_by(call: Mapping[str, Any]) -> dict[str, str]:
    source = part(call, "forwarded_by") or part(call, "redirect_forwarded_by")
    who = source.get("name") or source.get("extension_number")
    return text_values({"data": {"forwarded_by": who} if who else {}}, "data", "")


def _reason(call: Mapping[str, Any], what: str, at: str) -> str | None:
    # The misspelling is Zoom's own.
    result = text(call, "handup_result", at) or text(call, "hangup_result", at)
    if result is not None:
        return _REASONS.get(result.lower(), result)
    if what == "rejected":
        return "declined"
    return "completed" if what == "ended" else "no_answer"
