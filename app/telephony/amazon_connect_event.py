"""What Amazon Connect's three kinds of events mean: each to `CallEvent`s of a contact.

AWS writes the names of contact events both ways (`eventType`, `EventType`): case is ignored there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.body import required_text, text, text_values
from app.telephony.eventbridge import moment
from app.telephony.provider_json import event_key, part

_CONTACT_KINDS = {
    "INITIATED": (EventKind.INCOMING, ("initiationtimestamp",)),
    "QUEUED": (EventKind.QUEUED, ("enqueuetimestamp",)),
    "CONNECTED_TO_AGENT": (EventKind.ANSWERED, ("connectedtoagenttimestamp",)),
    "DISCONNECTED": (EventKind.ENDED, ("disconnecttimestamp",)),
    # After the wrap-up; the contact itself was over before, in case that event was lost.
    "COMPLETED": (EventKind.ENDED, ("disconnecttimestamp",)),
}
_AGENT_KINDS = {
    "INCOMING": EventKind.RINGING,
    "CONNECTING": EventKind.RINGING,
    "CONNECTED": EventKind.ANSWERED,
    "CONNECTED_ONHOLD": EventKind.HELD,
    "MISSED": EventKind.MISSED,
    "REJECTED": EventKind.MISSED,
    "ERROR": EventKind.MISSED,
    "ENDED": EventKind.ENDED,
}
_MISSED_REASONS = {"MISSED": "no_answer", "REJECTED": "declined", "ERROR": "failed"}
_FAILED = ("TELECOM_PROBLEM", "EXPIRED", "OUTBOUND_")
_DIRECTIONS: dict[str, Direction] = {
    "INBOUND": "inbound",
    "OUTBOUND": "outbound",
    "EXTERNAL_OUTBOUND": "outbound",
    "CALLBACK": "outbound",
    "API": "outbound",
}
_SYSTEM_ENDPOINT_TAG = "aws:connect:systemendpoint"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the events of one webhook; `agents` maps the id in an agent's ARN to an extension."""

    slug: str
    received_at: datetime
    agents: Mapping[str, str]

    def contact_event(self, envelope: Mapping[str, Any], at: str) -> list[CallEvent]:
        """Read an EventBridge event; nothing for another channel or an event of no interest.

        Raises:
            NotUnderstood: it is not a contact event, or a value cannot be kept.
        """
        detail = _lower(part(envelope, "detail"))
        here = f"{at}/detail"
        verb = required_text(detail, "eventtype", here, "send Amazon Connect's contact events")
        kind, times = _CONTACT_KINDS.get(verb, (None, ()))
        if kind is None or not _is_a_call(detail):
            return []
        agent, queue = _lower(part(detail, "agentinfo")), _lower(part(detail, "queueinfo"))
        contact = required_text(detail, "contactid", here, "it says which call the event is of")
        key = text(envelope, "id", at)
        answered = kind is EventKind.ANSWERED
        return [
            self._event(
                kind,
                contact,
                detail,
                key=f"contact:{key}" if key else None,
                occurred_at=moment({**detail, **queue, **agent}, *times)
                or moment(envelope, "time"),
                numbers=_numbers(detail),
                extensions=self._by_arn(agent.get("agentarn")) if answered else (),
                ended_reason=_ended_reason(detail, agent) if kind is EventKind.ENDED else None,
            )
        ]

    def agent_event(self, data: Mapping[str, Any], at: str) -> list[CallEvent]:
        """Read what has changed on an agent's desk: each contact whose state is another now.

        Raises:
            NotUnderstood: a value is missing or cannot be kept.
        """
        if data.get("EventType") != "STATE_CHANGE":
            return []
        snapshot = part(data, "CurrentAgentSnapshot")
        here = f"{at}/CurrentAgentSnapshot"
        name = text(part(snapshot, "Configuration"), "Username", f"{here}/Configuration")
        extensions = self._by_arn(data.get("AgentARN")) or ((name,) if name else ())
        event_id = text(data, "EventId", at)
        before = {
            str(contact.get("ContactId")): contact.get("State")
            for contact in _contacts(part(data, "PreviousAgentSnapshot"))
        }
        events: list[CallEvent] = []
        for index, contact in enumerate(_contacts(snapshot)):
            pointer = f"{here}/Contacts/{index}"
            state = text(contact, "State", pointer)
            kind = _AGENT_KINDS.get(state or "")
            contact_id = required_text(contact, "ContactId", pointer, "it says which call this is")
            previous = before.get(contact_id)
            if kind is None or previous == state or not _is_a_call(_lower(contact)):
                continue
            resumed = kind is EventKind.ANSWERED and previous == "CONNECTED_ONHOLD"
            times = ["StateStartTimestamp", "EventTimestamp"]
            if resumed or kind is EventKind.HELD:
                # A hold does not renew the state's own start (AgentContactReference).
                times.reverse()
            events.append(
                self._event(
                    EventKind.RESUMED if resumed else kind,
                    contact_id,
                    _lower(contact),
                    key=f"agent:{event_id}:{contact_id}" if event_id else None,
                    occurred_at=moment({**data, **contact}, *times),
                    numbers=_numbers(_lower(contact), given="CustomerEndpoint" in contact),
                    extensions=() if kind is EventKind.ENDED else extensions,
                    queue=text(part(contact, "Queue"), "Name", f"{pointer}/Queue"),
                    ended_reason=_MISSED_REASONS.get(state or ""),
                    call_goes_on=kind is EventKind.MISSED,
                )
            )
        return events

    def flow_look_up(self, data: Mapping[str, Any], at: str) -> list[CallEvent]:
        """Read the event of a flow's Lambda block: who calls, and what the flow knows.

        Raises:
            NotUnderstood: a value is missing or cannot be kept.
        """
        details, here = part(data, "Details"), f"{at}/Details"
        contact = part(details, "ContactData")
        here_contact = f"{here}/ContactData"
        contact_id = required_text(contact, "ContactId", here_contact, "it says which call this is")
        if not _is_a_call(_lower(contact)):
            return []
        return [
            self._event(
                EventKind.INCOMING,
                contact_id,
                _lower(contact),
                key=event_key("flow", orjson.dumps(details)),
                occurred_at=None,
                numbers=_numbers(_lower(contact), given=True),
                queue=text(part(contact, "Queue"), "Name", f"{here_contact}/Queue"),
                collected=text_values(details, "Parameters", here),
                attached_data=text_values(contact, "Attributes", here_contact),
            )
        ]

    def _event(
        self,
        kind: EventKind,
        contact_id: str,
        contact: Mapping[str, Any],
        *,
        key: str | None,
        occurred_at: datetime | None,
        numbers: Numbers,
        **more: Any,
    ) -> CallEvent:
        before = text(contact, "previouscontactid") or text(contact, "initialcontactid")
        parent = None if before in (None, contact_id) else f"{self.slug}:{before}"
        return CallEvent(
            kind=kind,
            call_id=f"{self.slug}:{contact_id}",
            phone_system=self.slug,
            received_at=self.received_at,
            event_key=key and f"amazon_connect:{key}",
            occurred_at=occurred_at,
            direction=_DIRECTIONS.get(str(contact.get("initiationmethod"))),
            ani=numbers.ani,
            withheld=numbers.withheld,
            dnis=numbers.dnis,
            parent_call_id=parent,
            **more,
        )

    def _by_arn(self, arn: object) -> tuple[str, ...]:
        if not isinstance(arn, str):
            return ()
        known = self.agents.get(arn.rpartition("/")[2]) or self.agents.get(arn)
        return (known,) if known else ()


