"""Zoom Phone: webhook events `phone.callee_*` and `phone.caller_*`, signed, with a URL challenge.

Formats and signature: developers.zoom.us, Using webhooks, and the types of npm `@zoom/rivet`;
what the events mean is in `zoom_event`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony.base import (
    Accepted,
    Answer,
    HookRequest,
    PhoneSystem,
    PhoneSystemConfig,
    Refused,
    SignedRequest,
    TestCall,
)
from app.telephony.body import JSON, required_text
from app.telephony.provider_json import json_object, part
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.secrets import is_one_of
from app.telephony.zoom_event import read_event

TOLERANCE_S = 300
_CHALLENGE = "endpoint.url_validation"


class ZoomConfig(PhoneSystemConfig):
    """Settings: the app's secret token."""

    secret_token: RequiredSecrets = Field(
        title="Secret token",
        description="The Secret Token of your app in the Zoom App Marketplace. To change it, keep "
        "the old and the new one here side by side until Zoom uses the new one.",
        min_length=1,
    )


class Zoom(PhoneSystem[ZoomConfig]):
    """Zoom Phone's event notifications."""

    kind = "zoom"
    title = "Zoom Phone"
    summary = (
        "Event subscriptions of a Zoom Marketplace app: a callee's phone rings, is answered, held, "
        "transferred, missed or ended. Zoom checks the address with a challenge, which is answered."
    )
    Config = ZoomConfig

    def __init__(self, slug: str, config: ZoomConfig) -> None:
        super().__init__(slug, config)
        self._tokens = plain(config.secret_token)

    @override
    def verify(self, request: HookRequest) -> None:
        given = request.headers.get("x-zm-signature", "")
        timestamp = request.headers.get("x-zm-request-timestamp", "")
        if not (given and timestamp):
            raise Refused("not signed: x-zm-signature and x-zm-request-timestamp are needed")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise Refused("x-zm-request-timestamp is not a time in Unix seconds")
        drift = request.received_at.timestamp() - int(timestamp)
        if abs(drift) > TOLERANCE_S:
            raise Refused(
                f"x-zm-request-timestamp is {abs(drift):.0f} s {'old' if drift > 0 else 'ahead'}, "
                f"more than {TOLERANCE_S} s: check both clocks"
            )
        expected = (_signature(token, timestamp, request.body) for token in self._tokens)
        if not is_one_of(given, expected):
            raise Refused("x-zm-signature does not match: the secret token or the body differs")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        notice = json_object(request.body)
        if notice.get("event") == _CHALLENGE:
            _plain_token(notice)
            return []
        return read_event(notice, slug=self.slug, received_at=request.received_at)

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """Answer the challenge with the HMAC of its token, anything else with 204."""
        notice = {} if accepted else json_object(request.body)
        if notice.get("event") != _CHALLENGE:
            return Answer(204)
        challenge = _plain_token(notice)
        encrypted = hmac.digest(self._tokens[0].encode(), challenge.encode(), "sha256").hex()
        return Answer(
            200, orjson.dumps({"plainToken": challenge, "encryptedToken": encrypted}), JSON
        )

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        milliseconds = int(call.now.timestamp() * 1000)
        caller = {"extension_type": "pstn", **({"phone_number": call.ani} if call.ani else {})}
        body = orjson.dumps(
            {
                "event": "phone.callee_ringing",
                "event_ts": milliseconds,
                "payload": {
                    "account_id": "test",
                    "object": {
                        "call_id": call.call_id,
                        "callee": {"extension_type": "user", "extension_number": call.extension},
                        "caller": caller,
                        "ringing_start_time": call.now,
                    },
                },
            }
        )
        proof = self._proof(call.now, body)
        return SignedRequest(call.url, {"content-type": JSON, **proof}, body)

    @override
    def signed_again(self, request: HookRequest) -> Mapping[str, str]:
        return self._proof(request.received_at, request.body)

    def _proof(self, at: datetime, body: bytes) -> dict[str, str]:
        timestamp = str(int(at.timestamp()))
        signature = _signature(self._tokens[0], timestamp, body)
        return {"x-zm-request-timestamp": timestamp, "x-zm-signature": signature}


def _signature(token: str, timestamp: str, body: bytes) -> str:
    signed = f"v0:{timestamp}:".encode() + body
    return f"v0={hmac.digest(token.encode(), signed, 'sha256').hex()}"


def _plain_token(notice: Mapping[str, Any]) -> str:
    """Return the challenge; its length is bounded, or we would sign any text for a stranger."""
    return required_text(
        part(notice, "payload"), "plainToken", "/payload", "Zoom's text to be signed"
    )
