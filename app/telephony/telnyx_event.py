"""What Telnyx's events mean: Call Control (JSON) and TeXML (forms), one to one `CallEvent`.

Formats: developers.telnyx.com, API reference, Callbacks, and the models of Telnyx's SDK.

Call Control. A call is a *call session*; each party of it is a leg with events of its own. Only
`call.initiated` says which way a leg goes, so a leg is known by whom it calls: a SIP user, or one
of the numbers configured as agents', is an agent's leg; every other one is the customer's.

- There is no ringing event: an agent's leg that is initiated rings. Answered or bridged, the agent
  has the call; hung up, the agent has left (`transferred` without a target, as the customer may go
  on) or, never having answered, was `missed` for that agent alone.
- The customer's leg is `incoming`, and its hang-up ends the call. That it is answered says only
  that the application picked up; that it is bridged, that somebody talks to the customer.
- A completed REFER takes the call away from Telnyx, and so from its agents.

TeXML callbacks have Twilio's fields, without a direction.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.call import Attestation, AttestationLevel, CallEvent, Direction, EventKind
from app.telephony import twilio_event
from app.telephony.base import NotUnderstood
from app.telephony.body import json_type, required_text, text, text_values
from app.telephony.parties import party, sip_user
from app.telephony.times import iso_time

_REASONS = {
    "call_rejected": "declined",
    "normal_clearing": "completed",
    "originator_cancel": "cancelled",
    "timeout": "no_answer",
    "time_limit": "completed",
    "user_busy": "busy",
    "not_found": "failed",
    "no_answer": "no_answer",
    "unspecified": "failed",
}
_AGENT_KINDS = {
    "call.initiated": EventKind.RINGING,
    "call.answered": EventKind.ANSWERED,
    "call.bridged": EventKind.ANSWERED,
    "call.hangup": EventKind.MISSED,
}
_CUSTOMER_KINDS = {
    "call.initiated": EventKind.INCOMING,
    "call.answered": EventKind.INCOMING,
    "call.bridged": EventKind.ANSWERED,
    "call.hangup": EventKind.ENDED,
}
_KINDS = {
    "call.enqueued": EventKind.QUEUED,
    "call.hold": EventKind.HELD,
    "call.unhold": EventKind.RESUMED,
    "call.refer.completed": EventKind.TRANSFERRED,
    # What the caller typed; it moves nothing.
    "call.gather.ended": EventKind.INCOMING,
}
_NOBODYS = ("call.enqueued", "call.gather.ended")
_LEVELS: dict[str, AttestationLevel] = {"A": "A", "B": "B", "C": "C"}


def read_event(
    body: Any, *, slug: str, received_at: datetime, agent_numbers: Set[str]
) -> CallEvent | None:
    """Read one Call Control event; None when it tells nothing about who has the call.

    Raises:
        NotUnderstood: this is not an event of Telnyx, or a value cannot be kept.
    """
    data = _object(body, "data", "")
    what = required_text(data, "event_type", "/data", "send Telnyx's event")
    if what not in _AGENT_KINDS and what not in _KINDS:
        return None
    at = "/data/payload"
    payload = _object(data, "payload", "/data")
    session = required_text(payload, "call_session_id", at, "it says which call this is about")
    caller, called = party(payload, "from", at), party(payload, "to", at)
    agent = _agent(called, agent_numbers, f"{at}/to")
    kind = _kind(what, agent, payload)
    typed = {"digits": payload["digits"]} if payload.get("digits") and agent is None else {}
    direction = _direction(payload, agent)
    over = kind in (EventKind.MISSED, EventKind.ENDED)
    return CallEvent(
        kind=kind,
        call_id=f"{slug}:{session}",
        phone_system=slug,
        received_at=received_at,
        event_key=_key(data),
        occurred_at=iso_time(data.get("occurred_at")),
        direction=direction,
        ani=caller,
        withheld=caller is None and what == "call.initiated",
        cnam=text(payload, "caller_id_name", at),
        # An agent's leg calls the agent, not the number that the customer dialled.
        dnis=called if agent is None else None,
        extensions=(agent,) if agent and what not in _NOBODYS else (),
        queue=text(payload, "queue", at) if what == "call.enqueued" else None,
        attestation=_attestation(payload),
        collected=text_values({"collected": typed}, "collected", at),
        attached_data=_attached_data(payload, at),
        transfer_kind="blind" if what == "call.refer.completed" else None,
        ended_reason=_reason(payload) if over else None,
        call_goes_on=kind is EventKind.MISSED,
    )


def read_texml(fields: Mapping[str, str], *, slug: str, received_at: datetime) -> CallEvent | None:
    """Read one TeXML callback; None when it is not about a call's status.

    Raises:
        NotUnderstood: these are not TeXML's parameters, or a value cannot be kept.
    """
    is_child = bool(fields.get("ParentCallSid"))
    as_twilio = {
        "Direction": "outbound-dial" if is_child else "",
        "CallerName": fields.get("CallerId", ""),
        **fields,
    }
    event = twilio_event.read_event(as_twilio, slug=slug, received_at=received_at)
    if event is None:
        return None
    said = {
        "shaken_stir_attestation": fields.get("ShakenStirAttestation"),
        "shaken_stir_validated": {"true": True, "false": False}.get(
            fields.get("ShakenStirValidated", "").lower()
        ),
    }
    return replace(
        event,
        occurred_at=event.occurred_at or iso_time(fields.get("Timestamp")),
        attestation=_attestation(said),
    )


def _object(data: Any, key: str, at: str) -> Mapping[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise NotUnderstood(
            f"must be an object, not {json_type(value)}: this is not an event of Telnyx",
            f"{at}/{key}",
        )
    return value


def _agent(called: str | None, agent_numbers: Set[str], at: str) -> str | None:
    """Return the agent whose leg this is, None for the customer's."""
    return sip_user(called, at) or (called if called in agent_numbers else None)


