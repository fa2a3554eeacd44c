"""Telnyx: what the legs of a call session mean, and TeXML's callbacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError

from app.core.call import Attestation, CallEvent, EventKind
from app.errors import UserError
from app.telephony.base import HookRequest, NotUnderstood, TestCall
from app.telephony.telnyx import Telnyx, TelnyxConfig
from tests.telephony.hooks import NOW, URL, hook
from tests.telephony.one_call import screen_in_any_order
from tests.telephony.stories import left, only

PUBLIC_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
MOBILE = "+442079460999"
PBX = Telnyx("tx", TelnyxConfig(public_key=PUBLIC_KEY, agent_numbers=[MOBILE]))
FORM = {"content-type": "application/x-www-form-urlencoded"}
CUSTOMER = {"from": "+442079460958", "to": "+448005550100"}
ADA = {"from": "+442079460958", "to": "sip:ada@sip.telnyx.com"}
BOB = {"from": "+442079460958", "to": "sip:bob@sip.telnyx.com"}


def body(what: str, payload: dict[str, Any], second: int = 0) -> dict[str, Any]:
    at = f"2026-11-22T10:00:{second:02}.123456Z"
    session = {"call_control_id": "v3:c", "call_leg_id": "l-1", "call_session_id": "s-1"}
    data = {"record_type": "event", "event_type": what, "id": f"e-{second}", "occurred_at": at}
    return {"data": {**data, "payload": session | payload}, "meta": {"attempt": 1}}


def parsed(what: str, payload: dict[str, Any], second: int = 0) -> CallEvent:
    [event] = PBX.parse(hook(body(what, payload, second)))
    return event


def test_the_customers_leg_is_incoming_with_all_that_telnyx_knows() -> None:
    event = parsed(
        "call.initiated",
        {
            **CUSTOMER,
            "direction": "incoming",
            "state": "parked",
            "caller_id_name": "ADA LOVELACE",
            "shaken_stir_attestation": "A",
            "shaken_stir_validated": True,
            "custom_headers": [{"name": "X-Account", "value": "C-100"}, {"value": "x"}, 7],
            "sip_headers": [{"name": "User-to-User", "value": "abc"}],
            "client_state": "bGFuZz1mcg==",
            "tags": ["vip"],
        },
    )
    assert event == CallEvent(
        kind=EventKind.INCOMING,
        call_id="tx:s-1",
        phone_system="tx",
        received_at=NOW,
        event_key="telnyx:e-0",
        occurred_at=datetime(2026, 11, 22, 10, 0, 0, 123456, UTC),
        direction="inbound",
        ani="+442079460958",
        cnam="ADA LOVELACE",
        dnis="+448005550100",
        attestation=Attestation("A", "passed"),
        attached_data={
            "X-Account": "C-100",
            "User-to-User": "abc",
            "client_state": "lang=fr",
            "tags": '["vip"]',
        },
    )


@pytest.mark.parametrize(
    ("to", "extension"),
    [("sip:ada%40example.com@sip.telnyx.com", "ada@example.com"), (MOBILE, MOBILE)],
)
def test_an_outgoing_leg_to_an_agent_rings(to: str, extension: str) -> None:
    event = parsed("call.initiated", {**ADA, "to": to, "direction": "outgoing"})
    assert (event.kind, event.extensions, event.direction, event.dnis) == (
        EventKind.RINGING,
        (extension,),
        "inbound",
        None,
    )


def test_an_outgoing_leg_to_any_other_number_calls_a_customer() -> None:
    event = parsed("call.initiated", {**CUSTOMER, "direction": "outgoing"})
    assert (event.kind, event.direction, event.extensions) == (EventKind.INCOMING, "outbound", ())


@pytest.mark.parametrize(
    ("what", "payload", "kind", "whose"),
    [
        # The application picks up: no agent has.
        ("call.answered", CUSTOMER, EventKind.INCOMING, ()),
        ("call.answered", ADA, EventKind.ANSWERED, ("ada",)),
        ("call.bridged", ADA, EventKind.ANSWERED, ("ada",)),
        ("call.bridged", CUSTOMER, EventKind.ANSWERED, ()),
        ("call.hold", CUSTOMER, EventKind.HELD, ()),
        ("call.unhold", ADA, EventKind.RESUMED, ("ada",)),
        ("call.enqueued", {"queue": "sales", "current_position": 1}, EventKind.QUEUED, ()),
        ("call.refer.completed", CUSTOMER, EventKind.TRANSFERRED, ()),
        ("call.gather.ended", {**CUSTOMER, "digits": "1234"}, EventKind.INCOMING, ()),
    ],
)
def test_what_happens_concerns_the_agent_whose_leg_it_is(
    what: str, payload: dict[str, Any], kind: EventKind, whose: tuple[str, ...]
) -> None:
    event = parsed(what, payload)
    assert (event.kind, event.extensions) == (kind, whose)


def test_a_queue_has_a_name_and_typed_digits_are_collected() -> None:
    assert parsed("call.enqueued", {"queue": "sales"}).queue == "sales"
    assert parsed("call.gather.ended", {**CUSTOMER, "digits": "1234"}).collected == {
        "digits": "1234"
    }
    assert parsed("call.gather.ended", {**ADA, "digits": "1"}).collected == {}


@pytest.mark.parametrize(
    ("cause", "sip", "kind", "reason"),
    [
        ("normal_clearing", "200", EventKind.TRANSFERRED, None),
        ("normal_clearing", "unspecified", EventKind.TRANSFERRED, None),
        ("time_limit", None, EventKind.TRANSFERRED, None),
        ("normal_clearing", "480", EventKind.MISSED, "completed"),
        ("call_rejected", "603", EventKind.MISSED, "declined"),
        ("originator_cancel", "487", EventKind.MISSED, "cancelled"),
        ("timeout", None, EventKind.MISSED, "no_answer"),
        ("user_busy", "486", EventKind.MISSED, "busy"),
        ("not_found", "404", EventKind.MISSED, "failed"),
        (None, None, EventKind.MISSED, None),
        (7, 7, EventKind.MISSED, None),
    ],
)
def test_a_hung_up_leg_of_an_agent_is_theirs_alone(
    cause: Any, sip: Any, kind: EventKind, reason: str | None
) -> None:
    event = parsed("call.hangup", {**ADA, "hangup_cause": cause, "sip_hangup_cause": sip})
    assert (event.kind, event.ended_reason) == (kind, reason)
    assert event.call_goes_on == (kind is EventKind.MISSED)
    whole = parsed("call.hangup", {**CUSTOMER, "hangup_cause": cause})
    assert (whole.kind, whole.extensions) == (EventKind.ENDED, ())


@pytest.mark.parametrize(
    ("said", "validated", "read"),
    [
        ("A", True, Attestation("A", "passed")),
        ("b", False, Attestation("B", "failed")),
        ("C", None, Attestation("C")),
        (None, False, Attestation(None, "none")),
        (None, None, None),
        ("Z", True, None),
        (7, "yes", None),
    ],
)
def test_the_carriers_word_on_the_number(said: Any, validated: Any, read: Any) -> None:
    stir = {"shaken_stir_attestation": said, "shaken_stir_validated": validated}
    assert parsed("call.initiated", {**CUSTOMER, **stir}).attestation == read


def test_an_absent_caller_is_withheld_and_a_spelled_one_is_left_to_the_host() -> None:
    assert parsed("call.initiated", {"to": "+448005550100", "direction": "incoming"}).withheld
    event = parsed("call.initiated", {**CUSTOMER, "from": "anonymous"})
    assert (event.ani, event.withheld) == ("anonymous", False)


# --- whole calls ---


def story(*steps: tuple[str, dict[str, Any]]) -> list[CallEvent]:
    return [parsed(what, payload, second) for second, (what, payload) in enumerate(steps)]


IN = ("call.initiated", {**CUSTOMER, "direction": "incoming"})
RING_ADA = ("call.initiated", {**ADA, "direction": "outgoing"})
RING_BOB = ("call.initiated", {**BOB, "direction": "outgoing"})
CANCEL = {"hangup_cause": "originator_cancel", "sip_hangup_cause": "487"}
CLEAR = {"hangup_cause": "normal_clearing"}


def test_a_group_call_stays_with_who_answers() -> None:
    events = story(
        IN,
        ("call.answered", CUSTOMER),
        RING_ADA,
        RING_BOB,
        ("call.answered", BOB),
        ("call.bridged", BOB),
        ("call.bridged", CUSTOMER),
        ("call.hangup", {**ADA, **CANCEL}),
    )
    call = only(events)
    assert (call.state, left(call)) == ("answered", {"ada": "answered_elsewhere", "bob": None})
    assert only(events[:4]).state == "ringing"
    screen_in_any_order(events)


def test_an_agent_who_leaves_hands_the_call_on_until_the_customer_hangs_up() -> None:
    events = story(
        IN,
        RING_ADA,
        ("call.answered", ADA),
        ("call.hold", CUSTOMER),
        ("call.unhold", CUSTOMER),
        ("call.hangup", {**ADA, **CLEAR}),
        RING_BOB,
        ("call.bridged", BOB),
        ("call.hangup", {**CUSTOMER, **CLEAR}),
    )
    assert only(events[:4]).state == "held"
    moved = only(events[:7])
    assert (moved.over, left(moved)) == (False, {"ada": "transferred", "bob": None})
    ended = only(events)
    assert (ended.state, ended.ended_reason) == ("ended", "completed")
    screen_in_any_order(events[4:])


def test_a_caller_who_gives_up_in_the_queue_was_missed() -> None:
    events = story(
        IN,
        ("call.answered", CUSTOMER),
        ("call.enqueued", {**CUSTOMER, "queue": "sales"}),
        RING_ADA,
        ("call.hangup", {**ADA, "hangup_cause": "timeout"}),
        ("call.hangup", {**CUSTOMER, "hangup_cause": "originator_cancel"}),
    )
    assert only(events[:5]).state == "ringing"
    call = only(events)
    assert (call.state, call.queue, call.ended_reason) == ("missed", "sales", "cancelled")
    screen_in_any_order(events)


def test_a_repeat_has_the_same_key_and_another_attempt_changes_nothing() -> None:
    first = body("call.initiated", CUSTOMER)
    again = {**first, "meta": {"attempt": 2}}
    assert PBX.parse(hook(first))[0].event_key == PBX.parse(hook(again))[0].event_key


# --- TeXML ---

PARENT = {
    "AccountSid": "a-1",
    "CallSid": "v3:parent",
    "CallStatus": "ringing",
    "CallbackSource": "call-progress-events",
    "From": "+442079460958",
    "To": "+448005550100",
    "CallerId": "ADA LOVELACE",
    "ShakenStirAttestation": "B",
    "ShakenStirValidated": "true",
    "SequenceNumber": "0",
    "Timestamp": "2026-11-22T10:00:00Z",
}


def texml(fields: dict[str, str]) -> HookRequest:
    return hook(urlencode(fields).encode(), FORM)


def test_texml_tells_the_customers_call_and_the_agents_legs() -> None:
    [event] = PBX.parse(texml(PARENT))
    assert (event.kind, event.call_id, event.cnam, event.attestation, event.occurred_at) == (
        EventKind.INCOMING,
        "tx:v3:parent",
        "ADA LOVELACE",
        Attestation("B", "passed"),
        NOW,
    )
    child = {**PARENT, "CallSid": "v3:leg", "ParentCallSid": "v3:parent"}
    [event] = PBX.parse(texml({**child, "To": "sip:ada@sip.telnyx.com"}))
    assert (event.kind, event.call_id, event.extensions, event.direction) == (
        EventKind.RINGING,
        "tx:v3:parent",
        ("ada",),
        "inbound",
    )


def test_a_texml_call_that_waits_is_handed_on_or_rings_on() -> None:
    asked = texml({k: v for k, v in PARENT.items() if k != "CallbackSource"})
    [verb] = ElementTree.fromstring(PBX.answer(asked, []).body)
    assert (verb.tag, verb.attrib) == ("Pause", {"length": "120"})
    url = "https://example.com/voice?a=1&b=2"
    settings = {"public_key": PUBLIC_KEY, "voice_redirect_url": url}
    handing_on = Telnyx("tx", TelnyxConfig.model_validate(settings))
    [verb] = ElementTree.fromstring(handing_on.answer(asked, []).body)
    assert (verb.tag, verb.text) == ("Redirect", url)
    assert PBX.answer(texml(PARENT), []).body == b""
    assert PBX.answer(hook(body("call.initiated", CUSTOMER)), []).status == 200


# --- bad input ---


@pytest.mark.parametrize("what", ["call.dtmf.received", "call.cost", "streaming.started", "x"])
def test_what_telnyx_says_about_other_things_is_no_event(what: str) -> None:
    assert PBX.parse(hook(body(what, CUSTOMER))) == []


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ([], "/data"),
        ({}, "/data"),
        ({"data": 1}, "/data"),
        ({"data": {}}, "/data/event_type"),
        ({"data": {"event_type": "call.hangup", "payload": []}}, "/data/payload"),
        ({"data": {"event_type": "call.hangup", "payload": {}}}, "/data/payload/call_session_id"),
        (body("call.hangup", {"to": 7}), "/data/payload/to"),
        (body("call.hangup", {"to": "sip:%00@x"}), "/data/payload/to"),
    ],
)
def test_what_is_not_telnyxs_is_not_understood(given: Any, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(given))
    assert refusal.value.errors[0]["pointer"] == pointer


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"public_key": []},
        {"public_key": "no base64"},
        {"public_key": "c2hvcnQ="},
        {"public_key": [PUBLIC_KEY, ""]},
        {"test_secret": "short"},
        {"public_key": PUBLIC_KEY, "voice_redirect_url": "example.com"},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TelnyxConfig.model_validate(settings)


def test_without_a_secret_for_it_no_test_call_can_be_made() -> None:
    with pytest.raises(UserError, match="test_secret"):
        PBX.ring(TestCall("ring-1", "+442079460958", "101", NOW, URL))
