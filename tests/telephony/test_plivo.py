"""Plivo Voice: what its callbacks mean, and how they are answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError

from app.core.call import Attestation, CallEvent, EventKind
from app.telephony.base import HookRequest, NotUnderstood
from app.telephony.plivo import Plivo, PlivoConfig
from tests.telephony.hooks import NOW, URL, hook
from tests.telephony.stories import disordered, left, only

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA"
PBX = Plivo("pl", PlivoConfig.model_validate({"auth_token": TOKEN}))
FORM = {"content-type": "application/x-www-form-urlencoded"}
INCOMING = {
    "CallUUID": "c-1",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "Event": "StartApp",
    "From": "442079460958",
    "To": "448005550100",
}
DIAL = {
    "CallUUID": "c-1",
    "DialALegUUID": "c-1",
    "DialBLegUUID": "b-1",
    "DialBLegFrom": "+442079460958",
    "DialBLegTo": "sip:ada@phone.plivo.com",
    "CallStatus": "in-progress",
}
AGENT = {
    "CallUUID": "a-1",
    "CallStatus": "ringing",
    "Direction": "outbound",
    "Event": "Ring",
    "From": "442079460958",
    "To": "sip:ada@phone.plivo.com",
}


def form(fields: dict[str, str], call_uuid: str = "") -> HookRequest:
    url = f"{URL}?call_uuid={call_uuid}" if call_uuid else URL
    return hook(urlencode(fields).encode(), FORM, url=url)


def parsed(fields: dict[str, str], call_uuid: str = "") -> CallEvent:
    [event] = PBX.parse(form(fields, call_uuid))
    return event


def dial(action: str, agent: str = "ada", **more: str) -> CallEvent:
    leg = {"DialBLegUUID": f"b-{agent}", "DialBLegTo": f"sip:{agent}@phone.plivo.com"}
    return parsed({**DIAL, **leg, "DialAction": action, **more})


def leg(agent: str, status: str, event: str) -> CallEvent:
    own = {"CallUUID": f"a-{agent}", "To": f"sip:{agent}@phone.plivo.com"}
    return parsed({**AGENT, **own, "CallStatus": status, "Event": event}, "c-1")


def test_the_customers_call_is_incoming_with_all_that_plivo_knows() -> None:
    extra = {"CallerName": "ADA", "ForwardedFrom": "448005550199", "X-PH-Account": "C-100"}
    event = parsed({**INCOMING, **extra, "STIRVerification": "Verified", "Digits": "1234"})
    assert event == CallEvent(
        kind=EventKind.INCOMING,
        call_id="pl:c-1",
        phone_system="pl",
        received_at=NOW,
        event_key=event.event_key,
        direction="inbound",
        ani="+442079460958",
        cnam="ADA",
        dnis="+448005550100",
        attestation=Attestation("A", "passed"),
        collected={"Digits": "1234"},
        attached_data={
            "ForwardedFrom": "448005550199",
            "Account": "C-100",
            "STIRVerification": "Verified",
        },
    )


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        # The application has picked up: no agent has.
        ("in-progress", EventKind.INCOMING, None),
        ("completed", EventKind.ENDED, "completed"),
        ("busy", EventKind.MISSED, "busy"),
        ("failed", EventKind.MISSED, "failed"),
        ("timeout", EventKind.MISSED, "no_answer"),
        ("no-answer", EventKind.MISSED, "no_answer"),
        ("cancel", EventKind.MISSED, "cancelled"),
    ],
)
def test_what_the_customers_call_does_concerns_the_call(
    status: str, kind: EventKind, reason: str | None
) -> None:
    event = parsed({**INCOMING, "CallStatus": status})
    assert (event.kind, event.extensions, event.ended_reason) == (kind, (), reason)


@pytest.mark.parametrize(
    ("status", "event", "kind"),
    [
        ("ringing", "Ring", EventKind.RINGING),
        ("in-progress", "StartApp", EventKind.ANSWERED),
        ("completed", "Hangup", EventKind.TRANSFERRED),
        ("no-answer", "Hangup", EventKind.MISSED),
    ],
)
def test_a_call_to_an_agent_belongs_to_the_call_that_its_address_names(
    status: str, event: str, kind: EventKind
) -> None:
    got = leg("ada", status, event)
    assert (got.kind, got.call_id, got.extensions, got.direction) == (
        kind,
        "pl:c-1",
        ("ada",),
        "inbound",
    )
    assert got.call_goes_on == (kind is EventKind.MISSED)


def test_without_it_the_agents_leg_is_a_call_of_its_own() -> None:
    assert parsed(AGENT).call_id == "pl:a-1"
    over = parsed({**AGENT, "CallStatus": "completed", "Event": "Hangup"})
    assert (over.kind, over.extensions) == (EventKind.ENDED, ())
    missed = parsed({**AGENT, "CallStatus": "no-answer", "Event": "Hangup"})
    assert (missed.kind, missed.extensions, missed.call_goes_on) == (
        EventKind.MISSED,
        ("ada",),
        False,
    )


def test_who_is_called_on_a_telephone_may_be_a_customer() -> None:
    event = parsed({**AGENT, "To": "442079460999"})
    assert (event.extensions, event.direction) == (("+442079460999",), None)


@pytest.mark.parametrize(
    ("more", "kind", "reason"),
    [
        ({"DialBLegDuration": "7"}, EventKind.TRANSFERRED, None),
        ({"DialBLegDuration": "0"}, EventKind.MISSED, None),
        (
            {"DialBLegDuration": "0", "DialBLegHangupCause": "NORMAL_CLEARING"},
            EventKind.MISSED,
            None,
        ),
        ({"DialBLegHangupCause": "NORMAL_CLEARING"}, EventKind.TRANSFERRED, None),
        ({"DialBLegHangupCause": "USER_BUSY"}, EventKind.MISSED, "busy"),
        ({"DialBLegHangupCause": "NO_ANSWER"}, EventKind.MISSED, "no_answer"),
        ({"DialBLegHangupCause": "ORIGINATOR_CANCEL"}, EventKind.MISSED, "cancelled"),
        ({"DialBLegHangupCause": "SOMETHING_NEW"}, EventKind.MISSED, None),
        ({"DialBLegDuration": "9" * 99}, EventKind.TRANSFERRED, None),
    ],
)
def test_a_dialled_leg_that_is_over_is_its_agents_alone(
    more: dict[str, str], kind: EventKind, reason: str | None
) -> None:
    event = dial("hangup", **more)
    assert (event.kind, event.ended_reason, event.extensions, event.call_id) == (
        kind,
        reason,
        ("ada",),
        "pl:c-1",
    )
    assert event.call_goes_on == (kind is EventKind.MISSED)


@pytest.mark.parametrize("action", ["answer", "connected"])
def test_a_dialled_leg_that_is_answered_is_its_agents(action: str) -> None:
    event = dial(action)
    assert (event.kind, event.extensions, event.ani) == (
        EventKind.ANSWERED,
        ("ada",),
        "+442079460958",
    )


def test_digits_of_the_customer_are_collected_and_the_agents_are_not() -> None:
    typed = {"DialDigitsMatch": "12", "DialDigitsPressedBy": "ALeg"}
    assert dial("digits", **typed).collected == {"DialDigitsMatch": "12"}
    agents = {**DIAL, "DialAction": "digits", **typed, "DialDigitsPressedBy": "BLeg"}
    assert PBX.parse(form(agents)) == []


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({"STIRVerification": "Verified"}, Attestation("A", "passed")),
        ({"stir_verification": "Verified"}, Attestation("A", "passed")),
        # B or C: it does not say which.
        ({"STIRVerification": "Not Verified"}, Attestation(None, "none")),
        ({"STIRVerification": "Not Verified", "STIRAttestation": "C"}, Attestation("C", "none")),
        ({"STIRVerification": "Not Applicable"}, Attestation(None, "none")),
        ({"STIRAttestation": "B"}, Attestation("B", None)),
        ({"STIRVerification": "new word"}, None),
        ({}, None),
    ],
)
def test_plivos_word_on_the_number(fields: dict[str, str], read: Attestation | None) -> None:
    assert parsed({**INCOMING, **fields}).attestation == read


def test_an_absent_caller_is_withheld_and_a_spelled_one_is_left_to_the_host() -> None:
    assert parsed({**INCOMING, "From": ""}).withheld
    event = parsed({**INCOMING, "From": "+anonymous"})
    assert (event.ani, event.withheld) == ("+anonymous", False)


def test_a_get_is_read_from_its_query() -> None:
    request = hook(b"", method="GET", url=f"{URL}?{urlencode({**AGENT, 'call_uuid': 'c-1'})}")
    [event] = PBX.parse(request)
    assert (event.kind, event.call_id, event.extensions) == (EventKind.RINGING, "pl:c-1", ("ada",))


def test_a_repeat_is_recognised_and_another_callback_is_not() -> None:
    first = parsed(DIAL | {"DialAction": "answer"}).event_key
    assert parsed(DIAL | {"DialAction": "answer"}).event_key == first
    changes: tuple[dict[str, str], ...] = (
        {"DialAction": "connected"},
        {"DialBLegUUID": "b-2"},
        {"CallUUID": "c-2"},
    )
    for change in changes:
        assert parsed({**DIAL, "DialAction": "answer", **change}).event_key != first


# --- whole calls ---


def received_in_turn(events: Sequence[CallEvent]) -> list[CallEvent]:
    """Let the events arrive one second after another: Plivo does not say when they happened."""
    return [replace(e, received_at=NOW + timedelta(seconds=n)) for n, e in enumerate(events)]


def any_order_ends_the_same(events: Sequence[CallEvent]) -> None:
    expected = only(received_in_turn(events))
    for some in disordered(events, arriving=True):
        call = only(some)
        assert (call.state, call.ended_reason) == (expected.state, expected.ended_reason)


def test_agents_rung_by_calls_of_their_own_share_the_customers_call() -> None:
    events = [
        parsed(INCOMING),
        leg("ada", "ringing", "Ring"),
        leg("bob", "ringing", "Ring"),
        leg("bob", "in-progress", "StartApp"),
        leg("ada", "cancel", "Hangup"),
        leg("bob", "completed", "Hangup"),
        parsed({**INCOMING, "CallStatus": "completed", "Event": "Hangup"}),
    ]
    talking = only(received_in_turn(events[:5]))
    assert (talking.state, left(talking)) == (
        "answered",
        {"ada": "answered_elsewhere", "bob": None},
    )
    assert only(received_in_turn(events)).state == "ended"
    any_order_ends_the_same(events)


def test_a_dialled_call_that_nobody_takes_is_missed_when_the_customer_is_gone() -> None:
    events = [
        parsed(INCOMING),
        dial("hangup", "ada", DialBLegHangupCause="NO_ANSWER"),
        dial("hangup", "bob", DialBLegHangupCause="ORIGINATOR_CANCEL"),
        parsed({**INCOMING, "CallStatus": "completed", "Event": "Hangup"}),
    ]
    assert not only(received_in_turn(events[:3])).over
    assert only(received_in_turn(events)).state == "missed"
    any_order_ends_the_same(events)


def test_a_call_goes_on_to_the_next_agent() -> None:
    events = received_in_turn(
        [
            parsed(INCOMING),
            dial("answer", "ada"),
            dial("connected", "ada"),
            dial("hangup", "ada", DialBLegDuration="7"),
            dial("answer", "bob"),
        ]
    )
    call = only(events)
    assert (call.state, left(call)) == ("answered", {"ada": "transferred", "bob": None})


# --- answers and bad input ---


@pytest.mark.parametrize("fields", [AGENT, {**DIAL, "DialAction": "answer"}])
def test_a_callback_wants_nothing(fields: dict[str, str]) -> None:
    answer = PBX.answer(form(fields), [])
    assert (answer.status, answer.body) == (200, b"")


def test_a_call_that_waits_is_handed_on_or_rings_on() -> None:
    [verb] = ElementTree.fromstring(PBX.answer(form(INCOMING), []).body)
    # A Wait that comes first is waited out before Plivo picks up.
    assert (verb.tag, verb.attrib) == ("Wait", {"length": "120"})
    url = "https://example.com/voice?a=1&b=<2>"
    settings = {"auth_token": TOKEN, "voice_redirect_url": url}
    answer = Plivo("pl", PlivoConfig.model_validate(settings)).answer(form(INCOMING), [])
    [verb] = ElementTree.fromstring(answer.body)
    assert (answer.content_type, verb.tag, verb.text) == ("text/xml", "Redirect", url)


@pytest.mark.parametrize(
    "fields",
    [
        {**INCOMING, "CallStatus": "a status of the future"},
        {**AGENT, "To": ""},
        {**DIAL, "DialAction": "new"},
        {**DIAL, "DialAction": "answer", "DialBLegTo": ""},
        {"CallUUID": "c-1", "RecordUrl": "https://example.com/r"},
    ],
)
def test_what_plivo_says_about_other_things_is_no_event(fields: dict[str, str]) -> None:
    assert PBX.parse(form(fields)) == []


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (form({}), "/CallUUID"),
        (form({"hello": "world"}), "/CallUUID"),
        (form({**INCOMING, "CallUUID": "x" * 300}), "/CallUUID"),
        (form({**INCOMING, "From": "nul\0"}), "/From"),
        (form({**AGENT, "To": "sip:%00@x"}), "/To"),
        (form(AGENT, "x" * 300), "/call_uuid"),
        (hook(b"CallUUID=%ff", FORM), ""),
        (hook({"CallUUID": "c-1"}), ""),
    ],
)
def test_what_is_not_plivos_is_not_understood(request_: HookRequest, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(request_)
    assert refusal.value.errors[0]["pointer"] == pointer


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"auth_token": []},
        {"auth_token": [TOKEN, " "]},
        {"auth_token": TOKEN, "voice_redirect_url": "x"},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PlivoConfig.model_validate(settings)
