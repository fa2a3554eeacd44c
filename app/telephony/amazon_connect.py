"""Amazon Connect: contact events, agent events and a look-up in the flow, joined on the contact.

Formats: Amazon Connect administrator guide, "contact events" (through EventBridge), "agent event
streams data model" (through Kinesis), and the event of a flow's Lambda block. No single one is
enough, so all three are posted to the same webhook:

- contact events tell of arrival, queue, agent and end, but not who calls;
- agent events tell whose phone rings, with the user name, queue, hold and missed rings;
- the flow's Lambda tells who calls, what was typed, and the contact's attributes.

A transfer makes a new contact, with its own id, agent and end. It is a call of its own here, with
`parent_call_id`: the end of the first contact, which a transfer brings about as a hang-up does,
must not take the call off the next agent's screen.

Contact events name an agent by ARN only, agent events also by user name. An agent that the setting
`agents` does not know stays unnamed in a contact event: the answer then goes to who rings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import orjson
from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony.amazon_connect_event import Reader
from app.telephony.base import HookRequest, NotUnderstood, SignedRequest, TestCall
from app.telephony.body import json_value
from app.telephony.eventbridge import EventBridgeConfig, EventBridgeSystem, objects


class AmazonConnectConfig(EventBridgeConfig):
    """Settings: the keys, and who is behind an agent's ARN."""

    agents: dict[str, str] = Field(
        default_factory=dict,
        title="Agents by id",
        description="Only where the agent event stream is not connected: the id at the end of an "
        "agent's ARN, and the extension or e-mail address of that agent here.",
    )


class AmazonConnect(EventBridgeSystem[AmazonConnectConfig]):
    """Amazon Connect, voice contacts."""

    kind = "amazon_connect"
    title = "Amazon Connect"
    summary = (
        "Contact events (EventBridge), the agent event stream (Kinesis) and a look-up in the "
        "contact flow, all forwarded to this webhook by one small Lambda."
    )
    Config = AmazonConnectConfig

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        reader = Reader(self.slug, request.received_at, self.config.agents)
        events: list[CallEvent] = []
        for at, data in objects(json_value(request.body)):
            if "detail" in data:
                events += reader.contact_event(data, at)
            elif "CurrentAgentSnapshot" in data or "AgentARN" in data:
                events += reader.agent_event(data, at)
            elif "Details" in data:
                events += reader.flow_look_up(data, at)
            else:
                raise NotUnderstood(
                    "is neither an EventBridge event, nor an agent event, nor the event of a "
                    "flow's Lambda block",
                    at,
                )
        return events

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        """Send the flow's look-up and the agent's ring as one: neither has both."""
        return self.sent(call, orjson.dumps(_test_call(call)))


def _test_call(call: TestCall) -> dict[str, Any]:
    at = call.now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    contact: Mapping[str, Any] = {
        "ContactId": call.call_id,
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "State": "CONNECTING",
        "StateStartTimestamp": at,
        # Agent events do not have it; a test call must say who calls.
        "CustomerEndpoint": {"Address": call.ani, "Type": "TELEPHONE_NUMBER"} if call.ani else None,
    }
    return {
        "EventType": "STATE_CHANGE",
        "EventId": call.call_id,
        "EventTimestamp": at,
        "AgentARN": "arn:aws:connect:::agent/test",
        "CurrentAgentSnapshot": {
            "Configuration": {"Username": call.extension},
            "Contacts": [contact],
        },
    }
