"""What comes of a phone system's events, and how fast: counts by minute that add up. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal, get_args

from app.core.latency import latest
from app.core.spans import span_of

# All but the first from a call's first event received: `delay` is from its happening there to its
# receipt here, `drawn` the browser's own share of `painted`.
Part = Literal["delay", "identified", "first_push", "complete", "drawn", "painted"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(slots=True)
class PhoneMinute:
    """What one phone system did in one minute, in this process; or a sum of such.

    `answers` counts webhooks by status, `matches` callers by outcome, `matched` those that a
    connector knew, by connector; `sizes` times by part and `latency.size_class`.
    """

    phone_system: str
    at: datetime
    events: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    matches: Counter[str] = field(default_factory=Counter)
    matched: Counter[str] = field(default_factory=Counter)
    sizes: dict[str, Counter[int]] = field(default_factory=dict)
    last_event_at: datetime | None = None

    def add(self, other: PhoneMinute) -> None:
        """Take in what another process or minute counted."""
        self.events += other.events
        self.answers.update(other.answers)
        self.matches.update(other.matches)
        self.matched.update(other.matched)
        for part, sizes in other.sizes.items():
            self.sizes.setdefault(part, Counter()).update(sizes)
        self.last_event_at = latest(self.last_event_at, other.last_event_at)


def summed(minutes: Iterable[PhoneMinute]) -> dict[str, PhoneMinute]:
    """Add up by phone system."""
    sums: dict[str, PhoneMinute] = {}
    for minute in minutes:
        name = minute.phone_system
        sums.setdefault(name, PhoneMinute(name, minute.at)).add(minute)
    return sums


def by_span(minutes: Iterable[PhoneMinute], every: timedelta) -> Iterator[PhoneMinute]:
    """Add up all phone systems by span of time, one after the other."""

    def start_of(minute: PhoneMinute) -> datetime:
        return span_of(minute.at, every)

    for start, within in groupby(sorted(minutes, key=start_of), start_of):
        total = PhoneMinute("", start)
        for minute in within:
            total.add(minute)
        yield total
