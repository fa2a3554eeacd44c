"""What a whole conversation of Genesys Cloud means: every moment of it that concerns a screen.

Field names and values: the models `ConversationCallEventTopic…` of the official SDK
(PureCloudPlatformClientV2 269).

A conversation is sent whole each time. Every moment in it gives an event with a key of its own, so
that what was told before is recognised as a repeat, and what was lost is made up for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

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
from app.telephony.provider_json import event_key, part

MAX_PARTICIPANTS = 200

_OVER = ("disconnected", "terminated")
_CUSTOMERS = ("customer", "external")
_AGENTS = ("agent", "user")
_NOTHING: Mapping[str, Any] = {}
# What happened, when, and what else it says.
_Moment = tuple[EventKind, datetime | None, Mapping[str, Any]]


def read_conversation(message: Message) -> list[CallEvent]:
    """Read a conversation of a call.

    Raises:
        NotUnderstood: a value is missing or cannot be kept, or there are too many participants.
    """
    conversation = required_text(message.body, "id", message.at, WHY)
    participants = _participants(message)
    customers = [p for _, p in participants if p.get("purpose") in _CUSTOMERS]
    # Every moment has its participant and time for a key, below that of the conversation.
    key = event_key("genesys", conversation)
    common = message.about(conversation)
    events: list[CallEvent] = []
    if customers:
        events.append(_arrival(message, conversation, customers[0]))
        common["direction"] = events[0].direction
    for at, participant in participants:
        purpose = participant.get("purpose")
        if purpose != "acd" and purpose not in _AGENTS:
            continue
        name = text(participant, "id", at) or at
        queue = text(part(participant, "queue"), "id", f"{at}/queue")
        about = {**common, "queue": queue}
        if purpose == "acd":
            if (started := moment(participant, "startTime")) is not None:
                moments = [(EventKind.QUEUED, started, _NOTHING)]
                events += _told(moments, f"{key}:{name}", about)
        elif user := text(part(participant, "user"), "id", f"{at}/user"):
            about["extensions"] = (user,)
            events += _told(_moments(participant, message.sent_at), f"{key}:{name}", about)
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
        orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS).decode(),
        occurred_at=moment(customer, "startTime"),
        direction=direction,
        ani=caller,
        withheld=not outbound and caller is None,
        dnis=address if outbound else number(text(customer, "dnis", at)),
        cnam=None if outbound else text(customer, "name", at),
        attached_data=attributes,
    )


def _moments(participant: Mapping[str, Any], sent_at: datetime | None) -> list[_Moment]:
    """Return the moments of one agent's part: rang, answered, held, talks again, left."""
    state = participant.get("state")
    connected = moment(participant, "connectedTime")
    answered = connected is not None or state == "connected"
    moments: list[_Moment] = [(EventKind.RINGING, moment(participant, "startTime"), _NOTHING)]
    if answered:
        moments.append((EventKind.ANSWERED, connected or sent_at, _NOTHING))
    if state == "connected":
        # Nothing says when a hold ended: whoever is connected and not held talks now.
        moments.append(
            (EventKind.HELD, moment(participant, "startHoldTime") or sent_at, _NOTHING)
            if participant.get("held") is True
            else (EventKind.RESUMED, sent_at, _NOTHING)
        )
    elif state in _OVER:
        ended = moment(participant, "endTime") or sent_at
        why = disconnect_type(participant)
        moments.append(
            (EventKind.TRANSFERRED, ended, {"transfer_kind": transfer_kind(why)})
            if answered
            else (
                EventKind.MISSED,
                ended,
                {"call_goes_on": True, "ended_reason": NOT_ANSWERED.get(why)},
            )
        )
    return moments


def _told(moments: Sequence[_Moment], key: str, about: Mapping[str, Any]) -> Iterator[CallEvent]:
    for kind, at, more in moments:
        moment_key = f"{key}:{kind}:{at and int(at.timestamp() * 1000)}"
        yield CallEvent(kind=kind, event_key=moment_key, occurred_at=at, **about, **more)


def _participants(message: Message) -> list[tuple[str, Mapping[str, Any]]]:
    given, at = message.body.get("participants"), f"{message.at}/participants"
    if not isinstance(given, list):
        raise NotUnderstood(f"must be a list, not {json_type(given)}", at)
    if len(given) > MAX_PARTICIPANTS:
        raise NotUnderstood(f"{len(given)} participants, the limit is {MAX_PARTICIPANTS}", at)
    return [(f"{at}/{index}", p) for index, p in enumerate(given) if isinstance(p, dict)]
