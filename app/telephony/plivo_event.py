"""What Plivo's callbacks mean: one callback to one `CallEvent`.

Formats: plivo.com/docs/voice (XML request; Dial; parameters of ring, answer and hangup URLs).

- An inbound call is the customer's. It is `incoming` until its hangup URL ends it: "in-progress" is
  the application's own pick-up.
- `<Dial callbackUrl>` tells of the agent's leg (B leg): answered, connected, hung up. There is no
  callback when it begins to ring.
- An outbound call that the application makes is an agent's leg: it rings (`ring_url`), is answered
  (`answer_url`), and hangs up. The customer's call it belongs to is not in Plivo's fields, so the
  application names it in the address: `?call_uuid=…`. Without it the leg is a call of its own.
- An agent's leg that is over: the agent has left, or never took the call.
- Nothing tells when a callback happened: order is that of receipt. Numbers come without `+`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.call import Attestation, AttestationLevel, CallEvent, Direction, EventKind
from app.telephony.base import NotUnderstood
from app.telephony.body import text, text_values
from app.telephony.parties import is_telephone_number, party, sip_user, with_plus
from app.telephony.provider_json import event_key

_NOT_ANSWERED = {
    "busy": "busy",
    "failed": "failed",
    "timeout": "no_answer",
    "no-answer": "no_answer",
    "cancel": "cancelled",
    "canceled": "cancelled",
}
_INBOUND_KINDS = {
    "ringing": EventKind.INCOMING,
    "in-progress": EventKind.INCOMING,
    "completed": EventKind.ENDED,
    **dict.fromkeys(_NOT_ANSWERED, EventKind.MISSED),
}
_AGENT_KINDS = {
    "ringing": EventKind.RINGING,
    "in-progress": EventKind.ANSWERED,
    "completed": EventKind.TRANSFERRED,
    **dict.fromkeys(_NOT_ANSWERED, EventKind.MISSED),
}
# The standard telephony causes, as Plivo writes them.
_CAUSES = {
    "NORMAL_CLEARING": "completed",
    "USER_BUSY": "busy",
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ORIGINATOR_CANCEL": "cancelled",
    "LOSE_RACE": "cancelled",
    "CALL_REJECTED": "declined",
}
_LEVELS: dict[str, AttestationLevel] = {"A": "A", "B": "B", "C": "C"}


def is_dial_callback(fields: Mapping[str, str]) -> bool:
    """Is it one of `<Dial callbackUrl>`, about an agent's leg?"""
    return bool(fields.get("DialAction"))


def read_event(
    fields: Mapping[str, str], call_uuid: str | None, *, slug: str, received_at: datetime
) -> CallEvent | None:
    """Read one callback; None when it tells nothing about who has the call.

    `call_uuid`: the customer's call that the address names for an agent's leg.

    Raises:
        NotUnderstood: these are not Plivo's parameters, or a value cannot be kept.
    """
    leg = text(fields, "CallUUID")
    if leg is None:
        raise NotUnderstood("is missing: this is not a callback of a Plivo call", "/CallUUID")
    said: dict[str, Any]
    if is_dial_callback(fields):
        said = _dialled(fields)
    elif fields.get("Direction") == "outbound":
        said = _called(fields, call_uuid)
    else:
        said = _received(fields)
    if not said:
        return None
    caller, kind = said["ani"], said["kind"]
    return CallEvent(
        call_id=f"{slug}:{text(fields, 'DialALegUUID') or call_uuid or leg}",
        phone_system=slug,
        received_at=received_at,
        event_key=_key(leg, fields),
        withheld=caller is None and kind in (EventKind.INCOMING, EventKind.RINGING),
        cnam=text(fields, "CallerName"),
        attestation=_attestation(fields),
        attached_data=_attached_data(fields),
        **said,
    )


def _received(fields: Mapping[str, str]) -> dict[str, Any]:
    """Read a callback of the customer's own call."""
    status = fields.get("CallStatus", "")
    kind = _INBOUND_KINDS.get(status)
    if kind is None:
        return {}
    reason = "completed" if status == "completed" else _NOT_ANSWERED.get(status)
    return {
        "kind": kind,
        "direction": "inbound" if fields.get("Direction") == "inbound" else None,
        "ani": with_plus(party(fields, "From")),
        "dnis": with_plus(party(fields, "To")),
        "collected": _collected(fields, "Digits"),
        "ended_reason": reason,
    }


