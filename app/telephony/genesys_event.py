"""What Genesys Cloud's detail events mean, to `CallEvent`s of a conversation.

Field names and values: the models of the official SDK (PureCloudPlatformClientV2 269), classes
`…DetailEventTopic…Event`.

- The conversation is the call: its id stays over queues, agents and transfers.
- An agent who leaves does not end it (`transferred` without a target), only the customer does.
- No detail event says that an agent answered. The end of the queue does (`acd.end`, ANSWERED), and
  for calls without a queue the end of the agent's part, which has the time they talked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.core.call import CallEvent, Direction, EventKind, TransferKind
from app.telephony.body import required_text, text, text_values
from app.telephony.eventbridge import moment
from app.telephony.provider_json import event_key

WHY = "it says which conversation this is"
DIRECTIONS: dict[str, Direction] = {"INBOUND": "inbound", "OUTBOUND": "outbound"}
# Disconnect types as the detail events write them; conversations write transfer.noanswer.
NOT_ANSWERED = {
    "TIMEOUT": "no_answer",
    "NO_ANSWER_TRANSFER": "no_answer",
    "TRANSFER_NOANSWER": "no_answer",
    "NOT_AVAILABLE_TRANSFER": "no_answer",
    "TRANSFER_NOTAVAILABLE": "no_answer",
    "CLIENT": "declined",
    "DND_ENDPOINT": "declined",
    "ENDPOINT_DND": "declined",
    "PEER": "cancelled",
}
ENDED = {
    "ERROR": "failed",
    "TRANSPORT_FAILURE": "failed",
    "UNCALLABLE": "failed",
    "SPAM": "declined",
    "TIMEOUT": "no_answer",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a topic; `at` is the JSON pointer of `body`."""

    slug: str
    received_at: datetime
    id: str | None
    sent_at: datetime | None
    topic: str
    body: Mapping[str, Any]
    at: str

    def event(self, kind: EventKind, conversation: str, *key: object, **more: Any) -> CallEvent:
        """Make an event of this message; `key` tells it apart from the conversation's others."""
        whole_key = event_key("genesys", conversation, kind.value, *key)
        about = self.about(conversation)
        return CallEvent(kind=kind, event_key=whole_key, **about, **more)

    def about(self, conversation: str) -> dict[str, Any]:
        """Return what every event of a conversation says."""
        return {
            "call_id": f"{self.slug}:{conversation}",
            "phone_system": self.slug,
            "received_at": self.received_at,
        }


def read_detail_event(message: Message) -> list[CallEvent]:
    """Read one detail event; nothing for another medium or topic.

    Raises:
        NotUnderstood: a value is missing or cannot be kept.
    """
    body, at = message.body, message.at
    step = ".".join(message.topic.rsplit(".", 2)[1:])
    media = body.get("mediaType")
    if not message.topic.startswith("v2.detail.events.conversation.") or media not in (
        None,
        "VOICE",
    ):
        return []
    conversation = required_text(body, "conversationId", at, WHY)
    when = moment(body, "eventTime") or message.sent_at
    participant = text(body, "participantId", at)
    key = message.id or f"{participant} {text(body, 'sessionId', at)} {when}"
    caller = number(text(body, "ani", at))
    user = text(body, "userId", at)
    users = (user,) if user else ()
    common: dict[str, Any] = {
        "occurred_at": when,
        "direction": DIRECTIONS.get(str(body.get("direction"))),
        "ani": caller,
        "dnis": number(text(body, "dnis", at)),
        "queue": text(body, "queueId", at),
    }
    more: dict[str, Any] = {}
    match step:
        case "customer.start":
            kind = EventKind.INCOMING
            more["withheld"] = caller is None
        case "acd.start":
            kind = EventKind.QUEUED
        case "user.start":
            kind = EventKind.RINGING
            more |= {"extensions": users, "withheld": caller is None}
        case "acd.end" if body.get("acdOutcome") == "ANSWERED":
            kind = EventKind.ANSWERED
            answered = text(body, "answeredUserId", at)
            more["extensions"] = (answered,) if answered else ()
        case "user.end" if users:
            return _agent_left(message, conversation, key, {**common, "extensions": users})
        case "customer.end":
            kind = EventKind.ENDED
            more["ended_reason"] = ENDED.get(disconnect_type(body))
        case _ if step.endswith(".attributes"):
            kind = EventKind.INCOMING
            more["attached_data"] = text_values(body, "attributes", at)
        case _:
            return []
    return [message.event(kind, conversation, key, **common, **more)]


def _agent_left(
    message: Message, conversation: str, key: str, about: Mapping[str, Any]
) -> list[CallEvent]:
    """Return what the end of an agent's part tells: they talked and left, or never answered."""
    body, why = message.body, disconnect_type(message.body)
    talked = _ms(body, "interactingDurationMs")
    if talked <= 0:
        missed = {"call_goes_on": True, "ended_reason": NOT_ANSWERED.get(why)}
        return [message.event(EventKind.MISSED, conversation, key, **about, **missed)]
    since = {
        **about,
        "occurred_at": _earlier(about["occurred_at"], talked + _ms(body, "heldDurationMs")),
    }
    left = {**about, "transfer_kind": transfer_kind(why)}
    return [
        message.event(EventKind.ANSWERED, conversation, key, **since),
        message.event(EventKind.TRANSFERRED, conversation, key, **left),
    ]


def number(address: str | None) -> str | None:
    """Return a number or address without the scheme `tel:`."""
    return address.removeprefix("tel:") or None if address else None


def disconnect_type(data: Mapping[str, Any]) -> str:
    """Return why a part ended, in one spelling of the two that Genesys has; "" unknown."""
    value = data.get("disconnectType")
    return value.upper().replace(".", "_") if isinstance(value, str) else ""


def transfer_kind(disconnect: str) -> TransferKind | None:
    """Return how a part was transferred away, None when it was not, or nobody says."""
    if disconnect in ("CONSULT_TRANSFER", "TRANSFER_CONSULT"):
        return "attended"
    return "blind" if disconnect == "TRANSFER" else None


def _ms(body: Mapping[str, Any], name: str) -> float:
    value = body.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _earlier(time: datetime | None, milliseconds: float) -> datetime | None:
    try:
        return time - timedelta(milliseconds=milliseconds) if time else None
    except (OverflowError, ValueError):
        return time
