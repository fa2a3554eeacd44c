"""Learns how habits are followed, from what customers bought in their last baskets. Pure.

Nothing is labelled by hand: a customer's last basket is what the history before it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.core.purchases import Line
from app.suggest.scoring import (
    NEW_ITEMS,
    Basket,
    Prepared,
    due_class,
    due_factor,
    habits,
    length_class,
    lines_of,
    share,
)
from app.suggest.tables import DUE_EDGES, LENGTHS, TIMES, Learned, Tables

# The last two baskets of each customer are asked for, the history before must have two more.
_ROUNDS = 2
_SHORTEST = 2
# So many expected purchases stand for the average where a cell has few.
_PRIOR = 20.0
_Cells = list[list[list[float]]]


class _Ratio:
    """Observed over expected purchases by class, drawn to the whole's ratio."""

    def __init__(self, classes: int) -> None:
        self.observed = [0.0] * classes
        self.expected = [0.0] * classes

    def add(self, index: int, observed: float, expected_: float) -> None:
        """Count one question and its outcome."""
        self.observed[index] += observed
        self.expected[index] += expected_

    def values(self, unknown: float) -> list[float]:
        """Return each class's ratio; `unknown` when nothing was ever expected."""
        total = sum(self.expected)
        mean = sum(self.observed) / total if total else unknown
        return [
            (o + _PRIOR * mean) / (e + _PRIOR)
            for o, e in zip(self.observed, self.expected, strict=True)
        ]


def learn(histories: Iterable[Sequence[Basket]], tables: Tables) -> Learned:
    """Count the due table and the calibrations from histories (newest basket first)."""
    due = _Ratio(TIMES * (len(DUE_EDGES) + 1))
    # What a habit was expected to bring, by length of history and by cell of the due table.
    by_length = [[[0.0, 0.0] for _ in due.observed] for _ in range(LENGTHS)]
    new = _Ratio(LENGTHS)
    usual = _Usual(tables)
    for history in histories:
        lines, known = list(lines_of(history)), 0
        for held_out in history[: max(0, min(_ROUNDS, len(history) - _SHORTEST))]:
            known += len(held_out.items)
            _count(held_out, lines[known:], usual, by_length, new)
    for cells in by_length:
        for index, (observed, expected_) in enumerate(cells):
            due.add(index, observed, expected_)
    ratios = due.values(1.0)
    mean = sum(due.observed) / (sum(due.expected) or 1.0) or 1.0
    width = len(DUE_EDGES) + 1
    table = [ratio / mean for ratio in ratios]
    habit = _Ratio(LENGTHS)
    for length, cells in enumerate(by_length):
        for index, (observed, expected_) in enumerate(cells):
            habit.add(length, observed, expected_ * due_factor(table[index]))
    return Learned(
        tuple(tuple(table[row * width : (row + 1) * width]) for row in range(TIMES)),
        tuple(habit.values(1.0)),
        tuple(new.values(0.5)),
    )


class _Usual(Prepared):
    """What is the same for every customer, and in which part of baskets each popular item is."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        popular = tables.popular()[:NEW_ITEMS]
        self.shares = {item: self.totals.popularity(counts) for item, counts in popular}
        self.all_shares = sum(self.shares.values())


def _count(
    bought: Basket, before: Sequence[Line], usual: _Usual, by_length: _Cells, new: _Ratio
) -> None:
    wanted = frozenset(bought.items)
    own, sums, count = habits(before, bought.day)
    length = length_class(count)
    cells, standings, width = by_length[length], usual.standings(own), len(DUE_EDGES) + 1
    for item, habit in own.items():
        _, factor, usual_gap = standings[item]
        own_gap = habit.gap_days()
        since = bought.day - habit.last_day
        times, cell = due_class(habit.times, since, usual_gap if own_gap is None else own_gap)
        tally = cells[times * width + cell]
        tally[0] += item in wanted
        tally[1] += share(habit, sums) * factor
    shares = usual.shares
    met = sum(item not in own for item in wanted & shares.keys())
    habitual = sum(shares[item] for item in own.keys() & shares.keys())
    new.add(length, met, usual.all_shares - habitual)
