"""Twilio TaskRouter and Flex: tasks, reservations and Event Streams."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
import pytest
from pydantic import ValidationError
from twilio.request_validator import RequestValidator

from app.core.call import CallEvent, EventKind
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.twilio_taskrouter import TwilioTaskRouter, TwilioTaskRouterConfig
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.stories import disordered, left, live, only, screen, told

# The SDK has no types.
OFFICIAL: Any = RequestValidator
TOKEN = "0123456789abcdef0123456789abcdef"
PBX = TwilioTaskRouter("tr", TwilioTaskRouterConfig(auth_token=TOKEN))
FORM = "application/x-www-form-urlencoded"
TASK = "WT" + "0" * 31 + "1"
ATTRIBUTES: dict[str, Any] = {
    "call_sid": "CA1",
    "from": "+442079460958",
    "to": "+448005550100",
    "direction": "inbound",
    "from_country": "GB",
    "api_version": "2010-04-01",
    "name": "KESTREL GARDEN",
    "language": "fr",
    "digits": "4711",
}
WORKERS = {
    "ada": {"contact_uri": "client:ada"},
    "bob": {"contact_uri": "client:bob_40example_2Ecom", "email": "bob@example.com"},
}


def fields(name: str, second: float = 0, worker: str = "", **more: Any) -> dict[str, str]:
    about: dict[str, Any] = {
        "EventType": name,
        "AccountSid": "AC" + "0" * 32,
        "WorkspaceSid": "WS" + "0" * 32,
        "WorkspaceName": "Flex",
        "EventDescription": name,
        "ResourceType": name.partition(".")[0],
        "ResourceSid": TASK,
        "Sid": f"EV-{name}-{second}",
        "Timestamp": str(int(NOW.timestamp()) + int(second)),
        "TimestampMs": str(int((NOW.timestamp() + second) * 1000)),
        "TaskSid": TASK,
        "TaskAttributes": ATTRIBUTES,
        "TaskChannelUniqueName": "voice",
        "TaskQueueName": "Sales",
    }
    if worker:
        about |= {"WorkerName": worker, "WorkerAttributes": WORKERS[worker]}
    about |= more
    return {
        key: value if isinstance(value, str) else orjson.dumps(value).decode()
        for key, value in about.items()
        if value is not None
    }


def form(sent: dict[str, str]) -> HookRequest:
    return hook(urlencode(sent).encode(), {"content-type": FORM})


def parsed(name: str, second: float = 0, worker: str = "", **more: Any) -> CallEvent:
    [event] = PBX.parse(form(fields(name, second, worker, **more)))
    return event


# --- the signature ---


def test_the_official_signature_is_accepted_and_a_flipped_byte_refused() -> None:
    sent = fields("reservation.created", 1, "ada")
    signature = OFFICIAL(TOKEN).compute_signature(URL, sent)
    body = urlencode(sent).encode()
    headers = {"content-type": FORM, "x-twilio-signature": signature}
    PBX.verify(hook(body, headers))
    for place in range(0, len(body), 17):
        bad = bytearray(body)
        bad[place] ^= 4
        with pytest.raises(Refused):
            PBX.verify(hook(bytes(bad), headers))
    with pytest.raises(Refused):
        PBX.verify(hook(body, {**headers, "x-twilio-signature": signature[::-1]}))


def test_event_streams_are_covered_by_the_hash_in_the_address() -> None:
    body = orjson.dumps(stream(("reservation.created", 1, "ada")))
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = OFFICIAL(TOKEN).compute_signature(url, {})
    headers = {"content-type": "application/json", "x-twilio-signature": signature}
    PBX.verify(hook(body, headers, url=url))
    with pytest.raises(Refused):
        PBX.verify(hook(body + b" ", headers, url=url))


# --- the events ---


def test_a_reservation_rings_for_its_worker() -> None:
    event = parsed("reservation.created", 3.5, "ada")
    assert event == CallEvent(
        kind=EventKind.RINGING,
        call_id=f"tr:{TASK}",
        phone_system="tr",
        received_at=NOW,
        event_key=event.event_key,
        occurred_at=NOW + timedelta(seconds=3.5),
        direction="inbound",
        ani="+442079460958",
        cnam="KESTREL GARDEN",
        dnis="+448005550100",
        extensions=("ada",),
        queue="Sales",
        collected={"digits": "4711"},
        attached_data={
            "call_sid": "CA1",
            "from": "+442079460958",
            "to": "+448005550100",
            "name": "KESTREL GARDEN",
            "language": "fr",
            "digits": "4711",
        },
    )


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("task.created", EventKind.INCOMING, None),
        ("task-queue.entered", EventKind.QUEUED, None),
        ("reservation.created", EventKind.RINGING, None),
        ("reservation.accepted", EventKind.ANSWERED, None),
        ("reservation.rejected", EventKind.MISSED, "declined"),
        ("reservation.timeout", EventKind.MISSED, "no_answer"),
        ("reservation.canceled", EventKind.MISSED, "cancelled"),
        ("reservation.rescinded", EventKind.MISSED, None),
        ("reservation.wrapup", EventKind.TRANSFERRED, None),
        ("reservation.completed", EventKind.TRANSFERRED, None),
        ("task.wrapup", EventKind.ENDED, "completed"),
        ("task.completed", EventKind.ENDED, "completed"),
        ("task.canceled", EventKind.ENDED, "cancelled"),
        ("task.deleted", EventKind.ENDED, "cancelled"),
    ],
)
def test_an_event_is_of_the_task_or_of_one_worker(
    name: str, kind: EventKind, reason: str | None
) -> None:
    event = parsed(name, 1, "ada")
    whose = ("ada",) if name.startswith("reservation.") else ()
    assert (event.kind, event.extensions, event.ended_reason) == (kind, whose, reason)
    assert event.call_goes_on == (kind is EventKind.MISSED)


@pytest.mark.parametrize(
    ("worker", "named"),
    [
        ({"contact_uri": "client:ada"}, "ada"),
        ({"contact_uri": "client:ada%40example.com"}, "ada@example.com"),
        ({"contact_uri": "sip:101@pbx.example.com"}, "101"),
        ({"contact_uri": "+442079460999"}, "+442079460999"),
        ({"contact_uri": "client:ada_40x", "email": "ada@example.com"}, "ada@example.com"),
        ({}, "Ada L"),
        ("{broken", "Ada L"),
    ],
)
def test_a_worker_is_an_agent_by_what_the_attributes_tell(worker: Any, named: str) -> None:
    more = {"WorkerName": "Ada L", "WorkerAttributes": worker}
    assert parsed("reservation.created", 1, **more).extensions == (named,)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (fields("worker.activity.update"), "workers"),
        (fields("task.updated"), "what changes nothing"),
        (fields("task.transfer-initiated"), "transfers, told by their reservations"),
        (fields("reservation.wrapup"), "a reservation of nobody"),
        (fields("reservation.created", TaskChannelUniqueName="chat", TaskAttributes={}), "chats"),
        ({"AccountSid": "AC1", "TaskSid": TASK, "ReservationSid": "WR1"}, "assignment callbacks"),
    ],
)
def test_what_is_of_no_interest_is_no_event(sent: dict[str, str], why: str) -> None:
    assert PBX.parse(form(sent)) == [], why
    assert PBX.answer(form(sent), []).status == 204


def test_an_outbound_task_is_looked_up_by_the_number_that_is_called() -> None:
    out = {"direction": "outbound", "from": "+448005550100", "outbound_to": "+442079460958"}
    event = parsed("reservation.accepted", 1, "ada", TaskAttributes=out)
    assert (event.direction, event.ani, event.dnis) == (
        "outbound",
        "+448005550100",
        "+442079460958",
    )


@pytest.mark.parametrize("caller", ["", None, "anonymous", "+266696687"])
def test_a_hidden_caller_has_no_number(caller: str | None) -> None:
    attributes = {**ATTRIBUTES, "from": caller, "name": caller}
    call = only([parsed("reservation.created", 1, "ada", TaskAttributes=attributes)])
    assert call.caller.withheld
    assert call.caller.e164 is None


@pytest.mark.parametrize(
    ("times", "second"),
    [
        ({"Timestamp": str(int(NOW.timestamp())), "TimestampMs": None}, 0.0),
        ({"Timestamp": "2026-11-22T10:00:05.250Z", "TimestampMs": None}, 5.25),
        ({"Timestamp": str(int(NOW.timestamp() * 1000)), "TimestampMs": "x"}, 0.0),
        ({"Timestamp": "noon", "TimestampMs": None}, None),
        ({"Timestamp": "9" * 15, "TimestampMs": None}, None),
        ({"Timestamp": None, "TimestampMs": None}, None),
    ],
)
def test_a_time_is_read_in_each_form(times: dict[str, Any], second: float | None) -> None:
    event = parsed("task.created", **times)
    assert event.occurred_at == (None if second is None else NOW + timedelta(seconds=second))


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    event = parsed("reservation.created", 1, "ada")
    assert parsed("reservation.created", 1, "ada").event_key == event.event_key
    assert parsed("reservation.created", 2, "ada").event_key != event.event_key
    without = parsed("reservation.created", 1, "ada", Sid=None)
    assert without.event_key == parsed("reservation.created", 1, "ada", Sid=None).event_key
    assert without.event_key != parsed("reservation.created", 2, "ada", Sid=None).event_key


# --- Event Streams ---


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def stream(*steps: tuple[str, float, str]) -> list[dict[str, Any]]:
    return [
        {
            "specversion": "1.0",
            "type": f"com.twilio.taskrouter.{name}",
            "source": "AB1",
            "id": f"NO-{name}-{second}",
            "time": "2026-11-22T10:00:00Z",
            "dataschema": "https://events-schemas.twilio.com/TaskRouter.WDSEvent/4",
            "datacontenttype": "application/json",
            "data": {
                "sid": f"EV-{name}-{second}",
                # Twilio's sample has this name on an event of another type.
                "name": "ReservationCreated",
                "group": "reservation",
                "payload": {snake(k): v for k, v in fields(name, second, worker).items()},
            },
        }
        for name, second, worker in steps
    ]


def test_a_stream_tells_the_same_as_the_callbacks() -> None:
    steps = [("task.created", 0.0, ""), ("reservation.created", 1.0, "ada")]
    steps.append(("reservation.accepted", 2.0, "ada"))
    assert PBX.parse(hook(stream(*steps))) == [parsed(*step) for step in steps]
    assert PBX.parse(hook(stream(steps[1])[0])) == [parsed(*steps[1])]


def test_streams_of_other_products_are_no_events() -> None:
    other = {"specversion": "1.0", "type": "com.twilio.messaging.message.sent", "data": {}}
    assert PBX.parse(hook([other])) == []
    assert PBX.parse(hook([])) == []


# --- whole calls ---

STORY = [
    parsed("task.created", 0),
    parsed("task-queue.entered", 1),
    parsed("reservation.created", 2, "ada"),
    parsed("reservation.timeout", 12, "ada"),
    parsed("reservation.created", 13, "bob"),
    parsed("reservation.accepted", 15, "bob"),
    parsed("reservation.created", 40, "ada"),
    parsed("reservation.accepted", 42, "ada"),
    parsed("reservation.wrapup", 43, "bob"),
    parsed("reservation.wrapup", 80, "ada"),
    parsed("task.wrapup", 80.1),
    parsed("reservation.completed", 95, "ada"),
    parsed("task.completed", 95.1),
]


def test_a_call_rings_on_is_answered_transferred_and_ended() -> None:
    assert only(STORY[:2]).state == "queued"
    assert live(only(STORY[:3])) == {"ada"}
    assert (live(only(STORY[:4])), only(STORY[:4]).over) == (set(), False)
    assert live(only(STORY[:6])) == {"bob@example.com"}
    assert live(only(STORY[:9])) == {"ada"}
    assert left(only(STORY[:9]))["bob@example.com"] == "transferred"
    call = only(STORY)
    assert (call.state, call.ended_at) == ("ended", NOW + timedelta(seconds=80.1))


def test_of_several_reservations_only_the_accepted_one_stays() -> None:
    events = [
        parsed("reservation.created", 2, "ada"),
        parsed("reservation.created", 2, "bob", Sid="EV-2"),
        parsed("reservation.accepted", 5, "bob"),
        parsed("reservation.rescinded", 5, "ada"),
    ]
    assert live(only(events[:2])) == {"ada", "bob@example.com"}
    assert live(only(events)) == {"bob@example.com"}
    assert left(only(events))["ada"] == "answered_elsewhere"


def test_a_caller_who_gives_up_was_missed() -> None:
    events = [
        *STORY[:3],
        parsed("task.canceled", 9),
        parsed("reservation.canceled", 9, "ada"),
    ]
    assert (only(events).state, only(events).ended_reason) == ("missed", "cancelled")


def test_whatever_the_order_and_however_often_the_screen_is_the_same() -> None:
    for length in (4, 6, 9, len(STORY)):
        expected = screen(told(STORY[:length]))
        for some in disordered(STORY[:length]):
            assert screen(told(some)) == expected


# --- hostile bodies, the answer, the test call ---


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (form({}), "/EventType"),
        (form({"hello": "world"}), "/EventType"),
        (form({"EventType": "task.created"}), "/tasksid"),
        (form(fields("task.created", TaskSid="nul\0")), "/tasksid"),
        (form(fields("task.created", TaskAttributes={"from": 7})), "/TaskAttributes/from"),
        (hook(b"EventType=%ff", {"content-type": FORM}), ""),
        (hook(b"[7]", {"content-type": "application/json"}), "/0"),
        (hook(b"{}", {"content-type": "application/json"}), "/type"),
        (hook([{"type": "com.twilio.taskrouter.task.created", "data": 7}]), "/tasksid"),
    ],
)
def test_what_is_not_taskrouters_is_not_understood(request_: HookRequest, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(request_)
    assert refusal.value.errors[0]["pointer"].endswith(pointer)


def test_an_event_is_answered_as_taskrouter_asks() -> None:
    answer = PBX.answer(form(fields("task.created")), [])
    assert (answer.status, answer.body, dict(answer.headers)) == (
        204,
        b"",
        {"content-type": "application/json"},
    )


@pytest.mark.parametrize("settings", [{}, {"auth_token": []}, {"auth_token": [TOKEN, " "]}])
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TwilioTaskRouterConfig.model_validate(settings)


def test_the_official_validator_accepts_a_test_call() -> None:
    request = PBX.ring(TestCall("ring-1", "+442079460958", "ada@example.com", NOW, URL))
    sent = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    assert OFFICIAL(TOKEN).validate(request.url, sent, request.headers["x-twilio-signature"])
    [event] = PBX.parse(received(request))
    assert (event.call_id, event.extensions, event.occurred_at) == (
        "tr:ring-1",
        ("ada@example.com",),
        NOW,
    )
