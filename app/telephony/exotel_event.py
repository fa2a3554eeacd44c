"""What Exotel's parameters mean: one request to `CallEvent`s. Names are in lower case.

- The agent popup of the Connect applet (`DialWhomNumber` with `Status`): `busy` while that agent is
  called, `free` when it is over for that agent, answered or not; `EventType` says more where
  Exotel has switched it on (Dial, Ringing, Answered, Terminal).
- The Passthru applet tells the call where it stands in the flow: before an agent was dialled it
  has arrived, and after the Connect applet `CallType` says how that went.
- Notifications of IP-PSTN and WebRTC apps are JSON with an `event`.
- A status callback (`EventType`, `Status`) says that an API call was answered or is over.

Exotel's times have no offset, so except in the JSON notifications an event counts from its receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.body import text, text_values
from app.telephony.parties import sip_user
from app.telephony.provider_json import event_key, part, required_word, word, words
from app.telephony.times import iso_time

_APP_EVENTS = {
    "incoming_call": EventKind.RINGING,
    "outbound_call": EventKind.RINGING,
    "call_ringing": EventKind.RINGING,
    "call_answered": EventKind.ANSWERED,
    "call_completed": EventKind.ENDED,
    "call_missed": EventKind.ENDED,
    "call_failed": EventKind.ENDED,
}
# How the Connect applet went, as the Passthru after it says.
_AFTER_CONNECT = {
    "completed": "completed",
    "client-hangup": "cancelled",
    "incomplete": "no_answer",
    "voicemail": "voicemail",
}
_OVER = {
    "completed": "completed",
    "busy": "busy",
    "failed": "failed",
    "no-answer": "no_answer",
    "canceled": "cancelled",
    "missed": "no_answer",
}
_DIRECTIONS: dict[str | None, Direction] = {
    "incoming": "inbound",
    "inbound": "inbound",
    "outbound": "outbound",
    "outbound-api": "outbound",
    "outbound-dial": "outbound",
}


def read_event(fields: Mapping[str, Any], *, slug: str, received_at: datetime) -> list[CallEvent]:
    """Read one request; empty when it is about something else than a call's progress.

    Raises:
        NotUnderstood: these are not Exotel's parameters, or a value cannot be kept.
    """
    name = text(fields, "event")
    id_ = "call_sid" if name else "callsid"
    call_id = required_word(fields, id_, "", "this is not a request of an Exotel call")
    caller = word(fields, "callfrom") or word(fields, "from") or word(fields, "fromnumber")
    called = word(fields, "callto") or word(fields, "to") or word(fields, "tonumber")
    stage = [word(fields, key) for key in _STAGE]
    call = CallEvent(
        kind=EventKind.INCOMING,
        call_id=f"{slug}:{call_id}",
        phone_system=slug,
        received_at=received_at,
        event_key=event_key("exotel", call_id, name, *stage),
        direction=_DIRECTIONS.get((text(fields, "direction") or "").lower()),
        ani=caller,
        dnis=word(fields, "exophone") or called,
        collected=_collected(fields),
        attached_data=_attached_data(fields),
    )
    if name is not None:
        return _of_app(call, name, fields, caller, called)
    if "eventtype" in fields and "dialwhomnumber" not in fields:
        return _of_callback(call, fields)
    agent = _agent(word(fields, "dialwhomnumber"))
    status = text(fields, "status") or text(fields, "callstatus") or ""
    if agent and status.lower() in ("busy", "free"):
        return _of_popup(call, fields, agent, status.lower())
    return _of_passthru(call, fields, agent)


# What tells one request about a call from the next.
_STAGE = (
    *("eventtype", "status", "callstatus", "callstate", "calltype"),
    *("dialwhomnumber", "user_id", "answered_by", "digits"),
    *("currenttime", "dateupdated", "timestamp"),
)


def _of_app(
    call: CallEvent,
    name: str,
    fields: Mapping[str, Any],
    caller: str | None,
    called: str | None,
) -> list[CallEvent]:
    kind = _APP_EVENTS.get(name)
    if kind is None:
        return []
    outbound = call.direction == "outbound"
    user = word(fields, "user_id")
    named = sip_user(caller if outbound else called, "/from" if outbound else "/to")
    over = kind is EventKind.ENDED
    answered_by = words(word(fields, "answered_by"))
    status = text(fields, "status") or name.removeprefix("call_")
    return [
        replace(
            call,
            kind=kind,
            occurred_at=iso_time(fields.get("timestamp")),
            # The agent's own address is no caller; the exophone is what the customer sees.
            ani=word(fields, "exophone") if outbound else caller,
            dnis=called if outbound else word(fields, "exophone"),
            withheld=caller is None and name == "incoming_call",
            cnam=text(part(fields, "caller_info"), "name", "/caller_info"),
            extensions=() if over else answered_by or words(user) or words(named),
            ended_reason=_OVER.get(status, status) if over else None,
        )
    ]


def _of_popup(
    call: CallEvent, fields: Mapping[str, Any], agent: str, status: str
) -> list[CallEvent]:
    what = (text(fields, "eventtype") or "").lower()
    # Without a time, an agent's second ring cannot be told from the first one sent again.
    key = call.event_key if "currenttime" in fields else None
    direction = call.direction or "inbound"
    call = replace(call, event_key=key, extensions=(agent,), direction=direction)
    if status == "free":
        # The next agent may ring; the Passthru after the Connect applet ends the call.
        return [replace(call, kind=EventKind.MISSED, call_goes_on=True)]
    kind = EventKind.ANSWERED if what == "answered" else EventKind.RINGING
    withheld = call.ani is None and call.direction == "inbound"
    return [replace(call, kind=kind, withheld=withheld)]


def _of_passthru(call: CallEvent, fields: Mapping[str, Any], agent: str | None) -> list[CallEvent]:
    reason = _AFTER_CONNECT.get(text(fields, "calltype") or "")
    if reason is None:
        over = _OVER.get((text(fields, "callstatus") or "").lower())
        if over is not None:
            return [replace(call, kind=EventKind.ENDED, ended_reason=over)]
        return [replace(call, withheld=call.ani is None)]
    ended = replace(call, kind=EventKind.ENDED, ended_reason=reason)
    if reason != "completed":
        return [ended]
    # Said only now by accounts without the Answered popup.
    answered = replace(
        call,
        kind=EventKind.ANSWERED,
        event_key=f"{call.event_key}:answered",
        extensions=words(agent),
    )
    return [answered, ended]


def _of_callback(call: CallEvent, fields: Mapping[str, Any]) -> list[CallEvent]:
    if (text(fields, "eventtype") or "").lower() == "answered":
        return [replace(call, kind=EventKind.ANSWERED)]
    reason = _OVER.get((text(fields, "status") or "").lower())
    return [] if reason is None else [replace(call, kind=EventKind.ENDED, ended_reason=reason)]


def _agent(number: str | None) -> str | None:
    """Return the agent's number, or the user of a SIP address."""
    return sip_user(number, "/DialWhomNumber") or number


def _collected(fields: Mapping[str, Any]) -> dict[str, str]:
    # Exotel puts the digits in quotes of its own.
    digits = (text(fields, "digits", limit=1024) or "").strip('"')
    return text_values({"collected": {"digits": digits} if digits else {}}, "collected", "")


def _attached_data(fields: Mapping[str, Any]) -> dict[str, str]:
    custom = fields.get("customfield") or part(fields, "caller_info").get("custom_field")
    return text_values({"data": {"custom_field": custom or None}}, "data", "")
