"""A call folded from its events: the same screen whatever order they come in."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.call import Call, CallEvent, EventKind, fold
from app.core.phone import normalise
from app.core.routing import Agent, Directory, audience, close_reason

T0 = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ADA = Agent("u-ada", "Ada", "ada@example.com", "agent", ("101",), ("sales",))
BEN = Agent("u-ben", "Ben", "ben@example.com", "agent", ("102",), ("sales",))
CYD = Agent("u-cyd", "Cyd", "cyd@example.com", "agent", ("103",), ("service",))
EVERYONE = Directory.of([ADA, BEN, CYD])


def event(kind: str, second: int, *extensions: str, timed: bool = True, **more: Any) -> CallEvent:
    at = T0 + timedelta(seconds=second)
    return CallEvent(
        EventKind(kind),
        "pbx:c-1",
        "pbx",
        received_at=at,
        occurred_at=at if timed else None,
        event_key=f"{kind}-{second}",
        extensions=extensions,
        **more,
    )


def folded(*events: CallEvent) -> Call:
    call: Call | None = None
    for each in events:
        call = fold(call, each)
    assert call is not None
    return call


def on_screen(call: Call) -> set[str]:
    return set(audience(call, EVERYONE))


def screen(call: Call) -> tuple[Any, ...]:
    reasons = [close_reason(call, a) for a in (ADA, BEN, CYD) if a.user_id not in on_screen(call)]
    return (
        call.state,
        call.ani,
        call.queue,
        call.answered_at,
        call.ended_at,
        on_screen(call),
        reasons,
    )


def test_a_ringing_extension_shows_the_call_to_its_agent_alone() -> None:
    assert on_screen(folded(event("ringing", 0, "101"))) == {"u-ada"}


def test_incoming_and_queued_calls_are_on_nobodys_screen_yet() -> None:
    call = folded(event("incoming", 0), event("queued", 1, queue="sales"))
    assert call.state == "queued"
    assert on_screen(call) == set()


def test_a_ring_that_names_only_a_queue_is_for_its_agents() -> None:
    assert on_screen(folded(event("ringing", 0, queue="sales"))) == {"u-ada", "u-ben"}


def test_an_agent_may_be_named_by_email() -> None:
    assert on_screen(folded(event("ringing", 0, "Cyd@Example.com"))) == {"u-cyd"}


def test_who_answers_keeps_the_call_and_the_others_lose_it() -> None:
    call = folded(event("ringing", 0, "101", "102"), event("answered", 3, "102"))
    assert on_screen(call) == {"u-ben"}
    assert close_reason(call, ADA) == "answered_elsewhere"


def test_answering_a_queue_call_closes_it_for_the_rest_of_the_queue() -> None:
    call = folded(event("ringing", 0, queue="sales"), event("answered", 3, "102"))
    assert on_screen(call) == {"u-ben"}
    assert close_reason(call, ADA) == "answered_elsewhere"


def test_one_agents_missed_ring_leaves_the_others_ringing() -> None:
    call = folded(event("ringing", 0, "101", "102"), event("missed", 9, "101"))
    assert on_screen(call) == {"u-ben"}
    assert call.state == "ringing"
    assert close_reason(call, ADA) == "missed"


def test_the_last_missed_ring_ends_the_call() -> None:
    call = folded(event("ringing", 0, "101"), event("missed", 9, "101"))
    assert call.state == "missed"
    assert call.ended_at == T0 + timedelta(seconds=9)


def test_a_call_that_ends_unanswered_is_missed() -> None:
    call = folded(event("ringing", 0, "101"), event("ended", 9, ended_reason="cancelled"))
    assert (call.state, call.ended_reason) == ("missed", "cancelled")
    assert close_reason(call, ADA) == "missed"


def test_a_blind_transfer_moves_the_call() -> None:
    call = folded(
        event("ringing", 0, "101"),
        event("answered", 2, "101"),
        event("transferred", 30, "101", transfer_to="103", transfer_kind="blind"),
    )
    assert on_screen(call) == {"u-cyd"}
    assert close_reason(call, ADA) == "transferred"
    assert on_screen(folded(*call.events, event("answered", 33, "103"))) == {"u-cyd"}


def test_an_answered_call_that_is_held_and_resumed_alternates() -> None:
    call = folded(event("ringing", 0, "101"), event("answered", 2, "101"), event("held", 5, "101"))
    assert call.state == "held"
    assert folded(*call.events, event("resumed", 8, "101")).state == "answered"


@pytest.mark.parametrize("timed", [True, False])
def test_a_late_ring_never_reopens_an_ended_call(timed: bool) -> None:
    call = folded(event("ended", 9, timed=timed), event("ringing", 0, "101", timed=timed))
    assert call.state == "missed"
    assert on_screen(call) == set()


def test_a_ring_without_a_time_that_comes_after_the_answer_is_a_late_one() -> None:
    call = folded(
        event("ringing", 0, "101", timed=False),
        event("answered", 2, "101", timed=False),
        event("ringing", 3, "102", timed=False),
    )
    assert on_screen(call) == {"u-ada"}


def test_an_event_older_than_two_minutes_at_its_receipt_opens_no_pop() -> None:
    late = CallEvent(
        EventKind.RINGING,
        "pbx:c-1",
        "pbx",
        received_at=T0 + timedelta(seconds=121),
        occurred_at=T0,
        extensions=("101",),
    )
    call = folded(late)
    assert on_screen(call) == set()
    assert call.state == "ringing"


def test_a_call_whose_first_event_has_no_number_is_withheld_until_one_says() -> None:
    call = folded(event("ringing", 0, "101"))
    assert call.caller.withheld
    named = folded(
        *call.events, event("answered", 2, "101", number=normalise("+442079460958", None))
    )
    assert named.caller.e164 == "+442079460958"


STORIES = {
    "answered": (
        event("incoming", 0, number=normalise("+442079460958", None), dnis="+448005550100"),
        event("queued", 1, queue="sales"),
        event("ringing", 2, "101", "102"),
        event("answered", 5, "101"),
        event("ended", 60),
    ),
    "transferred": (
        event("ringing", 0, "101", number=normalise("+442079460958", None)),
        event("answered", 2, "101"),
        event("transferred", 30, "101", transfer_to="102", transfer_kind="attended"),
        event("answered", 33, "102"),
    ),
    "group, one declines": (
        event("ringing", 0, "101", "102"),
        event("missed", 4, "101"),
        event("answered", 5, "102"),
        event("held", 8, "102"),
    ),
    "abandoned in the queue": (
        event("incoming", 0),
        event("queued", 1, queue="sales"),
        event("ringing", 2, queue="sales"),
        event("missed", 20),
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_every_order_of_a_story_ends_in_the_same_screen(name: str) -> None:
    story = STORIES[name]
    expected = screen(folded(*story))
    for order in itertools.permutations(story):
        assert screen(folded(*order)) == expected


@given(
    st.sampled_from(sorted(STORIES)).flatmap(
        lambda n: st.lists(st.sampled_from(STORIES[n]), min_size=1, max_size=12).map(
            lambda e: (n, e)
        )
    )
)
def test_repeats_change_nothing(drawn: tuple[str, list[CallEvent]]) -> None:
    _, events = drawn
    once = list({e.event_key: e for e in events}.values())
    assert screen(folded(*events)) == screen(folded(*once))


_RANK = {
    "incoming": 0,
    "queued": 1,
    "ringing": 2,
    "answered": 3,
    "held": 3,
    "ended": 4,
    "missed": 4,
}


@given(st.permutations(STORIES["answered"]))
def test_the_state_never_moves_backwards(order: list[CallEvent]) -> None:
    call: Call | None = None
    before = 0
    for each in order:
        call = fold(call, each)
        assert _RANK[call.state] >= before
        before = _RANK[call.state]


@given(st.lists(st.sampled_from(["ringing", "answered", "missed", "ended", "queued"]), max_size=6))
def test_events_without_times_never_leave_a_pop_on_an_ended_call(kinds: list[str]) -> None:
    events = [event(kind, n, "101", timed=False, queue="sales") for n, kind in enumerate(kinds)]
    call = folded(*events, event("ended", 99, timed=False))
    assert on_screen(call) == set()
    assert call.over
