"""RingCentral: the handshake of a new subscription, and the token that proves a notification."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.core.call import EventKind
from app.telephony.base import Refused, TestCall
from app.telephony.ringcentral import RingCentral, RingCentralConfig
from tests.telephony.hooks import NOW, URL, hook, received

TOKEN = "0123456789abcdef-our-own"
PBX = RingCentral("rc", RingCentralConfig(verification_token=TOKEN))
NOTICE = {"event": "/restapi/v1.0/account/~/telephony/sessions", "subscriptionId": "72ec1f81"}


# --- the handshake ---


def test_a_new_subscription_gets_its_token_back() -> None:
    request = hook(b"", {"Validation-Token": "3e3d1c9a-58a1-4b6c"})
    PBX.verify(request)
    assert PBX.parse(request) == []
    answer = PBX.answer(request, [])
    assert (answer.status, answer.body, answer.content_type) == (200, b"", "application/json")
    assert answer.headers == {"validation-token": "3e3d1c9a-58a1-4b6c"}


@pytest.mark.parametrize("token", ["", "a b", "a\r\nset-cookie: x", "é", "x" * 257])
def test_a_strange_token_is_not_echoed(token: str) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(b"", {"validation-token": token}))


def test_a_handshake_brings_no_event_in() -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(NOTICE, {"validation-token": "mine"}))


def test_a_handshake_is_a_post() -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(b"", {"validation-token": "mine"}, method="GET"))


# --- the token ---


@pytest.mark.parametrize("header", ["Verification-Token", "Validation-Token"])
def test_the_token_proves_a_notification_under_either_name(header: str) -> None:
    request = hook(NOTICE, {header: TOKEN})
    PBX.verify(request)
    answer = PBX.answer(request, [])
    assert (answer.status, answer.body, answer.headers) == (200, b"", {})


def test_every_flipped_byte_of_the_token_is_refused() -> None:
    for i in range(len(TOKEN)):
        flipped = TOKEN[:i] + chr(ord(TOKEN[i]) ^ 1) + TOKEN[i + 1 :]
        with pytest.raises(Refused):
            PBX.verify(hook(NOTICE, {"verification-token": flipped}))


@pytest.mark.parametrize("token", ["", TOKEN[1:], TOKEN + " x", "é\udcff"])
def test_another_token_is_refused(token: str) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(NOTICE, {"verification-token": token}))


# --- settings and the test call ---


@pytest.mark.parametrize(
    "settings", [{}, {"verification_token": []}, {"verification_token": ["", "a"]}]
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RingCentralConfig.model_validate(settings)


def test_a_test_call_carries_the_token_and_rings() -> None:
    request = received(PBX.ring(TestCall("ring-1", "+442079460958", "62264425016", NOW, URL)))
    PBX.verify(request)
    [event] = PBX.parse(request)
    assert (event.kind, event.extensions, event.occurred_at) == (
        EventKind.RINGING,
        ("62264425016",),
        NOW,
    )
