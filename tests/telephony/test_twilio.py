"""Twilio Voice: what the legs of a call mean, and how its callbacks are answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError
from twilio.request_validator import RequestValidator

from app.core.call import Attestation, CallEvent, EventKind, fold
from app.telephony.base import HookRequest, NotUnderstood, TestCall
from app.telephony.twilio import Twilio, TwilioConfig
from tests.telephony.hooks import NOW, URL, hook, received

# The SDK has no types.
OFFICIAL: Any = RequestValidator
TOKEN = "0123456789abcdef0123456789abcdef"
PBX = Twilio("tw", TwilioConfig(auth_token=TOKEN))
FORM = "application/x-www-form-urlencoded"
PARENT = "CA" + "0" * 31 + "1"
CHILD = "CA" + "0" * 31 + "2"
INCOMING = {
    "AccountSid": "AC" + "0" * 32,
    "ApiVersion": "2010-04-01",
    "CallSid": PARENT,
    "CallStatus": "ringing",
    "Direction": "inbound",
    "From": "+442079460958",
    "To": "+18005550123",
    "CallerName": "ADA LOVELACE",
    "StirVerstat": "TN-Validation-Passed-A",
    "ForwardedFrom": "+18005550199",
    "FromCity": "",
}
LEG = {
    "AccountSid": "AC" + "0" * 32,
    "CallSid": CHILD,
    "ParentCallSid": PARENT,
    "CallStatus": "ringing",
    "CallbackSource": "call-progress-events",
    "Direction": "outbound-dial",
    "From": "+442079460958",
    "To": "client:alice",
    "SequenceNumber": "1",
    "Timestamp": "Sun, 22 Nov 2026 10:00:00 +0000",
}


def form(fields: dict[str, str]) -> HookRequest:
    return hook(urlencode(fields).encode(), {"content-type": FORM})


def parsed(fields: dict[str, str]) -> CallEvent:
    [event] = PBX.parse(form(fields))
    return event


def test_the_customers_call_is_incoming_with_all_that_twilio_knows() -> None:
    event = parsed({**INCOMING, "SipHeader_X-Account": "C-100", "Digits": "1234"})
    assert event == CallEvent(
        kind=EventKind.INCOMING,
        call_id=f"tw:{PARENT}",
        phone_system="tw",
        received_at=NOW,
        event_key=event.event_key,
        direction="inbound",
        ani="+442079460958",
        cnam="ADA LOVELACE",
        dnis="+18005550123",
        attestation=Attestation("A", "passed"),
        collected={"Digits": "1234"},
        attached_data={"ForwardedFrom": "+18005550199", "X-Account": "C-100"},
    )


def test_a_dialled_leg_rings_for_its_agent() -> None:
    event = parsed(LEG)
    assert (event.kind, event.call_id, event.extensions) == (
        EventKind.RINGING,
        f"tw:{PARENT}",
        ("alice",),
    )
    assert (event.direction, event.ani, event.dnis) == ("inbound", "+442079460958", None)
    assert event.occurred_at == datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("to", "extension"),
    [
        ("client:alice", "alice"),
        ("client:alice%40example.com", "alice@example.com"),
        ("client:alice@example.com?account=C-100", "alice@example.com"),
        ("sip:101@pbx.example.com", "101"),
        ("sips:bob@pbx.example.com;transport=tls?X-Account=" + "9" * 300, "bob"),
        ("+442079460999", "+442079460999"),
    ],
)
def test_an_agent_is_named_by_what_is_dialled(to: str, extension: str) -> None:
    assert parsed({**LEG, "To": to}).extensions == (extension,)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("initiated", EventKind.INCOMING, None),
        ("ringing", EventKind.RINGING, None),
        ("in-progress", EventKind.ANSWERED, None),
        ("completed", EventKind.TRANSFERRED, None),
        ("busy", EventKind.MISSED, "busy"),
        ("no-answer", EventKind.MISSED, "no_answer"),
        ("failed", EventKind.MISSED, "failed"),
        ("canceled", EventKind.MISSED, "cancelled"),
    ],
)
def test_what_a_leg_does_concerns_its_agent(
    status: str, kind: EventKind, reason: str | None
) -> None:
    event = parsed({**LEG, "CallStatus": status})
    whose = () if kind is EventKind.INCOMING else ("alice",)
    assert (event.kind, event.extensions, event.ended_reason) == (kind, whose, reason)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("queued", EventKind.INCOMING),
        ("ringing", EventKind.INCOMING),
        # Twilio itself has picked up (a menu, a queue): no agent has.
        ("in-progress", EventKind.INCOMING),
        ("completed", EventKind.ENDED),
        ("busy", EventKind.MISSED),
        ("no-answer", EventKind.MISSED),
        ("failed", EventKind.MISSED),
        ("canceled", EventKind.MISSED),
    ],
)
def test_what_the_customers_leg_does_concerns_the_call(status: str, kind: EventKind) -> None:
    event = parsed({**INCOMING, "CallStatus": status})
    assert (event.kind, event.extensions) == (kind, ())


def story(*legs: tuple[str, str, str]) -> list[CallEvent]:
    """Tell a call from (leg, agent or "", status), one second after another."""
    events = []
    for second, (leg, agent, status) in enumerate(legs):
        at = {"CallStatus": status, "Timestamp": f"Sun, 22 Nov 2026 10:00:{second:02} +0000"}
        whose = {"CallSid": leg, "To": f"client:{agent}"} if agent else {}
        events.append(parsed({**(LEG if agent else INCOMING), **whose, **at}))
    return events


def told(events: list[CallEvent]) -> Any:
    call = None
    for event in events:
        call = fold(call, event)
    return call


def test_a_call_that_nobody_takes_and_the_next_agent_does_is_one_answered_call() -> None:
    events = story(
        (PARENT, "", "ringing"),
        ("CA2", "alice", "ringing"),
        ("CA2", "alice", "no-answer"),
        ("CA3", "bob", "ringing"),
        ("CA3", "bob", "in-progress"),
    )
    assert told(events[:3]).state == "ringing"
    call = told(events)
    assert call.state == "answered"
    assert {leg.extension: leg.left for leg in call.legs} == {"alice": "missed", "bob": None}


def test_a_call_whose_agent_leaves_goes_on_to_the_next_one_until_the_customer_hangs_up() -> None:
    events = story(
        (PARENT, "", "ringing"),
        ("CA2", "alice", "ringing"),
        ("CA2", "alice", "in-progress"),
        ("CA2", "alice", "completed"),
        ("CA3", "bob", "ringing"),
        ("CA3", "bob", "in-progress"),
        ("CA3", "bob", "completed"),
        (PARENT, "", "completed"),
    )
    call = told(events[:5])
    assert not call.over
    assert [leg.extension for leg in call.legs if leg.live] == ["bob"]
    assert told(events).state == "ended"


def test_a_caller_who_gives_up_was_missed() -> None:
    events = story(
        (PARENT, "", "ringing"),
        (PARENT, "", "in-progress"),
        ("CA2", "alice", "ringing"),
        ("CA2", "alice", "canceled"),
        (PARENT, "", "completed"),
    )
    assert told(events).state == "missed"


def test_an_agents_own_client_dials_out() -> None:
    out = {**LEG, "From": "client:alice", "To": "+442079460958", "CallStatus": "in-progress"}
    event = parsed(out)
    assert (event.direction, event.extensions, event.dnis) == (
        "outbound",
        ("alice",),
        "+442079460958",
    )
    assert parsed({**out, "To": "client:bob"}).direction == "internal"
    assert parsed({**out, "To": "client:bob"}).extensions == ("bob",)


def test_a_call_made_by_the_api_is_answered_by_the_customer() -> None:
    api = {**INCOMING, "Direction": "outbound-api", "CallStatus": "in-progress"}
    assert (parsed(api).kind, parsed(api).direction) == (EventKind.ANSWERED, "outbound")


@pytest.mark.parametrize(
    ("verstat", "read"),
    [
        ("TN-Validation-Passed-A", Attestation("A", "passed")),
        ("TN-Validation-Passed-B-Diverted", Attestation("B", "passed")),
        ("TN-Validation-Passed-C-Passthrough", Attestation("C", "passed")),
        ("TN-Validation-Failed-A", Attestation("A", "failed")),
        ("TN-Validation-Failed", Attestation(None, "failed")),
        ("No-TN-Validation", Attestation(None, "none")),
        ("Something-New-A", None),
        ("", None),
    ],
)
def test_stir_verstat_is_a_level_and_a_verdict(verstat: str, read: Attestation | None) -> None:
    assert parsed({**INCOMING, "StirVerstat": verstat}).attestation == read


def test_an_absent_caller_is_withheld_and_a_spelled_one_is_left_to_the_host() -> None:
    assert parsed({**INCOMING, "From": ""}).withheld
    assert parsed({k: v for k, v in INCOMING.items() if k != "From"}).withheld
    event = parsed({**INCOMING, "From": "+266696687"})
    assert (event.ani, event.withheld) == ("+266696687", False)


@pytest.mark.parametrize(
    "text", ["", "noon", "2026-11-22T10:00:00Z", "Sun, 99 Nov 2026 10:00:00 +0000"]
)
def test_a_timestamp_of_another_format_counts_as_the_receipt(text: str) -> None:
    assert parsed({**LEG, "Timestamp": text}).occurred_at is None


def test_a_repeat_is_recognised_and_another_callback_is_not() -> None:
    first = parsed(LEG).event_key
    assert parsed(LEG).event_key == first
    for change in (
        {"CallSid": "CA3"},
        {"CallStatus": "completed"},
        {"SequenceNumber": "2"},
        {"CallbackSource": "other"},
        {"Digits": "1"},
    ):
        assert parsed({**LEG, **change}).event_key != first


@pytest.mark.parametrize(
    "fields",
    [
        {**LEG, "CallStatus": "paused-by-a-future-twilio"},
        {
            "AccountSid": "AC1",
            "CallSid": PARENT,
            "RecordingSid": "RE1",
            "RecordingStatus": "completed",
        },
        {"AccountSid": "AC1", "ConferenceSid": "CF1", "StatusCallbackEvent": "conference-start"},
        {"AccountSid": "AC1", "EventType": "task.created", "TaskSid": "WT1"},
    ],
)
def test_what_twilio_says_about_other_things_is_no_event(fields: dict[str, str]) -> None:
    assert PBX.parse(form(fields)) == []
    assert PBX.answer(form(fields), []).status == 204


def test_a_batch_of_event_streams_is_no_event() -> None:
    stream = [{"specversion": "1.0", "type": "com.twilio.taskrouter.task.created", "data": {}}]
    assert PBX.parse(hook(stream)) == []


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (form({}), "/CallSid"),
        (form({"hello": "world"}), "/CallSid"),
        (form({"CallSid": "CA1"}), "/CallStatus"),
        (form({**LEG, "CallSid": "x" * 300}), "/CallSid"),
        (form({**LEG, "From": "nul\0"}), "/From"),
        (hook(b"CallSid=%ff", {"content-type": FORM}), ""),
        (hook(b"a=1&" * 600, {"content-type": FORM}), ""),
        (hook(b"[]", {"content-type": "application/json"}), "/CallSid"),
        (hook(b"{}", {"content-type": "application/json"}), "/CallSid"),
        (hook(b"[1]", {"content-type": "application/json"}), ""),
        (hook(b"hello", {"content-type": "application/json"}), ""),
        (hook({f"k{n}": "v" for n in range(600)}), ""),
    ],
)
def test_what_is_not_twilios_is_not_understood(request_: HookRequest, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(request_)
    assert refusal.value.errors[0]["pointer"] == pointer


# --- the answers ---


@pytest.mark.parametrize("fields", [LEG, {**LEG, "CallStatus": "completed"}])
def test_a_status_callback_wants_nothing(fields: dict[str, str]) -> None:
    answer = PBX.answer(form(fields), [])
    assert (answer.status, answer.body) == (204, b"")


def test_a_call_that_waits_for_instructions_is_handed_to_the_real_voice_url() -> None:
    url = "https://example.com/voice?a=1&b=<2>"
    pbx = Twilio("tw", TwilioConfig(auth_token=TOKEN, voice_redirect_url=url))
    answer = pbx.answer(form(INCOMING), [])
    assert (answer.status, answer.content_type) == (200, "text/xml")
    [redirect] = ElementTree.fromstring(answer.body)
    assert (redirect.tag, redirect.text, redirect.attrib) == ("Redirect", url, {"method": "POST"})


def test_without_one_the_customer_is_not_hung_up_on() -> None:
    answer = PBX.answer(form(INCOMING), [])
    [verb] = ElementTree.fromstring(answer.body)
    # A Pause that comes first is waited out before Twilio picks up: the phone just rings on.
    assert (verb.tag, verb.attrib) == ("Pause", {"length": "120"})


# --- settings and the test call ---


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"auth_token": []},
        {"auth_token": ""},
        {"auth_token": [TOKEN, " "]},
        {"auth_token": TOKEN, "voice_redirect_url": "example.com/voice"},
        {"auth_token": TOKEN, "voice_redirect_url": "javascript:alert(1)"},
        {"auth_token": TOKEN, "voice_redirect_url": "https://[bad/"},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TwilioConfig.model_validate(settings)


def test_the_official_validator_accepts_a_test_call() -> None:
    request = PBX.ring(TestCall("ring-1", "+442079460958", "ada@example.com", NOW, URL))
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    signature = request.headers["x-twilio-signature"]
    validator = OFFICIAL(TOKEN)
    assert validator.validate(request.url, fields, signature)
    [event] = PBX.parse(received(request))
    assert (event.call_id, event.extensions, event.occurred_at) == (
        "tw:ring-1",
        ("ada@example.com",),
        NOW,
    )
