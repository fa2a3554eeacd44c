"""Dialpad: call event subscriptions, whose body is a JWT signed with our own secret (HS256).

Format: developers.dialpad.com, Call events. What an event means is in `dialpad_event`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony import hs256
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
from app.telephony.dialpad_event import read_event
from app.telephony.required_secrets import RequiredSecrets, plain


class DialpadConfig(PhoneSystemConfig):
    """Settings: the webhook's secret."""

    secret: RequiredSecrets = Field(
        title="Webhook secret",
        description="The secret that you gave to Dialpad when the webhook was created. Dialpad "
        "then sends every event signed; one without a signature is refused.",
        min_length=1,
    )


class Dialpad(PhoneSystem[DialpadConfig]):
    """Dialpad's call events."""

    kind = "dialpad"
    title = "Dialpad"
    summary = (
        "A call event subscription of Dialpad for the company, an office, a contact centre or a "
        "user, through a webhook with a secret."
    )
    Config = DialpadConfig

    def __init__(self, slug: str, config: DialpadConfig) -> None:
        super().__init__(slug, config)
        self._keys = [secret.encode() for secret in plain(config.secret)]

    @override
    def verify(self, request: HookRequest) -> None:
        self._event(request)

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        try:
            event = self._event(request)
        except Refused as error:
            raise NotUnderstood(str(error)) from None
        return read_event(event, slug=self.slug, received_at=request.received_at)

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        return Answer(200, b"{}")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        milliseconds = int(call.now.timestamp() * 1000)
        is_address = "@" in call.extension
        event = {
            "call_id": call.call_id,
            "state": "ringing",
            "direction": "inbound",
            "external_number": call.ani or None,
            "event_timestamp": milliseconds,
            "date_started": milliseconds,
            "target": {"type": "user", "email" if is_address else "id": call.extension},
        }
        body = hs256.sign(self._keys[0], event).encode()
        return SignedRequest(call.url, {"content-type": "application/jwt"}, body)

    def _event(self, request: HookRequest) -> dict[str, Any]:
        # The text of the token, alone or as a JSON string.
        token = request.body.strip().strip(b'"')
        return hs256.verified_claims(self._keys, token.decode("utf-8", "replace"))
