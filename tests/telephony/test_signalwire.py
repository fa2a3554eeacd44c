"""SignalWire: cXML callbacks as Twilio's, RELAY call states, and both ways of signing.

SignalWire's own SDK needs an old release of Twilio's, so it is asked in an environment of its own,
which `make test` makes (or SCREENPOP_TEST_SIGNALWIRE_PYTHON names its Python). Forms are checked
against Twilio's validator with the signing key too, the hex way against the formula written here.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import orjson
import pytest
from pydantic import ValidationError
from twilio.request_validator import RequestValidator

from app.core.call import CallEvent, EventKind
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.signalwire import SIGNATURE, SignalWire, SignalWireConfig, sign_body
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.one_call import screen_in_any_order
from tests.telephony.stories import left, only

# The SDK has no types.
TWILIO: Any = RequestValidator
KEY = "PSK_0123456789abcdef0123456789abcdef"
OTHER = "PSK_fedcba9876543210fedcba9876543210"
PBX = SignalWire("sw", SignalWireConfig.model_validate({"signing_key": [OTHER, KEY]}))
FORM = {"content-type": "application/x-www-form-urlencoded"}
PARENT = "b3877c40-da60-4998-90ad-b792e98472a0"
CALL = {
    "AccountSid": "p-1",
    "CallSid": "b3877c40-da60-4998-90ad-b792e98472a1",
    "ParentCallSid": PARENT,
    "CallStatus": "ringing",
    "CallbackSource": "call-progress-events",
    "Direction": "outbound-dial",
    "From": "+442079460958",
    "To": "sip:ada@example.signalwire.com",
    "CallerName": "ADA LÖVELACE",
    "SequenceNumber": "1",
    "Timestamp": "Sun, 22 Nov 2026 10:00:00 +0000",
}
BODY = urlencode(CALL).encode()
OWN_PYTHON = Path(__file__).parents[2] / ".venv-signalwire/bin/python"
SDK_PYTHON = os.environ.get("SCREENPOP_TEST_SIGNALWIRE_PYTHON") or (
    str(OWN_PYTHON) if OWN_PYTHON.exists() else None
)
# A body of JSON whose signature is wrong makes the SDK fail: that is a refusal, too.
ASK_THE_SDK = """
import json, sys
from signalwire.request_validator import RequestValidator

key, asked = json.load(sys.stdin)

def validates(given):
    try:
        return bool(RequestValidator(key).validate(*given))
    except Exception:
        return False

