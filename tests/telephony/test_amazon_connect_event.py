"""Amazon Connect: what each contact event, agent event and look-up in a flow means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.core.call import CallEvent, EventKind
from app.telephony.amazon_connect import AmazonConnect, AmazonConnectConfig
from tests.telephony.amazon_connect_bodies import (
    CONTACT,
    PBX,
    agent_event,
    at,
    connected,
    contact_event,
    flow_event,
    parsed,
)
from tests.telephony.hooks import NOW, hook
from tests.telephony.stories import only

# --- contact events ---


@pytest.mark.parametrize(
    ("verb", "kind"),
    [
        ("INITIATED", EventKind.INCOMING),
        ("QUEUED", EventKind.QUEUED),
        ("CONNECTED_TO_AGENT", EventKind.ANSWERED),
        ("DISCONNECTED", EventKind.ENDED),
        ("COMPLETED", EventKind.ENDED),
    ],
)
def test_a_contact_event_is_of_its_contact(verb: str, kind: EventKind) -> None:
    event = parsed(contact_event(verb, 1))
    assert (event.kind, event.call_id, event.direction) == (kind, f"ac:{CONTACT}", "inbound")
    assert (event.ani, event.withheld, event.dnis) == (None, False, "+448005550100")
    assert event.event_key


@pytest.mark.parametrize(
    "verb", ["CONNECTED_TO_SYSTEM", "CONTACT_DATA_UPDATED", "PAUSED", "RESUMED", "WEBRTC_API", "X"]
)
def test_other_contact_events_are_of_no_interest(verb: str) -> None:
    assert PBX.parse(hook(contact_event(verb, 1))) == []


@pytest.mark.parametrize("detail", [{"channel": "CHAT"}, {"initiationMethod": "MONITOR"}])
def test_chats_and_supervisors_who_listen_in_are_no_calls(detail: dict[str, str]) -> None:
    assert PBX.parse(hook(contact_event("INITIATED", 1, **detail))) == []
    contact = {name[0].upper() + name[1:]: value for name, value in detail.items()}
    assert PBX.parse(hook(agent_event("ada", 1, "CONNECTING", **contact))) == []
    assert PBX.parse(hook(flow_event(**contact))) == []


def test_names_are_read_in_either_case_as_aws_writes_them() -> None:
    event = connected(2)
    detail = event["detail"]
    upper = {name[0].upper() + name[1:]: value for name, value in detail.items()}
    assert parsed({**event, "detail": upper}) == parsed(event)
    assert parsed({**event, "detail": {**detail, "channel": "Voice"}}) == parsed(event)


def test_each_event_happened_at_its_own_time_and_1970_is_none() -> None:
    queue = {"queueArn": "arn", "queueType": "STANDARD", "enqueueTimestamp": at(4)}
    assert parsed(contact_event("QUEUED", 9, queueInfo=queue)).occurred_at == NOW + timedelta(
        seconds=4
    )
    assert parsed(contact_event("QUEUED", 9)).occurred_at == NOW + timedelta(seconds=9)
    ended = contact_event("DISCONNECTED", 9, disconnectTimestamp="1970-01-01T00:00:00.001Z")
    assert parsed(ended).occurred_at == NOW + timedelta(seconds=9)


def test_an_agent_is_named_in_a_contact_event_only_if_the_settings_know_the_arn() -> None:
    assert parsed(connected(2)).extensions == ()
    known = AmazonConnect("ac", AmazonConnectConfig(token="k", agents={"a-bob": "102"}))
    assert parsed(connected(2), known).extensions == ("102",)
    assert parsed(agent_event("bob", 1, "CONNECTING"), known).extensions == ("102",)


@pytest.mark.parametrize(
    ("method", "direction"),
    [
        ("OUTBOUND", "outbound"),
        ("EXTERNAL_OUTBOUND", "outbound"),
        ("CALLBACK", "outbound"),
        ("API", "outbound"),
        ("TRANSFER", None),
        ("QUEUE_TRANSFER", None),
    ],
)
def test_the_initiation_method_tells_the_direction(method: str, direction: str | None) -> None:
    event = parsed(flow_event(InitiationMethod=method))
    ends = (event.ani, event.dnis)
    customer, ours = "+442079460958", "+448005550100"
    assert event.direction == direction
    assert ends == ((ours, customer) if direction == "outbound" else (customer, ours))


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ({}, "cancelled"),
        ({"agentInfo": {"connectedToAgentTimestamp": at(2)}}, "completed"),
        ({"disconnectReason": "TELECOM_PROBLEM"}, "failed"),
        ({"disconnectReason": "OUTBOUND_ATTEMPT_FAILED"}, "failed"),
        ({"disconnectReason": 7}, "cancelled"),
    ],
)
def test_the_end_has_a_reason(detail: dict[str, Any], reason: str) -> None:
    assert parsed(contact_event("DISCONNECTED", 5, **detail)).ended_reason == reason


# --- agent events ---


@pytest.mark.parametrize(
    ("state", "kind", "reason"),
    [
        ("INCOMING", EventKind.RINGING, None),
        ("CONNECTING", EventKind.RINGING, None),
        ("CONNECTED", EventKind.ANSWERED, None),
        ("CONNECTED_ONHOLD", EventKind.HELD, None),
        ("MISSED", EventKind.MISSED, "no_answer"),
        ("REJECTED", EventKind.MISSED, "declined"),
        ("ERROR", EventKind.MISSED, "failed"),
        ("ENDED", EventKind.ENDED, None),
    ],
)
def test_an_agents_desk_tells_what_the_agent_does(
    state: str, kind: EventKind, reason: str | None
) -> None:
    event = parsed(agent_event("ada@example.com", 3, state))
    whose = () if kind is EventKind.ENDED else ("ada@example.com",)
    assert (event.kind, event.extensions, event.ended_reason) == (kind, whose, reason)
    assert (event.queue, event.occurred_at) == ("Sales", NOW + timedelta(seconds=3))
    assert event.call_goes_on == (kind is EventKind.MISSED)


def test_only_a_change_is_an_event() -> None:
    assert PBX.parse(hook(agent_event("ada", 3, "CONNECTED", before="CONNECTED"))) == []
    for verb in ("HEART_BEAT", "LOGIN", "LOGOUT"):
        assert PBX.parse(hook({**agent_event("ada", 3, "CONNECTING"), "EventType": verb})) == []


def test_a_hold_and_its_end_are_told_by_what_was_before() -> None:
    # The state's own start is not renewed by a hold, so the event's time counts.
    held = agent_event("ada", 8, "CONNECTED_ONHOLD", "CONNECTED", StateStartTimestamp=at(2))
    resumed = agent_event("ada", 9, "CONNECTED", "CONNECTED_ONHOLD", StateStartTimestamp=at(2))
    assert (parsed(held).kind, parsed(held).occurred_at) == (
        EventKind.HELD,
        NOW + timedelta(seconds=8),
    )
    assert (parsed(resumed).kind, parsed(resumed).occurred_at) == (
        EventKind.RESUMED,
        NOW + timedelta(seconds=9),
    )


# --- the look-up in the flow ---


def test_the_flow_tells_who_calls_and_what_it_knows() -> None:
    event = parsed(flow_event(Queue={"ARN": "arn", "Name": "Sales"}))
    assert event == CallEvent(
        kind=EventKind.INCOMING,
        call_id=f"ac:{CONTACT}",
        phone_system="ac",
        received_at=NOW,
        event_key=event.event_key,
        direction="inbound",
        ani="+442079460958",
        dnis="+448005550100",
        queue="Sales",
        collected={"account": "C-100"},
        attached_data={"language": "fr"},
    )


@pytest.mark.parametrize("endpoint", [None, {}, {"Address": None}, {"Address": "anonymous"}])
def test_a_hidden_caller_has_no_number(endpoint: Any) -> None:
    call = only([parsed(flow_event(CustomerEndpoint=endpoint))])
    assert call.caller.withheld
    assert call.caller.e164 is None


def test_a_second_look_up_of_a_flow_is_a_repeat_only_if_it_says_the_same() -> None:
    assert parsed(flow_event()).event_key == parsed(flow_event()).event_key
    later = flow_event(Attributes={"language": "fr", "topic": "invoice"})
    assert parsed(later).event_key != parsed(flow_event()).event_key
