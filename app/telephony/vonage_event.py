"""What Vonage's webhooks mean: one event of a leg to one `CallEvent`.

Formats: developer.vonage.com, Voice API, Webhook Reference.

A call is a *conversation*; each party of it is a leg (`uuid`).

- The inbound leg is the customer's: `incoming` in every state, as its `answered` is only the
  application's pick-up; completed or failed, it ends the call.
- An outbound leg is an agent's: it rings and answers for that agent. Completed, the agent has left
  (`transferred` without a target, as the customer may go on); never answered, the call was `missed`
  for that agent alone. A leg to a WebSocket is a machine's, and tells nothing.
- `transfer` moves a leg to another conversation, which then names the one it came from.
- Numbers come without `+`. A SIP user, or a user of the application, is an agent's extension; so is
  a telephone number, but then it may be a customer who is called: no direction is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.base import NotUnderstood
from app.telephony.body import json_type, text, text_values
from app.telephony.parties import is_telephone_number, party, sip_user, with_plus
from app.telephony.provider_json import event_key
from app.telephony.times import iso_time

_REASONS = {
    "completed": "completed",
    "disconnected": "completed",
    "busy": "busy",
    "cancelled": "cancelled",
    "unanswered": "no_answer",
    "timeout": "no_answer",
    "rejected": "declined",
    "failed": "failed",
}
_CUSTOMER_KINDS = {
    **dict.fromkeys(("started", "ringing", "answered"), EventKind.INCOMING),
    **dict.fromkeys(("completed", "disconnected"), EventKind.ENDED),
    **dict.fromkeys(
        ("busy", "cancelled", "unanswered", "timeout", "rejected", "failed"), EventKind.MISSED
    ),
}
_AGENT_KINDS = {
    "started": EventKind.INCOMING,
    "ringing": EventKind.RINGING,
    "answered": EventKind.ANSWERED,
    **dict.fromkeys(("completed", "disconnected"), EventKind.TRANSFERRED),
    **dict.fromkeys(
        ("busy", "cancelled", "unanswered", "timeout", "rejected", "failed"), EventKind.MISSED
    ),
}
# What is about recordings, machines and errors is Vonage's all the same.
_SIGNS_OF_VONAGE = ("call_uuid", "recording_url", "reason", "uuid", "status", "type")


def is_answer_webhook(body: Any) -> bool:
    """Is it the question what to do with a call, which wants a document for an answer?"""
    return (
        isinstance(body, dict)
        and bool(body.get("conversation_uuid") and body.get("to"))
        and not any(key in body for key in ("status", "dtmf", "speech", "recording_url", "reason"))
    )


def read_event(body: Any, *, slug: str, received_at: datetime) -> CallEvent | None:
    """Read one webhook; None when it tells nothing about who has the call.

    Raises:
        NotUnderstood: this is not Vonage's, or a value cannot be kept.
    """
    if not isinstance(body, dict):
        raise NotUnderstood(f"must be one object, not {json_type(body)}")
    moved = _moved(body, slug, received_at)
    if moved is not None:
        return moved
    conversation, leg = text(body, "conversation_uuid"), text(body, "uuid")
    status = text(body, "status")
    if conversation is None:
        if any(body.get(sign) for sign in _SIGNS_OF_VONAGE):
            return None
        raise NotUnderstood(
            "is missing: this is not an event of a Vonage call", "/conversation_uuid"
        )
    collected = _collected(body)
    if status is None and not collected and not is_answer_webhook(body):
        return None
    caller = with_plus(party(body, "from")) or text(body, "from_user")
    called = with_plus(party(body, "to"))
    is_agents = body.get("direction") == "outbound" and status is not None
    kind = _kind(status, body, is_agents=is_agents)
    if kind is None or (is_agents and not _agent(called)):
        return None
    extensions = (_agent(called),) if is_agents and kind is not EventKind.INCOMING else ()
    over = kind in (EventKind.MISSED, EventKind.ENDED)
    return CallEvent(
        kind=kind,
        call_id=f"{slug}:{conversation}",
        phone_system=slug,
        received_at=received_at,
        event_key=_key(leg, status, body.get("timestamp"), collected),
        occurred_at=iso_time(body.get("timestamp")),
        direction=_direction(body.get("direction"), called, is_agents=is_agents),
        ani=caller,
        withheld=caller is None and kind in (EventKind.INCOMING, EventKind.RINGING),
        dnis=None if is_agents else called,
        extensions=extensions,
        collected=collected,
        attached_data=_attached_data(body),
        ended_reason=_REASONS.get(status or "") if over else None,
        call_goes_on=is_agents and kind is EventKind.MISSED,
    )


def _moved(body: Mapping[str, Any], slug: str, received_at: datetime) -> CallEvent | None:
    before, after = text(body, "conversation_uuid_from"), text(body, "conversation_uuid_to")
    if before is None or after is None:
        return None
    return CallEvent(
        kind=EventKind.INCOMING,
        call_id=f"{slug}:{after}",
        phone_system=slug,
        received_at=received_at,
        event_key=_key(text(body, "uuid"), f"transfer {before}", body.get("timestamp"), {}),
        occurred_at=iso_time(body.get("timestamp")),
        parent_call_id=f"{slug}:{before}",
    )


def _kind(status: str | None, body: Mapping[str, Any], *, is_agents: bool) -> EventKind | None:
    if status is None:
        return EventKind.INCOMING
    if not is_agents:
        # Without a direction nobody knows whose leg it is.
        return _CUSTOMER_KINDS.get(status) if body.get("direction") == "inbound" else None
    kind = _AGENT_KINDS.get(status)
    if kind is EventKind.TRANSFERRED and body.get("duration") in (0, "0"):
        return EventKind.MISSED
    return kind


def _agent(called: str | None) -> str:
    if called is None or called.startswith(("ws:", "wss:")):
        return ""
    return sip_user(called, "/to") or called


def _direction(way: object, called: str | None, *, is_agents: bool) -> Direction | None:
    """Return the direction as the customer sees it, None where the event does not say."""
    if is_agents:
        return None if called is not None and is_telephone_number(called) else "inbound"
    return "inbound" if way == "inbound" else None


def _collected(body: Mapping[str, Any]) -> dict[str, str]:
    """Return what the caller typed: the digits, or in the newer form an object that has them."""
    typed = body.get("dtmf")
    digits = typed.get("digits") if isinstance(typed, dict) else typed
    return text_values({"collected": {"dtmf": digits} if digits else {}}, "collected", "")


def _attached_data(body: Mapping[str, Any]) -> dict[str, str]:
    """Keep SIP headers under their own names, and the data that an application gave along."""
    extra: dict[str, Any] = {
        name.removeprefix("SipHeader_"): value
        for name, value in body.items()
        if value and name.startswith("SipHeader_")
    }
    if isinstance(given := body.get("custom_data"), dict):
        extra = {**given, **extra}
    return text_values({"attached_data": extra}, "attached_data", "")


def _key(leg: str | None, status: str | None, at: object, collected: Mapping[str, str]) -> str:
    """Recognise a repeat: the event is the leg's state at a time, and the state itself else."""
    return event_key("vonage", leg, status, at, *collected.values())
