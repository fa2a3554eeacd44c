"""Exotel: Passthru and agent popup (GET), app notifications and status callbacks (POST).

Formats: support.exotel.com, Working with Passthru applet and Agent pass-through;
developer.exotel.com, Call notifications and StatusCallback. Nothing is signed: a token in the
address. What the parameters mean is in `exotel_event`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony.base import (
    Accepted,
    Answer,
    HookRequest,
    NotUnderstood,
    PhoneSystem,
    PhoneSystemConfig,
    Refused,
    SignedRequest,
    TestCall,
)
from app.telephony.body import FORM, JSON, form_fields, media_type
from app.telephony.exotel_event import read_event
from app.telephony.provider_json import json_object
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.secrets import is_one_of
from app.telephony.url_token import token_in, with_token


class ExotelConfig(PhoneSystemConfig):
    """Settings: the token in the address."""

    token: RequiredSecrets = Field(
        title="Token",
        description="A long random text. Give Exotel the webhook address with ?token=… and this "
        "text at its end; anyone who has it can announce calls.",
        min_length=1,
    )


class Exotel(PhoneSystem[ExotelConfig]):
    """Exotel's call flows and apps."""

    kind = "exotel"
    title = "Exotel"
    summary = (
        "The Passthru applet and the popup address of the Connect applet in a call flow, and the "
        "popup address of an IP-PSTN or WebRTC app."
    )
    Config = ExotelConfig

    def __init__(self, slug: str, config: ExotelConfig) -> None:
        super().__init__(slug, config)
        self._tokens = plain(config.token)

    @override
    def verify(self, request: HookRequest) -> None:
        given = token_in(request)
        if not given or not is_one_of(given, self._tokens):
            raise Refused("the token in the address (?token=…) is missing or another")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        return read_event(_fields(request), slug=self.slug, received_at=request.received_at)

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """200 lets a Passthru applet go on to the next one."""
        return Answer(200, b"", "text/plain")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        body = orjson.dumps(
            {
                "event": "incoming_call",
                "call_sid": call.call_id,
                "direction": "inbound",
                "from": call.ani or None,
                "to": f"sip:{quote(call.extension, safe='')}@app.exotel.com",
                "timestamp": call.now,
            }
        )
        url = with_token(call.url, self._tokens[0])
        return SignedRequest(url, {"content-type": JSON}, body)


def _fields(request: HookRequest) -> Mapping[str, Any]:
    """Read the parameters from wherever this part of Exotel puts them; names in lower case."""
    if request.method == "GET":
        given: Mapping[str, Any] = dict(
            form_fields(request.query.encode("utf-8", "surrogateescape"))
        )
    elif media_type(request.headers) == FORM:
        given = dict(form_fields(request.body))
    elif media_type(request.headers).startswith("multipart/"):
        raise NotUnderstood("multipart forms are not read: choose JSON in Exotel's settings")
    else:
        given = json_object(request.body)
    # Its own pages spell CallFrom and Callfrom.
    return {name.lower(): value for name, value in given.items() if name != "token"}
