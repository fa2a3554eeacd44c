"""The generic event: every field, and what a bad body is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from app.core.call import Attestation, CallEvent, EventKind
from app.telephony.base import NotUnderstood
from app.telephony.generic import Generic, GenericConfig
from tests.telephony.hooks import NOW, hook

PBX = Generic("pbx", GenericConfig(token="t0ken"))
FULL: dict[str, Any] = {
    "event": "ringing",
    "call_id": "c-1001",
    "event_id": "e-1",
    "occurred_at": "2026-11-21T10:00:00Z",
    "direction": "inbound",
    "ani": "+442079460958",
    "cnam": "KESTREL GARDEN",
    "dnis": "+448005550100",
    "extension": "101",
    "queue": "sales",
    "attestation": "A",
    "collected": {"account": "C-100"},
    "attached_data": {"language": "fr"},
    "parent_call_id": "c-1000",
    "transfer": {"to_extension": "102", "kind": "blind"},
    "ended": {"reason": "completed"},
}


def parsed(body: bytes | dict[str, Any], **headers: str) -> CallEvent:
    [event] = PBX.parse(hook(body, {k.replace("_", "-"): v for k, v in headers.items()}))
    return event


def minimal(**fields: Any) -> dict[str, Any]:
    return {"event": "ringing", "call_id": "c-1", **fields}


def complaint(body: bytes | dict[str, Any] | list[Any], **headers: str) -> dict[str, str]:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body, {k.replace("_", "-"): v for k, v in headers.items()}))
    [error] = refusal.value.errors
    assert error["detail"]
    return error


def test_every_field_of_the_contract_is_read() -> None:
    assert parsed(FULL, webhook_id="msg_1") == CallEvent(
        kind=EventKind.RINGING,
        call_id="pbx:c-1001",
        phone_system="pbx",
        received_at=NOW,
        event_key="webhook:msg_1",
        event_id="e-1",
        occurred_at=datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
        direction="inbound",
        ani="+442079460958",
        cnam="KESTREL GARDEN",
        dnis="+448005550100",
        extensions=("101",),
        queue="sales",
        attestation=Attestation(level="A"),
        collected={"account": "C-100"},
        attached_data={"language": "fr"},
        parent_call_id="pbx:c-1000",
        transfer_to="102",
        transfer_kind="blind",
        ended_reason="completed",
    )


@pytest.mark.parametrize("kind", list(EventKind))
def test_only_event_and_call_id_are_required(kind: EventKind) -> None:
    event = parsed({"event": kind.value, "call_id": "c-1"})
    assert event == CallEvent(kind, "pbx:c-1", "pbx", NOW)


def test_null_and_empty_mean_not_given() -> None:
    blank = {key: None for key in FULL if key not in ("event", "call_id", "ani")}
    assert parsed(minimal(**blank)) == parsed(minimal())
    assert parsed(minimal(queue="", extension="", cnam="")) == parsed(minimal())


def test_unknown_fields_are_ignored() -> None:
    assert parsed(minimal(colour="red", deep=[{"a": [1]}])) == parsed(minimal())


@pytest.mark.parametrize("kind", ["incoming", "queued", "ringing"])
def test_a_null_ani_on_an_opening_event_says_withheld(kind: str) -> None:
    event = parsed({"event": kind, "call_id": "c-1", "ani": None})
    assert event.withheld
    assert event.ani is None


def test_a_null_ani_on_a_later_event_says_nothing() -> None:
    assert not parsed({"event": "answered", "call_id": "c-1", "ani": None}).withheld


def test_a_spelled_out_withheld_caller_is_left_to_the_host() -> None:
    event = parsed(minimal(ani="+266696687"))
    assert (event.ani, event.withheld) == ("+266696687", False)


def test_a_group_rings_each_extension_once() -> None:
    assert parsed(minimal(extension=["101", "102", "101", ""])).extensions == ("101", "102")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("B", Attestation(level="B")),
        ({"level": "C", "verdict": "failed"}, Attestation("C", "failed")),
        ({"level": None, "verdict": "none"}, Attestation(None, "none")),
        ({}, Attestation()),
    ],
)
def test_attestation_is_a_letter_or_an_object(given: Any, read: Attestation) -> None:
    assert parsed(minimal(attestation=given)).attestation == read


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-21T10:00:00+01:00", datetime(2026, 11, 21, 9, 0, tzinfo=UTC)),
        ("2026-11-21t10:00:00.123456789z", datetime(2026, 11, 21, 10, 0, 0, 123456, UTC)),
        ("2026-11-21T10:00:00.5-05:30", datetime(2026, 11, 21, 15, 30, 0, 500000, UTC)),
    ],
)
def test_times_are_turned_into_utc(text: str, utc: datetime) -> None:
    occurred_at = parsed(minimal(occurred_at=text)).occurred_at
    assert occurred_at == utc
    assert occurred_at.tzinfo is UTC


def test_collected_and_attached_values_become_text() -> None:
    given = {"pin": 1234, "ok": True, "ratio": 0.5, "gone": None, "list": [1, "a"], "name": "Zoë"}
    read = {"pin": "1234", "ok": "true", "ratio": "0.5", "list": '[1,"a"]', "name": "Zoë"}
    event = parsed(minimal(collected=given, attached_data=given))
    assert event.collected == read
    assert event.attached_data == read


def test_too_much_attached_data_is_cut_and_does_not_cost_the_pop() -> None:
    event = parsed(minimal(attached_data={f"k{n}": "x" * 5000 for n in range(100)}))
    assert len(event.attached_data) == 64
    assert {len(value) for value in event.attached_data.values()} == {1024}


# --- repeats ---


def test_a_webhook_id_and_an_event_id_never_mean_the_same_repeat() -> None:
    by_webhook = parsed(minimal(), webhook_id="x")
    by_event = parsed(minimal(event_id="x"))
    assert by_webhook.event_key != by_event.event_key
    assert parsed(minimal()).event_key is None


def test_the_webhook_id_counts_before_the_event_id() -> None:
    one = parsed(minimal(event_id="e-1"), webhook_id="msg_1")
    two = parsed(minimal(event_id="e-2"), webhook_id="msg_1")
    assert one.event_key == two.event_key
    assert (one.event_id, two.event_id) == ("e-1", "e-2")


# --- what a bad body is told ---


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"event": None}, "/event"),
        ({"event": ""}, "/event"),
        ({"event": "exploded"}, "/event"),
        ({"event": "x" * 300}, "/event"),
        ({"event": 1}, "/event"),
        ({"event": ["ringing"]}, "/event"),
        ({"call_id": None}, "/call_id"),
        ({"call_id": ""}, "/call_id"),
        ({"call_id": "  "}, "/call_id"),
        ({"call_id": 1001}, "/call_id"),
        ({"call_id": "x" * 257}, "/call_id"),
        ({"call_id": "a\0b"}, "/call_id"),
        ({"event_id": 1}, "/event_id"),
        ({"direction": "sideways"}, "/direction"),
        ({"ani": 442079460958}, "/ani"),
        ({"ani": "1" * 300}, "/ani"),
        ({"cnam": {"first": "Ada"}}, "/cnam"),
        ({"cnam": "nul\0"}, "/cnam"),
        ({"dnis": True}, "/dnis"),
        ({"queue": ["sales"]}, "/queue"),
        ({"extension": 101}, "/extension"),
        ({"extension": {"a": 1}}, "/extension"),
        ({"extension": ["101", 102]}, "/extension/1"),
        ({"extension": ["1"] * 1001}, "/extension"),
        ({"attestation": "D"}, "/attestation"),
        ({"attestation": ["A"]}, "/attestation"),
        ({"attestation": {"level": "D"}}, "/attestation/level"),
        ({"attestation": {"verdict": "maybe"}}, "/attestation/verdict"),
        ({"attestation": {"verdict": True}}, "/attestation/verdict"),
        ({"parent_call_id": 7}, "/parent_call_id"),
        ({"transfer": "102"}, "/transfer"),
        ({"transfer": {"to_extension": 102}}, "/transfer/to_extension"),
        ({"transfer": {"kind": "warm"}}, "/transfer/kind"),
        ({"ended": "completed"}, "/ended"),
        ({"ended": {"reason": 16}}, "/ended/reason"),
        ({"collected": "1234"}, "/collected"),
        ({"collected": [1]}, "/collected"),
        ({"attached_data": {"a/b~c": "nul\0"}}, "/attached_data/a~1b~0c"),
        ({"attached_data": {"k" * 129: 1}}, "/attached_data/" + "k" * 128),
        ({"occurred_at": 1763719200}, "/occurred_at"),
        ({"occurred_at": "yesterday"}, "/occurred_at"),
        ({"occurred_at": "2026-11-21"}, "/occurred_at"),
        ({"occurred_at": "2026-11-21T10:00:00"}, "/occurred_at"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "/occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+12:00"}, "/occurred_at"),
        ({"occurred_at": "２026-11-21T10:00:00Z"}, "/occurred_at"),
    ],
)
def test_a_wrong_value_is_named_by_its_pointer(fields: dict[str, Any], pointer: str) -> None:
    assert complaint(minimal(**fields))["pointer"] == pointer


def test_an_unknown_event_lists_the_known_ones() -> None:
    detail = complaint(minimal(event="exploded"))["detail"]
    assert "exploded" in detail
    assert all(kind.value in detail for kind in EventKind)


def test_a_number_where_text_belongs_shows_how_to_write_it() -> None:
    assert '"101", in quotes' in complaint(minimal(extension=101))["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"event": "ringing", "call_id": "c-1", "ani": NaN}',
        b'{"event": "ringing", "call_id": "c-1", "cnam": "\xff"}',
        b'{"event": "ringing", "call_id": "c-1", "cnam": "\\ud800"}',
        b'{"event": "ringing", "call_id": "c-1"',
        b"\xef\xbb\xbf{}",
        b'{"event": "ringing", "call_id": "c-1", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"null",
        b"42",
        b'"ringing"',
    ],
)
def test_a_body_that_is_no_json_object_is_not_understood(body: bytes) -> None:
    assert complaint(body, content_type="application/json")["pointer"] == ""


def with_nested(key: str, levels: int) -> bytes:
    start = orjson.dumps(minimal())[:-1].decode()
    return f'{start}, "{key}": {{"a/b": {"[" * levels}{"]" * levels}}}}}'.encode()


def test_a_deep_value_that_nobody_reads_is_ignored() -> None:
    assert parsed(with_nested("x", 500)) == parsed(minimal())


def test_a_deep_value_that_would_be_kept_is_refused() -> None:
    assert parsed(with_nested("attached_data", 200)).attached_data
    refusal = complaint(with_nested("attached_data", 500))
    assert refusal["pointer"] == "/attached_data/a~1b"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"', ""],
)
def test_json_is_json_however_it_is_announced(content_type: str) -> None:
    assert parsed(minimal(), content_type=content_type).kind is EventKind.RINGING


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json"]
)
def test_another_content_type_is_told_which_are_accepted(content_type: str) -> None:
    detail = complaint(minimal(), content_type=content_type)["detail"]
    assert content_type in detail
    assert "application/json, application/cloudevents+json" in detail


def test_another_encoding_than_utf_8_is_not_understood() -> None:
    assert (
        "UTF-8" in complaint(minimal(), content_type="application/json; charset=latin-1")["detail"]
    )


def test_a_webhook_id_that_cannot_be_kept_is_not_understood() -> None:
    assert "webhook-id" in complaint(minimal(), webhook_id="x" * 257)["detail"]
