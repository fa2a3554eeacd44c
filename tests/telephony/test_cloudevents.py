"""CloudEvents around generic events, made by the official SDK."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_structured_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.conversion import to_binary, to_structured
from cloudevents.v1.http import CloudEvent as OldCloudEvent

from app.core.call import CallEvent, EventKind
from app.telephony.base import Accepted, NotUnderstood
from app.telephony.generic import Generic, GenericConfig
from tests.telephony.hooks import NOW, hook

PBX = Generic("pbx", GenericConfig(token="t0ken"))
RING: dict[str, Any] = {"event": "ringing", "call_id": "c-1", "ani": "+442079460958"}
AT = datetime(2026, 11, 22, 9, 59, 58, 500000, tzinfo=UTC)
BATCH = {"content-type": "application/cloudevents-batch+json"}
STRUCTURED = {"content-type": "application/cloudevents+json"}


def sdk_event(data: Any = RING, **attributes: Any) -> CloudEvent:
    given = {"type": "com.example.call.ringing", "source": "/pbx/1", "id": "ce-1", "time": AT}
    return CloudEvent({**given, "specversion": "1.0", **attributes}, data)


def envelope(**fields: Any) -> dict[str, Any]:
    made = {"specversion": "1.0", "id": "1", "source": "/pbx", "type": "t", "data": RING, **fields}
    return {key: value for key, value in made.items() if value is not ...}


def sent(message: HTTPMessage, **more: str) -> list[CallEvent]:
    headers = {**message.headers, **{name.replace("_", "-"): v for name, v in more.items()}}
    return PBX.parse(hook(message.body, headers))


def complaint(body: bytes | dict[str, Any] | list[Any], headers: dict[str, str]) -> dict[str, str]:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body, headers))
    [error] = refusal.value.errors
    return error


@pytest.mark.parametrize("encode", [to_structured_event, to_binary_event])
@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/json; charset=utf-8"]
)
def test_what_the_official_sdk_sends_is_read(encode: Any, content_type: str | None) -> None:
    extra = {"datacontenttype": content_type} if content_type else {}
    [event] = sent(encode(sdk_event(**extra)))
    assert (event.kind, event.call_id, event.ani) == (EventKind.RINGING, "pbx:c-1", "+442079460958")
    # What the event itself does not say comes from its envelope.
    assert (event.event_id, event.occurred_at) == ("/pbx/1 ce-1", AT)
    assert event.event_key is not None


@pytest.mark.parametrize("encode", [to_structured, to_binary])
def test_what_the_older_sdk_sends_is_read(encode: Any) -> None:
    headers, body = encode(OldCloudEvent({"type": "t", "source": "/pbx/1", "id": "ce-1"}, RING))
    [event] = PBX.parse(hook(body, headers))
    assert (event.call_id, event.event_id) == ("pbx:c-1", "/pbx/1 ce-1")


def test_data_in_base64_is_read() -> None:
    message = to_structured_event(sdk_event(orjson.dumps(RING), datacontenttype="application/json"))
    [event] = sent(message)
    assert event.call_id == "pbx:c-1"
    body = envelope(data=..., data_base64=base64.b64encode(orjson.dumps(RING)).decode())
    assert PBX.parse(hook(body, STRUCTURED))[0].call_id == "pbx:c-1"


def test_what_the_event_says_itself_goes_before_its_envelope() -> None:
    data = {**RING, "event_id": "e-1", "occurred_at": "2026-11-22T09:00:00Z"}
    [event] = sent(to_structured_event(sdk_event(data)))
    assert (event.event_id, event.occurred_at) == ("e-1", datetime(2026, 11, 22, 9, tzinfo=UTC))


def test_percent_encoded_header_attributes_are_decoded() -> None:
    [event] = sent(to_binary_event(sdk_event(source="/büro 1", id="a%b")))
    assert event.event_id == "/büro 1 a%b"


def test_the_same_id_of_two_sources_is_two_events() -> None:
    [one] = sent(to_structured_event(sdk_event(source="/a")))
    [two] = sent(to_structured_event(sdk_event(source="/b")))
    assert one.event_key != two.event_key
    [again] = sent(to_binary_event(sdk_event(source="/a")))
    assert one.event_key == again.event_key


def test_the_webhook_id_goes_before_the_id_of_the_envelope() -> None:
    [event] = sent(to_structured_event(sdk_event()), webhook_id="msg_1")
    assert event.event_key == "webhook:msg_1"


def test_a_structured_event_sent_as_plain_json_is_recognised() -> None:
    [event] = PBX.parse(hook(envelope()))
    assert event.event_id == "/pbx 1"


@pytest.mark.parametrize("headers", [BATCH, {"content-type": "application/json"}])
def test_a_batch_is_read_in_its_order(headers: dict[str, str]) -> None:
    batch = [envelope(id=str(n), data={**RING, "call_id": f"c-{n}"}) for n in range(3)]
    events = PBX.parse(hook(batch, headers))
    assert [event.call_id for event in events] == ["pbx:c-0", "pbx:c-1", "pbx:c-2"]
    assert len({event.event_key for event in events}) == 3


def test_the_official_sdk_reads_each_event_of_our_batch() -> None:
    for time in ("2026-11-22T10:00:00Z", "2026-11-22T11:00:00.25+01:00"):
        item = envelope(time=time)
        theirs = from_structured_event(HTTPMessage(STRUCTURED, orjson.dumps(item)))
        [ours] = PBX.parse(hook([item], BATCH))
        assert ours.event_id == f"{theirs.get_source()} {theirs.get_id()}"
        assert ours.occurred_at == theirs.get_time()


def test_events_of_a_signed_batch_are_told_apart_from_each_other_and_from_single_ones() -> None:
    batch = [envelope(id=str(n)) for n in range(2)]
    keys = [e.event_key for e in PBX.parse(hook(batch, {**BATCH, "webhook-id": "m"}))]
    singles = [
        PBX.parse(hook(RING, {"webhook-id": name}))[0].event_key for name in ("m", "m#0", "m#1")
    ]
    assert len({*keys, *singles}) == 5


def test_one_bad_event_refuses_the_whole_batch() -> None:
    batch = [envelope(), envelope(data={**RING, "event": "exploded"}), envelope()]
    assert complaint(batch, BATCH)["pointer"] == "/1/data/event"


def test_a_batch_is_answered_with_a_list() -> None:
    for size in (0, 1, 2):
        batch = [envelope(id=str(n)) for n in range(size)]
        request = hook(batch, BATCH)
        accepted = [Accepted(event.call_id, False) for event in PBX.parse(request)]
        answer = PBX.answer(request, accepted)
        assert answer.status == 202
        assert orjson.loads(answer.body) == [{"call_id": "pbx:c-1", "duplicate": False}] * size


def test_a_structured_event_is_answered_with_one_object() -> None:
    answer = PBX.answer(hook(envelope(), STRUCTURED), [Accepted("pbx:c-1", True)])
    assert orjson.loads(answer.body) == {"call_id": "pbx:c-1", "duplicate": True}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"specversion": 1.0}, "/specversion"),
        ({"specversion": ...}, "/specversion"),
        ({"id": ...}, "/id"),
        ({"id": ""}, "/id"),
        ({"id": 1}, "/id"),
        ({"source": ...}, "/source"),
        ({"type": ""}, "/type"),
        ({"time": "today"}, "/time"),
        ({"time": 5}, "/time"),
        ({"data": ...}, "/data"),
        ({"data": None}, "/data"),
        ({"data": [RING]}, "/data"),
        ({"data": "{}"}, "/data"),
        ({"data": {"call_id": "c-1"}}, "/data/event"),
        ({"data_base64": "e30="}, "/data_base64"),
        ({"data": ..., "data_base64": "!"}, "/data_base64"),
        ({"data": ..., "data_base64": "bm90IGpzb24="}, "/data_base64"),
        ({"data": ..., "data_base64": "e30="}, "/data_base64/event"),
        ({"datacontenttype": "application/xml"}, "/datacontenttype"),
    ],
)
def test_a_wrong_envelope_is_named_by_its_pointer(fields: dict[str, Any], pointer: str) -> None:
    assert complaint(envelope(**fields), STRUCTURED)["pointer"] == pointer
    assert complaint([envelope(), envelope(**fields)], BATCH)["pointer"] == f"/1{pointer}"


@pytest.mark.parametrize("name", ["ce-id", "ce-source", "ce-type"])
def test_a_missing_header_is_named(name: str) -> None:
    message = to_binary_event(sdk_event())
    headers = {key: value for key, value in message.headers.items() if key != name}
    assert name in complaint(message.body, headers)["detail"]


@pytest.mark.parametrize(("name", "value"), [("ce-specversion", "0.3"), ("ce-time", "noon")])
def test_a_wrong_header_is_named(name: str, value: str) -> None:
    message = to_binary_event(sdk_event())
    assert name in complaint(message.body, {**message.headers, name: value})["detail"]


@pytest.mark.parametrize("body", [{}, {"event": "ringing"}])
def test_a_batch_that_is_no_list_is_not_understood(body: dict[str, Any]) -> None:
    assert "list" in complaint(body, BATCH)["detail"]


def test_a_batch_has_its_limit() -> None:
    assert "500" in complaint([envelope()] * 501, BATCH)["detail"]


def test_plain_events_do_not_make_a_list() -> None:
    assert complaint([RING], {})["pointer"] == "/0/data"


def test_binary_data_of_another_type_is_not_understood() -> None:
    message = to_binary_event(sdk_event())
    headers = {**message.headers, "content-type": "application/xml"}
    assert "application/xml" in complaint(message.body, headers)["detail"]


def test_receipt_stands_in_for_a_missing_time() -> None:
    [event] = PBX.parse(hook(envelope(), STRUCTURED))
    assert (event.occurred_at, event.received_at) == (None, NOW)
