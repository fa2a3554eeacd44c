"""Placetel: its signature, its calls and its answer."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from app.core.call import CallEvent, EventKind
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.placetel import Placetel, PlacetelConfig
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.stories import disordered, left, live, only, screen, told

PBX = Placetel("pt", PlacetelConfig(secret="12345"))
FORM = "application/x-www-form-urlencoded"
CALL_ID = "4a4cbb39578170aed9a2761a7bec8c7e704a541f52291ef603d6f5f152980c3c"
# Placetel publishes this body and signature for the secret 12345.
PUBLISHED_BODY = f"call_id={CALL_ID}&event=CallAccepted&from=0123456789&to=0987654321".encode()
PUBLISHED_SIGNATURE = "c4f823c5b8806432fe2b83b1fc2ee714422e0cdfb4b5129152a7d0bbcd7792d0"
INCOMING = {
    "event": "IncomingCall",
    "from": "02079460958",
    "to": "022129191999",
    "call_id": CALL_ID,
}
ACCEPTED = {**INCOMING, "event": "CallAccepted", "peer": "7777abcdefg@fpbx.de"}
HUNG_UP = {
    **INCOMING,
    "event": "HungUp",
    "type": "accepted",
    "duration": "30",
    "direction": "in",
}


def form(fields: dict[str, str]) -> HookRequest:
    return hook(urlencode(fields).encode(), {"content-type": FORM})


def signed(body: bytes, secret: bytes = b"12345") -> HookRequest:
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hook(body, {"content-type": FORM, "x-placetel-signature": signature})


def parsed(fields: dict[str, str]) -> CallEvent:
    [event] = PBX.parse(form(fields))
    return event


def test_the_published_example_is_accepted() -> None:
    PBX.verify(hook(PUBLISHED_BODY, {"X-PLACETEL-SIGNATURE": PUBLISHED_SIGNATURE}))


def test_the_old_and_the_new_secret_are_both_good() -> None:
    both = Placetel("pt", PlacetelConfig(secret=["old", "12345"]))
    both.verify(signed(b"event=HungUp"))
    both.verify(signed(b"event=HungUp", b"old"))
    with pytest.raises(Refused):
        both.verify(signed(b"event=HungUp", b"other"))


def test_a_flipped_byte_of_body_or_signature_is_refused() -> None:
    for at in range(len(PUBLISHED_BODY)):
        body = bytearray(PUBLISHED_BODY)
        body[at] ^= 1
        with pytest.raises(Refused):
            PBX.verify(hook(bytes(body), {"x-placetel-signature": PUBLISHED_SIGNATURE}))
    for at, digit in enumerate(PUBLISHED_SIGNATURE):
        bad = PUBLISHED_SIGNATURE[:at] + ("0" if digit != "0" else "1")
        bad += PUBLISHED_SIGNATURE[at + 1 :]
        with pytest.raises(Refused):
            PBX.verify(hook(PUBLISHED_BODY, {"x-placetel-signature": bad}))


@pytest.mark.parametrize("signature", ["", "0", "\xff", PUBLISHED_SIGNATURE[:-1]])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(PUBLISHED_BODY, {"x-placetel-signature": signature}))


def test_an_incoming_call_rings_for_who_has_the_number_dialled() -> None:
    event = parsed(INCOMING)
    assert event == CallEvent(
        kind=EventKind.RINGING,
        call_id=f"pt:{CALL_ID}",
        phone_system="pt",
        received_at=NOW,
        event_key=event.event_key,
        direction="inbound",
        ani="02079460958",
        dnis="022129191999",
        extensions=("022129191999",),
    )


def test_an_outgoing_call_is_of_the_peer_who_dials_or_of_the_number_it_shows() -> None:
    outgoing = {**INCOMING, "event": "OutgoingCall"}
    event = parsed(outgoing)
    assert (event.direction, event.extensions) == ("outbound", ("02079460958",))
    assert parsed({**outgoing, "peer": "7777abc@fpbx.de"}).extensions == ("7777abc@fpbx.de",)


def test_an_accepted_call_is_of_the_peer_who_took_it() -> None:
    event = parsed(ACCEPTED)
    assert (event.kind, event.extensions, event.direction) == (
        EventKind.ANSWERED,
        ("7777abcdefg@fpbx.de",),
        "inbound",
    )


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        ("accepted", "completed"),
        ("missed", "no_answer"),
        ("voicemail", "voicemail"),
        ("blocked", "declined"),
        ("busy", "busy"),
        ("canceled", "cancelled"),
        ("unavailable", "failed"),
        ("congestion", "failed"),
        ("something new", "something new"),
        ("", None),
    ],
)
def test_a_hang_up_ends_the_call_with_a_reason(type_: str, reason: str | None) -> None:
    event = parsed({**HUNG_UP, "type": type_})
    assert (event.kind, event.extensions, event.ended_reason) == (EventKind.ENDED, (), reason)


@pytest.mark.parametrize(
    ("direction", "called", "read"),
    [
        ("in", "022129191999", "inbound"),
        ("out", "022129191999", "outbound"),
        ("out", "7777xyz@fpbx.de", "internal"),
        ("", "022129191999", None),
        ("odd", "022129191999", None),
    ],
)
def test_a_direction_is_read_where_it_is_told(
    direction: str, called: str, read: str | None
) -> None:
    missed = {**HUNG_UP, "type": "missed", "to": called, "direction": direction}
    assert parsed(missed).direction == read


def test_an_outgoing_call_tells_only_at_its_end_that_it_was_answered() -> None:
    outgoing = {**INCOMING, "event": "OutgoingCall", "peer": "7777abc@fpbx.de", "direction": "out"}
    end = {**HUNG_UP, "direction": "out"}
    dialled = replace(parsed(outgoing), received_at=NOW - timedelta(seconds=40))
    answered, ended = PBX.parse(form(end))
    assert answered.occurred_at == NOW - timedelta(seconds=30)
    call = only([dialled, answered, ended])
    assert (call.state, call.answered_at) == ("ended", answered.occurred_at)
    assert [leg.extension for leg in call.legs if leg.answered] == ["7777abc@fpbx.de"]
    busy = PBX.parse(form({**end, "type": "busy", "duration": "0"}))
    assert only([dialled, *busy]).state == "missed"
    for odd in ("", "-1", "9" * 400, "٥"):
        [answered, _] = PBX.parse(form({**end, "duration": odd}))
        assert answered.occurred_at == NOW


@pytest.mark.parametrize("caller", ["anonymous", ""])
def test_a_hidden_caller_has_no_number(caller: str) -> None:
    call = only([parsed({**INCOMING, "from": caller})])
    assert call.caller.withheld
    assert call.caller.e164 is None


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    key = parsed(ACCEPTED).event_key
    assert parsed(ACCEPTED).event_key == key
    for other in (INCOMING, HUNG_UP, {**ACCEPTED, "peer": "x"}, {**ACCEPTED, "call_id": "x"}):
        assert parsed(other).event_key != key


def test_a_call_rings_is_taken_by_one_and_ends() -> None:
    events = [parsed(INCOMING), parsed(ACCEPTED), parsed(HUNG_UP)]
    assert live(only(events[:1])) == {"022129191999"}
    assert live(only(events[:2])) == {"7777abcdefg@fpbx.de"}
    assert left(only(events[:2]))["022129191999"] == "answered_elsewhere"
    assert only(events).state == "ended"


@pytest.mark.parametrize("type_", ["missed", "voicemail", "canceled"])
def test_a_call_that_nobody_takes_is_missed(type_: str) -> None:
    call = only([parsed(INCOMING), parsed({**HUNG_UP, "type": type_})])
    assert (call.state, live(call)) == ("missed", set())


def test_whatever_the_order_and_however_often_the_screen_is_the_same() -> None:
    events = [parsed(INCOMING), parsed(ACCEPTED), parsed(HUNG_UP)]
    expected = screen(told(events))
    for some in disordered(events, arriving=True):
        assert screen(told(some)) == expected


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (form({}), "/event"),
        (form({"event": "IncomingCall"}), "/call_id"),
        (form({**INCOMING, "event": "unheard"}), "/event"),
        (form({**INCOMING, "from": "nul\0"}), "/from"),
        (hook(b"event=%ff", {"content-type": FORM}), ""),
        (hook({"event": "IncomingCall"}), ""),
    ],
)
def test_what_is_not_placetels_is_not_understood(request_: HookRequest, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(request_)
    assert refusal.value.errors[0]["pointer"] == pointer


def test_the_answer_is_an_empty_200() -> None:
    answer = PBX.answer(form(INCOMING), [])
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("settings", [{}, {"secret": []}, {"secret": " "}, {"secret": ["a", ""]}])
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PlacetelConfig.model_validate(settings)


def test_a_test_call_is_signed_as_placetel_does() -> None:
    request = received(PBX.ring(TestCall("ring-1", "+442079460958", "022129191999", NOW, URL)))
    PBX.verify(request)
    assert (
        request.headers["x-placetel-signature"]
        == (signed(request.body).headers["x-placetel-signature"])
    )