@dataclass(frozen=True, slots=True)
class Numbers:
    """The two ends of a contact as far as an event tells them."""

    ani: str | None
    dnis: str | None
    withheld: bool


def _numbers(contact: Mapping[str, Any], *, given: bool = False) -> Numbers:
    """Return who calls whom; `given`: the event would tell the customer's number if it had one."""
    customer = text(_lower(part(contact, "customerendpoint")), "address", "/CustomerEndpoint")
    system = text(_lower(part(contact, "systemendpoint")), "address", "/SystemEndpoint") or text(
        _lower(part(contact, "tags")), _SYSTEM_ENDPOINT_TAG, "/tags"
    )
    if _DIRECTIONS.get(str(contact.get("initiationmethod"))) == "outbound":
        return Numbers(system, customer, withheld=False)
    return Numbers(customer, system, withheld=given and customer is None)


def _is_a_call(contact: Mapping[str, Any]) -> bool:
    """Leave out chats, tasks and e-mails, and a supervisor who listens in."""
    channel = contact.get("channel")
    if isinstance(channel, str) and channel.upper() != "VOICE":
        return False
    return contact.get("initiationmethod") != "MONITOR"


def _ended_reason(detail: Mapping[str, Any], agent: Mapping[str, Any]) -> str:
    why = detail.get("disconnectreason")
    if isinstance(why, str) and why.startswith(_FAILED):
        return "failed"
    return "completed" if moment(agent, "connectedtoagenttimestamp") else "cancelled"


def _contacts(snapshot: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    contacts = snapshot.get("Contacts")
    return [c for c in contacts if isinstance(c, dict)] if isinstance(contacts, list) else []


def _lower(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in data.items()}
