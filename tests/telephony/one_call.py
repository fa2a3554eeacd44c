"""What one call looks like to people, whichever way its events arrive."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from app.core.call import CallEvent
from tests.telephony import stories


@dataclass(frozen=True)
class Screen:
    """A call's state, who has it, and why others do not."""

    state: str
    ended_reason: str | None
    has_it: Set[str]
    left: Set[tuple[str, str]]


def screen(events: Sequence[CallEvent]) -> Screen:
    """Tell the events of one call, and look at it."""
    call = stories.only(events)
    return Screen(
        state=call.state,
        ended_reason=call.ended_reason,
        has_it=stories.live(call),
        left={(extension, why) for extension, why in stories.left(call).items() if why},
    )


def screen_in_any_order(events: Sequence[CallEvent]) -> Screen:
    """Tell them out of order and twice, too; there must be one screen."""
    straight = screen(events)
    for order in stories.disordered(events):
        assert screen(order) == straight, [event.kind for event in order]
    return straight
