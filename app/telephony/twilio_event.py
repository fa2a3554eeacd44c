"""What Twilio's call parameters mean: one callback to one `CallEvent`.

Formats: twilio.com/docs/voice (request parameters, status callbacks, `<Dial>`).

A call is Twilio's *parent* call, the customer's leg; its `CallSid` is our call id. Each agent that
is rung is a *child* leg (`ParentCallSid`, `Direction=outbound-dial`). How states map, and why:

- A parent that rings, queues or is in progress is `incoming`: "in progress" is Twilio's own
  pick-up (IVR, queue), not an agent's. The parent's `completed` ends the call; on a call that no
  agent answered the core makes that `missed`.
- A child that rings is `ringing` for its agent, in progress `answered`. A child that was not
  answered is `missed` for that agent alone: the next `<Dial>` may ring somebody else.
- A child's `completed` says that this agent has left. The customer may well go on (to the next
  `<Dial>`, a queue, a survey), so it must not end the call: it is `transferred` without a target.
  Only the parent ends the call, so the number's own status callback must point here too.
- A call that an agent's own client starts (`From=client:…`) is outbound, and that agent's.
- `SequenceNumber` counts within one leg, so it cannot order a call of several: it only tells
  repeats apart. Order comes from `Timestamp`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from app.core.call import Attestation, AttestationLevel, CallEvent, Direction, EventKind, Verdict
from app.telephony.base import NotUnderstood
from app.telephony.body import checked_text, text, text_values

_NOT_ANSWERED = ("busy", "no-answer", "failed", "canceled")
_CHILD_KINDS = {
    "initiated": EventKind.INCOMING,
    "queued": EventKind.INCOMING,
    "ringing": EventKind.RINGING,
    "in-progress": EventKind.ANSWERED,
    "completed": EventKind.TRANSFERRED,
    **dict.fromkeys(_NOT_ANSWERED, EventKind.MISSED),
}
_PARENT_KINDS = {
    **dict.fromkeys(("initiated", "queued", "ringing", "in-progress"), EventKind.INCOMING),
    "completed": EventKind.ENDED,
    **dict.fromkeys(_NOT_ANSWERED, EventKind.MISSED),
}
_REASONS = {
    "completed": "completed",
    "busy": "busy",
    "no-answer": "no_answer",
    "failed": "failed",
    "canceled": "cancelled",
}
_LEVEL = re.compile(r"-(A|B|C)\b")
_LEVELS: dict[str, AttestationLevel] = {"A": "A", "B": "B", "C": "C"}
_VERDICTS: tuple[tuple[str, Verdict], ...] = (
    ("TN-Validation-Passed", "passed"),
    ("TN-Validation-Failed", "failed"),
    ("No-TN-Validation", "none"),
)
# Callbacks about something else than a call's status are Twilio's all the same.
_SIGNS_OF_TWILIO = ("AccountSid", "specversion")


def read_event(fields: Mapping[str, str], *, slug: str, received_at: datetime) -> CallEvent | None:
    """Read one callback; None when Twilio tells something that is no event of a call.

    Raises:
        NotUnderstood: these are not Twilio's parameters, or a value cannot be kept.
    """
    leg = text(fields, "CallSid")
    status = text(fields, "CallStatus")
    if leg is None or status is None:
        if any(fields.get(name) for name in _SIGNS_OF_TWILIO):
            return None
        missing = "CallStatus" if leg else "CallSid"
        raise NotUnderstood("is missing: this is not a callback of a Twilio call", f"/{missing}")
    parent = text(fields, "ParentCallSid")
    caller = _address(fields, "From")
    called = _address(fields, "To")
    direction = _direction(fields.get("Direction"), caller, called)
    kind = _kind(status, parent, direction)
    if kind is None:
        return None
    over = kind in (EventKind.ENDED, EventKind.MISSED)
    return CallEvent(
        kind=kind,
        call_id=f"{slug}:{parent or leg}",
        phone_system=slug,
        received_at=received_at,
        event_key=_key(leg, status, fields),
        occurred_at=_time(fields.get("Timestamp")),
        direction=direction,
        ani=caller,
        withheld=caller is None and kind in (EventKind.INCOMING, EventKind.RINGING),
        cnam=text(fields, "CallerName"),
        # An inbound child's To is the agent, not the number that the customer dialled.
        dnis=called if parent is None or direction == "outbound" else None,
        extensions=_extensions(kind, parent, direction, caller, called),
        attestation=_attestation(fields.get("StirVerstat")),
        collected=_collected(fields),
        attached_data=_attached_data(fields),
        ended_reason=_REASONS.get(status) if over else None,
        call_goes_on=parent is not None and kind is EventKind.MISSED,
    )


def _address(fields: Mapping[str, str], name: str) -> str | None:
    """Return `From` or `To`; what a SIP or client address passes along after `?` is left out."""
    value = fields.get(name, "")
    if value.startswith(("client:", "sip:", "sips:")):
        value = value.partition("?")[0]
    return text({name: value}, name)


def _direction(direction: str | None, caller: str | None, called: str | None) -> Direction | None:
    """Return the direction as the customer sees it."""
    if caller is not None and caller.startswith("client:"):
        internal = called is not None and called.startswith("client:")
        return "internal" if internal else "outbound"
    if direction == "outbound-api":
        return "outbound"
    return "inbound" if direction in ("inbound", "outbound-dial") else None


def _kind(status: str, parent: str | None, direction: Direction | None) -> EventKind | None:
    if parent is not None:
        return _CHILD_KINDS.get(status)
    if status == "in-progress" and direction == "outbound":
        return EventKind.ANSWERED
    return _PARENT_KINDS.get(status)


def _extensions(
    kind: EventKind,
    parent: str | None,
    direction: Direction | None,
    caller: str | None,
    called: str | None,
) -> tuple[str, ...]:
    """Return the agent whose leg this is: the one dialled, or the one who dials out."""
    if parent is None or kind is EventKind.INCOMING:
        return ()
    dials_out = direction == "outbound" and caller is not None and caller.startswith("client:")
    agent = (caller if dials_out else called) or ""
    scheme, colon, address = agent.partition(":")
    if colon and scheme in ("client", "sip", "sips"):
        user = address if scheme == "client" else re.split("[@;]", address, maxsplit=1)[0]
        agent = checked_text(unquote(user), "/To")
    return (agent,) if agent else ()


def _attestation(verstat: str | None) -> Attestation | None:
    """Read `TN-Validation-Passed-A` and its kin; a word that we do not know says nothing."""
    for word, verdict in _VERDICTS:
        if verstat is not None and verstat.startswith(word):
            level = _LEVEL.search(verstat)
            return Attestation(level=_LEVELS[level[1]] if level else None, verdict=verdict)
    return None


def _collected(fields: Mapping[str, str]) -> dict[str, str]:
    said = {name: fields[name] for name in ("Digits", "SpeechResult") if fields.get(name)}
    return text_values({"collected": said}, "collected", "")


def _attached_data(fields: Mapping[str, str]) -> dict[str, str]:
    """Keep who forwarded the call and the SIP headers, under their own names."""
    extra = {
        name.removeprefix("SipHeader_"): value
        for name, value in fields.items()
        if value and (name == "ForwardedFrom" or name.startswith("SipHeader_"))
    }
    return text_values({"attached_data": extra}, "attached_data", "")


def _time(value: str | None) -> datetime | None:
    """Read an RFC 2822 time; None for another format, which then counts as its receipt."""
    try:
        moment = parsedate_to_datetime(value or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _key(leg: str, status: str, fields: Mapping[str, str]) -> str:
    """Recognise a repeat. Digits tell apart two answers of one caller to an IVR."""
    numbering = (fields.get(name, "") for name in ("CallbackSource", "SequenceNumber", "Digits"))
    whole = "\0".join((leg, status, *numbering))
    return f"twilio:{hashlib.sha256(whole.encode()).hexdigest()[:32]}"
