"""Dialpad: the signed body, and what its call events do to a call."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import jwt
import orjson
import pytest
from pydantic import ValidationError

from app.core.call import CallEvent, EventKind
from app.telephony import hs256
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.dialpad import Dialpad, DialpadConfig
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.odd_values import with_odd_values
from tests.telephony.one_call import screen, screen_in_any_order

SECRET = "a secret of thirty-two bytes....."
PBX = Dialpad("dp", DialpadConfig(secret=SECRET))
NOW_MS = int(NOW.timestamp() * 1000)
CENTRE = {"id": 5500, "type": "callcenter", "name": "Sales", "phone": "+18005550100"}
ADA = {"id": 6001, "type": "user", "name": "Ada", "email": "ada@example.com"}
BOB = {"id": 6002, "type": "user", "name": "Bob", "email": "bob@example.com"}
ADAS, BOBS = {"6001", "ada@example.com"}, {"6002", "bob@example.com"}


def event(state: str, at_s: float = 0, **more: Any) -> dict[str, Any]:
    return {
        "call_id": 4700,
        "state": state,
        "direction": "inbound",
        "external_number": "+442079460958",
        "internal_number": "+18005550100",
        "contact": {"id": "c1", "name": "Kestrel Garden", "phone": "+442079460958"},
        "target": ADA,
        "event_timestamp": NOW_MS + int(at_s * 1000),
        "date_started": NOW_MS,
        "is_transferred": False,
    } | more


def sent(payload: Any, key: str = SECRET, algorithm: str = "HS256") -> HookRequest:
    """Sign as the official library does."""
    token = jwt.encode(payload, key, algorithm=algorithm)
    return hook(token.encode(), {"content-type": "application/jwt"})


def events(state: str, at_s: float = 0, **more: Any) -> list[CallEvent]:
    return PBX.parse(sent(event(state, at_s, **more)))


def parsed(state: str, at_s: float = 0, **more: Any) -> CallEvent:
    [read] = events(state, at_s, **more)
    return read


def of_centre(state: str, at_s: float = 0, **more: Any) -> list[CallEvent]:
    return events(state, at_s, call_id=4700, target=CENTRE, **more)


def of_operator(
    state: str, call_id: int, target: dict[str, Any], at_s: float = 0, **more: Any
) -> list[CallEvent]:
    entry = {"entry_point_call_id": 4700, "entry_point_target": CENTRE}
    return events(state, at_s, call_id=call_id, target=target, **entry, **more)


# --- the signature ---


def test_a_token_made_by_pyjwt_is_accepted() -> None:
    PBX.verify(sent(event("ringing")))


def test_the_token_may_come_as_a_json_string() -> None:
    body = orjson.dumps(jwt.encode(event("ringing"), SECRET, algorithm="HS256"))
    PBX.verify(hook(body))
    assert PBX.parse(hook(body))[0].kind is EventKind.RINGING


def test_while_a_secret_is_changed_both_are_good() -> None:
    other = "another secret of thirty-two bytes"
    both = Dialpad("dp", DialpadConfig(secret=[SECRET, other]))
    both.verify(sent(event("ringing")))
    both.verify(sent(event("ringing"), other))
    with pytest.raises(Refused):
        PBX.verify(sent(event("ringing"), other))


def test_every_flipped_byte_is_refused() -> None:
    body = sent({"call_id": 1, "state": "ringing"}).body
    for i in range(len(body)):
        with pytest.raises(Refused):
            PBX.verify(hook(body[:i] + bytes([body[i] ^ 1]) + body[i + 1 :]))


def test_another_algorithm_is_refused() -> None:
    with pytest.raises(Refused):
        PBX.verify(sent(event("ringing"), SECRET * 2, "HS512"))
    part = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=")
    payload = base64.urlsafe_b64encode(orjson.dumps(event("ringing"))).rstrip(b"=")
    for body in (part + b"." + payload + b".", part + b"." + payload):
        with pytest.raises(Refused):
            PBX.verify(hook(body))


@pytest.mark.parametrize("body", [b"", b"..", b"a.b.c", b"\xff", b"null", "é.é.é".encode()])
def test_what_is_no_token_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(body))


def test_an_unsigned_event_is_refused() -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(event("ringing")))


# --- what events mean ---


def test_a_ringing_user_rings_for_that_agent() -> None:
    read = parsed("ringing", labels=["vip", "refund"], custom_data="order 7")
    assert read == CallEvent(
        kind=EventKind.RINGING,
        call_id="dp:4700",
        phone_system="dp",
        received_at=NOW,
        event_key=read.event_key,
        occurred_at=NOW,
        direction="inbound",
        ani="+442079460958",
        cnam="Kestrel Garden",
        dnis="+18005550100",
        extensions=("6001", "ada@example.com"),
        attached_data={"labels": "vip, refund", "custom_data": "order 7"},
    )


@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        ("preanswer", [EventKind.INCOMING]),
        ("calling", [EventKind.RINGING]),
        ("queued", [EventKind.QUEUED]),
        ("connected", [EventKind.ANSWERED, EventKind.RESUMED]),
        ("hold", [EventKind.HELD]),
        ("parked", [EventKind.HELD]),
        ("missed", [EventKind.MISSED]),
        ("voicemail", [EventKind.MISSED]),
        ("hangup", [EventKind.MISSED]),
        ("transcription", []),
        ("recap_summary", []),
        ("recording", []),
        ("barge", []),
        ("something_new", []),
    ],
)
def test_a_users_state_is_that_agents(state: str, kinds: list[EventKind]) -> None:
    assert [read.kind for read in events(state)] == kinds


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("preanswer", EventKind.INCOMING),
        ("ringing", EventKind.INCOMING),
        ("connected", EventKind.INCOMING),
        ("queued", EventKind.QUEUED),
        ("missed", EventKind.ENDED),
        ("hangup", EventKind.ENDED),
    ],
)
def test_a_groups_state_is_the_whole_calls(state: str, kind: EventKind) -> None:
    [read] = of_centre(state)
    assert (read.kind, read.extensions, read.queue) == (kind, (), "Sales")


def test_an_operators_call_belongs_to_the_entry_points() -> None:
    [read] = of_operator("ringing", 4701, ADA)
    assert (read.call_id, read.queue, read.extensions) == (
        "dp:4700",
        "Sales",
        ("6001", "ada@example.com"),
    )
    [read] = of_operator("ringing", 4702, BOB, master_call_id=4600)
    assert read.call_id == "dp:4600"


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"date_connected": NOW_MS}, "completed"), ({}, "no_answer")],
)
def test_why_a_call_ended(more: dict[str, Any], reason: str) -> None:
    assert parsed("hangup", **more).ended_reason == reason
    assert parsed("voicemail", **more).ended_reason == "voicemail"


@pytest.mark.parametrize("number", [None, ""])
def test_an_absent_caller_is_withheld(number: str | None) -> None:
    assert parsed("ringing", external_number=number, contact=None).withheld
    assert not parsed("ringing", external_number="anonymous", contact=None).withheld
    assert not parsed("calling", external_number=number, direction="outbound").withheld


def test_an_agent_who_dials_out_has_the_call() -> None:
    read = parsed("calling", direction="outbound")
    assert (read.kind, read.direction) == (EventKind.RINGING, "outbound")
    assert (read.ani, read.dnis) == ("+18005550100", "+442079460958")


def test_custom_data_may_be_fields() -> None:
    assert parsed("ringing", custom_data={"order": 7}).attached_data == {"order": "7"}


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    first = parsed("ringing").event_key
    assert parsed("ringing").event_key == first
    others = [parsed("ringing", 1), parsed("hold"), parsed("ringing", call_id=4701)]
    assert len({first, *(read.event_key for read in others)}) == 4
    assert len({read.event_key for read in events("connected")}) == 2


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({}, "/state"),
        ({"state": 5}, "/state"),
        ({"state": "ringing", "target": ADA}, "/call_id"),
        (event("ringing", call_id=[]), "/call_id"),
        (event("ringing", call_id="x" * 300), "/call_id"),
        (event("ringing", target={"type": "user", "email": 5}), "/target/email"),
        (event("ringing", contact={"name": "a\0"}), "/contact/name"),
    ],
)
def test_what_is_not_dialpads_is_not_understood(payload: Any, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(sent(payload))
    assert refusal.value.errors[0]["pointer"] == pointer


@pytest.mark.parametrize("odd", [{"contact": []}, {"labels": {}}, {"event_timestamp": "soon"}])
def test_an_optional_part_of_another_shape_does_not_cost_the_pop(odd: dict[str, Any]) -> None:
    assert parsed("ringing", **odd).kind is EventKind.RINGING


def test_an_event_is_answered_at_once() -> None:
    assert PBX.answer(sent(event("ringing")), []).status == 200


@pytest.mark.parametrize("state", ["ringing", "connected", "hangup"])
def test_no_odd_value_raises_anything_but_a_refusal(state: str) -> None:
    good = event(state, entry_point_target=CENTRE, labels=["vip"], custom_data={"a": "b"})
    for odd in with_odd_values(good):
        with contextlib.suppress(Refused, NotUnderstood):
            request = hook(hs256.sign(SECRET.encode(), odd).encode())
            PBX.verify(request)
            for read in PBX.parse(request):
                assert "\\x00" not in repr(read)


# --- whole calls ---

TALKED = {"date_connected": NOW_MS}


def test_a_direct_call_is_answered_held_and_ended() -> None:
    story = [
        *events("ringing", 0),
        *events("connected", 2),
        *events("hold", 4),
        *events("connected", 6),
    ]
    assert screen(story[:4]).state == "held"
    assert screen_in_any_order(story).state == "answered"
    over = screen_in_any_order([*story, *events("hangup", 9, **TALKED)])
    assert (over.state, over.ended_reason) == ("ended", "completed")


def test_a_contact_centre_rings_several_operators_and_one_answers() -> None:
    story = [
        *of_centre("queued", 0),
        *of_operator("ringing", 4701, ADA, 1),
        *of_operator("ringing", 4702, BOB, 1),
        *of_operator("connected", 4702, BOB, 4),
        *of_centre("connected", 4.1),
        *of_operator("hangup", 4701, ADA, 4.2),
    ]
    assert screen(story[:3]).has_it == ADAS | BOBS
    seen = screen_in_any_order(story)
    assert (seen.state, seen.has_it) == ("answered", BOBS)
    assert seen.left == {(name, "answered_elsewhere") for name in ADAS}
    over = [*story, *of_operator("hangup", 4702, BOB, 60, **TALKED)]
    assert screen_in_any_order(over).state == "ended"
    assert screen_in_any_order([*over, *of_centre("hangup", 60.1)]).state == "ended"


def test_a_contact_centre_goes_on_when_an_operator_misses() -> None:
    story = [
        *of_centre("queued", 0),
        *of_operator("ringing", 4701, ADA, 1),
        *of_operator("missed", 4701, ADA, 20),
        *of_operator("hangup", 4701, ADA, 20.1),
        *of_operator("ringing", 4702, BOB, 21),
    ]
    assert screen_in_any_order(story).has_it == BOBS
    gave_up = [*story, *of_operator("hangup", 4702, BOB, 40), *of_centre("hangup", 40.1)]
    assert screen_in_any_order(gave_up).state == "missed"


def test_a_transferred_call_goes_on_with_the_next_agent() -> None:
    story = [
        *events("connected", 0),
        *events("hangup", 8, is_transferred=True, **TALKED),
        *events("ringing", 9, call_id=4800, master_call_id=4700, target=BOB),
        *events("connected", 11, call_id=4800, master_call_id=4700, target=BOB),
    ]
    seen = screen_in_any_order(story)
    assert (seen.state, seen.has_it) == ("answered", BOBS)
    assert seen.left == {(name, "transferred") for name in ADAS}
    over = events("hangup", 60, call_id=4800, master_call_id=4700, target=BOB, **TALKED)
    assert screen_in_any_order([*story, *over]).state == "ended"


def test_a_direct_call_that_nobody_takes_goes_to_voicemail() -> None:
    story = [*events("ringing", 0), *events("voicemail", 20), *events("hangup", 40)]
    assert screen(story[:2]).has_it == set()
    assert screen_in_any_order(story).state == "missed"


# --- settings and the test call ---


@pytest.mark.parametrize("settings", [{}, {"secret": []}, {"secret": " "}])
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DialpadConfig.model_validate(settings)


def test_pyjwt_accepts_a_test_call() -> None:
    request = received(PBX.ring(TestCall("ring-1", "+442079460958", "6001", NOW, URL)))
    claims = jwt.decode(request.body, SECRET, algorithms=["HS256"])
    assert (claims["call_id"], claims["state"]) == ("ring-1", "ringing")
    PBX.verify(request)
    [read] = PBX.parse(request)
    assert (read.kind, read.extensions, read.occurred_at) == (EventKind.RINGING, ("6001",), NOW)
