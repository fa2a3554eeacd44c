"""What SignalWire's RELAY tells of a call: `calling.call.state`, posted to `call_state_url`.

Format: developer.signalwire.com, Realtime SDK, Voice, CallState.

- A leg with a `parent` is an agent's: the parent is the customer's call and our call id. Ended, the
  agent has left, or was `missed` for that agent alone.
- A leg of its own that comes in is the customer's: `incoming` in every state, as its `answered` is
  only the application's pick-up; ended, it ends the call.
- A leg of its own that goes out rings for whom it calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.body import required_text, text, text_values
from app.telephony.parties import is_telephone_number, party, sip_user, with_plus
from app.telephony.provider_json import event_key, part
from app.telephony.times import epoch_time

_AGENT_KINDS = {
    "created": EventKind.INCOMING,
    "ringing": EventKind.RINGING,
    "answered": EventKind.ANSWERED,
}
_REASONS = {
    "hangup": "completed",
    "busy": "busy",
    "noanswer": "no_answer",
    "decline": "declined",
    "cancel": "cancelled",
    "error": "failed",
}


def read_state(body: Mapping[str, Any], *, slug: str, received_at: datetime) -> CallEvent | None:
    """Read a RELAY event; None when it is not the state of a call.

    Raises:
        NotUnderstood: this is not RELAY's, or a value cannot be kept.
    """
    if required_text(body, "event_type", "", "send RELAY's event") != "calling.call.state":
        return None
    params, at = part(body, "params"), "/params"
    leg = required_text(params, "call_id", at, "it says which call this is about")
    state = required_text(params, "call_state", at, "it says what became of the call")
    parent = text(part(params, "parent"), "call_id", f"{at}/parent")
    caller, called = _device(params)
    is_agents = parent is not None or params.get("direction") == "outbound"
    kind = _kind(state, params, whole=parent is None, is_agents=is_agents)
    if kind is None:
        return None
    agent = (sip_user(called) or called) if is_agents else None
    over = kind in (EventKind.MISSED, EventKind.ENDED)
    return CallEvent(
        kind=kind,
        call_id=f"{slug}:{parent or leg}",
        phone_system=slug,
        received_at=received_at,
        event_key=event_key("signalwire", leg, state),
        occurred_at=epoch_time(body.get("timestamp")),
        direction=_direction(called) if is_agents else "inbound",
        ani=caller,
        withheld=caller is None and kind in (EventKind.INCOMING, EventKind.RINGING),
        dnis=None if is_agents else called,
        extensions=(agent,) if agent and kind not in (EventKind.INCOMING, EventKind.ENDED) else (),
        attached_data=_tag(params),
        ended_reason=_reason(params) if over else None,
        call_goes_on=kind is EventKind.MISSED,
    )


def _device(params: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return who calls and who is called: numbers of a phone, addresses of a SIP device."""
    device = part(part(params, "device"), "params")
    at = "/params/device/params"
    caller = party(device, "from_number", at) or party(device, "from", at)
    called = party(device, "to_number", at) or party(device, "to", at)
    return with_plus(caller), with_plus(called)


def _kind(
    state: str, params: Mapping[str, Any], *, whole: bool, is_agents: bool
) -> EventKind | None:
    if state != "ended":
        kind = _AGENT_KINDS.get(state)
        return EventKind.INCOMING if kind and not is_agents else kind
    if whole:
        return EventKind.ENDED
    return EventKind.TRANSFERRED if _talked(params) else EventKind.MISSED


def _talked(params: Mapping[str, Any]) -> bool:
    """Whether a leg that is over had been answered: by its times, else by how it ended."""
    if "answer_time" in params:
        return bool(params["answer_time"])
    return params.get("end_reason") == "hangup"


def _direction(called: str | None) -> Direction | None:
    """A SIP user is an agent; who is called on a telephone may be a customer."""
    return None if called is not None and is_telephone_number(called) else "inbound"


def _reason(params: Mapping[str, Any]) -> str | None:
    reason = params.get("end_reason")
    return _REASONS.get(reason.lower()) if isinstance(reason, str) else None


def _tag(params: Mapping[str, Any]) -> dict[str, str]:
    tag = params.get("tag")
    return text_values({"attached_data": {"tag": tag} if tag else {}}, "attached_data", "/params")
