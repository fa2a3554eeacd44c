"""Bodies as Genesys Cloud sends them through EventBridge."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

from app.core.call import CallEvent
from app.telephony.genesys import Genesys, GenesysConfig
from tests.telephony.hooks import NOW, hook

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
PBX = Genesys("gc", GenesysConfig(secret=SECRET, token="k3y"))
CONVERSATION = "c0ffee00-0000-4000-8000-000000000001"


def at(second: float) -> str:
    moment = NOW + timedelta(seconds=second)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def envelope(topic: str, second: float, body: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"{topic}-{second}",
        "detail-type": topic,
        "source": "aws.partner/genesys.com/cloud/00000000-0000-0000-0000-000000000000/pop",
        "account": "123456789012",
        "time": at(second),
        "region": "eu-west-2",
        "resources": [],
        "detail": {"topicName": topic, "version": "2", "eventBody": body},
    }


def detail(step: str, second: float, **body: Any) -> dict[str, Any]:
    about = {
        "eventTime": at(second),
        "conversationId": CONVERSATION,
        "participantId": "p",
        "sessionId": "s",
        "mediaType": "VOICE",
        "direction": "INBOUND",
        "ani": "tel:+442079460958",
        "dnis": "tel:+448005550100",
        **body,
    }
    return envelope(f"v2.detail.events.conversation.{CONVERSATION}.{step}", second, about)


def whole(second: float, *participants: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"id": CONVERSATION, "participants": list(participants), **more}
    return envelope("v2.routing.queues.q-1.conversations.calls", second, body)


def customer(**more: Any) -> dict[str, Any]:
    return {
        "id": "p-customer",
        "purpose": "customer",
        "state": "connected",
        "direction": "inbound",
        "address": "tel:+442079460958",
        "dnis": "tel:+448005550100",
        "name": "KESTREL GARDEN",
        "startTime": at(0),
        "connectedTime": at(0),
        "attributes": {"language": "fr"},
        **more,
    }


QUEUE: dict[str, Any] = {"id": "p-acd", "purpose": "acd", "state": "connected", "startTime": at(2)}
QUEUE |= {"queue": {"id": "q-1"}}


def agent(user: str, state: str, started: float, **more: Any) -> dict[str, Any]:
    return {
        "id": f"p-{user}",
        "purpose": "agent",
        "state": state,
        "held": False,
        "user": {"id": user},
        "queue": {"id": "q-1"},
        "startTime": at(started),
        **more,
    }


def parsed(body: dict[str, Any]) -> CallEvent:
    [event] = PBX.parse(hook(body))
    return event


def story(*bodies: dict[str, Any]) -> list[CallEvent]:
    return [event for body in bodies for event in PBX.parse(hook(body))]
