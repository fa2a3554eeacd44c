"""The spans of time that counts are kept in: minutes, and their sums up to days. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

MINUTE, TEN_MINUTES = timedelta(minutes=1), timedelta(minutes=10)
HOUR, THREE_HOURS, DAY = timedelta(hours=1), timedelta(hours=3), timedelta(days=1)
# Each is a multiple of the one before.
LENGTHS = (MINUTE, TEN_MINUTES, HOUR, THREE_HOURS, DAY)
_STEPS = (MINUTE, TEN_MINUTES, HOUR, 2 * HOUR, THREE_HOURS)


@dataclass(frozen=True, slots=True)
class Stretch:
    """All spans of this length that start in a time; `until` None: up to now."""

    length: timedelta
    since: datetime
    until: datetime | None = None


def span_of(at: datetime, length: timedelta) -> datetime:
    """Return the start of the span that a time falls into; they start at multiples since 1970."""
    seconds = length.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def step_of(window: timedelta, most_points: int) -> timedelta:
    """Return how far apart a chart's points lie so that no more of them are in a window."""
    return next((step for step in _STEPS if window <= step * most_points), _STEPS[-1])


def length_in(step: timedelta) -> timedelta:
    """Return the longest kept spans that a chart's steps are whole multiples of."""
    return max(length for length in LENGTHS if not step % length)


def covering(since: datetime) -> list[Stretch]:
    """Return the fewest spans from a whole minute up to now: days, and shorter ones before them."""
    stretches = []
    for length, longer in pairwise(LENGTHS):
        until = span_of(since - MINUTE, longer) + longer
        if since < until:
            stretches.append(Stretch(length, since, until))
        since = until
    return [*stretches, Stretch(LENGTHS[-1], since)]


def folded(counts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add up counts by name, however deep they lie, into the first of them."""
    total, *rest = counts
    for more in rest:
        _add(total, more)
    return total


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    for name, count in more.items():
        if name not in total:
            total[name] = count
        elif isinstance(count, dict):
            _add(total[name], count)
        else:
            total[name] += count
