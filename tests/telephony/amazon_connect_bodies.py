"""Bodies as Amazon Connect sends them."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

from app.core.call import CallEvent
from app.telephony.amazon_connect import AmazonConnect, AmazonConnectConfig
from tests.telephony.hooks import NOW, hook

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
PBX = AmazonConnect("ac", AmazonConnectConfig(secret=SECRET, token="k3y"))
CONTACT = "11111111-1111-1111-1111-111111111111"
TRANSFERRED = "22222222-2222-2222-2222-222222222222"
INSTANCE = "arn:aws:connect:eu-west-2:123456789012:instance/i-1"


def at(second: float) -> str:
    moment = NOW + timedelta(seconds=second)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def contact_event(verb: str, second: float, **detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"e-{verb}-{second}",
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "account": "111122223333",
        "time": at(second),
        "region": "eu-west-2",
        "resources": ["contactArn", "instanceArn"],
        "detail": {
            "eventType": verb,
            "contactId": CONTACT,
            "channel": "VOICE",
            "instanceArn": INSTANCE,
            "initiationMethod": "INBOUND",
            "initiationTimestamp": at(0),
            "tags": {"aws:connect:systemEndpoint": "+448005550100"},
            **detail,
        },
    }


def connected(second: float, arn: str = "a-bob", **detail: Any) -> dict[str, Any]:
    agent = {"agentArn": f"{INSTANCE}/agent/{arn}", "connectedToAgentTimestamp": at(second)}
    return contact_event("CONNECTED_TO_AGENT", second, agentInfo=agent, **detail)


def agent_event(
    name: str, second: float, state: str, before: str | None = None, **contact: Any
) -> dict[str, Any]:
    about = {
        "ContactId": CONTACT,
        "InitialContactId": None,
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "StateStartTimestamp": at(second),
        "Queue": {"ARN": f"{INSTANCE}/queue/q-1", "Name": "Sales"},
        **contact,
    }
    configuration = {"Username": name, "FirstName": "A", "RoutingProfile": {"Name": "Basic"}}
    previous = [{**about, "State": before}] if before else []
    return {
        "AWSAccountId": "111122223333",
        "AgentARN": f"{INSTANCE}/agent/a-{name}",
        "CurrentAgentSnapshot": {
            "AgentStatus": {"Name": "Available", "StartTimestamp": at(-60)},
            "Configuration": configuration,
            "Contacts": [{**about, "State": state}],
        },
        "PreviousAgentSnapshot": {"Configuration": configuration, "Contacts": previous},
        "EventId": f"{name}-{state}-{second}",
        "EventTimestamp": at(second),
        "EventType": "STATE_CHANGE",
        "InstanceARN": INSTANCE,
        "Version": "2019-05-25",
    }


def flow_event(**contact: Any) -> dict[str, Any]:
    return {
        "Name": "ContactFlowEvent",
        "Details": {
            "ContactData": {
                "Attributes": {"language": "fr"},
                "Channel": "VOICE",
                "ContactId": CONTACT,
                "CustomerEndpoint": {"Address": "+442079460958", "Type": "TELEPHONE_NUMBER"},
                "InitialContactId": CONTACT,
                "InitiationMethod": "INBOUND",
                "InstanceARN": INSTANCE,
                "PreviousContactId": CONTACT,
                "Queue": None,
                "SystemEndpoint": {"Address": "+448005550100", "Type": "TELEPHONE_NUMBER"},
                **contact,
            },
            "Parameters": {"account": "C-100"},
        },
    }


def parsed(body: dict[str, Any], pbx: AmazonConnect = PBX) -> CallEvent:
    [event] = pbx.parse(hook(body))
    return event


def story(*bodies: dict[str, Any]) -> list[CallEvent]:
    return [event for body in bodies for event in PBX.parse(hook(body))]
