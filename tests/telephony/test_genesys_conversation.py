"""Genesys Cloud: whole conversations, sent again at every change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.core.call import EventKind
from tests.telephony.genesys_bodies import QUEUE, agent, at, customer, parsed, story, whole
from tests.telephony.hooks import NOW
from tests.telephony.stories import disordered, left, live, only, screen, told

CONVERSATIONS = [
    whole(0, customer()),
    whole(2, customer(), QUEUE),
    whole(3, customer(), QUEUE, agent("ada", "alerting", 3)),
    whole(12, customer(), QUEUE, agent("ada", "terminated", 3, endTime=at(12))),
    whole(
        13,
        customer(),
        QUEUE,
        agent("ada", "terminated", 3, endTime=at(12)),
        agent("bob", "alerting", 13),
    ),
    whole(15, customer(), QUEUE, agent("bob", "connected", 13, connectedTime=at(15))),
    whole(
        20,
        customer(),
        QUEUE,
        agent("bob", "connected", 13, connectedTime=at(15), held=True, startHoldTime=at(20)),
    ),
    whole(25, customer(), QUEUE, agent("bob", "connected", 13, connectedTime=at(15))),
    whole(
        30,
        customer(state="disconnected", endTime=at(30)),
        QUEUE,
        agent("ada", "terminated", 3, endTime=at(12)),
        agent(
            "bob",
            "disconnected",
            13,
            connectedTime=at(15),
            endTime=at(30),
            disconnectType="peer",
        ),
    ),
]


def test_the_first_message_tells_who_calls() -> None:
    event = parsed(CONVERSATIONS[0])
    assert (event.kind, event.direction, event.ani, event.dnis, event.cnam) == (
        EventKind.INCOMING,
        "inbound",
        "+442079460958",
        "+448005550100",
        "KESTREL GARDEN",
    )
    assert event.attached_data == {"language": "fr"}


def test_each_message_moves_the_call_on() -> None:
    def after(count: int) -> Any:
        return only(story(*CONVERSATIONS[:count]))

    assert (after(2).state, after(2).queue) == ("queued", "q-1")
    assert live(after(3)) == {"ada"}
    assert (live(after(4)), after(4).over) == (set(), False)
    assert live(after(5)) == {"bob"}
    assert (after(6).state, live(after(6))) == ("answered", {"bob"})
    assert after(7).state == "held"
    assert after(8).state == "answered"
    assert (after(9).state, after(9).ended_at) == ("ended", NOW + timedelta(seconds=30))


def test_the_last_message_alone_tells_the_whole_call() -> None:
    call = only(story(CONVERSATIONS[-1]))
    assert (call.state, call.answered_at) == ("ended", NOW + timedelta(seconds=15))
    assert left(call) == {"ada": "missed", "bob": "transferred"}


def test_what_was_told_before_is_recognised() -> None:
    first, again = story(CONVERSATIONS[0]), story(CONVERSATIONS[1])
    assert first[0].event_key == again[0].event_key
    later = whole(3, customer(attributes={"language": "fr", "topic": "invoice"}))
    assert parsed(later).event_key != first[0].event_key


def test_in_any_order_and_repeated_messages_make_one_screen() -> None:
    for length in (3, 5, 7, 8, 9):
        events = story(*CONVERSATIONS[:length])
        expected = screen(told(events))
        for some in disordered(events):
            assert screen(told(some)) == expected


def test_a_transfer_moves_the_call_and_says_how() -> None:
    bob = agent("bob", "disconnected", 13, connectedTime=at(15), endTime=at(45))
    bob["disconnectType"] = "transfer"
    cyd = agent("cyd", "alerting", 45)
    events = story(whole(45, customer(), QUEUE, bob, cyd))
    assert live(only(events)) == {"cyd"}
    [gone] = [event for event in events if event.kind is EventKind.TRANSFERRED]
    assert (gone.extensions, gone.transfer_kind) == (("bob",), "blind")


def test_an_outbound_call_is_the_agents_who_dials() -> None:
    dials = agent("ada", "connected", 0, purpose="user", connectedTime=at(1), direction="outbound")
    other = customer(purpose="external", direction="outbound", ani="tel:+448005550100")
    call = only(story(whole(1, dials, other)))
    assert (call.direction, call.dnis, live(call)) == ("outbound", "+442079460958", {"ada"})


def test_a_call_between_colleagues_ends_with_the_last_of_them() -> None:
    ada = agent("ada", "connected", 0, connectedTime=at(1))
    gone = {**ada, "state": "disconnected", "endTime": at(9)}
    bob = agent("bob", "disconnected", 0, connectedTime=at(1), endTime=at(8))
    assert not only(story(whole(8, ada, bob))).over
    assert only(story(whole(9, gone, bob))).over
