"""What a whole conversation of Genesys Cloud means: every moment of it that concerns a screen.

Field names and values: the models `ConversationCallEventTopic…` of the official SDK
(PureCloudPlatformClientV2 269).

A conversation is sent whole each time. Every moment in it gives an event with a key of its own, so
that what was told before is recognised as a repeat, and what was lost is made up for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, EventKind
from app.telephony.base import NotUnderstood
from app.telephony.body import json_type, required_text, text, text_values
from app.telephony.eventbridge import moment
from app.telephony.genesys_event import (
    DIRECTIONS,
    ENDED,
    NOT_ANSWERED,
    WHY,
    Message,
    disconnect_type,
    number,
    transfer_kind,
)
from app.telephony.provider_json import part

MAX_PARTICIPANTS = 200

_OVER = ("disconnected", "terminated")
_CUSTOMERS = ("customer", "external")
_AGENTS = ("agent", "user")


def read_conversation(message: Message) -> list[CallEvent]:
    """Read a conversation of a call.

    Raises:
        NotUnderstood: a value is missing or cannot be kept, or there are too many participants.
    """
    conversation = required_text(message.body, "id", message.at, WHY)
    participants = _participants(message)
    customers = [p for _, p in participants if p.get("purpose") in _CUSTOMERS]
    common: dict[str, Any] = {}
    events: list[CallEvent] = []
    if customers:
        events.append(_arrival(message, conversation, customers[0]))
        common["direction"] = events[0].direction
    for at, participant in participants:
        name = text(participant, "id", at) or at
        purpose = participant.get("purpose")
        queue = text(part(participant, "queue"), "id", f"{at}/queue")
        started = moment(participant, "startTime")
        if purpose == "acd" and started:
            at_once = {"occurred_at": started, "queue": queue}
            events.append(message.event(EventKind.QUEUED, conversation, name, **at_once, **common))
        elif purpose in _AGENTS:
            user = text(part(participant, "user"), "id", f"{at}/user")
            if user:
                about = {**common, "extensions": (user,), "queue": queue}
                events += _agent(message, conversation, name, participant, about)
    # Between colleagues nobody is the customer: then it ends with the last of them.
    deciding = customers or [p for _, p in participants]
    if deciding and all(p.get("state") in _OVER for p in deciding):
        ends = [t for p in deciding if (t := moment(p, "endTime"))]
        reason = ENDED.get(disconnect_type(deciding[0]))
        events.append(
            message.event(
                EventKind.ENDED,
                conversation,
                occurred_at=max(ends) if ends else message.sent_at,
                ended_reason=reason,
            )
        )
    return events


def _arrival(message: Message, conversation: str, customer: Mapping[str, Any]) -> CallEvent:
    at = message.at
    direction = DIRECTIONS.get(str(customer.get("direction")).upper())
    address = number(text(customer, "address", at))
    attributes = text_values(customer, "attributes", at)
    outbound = direction == "outbound"
    caller = number(text(customer, "ani", at)) or (None if outbound else address)
    return message.event(
        EventKind.INCOMING,
        conversation,
        *(f"{name}={value}" for name, value in sorted(attributes.items())),
        occurred_at=moment(customer, "startTime"),
        direction=direction,
        ani=caller,
        withheld=not outbound and caller is None,
        dnis=address if outbound else number(text(customer, "dnis", at)),
        cnam=None if outbound else text(customer, "name", at),
        attached_data=attributes,
    )


def _agent(
    message: Message,
    conversation: str,
    name: str,
    participant: Mapping[str, Any],
    about: Mapping[str, Any],
) -> list[CallEvent]:
    """Return the moments of one agent's part: rang, answered, held, talks again, left."""
    state, held = participant.get("state"), participant.get("held") is True
    disconnect = disconnect_type(participant)
    connected = moment(participant, "connectedTime")
    answered = connected is not None or state == "connected"
    moments: list[tuple[EventKind, datetime | None, dict[str, Any]]] = [
        (EventKind.RINGING, moment(participant, "startTime"), {})
    ]
    if answered:
        moments.append((EventKind.ANSWERED, connected or message.sent_at, {}))
    if held and state == "connected":
        moments.append(
            (EventKind.HELD, moment(participant, "startHoldTime") or message.sent_at, {})
        )
    elif state == "connected":
        # Nothing says when a hold ended: whoever is connected and not held talks now.
        moments.append((EventKind.RESUMED, message.sent_at, {}))
    if state in _OVER:
        ended = moment(participant, "endTime") or message.sent_at
        left: dict[str, Any] = {"transfer_kind": transfer_kind(disconnect)}
        unanswered = {"call_goes_on": True, "ended_reason": NOT_ANSWERED.get(disconnect)}
        moments.append(
            (EventKind.TRANSFERRED, ended, left)
            if answered
            else (EventKind.MISSED, ended, unanswered)
        )
    return [
        message.event(kind, conversation, name, when, occurred_at=when, **about, **more)
        for kind, when, more in moments
    ]


def _participants(message: Message) -> list[tuple[str, Mapping[str, Any]]]:
    given, at = message.body.get("participants"), f"{message.at}/participants"
    if not isinstance(given, list):
        raise NotUnderstood(f"must be a list, not {json_type(given)}", at)
    if len(given) > MAX_PARTICIPANTS:
        raise NotUnderstood(f"{len(given)} participants, the limit is {MAX_PARTICIPANTS}", at)
    return [(f"{at}/{index}", p) for index, p in enumerate(given) if isinstance(p, dict)]
