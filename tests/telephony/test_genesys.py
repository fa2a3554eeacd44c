"""Genesys Cloud: who sends, detail events, hostile bodies, the test call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook

from app.core.call import CallEvent, EventKind
from app.telephony.base import NotUnderstood, Refused, TestCall
from app.telephony.genesys import Genesys, GenesysConfig
from tests.telephony.genesys_bodies import (
    CONVERSATION,
    PBX,
    SECRET,
    customer,
    detail,
    envelope,
    parsed,
    story,
    whole,
)
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.stories import disordered, left, live, only, screen, told

# --- who sends ---


def test_the_official_signature_and_the_key_of_an_api_destination_are_accepted() -> None:
    body = orjson.dumps(detail("user.start", 1, userId="ada"))
    signature = Webhook(SECRET).sign("m-1", NOW, body.decode())
    headers = {
        "webhook-id": "m-1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
    }
    PBX.verify(hook(body, headers))
    PBX.verify(hook(body, {"x-api-key": "k3y"}))
    PBX.verify(hook(body, {"authorization": "Bearer k3y"}))
    flipped = bytes([body[0] ^ 1]) + body[1:]
    for bad in (
        hook(flipped, headers),
        hook(body, {**headers, "webhook-signature": signature[:-2] + "A="}),
        hook(body, {"x-api-key": "k3z"}),
        hook(body, {"authorization": "Basic k3y"}),
        hook(body),
    ):
        with pytest.raises(Refused):
            PBX.verify(bad)


@pytest.mark.parametrize("settings", [{}, {"token": ""}, {"secret": "words"}])
def test_settings_that_prove_nobody_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GenesysConfig.model_validate(settings)


# --- detail events ---


def test_an_alerting_agent_rings() -> None:
    event = parsed(detail("user.start", 3, userId="ada", queueId="q-1"))
    assert event == CallEvent(
        kind=EventKind.RINGING,
        call_id=f"gc:{CONVERSATION}",
        phone_system="gc",
        received_at=NOW,
        event_key=event.event_key,
        occurred_at=NOW + timedelta(seconds=3),
        direction="inbound",
        ani="+442079460958",
        dnis="+448005550100",
        extensions=("ada",),
        queue="q-1",
    )


@pytest.mark.parametrize(
    ("step", "body", "kind", "whose"),
    [
        ("customer.start", {}, EventKind.INCOMING, ()),
        ("acd.start", {"queueId": "q-1"}, EventKind.QUEUED, ()),
        (
            "acd.end",
            {"acdOutcome": "ANSWERED", "answeredUserId": "ada"},
            EventKind.ANSWERED,
            ("ada",),
        ),
        ("user.end", {"userId": "ada", "alertingDurationMs": 9000}, EventKind.MISSED, ("ada",)),
        ("customer.end", {"disconnectType": "PEER"}, EventKind.ENDED, ()),
        ("attributes", {"attributes": {"language": "fr"}}, EventKind.INCOMING, ()),
    ],
)
def test_a_detail_event_is_a_step_of_its_conversation(
    step: str, body: dict[str, Any], kind: EventKind, whose: tuple[str, ...]
) -> None:
    event = parsed(detail(step, 3, **body))
    assert (event.kind, event.extensions) == (kind, whose)
    assert event.attached_data == body.get("attributes", {})
    assert event.call_goes_on == (kind is EventKind.MISSED)


@pytest.mark.parametrize(
    "body",
    [
        detail("user.start", 3, mediaType="CHAT"),
        detail("acd.end", 3, acdOutcome="ABANDON"),
        detail("acd.end", 3, acdOutcome="FLOW_OUT"),
        detail("user.end", 3),
        detail("flow.start", 3),
        detail("wrapup", 3),
        envelope("v2.conversations.x.transcription", 3, {"conversationId": CONVERSATION}),
        envelope("channel.metadata", 3, {"message": "WebSocket Heartbeat"}),
        envelope("v2.users.x.conversations.chats", 3, {"id": "c", "participants": []}),
    ],
)
def test_what_is_of_no_interest_is_no_event(body: dict[str, Any]) -> None:
    assert PBX.parse(hook(body)) == []


def test_an_agent_who_talked_has_answered_and_left() -> None:
    talked = {"interactingDurationMs": 40_000, "heldDurationMs": 10_000}
    end = detail("user.end", 60, userId="ada", disconnectType="CONSULT_TRANSFER", **talked)
    answered, gone = PBX.parse(hook(end))
    assert (answered.kind, answered.occurred_at) == (
        EventKind.ANSWERED,
        NOW + timedelta(seconds=10),
    )
    assert (gone.kind, gone.extensions, gone.transfer_kind) == (
        EventKind.TRANSFERRED,
        ("ada",),
        "attended",
    )
    assert answered.event_key != gone.event_key


@pytest.mark.parametrize("ani", ["sip:anonymous@anonymous.invalid", None, "", "tel:"])
def test_a_hidden_caller_has_no_number(ani: str | None) -> None:
    call = only([parsed(detail("user.start", 3, userId="ada", ani=ani))])
    assert call.caller.withheld
    assert call.caller.e164 is None


def test_a_repeat_is_recognised_by_the_id_of_eventbridge() -> None:
    event = detail("user.start", 3, userId="ada")
    assert parsed(event).event_key == parsed(event).event_key
    assert parsed({**event, "id": "other"}).event_key != parsed(event).event_key


DETAIL_STORY = [
    detail("customer.start", 0),
    detail("acd.start", 2, queueId="q-1"),
    detail("user.start", 3, userId="ada"),
    detail("user.end", 12, userId="ada", disconnectType="TIMEOUT", alertingDurationMs=9000),
    detail("user.start", 13, userId="bob"),
    detail("acd.end", 15, acdOutcome="ANSWERED", answeredUserId="bob"),
    detail("user.start", 40, userId="cyd"),
    detail("user.end", 45, userId="bob", disconnectType="TRANSFER", interactingDurationMs=30_000),
    detail("user.end", 70, userId="cyd", disconnectType="PEER", interactingDurationMs=25_000),
    detail("customer.end", 70, disconnectType="ENDPOINT"),
]


def test_a_call_rings_on_is_answered_transferred_and_ended() -> None:
    events = story(*DETAIL_STORY)
    assert live(only(events[:3])) == {"ada"}
    assert (live(only(events[:4])), only(events[:4]).over) == (set(), False)
    assert live(only(events[:6])) == {"bob"}
    # bob has gone (two events), cyd has it.
    assert live(only(events[:9])) == {"cyd"}
    call = only(events)
    assert call.state == "ended"
    assert left(call)["ada"] == "missed"
    assert left(call)["bob"] == "transferred"


def test_an_abandoned_call_is_missed() -> None:
    events = story(*DETAIL_STORY[:4], detail("customer.end", 20, disconnectType="PEER"))
    assert only(events).state == "missed"


def test_in_any_order_and_repeated_detail_events_make_one_screen() -> None:
    for length in (4, 6, 8, len(DETAIL_STORY)):
        events = story(*DETAIL_STORY[:length])
        expected = screen(told(events))
        for some in disordered(events):
            assert screen(told(some)) == expected


# --- hostile bodies, the test call ---


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"7", ""),
        (b"{}", "/topicName"),
        (b'{"detail": {}}', "/detail/topicName"),
        (orjson.dumps([{}] * 501), ""),
        (orjson.dumps(detail("user.start", 3, conversationId=None)), "/conversationId"),
        (orjson.dumps(detail("user.start", 3, userId="nul\0")), "/userId"),
        (orjson.dumps(whole(3, participants=7)), "/participants"),
        (orjson.dumps(whole(3, participants=[{}] * 201)), "/participants"),
        (orjson.dumps(whole(3, customer(attributes=[]))), "/attributes"),
        (orjson.dumps(whole(3, id="")), "/id"),
    ],
)
def test_what_is_not_genesys_is_not_understood(body: bytes, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body))
    assert refusal.value.errors[0]["pointer"].endswith(pointer)


def test_durations_and_times_that_cannot_be_are_left_out() -> None:
    odd = {"userId": "ada", "interactingDurationMs": 1e300, "eventTime": "noon"}
    answered, gone = PBX.parse(hook(detail("user.end", 60, **odd)))
    assert answered.occurred_at == gone.occurred_at == NOW + timedelta(seconds=60)


@pytest.mark.parametrize("settings", [{"secret": SECRET}, {"token": "k3y"}])
def test_a_test_call_rings_and_says_who_calls(settings: dict[str, Any]) -> None:
    pbx = Genesys("gc", GenesysConfig.model_validate(settings))
    request = received(pbx.ring(TestCall("ring-1", "+442079460958", "ada", NOW, URL)))
    pbx.verify(request)
    [event] = pbx.parse(request)
    assert (event.kind, event.extensions, event.ani, event.occurred_at) == (
        EventKind.RINGING,
        ("ada",),
        "+442079460958",
        NOW,
    )
