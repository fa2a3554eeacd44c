"""Vonage Voice: answer and event webhooks, signed with a JWT over the body's hash.

What the webhooks mean is in `vonage_event`; here the settings, the signature, the answers and a
test call. Signature: developer.vonage.com, Webhooks, Decoding signed webhooks.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import Field, field_validator
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony import hs256
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
from app.telephony.body import JSON, json_value
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.secrets import OptionalText, bearer_token
from app.telephony.vonage_event import is_answer_webhook, read_event

TOLERANCE_S = 300
ISSUER = "Vonage"


class VonageConfig(PhoneSystemConfig):
    """Settings: the account's signature secret, and what an answer URL is answered with."""

    signature_secret: RequiredSecrets = Field(
        title="Signature secret",
        description="From Vonage's dashboard, API settings, Signature secret. While it is being "
        "changed, the old and the new one side by side.",
        min_length=1,
    )
    application_id: OptionalText = Field(
        default="",
        title="Application id",
        description="Only webhooks of this application are taken. Empty: of every application of "
        "the account, as they all sign with the same secret.",
    )
    answer_ncco: OptionalText = Field(
        default="",
        title="NCCO for the answer URL",
        description="Only if the answer URL points at this webhook: the call control object to "
        "answer with, a JSON list of actions. Without it such a call is answered 503, so that "
        "Vonage asks the fallback answer URL.",
    )

    @field_validator("answer_ncco")
    @classmethod
    def _is_a_list_of_actions(cls, ncco: str) -> str:
        try:
            actions = orjson.loads(ncco) if ncco.strip() else [{"action": ""}]
        except orjson.JSONDecodeError:
            actions = None
        if not isinstance(actions, list) or not actions:
            raise ValueError('must be a JSON list of actions, such as [{"action": "talk", …}]')
        if any(not isinstance(each, dict) or "action" not in each for each in actions):
            raise ValueError('each entry of the list must be an object with "action"')
        return ncco.strip()


class Vonage(PhoneSystem[VonageConfig]):
    """Vonage Voice API."""

    kind = "vonage"
    title = "Vonage Voice"
    summary = (
        "Event webhooks of a Vonage Voice application: set this webhook as its event URL, with "
        "HTTP POST and signed webhooks."
    )
    Config = VonageConfig

    def __init__(self, slug: str, config: VonageConfig) -> None:
        super().__init__(slug, config)
        self._keys = [secret.encode() for secret in plain(config.signature_secret)]

    @override
    def verify(self, request: HookRequest) -> None:
        if request.method != "POST":
            raise Refused("a GET has no body that is signed: set the webhook's method to POST")
        token = bearer_token(request.headers)
        if token is None:
            raise Refused(
                "not signed: the header Authorization: Bearer … is needed; switch on signed "
                "webhooks in Vonage's dashboard"
            )
        claims = hs256.verified_claims(self._keys, token)
        self._check(claims, request)

    def _check(self, claims: Mapping[str, Any], request: HookRequest) -> None:
        issued = claims.get("iat")
        if isinstance(issued, bool) or not isinstance(issued, int | float):
            raise Refused("the token does not say when it was issued (iat)")
        drift = request.received_at.timestamp() - issued
        if abs(drift) > TOLERANCE_S:
            raise Refused(
                f"the token is {abs(drift):.0f} s {'old' if drift > 0 else 'ahead'}, "
                f"more than {TOLERANCE_S} s: check the clock"
            )
        if claims.get("iss") != ISSUER:
            raise Refused(f"the token was not issued by {ISSUER} (iss)")
        wanted = self.config.application_id
        if wanted and claims.get("application_id") != wanted:
            raise Refused("the token is another application's than the one in the settings")
        given = claims.get("payload_hash")
        actual = hashlib.sha256(request.body).hexdigest().encode()
        hashed = given.lower().encode("utf-8", "replace") if isinstance(given, str) else b""
        if not hmac.compare_digest(hashed, actual):
            raise Refused("the body is not the one that was signed (payload_hash)")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        event = read_event(
            json_value(request.body), slug=self.slug, received_at=request.received_at
        )
        return [] if event is None else [event]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """An event wants nothing; the answer webhook wants an NCCO, and an empty one hangs up."""
        if not is_answer_webhook(json_value(request.body)):
            return Answer(204)
        if self.config.answer_ncco:
            return Answer(200, self.config.answer_ncco.encode())
        return Answer(503, b'{"detail": "no NCCO is configured here: ask the fallback answer URL"}')

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        body = orjson.dumps(
            {
                "from": call.ani.removeprefix("+") or "anonymous",
                "to": f"sip:{quote(call.extension, safe='')}@sip.example.com",
                "uuid": f"leg-{call.call_id}",
                "conversation_uuid": call.call_id,
                "status": "ringing",
                "direction": "outbound",
                "timestamp": call.now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            }
        )
        claims = {
            "iat": int(call.now.timestamp()),
            "jti": hashlib.sha256(call.call_id.encode()).hexdigest()[:32],
            "iss": ISSUER,
            "payload_hash": hashlib.sha256(body).hexdigest(),
        }
        if self.config.application_id:
            claims["application_id"] = self.config.application_id
        token = hs256.sign(self._keys[0], claims)
        return SignedRequest(
            call.url, {"content-type": JSON, "authorization": f"Bearer {token}"}, body
        )
