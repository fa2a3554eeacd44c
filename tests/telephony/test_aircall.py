"""Aircall: the token, and what its events do to a call."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from app.core.call import CallEvent, EventKind
from app.telephony.aircall import Aircall, AircallConfig
from app.telephony.base import NotUnderstood, Refused, TestCall
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.odd_values import with_odd_values
from tests.telephony.one_call import Screen, screen, screen_in_any_order

TOKEN = "58ffd2bc5f3113f7bebf210a49299a1b"
PBX = Aircall("air", AircallConfig(token=TOKEN))
NOW_S = int(NOW.timestamp())
ADA = {"id": 731416, "name": "Ada", "email": "ada@example.com"}
BOB = {"id": 736640, "name": "Bob", "email": "bob@example.com"}
CALL: dict[str, Any] = {
    "id": 780836754,
    "direct_link": "https://api.aircall.io/v1/calls/780836754",
    "direction": "inbound",
    "status": "initial",
    "missed_call_reason": None,
    "started_at": NOW_S,
    "answered_at": None,
    "ended_at": None,
    "raw_digits": "+44 20 7946 0958",
    "number": {"id": 397375, "name": "Support line", "digits": "+43 720 880079"},
    "teams": [],
    "comments": [],
    "tags": [],
}


def notice(event: str, at_s: int = 0, **data: Any) -> dict[str, Any]:
    return {
        "resource": "call",
        "event": event,
        "timestamp": NOW_S + at_s,
        "token": TOKEN,
        "data": CALL | data,
    }


def events(event: str, at_s: int = 0, **data: Any) -> list[CallEvent]:
    return PBX.parse(hook(notice(event, at_s, **data)))


def parsed(event: str, at_s: int = 0, **data: Any) -> CallEvent:
    [read] = events(event, at_s, **data)
    return read


# --- the token ---


def test_the_token_in_the_body_proves_aircall() -> None:
    PBX.verify(hook(notice("call.created")))


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "0", None, 5, [TOKEN], "é"])
def test_another_token_is_refused(token: Any) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(notice("call.created") | {"token": token}))


def test_every_flipped_byte_of_the_token_is_refused() -> None:
    for i in range(len(TOKEN)):
        flipped = TOKEN[:i] + chr(ord(TOKEN[i]) ^ 1) + TOKEN[i + 1 :]
        with pytest.raises(Refused):
            PBX.verify(hook(notice("call.created") | {"token": flipped}))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"\xff", b'{"token": "' + b"x" * 999])
def test_a_body_without_a_token_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(body))


def test_a_token_of_our_own_may_be_in_the_address() -> None:
    own = Aircall("air", AircallConfig(token=["our own/token", TOKEN]))
    own.verify(hook(notice("call.created"), url=URL + "?token=our%20own%2Ftoken"))
    own.verify(hook(notice("call.created")))
    with pytest.raises(Refused):
        own.verify(hook(notice("call.created"), url=URL + "?token=other"))


# --- what events mean ---


def test_a_created_call_has_arrived_with_all_that_aircall_knows() -> None:
    contact = {"first_name": "Ann", "last_name": "Kestrel", "company_name": "Kestrel Garden"}
    tags = [{"id": 1, "name": "VIP"}, {"id": 2, "name": "refund"}]
    event = parsed("call.created", contact=contact, tags=tags, teams=[{"id": 5, "name": "Sales"}])
    assert event == CallEvent(
        kind=EventKind.INCOMING,
        call_id="air:780836754",
        phone_system="air",
        received_at=NOW,
        event_key=event.event_key,
        occurred_at=NOW,
        direction="inbound",
        ani="+44 20 7946 0958",
        cnam="Ann Kestrel",
        dnis="+43 720 880079",
        queue="Sales",
        attached_data={"line": "Support line", "tags": "VIP, refund"},
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("call.ringing_on_agent", EventKind.RINGING),
        ("call.agent_declined", EventKind.MISSED),
        ("call.answered", EventKind.ANSWERED),
        ("call.hold", EventKind.HELD),
        ("call.unhold", EventKind.RESUMED),
    ],
)
def test_what_an_agent_does_is_that_agents(name: str, kind: EventKind) -> None:
    event = parsed(name, user=ADA)
    assert (event.kind, event.extensions) == (kind, ("731416", "ada@example.com"))


@pytest.mark.parametrize(
    ("name", "data", "kind", "reason"),
    [
        ("call.hungup", {"answered_at": NOW_S}, EventKind.ENDED, "completed"),
        ("call.ended", {"answered_at": NOW_S}, EventKind.ENDED, "completed"),
        ("call.hungup", {}, EventKind.ENDED, None),
        (
            "call.hungup",
            {"missed_call_reason": "agents_did_not_answer"},
            EventKind.ENDED,
            "no_answer",
        ),
        ("call.hungup", {"missed_call_reason": "abandoned_in_ivr"}, EventKind.ENDED, "cancelled"),
        (
            "call.hungup",
            {"missed_call_reason": "out_of_opening_hours"},
            EventKind.ENDED,
            "out_of_opening_hours",
        ),
        ("call.unanswered", {}, EventKind.MISSED, None),
        ("call.voicemail_left", {}, EventKind.ENDED, "voicemail"),
    ],
)
def test_what_ends_a_call_is_the_whole_calls(
    name: str, data: dict[str, Any], kind: EventKind, reason: str | None
) -> None:
    event = parsed(name, user=ADA, **data)
    assert (event.kind, event.extensions, event.ended_reason) == (kind, (), reason)


@pytest.mark.parametrize(
    ("digits", "withheld"), [(None, True), ("", True), ("anonymous", False), ("+4420", False)]
)
def test_an_absent_caller_is_withheld_and_a_spelled_one_is_left_to_the_host(
    digits: str | None, withheld: bool
) -> None:
    assert parsed("call.created", raw_digits=digits).withheld is withheld


def test_an_agent_who_dials_out_has_the_call_at_once() -> None:
    event = parsed("call.created", direction="outbound", user=ADA)
    assert (event.kind, event.direction) == (EventKind.RINGING, "outbound")
    assert (event.ani, event.dnis) == ("+43 720 880079", "+44 20 7946 0958")
    assert not parsed("call.created", direction="outbound", user=ADA, raw_digits=None).withheld


def test_a_transfer_leaves_one_agent_and_rings_the_other_by_all_names() -> None:
    moved, rings = events("call.transferred", 5, transferred_by=ADA, transferred_to=BOB)
    assert (moved.kind, moved.extensions) == (
        EventKind.TRANSFERRED,
        ("731416", "ada@example.com"),
    )
    assert moved.transfer_to == "bob@example.com"
    assert (rings.kind, rings.extensions) == (EventKind.RINGING, ("736640", "bob@example.com"))


@pytest.mark.parametrize("to", [None, "+442079460999", 5, {}])
def test_a_transfer_to_nobody_we_know_just_leaves(to: Any) -> None:
    event = parsed("call.external_transferred", transferred_by=ADA, transferred_to=to)
    assert (event.kind, event.transfer_to) == (EventKind.TRANSFERRED, None)


@pytest.mark.parametrize(
    "name", ["call.tagged", "call.commented", "contact.created", "user.connected", "something.new"]
)
def test_what_aircall_says_about_other_things_is_no_event_and_answered_200(name: str) -> None:
    request = hook(notice(name))
    assert PBX.parse(request) == []
    assert PBX.answer(request, []).status == 200


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    first = parsed("call.ringing_on_agent", user=ADA).event_key
    assert parsed("call.ringing_on_agent", user=ADA).event_key == first
    others = [
        parsed("call.ringing_on_agent", user=BOB),
        parsed("call.ringing_on_agent", 1, user=ADA),
        parsed("call.answered", user=ADA),
        parsed("call.ringing_on_agent", user=ADA, id=1),
    ]
    assert len({first, *(event.event_key for event in others)}) == 5


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"[1]", ""),
        (b"{}", "/event"),
        (b'{"event": "call.created"}', "/data/id"),
        (b'{"event": "call.created", "data": []}', "/data/id"),
        (orjson.dumps(notice("call.created", id=True)), "/data/id"),
        (orjson.dumps(notice("call.created", raw_digits=[])), "/data/raw_digits"),
        (orjson.dumps(notice("call.answered", user={"id": {}})), "/data/user/id"),
        (orjson.dumps(notice("call.answered", user={"email": "a\0"})), "/data/user/email"),
    ],
)
def test_what_is_not_aircalls_is_not_understood(body: bytes, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body))
    assert refusal.value.errors[0]["pointer"] == pointer


@pytest.mark.parametrize("odd", [{"teams": {}}, {"tags": [1, {"name": 2}]}, {"contact": "Ann"}])
def test_an_optional_part_of_another_shape_does_not_cost_the_pop(odd: dict[str, Any]) -> None:
    assert parsed("call.ringing_on_agent", user=ADA, **odd).kind is EventKind.RINGING


@pytest.mark.parametrize("name", ["call.ringing_on_agent", "call.transferred", "call.hungup"])
def test_no_odd_value_raises_anything_but_a_refusal(name: str) -> None:
    contact = {"first_name": "Ann", "last_name": "K", "company_name": "K"}
    people: dict[str, Any] = {
        "user": ADA,
        "transferred_by": ADA,
        "transferred_to": BOB,
        "contact": contact,
    }
    good = notice(name, 0, **people, teams=[{"name": "Sales"}], tags=[{"name": "VIP"}])
    for odd in with_odd_values(good):
        with contextlib.suppress(Refused):
            PBX.verify(hook(orjson.dumps(odd)))
        with contextlib.suppress(NotUnderstood):
            for event in PBX.parse(hook(orjson.dumps(odd))):
                assert "\\x00" not in repr(event)


# --- whole calls ---

BOTH = ("731416", "ada@example.com")


def test_several_agents_ring_and_one_answers() -> None:
    story = [
        parsed("call.created", 0),
        parsed("call.ringing_on_agent", 0, user=ADA),
        parsed("call.ringing_on_agent", 0, user=BOB),
        parsed("call.answered", 6, user=BOB),
    ]
    assert screen(story[:1]).state == "incoming"
    seen = screen_in_any_order(story)
    assert seen.has_it == {"736640", "bob@example.com"}
    assert seen.left == {(name, "answered_elsewhere") for name in BOTH}


def test_a_declined_ring_goes_on_to_the_next_agent() -> None:
    story = [
        parsed("call.ringing_on_agent", 0, user=ADA),
        parsed("call.agent_declined", 3, user=ADA),
        parsed("call.ringing_on_agent", 4, user=BOB),
    ]
    assert screen_in_any_order(story).has_it == {"736640", "bob@example.com"}


def test_a_transferred_call_is_held_and_ended_by_the_next_agent() -> None:
    story = [
        parsed("call.answered", 0, user=ADA),
        *events("call.transferred", 9, transferred_by=ADA, transferred_to=BOB),
        parsed("call.answered", 12, user=BOB),
        parsed("call.hold", 20, user=BOB),
    ]
    seen = screen_in_any_order(story)
    assert (seen.state, seen.has_it) == ("held", {"736640", "bob@example.com"})
    assert seen.left == {(name, "transferred") for name in BOTH}
    over = parsed("call.hungup", 30, user=BOB, answered_at=NOW_S)
    assert screen_in_any_order([*story, over]).state == "ended"


def test_a_transfer_that_failed_gives_the_call_back() -> None:
    story = [
        parsed("call.answered", 0, user=ADA),
        *events("call.transferred", 9, transferred_by=ADA, transferred_to=BOB),
        parsed("call.agent_declined", 12, user=BOB),
        parsed("call.unsuccessful_transfer", 13, user=BOB, transferred_by=ADA),
    ]
    assert screen_in_any_order(story).has_it == set(BOTH)


def test_an_abandoned_call_is_missed_and_its_voicemail_is_only() -> None:
    story = [
        parsed("call.created", 0),
        parsed("call.ringing_on_agent", 1, user=ADA),
        parsed("call.hungup", 17, missed_call_reason="agents_did_not_answer"),
    ]
    left: set[tuple[str, str]] = set()
    assert screen_in_any_order(story) == Screen("missed", "no_answer", set(), left)
    later = parsed("call.voicemail_left", 60)
    assert screen_in_any_order([*story, later]).ended_reason == "voicemail"


# --- settings and the test call ---


@pytest.mark.parametrize("settings", [{}, {"token": []}, {"token": ""}, {"token": ["a", " "]}])
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AircallConfig.model_validate(settings)


@pytest.mark.parametrize("extension", ["731416", "ada@example.com"])
def test_a_test_call_carries_the_token_in_its_body(extension: str) -> None:
    request = received(PBX.ring(TestCall("ring-1", "+442079460958", extension, NOW, URL)))
    assert orjson.loads(request.body)["token"] == TOKEN
    PBX.verify(request)
    [event] = PBX.parse(request)
    assert (event.kind, event.extensions, event.occurred_at) == (
        EventKind.RINGING,
        (extension,),
        NOW,
    )
