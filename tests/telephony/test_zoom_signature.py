"""Zoom Phone: the signature, and the challenge that checks the address."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest

from app.telephony.base import HookRequest, NotUnderstood, Refused
from app.telephony.zoom import Zoom, ZoomConfig
from tests.telephony.hooks import NOW, hook

SECRET = "s3cret-token"
PBX = Zoom("zm", ZoomConfig(secret_token=SECRET))
NOW_MS = int(NOW.timestamp() * 1000)


def signed(
    body: bytes, *, secret: str = SECRET, timestamp: str = str(NOW_MS // 1000), **headers: str
) -> HookRequest:
    # The published formula, independent of the adapter's code.
    mac = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    sent = {"x-zm-request-timestamp": timestamp, "x-zm-signature": "v0=" + mac.hexdigest()}
    return hook(body, sent | headers)


BODY = (
    b'{"event":"phone.callee_ringing","event_ts":1795341600000,'
    b'"payload":{"account_id":"a","object":{"call_id":"c-1"}}}'
)


def test_a_signature_made_by_openssl_is_accepted() -> None:
    # printf 'v0:1795341600:%s' "$BODY" | openssl dgst -sha256 -hmac 's3cret-token'
    signature = "v0=f944c3a7f121ce274140a6feba8ba24f50e13713cd8ace804bc2fa2332f2a5de"
    PBX.verify(hook(BODY, {"x-zm-request-timestamp": "1795341600", "x-zm-signature": signature}))


def test_while_a_secret_is_changed_both_are_good() -> None:
    both = Zoom("zm", ZoomConfig(secret_token=["old", "new"]))
    both.verify(signed(BODY, secret="old"))
    both.verify(signed(BODY, secret="new"))
    with pytest.raises(Refused):
        both.verify(signed(BODY, secret="older"))


def test_the_raw_bytes_are_signed_whatever_their_spaces() -> None:
    PBX.verify(signed(b'{"event": "phone.callee_ringing" , "event_ts":1}'))


def test_every_flipped_byte_is_refused() -> None:
    good = signed(BODY)
    bodies = [BODY[:i] + bytes([BODY[i] ^ 1]) + BODY[i + 1 :] for i in range(len(BODY))]
    for body in bodies:
        with pytest.raises(Refused):
            PBX.verify(hook(body, good.headers))
    for name in ("x-zm-signature", "x-zm-request-timestamp"):
        value = good.headers[name]
        for i in range(len(value)):
            flipped = value[:i] + chr(ord(value[i]) ^ 1) + value[i + 1 :]
            with pytest.raises(Refused):
                PBX.verify(hook(BODY, {**good.headers, name: flipped}))


@pytest.mark.parametrize(
    "headers",
    [
        {"x-zm-signature": ""},
        {"x-zm-request-timestamp": ""},
        {"x-zm-request-timestamp": "now"},
        {"x-zm-request-timestamp": "²"},
        {"x-zm-request-timestamp": "9" * 40},
        {"x-zm-signature": "v0=é\udcff"},
    ],
)
def test_a_missing_or_malformed_header_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(BODY, {**signed(BODY).headers, **headers}))


@pytest.mark.parametrize(
    ("seconds", "good"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_a_timestamp_is_good_for_five_minutes_either_way(seconds: int, good: bool) -> None:
    request = signed(BODY, timestamp=str(NOW_MS // 1000 - seconds))
    if good:
        PBX.verify(request)
    else:
        with pytest.raises(Refused):
            PBX.verify(request)


# --- the challenge ---


def challenge(token: Any) -> HookRequest:
    sent = {
        "event": "endpoint.url_validation",
        "event_ts": NOW_MS,
        "payload": {"plainToken": token},
    }
    return signed(orjson.dumps(sent), **{"content-type": "application/json"})


def test_the_challenge_is_answered_with_the_hmac_of_its_token() -> None:
    request = challenge("q9ibPhGeRZ6ayx5WTrXjRw")
    PBX.verify(request)
    assert PBX.parse(request) == []
    answer = PBX.answer(request, [])
    # printf 'q9ibPhGeRZ6ayx5WTrXjRw' | openssl dgst -sha256 -hmac 's3cret-token'
    encrypted = "d891352364bc7f5aaec52e23e2bba98053a669a228aeffa022c9da95752abd8c"
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert orjson.loads(answer.body) == {
        "plainToken": "q9ibPhGeRZ6ayx5WTrXjRw",
        "encryptedToken": encrypted,
    }


def test_an_unsigned_challenge_is_refused_like_anything_else() -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(challenge("token").body))


@pytest.mark.parametrize("token", [None, "", 5, ["a"], "x" * 257])
def test_only_a_bare_token_is_signed(token: Any) -> None:
    with pytest.raises(NotUnderstood):
        PBX.parse(challenge(token))


def test_an_event_wants_nothing() -> None:
    answer = PBX.answer(hook({"event": "phone.recording_started"}), [])
    assert (answer.status, answer.body) == (204, b"")
