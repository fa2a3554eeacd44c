"""Zammad's CTI form, in both encodings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from app.core.call import CallEvent, EventKind
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.zammad import Zammad, ZammadConfig
from tests.telephony.hooks import NOW, URL, hook, received

PBX = Zammad("pbx", ZammadConfig(token="t0ken+/="))
FORM = {"content-type": "application/x-www-form-urlencoded"}
NEW_CALL: dict[str, Any] = {
    "event": "newCall",
    "from": "493055571600",
    "to": "49301234567",
    "direction": "in",
    "callId": "53ba82e2bd6d12d9",
    "user": ["Alice"],
}


def form(fields: dict[str, Any]) -> HookRequest:
    named = {"user[]" if k == "user" and isinstance(v, list) else k: v for k, v in fields.items()}
    return hook(urlencode(named, doseq=True).encode(), FORM)


def parsed(fields: dict[str, Any]) -> CallEvent:
    [event] = PBX.parse(hook(fields))
    [same] = PBX.parse(form({k: v for k, v in fields.items() if v is not None}))
    assert event == same
    return event


def complaint(request: HookRequest) -> dict[str, str]:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(request)
    [error] = refusal.value.errors
    return error


def test_a_new_call_for_a_user_rings_for_that_user() -> None:
    event = parsed(NEW_CALL)
    assert event == CallEvent(
        kind=EventKind.RINGING,
        call_id="pbx:53ba82e2bd6d12d9",
        phone_system="pbx",
        received_at=NOW,
        event_key=event.event_key,
        direction="inbound",
        ani="+493055571600",
        dnis="+49301234567",
        extensions=("Alice",),
    )


def test_a_group_call_rings_for_each_user() -> None:
    assert parsed({**NEW_CALL, "user": ["Alice", "Bob", "Alice"]}).extensions == ("Alice", "Bob")


def test_one_user_may_come_without_a_list() -> None:
    assert parsed({**NEW_CALL, "user": "Alice"}).extensions == ("Alice",)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"user": None}, EventKind.INCOMING),
        ({"user": []}, EventKind.INCOMING),
        ({"user": "", "queue": ""}, EventKind.INCOMING),
        ({"user": None, "queue": "helpdesk"}, EventKind.QUEUED),
        ({"user": ["Bob"], "queue": "helpdesk"}, EventKind.RINGING),
    ],
)
def test_a_new_call_is_what_it_says_it_is_for(fields: dict[str, Any], kind: EventKind) -> None:
    event = parsed({**NEW_CALL, **fields})
    assert event.kind is kind
    assert event.queue == (fields.get("queue") or None)


@pytest.mark.parametrize(
    ("fields", "whose"),
    [
        ({"user": ["Alice"]}, ("Alice",)),
        ({"user": None, "answeringNumber": "42"}, ("42",)),
        ({"user": ["Alice"], "answeringNumber": "42"}, ("Alice", "42")),
        ({"user": ["Alice"], "answeringNumber": "Alice"}, ("Alice",)),
        # The whole group rang, one of them answered.
        ({"user": ["Alice", "Bob"], "answeringNumber": "42"}, ("42",)),
        ({"user": None}, ()),
    ],
)
def test_an_answer_is_of_who_answered(fields: dict[str, Any], whose: tuple[str, ...]) -> None:
    event = parsed({**NEW_CALL, "event": "answer", **fields})
    assert (event.kind, event.extensions) == (EventKind.ANSWERED, whose)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("normalClearing", "completed"),
        ("busy", "busy"),
        ("cancel", "cancelled"),
        ("noAnswer", "no_answer"),
        ("congestion", "failed"),
        ("notFound", "failed"),
        ("forwarded", "forwarded"),
        ("somethingNew", "somethingNew"),
        (None, None),
    ],
)
def test_a_hangup_ends_the_whole_call_with_its_cause(cause: str | None, reason: str | None) -> None:
    event = parsed({**NEW_CALL, "event": "hangup", "cause": cause, "answeringNumber": "42"})
    assert (event.kind, event.ended_reason, event.extensions) == (EventKind.ENDED, reason, ())


def test_an_outbound_call_keeps_who_calls_and_who_is_called() -> None:
    event = parsed({**NEW_CALL, "direction": "out", "from": "49301234567", "to": "493055571600"})
    assert (event.direction, event.ani, event.dnis) == (
        "outbound",
        "+49301234567",
        "+493055571600",
    )
    assert event.extensions == ("Alice",)


def test_the_customer_who_answers_an_outbound_call_is_no_agent() -> None:
    event = parsed(
        {**NEW_CALL, "event": "answer", "direction": "out", "answeringNumber": "493055571600"}
    )
    assert event.extensions == ("Alice",)


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("493055571600", "+493055571600"),
        ("+493055571600", "+493055571600"),
        ("02214710334", "02214710334"),
        ("00493055571600", "00493055571600"),
        ("anonymous", "anonymous"),
        ("101", "101"),
        ("2025550123", "2025550123"),
        ("266696687", "266696687"),
    ],
)
def test_a_number_without_plus_starts_with_its_country_code(number: str, read: str) -> None:
    assert parsed({**NEW_CALL, "from": number}).ani == read


def test_a_pbx_with_national_numbers_can_say_so() -> None:
    pbx = Zammad("pbx", ZammadConfig(token="t", country_code_without_plus=False))
    [event] = pbx.parse(hook({**NEW_CALL, "from": "493055571600"}))
    assert event.ani == "493055571600"


def test_no_number_on_a_new_inbound_call_means_withheld() -> None:
    assert parsed({**NEW_CALL, "from": ""}).withheld
    assert not parsed({**NEW_CALL, "from": "", "direction": "out"}).withheld
    assert not parsed({**NEW_CALL, "from": "", "event": "hangup"}).withheld


def test_numbers_whose_quotes_were_forgotten_are_read() -> None:
    [event] = PBX.parse(hook({**NEW_CALL, "from": 493055571600, "callId": 7}))
    assert (event.ani, event.call_id) == ("+493055571600", "pbx:7")


def test_a_form_may_be_sent_in_raw_utf_8() -> None:
    [event] = PBX.parse(hook("event=newCall&callId=1&direction=in&user[]=Zoë".encode(), FORM))
    assert event.extensions == ("Zoë",)


def test_a_body_without_content_type_is_recognised() -> None:
    assert PBX.parse(hook(b'{"event": "hangup", "callId": "1"}'))[0].kind is EventKind.ENDED
    assert PBX.parse(hook(b"event=hangup&callId=1"))[0].kind is EventKind.ENDED


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    first = parsed(NEW_CALL).event_key
    assert parsed(NEW_CALL).event_key == first
    assert parsed({**NEW_CALL, "user": ["Bob"]}).event_key != first
    assert parsed({**NEW_CALL, "event": "answer"}).event_key != first
    assert parsed({**NEW_CALL, "callId": "other"}).event_key != first


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"event": None}, "/event"),
        ({"event": "dtmf"}, "/event"),
        ({"event": ["newCall"]}, "/event"),
        ({"callId": None}, "/callId"),
        ({"callId": ""}, "/callId"),
        ({"callId": "x" * 257}, "/callId"),
        ({"callId": True}, "/callId"),
        ({"direction": "inbound"}, "/direction"),
        ({"user": 5.5}, "/user"),
        ({"user": {"a": 1}}, "/user"),
        ({"user": ["Alice", 5]}, "/user/1"),
        ({"user": ["a"] * 1001}, "/user"),
        ({"from": ["493055571600"]}, "/from"),
        ({"queue": "nul\0"}, "/queue"),
        ({"cause": {}, "event": "hangup"}, "/cause"),
    ],
)
def test_a_wrong_value_is_named_by_its_pointer(fields: dict[str, Any], pointer: str) -> None:
    assert complaint(hook({**NEW_CALL, **fields}))["pointer"] == pointer


@pytest.mark.parametrize(
    "request_",
    [
        hook([NEW_CALL]),
        hook(b"{", {"content-type": "application/json"}),
        hook(b"", FORM),
        hook(b"event=%ff", FORM),
        hook(b"event=\xff", FORM),
        hook(b"&".join(b"a=1" for _ in range(600)), FORM),
        hook(b"<event/>", {"content-type": "text/xml"}),
        hook(b"{}", {"content-type": "application/json; charset=utf-16"}),
    ],
)
def test_a_body_of_another_form_is_not_understood(request_: HookRequest) -> None:
    assert complaint(request_)["detail"]


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (URL + "?token=t0ken%2B%2F%3D", {}),
        (URL + "?a=1&token=t0ken%2B%2F%3D&b=", {}),
        (URL, {"authorization": "Bearer t0ken+/="}),
    ],
)
def test_the_token_proves_the_pbx(url: str, headers: dict[str, str]) -> None:
    PBX.verify(hook(b"", headers, url=url))


@pytest.mark.parametrize(
    "url",
    [
        URL,
        URL + "?token=",
        URL + "?token",
        URL + "?token=other",
        URL + "?token=t0ken%2B%2F%3D2",
        URL + "?Token=t0ken%2B%2F%3D",
        URL + "?token=%ff",
        URL + "?token=é",
        URL + "?token=\udcff",
        URL + "?" + "&".join(["a=1"] * 600),
    ],
)
def test_without_the_token_a_pbx_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(b"", {}, url=url))


@pytest.mark.parametrize("token", ["", " "])
def test_a_blank_token_is_no_setting(token: str) -> None:
    with pytest.raises(ValidationError):
        ZammadConfig(token=token)


def test_it_answers_as_zammad_does() -> None:
    answer = PBX.answer(hook(NEW_CALL), [])
    assert (answer.status, answer.body, answer.content_type) == (200, b"{}", "application/json")


@pytest.mark.parametrize("url", [URL, URL + "?site=1"])
def test_a_test_call_keeps_the_address_and_proves_itself(url: str) -> None:
    request = received(PBX.ring(TestCall("ring-1", "+442079460958", "101", NOW, url)))
    PBX.verify(request)
    [event] = PBX.parse(request)
    assert (event.kind, event.call_id, event.ani) == (
        EventKind.RINGING,
        "pbx:ring-1",
        "+442079460958",
    )
    assert ("site=1" in request.query) == ("site=1" in url)
