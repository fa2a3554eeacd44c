"""Which items a customer is likely to buy next, and what goes with what was bought. Pure.

Next = the customer's own habit (decayed frequency at three paces), times how loyal buyers of the
item are, times how due it is. New items are popular ones, on the same scale. Goes-with = lift
damped by popularity and by rarity. Method and figures: docs/suggestions.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from app.suggest.tables import (
    DUE_EDGES,
    LENGTHS,
    TIMES,
    Complement,
    ItemCounts,
    Tables,
    Totals,
)

# How fast a purchase is forgotten: by baskets since and by days, quickly, and slowly.
_PER_BASKET, _HALF_LIFE = 0.97, 120.0
_PER_BASKET_FAST = 0.8
_HALF_LIFE_SLOW = 365.0
_PACES = (0.7, 0.2, 0.1)
_LOYALTY_POWER = 0.35
_DUE_POWER = 0.5
_TREND_POWER = 0.35
NEW_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Basket:
    """What a customer bought on one day (days since 1970-01-01)."""

    day: int
    items: tuple[str, ...]


@dataclass(slots=True)
class Habit:
    """How often and when a customer bought an item; the weights are summed at three paces."""

    times: int
    first_day: int
    last_day: int
    usual: float
    fast: float
    slow: float

    def gap_days(self) -> float | None:
        """Return the mean days between purchases; None when it was bought once."""
        return (self.last_day - self.first_day) / (self.times - 1) if self.times > 1 else None


class Suggested(NamedTuple):
    """An item with its score and what the score comes from; `habit` is None for a new item."""

    item_id: str
    score: float
    counts: ItemCounts | None = None
    habit: Habit | None = None
    gap_days: float | None = None
    days_since: int | None = None


def length_class(baskets: int) -> int:
    """Return which class of history length a number of baskets is in."""
    return min(baskets.bit_length() - 1, LENGTHS - 1) if baskets > 0 else 0


def due_class(times: int, days_since: int, gap_days: float) -> tuple[int, int]:
    """Return the cell of the due table: times bought, and days since over the usual gap."""
    return min(times, TIMES) - 1, bisect_right(DUE_EDGES, days_since / max(gap_days, 1.0))


def habits(history: Sequence[Basket], day: int) -> tuple[dict[str, Habit], tuple[float, ...]]:
    """Sum a history (newest first) by item; returns also each pace's sum over all baskets."""
    found: dict[str, Habit] = {}
    usual_sum = fast_sum = slow_sum = 0.0
    for ago, basket in enumerate(history):
        days = max(0, day - basket.day)
        usual = _PER_BASKET**ago * 2.0 ** (-days / _HALF_LIFE)
        fast = _PER_BASKET_FAST**ago
        slow = 2.0 ** (-days / _HALF_LIFE_SLOW)
        usual_sum += usual
        fast_sum += fast
        slow_sum += slow
        for item in basket.items:
            habit = found.get(item)
            if habit is None:
                found[item] = Habit(1, basket.day, basket.day, usual, fast, slow)
            else:
                habit.times += 1
                habit.first_day = basket.day
                habit.usual += usual
                habit.fast += fast
                habit.slow += slow
    return found, (usual_sum or 1.0, fast_sum or 1.0, slow_sum or 1.0)


def expected(
    habit: Habit, sums: tuple[float, ...], counts: ItemCounts | None, totals: Totals
) -> float:
    """Return the chance that the next basket holds an item, before due-ness and calibration."""
    return share(habit, sums) * item_factor(counts, totals)


def share(habit: Habit, sums: tuple[float, ...]) -> float:
    """Return in which part of the customer's baskets an item was, lately more than long ago."""
    return (
        _PACES[0] * habit.usual / sums[0]
        + _PACES[1] * habit.fast / sums[1]
        + _PACES[2] * habit.slow / sums[2]
    )


