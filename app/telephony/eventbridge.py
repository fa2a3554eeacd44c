"""Events that reach us from AWS: signed by a small Lambda, or with the key of an API destination.

EventBridge itself signs nothing: an API destination sends a header of its connection, and the
Lambda of docs/phone-systems/ signs with Standard Webhooks.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self, TypeVar

from pydantic import Field, SecretStr, field_validator, model_validator
from typing_extensions import override

from app.telephony import standard_webhooks
from app.telephony.base import (
    HookRequest,
    NotUnderstood,
    PhoneSystem,
    PhoneSystemConfig,
    Refused,
    SignedRequest,
    TestCall,
)
from app.telephony.body import JSON, json_type
from app.telephony.secrets import OptionalSecret, Secrets, bearer_token, is_one_of
from app.telephony.times import iso_time

MAX_EVENTS = 500


class EventBridgeConfig(PhoneSystemConfig):
    """Settings: at least one of a signing secret and an API key."""

    secret: Secrets = Field(
        default=(),
        title="Signing secrets",
        description="For the forwarding Lambda: whsec_ followed by base64 of 24 to 64 random "
        "bytes. To change it, keep the old and the new one side by side for a while.",
    )
    token: OptionalSecret = Field(
        default=SecretStr(""),
        title="API key",
        description="For an EventBridge API destination: the value that its connection sends in "
        "the header x-api-key, or as Authorization: Bearer ….",
    )

    @field_validator("secret")
    @classmethod
    def _secrets_are_keys(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in secrets:
            standard_webhooks.decode_secret(secret.get_secret_value())
        return secrets

    @model_validator(mode="after")
    def _something_proves_the_sender(self) -> Self:
        if not self.secret and not self.token.get_secret_value().strip():
            raise ValueError("give a signing secret, or an API key, or both")
        return self


C = TypeVar("C", bound=EventBridgeConfig)


class EventBridgeSystem(PhoneSystem[C], ABC):
    """A phone system whose events come through AWS."""

    def __init__(self, slug: str, config: C) -> None:
        super().__init__(slug, config)
        self._keys = [standard_webhooks.decode_secret(s.get_secret_value()) for s in config.secret]
        self._token = config.token.get_secret_value().strip()

    @override
    def verify(self, request: HookRequest) -> None:
        if self._token:
            given = request.headers.get("x-api-key") or bearer_token(request.headers)
            if given and is_one_of(given, (self._token,)):
                return
            if not self._keys:
                raise Refused("the header x-api-key is missing or has another key")
        standard_webhooks.verify(self._keys, request.headers, request.body, request.received_at)

    def sent(self, call: TestCall, body: bytes) -> SignedRequest:
        """Return a test call's body as the Lambda or the API destination would send it."""
        headers = {"content-type": JSON}
        if not self._keys:
            return SignedRequest(call.url, headers | {"x-api-key": self._token}, body)
        message_id, seconds = f"msg_{call.call_id}", int(call.now.timestamp())
        headers |= {
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": standard_webhooks.sign(self._keys[0], message_id, seconds, body),
        }
        return SignedRequest(call.url, headers, body)


def objects(value: object) -> list[tuple[str, Mapping[str, Any]]]:
    """Return one event or a list of them, each with its JSON pointer.

    Raises:
        NotUnderstood: something else than objects, or more than 500 of them.
    """
    many = value if isinstance(value, list) else [value]
    if len(many) > MAX_EVENTS:
        raise NotUnderstood(f"{len(many)} events at once: send at most {MAX_EVENTS}")
    found: list[tuple[str, Mapping[str, Any]]] = []
    for index, each in enumerate(many):
        at = f"/{index}" if isinstance(value, list) else ""
        if not isinstance(each, dict):
            raise NotUnderstood(f"must be an object that is one event, not {json_type(each)}", at)
        found.append((at, each))
    return found


def moment(data: Mapping[str, Any], *keys: str) -> datetime | None:
    """Return the first of these times that is given and real; 1970 stands for "not yet"."""
    for key in keys:
        time = iso_time(data.get(key))
        if time is not None and time.year > 1970:
            return time
    return None
