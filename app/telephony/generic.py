"""The generic phone system: our own JSON event, plain or in CloudEvents, from anything with curl.

Proved by Standard Webhooks or by a bearer token. Contract section 3 has the fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

import orjson
from pydantic import Field, SecretStr, field_validator, model_validator
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony import cloudevents, standard_webhooks
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
from app.telephony.body import JSON, MAX_TEXT, json_value, media_type
from app.telephony.cloudevents import CloudEvent
from app.telephony.generic_event import read_event
from app.telephony.secrets import OptionalSecret, Secrets, bearer_token, is_one_of

_ACCEPTED = (JSON, cloudevents.STRUCTURED, cloudevents.BATCH)


class GenericConfig(PhoneSystemConfig):
    """Settings: at least one of a signing secret and a bearer token."""

    secret: Secrets = Field(
        default=(),
        title="Signing secrets",
        description="The sender signs every event with one of these (Standard Webhooks). Written "
        "whsec_ followed by base64 of 24 to 64 random bytes. To change a secret without losing "
        "calls, keep the old and the new one side by side until the sender uses the new one.",
    )
    token: OptionalSecret = Field(
        default=SecretStr(""),
        title="Bearer token",
        description="For a phone system that cannot sign: it sends this text in the header "
        "Authorization: Bearer …. Prefer a signing secret where you can.",
    )

    @field_validator("secret")
    @classmethod
    def _secrets_are_keys(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in secrets:
            standard_webhooks.decode_secret(secret.get_secret_value())
        return secrets

    @model_validator(mode="after")
    def _something_proves_the_sender(self) -> Self:
        # A blank token would be matched by an empty header.
        if not self.secret and not self.token.get_secret_value().strip():
            raise ValueError("give a signing secret, or a bearer token, or both")
        return self


class Generic(PhoneSystem[GenericConfig]):
    """Our own JSON events (contract section 3)."""

    kind = "generic"
    title = "Generic webhook"
    summary = (
        "Any phone system that can post JSON: signed by Standard Webhooks or with a bearer token, "
        "plain or as CloudEvents."
    )
    Config = GenericConfig

    def __init__(self, slug: str, config: GenericConfig) -> None:
        super().__init__(slug, config)
        self._keys = [standard_webhooks.decode_secret(s.get_secret_value()) for s in config.secret]
        self._token = config.token.get_secret_value().strip()

    @override
    def verify(self, request: HookRequest) -> None:
        if self._token:
            given = bearer_token(request.headers)
            if given is not None and is_one_of(given, (self._token,)):
                return
            if not self._keys:
                raise Refused("the header Authorization: Bearer … is missing or has another token")
        standard_webhooks.verify(self._keys, request.headers, request.body, request.received_at)

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        message_id = request.headers.get("webhook-id")
        if message_id is not None and (len(message_id) > MAX_TEXT or "\0" in message_id):
            raise NotUnderstood(f"header webhook-id: at most {MAX_TEXT} characters, and no NUL")
        media = media_type(request.headers)
        value = json_value(request.body)
        if media in (JSON, "") and not cloudevents.is_binary(request.headers):
            if isinstance(value, list):
                return self._batch(cloudevents.read_batch(value), message_id, request)
            if not isinstance(value, dict) or "event" in value or "specversion" not in value:
                return [
                    read_event(
                        value,
                        "",
                        slug=self.slug,
                        received_at=request.received_at,
                        message_key=f"webhook:{message_id}" if message_id else None,
                    )
                ]
            envelope = cloudevents.read_structured(value)
        elif media == cloudevents.BATCH:
            return self._batch(cloudevents.read_batch(value), message_id, request)
        elif media == cloudevents.STRUCTURED:
            envelope = cloudevents.read_structured(value)
        elif media in (JSON, ""):
            envelope = cloudevents.read_binary(request.headers, value)
        else:
            raise NotUnderstood(
                f'content-type "{media[:80]}" is not one of {", ".join(_ACCEPTED)}: '
                "send application/json"
            )
        return [self._from_envelope(envelope, message_id and f"webhook:{message_id}", request)]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        answer = super().answer(request, accepted)
        is_batch = request.body.lstrip()[:1] == b"["
        if is_batch and len(accepted) == 1:
            return Answer(answer.status, b"[" + answer.body + b"]")
        return answer

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        body = orjson.dumps(
            {
                "event": "ringing",
                "call_id": call.call_id,
                "event_id": f"{call.call_id}-ringing",
                "occurred_at": call.now,
                "direction": "inbound",
                "ani": call.ani or None,
                "extension": call.extension,
            }
        )
        proof = self._proof(f"msg_{call.call_id}", call.now, body)
        return SignedRequest(call.url, {"content-type": JSON, **proof}, body)

    @override
    def signed_again(self, request: HookRequest) -> Mapping[str, str]:
        message_id = request.headers.get("webhook-id")
        if message_id is None:
            message_id = f"replay-{hashlib.sha256(request.body).hexdigest()[:32]}"
        return self._proof(message_id, request.received_at, request.body)

    def _proof(self, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
        if not self._keys:
            return {"authorization": f"Bearer {self._token}"}
        timestamp = int(at.timestamp())
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": standard_webhooks.sign(self._keys[0], message_id, timestamp, body),
        }

    def _batch(
        self, envelopes: Sequence[CloudEvent], message_id: str | None, request: HookRequest
    ) -> list[CallEvent]:
        return [
            self._from_envelope(
                envelope, f"webhook#{index}:{message_id}" if message_id else None, request
            )
            for index, envelope in enumerate(envelopes)
        ]

    def _from_envelope(
        self, envelope: CloudEvent, message_key: str | None, request: HookRequest
    ) -> CallEvent:
        return read_event(
            envelope.data,
            envelope.at,
            slug=self.slug,
            received_at=request.received_at,
            message_key=message_key,
            # A source is a URI reference, which has no spaces: no two pairs give the same text.
            envelope_id=f"{envelope.source} {envelope.id}",
            envelope_time=envelope.time,
        )