print(json.dumps([validates(given) for given in asked]))
"""
NO_SDK = "make test makes the environment that has the package signalwire"


def state(leg: str, name: str, second: int = 0, **params: Any) -> dict[str, Any]:
    device = {"type": "phone", "params": {"from_number": "+442079460958"}}
    return {
        "event_type": "calling.call.state",
        "timestamp": NOW.timestamp() + second,
        "project_id": "p-1",
        "params": {"call_id": leg, "call_state": name, "device": device, **params},
    }


def agent(name: str) -> dict[str, Any]:
    address = {"from": "+442079460958", "to": f"sip:{name}@example.signalwire.com"}
    device = {"type": "sip", "params": address}
    return {"direction": "outbound", "parent": {"call_id": "c-1"}, "device": device}


INBOUND: dict[str, Any] = {"direction": "inbound"}
JSON_BODY = orjson.dumps(state("c-1", "created", **INBOUND))


def formula(url: str, body: bytes, key: str = KEY) -> str:
    """The hex way, from its description alone."""
    return hmac.new(key.encode(), url.encode() + body, hashlib.sha1).hexdigest()


def signed_form(body: bytes = BODY, url: str = URL, header: str = SIGNATURE) -> HookRequest:
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signature = TWILIO(KEY).compute_signature(url, fields)
    return hook(body, {**FORM, header: signature}, url=url)


def signed_json(body: bytes = JSON_BODY, url: str = URL, seen_as: str = URL) -> HookRequest:
    headers = {"content-type": "application/json", SIGNATURE: formula(url, body)}
    return hook(body, headers, url=seen_as)


def refused(request: HookRequest) -> None:
    with pytest.raises(Refused, match="X-SignalWire-Signature"):
        PBX.verify(request)


def parsed(body: dict[str, Any]) -> CallEvent:
    [event] = PBX.parse(hook(body))
    return event


# --- the signatures ---


@pytest.mark.parametrize("header", [SIGNATURE, "x-twilio-signature"])
def test_a_form_is_signed_as_twilio_signs_it(header: str) -> None:
    PBX.verify(signed_form(header=header))


def test_a_request_without_a_body_is_signed_by_its_address() -> None:
    url = f"{URL}?{BODY.decode()}"
    signature = TWILIO(KEY).compute_signature(url, {})
    PBX.verify(hook(b"", {SIGNATURE: signature}, method="GET", url=url))
    refused(hook(b"", {SIGNATURE: signature}, method="GET", url=url + "&x=1"))


@pytest.mark.parametrize("url", [URL, "https://pop.example.com:443/hooks/pbx"])
def test_another_body_is_signed_in_hex_with_or_without_the_port(url: str) -> None:
    PBX.verify(signed_json(url=url))


def test_our_own_hex_signature_is_the_formulas() -> None:
    for body in (JSON_BODY, b"", "é".encode()):
        assert sign_body(KEY, URL, body) == formula(URL, body)


@pytest.mark.skipif(SDK_PYTHON is None, reason=NO_SDK)
@pytest.mark.parametrize("valid", [True, False])
def test_signalwires_sdk_agrees(valid: bool) -> None:
    fields = dict(parse_qsl(BODY.decode(), keep_blank_values=True))
    form = signed_form().headers[SIGNATURE]
    asked = [
        [URL, fields if valid else {**fields, "To": "x"}, form],
        [URL, JSON_BODY.decode() + ("" if valid else " "), sign_body(KEY, URL, JSON_BODY)],
    ]
    assert SDK_PYTHON is not None
    answered = subprocess.run(
        [SDK_PYTHON, "-c", ASK_THE_SDK],
        input=orjson.dumps([KEY, asked]),
        capture_output=True,
        check=True,
    )
    assert orjson.loads(answered.stdout) == [valid, valid]


def test_every_flipped_byte_of_a_body_and_of_a_signature_is_refused() -> None:
    for request in (signed_form(), signed_json()):
        body, given = request.body, request.headers[SIGNATURE]
        for index in range(len(body)):
            flipped = body[:index] + bytes([body[index] ^ 1]) + body[index + 1 :]
            # %c3 for %C3 is the same form.
            if flipped.upper() != body.upper() or request == signed_json():
                refused(hook(flipped, request.headers))
        for index, character in enumerate(given):
            other = given[:index] + chr(ord(character) ^ 1) + given[index + 1 :]
            refused(hook(body, {**request.headers, SIGNATURE: other}))


def test_another_address_key_or_no_signature_is_refused() -> None:
    for request in (signed_form(), signed_json()):
        refused(hook(request.body, request.headers, url=URL + "?x=1"))
        refused(hook(request.body, {"content-type": request.headers["content-type"]}))
        foreign = {**request.headers, SIGNATURE: formula(URL, request.body, "another key")}
        refused(hook(request.body, foreign))
    # The way of signing goes with the type of the body.
    refused(hook(BODY, {**FORM, SIGNATURE: formula(URL, BODY)}))


def test_twilios_validator_accepts_our_test_call_under_signalwires_header() -> None:
    own = SignalWire("sw", SignalWireConfig.model_validate({"signing_key": KEY}))
    request = own.ring(TestCall("ring-1", "+442079460958", "ada@example.com", NOW, URL))
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    assert set(request.headers) == {"content-type", SIGNATURE}
    assert TWILIO(KEY).validate(request.url, fields, request.headers[SIGNATURE])
    own.verify(received(request))


# --- cXML ---


def test_a_cxml_leg_rings_for_its_agent() -> None:
    [event] = PBX.parse(signed_form())
    assert (event.kind, event.call_id, event.extensions, event.cnam, event.occurred_at) == (
        EventKind.RINGING,
        f"sw:{PARENT}",
        ("ada",),
        "ADA LÖVELACE",
        NOW,
    )


def test_a_cxml_call_that_waits_is_handed_on_or_rings_on() -> None:
    asked = {k: v for k, v in CALL.items() if k != "CallbackSource"}
    request = hook(urlencode(asked).encode(), FORM)
    [verb] = ElementTree.fromstring(PBX.answer(request, []).body)
    assert (verb.tag, verb.attrib) == ("Pause", {"length": "120"})
    url = "https://example.com/voice"
    settings = {"signing_key": KEY, "voice_redirect_url": url}
    handing_on = SignalWire("sw", SignalWireConfig.model_validate(settings))
    [verb] = ElementTree.fromstring(handing_on.answer(request, []).body)
    assert (verb.tag, verb.text) == ("Redirect", url)
    assert PBX.answer(signed_form(), []).status == 204
    assert PBX.answer(signed_json(), []).status == 204


# --- RELAY ---


@pytest.mark.parametrize("name", ["created", "ringing", "answered"])
def test_a_leg_that_comes_in_is_the_customers(name: str) -> None:
    device = {"type": "phone", "params": {"from_number": "442079460958", "to_number": "101"}}
    event = parsed(state("c-1", name, **INBOUND, device=device, tag="vip"))
    assert event == CallEvent(
        kind=EventKind.INCOMING,
        call_id="sw:c-1",
        phone_system="sw",
        received_at=NOW,
        event_key=event.event_key,
        occurred_at=NOW,
        direction="inbound",
        ani="+442079460958",
        dnis="101",
        attached_data={"tag": "vip"},
    )


@pytest.mark.parametrize(
    ("name", "more", "kind", "reason"),
    [
        ("ringing", {}, EventKind.RINGING, None),
        ("answered", {}, EventKind.ANSWERED, None),
        ("ended", {"end_reason": "hangup"}, EventKind.TRANSFERRED, None),
        ("ended", {"end_reason": "hangup", "answer_time": 0}, EventKind.MISSED, "completed"),
        (
            "ended",
            {"end_reason": "busy", "answer_time": 1795341600000},
            EventKind.TRANSFERRED,
            None,
        ),
        ("ended", {"end_reason": "noAnswer"}, EventKind.MISSED, "no_answer"),
        ("ended", {"end_reason": "decline"}, EventKind.MISSED, "declined"),
        ("ended", {}, EventKind.MISSED, None),
    ],
)
def test_a_leg_with_a_parent_is_an_agents(
    name: str, more: dict[str, Any], kind: EventKind, reason: str | None
) -> None:
    event = parsed(state("c-2", name, **agent("ada"), **more))
    assert (event.kind, event.call_id, event.extensions, event.ended_reason) == (
        kind,
        "sw:c-1",
        ("ada",),
        reason,
    )
    assert event.call_goes_on == (kind is EventKind.MISSED)


def test_a_leg_of_its_own_that_goes_out_rings_for_whom_it_calls() -> None:
    device = {
        "type": "phone",
        "params": {"from_number": "+448005550100", "to_number": "+442079460958"},
    }
    event = parsed(state("c-3", "ringing", direction="outbound", device=device))
    assert (event.kind, event.extensions, event.direction) == (
        EventKind.RINGING,
        ("+442079460958",),
        None,
    )
    over = parsed(state("c-3", "ended", direction="outbound", device=device))
    assert (over.kind, over.extensions) == (EventKind.ENDED, ())


def test_a_withheld_caller_and_a_time_that_is_no_time() -> None:
    event = parsed({**state("c-1", "created", **INBOUND, device={}), "timestamp": "noon"})
    assert (event.withheld, event.occurred_at) == (True, None)


def story(*steps: tuple[str, str, dict[str, Any]]) -> list[CallEvent]:
    return [parsed(state(leg, name, n, **more)) for n, (leg, name, more) in enumerate(steps)]


def test_a_group_call_stays_with_who_answers_and_moves_on_when_they_leave() -> None:
    events = story(
        ("c-1", "created", INBOUND),
        ("c-1", "answered", INBOUND),
        ("c-2", "ringing", agent("ada")),
        ("c-3", "ringing", agent("bob")),
        ("c-3", "answered", agent("bob")),
        ("c-2", "ended", {**agent("ada"), "end_reason": "cancel"}),
        ("c-3", "ended", {**agent("bob"), "end_reason": "hangup"}),
        ("c-4", "ringing", agent("cleo")),
        ("c-4", "answered", agent("cleo")),
        ("c-1", "ended", {**INBOUND, "end_reason": "hangup"}),
    )
    talking = only(events[:6])
    assert (talking.state, left(talking)) == (
        "answered",
        {"ada": "answered_elsewhere", "bob": None},
    )
    moved = only(events[:9])
    assert (moved.state, left(moved)["bob"], left(moved)["cleo"]) == (
        "answered",
        "transferred",
        None,
    )
    assert screen_in_any_order(events).state == "ended"


def test_a_caller_who_gives_up_was_missed() -> None:
    events = story(
        ("c-1", "answered", INBOUND),
        ("c-2", "ringing", agent("ada")),
        ("c-2", "ended", {**agent("ada"), "end_reason": "cancel"}),
        ("c-1", "ended", {**INBOUND, "end_reason": "hangup"}),
    )
    assert not only(events[:3]).over
    assert screen_in_any_order(events).state == "missed"


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    first = parsed(state("c-1", "created", **INBOUND)).event_key
    assert parsed(state("c-1", "created", 9, **INBOUND)).event_key == first
    assert parsed(state("c-1", "ringing", **INBOUND)).event_key != first
    assert parsed(state("c-9", "created", **INBOUND)).event_key != first


# --- bad input ---


@pytest.mark.parametrize(
    "body",
    [
        state("c-1", "ending", **INBOUND),
        state("c-1", "a state of the future", **INBOUND),
        {"event_type": "calling.call.play", "params": {}},
    ],
)
def test_what_relay_says_about_other_things_is_no_event(body: dict[str, Any]) -> None:
    assert PBX.parse(hook(body)) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({}, "/event_type"),
        ({"event_type": "calling.call.state"}, "/params/call_id"),
        ({"event_type": "calling.call.state", "params": 7}, "/params/call_id"),
        (state("", "created"), "/params/call_id"),
        (state("c-1", ""), "/params/call_state"),
        (state("c-1", "ringing", parent={"call_id": 7}), "/params/parent/call_id"),
        (state("c-1", "ringing", device={"params": {"to": 7}}), "/params/device/params/to"),
    ],
)
def test_what_is_not_relays_is_not_understood(body: Any, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body))
    assert refusal.value.errors[0]["pointer"] == pointer


@pytest.mark.parametrize(
    "settings", [{}, {"signing_key": []}, {"signing_key": " "}, {"auth_token": KEY}]
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SignalWireConfig.model_validate(settings)
