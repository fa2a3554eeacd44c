"""Twilio TaskRouter and Flex: event callbacks (forms) and Event Streams (CloudEvents).

Signature as for `twilio`. Formats: twilio.com/docs/taskrouter/api/event/reference and
twilio.com/docs/events/event-types/taskrouter. Meaning in `twilio_taskrouter_event`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony import twilio_signature
from app.telephony.base import (
    Accepted,
    Answer,
    HookRequest,
    NotUnderstood,
    PhoneSystem,
    PhoneSystemConfig,
    SignedRequest,
    TestCall,
)
from app.telephony.body import FORM, form_fields, json_value, media_type, text
from app.telephony.eventbridge import objects
from app.telephony.provider_json import part
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.twilio_taskrouter_event import plain_name, read_event

_STREAM_TYPES = "com.twilio."
_TASKROUTER_TYPES = "com.twilio.taskrouter."
# What a callback that is not an event of a workspace has: assignment callbacks, calls.
_SIGNS_OF_TWILIO = ("accountsid", "workspacesid")


class TwilioTaskRouterConfig(PhoneSystemConfig):
    """Settings: the account's auth token."""

    auth_token: RequiredSecrets = Field(
        title="Auth token",
        description="From Twilio's console, Account, API keys & tokens. While you change it, keep "
        "the primary and the secondary token here side by side. A sub-account has its own.",
    )


class TwilioTaskRouter(PhoneSystem[TwilioTaskRouterConfig]):
    """Twilio TaskRouter, which Flex is built on."""

    kind = "twilio_taskrouter"
    title = "Twilio TaskRouter and Flex"
    summary = (
        "Events of a TaskRouter workspace: set this webhook as the workspace's event callback URL, "
        "or as a sink of Event Streams. Use it instead of Twilio Voice, not beside it."
    )
    Config = TwilioTaskRouterConfig

    def __init__(self, slug: str, config: TwilioTaskRouterConfig) -> None:
        super().__init__(slug, config)
        self._tokens = plain(config.auth_token)

    @override
    def verify(self, request: HookRequest) -> None:
        twilio_signature.verify(self._tokens, request)

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        events = (
            read_event(name, fields, slug=self.slug, received_at=request.received_at)
            for name, fields in _named_events(request)
        )
        return [event for event in events if event is not None]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """Answer as TaskRouter's documentation asks: 204 with a JSON content type."""
        return Answer(204, headers={"content-type": "application/json"})

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        attributes = {"from": call.ani, "direction": "inbound", "call_sid": call.call_id}
        worker = {"contact_uri": f"client:{quote(call.extension, safe='')}"}
        body = urlencode(
            {
                "AccountSid": "AC" + "0" * 32,
                "EventType": "reservation.created",
                "ResourceType": "reservation",
                "Sid": f"EV{call.call_id}",
                "TaskSid": call.call_id,
                "TaskAttributes": orjson.dumps(attributes).decode(),
                "TaskChannelUniqueName": "voice",
                "Timestamp": str(int(call.now.timestamp())),
                "WorkerAttributes": orjson.dumps(worker).decode(),
                "WorkspaceSid": "WS" + "0" * 32,
            }
        ).encode()
        signature = twilio_signature.sign(self._tokens[0], call.url, body)
        headers = {"content-type": FORM, "x-twilio-signature": signature}
        return SignedRequest(call.url, headers, body)


def _named_events(request: HookRequest) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the events of a request as name and fields, the names in one spelling."""
    if request.method == "GET" or media_type(request.headers) in (FORM, ""):
        is_get = request.method == "GET"
        sent = request.query.encode("utf-8", "surrogateescape") if is_get else request.body
        fields = {plain_name(name): value for name, value in form_fields(sent)}
        name = text(fields, "eventtype")
        if name:
            return [(name, fields)]
        if any(fields.get(sign) for sign in _SIGNS_OF_TWILIO):
            return []
        raise NotUnderstood("is missing: this is not an event of TaskRouter", "/EventType")
    return [
        named
        for at, envelope in objects(json_value(request.body))
        if (named := _of_stream(envelope, at)) is not None
    ]


def _of_stream(envelope: Mapping[str, Any], at: str) -> tuple[str, Mapping[str, Any]] | None:
    kind = text(envelope, "type", at)
    if kind is None or not kind.startswith(_STREAM_TYPES):
        raise NotUnderstood("is missing: this is not an event of Twilio's streams", f"{at}/type")
    if not kind.startswith(_TASKROUTER_TYPES):
        return None
    data = part(envelope, "data")
    inner = {**data, **part(data, "payload")}
    fields = {plain_name(name): value for name, value in inner.items()}
    # Twilio's own sample has another event's name in `data`: the envelope's type is right.
    return kind.removeprefix(_TASKROUTER_TYPES), {
        "sid": envelope.get("id"),
        "timestamp": envelope.get("time"),
        **fields,
    }
