"""Amazon Connect: who sends, whole calls joined on the contact, hostile bodies, the test call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook

from app.core.call import EventKind
from app.telephony.amazon_connect import AmazonConnect, AmazonConnectConfig
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from tests.telephony.amazon_connect_bodies import (
    CONTACT,
    PBX,
    SECRET,
    TRANSFERRED,
    agent_event,
    at,
    connected,
    contact_event,
    flow_event,
    parsed,
    story,
)
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.stories import disordered, left, live, only, screen, told

KEYED = {"x-api-key": "k3y"}


# --- who sends ---


def signed(body: bytes, message_id: str = "m-1") -> HookRequest:
    signature = Webhook(SECRET).sign(message_id, NOW, body.decode())
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
    }
    return hook(body, headers)


def test_the_official_signature_is_accepted_and_a_flipped_byte_refused() -> None:
    request = signed(orjson.dumps(flow_event()))
    PBX.verify(request)
    for place in range(0, len(request.body), 9):
        body = bytearray(request.body)
        body[place] ^= 1
        with pytest.raises(Refused):
            PBX.verify(hook(bytes(body), request.headers))
    signature = request.headers["webhook-signature"]
    for place in range(len(signature)):
        bad = signature[:place] + ("A" if signature[place] != "A" else "B")
        bad += signature[place + 1 :]
        with pytest.raises(Refused):
            PBX.verify(hook(request.body, {**request.headers, "webhook-signature": bad}))


@pytest.mark.parametrize("headers", [KEYED, {"authorization": "Bearer k3y"}])
def test_an_api_destination_is_known_by_its_key(headers: dict[str, str]) -> None:
    PBX.verify(hook(flow_event(), headers))
    AmazonConnect("ac", AmazonConnectConfig(token="k3y")).verify(hook(flow_event(), headers))
    for wrong in ({name: value[:-1] for name, value in headers.items()}, {}):
        with pytest.raises(Refused):
            PBX.verify(hook(flow_event(), wrong))
        with pytest.raises(Refused):
            AmazonConnect("ac", AmazonConnectConfig(token="k3y")).verify(hook(flow_event(), wrong))


@pytest.mark.parametrize("settings", [{}, {"token": " "}, {"secret": "words"}, {"secret": []}])
def test_settings_that_prove_nobody_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AmazonConnectConfig.model_validate(settings)


# --- whole calls ---

ANSWERED_CALL = [
    contact_event("INITIATED", 0),
    flow_event(),
    contact_event("QUEUED", 2),
    agent_event("ada", 3, "CONNECTING"),
    agent_event("ada", 10, "MISSED", "CONNECTING"),
    agent_event("bob", 11, "CONNECTING"),
    connected(13),
    agent_event("bob", 13.2, "CONNECTED", "CONNECTING", StateStartTimestamp=at(13)),
    agent_event("bob", 20, "CONNECTED_ONHOLD", "CONNECTED", StateStartTimestamp=at(13)),
    agent_event("bob", 25, "CONNECTED", "CONNECTED_ONHOLD", StateStartTimestamp=at(13)),
    contact_event("DISCONNECTED", 30, disconnectTimestamp=at(30)),
    agent_event("bob", 30.2, "ENDED", "CONNECTED"),
    contact_event("COMPLETED", 60, disconnectTimestamp=at(30)),
]


def test_the_three_kinds_of_events_make_one_call() -> None:
    events = story(*ANSWERED_CALL)
    assert live(only(events[:4])) == {"ada"}
    assert live(only(events[:5])) == set()
    assert only(events[:5]).state == "ringing"
    answered = only(events[:7])
    assert (answered.state, live(answered)) == ("answered", {"bob"})
    assert (answered.caller.e164, answered.queue) == ("+442079460958", "Sales")
    assert only(events[:9]).state == "held"
    assert only(events[:10]).state == "answered"
    over = only(events)
    assert (over.state, over.ended_at) == ("ended", NOW + timedelta(seconds=30))
    assert left(over)["ada"] == "missed"


def test_whatever_the_order_and_however_often_the_screen_is_the_same() -> None:
    for length in (5, 7, 9, 10, len(ANSWERED_CALL)):
        events = story(*ANSWERED_CALL[:length])
        expected = screen(told(events))
        for some in disordered(events):
            assert screen(told(some)) == expected


def test_a_caller_who_gives_up_was_missed() -> None:
    ring = agent_event("ada", 3, "CONNECTING")
    over = contact_event("DISCONNECTED", 6, disconnectTimestamp=at(6))
    rejected = agent_event("ada", 6.1, "REJECTED", "CONNECTING")
    for bodies in ([ring, over, rejected], [ring, rejected, over], [over, rejected, ring]):
        call = only(story(flow_event(), *bodies))
        assert (call.state, call.ended_reason) == ("missed", "cancelled")


def test_a_transfer_is_a_contact_of_its_own_that_outlives_the_first() -> None:
    second = {"ContactId": TRANSFERRED, "InitialContactId": CONTACT, "InitiationMethod": "TRANSFER"}
    events = story(
        flow_event(),
        agent_event("ada", 3, "CONNECTING"),
        agent_event("ada", 5, "CONNECTED", "CONNECTING"),
        flow_event(**second, PreviousContactId=CONTACT),
        agent_event("bob", 20, "CONNECTING", **second),
        agent_event("bob", 22, "CONNECTED", "CONNECTING", **second),
        contact_event("DISCONNECTED", 25, disconnectTimestamp=at(25)),
    )
    calls = told(events)
    assert live(calls[f"ac:{CONTACT}"]) == set()
    next_call = calls[f"ac:{TRANSFERRED}"]
    assert live(next_call) == {"bob"}
    assert (next_call.parent_call_id, next_call.caller.e164) == (f"ac:{CONTACT}", "+442079460958")


# --- hostile bodies, the test call ---


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"null", ""),
        (b"[1]", "/0"),
        (b"{}", ""),
        (orjson.dumps([{}] * 501), ""),
        (orjson.dumps({"detail": []}), "/detail/eventType"),
        (orjson.dumps({"detail": {"eventType": "QUEUED"}}), "/detail/contactid"),
        (orjson.dumps({"detail": {"eventType": ["QUEUED"]}}), "/detail/eventType"),
        (orjson.dumps({"Details": 7}), "/Details/ContactData/ContactId"),
        (orjson.dumps(flow_event(ContactId="nul\0")), "/Details/ContactData/ContactId"),
        (orjson.dumps(flow_event(Attributes=[])), "/Details/ContactData/Attributes"),
    ],
)
def test_what_is_not_amazon_connects_is_not_understood(body: bytes, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body))
    assert refusal.value.errors[0]["pointer"].lower() == pointer.lower()


def test_odd_agent_events_say_nothing() -> None:
    odd: list[Any] = [None, 7, [], {}, {"Contacts": 7}, {"Contacts": [7, None]}]
    for snapshot in odd:
        body = {**agent_event("ada", 1, "CONNECTING"), "CurrentAgentSnapshot": snapshot}
        assert PBX.parse(hook(body)) == []


@pytest.mark.parametrize("settings", [{"secret": SECRET}, {"token": "k3y"}])
def test_a_test_call_rings_and_says_who_calls(settings: dict[str, Any]) -> None:
    pbx = AmazonConnect("ac", AmazonConnectConfig.model_validate(settings))
    request = received(pbx.ring(TestCall("ring-1", "+442079460958", "ada", NOW, URL)))
    pbx.verify(request)
    event = parsed(orjson.loads(request.body), pbx)
    assert (event.kind, event.extensions, event.ani, event.occurred_at) == (
        EventKind.RINGING,
        ("ada",),
        "+442079460958",
        NOW,
    )
