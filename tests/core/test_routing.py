"""Which agents have a call now, who may read it afterwards, and why a pop closes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.call import Call, CallEvent, EventKind, fold
from app.core.routing import Agent, Directory, addressed, audience, close_reason, handler

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
ADA = Agent("u-ada", "Ada", "ada@example.com", "agent", ("101", "111"), ("sales",))
BEN = Agent("u-ben", "Ben", "ben@example.com", "agent", ("102",), ("sales",))
CYD = Agent("u-cyd", "Cyd", "cyd@example.com", "agent", ("103",), ("service",))
SUE = Agent("u-sue", "Sue", "sue@example.com", "supervisor")
DIRECTORY = Directory.of([ADA, BEN, CYD, SUE])


def call_of(*events: tuple[str, dict[str, Any]]) -> Call:
    call: Call | None = None
    for second, (kind, fields) in enumerate(events):
        at = NOW + timedelta(seconds=second)
        event = CallEvent(
            EventKind(kind), "pbx:1", "pbx", at, event_key=f"e{second}", occurred_at=at, **fields
        )
        call = fold(call, event)
    assert call is not None
    return call


def at(*extensions: str) -> dict[str, Any]:
    return {"extensions": extensions}


def test_an_extension_says_whose_the_call_is() -> None:
    assert audience(call_of(("ringing", at("101"))), DIRECTORY) == {"u-ada": "101"}


def test_a_second_extension_of_an_agent_is_the_one_shown() -> None:
    assert audience(call_of(("ringing", at("111"))), DIRECTORY) == {"u-ada": "111"}


def test_an_agent_may_be_addressed_by_e_mail_in_any_case() -> None:
    assert audience(call_of(("ringing", at("Ben@Example.com"))), DIRECTORY) == {"u-ben": "102"}


def test_a_queue_addresses_its_agents_and_an_extension_beside_it_only_one() -> None:
    assert audience(call_of(("ringing", {"queue": "sales"})), DIRECTORY) == {
        "u-ada": "101",
        "u-ben": "102",
    }
    both = call_of(("ringing", {"queue": "sales", **at("103")}))
    assert audience(both, DIRECTORY) == {"u-cyd": "103"}


@pytest.mark.parametrize("kind", ["incoming", "queued"])
def test_a_call_that_only_waits_is_nobodys(kind: str) -> None:
    assert audience(call_of((kind, {"queue": "sales"})), DIRECTORY) == {}


def test_an_extension_that_nobody_has_is_nobodys() -> None:
    assert audience(call_of(("ringing", at("999"))), DIRECTORY) == {}


def test_a_group_ring_is_for_all_until_one_answers() -> None:
    ringing = call_of(("ringing", at("101", "102")))
    assert set(audience(ringing, DIRECTORY)) == {"u-ada", "u-ben"}
    answered = call_of(("ringing", at("101", "102")), ("answered", at("102")))
    assert audience(answered, DIRECTORY) == {"u-ben": "102"}
    assert close_reason(answered, ADA) == "answered_elsewhere"


def test_a_queue_call_closes_for_those_who_did_not_answer() -> None:
    answered = call_of(("ringing", {"queue": "sales"}), ("answered", at("101")))
    assert audience(answered, DIRECTORY) == {"u-ada": "101"}
    assert close_reason(answered, BEN) == "answered_elsewhere"


def test_a_transfer_closes_for_the_first_and_opens_for_the_second() -> None:
    moved = call_of(
        ("ringing", at("101")),
        ("answered", at("101")),
        ("transferred", {**at("101"), "transfer_to": "103"}),
    )
    assert audience(moved, DIRECTORY) == {"u-cyd": "103"}
    assert close_reason(moved, ADA) == "transferred"


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([("ringing", at("101")), ("ended", {})], "missed"),
        ([("ringing", at("101")), ("answered", at("101")), ("ended", {})], "ended"),
    ],
)
def test_a_call_that_is_over_is_on_no_screen(
    events: list[tuple[str, dict[str, Any]]], reason: str
) -> None:
    over = call_of(*events)
    assert audience(over, DIRECTORY) == {}
    assert close_reason(over, ADA) == reason


def test_who_missed_one_leg_is_told_so_while_it_rings_for_the_other() -> None:
    ringing = call_of(("ringing", at("101", "102")), ("missed", at("101")))
    assert audience(ringing, DIRECTORY) == {"u-ben": "102"}
    assert close_reason(ringing, ADA) == "missed"


def test_everybody_it_rang_for_may_read_the_call_afterwards_and_nobody_else() -> None:
    over = call_of(("ringing", at("101", "102")), ("answered", at("102")), ("ended", {}))
    assert addressed(over, DIRECTORY) == {"u-ada", "u-ben"}
    queued = call_of(("queued", {"queue": "sales"}), ("ringing", at("103")), ("ended", {}))
    assert addressed(queued, DIRECTORY) == {"u-cyd"}


def test_the_last_who_talked_is_in_the_record() -> None:
    moved = call_of(
        ("ringing", at("101")),
        ("answered", at("101")),
        ("transferred", {**at("101"), "transfer_to": "103"}),
        ("answered", at("103")),
        ("ended", {}),
    )
    assert handler(moved, DIRECTORY) == CYD
    assert handler(call_of(("ringing", at("101")), ("ended", {})), DIRECTORY) is None
