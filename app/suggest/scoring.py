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
from itertools import chain, repeat
from typing import NamedTuple

from app.core.purchases import Line
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
# Most callers buy what others bought: so much is kept at hand, some 20 MB of each.
_KEPT_ITEMS = 100_000
_KEPT_PAIRS = 100_000
# Each pace's weights, summed over all of a customer's baskets.
Sums = tuple[float, float, float]


class Basket(NamedTuple):
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


# A suggestion after what it is sorted by: the score, then in how many baskets the item is, both
# from the greatest; then its id.
_Placed = tuple[float, int, str, Suggested]


def _placed(each: Suggested) -> _Placed:
    return -each.score, -each.counts.baskets if each.counts else 0, each.item_id, each


def length_class(baskets: int) -> int:
    """Return which class of history length a number of baskets is in."""
    return min(baskets.bit_length() - 1, LENGTHS - 1) if baskets > 0 else 0


def due_class(times: int, days_since: int, gap_days: float) -> tuple[int, int]:
    """Return the cell of the due table: times bought, and days since over the usual gap."""
    over = days_since / max(gap_days, 1.0)
    return min(times, TIMES) - 1, bisect_right(DUE_EDGES, over)


class Habits(NamedTuple):
    """Habits by item, first what was bought last; each pace's sum over all baskets; how many."""

    by_item: dict[str, Habit]
    sums: Sums
    baskets: int


def habits(lines: Iterable[Line], day: int) -> Habits:
    """Sum lines, which begin with the newest; a day is a basket, an item is in it once."""
    found: dict[str, Habit] = {}
    count = 0
    usual = fast = slow = usual_sum = fast_sum = slow_sum = 0.0
    last = None
    for on, item, _ in lines:
        if on != last:
            last = on
            (usual, fast), (faded, slow) = _passed(count), _faded(day - on)
            usual *= faded
            count += 1
            usual_sum += usual
            fast_sum += fast
            slow_sum += slow
        habit = found.get(item)
        if habit is None:
            found[item] = Habit(1, on, on, usual, fast, slow)
        elif habit.first_day != on:
            habit.times += 1
            habit.first_day = on
            habit.usual += usual
            habit.fast += fast
            habit.slow += slow
    return Habits(found, (usual_sum or 1.0, fast_sum or 1.0, slow_sum or 1.0), count)


def lines_of(history: Iterable[Basket]) -> Iterable[Line]:
    """Return what is in baskets, line by line."""
    return chain.from_iterable(zip(repeat(on), items, repeat(None)) for on, items in history)


@lru_cache(maxsize=5_000)
def _passed(baskets: int) -> tuple[float, float]:
    """Return what a purchase still weighs after so many baskets: as usual, and fast."""
    return _PER_BASKET**baskets, _PER_BASKET_FAST**baskets


@lru_cache(maxsize=5_000)
def _faded(days: int) -> tuple[float, float]:
    """Return what a purchase still weighs after so many days: as usual, and slowly."""
    return 2.0 ** (-days / _HALF_LIFE), 2.0 ** (-days / _HALF_LIFE_SLOW)


def share(habit: Habit, sums: Sums) -> float:
    """Return in which part of the customer's baskets an item was, lately more than long ago."""
    return (
        _PACES[0] * habit.usual / sums[0]
        + _PACES[1] * habit.fast / sums[1]
        + _PACES[2] * habit.slow / sums[2]
    )


def loyalty_factor(counts: ItemCounts | None, totals: Totals) -> float:
    """Return what it counts for that buyers of an item buy it again."""
    return float(totals.loyalty(counts) ** _LOYALTY_POWER)


def trend_factor(counts: ItemCounts | None, totals: Totals) -> float:
    """Return what it counts for that an item is bought more, or less, than it was."""
    return float(totals.trend(counts) ** _TREND_POWER)


def due_factor(due: float) -> float:
    """Return what an entry of the due table counts for."""
    return float(due**_DUE_POWER)


class Standing(NamedTuple):
    """What an item's own numbers count for, whoever buys it; `usual_gap` in days."""

    counts: ItemCounts | None
    factor: float
    usual_gap: float


class Companion(NamedTuple):
    """An item that goes with what was bought; `with_item` is the one that says it most.

    In order, the best come first: by score, then by orders with both, then by id.
    """

    minus_score: float
    minus_together: int
    item_id: str
    with_item: str
    counts: ItemCounts | None = None

    @property
    def score(self) -> float:
        """How strongly it goes with what was bought."""
        return -self.minus_score

    @property
    def together(self) -> int:
        """In how many baskets both are."""
        return -self.minus_together


# What goes with one item, by name.
Companions = Mapping[str, Companion]


def companions(
    item: str, complements: Iterable[Complement], standings: Mapping[str, Standing]
) -> Companions:
    """Return what goes with an item, to be ranked with what goes with others."""
    return {
        name: Companion(-score, -both, name, item, known.counts if known else None)
        for name, both, score in complements
        for known in (standings.get(name),)
    }


