"""Whole calls for the tests: told in any order and with repeats, they must end in one screen."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.core.call import Call, CallEvent, fold
from app.core.phone import normalise
from connectors.sdk.types import Number


def told(events: Iterable[CallEvent]) -> dict[str, Call]:
    """Fold the events as the server does, with the numbers filled in; the calls by id."""
    calls: dict[str, Call] = {}
    for event in events:
        number = normalise(event.ani, "GB") if event.ani else None
        if event.withheld:
            number = Number(raw=event.ani, withheld=True)
        calls[event.call_id] = fold(calls.get(event.call_id), replace(event, number=number))
    return calls


def only(events: Iterable[CallEvent]) -> Call:
    """Fold the events of a single call."""
    [call] = told(events).values()
    return call


def live(call: Call) -> set[str]:
    """Return on whose screen the call is."""
    return set() if call.over else {leg.extension for leg in call.legs if leg.live}


def left(call: Call) -> dict[str, str | None]:
    """Return how each agent's part has ended, None for one that has not."""
    return {leg.extension: leg.left for leg in call.legs}


def screen(calls: dict[str, Call]) -> dict[str, tuple[Any, ...]]:
    """Return what of the calls anyone can see."""
    return {
        call_id: (call.state, call.caller, live(call), dict(call.attached_data), call.queue)
        for call_id, call in calls.items()
    }


def disordered(events: Sequence[CallEvent], *, arriving: bool = False) -> Iterator[list[CallEvent]]:
    """Shuffle the events, with some twice; `arriving`: each is received when it is told."""
    chance = random.Random(7)
    for _ in range(60):
        some = [*events, *chance.sample(list(events), k=len(events) // 2)]
        chance.shuffle(some)
        if arriving:
            start = events[0].received_at
            some = [
                replace(event, received_at=start + timedelta(seconds=second))
                for second, event in enumerate(some)
            ]
        yield some
