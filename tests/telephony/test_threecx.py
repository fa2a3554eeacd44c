"""3CX: the reports of our CRM template, and the events of add-ons by a map of names."""

from __future__ import annotations

import contextlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from pydantic import ValidationError

from app.core.call import CallEvent, EventKind
from app.errors import UserError
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.threecx import ThreeCX, ThreeCXConfig
from tests.telephony import stories
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.odd_values import with_odd_values
from tests.telephony.one_call import screen, screen_in_any_order

TOKEN = "our own/token+"
EVENTS = {
    "incoming": "incoming",
    "ringing": "ringing",
    "pickupincoming": "answered",
    "hangup": "ended",
    "noanswer": "missed",
    "outgoing": "ignore",
}
PBX = ThreeCX("3cx", ThreeCXConfig(token=TOKEN, events=EVENTS, id_ends_in_leg=True))
TEMPLATE = Path(__file__).parents[2] / "docs/phone-systems/3cx/screenpop.xml"
REPORT = {
    "CallType": "Inbound",
    "Number": "02079460958",
    "Agent": "101",
    "Duration": "00:05:10",
    "DateTime": "11/22/2026 09:54:50",
}
RINGING = {
    "event": "ringing",
    "callerid": "02079460958",
    "user": "101",
    "usertype": "ext",
    "did": "448005550100",
    "id": "8841-0",
}


def parsed(body: dict[str, Any], at_s: float = 0) -> list[CallEvent]:
    return PBX.parse(hook(body, received_at=NOW + timedelta(seconds=at_s)))


def event(**more: Any) -> CallEvent:
    [found] = parsed(RINGING | more)
    return found


# --- the token ---


def test_the_token_is_taken_from_the_header_and_from_the_address() -> None:
    PBX.verify(hook(REPORT, {"Authorization": f"Bearer {TOKEN}"}))
    PBX.verify(hook(RINGING, url=URL + "?token=our%20own%2Ftoken%2B"))


@pytest.mark.parametrize(
    "request_",
    [
        hook(REPORT),
        hook(REPORT, {"Authorization": "Bearer "}),
        hook(REPORT, {"Authorization": "Basic our own/token+"}),
        hook(REPORT, {"Authorization": "Bearer other"}),
        hook(REPORT, url=URL + "?token="),
        hook(REPORT, url=URL + "?token=%ff"),
    ],
)
def test_without_the_token_a_request_is_refused(request_: HookRequest) -> None:
    with pytest.raises(Refused):
        PBX.verify(request_)


def test_every_flipped_byte_of_the_token_is_refused() -> None:
    for i in range(len(TOKEN)):
        flipped = TOKEN[:i] + chr(ord(TOKEN[i]) ^ 1) + TOKEN[i + 1 :]
        with pytest.raises(Refused):
            PBX.verify(hook(REPORT, {"authorization": f"Bearer {flipped}"}))


# --- the report of a call that is over ---


def test_an_answered_call_is_history_with_its_agent_and_never_on_a_screen() -> None:
    events = parsed(REPORT)
    for told in range(1, len(events) + 1):
        assert not screen(events[:told]).has_it
    call = stories.only(events)
    assert (call.state, call.ended_reason) == ("ended", "completed")
    assert call.started_at == call.answered_at == NOW - timedelta(minutes=5, seconds=10)
    assert call.ended_at == NOW
    assert call.caller.e164 == "+442079460958"
    assert [leg.extension for leg in call.legs if leg.answered] == ["101"]


@pytest.mark.parametrize(
    ("call_type", "state", "direction"),
    [
        ("Inbound", "ended", "inbound"),
        ("Outbound", "ended", "outbound"),
        ("Missed", "missed", "inbound"),
        ("Notanswered", "missed", "outbound"),
        ("NotAnswered", "missed", "outbound"),
    ],
)
def test_the_call_type_says_who_called_and_whether_they_talked(
    call_type: str, state: str, direction: str
) -> None:
    call = stories.only(parsed(REPORT | {"CallType": call_type}))
    assert (call.state, call.direction) == (state, direction)
    assert call.dnis == (None if direction == "inbound" else "02079460958")


