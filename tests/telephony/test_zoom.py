"""Zoom Phone: signature, challenge, and what its events do to a call."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from app.core.call import CallEvent, EventKind
from app.telephony.base import NotUnderstood, TestCall
from app.telephony.zoom import Zoom, ZoomConfig
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.odd_values import with_odd_values
from tests.telephony.one_call import Screen, screen, screen_in_any_order
from tests.telephony.stories import only

SECRET = "s3cret-token"
PBX = Zoom("zm", ZoomConfig(secret_token=SECRET))
NOW_MS = int(NOW.timestamp() * 1000)
CALLEE = {
    "extension_id": "Tq1",
    "extension_type": "user",
    "user_id": "z8dsdsdsdsdCfp8uQ",
    "name": "Ada",
    "phone_number": "+442079460100",
    "extension_number": 101,
    "device_id": "d1",
}
CALLER = {
    "extension_type": "pstn",
    "phone_number": "+442079460958",
    "name": "KESTREL GARDEN",
    "connection_type": "pstn_off_net",
}
QUEUE = {"name": "Sales", "extension_number": "800", "extension_type": "callQueue"}


def notice(event: str, at_s: float = 0, call_id: str = "7123", **object_: Any) -> dict[str, Any]:
    given = {"callee": CALLEE, "caller": CALLER} | object_
    return {
        "event": f"phone.{event}",
        "event_ts": NOW_MS + int(at_s * 1000),
        "payload": {"account_id": "a1", "object": {"call_id": call_id, **given}},
    }


def events(event: str, at_s: float = 0, **object_: Any) -> list[CallEvent]:
    return PBX.parse(hook(notice(event, at_s, **object_)))


def parsed(event: str, at_s: float = 0, **object_: Any) -> CallEvent:
    [read] = events(event, at_s, **object_)
    return read


def agent(number: int, **more: Any) -> dict[str, Any]:
    return {"extension_type": "user", "extension_number": number, **more}


# --- what events mean ---


def test_a_ringing_callee_rings_for_that_agent() -> None:
    event = parsed("callee_ringing")
    assert event == CallEvent(
        kind=EventKind.RINGING,
        call_id="zm:7123",
        phone_system="zm",
        received_at=NOW,
        event_key=event.event_key,
        occurred_at=NOW,
        direction="inbound",
        ani="+442079460958",
        cnam="KESTREL GARDEN",
        dnis="+442079460100",
        extensions=("101", "z8dsdsdsdsdCfp8uQ"),
    )


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("callee_answered", EventKind.ANSWERED, None),
        ("callee_hold", EventKind.HELD, None),
        ("callee_unhold", EventKind.RESUMED, None),
        ("callee_parked", EventKind.HELD, None),
        ("callee_missed", EventKind.MISSED, "no_answer"),
        ("callee_rejected", EventKind.MISSED, "declined"),
        ("callee_ended", EventKind.MISSED, "completed"),
    ],
)
def test_what_a_callee_does_is_that_agents(name: str, kind: EventKind, reason: str | None) -> None:
    event = parsed(name)
    assert (event.kind, event.ended_reason, event.call_goes_on) == (kind, reason, False)
    assert event.extensions == ("101", "z8dsdsdsdsdCfp8uQ")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("Call Cancel", "cancelled"),
        ("Voicemail", "voicemail"),
        ("Busy", "busy"),
        ("Ring timeout", "no_answer"),
        ("Something New", "Something New"),
    ],
)
def test_a_result_is_in_our_words_or_as_it_came(result: str, reason: str) -> None:
    assert parsed("callee_missed", handup_result=result).ended_reason == reason


@pytest.mark.parametrize("name", ["callee_ringing", "callee_answered"])
def test_a_call_that_reaches_a_queue_waits_there(name: str) -> None:
    queue = {"extension_type": "callQueue", "name": "Sales", "extension_number": 800}
    event = parsed(name, callee=queue)
    assert (event.kind, event.queue, event.extensions) == (EventKind.QUEUED, "Sales", ())


def test_a_call_that_reaches_an_auto_receptionist_has_arrived() -> None:
    event = parsed("callee_answered", callee={"extension_type": "autoReceptionist", "name": "Main"})
    assert (event.kind, event.queue, event.extensions) == (EventKind.INCOMING, None, ())


def test_a_queue_lets_go_of_a_call_without_ending_it() -> None:
    assert events("callee_ended", callee={"extension_type": "callQueue"}) == []


def test_an_agent_of_a_queue_knows_the_queue() -> None:
    event = parsed("callee_ringing", forwarded_by=QUEUE)
    assert (event.queue, event.attached_data) == ("Sales", {"forwarded_by": "Sales"})


def test_an_absent_caller_is_withheld_and_a_spelled_one_is_left_to_the_host() -> None:
    assert parsed("callee_ringing", caller={"extension_type": "pstn"}).withheld
    assert parsed("callee_ringing", caller={}).withheld
    event = parsed("callee_ringing", caller={**CALLER, "phone_number": "anonymous"})
    assert (event.ani, event.withheld) == ("anonymous", False)


def test_a_colleague_who_calls_is_internal() -> None:
    event = parsed("callee_ringing", caller=agent(102, phone_number="102"))
    assert (event.direction, event.ani) == ("internal", "102")
    assert events("caller_connected", caller=agent(102), callee=agent(101)) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("caller_ringing", EventKind.RINGING),
        ("caller_connected", EventKind.ANSWERED),
        ("caller_hold", EventKind.HELD),
        ("caller_unhold", EventKind.RESUMED),
        ("caller_ended", EventKind.MISSED),
    ],
)
def test_an_agent_who_dials_out_has_the_call(name: str, kind: EventKind) -> None:
    customer = {"extension_type": "pstn", "phone_number": "+442079460958"}
    event = parsed(name, caller=agent(101, phone_number="+442079460100"), callee=customer)
    assert (event.kind, event.direction, event.extensions) == (kind, "outbound", ("101",))
    assert (event.ani, event.dnis) == ("+442079460100", "+442079460958")


def test_a_transfer_takes_the_call_from_its_owner() -> None:
    owner = {"extension_number": 101, "id": "z8", "type": "user"}
    event = parsed("blind_transfer_initiated", owner=owner, transfer_phone_number="102")
    assert (event.kind, event.extensions, event.transfer_to, event.transfer_kind) == (
        EventKind.TRANSFERRED,
        ("101", "z8"),
        None,
        "blind",
    )
    assert events("blind_transfer_initiated", owner=owner, failure_reason="busy") == []


@pytest.mark.parametrize(
    "name", ["callee_mute", "recording_completed", "callee_call_history_completed", "new_thing"]
)
def test_what_zoom_says_about_other_things_is_no_event(name: str) -> None:
    assert events(name) == []


def test_events_of_other_zoom_products_are_no_events() -> None:
    assert PBX.parse(hook({"event": "meeting.started", "payload": {"object": {"id": 1}}})) == []


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    first = parsed("callee_ringing").event_key
    assert parsed("callee_ringing").event_key == first
    others = [
        parsed("callee_ringing", 1),
        parsed("callee_answered"),
        parsed("callee_ringing", callee=agent(102)),
        parsed("callee_ringing", call_id="8"),
        parsed("callee_ringing", callee={**CALLEE, "device_id": "d2"}),
    ]
    assert len({first, *(event.event_key for event in others)}) == 6


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"hello", ""),
        (b"{}", "/event"),
        (b'{"event": 5}', "/event"),
        (b'{"event": "phone.callee_ringing"}', "/payload/object/call_id"),
        (orjson.dumps(notice("callee_ringing", call_id="x" * 300)), "/payload/object/call_id"),
        (orjson.dumps(notice("callee_ringing", callee={})), "/payload/object/callee"),
        (
            orjson.dumps(notice("callee_ringing", caller={"phone_number": ["1"]})),
            "/payload/object/caller/phone_number",
        ),
    ],
)
def test_what_is_not_zooms_is_not_understood(body: bytes, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body))
    assert refusal.value.errors[0]["pointer"] == pointer


def test_an_unreadable_time_counts_as_the_receipt() -> None:
    late = notice("callee_ringing") | {"event_ts": 2**62}
    [event] = PBX.parse(hook(late))
    assert event.occurred_at is None


@pytest.mark.parametrize("name", ["callee_ringing", "callee_missed", "blind_transfer_initiated"])
def test_no_odd_value_raises_anything_but_a_refusal(name: str) -> None:
    good = notice(name, forwarded_by=QUEUE, owner={"extension_number": 1, "id": "z"})
    for odd in with_odd_values(good):
        with contextlib.suppress(NotUnderstood):
            for event in PBX.parse(hook(orjson.dumps(odd))):
                assert "\\x00" not in repr(event)


# --- whole calls ---


def test_a_direct_call_is_answered_held_and_ended() -> None:
    story = [
        parsed("callee_ringing", 0, callee=agent(101)),
        parsed("callee_answered", 2, callee=agent(101)),
        parsed("callee_hold", 4, callee=agent(101)),
        parsed("callee_unhold", 6, callee=agent(101)),
        parsed("callee_ended", 8, callee=agent(101)),
    ]
    assert [screen(story[:n]).state for n in range(1, 6)] == [
        "ringing",
        "answered",
        "held",
        "answered",
        "ended",
    ]
    assert screen_in_any_order(story) == Screen("ended", "completed", set(), {("101", "ended")})


def test_a_queue_rings_several_agents_and_one_answers() -> None:
    story = [
        parsed("callee_ringing", 0, callee={"extension_type": "callQueue", "name": "Sales"}),
        parsed("callee_ringing", 1, callee=agent(101), forwarded_by=QUEUE),
        parsed("callee_ringing", 1, callee=agent(102), forwarded_by=QUEUE),
        parsed("callee_answered", 5, callee=agent(102), forwarded_by=QUEUE),
        parsed(
            "callee_missed",
            5.2,
            callee=agent(101),
            forwarded_by=QUEUE,
            handup_result="Answered by Other Member",
        ),
    ]
    assert screen(story[:3]).has_it == {"101", "102"}
    assert screen_in_any_order(story) == Screen(
        "answered", None, {"102"}, {("101", "answered_elsewhere")}
    )
    assert only(story).queue == "Sales"


def test_a_queue_goes_on_to_the_next_agent_when_one_misses() -> None:
    story = [
        parsed("callee_ringing", 0, callee=agent(101), forwarded_by=QUEUE),
        parsed("callee_missed", 20, callee=agent(101), forwarded_by=QUEUE),
        parsed("callee_ringing", 21, callee=agent(102), forwarded_by=QUEUE),
    ]
    assert screen_in_any_order(story).has_it == {"102"}
    gave_up = parsed("callee_missed", 40, callee={"extension_type": "callQueue"})
    assert screen_in_any_order([*story, gave_up]).state == "missed"


def test_a_transferred_call_goes_on_with_the_next_agent() -> None:
    story = [
        parsed("callee_answered", 0, callee=agent(101)),
        parsed("blind_transfer_initiated", 5, owner={"extension_number": 101}),
        parsed("callee_ringing", 6, callee=agent(102)),
        parsed("callee_ended", 6.5, callee=agent(101)),
        parsed("callee_answered", 8, callee=agent(102)),
    ]
    assert screen_in_any_order(story) == Screen("answered", None, {"102"}, {("101", "transferred")})
    ended = parsed("callee_ended", 60, callee=agent(102))
    assert screen_in_any_order([*story, ended]).state == "ended"


def test_a_direct_call_that_nobody_takes_is_missed() -> None:
    story = [parsed("callee_ringing", 0), parsed("callee_missed", 20, handup_result="Voicemail")]
    call = screen_in_any_order(story)
    assert (call.state, call.ended_reason) == ("missed", "voicemail")


def test_an_honest_retry_an_hour_later_does_not_ring() -> None:
    late = hook(notice("callee_ringing"), received_at=NOW + timedelta(minutes=85))
    assert screen(PBX.parse(late)).has_it == set()


# --- settings and the test call ---


@pytest.mark.parametrize(
    "settings", [{}, {"secret_token": []}, {"secret_token": " "}, {"secret_token": ["a", ""]}]
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ZoomConfig.model_validate(settings)


def test_a_test_call_is_signed_and_rings() -> None:
    request = received(PBX.ring(TestCall("ring-1", "+442079460958", "101", NOW, URL)))
    PBX.verify(request)
    [event] = PBX.parse(request)
    assert (event.kind, event.extensions, event.occurred_at) == (EventKind.RINGING, ("101",), NOW)