def _kind(what: str, agent: str | None, payload: Mapping[str, Any]) -> EventKind:
    if what in _KINDS:
        return _KINDS[what]
    kind = (_AGENT_KINDS if agent else _CUSTOMER_KINDS)[what]
    if kind is EventKind.MISSED and _was_answered(payload):
        return EventKind.TRANSFERRED
    return kind


def _was_answered(payload: Mapping[str, Any]) -> bool:
    """A leg that talked ends by normal clearing; a SIP failure beside it says that it never did."""
    sip = payload.get("sip_hangup_cause")
    failed = isinstance(sip, str) and sip[:1] in ("4", "5", "6")
    return payload.get("hangup_cause") in ("normal_clearing", "time_limit") and not failed


def _direction(payload: Mapping[str, Any], agent: str | None) -> Direction | None:
    """Return the direction as the customer sees it, None where the event does not say."""
    way = payload.get("direction")
    if agent is not None or way == "incoming":
        return "inbound"
    return "outbound" if way == "outgoing" else None


def _reason(payload: Mapping[str, Any]) -> str | None:
    cause = payload.get("hangup_cause")
    return _REASONS.get(cause) if isinstance(cause, str) else None


def _attestation(payload: Mapping[str, Any]) -> Attestation | None:
    said, validated = payload.get("shaken_stir_attestation"), payload.get("shaken_stir_validated")
    level = _LEVELS.get(said.upper()) if isinstance(said, str) else None
    if level is None:
        return Attestation(verdict="none") if validated is False else None
    if not isinstance(validated, bool):
        return Attestation(level=level)
    return Attestation(level=level, verdict="passed" if validated else "failed")


def _attached_data(payload: Mapping[str, Any], at: str) -> dict[str, str]:
    """Keep SIP headers under their own names, and what the application said about the call."""
    extra: dict[str, Any] = {}
    for key in ("custom_headers", "sip_headers"):
        for header in _list(payload.get(key)):
            if isinstance(header, dict) and isinstance(header.get("name"), str):
                extra[header["name"]] = header.get("value")
    if state := payload.get("client_state"):
        extra["client_state"] = _decoded(state)
    for key in ("tags", "call_screening_result"):
        if payload.get(key):
            extra[key] = payload[key]
    return text_values({"attached_data": extra}, "attached_data", at)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _decoded(state: object) -> object:
    """Return the text that the application had put into base64; something else as it is."""
    try:
        return base64.b64decode(state, validate=True).decode() if isinstance(state, str) else state
    except (binascii.Error, ValueError):
        return state


def _key(data: Mapping[str, Any]) -> str | None:
    event_id = text(data, "id", "/data")
    return f"telnyx:{event_id}" if event_id else None
