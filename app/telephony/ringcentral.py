"""RingCentral: notifications of telephony sessions, with the handshake of a new subscription.

Format: developers.ringcentral.com, Notifications (webhooks) and Telephony session notifications.
Nothing is signed: a token that we chose comes back in a header. What a notification means is in
`ringcentral_event`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

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
from app.telephony.body import JSON
from app.telephony.provider_json import event_key, json_object
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.ringcentral_event import read_events
from app.telephony.secrets import is_one_of

# The whole answer, headers included, may have 1024 bytes.
_HANDSHAKE_TOKEN = re.compile(r"[!-~]{1,256}").fullmatch


class RingCentralConfig(PhoneSystemConfig):
    """Settings: the token that proves a notification."""

    verification_token: RequiredSecrets = Field(
        title="Verification token",
        description="A long random text of your own: give it to RingCentral as verificationToken "
        "in the deliveryMode of the subscription, and it comes back with every notification.",
        min_length=1,
    )


class RingCentral(PhoneSystem[RingCentralConfig]):
    """RingCentral's telephony session notifications."""

    kind = "ringcentral"
    title = "RingCentral"
    summary = (
        "A webhook subscription to the account's telephony sessions: every party of a call, from "
        "its set-up to its end."
    )
    Config = RingCentralConfig

    def __init__(self, slug: str, config: RingCentralConfig) -> None:
        super().__init__(slug, config)
        self._tokens = plain(config.verification_token)

    @override
    def verify(self, request: HookRequest) -> None:
        """Check the token. A handshake has none to show: it is only echoed, and makes no event."""
        if _handshake(request) is not None:
            return
        headers = request.headers
        # The guides name the header both ways.
        given = headers.get("verification-token") or headers.get("validation-token")
        if not given or not is_one_of(given, self._tokens):
            raise Refused("the header Verification-Token is missing or has another token")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        if _handshake(request) is not None:
            return []
        notice = json_object(request.body)
        return read_events(notice, slug=self.slug, received_at=request.received_at)

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """Echo the token of a handshake; 200 for anything else, as the subscription wants it."""
        token = _handshake(request)
        return Answer(200, b"", JSON, {} if token is None else {"validation-token": token})

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        customer = {"phoneNumber": call.ani} if call.ani else {"name": "Anonymous"}
        party = {
            "id": f"p-{call.call_id}-2",
            "extensionId": call.extension,
            "direction": "Inbound",
            "from": customer,
            "to": {"extensionId": call.extension},
            "status": {"code": "Proceeding"},
            "missedCall": False,
            "standAlone": False,
            "muted": False,
        }
        body = orjson.dumps(
            {
                "uuid": event_key("test", call.call_id),
                "event": "/restapi/v1.0/account/~/telephony/sessions",
                "timestamp": call.now,
                "subscriptionId": "test",
                "body": {
                    "sequence": 2,
                    "telephonySessionId": call.call_id,
                    "eventTime": call.now,
                    "origin": {"type": "Call"},
                    "parties": [party],
                },
            }
        )
        headers = {"content-type": JSON, "verification-token": self._tokens[0]}
        return SignedRequest(call.url, headers, body)


def _handshake(request: HookRequest) -> str | None:
    """Return the token that a new subscription wants echoed, None when it is a notification."""
    token = request.headers.get("validation-token", "")
    if request.method != "POST" or request.body.strip() or not _HANDSHAKE_TOKEN(token):
        return None
    return token