class Prepared:
    """Tables, with what follows from them for every customer worked out once.

    Of the popular items the first `popular` are candidates, and of what goes with an item the
    first `near`. Used by one thread at a time.
    """

    def __init__(self, tables: Tables, popular: int | None = None, near: int | None = None) -> None:
        self.tables = tables
        self._near = near
        self.totals = tables.totals
        self._first = tables.popular()[:popular]
        self._standings: dict[str, Standing] = {}
        self._companions: dict[str, Companions] = {}
        self._pairs = 0
        self._due: dict[int, list[list[float]]] = {}
        self._popular: dict[int, list[_Placed]] = {}

    def keep_at_hand(self, items: Collection[str]) -> None:
        """Work out what these items count for and what goes with them, before anybody asks."""
        self.standings(items)
        self.companions(items)

    def standings(self, items: Collection[str]) -> Mapping[str, Standing]:
        """Return what is known of these items, and maybe of others."""
        missing = [item for item in items if item not in self._standings]
        if missing:
            if len(self._standings) + len(missing) > _KEPT_ITEMS:
                self._standings, missing = {}, list(items)
            counts = self.tables.counts(missing)
            self._standings.update((item, self._standing(counts.get(item))) for item in missing)
        return self._standings

    def _standing(self, counts: ItemCounts | None) -> Standing:
        factor = loyalty_factor(counts, self.totals) * trend_factor(counts, self.totals)
        return Standing(counts, factor, self.totals.usual_gap(counts))

    def companions(self, items: Collection[str]) -> Mapping[str, Companions]:
        """Return what goes with these items, and maybe with others."""
        missing = [item for item in items if item not in self._companions]
        if missing:
            if self._pairs > _KEPT_PAIRS:
                self._companions, self._pairs, missing = {}, 0, list(items)
            found = {
                item: others[: self._near]
                for item, others in self.tables.complements(missing).items()
            }
            standings = self.standings([each.item_id for own in found.values() for each in own])
            for item in missing:
                own = self._companions[item] = companions(item, found.get(item, ()), standings)
                self._pairs += len(own)
        return self._companions

    def popular(self, length: int) -> list[_Placed]:
        """Return the popular items, for a customer whose history is of this class of length."""
        if length not in self._popular:
            new = self.tables.learned.new[length]
            self._popular[length] = [
                _placed(Suggested(item, min(1.0, new * self.totals.popularity(counts)), counts))
                for item, counts in self._first
            ]
        return self._popular[length]

    def due(self, length: int) -> list[list[float]]:
        """Return what due-ness counts for, in a history of this class of length."""
        if length not in self._due:
            learned = self.tables.learned
            self._due[length] = [
                [learned.habit[length] * due_factor(cell) for cell in row] for row in learned.due
            ]
        return self._due[length]


def likely_next(history: Sequence[Basket], day: int, tables: Tables | Prepared) -> list[Suggested]:
    """Rank what a customer is likely to buy next, best first; without history, what is popular.

    `history` is newest first and holds nothing later than `day`.
    """
    known = tables if isinstance(tables, Prepared) else Prepared(tables)
    return next_of(habits(lines_of(history), day), day, known)


def next_of(habits_: Habits, day: int, known: Prepared) -> list[Suggested]:
    """Rank what a customer with these habits is likely to buy next, best first."""
    own, sums, count = habits_
    length = length_class(count)
    due, standings = known.due(length), known.standings(own)
    found = [each for each in known.popular(length) if each[2] not in own]
    for item, habit in own.items():
        counts, factor, usual_gap = standings[item]
        own_gap, since = habit.gap_days(), day - habit.last_day
        times, cell = due_class(habit.times, since, usual_gap if own_gap is None else own_gap)
        score = share(habit, sums) * factor * due[times][cell]
        if score > 1.0:
            score = 1.0
        found.append(_placed(Suggested(item, score, counts, habit, own_gap, since)))
    found.sort()
    return [each[3] for each in found]


def goes_with(items: Collection[str], beside: Mapping[str, Companions]) -> list[Companion]:
    """Rank what goes with these items and is not among them, best first; scores are summed."""
    found: dict[str, Companion] = {}
    strongest: dict[str, Companion] = {}
    for item in items:
        near = beside.get(item, {})
        again = [(found[name], near[name]) for name in found.keys() & near.keys()]
        found.update(near)
        for before, more in again:
            name = more.item_id
            most = strongest[name] = max(strongest.get(name, before), more, key=_strength)
            found[name] = most._replace(minus_score=before.minus_score + more.minus_score)
    for item in items:
        found.pop(item, None)
    return sorted(found.values())


def _strength(each: Companion) -> tuple[float, str, int]:
    return each.score, each.with_item, each.together


def baskets(lines: Iterable[tuple[int, str]]) -> list[Basket]:
    """Gather (day, item) pairs into baskets, newest first; a day is a basket, an item once."""
    days: dict[int, dict[str, None]] = {}
    for day, item in lines:
        days.setdefault(day, {})[item] = None
    return [Basket(day, tuple(days[day])) for day in sorted(days, reverse=True)]
