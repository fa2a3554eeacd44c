"""Telnyx's Ed25519 signature, against Telnyx's own SDK in both directions."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from telnyx.lib.webhook_verification import WebhookVerificationError, verify_webhook_signature

from app.telephony.base import HookRequest, Refused, TestCall
from app.telephony.telnyx import SIGNATURE, TIMESTAMP, Telnyx, TelnyxConfig
from tests.telephony.hooks import NOW, URL, hook

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
OTHER = base64.b64encode(
    Ed25519PrivateKey.from_private_bytes(b"\1" * 32).public_key().public_bytes_raw()
).decode()
PBX = Telnyx("tx", TelnyxConfig.model_validate({"public_key": [OTHER, PUBLIC]}))
BODY = '{"data": {"event_type": "call.initiated", "é": 1}}'.encode()


def headers(body: bytes = BODY, at: datetime = NOW) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    signature = KEY.sign(f"{timestamp}|".encode() + body)
    return {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: timestamp}


def refused(request: HookRequest, why: str | None = None) -> None:
    with pytest.raises(Refused, match=why):
        PBX.verify(request)


def test_any_of_the_keys_is_good() -> None:
    PBX.verify(hook(BODY, headers()))


@pytest.mark.parametrize("tampered", [False, True])
def test_telnyxs_sdk_agrees(tampered: bool) -> None:
    now = datetime.now(UTC)
    signed = headers(at=now)
    body = BODY.replace(b"1", b"2") if tampered else BODY
    request = hook(body, signed, received_at=now)
    if tampered:
        with pytest.raises(WebhookVerificationError):
            verify_webhook_signature(body, signed, PUBLIC)
        refused(request, "does not match")
    else:
        verify_webhook_signature(body, signed, PUBLIC)
        PBX.verify(request)


def test_telnyxs_sdk_accepts_our_test_call() -> None:
    secret = "s" * 40
    system = Telnyx("tx", TelnyxConfig.model_validate({"test_secret": secret}))
    now = datetime.now(UTC)
    request = system.ring(TestCall("ring-1", "+442079460958", "101", now, URL))
    own_key = base64.b64encode(system._keys[0].public_bytes_raw()).decode()
    verify_webhook_signature(request.body, dict(request.headers), own_key)
    # Telnyx's own key is not affected, and another secret makes another key.
    refused(hook(request.body, request.headers, received_at=now), "does not match")
    other = Telnyx("tx", TelnyxConfig.model_validate({"test_secret": "t" * 40}))
    with pytest.raises(Refused):
        other.verify(hook(request.body, request.headers, received_at=now))


def test_every_flipped_byte_of_the_body_and_of_the_signature_is_refused() -> None:
    signed = headers()
    for index in range(len(BODY)):
        flipped = BODY[:index] + bytes([BODY[index] ^ 1]) + BODY[index + 1 :]
        refused(hook(flipped, signed))
    signature = signed[SIGNATURE]
    for index, character in enumerate(signature):
        other = signature[:index] + chr(ord(character) ^ 1) + signature[index + 1 :]
        refused(hook(BODY, {**signed, SIGNATURE: other}))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_or_future_request_is_refused(seconds: int) -> None:
    refused(hook(BODY, headers(at=NOW + timedelta(seconds=seconds))), "check the clock")
    PBX.verify(hook(BODY, headers(at=NOW + timedelta(seconds=seconds * 299 // 301))))


@pytest.mark.parametrize(
    "change",
    [
        {SIGNATURE: ""},
        {TIMESTAMP: ""},
        {TIMESTAMP: "noon"},
        {TIMESTAMP: "-1"},
        {TIMESTAMP: "9" * 400},
        {TIMESTAMP: "1795341601"},
        {SIGNATURE: "AAAA"},
        {SIGNATURE: "é"},
        {SIGNATURE: "é" * 86},
    ],
)
def test_a_damaged_header_is_refused(change: dict[str, str]) -> None:
    refused(hook(BODY, {**headers(), **change}))


def test_a_get_is_refused_as_nothing_of_it_is_signed() -> None:
    refused(hook(b"", headers(b""), method="GET", url=URL + "?CallSid=x"), "POST")
