"""Genesys Cloud, through its Amazon EventBridge integration.

Two kinds of topics are read: the detail events of a conversation (`genesys_event`:
`v2.detail.events.conversation.{id}.user.start` and the like), and the whole conversation of a call
(`genesys_conversation`), as the notification topics have it. Either is enough.
"""

from __future__ import annotations

from datetime import UTC

import orjson
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony.base import HookRequest, NotUnderstood, SignedRequest, TestCall
from app.telephony.body import json_value, text
from app.telephony.eventbridge import EventBridgeConfig, EventBridgeSystem, moment, objects
from app.telephony.genesys_conversation import read_conversation
from app.telephony.genesys_event import Message, read_detail_event
from app.telephony.provider_json import part

_MAX_TOPIC = 1024
# v2.users.{id}.conversations.calls, v2.routing.queues.{id}.conversations.calls
_WHOLE_CALL = ".conversations.calls"


class GenesysConfig(EventBridgeConfig):
    """Settings: the keys."""


class Genesys(EventBridgeSystem[GenesysConfig]):
    """Genesys Cloud, calls."""

    kind = "genesys"
    title = "Genesys Cloud"
    summary = (
        "Conversation events of Genesys Cloud's Amazon EventBridge integration, sent on by an "
        "EventBridge API destination. Agents are named by their Genesys user id."
    )
    Config = GenesysConfig

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        events: list[CallEvent] = []
        for at, data in objects(json_value(request.body)):
            detail, here = (
                (part(data, "detail"), f"{at}/detail") if "detail" in data else (data, at)
            )
            topic = text(detail, "topicName", here, _MAX_TOPIC)
            if topic is None:
                raise NotUnderstood("is missing: send Genesys Cloud's events", f"{here}/topicName")
            message = Message(
                slug=self.slug,
                received_at=request.received_at,
                id=text(data, "id", at) or text(part(detail, "metadata"), "CorrelationId", here),
                sent_at=moment(data, "time"),
                topic=topic,
                body=part(detail, "eventBody"),
                at=f"{here}/eventBody",
            )
            is_whole = topic.endswith(_WHOLE_CALL)
            events += (read_conversation if is_whole else read_detail_event)(message)
        return events

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        at = call.now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = {
            "eventTime": at,
            "conversationId": call.call_id,
            "participantId": f"{call.call_id}-agent",
            "sessionId": f"{call.call_id}-session",
            "mediaType": "VOICE",
            "direction": "INBOUND",
            "userId": call.extension,
        }
        if call.ani:
            body["ani"] = f"tel:{call.ani}"
        topic = f"v2.detail.events.conversation.{call.call_id}.user.start"
        envelope = {
            "version": "0",
            "id": call.call_id,
            "detail-type": "v2.detail.events.conversation.{id}.user.start",
            "source": "aws.partner/genesys.com/cloud/test",
            "time": at,
            "detail": {"topicName": topic, "version": "2", "eventBody": body},
        }
        return self.sent(call, orjson.dumps(envelope))