def _called(fields: Mapping[str, str], call_uuid: str | None) -> dict[str, Any]:
    """Read a callback of a call that the application makes to an agent."""
    status = fields.get("CallStatus", "")
    kind = _AGENT_KINDS.get(status)
    called = with_plus(party(fields, "To"))
    if kind is None or called is None:
        return {}
    if kind is EventKind.TRANSFERRED and call_uuid is None:
        kind = EventKind.ENDED
    return {
        "kind": kind,
        "direction": _towards(called),
        "ani": with_plus(party(fields, "From")),
        "extensions": (_agent(called, "/To"),) if kind is not EventKind.ENDED else (),
        "ended_reason": "completed" if kind is EventKind.ENDED else _NOT_ANSWERED.get(status),
        "call_goes_on": kind is EventKind.MISSED and call_uuid is not None,
    }


def _dialled(fields: Mapping[str, str]) -> dict[str, Any]:
    """Read a callback of `<Dial>`."""
    action = fields["DialAction"]
    called = with_plus(party(fields, "DialBLegTo"))
    caller = with_plus(party(fields, "From") or party(fields, "DialBLegFrom"))
    if action == "digits":
        if fields.get("DialDigitsPressedBy", "").lower() != "aleg":
            return {}
        typed = _collected(fields, "DialDigitsMatch")
        return {"kind": EventKind.INCOMING, "ani": caller, "collected": typed}
    if called is None or action not in ("answer", "connected", "hangup"):
        return {}
    said = {
        "direction": _towards(called),
        "ani": caller,
        "extensions": (_agent(called, "/DialBLegTo"),),
    }
    if action != "hangup":
        return {**said, "kind": EventKind.ANSWERED}
    cause = fields.get("DialBLegHangupCause", "")
    if _talked(fields, cause):
        return {**said, "kind": EventKind.TRANSFERRED}
    reason = _CAUSES.get(cause) if cause != "NORMAL_CLEARING" else None
    return {**said, "kind": EventKind.MISSED, "ended_reason": reason, "call_goes_on": True}


def _talked(fields: Mapping[str, str], cause: str) -> bool:
    """Whether a leg that is over had been answered: by its duration, else by its cause."""
    duration = fields.get("DialBLegDuration", "")
    if duration.isascii() and duration.isdigit():
        return int(duration[:9]) > 0
    return cause == "NORMAL_CLEARING"


def _agent(called: str, at: str) -> str:
    return sip_user(called, at) or called


def _towards(called: str) -> Direction | None:
    """A SIP user is an agent; who is called on a telephone may be a customer."""
    return None if is_telephone_number(called) else "inbound"


def _collected(fields: Mapping[str, str], name: str) -> dict[str, str]:
    typed = {name: fields[name]} if fields.get(name) else {}
    return text_values({"collected": typed}, "collected", "")


def _attestation(fields: Mapping[str, str]) -> Attestation | None:
    """Read `STIRVerification`: "Verified" is level A; "Not Verified" is B or C, not said which."""
    said = (fields.get("STIRVerification") or fields.get("stir_verification") or "").lower()
    level = _LEVELS.get(fields.get("STIRAttestation", "").upper())
    if said == "verified":
        return Attestation(level=level or "A", verdict="passed")
    if said in ("not verified", "not applicable"):
        return Attestation(level=level, verdict="none")
    return Attestation(level=level) if level else None


def _attached_data(fields: Mapping[str, str]) -> dict[str, str]:
    """Keep who forwarded the call, the words on its number, and the SIP headers."""
    extra = {
        name.removeprefix("X-PH-"): value
        for name, value in fields.items()
        if value and (name in ("ForwardedFrom", "STIRVerification") or name.startswith("X-PH-"))
    }
    return text_values({"attached_data": extra}, "attached_data", "")


def _key(leg: str, fields: Mapping[str, str]) -> str:
    """Recognise a repeat: a leg passes through each state once; digits may come several times."""
    names = ("CallStatus", "Event", "DialAction", "DialBLegUUID", "DialBLegTo")
    typed = ("Digits", "DialDigitsMatch")
    return event_key("plivo", leg, *(fields.get(name) for name in (*names, *typed)))