def test_a_report_sent_again_is_the_same_call_and_nothing_new() -> None:
    first, again = parsed(REPORT), parsed(REPORT, at_s=30)
    assert stories.only([*first, *again]) == stories.only(first)
    other = parsed(REPORT | {"DateTime": "11/22/2026 10:00:00"})
    assert other[0].call_id != first[0].call_id


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("00:00:42", 42), ("01:00:01", 3601), ("42", 42), (42, 42), ("00:00:42.5", 42)],
)
def test_a_duration_is_a_clock_or_seconds(duration: Any, seconds: int) -> None:
    arrived = parsed(REPORT | {"Duration": duration})[0]
    assert arrived.occurred_at == NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize("duration", [None, "", "soon", "00:99", -5, [1]])
def test_a_duration_that_cannot_be_read_is_no_time(duration: Any) -> None:
    assert parsed(REPORT | {"Duration": duration})[0].occurred_at == NOW


def test_a_report_without_a_number_is_of_a_withheld_caller() -> None:
    assert stories.only(parsed(REPORT | {"Number": ""})).caller.withheld


# --- the template that we ship ---


def test_the_template_reports_what_is_read_here() -> None:
    values = TEMPLATE_XML.findall(".//Scenario[@Id='ReportCall']//PostValues/Value")
    variables = {value.attrib["Key"]: value.text for value in values}
    assert {key: f"[{key}]" for key in REPORT} == variables


def test_the_template_asks_and_shows_only_what_a_look_up_answers() -> None:
    scenario = TEMPLATE_XML.find(".//Scenario[@Id='']")
    assert scenario is not None
    request = scenario.find("Request")
    assert request is not None
    assert request.attrib["Url"] == "[BaseUrl]/api/v1/lookup?phone=[Number]"
    paths = {variable.attrib["Path"] for variable in scenario.iter("Variable")}
    paths |= {rule.text or "" for rule in scenario.iter("Rule")}
    assert paths == {"customer_id", "display_name", "company_name"}


def test_every_name_in_the_templates_brackets_is_a_parameter_or_known_to_3cx() -> None:
    given = {p.attrib["Name"] for p in TEMPLATE_XML.iter("Parameter")}
    given |= {v.attrib["Name"] for v in TEMPLATE_XML.iter("Variable")}
    used = set(re.findall(r"\[(\w+)\]", TEMPLATE.read_text(encoding="utf-8")))
    assert used - given == set(REPORT)
    assert given - used == set()


TEMPLATE_XML = ElementTree.parse(TEMPLATE).getroot()


# --- an add-on's events ---


def test_a_ringing_phone_is_read_by_the_usual_names() -> None:
    assert event() == CallEvent(
        kind=EventKind.RINGING,
        call_id="3cx:8841",
        phone_system="3cx",
        received_at=NOW,
        direction="inbound",
        ani="02079460958",
        dnis="448005550100",
        extensions=("101",),
    )


def test_the_fields_may_have_other_names() -> None:
    fields = {
        "event": "type",
        "call_id": "call",
        "caller": "from",
        "agent": "ext",
        "caller_name": "name",
        "time": "at",
    }
    pbx = ThreeCX("3cx", ThreeCXConfig(token=TOKEN, events={"Ring": "ringing"}, fields=fields))
    body = {"type": "Ring", "call": 7, "from": "0207", "ext": 101, "name": "K", "at": 1795341600}
    [found] = pbx.parse(hook(body))
    assert (found.call_id, found.ani, found.extensions, found.cnam) == (
        "3cx:7",
        "0207",
        ("101",),
        "K",
    )
    assert found.occurred_at == NOW
    assert found.event_key == pbx.parse(hook(body))[0].event_key is not None


@pytest.mark.parametrize(
    ("usertype", "extensions", "queue"),
    [("ext", ("800",), None), (None, ("800",), None), ("queue", (), "800"), ("other", (), None)],
)
def test_the_type_of_the_user_says_whether_it_is_a_queue(
    usertype: str | None, extensions: tuple[str, ...], queue: str | None
) -> None:
    found = event(user="800", usertype=usertype)
    assert (found.extensions, found.queue) == (extensions, queue)


def test_a_hidden_caller_is_withheld_and_one_not_named_is_not() -> None:
    assert event(callerid="").withheld
    assert not event(event="hangup", callerid="").withheld


