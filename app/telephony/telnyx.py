"""Telnyx: webhooks of Call Control and of TeXML, signed with Ed25519.

What the events mean is in `telnyx_event`; here the settings, the signature and a test call.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import UTC
from typing import Annotated, Self
from urllib.parse import quote

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from typing_extensions import override

from app.core.call import CallEvent
from app.errors import UserError
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
from app.telephony.body import FORM, JSON, form_fields, json_value, media_type
from app.telephony.secrets import OptionalSecret
from app.telephony.telnyx_event import read_event, read_texml
from app.telephony.voice_document import VoiceUrl, voice_document

TOLERANCE_S = 300
SIGNATURE = "telnyx-signature-ed25519"
TIMESTAMP = "telnyx-timestamp"
_SIGNATURE_BYTES = 64
_MIN_TEST_SECRET = 32


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class TelnyxConfig(PhoneSystemConfig):
    """Settings: the account's public key, a secret for test calls, and agents on telephones."""

    public_key: Texts = Field(
        default=(),
        title="Public keys",
        description="From Telnyx's portal, Account, Keys & Credentials, Public Key. While it is "
        "being changed, the old and the new one side by side.",
    )
    test_secret: OptionalSecret = Field(
        default=SecretStr(""),
        title="Secret for test calls",
        description="Only Telnyx can sign as Telnyx. To send test calls with screenpop ring, put "
        "a long random text here, such as from: openssl rand -hex 32. Who has it can announce "
        "calls. Leave it empty to allow Telnyx alone.",
    )
    agent_numbers: Texts = Field(
        default=(),
        title="Telephone numbers of agents",
        description="Agents who are called on a telephone instead of a SIP user: their numbers as "
        "Telnyx dials them, such as +442079460999. The number is then the agent's extension.",
    )
    voice_redirect_url: VoiceUrl = ""

    @field_validator("public_key")
    @classmethod
    def _keys_are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            public_key(key)
        return keys

    @field_validator("test_secret")
    @classmethod
    def _test_secret_is_long(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value().strip()) < _MIN_TEST_SECRET:
            raise ValueError(
                f"needs at least {_MIN_TEST_SECRET} characters: make one with: openssl rand -hex 32"
            )
        return secret

    @model_validator(mode="after")
    def _something_proves_the_sender(self) -> Self:
        if not self.public_key and not self.test_secret.get_secret_value().strip():
            raise ValueError("give Telnyx's public key, or a secret for test calls, or both")
        return self


class Telnyx(PhoneSystem[TelnyxConfig]):
    """Telnyx Call Control and TeXML."""

    kind = "telnyx"
    title = "Telnyx"
    summary = (
        "Call Control or TeXML applications of Telnyx: set this webhook as the webhook URL of the "
        "application, or as the status callback of its calls."
    )
    Config = TelnyxConfig

    def __init__(self, slug: str, config: TelnyxConfig) -> None:
        super().__init__(slug, config)
        self._keys = [public_key(key) for key in config.public_key]
        secret = config.test_secret.get_secret_value().strip()
        self._test_key = _test_key(secret) if secret else None
        if self._test_key is not None:
            self._keys.append(self._test_key.public_key())
        self._agent_numbers = frozenset(config.agent_numbers)

    @override
    def verify(self, request: HookRequest) -> None:
        if request.method != "POST":
            raise Refused("a GET has no body that is signed: set the webhook's method to POST")
        signature, timestamp = request.headers.get(SIGNATURE), request.headers.get(TIMESTAMP)
        if not signature or not timestamp:
            raise Refused(f"not signed: the headers {SIGNATURE} and {TIMESTAMP} are needed")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise Refused(f"{TIMESTAMP} is not a time in Unix seconds")
        drift = request.received_at.timestamp() - int(timestamp)
        if abs(drift) > TOLERANCE_S:
            raise Refused(
                f"{TIMESTAMP} is {abs(drift):.0f} s {'old' if drift > 0 else 'ahead'}, "
                f"more than {TOLERANCE_S} s: check the clock"
            )
        given = _signature(signature)
        signed = f"{timestamp}|".encode() + request.body
        if not any(_signed(key, given, signed) for key in self._keys):
            raise Refused(f"{SIGNATURE} does not match: the public key or the body differs")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        if media_type(request.headers) == FORM:
            event = read_texml(
                dict(form_fields(request.body)), slug=self.slug, received_at=request.received_at
            )
        else:
            event = read_event(
                json_value(request.body),
                slug=self.slug,
                received_at=request.received_at,
                agent_numbers=self._agent_numbers,
            )
        return [] if event is None else [event]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """Events want any 2xx; a TeXML call that waits for its document must not be dropped."""
        if media_type(request.headers) == FORM:
            fields = dict(form_fields(request.body))
            waits = fields.get("CallStatus") in ("ringing", "in-progress", "queued")
            if waits and not fields.get("CallbackSource"):
                return voice_document(self.config.voice_redirect_url)
        return Answer(200)

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        """Build `call.initiated` of an agent's leg, signed with the key of the test secret.

        Raises:
            UserError: there is no test secret, and nobody but Telnyx can sign.
        """
        if self._test_key is None:
            raise UserError(
                f"only Telnyx can sign for {self.slug}: set test_secret in its settings to a long "
                "random text, and ring again"
            )
        at = call.now.astimezone(UTC).isoformat().replace("+00:00", "Z")
        leg = hashlib.sha256(call.call_id.encode()).hexdigest()[:32]
        body = orjson.dumps(
            {
                "data": {
                    "record_type": "event",
                    "event_type": "call.initiated",
                    "id": f"initiated-{leg}",
                    "occurred_at": at,
                    "payload": {
                        "call_control_id": f"v3:{leg}",
                        "call_leg_id": leg,
                        "call_session_id": call.call_id,
                        "direction": "outgoing",
                        "state": "bridging",
                        "from": call.ani or "anonymous",
                        "to": f"sip:{quote(call.extension, safe='')}@sip.telnyx.com",
                        "start_time": at,
                    },
                },
                "meta": {"attempt": 1, "delivered_to": call.url},
            }
        )
        timestamp = str(int(call.now.timestamp()))
        signature = base64.b64encode(self._test_key.sign(f"{timestamp}|".encode() + body)).decode()
        return SignedRequest(
            call.url, {"content-type": JSON, TIMESTAMP: timestamp, SIGNATURE: signature}, body
        )


def public_key(text: str) -> Ed25519PublicKey:
    """Read a public key as the portal shows it, in base64.

    Raises:
        ValueError: it is not the base64 of 32 bytes.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("must be the base64 of 32 bytes: copy it from Telnyx's portal") from None


def _test_key(secret: str) -> Ed25519PrivateKey:
    # Any long text will do for the admin; the key is its hash.
    seed = hashlib.sha256(b"screenpop test calls of telnyx\0" + secret.encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def _signature(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    # base64 has several spellings of the same bytes; one is enough.
    if len(raw) != _SIGNATURE_BYTES or base64.b64encode(raw).decode() != text:
        raise Refused(f"{SIGNATURE} is not the base64 of {_SIGNATURE_BYTES} bytes")
    return raw


def _signed(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
