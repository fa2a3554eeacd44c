"""How sources answer: counts by minute and size, which add up over processes. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from app.core.spans import span_of

# Each class is a tenth wider than the one before: a figure read from it is right to 5 %.
_STEP = math.log(1.1)
_LEAST_MS = 0.1


@dataclass(slots=True)
class Minute:
    """What one source did for one section in one minute, in this process; or a sum of such.

    `errors` counts by code, `sizes` answers and timeouts by `size_class` of their time.
    """

    connector: str
    section: str
    at: datetime
    answers: int = 0
    cache_hits: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    sizes: Counter[int] = field(default_factory=Counter)
    last_success_at: datetime | None = None

    def add(self, other: Minute) -> None:
        """Take in what another process or minute counted."""
        self.answers += other.answers
        self.cache_hits += other.cache_hits
        self.errors.update(other.errors)
        self.sizes.update(other.sizes)
        self.last_success_at = latest(self.last_success_at, other.last_success_at)


def size_class(ms: float) -> int:
    """Return the class that a time falls into; class 0 holds all up to 0.1 ms."""
    return 0 if ms <= _LEAST_MS else math.ceil(math.log(ms / _LEAST_MS) / _STEP)


def class_ms(number: int) -> float:
    """Return the middle of a class, ms."""
    return _LEAST_MS * math.exp((number - 0.5) * _STEP) if number > 0 else _LEAST_MS


def percentile_ms(counts: Mapping[int, int], percent: float) -> float | None:
    """Return the time that this percentage of the answers did not exceed; None without any."""
    total = sum(counts.values())
    if total == 0:
        return None
    rank = max(1, math.ceil(total * percent / 100))
    for number in sorted(counts):
        rank -= counts[number]
        if rank <= 0:
            return round(class_ms(number), 1)
    raise AssertionError("the counts do not sum up")


def added(minutes: Iterable[Minute], every: timedelta | None = None) -> Iterator[Minute]:
    """Add up what several processes and minutes counted, by section and span of time.

    `every` None: one sum for each section.
    """

    def span(minute: Minute) -> tuple[str, datetime | None]:
        return minute.section, span_of(minute.at, every) if every else None

    for (section, start), within in groupby(sorted(minutes, key=span), span):
        first = next(within)
        total = Minute(first.connector, section, start or first.at)
        for minute in (first, *within):
            total.add(minute)
        yield total


def latest(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two times that may be unknown."""
    return max(one, other) if one and other else one or other