def test_the_legs_of_a_group_call_are_one_call() -> None:
    story = [
        *parsed(RINGING | {"event": "incoming", "user": None}, 0),
        *parsed(RINGING, 1),
        *parsed(RINGING | {"user": "102", "id": "8841-1"}, 1.5),
        *parsed(RINGING | {"event": "pickupincoming", "user": "102", "id": "8841-1"}, 5),
    ]
    seen = screen_in_any_order(story)
    assert (seen.state, seen.has_it) == ("answered", {"102"})
    assert seen.left == {("101", "answered_elsewhere")}
    over = parsed(RINGING | {"event": "hangup"}, 60)
    assert screen_in_any_order([*story, *over]).state == "ended"


def test_a_queue_rings_the_next_phone_when_the_first_is_not_answered() -> None:
    rona = [*parsed(RINGING, 1), *parsed(RINGING | {"event": "noanswer"}, 20)]
    assert screen(rona).state == "ringing"
    again = [*rona, *parsed(RINGING | {"user": "102", "id": "8841-1"}, 21)]
    assert screen_in_any_order(again).has_it == {"102"}
    over = [*again, *parsed(RINGING | {"event": "hangup"}, 30)]
    assert screen_in_any_order(over).state == "missed"


def test_where_nothing_tells_the_end_the_last_phone_that_is_not_answered_does() -> None:
    events = {"ringing": "ringing", "noanswer": "missed"}
    pbx = ThreeCX("3cx", ThreeCXConfig(token=TOKEN, events=events))
    story = [*pbx.parse(hook(RINGING)), *pbx.parse(hook(RINGING | {"event": "noanswer"}))]
    assert screen(story).state == "missed"


def test_an_event_to_ignore_is_none_and_an_unknown_one_is_told_to_the_admin() -> None:
    assert parsed(RINGING | {"event": "outgoing"}) == []
    with pytest.raises(NotUnderstood, match='"hangupincoming" is not in the setting `events`'):
        parsed(RINGING | {"event": "hangupincoming"})


# --- what else ---


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (REPORT | {"CallType": "Chat"}, "/CallType"),
        (REPORT | {"CallType": ""}, "/CallType"),
        ({k: v for k, v in REPORT.items() if k != "DateTime"}, "/DateTime"),
        (REPORT | {"Number": "1\0"}, "/Number"),
        ({}, "/event"),
        (RINGING | {"id": " "}, "/id"),
        (RINGING | {"callerid": []}, "/callerid"),
    ],
)
def test_what_is_neither_is_not_understood(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        parsed(body)
    assert refusal.value.errors[0]["pointer"] == pointer


def test_no_odd_value_raises_anything_but_a_refusal() -> None:
    for good in (REPORT, RINGING):
        for odd in with_odd_values(good):
            with contextlib.suppress(NotUnderstood):
                for found in PBX.parse(hook(orjson.dumps(odd))):
                    assert "\\x00" not in repr(found)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"token": " "},
        {"token": TOKEN, "events": {"ring": "rings"}},
        {"token": TOKEN, "events": {"move": "transferred"}},
        {"token": TOKEN, "fields": {"callerid": "caller"}},
        {"token": TOKEN, "fields": {"caller": " "}},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ThreeCXConfig.model_validate(settings)


def test_it_is_answered_with_json_as_the_template_says() -> None:
    assert PBX.answer(hook(REPORT), []).body == b"{}"


def test_a_test_call_rings_as_the_add_on_would() -> None:
    request = received(PBX.ring(TestCall("test-1", "+442079460958", "101", NOW, URL)))
    PBX.verify(request)
    [found] = PBX.parse(request)
    assert (found.kind, found.call_id, found.extensions) == (
        EventKind.RINGING,
        "3cx:test-1",
        ("101",),
    )


def test_without_an_event_that_rings_there_is_no_test_call() -> None:
    pbx = ThreeCX("3cx", ThreeCXConfig(token=TOKEN, events={"incoming": "incoming"}))
    with pytest.raises(UserError, match="name its event in the setting events"):
        pbx.ring(TestCall("test-1", "+442079460958", "101", NOW, URL))