@lru_cache(maxsize=50_000)
def item_factor(counts: ItemCounts | None, totals: Totals) -> float:
    """Return what an item's own numbers count for, whoever buys it."""
    return loyalty_factor(counts, totals) * trend_factor(counts, totals)


@lru_cache(maxsize=50_000)
def usual_gap(counts: ItemCounts | None, totals: Totals) -> float:
    """Return the days between two purchases of an item by one customer."""
    return totals.usual_gap(counts)


def loyalty_factor(counts: ItemCounts | None, totals: Totals) -> float:
    """Return what it counts for that buyers of an item buy it again."""
    return float(totals.loyalty(counts) ** _LOYALTY_POWER)


def trend_factor(counts: ItemCounts | None, totals: Totals) -> float:
    """Return what it counts for that an item is bought more, or less, than it was."""
    return float(totals.trend(counts) ** _TREND_POWER)


def due_factor(due: float) -> float:
    """Return what an entry of the due table counts for."""
    return float(due**_DUE_POWER)


def likely_next(history: Sequence[Basket], day: int, tables: Tables) -> list[Suggested]:
    """Rank what a customer is likely to buy next, best first; without history, what is popular.

    `history` is newest first and holds nothing later than `day`.
    """
    totals, learned = tables.totals, tables.learned
    own, sums = habits(history, day)
    counts = tables.counts(list(own))
    length = length_class(len(history))
    habit_factor, new_factor = learned.habit[length], learned.new[length]
    due = [[habit_factor * due_factor(cell) for cell in row] for row in learned.due]
    found = [
        _habitual(item, habit, counts.get(item), sums, day, totals, due)
        for item, habit in own.items()
    ]
    found += [
        Suggested(item, min(1.0, new_factor * totals.popularity(its_counts)), its_counts)
        for item, its_counts in tables.popular()
        if item not in own
    ]
    found.sort(key=_best_first)
    return found


def _best_first(each: Suggested) -> tuple[float, int, str]:
    return (-each.score, -each.counts.baskets if each.counts else 0, each.item_id)


def _habitual(
    item: str,
    habit: Habit,
    counts: ItemCounts | None,
    sums: tuple[float, ...],
    day: int,
    totals: Totals,
    due: Sequence[Sequence[float]],
) -> Suggested:
    own_gap = habit.gap_days()
    gap = own_gap if own_gap is not None else usual_gap(counts, totals)
    since = max(0, day - habit.last_day)
    times, cell = due_class(habit.times, since, gap)
    score = min(1.0, expected(habit, sums, counts, totals) * due[times][cell])
    return Suggested(item, score, counts, habit, own_gap, since)


class Companion(NamedTuple):
    """An item that goes with what was bought; `with_item` is the one that says it most."""

    item_id: str
    score: float
    with_item: str
    together: int
    counts: ItemCounts | None = None


def goes_with(
    items: Collection[str], complements: Mapping[str, Sequence[Complement]]
) -> list[Companion]:
    """Rank what goes with these items and is not among them, best first; scores are summed."""
    scores: dict[str, float] = {}
    best: dict[str, tuple[Complement, str]] = {}
    for item in items:
        for other in complements.get(item, ()):
            name = other.item_id
            said = best.get(name)
            if said is None:
                if name not in items:
                    scores[name], best[name] = other.score, (other, item)
                continue
            scores[name] += other.score
            if (other.score, item, other.together) > (said[0].score, said[1], said[0].together):
                best[name] = other, item
    ordered = sorted(
        (-scores[name], -other.together, name, item) for name, (other, item) in best.items()
    )
    return [Companion(name, -score, item, -together) for score, together, name, item in ordered]


def baskets(lines: Iterable[tuple[int, str]]) -> list[Basket]:
    """Gather (day, item) pairs into baskets, newest first; a day is a basket, an item once."""
    days: dict[int, dict[str, None]] = {}
    for day, item in lines:
        days.setdefault(day, {})[item] = None
    return [Basket(day, tuple(days[day])) for day in sorted(days, reverse=True)]
