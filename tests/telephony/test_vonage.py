"""Vonage Voice: signed webhooks, the legs of a conversation, and the answers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
import pytest
from pydantic import ValidationError
from vonage_jwt import verify_signature

from app.core.call import CallEvent, EventKind
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.vonage import Vonage, VonageConfig
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.one_call import screen_in_any_order
from tests.telephony.stories import left, only

SECRET = "0123456789abcdef0123456789abcdef"
OLD_SECRET = "fedcba9876543210fedcba9876543210"
SETTINGS: dict[str, Any] = {"signature_secret": [OLD_SECRET, SECRET]}
PBX = Vonage("vg", VonageConfig.model_validate(SETTINGS))
INBOUND = {
    "from": "442079460958",
    "to": "448005550100",
    "uuid": "u-1",
    "conversation_uuid": "CON-1",
    "direction": "inbound",
}
ADA = {**INBOUND, "uuid": "u-2", "to": "ada", "direction": "outbound"}
BOB = {**INBOUND, "uuid": "u-3", "to": "sip:bob@pbx.example.com", "direction": "outbound"}


def event(leg: dict[str, Any], status: str, second: int = 0, **more: Any) -> dict[str, Any]:
    return {**leg, "status": status, "timestamp": f"2026-11-22T10:00:{second:02}.000Z", **more}


def parsed(body: dict[str, Any]) -> CallEvent:
    [only] = PBX.parse(hook(body))
    return only


# --- the signature ---

BODY = orjson.dumps(event(ADA, "ringing"))


def claims(body: bytes = BODY, **change: Any) -> dict[str, Any]:
    own = {
        "iat": int(NOW.timestamp()),
        "jti": "j-1",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": "a1b2c3d4",
        "application_id": "app-1",
    }
    return {name: value for name, value in {**own, **change}.items() if value is not None}


def signed(
    body: bytes = BODY, secret: str = SECRET, sent: bytes | None = None, **change: Any
) -> HookRequest:
    token = jwt.encode(claims(body, **change), secret, "HS256")
    return hook(body if sent is None else sent, {"authorization": f"Bearer {token}"})


def refused(request: HookRequest, why: str, pbx: Vonage = PBX) -> None:
    with pytest.raises(Refused, match=why):
        pbx.verify(request)


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_what_vonages_sdk_accepts_is_accepted(secret: str) -> None:
    # The SDK looks at the real clock.
    now = datetime.now(UTC)
    request = replace(signed(secret=secret, iat=int(now.timestamp())), received_at=now)
    assert verify_signature(request.headers["authorization"].removeprefix("Bearer "), secret)
    PBX.verify(request)


def test_vonages_sdk_accepts_our_test_call() -> None:
    now = datetime.now(UTC)
    request = PBX.ring(TestCall("ring-1", "+442079460958", "ada@example.com", now, URL))
    token = request.headers["authorization"].removeprefix("Bearer ")
    assert verify_signature(token, OLD_SECRET)
    assert not verify_signature(token, SECRET)
    PBX.verify(received(request, now))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iat": int(NOW.timestamp()) - 301}, "301 s old"),
        ({"iat": int(NOW.timestamp()) + 301}, "301 s ahead"),
        ({"iat": None}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iss": "Somebody"}, "iss"),
        ({"iss": None}, "iss"),
        ({"payload_hash": None}, "payload_hash"),
        ({"payload_hash": 7}, "payload_hash"),
        ({"payload_hash": "é"}, "payload_hash"),
        ({"payload_hash": hashlib.sha256(b"another").hexdigest()}, "payload_hash"),
    ],
)
def test_more_is_checked_than_vonages_sdk_does(change: dict[str, Any], why: str) -> None:
    refused(signed(**change), why)


def test_only_the_configured_application_is_heard() -> None:
    own = Vonage("vg", VonageConfig.model_validate({**SETTINGS, "application_id": "app-1"}))
    own.verify(signed())
    own.verify(received(own.ring(TestCall("ring-1", "+442079460958", "101", NOW, URL))))
    refused(signed(application_id="app-2"), "another application", own)


def test_every_flipped_byte_of_the_body_and_of_the_token_is_refused() -> None:
    for index in range(len(BODY)):
        flipped = BODY[:index] + bytes([BODY[index] ^ 1]) + BODY[index + 1 :]
        refused(signed(sent=flipped), "payload_hash")
    token = signed().headers["authorization"]
    for index in range(len("Bearer "), len(token)):
        other = token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :]
        refused(hook(BODY, {"authorization": other}), "token")


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (hook(BODY), "signed webhooks"),
        (hook(BODY, {"authorization": "Basic abc"}), "signed webhooks"),
        (hook(BODY, {"authorization": "Bearer é"}), "token"),
        (signed(secret="f" * 32), "secret"),
        (hook(b"", signed(b"").headers, method="GET", url=URL + "?from=44"), "POST"),
        (
            hook(
                BODY, {"authorization": f"Bearer {jwt.encode(claims(), SECRET + SECRET, 'HS512')}"}
            ),
            "secret",
        ),
    ],
)
def test_an_unsigned_or_wrongly_signed_request_is_refused(request_: HookRequest, why: str) -> None:
    refused(request_, why)


def test_vonages_sdk_lets_an_old_token_pass_and_we_do_not() -> None:
    old = int((NOW - timedelta(days=1)).timestamp())
    request = signed(iat=old)
    assert verify_signature(request.headers["authorization"].removeprefix("Bearer "), SECRET)
    refused(request, "86400 s old")


# --- what the legs mean ---


@pytest.mark.parametrize("status", ["started", "ringing", "answered"])
def test_the_customers_leg_is_incoming(status: str) -> None:
    got = parsed(event(INBOUND, status))
    assert got == CallEvent(
        kind=EventKind.INCOMING,
        call_id="vg:CON-1",
        phone_system="vg",
        received_at=NOW,
        event_key=got.event_key,
        occurred_at=NOW,
        direction="inbound",
        ani="+442079460958",
        dnis="+448005550100",
    )


@pytest.mark.parametrize(
    ("status", "customers", "agents", "reason"),
    [
        ("completed", EventKind.ENDED, EventKind.TRANSFERRED, "completed"),
        ("disconnected", EventKind.ENDED, EventKind.TRANSFERRED, "completed"),
        ("busy", EventKind.MISSED, EventKind.MISSED, "busy"),
        ("cancelled", EventKind.MISSED, EventKind.MISSED, "cancelled"),
        ("unanswered", EventKind.MISSED, EventKind.MISSED, "no_answer"),
        ("timeout", EventKind.MISSED, EventKind.MISSED, "no_answer"),
        ("rejected", EventKind.MISSED, EventKind.MISSED, "declined"),
        ("failed", EventKind.MISSED, EventKind.MISSED, "failed"),
    ],
)
def test_the_end_of_a_leg_is_the_calls_or_the_agents(
    status: str, customers: EventKind, agents: EventKind, reason: str
) -> None:
    whole = parsed(event(INBOUND, status))
    assert (whole.kind, whole.extensions, whole.ended_reason) == (customers, (), reason)
    own = parsed(event(ADA, status))
    assert (own.kind, own.extensions) == (agents, ("ada",))
    assert own.call_goes_on == (agents is EventKind.MISSED)


def test_a_leg_that_completes_without_a_second_of_talk_was_not_answered() -> None:
    assert parsed(event(ADA, "completed", duration="0")).kind is EventKind.MISSED
    assert parsed(event(ADA, "completed", duration="7")).kind is EventKind.TRANSFERRED


@pytest.mark.parametrize(
    ("to", "extension", "direction"),
    [
        ("ada", "ada", "inbound"),
        ("sip:101@pbx.example.com;transport=tls", "101", "inbound"),
        # An agent's telephone, or a customer who is called: nothing tells.
        ("442079460999", "+442079460999", None),
    ],
)
def test_an_outbound_leg_rings_for_whom_it_calls(
    to: str, extension: str, direction: str | None
) -> None:
    got = parsed(event({**ADA, "to": to}, "ringing"))
    assert (got.kind, got.extensions, got.direction, got.dnis) == (
        EventKind.RINGING,
        (extension,),
        direction,
        None,
    )


def test_a_withheld_caller_a_user_and_extra_data() -> None:
    nobody = {k: v for k, v in event(INBOUND, "started").items() if k != "from"}
    assert parsed(nobody).withheld
    assert parsed({**nobody, "from_user": "JaneDoe"}).ani == "JaneDoe"
    extra: dict[str, Any] = {"SipHeader_X-Account": "C-100", "custom_data": {"language": "fr"}}
    assert parsed(event(INBOUND, "started", **extra)).attached_data == {
        "X-Account": "C-100",
        "language": "fr",
    }


@pytest.mark.parametrize("typed", ["1234", {"digits": "1234", "timed_out": False}])
def test_what_the_caller_types_is_collected(typed: Any) -> None:
    asked = {k: v for k, v in INBOUND.items() if k != "direction"}
    got = parsed({**asked, "dtmf": typed, "timestamp": "2026-11-22T10:00:00Z"})
    assert (got.kind, got.collected) == (EventKind.INCOMING, {"dtmf": "1234"})


def test_a_leg_that_moves_names_the_conversation_it_came_from() -> None:
    moved = parsed(
        {
            "conversation_uuid_from": "CON-1",
            "conversation_uuid_to": "CON-2",
            "uuid": "u-1",
            "timestamp": "2026-11-22T10:00:00Z",
        }
    )
    assert (moved.call_id, moved.parent_call_id, moved.kind) == (
        "vg:CON-2",
        "vg:CON-1",
        EventKind.INCOMING,
    )


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    first = parsed(event(ADA, "ringing")).event_key
    assert parsed(event(ADA, "ringing")).event_key == first
    others = (event(BOB, "ringing"), event(ADA, "answered"), event(ADA, "ringing", 1))
    assert first not in [parsed(other).event_key for other in others]


# --- whole calls ---


def story(*steps: tuple[dict[str, Any], str]) -> list[CallEvent]:
    return [parsed(event(leg, status, second)) for second, (leg, status) in enumerate(steps)]


def test_a_group_call_stays_with_who_answers_and_ends_with_the_customer() -> None:
    events = story(
        # This is the order that Vonage sends.
        (INBOUND, "ringing"),
        (INBOUND, "started"),
        (INBOUND, "answered"),
        (ADA, "ringing"),
        (BOB, "ringing"),
        (BOB, "answered"),
        (ADA, "cancelled"),
        (BOB, "completed"),
        (INBOUND, "completed"),
    )
    talking = only(events[:7])
    assert (talking.state, left(talking)) == (
        "answered",
        {"ada": "answered_elsewhere", "bob": None},
    )
    assert left(only(events[:8])) == {"ada": "answered_elsewhere", "bob": "transferred"}
    assert only(events).state == "ended"
    screen_in_any_order(events)


def test_a_caller_who_gives_up_was_missed_and_the_next_agent_may_still_take_one() -> None:
    events = story(
        (INBOUND, "answered"),
        (ADA, "ringing"),
        (ADA, "timeout"),
        (BOB, "ringing"),
        (BOB, "cancelled"),
        (INBOUND, "completed"),
    )
    waiting = only(events[:4])
    assert (waiting.state, left(waiting)) == ("ringing", {"ada": "missed", "bob": None})
    assert only(events).state == "missed"
    screen_in_any_order(events)


# --- the answers ---

ASKED = {k: v for k, v in INBOUND.items() if k != "direction"}


def test_an_event_wants_nothing() -> None:
    assert PBX.answer(hook(event(ADA, "ringing")), []).status == 204


def test_the_answer_webhook_is_incoming_and_is_answered_with_the_configured_ncco() -> None:
    assert parsed(ASKED).kind is EventKind.INCOMING
    ncco = '[{"action": "talk", "text": "One moment"}]'
    own = Vonage("vg", VonageConfig.model_validate({**SETTINGS, "answer_ncco": ncco}))
    answer = own.answer(hook(ASKED), [])
    assert (answer.status, answer.content_type, orjson.loads(answer.body)) == (
        200,
        "application/json",
        orjson.loads(ncco),
    )


def test_without_one_vonage_is_sent_to_its_fallback_and_not_told_to_hang_up() -> None:
    assert PBX.answer(hook(ASKED), []).status == 503


# --- bad input ---


@pytest.mark.parametrize(
    "body",
    [
        event(INBOUND, "record"),
        event(INBOUND, "a status of the future"),
        event({**ADA, "to": "wss://media.example.com"}, "ringing"),
        {k: v for k, v in event(INBOUND, "started").items() if k != "direction"},
        {"call_uuid": "u-1", "status": "human", "timestamp": "2026-11-22T10:00:00Z"},
        {"recording_url": "https://example.com/r", "conversation_uuid": "CON-1"},
        {"reason": "Syntax error in NCCO", "timestamp": "2026-11-22T10:00:00Z"},
    ],
)
def test_what_vonage_says_about_other_things_is_no_event(body: dict[str, Any]) -> None:
    assert PBX.parse(hook(body)) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({}, "/conversation_uuid"),
        ({"hello": "world"}, "/conversation_uuid"),
        ({"conversation_uuid": 7}, "/conversation_uuid"),
        (event({**INBOUND, "from": ["x"]}, "started"), "/from"),
        (event({**ADA, "to": "sip:%00@x"}, "ringing"), "/to"),
    ],
)
def test_what_is_not_vonages_is_not_understood(body: Any, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body))
    assert refusal.value.errors[0]["pointer"] == pointer


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"signature_secret": []},
        {"signature_secret": [SECRET, " "]},
        {**SETTINGS, "answer_ncco": "talk"},
        {**SETTINGS, "answer_ncco": "[]"},
        {**SETTINGS, "answer_ncco": '[{"text": "no action"}]'},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VonageConfig.model_validate(settings)
