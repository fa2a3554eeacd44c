"""Notes how quickly a call got where: for the charts of the health page and for `/metrics`."""

from __future__ import annotations

from typing import Literal

from app.core.match import Match
from app.live import LiveCall
from app.runtime import Runtime

# A paint so much later than the push was that of a window nobody looked at until then.
_LATEST_PAINT_MS = 10_000


def note_identified(rt: Runtime, live: LiveCall, match: Match) -> None:
    """Note a caller who was looked up; the process that received the call counts it."""
    if live.mine:
        slug = live.call.phone_system
        rt.pace.recognised(slug, match.outcome, [hit.connector for hit in live.hits])
        rt.pace.took(slug, "identified", live.elapsed_ms())


def note_part(
    rt: Runtime, live: LiveCall, part: Literal["first_push", "complete"], ms: float
) -> None:
    """Note how long the first push or the whole pop took; a look-up without a call is none."""
    if live.mine:
        rt.pace.took(live.call.phone_system, part, ms)


def note_painted(rt: Runtime, live: LiveCall, user_id: str, drawn_ms: float) -> None:
    """Note that a browser has drawn a pop for the first time, `drawn_ms` after it had it.

    The time from the webhook includes the way of the browser's message back to the server. What
    a browser got with its `hello`, or had no window to draw in, says nothing of our pace.
    """
    if user_id not in live.unpainted:
        return
    live.unpainted.discard(user_id)
    since_received = rt.clock() - live.pop.timing.received_at
    whole_ms = live.elapsed_ms() if live.mine else since_received.total_seconds() * 1000
    pushed_ms = live.pop.timing.first_push_ms or 0.0
    if drawn_ms > whole_ms or whole_ms - pushed_ms > _LATEST_PAINT_MS:
        return
    slug = live.call.phone_system
    rt.pace.took(slug, "drawn", drawn_ms)
    rt.pace.took(slug, "painted", whole_ms)
