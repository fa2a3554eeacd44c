"""Exotel: the token in the address, and what its four kinds of request do to a call."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from pydantic import ValidationError

from app.core.call import CallEvent, EventKind
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.exotel import Exotel, ExotelConfig
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.odd_values import with_odd_values
from tests.telephony.one_call import screen, screen_in_any_order

TOKEN = "our own/token+"
PBX = Exotel("exo", ExotelConfig(token=TOKEN))
FORM = {"content-type": "application/x-www-form-urlencoded"}
ARRIVED = {
    "CallSid": "7bea36f8c95f0fb10027daa6acee17c1",
    "CallFrom": "08789489697",
    "CallTo": "07251937261",
    "Direction": "incoming",
    "Created": "Sun, 22 Nov 2026 15:30:00",
    "StartTime": "2026-11-22 15:30:00",
    "EndTime": "1970-01-01 05:30:00",
    "CallStatus": "ringing",
    "CallType": "call-attempt",
    "digits": '"1234"',
    "CustomField": "order 7",
}
POPUP = {
    "CallSid": ARRIVED["CallSid"],
    "From": "08789489697",
    "DialWhomNumber": "09052161119",
    "Status": "busy",
}
APP = {
    "event": "incoming_call",
    "call_sid": "call_in_abc123",
    "direction": "inbound",
    "from": "+919876543210",
    "to": "sip:agent_001@app.exotel.com",
    "app_id": "app_abc123",
    "user_id": "agent_001",
    "exophone": "+911234567890",
    "timestamp": "2026-11-22T10:00:00.000Z",
    "caller_info": {"name": "John Customer", "custom_field": "CRM_ID_12345"},
}


def get(fields: dict[str, str], at_s: float = 0) -> HookRequest:
    url = f"{URL}?{urlencode({'token': TOKEN} | fields)}"
    return hook(b"", method="GET", url=url, received_at=NOW + timedelta(seconds=at_s))


def passed(fields: dict[str, str], at_s: float = 0) -> list[CallEvent]:
    return PBX.parse(get(fields, at_s))


def parsed(fields: dict[str, str]) -> CallEvent:
    [event] = passed(fields)
    return event


def of_app(**more: Any) -> list[CallEvent]:
    return PBX.parse(hook(APP | more))


# --- the token ---


def test_the_token_in_the_address_proves_exotel() -> None:
    PBX.verify(get(ARRIVED))
    PBX.verify(hook(APP, url=URL + "?token=our%20own%2Ftoken%2B"))


@pytest.mark.parametrize("query", ["", "?token=", "?token=other", "?Token=x", "?token=%ff", "?é"])
def test_without_the_token_a_request_is_refused(query: str) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(b"", method="GET", url=URL + query))


def test_every_flipped_byte_of_the_token_is_refused() -> None:
    for i in range(len(TOKEN)):
        flipped = TOKEN[:i] + chr(ord(TOKEN[i]) ^ 1) + TOKEN[i + 1 :]
        with pytest.raises(Refused):
            PBX.verify(hook(b"", method="GET", url=f"{URL}?{urlencode({'token': flipped})}"))


# --- the Passthru applet ---


def test_a_passthru_before_any_agent_says_that_the_call_has_arrived() -> None:
    event = parsed(ARRIVED)
    assert event == CallEvent(
        kind=EventKind.INCOMING,
        call_id="exo:7bea36f8c95f0fb10027daa6acee17c1",
        phone_system="exo",
        received_at=NOW,
        event_key=event.event_key,
        direction="inbound",
        ani="08789489697",
        dnis="07251937261",
        collected={"digits": "1234"},
        attached_data={"custom_field": "order 7"},
    )


def test_parameter_names_may_be_spelled_as_they_like() -> None:
    assert parsed({"callsid": "c", "Callfrom": "1", "CALLTO": "2"}).ani == "1"


@pytest.mark.parametrize(
    ("call_type", "kinds", "reason"),
    [
        ("completed", [EventKind.ANSWERED, EventKind.ENDED], "completed"),
        ("client-hangup", [EventKind.ENDED], "cancelled"),
        ("incomplete", [EventKind.ENDED], "no_answer"),
        ("voicemail", [EventKind.ENDED], "voicemail"),
        ("call-attempt", [EventKind.INCOMING], None),
        ("something-new", [EventKind.INCOMING], None),
    ],
)
def test_a_passthru_after_the_connect_applet_says_how_it_went(
    call_type: str, kinds: list[EventKind], reason: str | None
) -> None:
    events = passed(ARRIVED | {"CallType": call_type, "DialWhomNumber": "09052161119"})
    assert ([event.kind for event in events], events[-1].ended_reason) == (kinds, reason)


def test_a_withheld_caller_is_withheld() -> None:
    assert parsed(ARRIVED | {"CallFrom": ""}).withheld
    assert not parsed(ARRIVED | {"CallFrom": "anonymous"}).withheld


# --- the agent popup of the Connect applet ---


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, EventKind.RINGING),
        ({"EventType": "Dial"}, EventKind.RINGING),
        ({"EventType": "Ringing"}, EventKind.RINGING),
        ({"EventType": "Answered"}, EventKind.ANSWERED),
        ({"Status": "free"}, EventKind.MISSED),
        ({"Status": "free", "EventType": "Terminal"}, EventKind.MISSED),
    ],
)
def test_a_popup_is_of_the_agent_who_is_called(more: dict[str, str], kind: EventKind) -> None:
    event = parsed(POPUP | more)
    assert (event.kind, event.extensions, event.ani) == (kind, ("09052161119",), "08789489697")
    assert event.call_goes_on is (kind is EventKind.MISSED)


def test_an_agent_with_a_sip_phone_is_its_user() -> None:
    assert parsed(POPUP | {"DialWhomNumber": "sip:victor58e267c1"}).extensions == (
        "victor58e267c1",
    )


def test_a_popup_without_a_time_cannot_be_told_from_the_agents_second_ring() -> None:
    assert parsed(POPUP).event_key is None
    timed = {"CurrentTime": "2026-11-22 15:30:01"}
    assert parsed(POPUP | timed).event_key == parsed(POPUP | timed).event_key is not None


# --- notifications of IP-PSTN and WebRTC apps ---


def test_an_incoming_call_rings_for_its_user() -> None:
    [event] = of_app()
    assert event == CallEvent(
        kind=EventKind.RINGING,
        call_id="exo:call_in_abc123",
        phone_system="exo",
        received_at=NOW,
        event_key=event.event_key,
        occurred_at=NOW,
        direction="inbound",
        ani="+919876543210",
        cnam="John Customer",
        dnis="+911234567890",
        extensions=("agent_001",),
        attached_data={"custom_field": "CRM_ID_12345"},
    )


def test_an_outbound_call_is_its_users() -> None:
    agent = "sip:agent_001@app.exotel.com"
    sides = {"direction": "outbound", "from": agent, "to": "+919876543210"}
    [event] = of_app(event="outbound_call", user_id=None, **sides)
    assert (event.kind, event.direction, event.extensions) == (
        EventKind.RINGING,
        "outbound",
        ("agent_001",),
    )
    assert (event.ani, event.dnis) == ("+911234567890", "+919876543210")


def test_status_updates_follow_the_call() -> None:
    same = {"call_sid": "call_in_abc123"}
    answered = {"event": "call_answered", "status": "in-progress", "answered_by": "agent_001"}
    story = [
        *of_app(),
        *PBX.parse(hook(same | answered | {"timestamp": "2026-11-22T10:00:05.000Z"})),
    ]
    assert screen_in_any_order(story).has_it == {"agent_001"}
    over = {"event": "call_completed", "status": "completed"}
    ended = PBX.parse(hook(same | over | {"timestamp": "2026-11-22T10:02:05.000Z"}))
    seen = screen_in_any_order([*story, *ended])
    assert (seen.state, seen.ended_reason) == ("ended", "completed")


def test_a_call_that_no_user_took_is_missed() -> None:
    same = {"call_sid": "call_in_abc123", "timestamp": "2026-11-22T10:00:30.000Z"}
    [ended] = PBX.parse(hook(same | {"event": "call_missed"}))
    seen = screen_in_any_order([*of_app(), ended])
    assert (seen.state, seen.ended_reason) == ("missed", "no_answer")


def test_an_unknown_notification_is_no_event() -> None:
    assert of_app(event="call_recorded") == []


# --- status callbacks ---


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({"EventType": "answered", "Status": "in-progress"}, [EventKind.ANSWERED]),
        ({"EventType": "terminal", "Status": "completed"}, [EventKind.ENDED]),
        ({"EventType": "terminal", "Status": "no-answer"}, [EventKind.ENDED]),
        ({"EventType": "heartbeat"}, []),
    ],
)
def test_a_status_callback_answers_or_ends_the_call(
    more: dict[str, str], kinds: list[EventKind]
) -> None:
    fields = {"CallSid": "80b", "From": "098", "To": "091", "Direction": "outbound-api"} | more
    as_form = PBX.parse(hook(urlencode(fields).encode(), FORM))
    as_json = PBX.parse(hook(fields))
    assert [event.kind for event in as_form] == kinds
    assert as_form == as_json


# --- whole calls ---


def test_agents_ring_one_after_the_other_until_one_answers() -> None:
    second = POPUP | {"DialWhomNumber": "09052161120"}
    story = [
        *passed(ARRIVED, 0),
        *passed(POPUP, 1),
        *passed(POPUP | {"Status": "free"}, 20),
        *passed(second, 21),
        *passed(second | {"EventType": "Answered"}, 25),
    ]
    assert screen(story[:2]).has_it == {"09052161119"}
    assert not screen(story[:3]).has_it
    seen = screen(story)
    assert (seen.state, seen.has_it) == ("answered", {"09052161120"})
    over = passed(ARRIVED | {"CallType": "completed", "DialWhomNumber": "09052161120"}, 90)
    assert screen([*story, *over]).state == "ended"


def test_a_conversation_that_is_told_only_afterwards_was_answered() -> None:
    over = passed(ARRIVED | {"CallType": "completed", "DialWhomNumber": "09052161119"}, 90)
    assert screen([*passed(ARRIVED, 0), *passed(POPUP, 1), *over]).state == "ended"


def test_a_caller_who_gives_up_was_missed() -> None:
    story = [
        *passed(ARRIVED, 0),
        *passed(POPUP, 1),
        *passed(POPUP | {"Status": "free"}, 9),
        *passed(ARRIVED | {"CallType": "client-hangup"}, 10),
    ]
    seen = screen(story)
    assert (seen.state, seen.ended_reason) == ("missed", "cancelled")
    assert screen([*story, *story[-1:]]) == seen


@pytest.mark.parametrize("name", ["incoming_call", "outbound_call", "call_completed"])
def test_no_odd_value_raises_anything_but_a_refusal(name: str) -> None:
    popup = POPUP | {"EventType": "Dial", "CustomField": "x", "digits": "1"}
    for good in (APP | {"event": name, "answered_by": "agent_001"}, popup, ARRIVED):
        for odd in with_odd_values(good):
            with contextlib.suppress(NotUnderstood):
                for event in PBX.parse(hook(orjson.dumps(odd))):
                    assert "\\x00" not in repr(event)


# --- what else ---


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (get({}), "/callsid"),
        (get({"CallSid": " "}), "/callsid"),
        (get({"CallSid": "x" * 300}), "/callsid"),
        (get(ARRIVED | {"CallFrom": "1\0"}), "/callfrom"),
        (hook({"event": "incoming_call"}), "/call_sid"),
        (hook({"event": 5}), "/event"),
        (hook(APP | {"from": []}), "/from"),
        (hook(b"[]"), ""),
        (hook(b""), ""),
        (hook(b"CallSid=%ff", FORM), ""),
        (hook(b"--x", {"content-type": "multipart/form-data; boundary=x"}), ""),
    ],
)
def test_what_is_not_exotels_is_not_understood(request_: HookRequest, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(request_)
    assert refusal.value.errors[0]["pointer"] == pointer


def test_the_call_flow_goes_on_at_once() -> None:
    answer = PBX.answer(get(ARRIVED), [])
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("settings", [{}, {"token": []}, {"token": " "}])
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ExotelConfig.model_validate(settings)


@pytest.mark.parametrize("url", [URL, URL + "?site=1"])
def test_a_test_call_carries_the_token_in_its_address(url: str) -> None:
    request = received(PBX.ring(TestCall("ring-1", "+442079460958", "agent_001", NOW, url)))
    assert ("site=1" in request.query) == ("site=1" in url)
    assert orjson.loads(request.body)["event"] == "incoming_call"
    PBX.verify(request)
    [event] = PBX.parse(request)
    assert (event.kind, event.extensions, event.occurred_at) == (
        EventKind.RINGING,
        ("agent_001",),
        NOW,
    )
