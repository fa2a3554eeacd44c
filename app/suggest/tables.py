"""What fitting found out, as the scorers read it. Pure.

An item's counts are plain sums over the history; `Learned` is what the customers' own last
baskets say about how often habits are followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

# Pseudo-customers and pseudo-gaps that stand for all items where one item has few buyers.
PRIOR_BUYERS = 5.0
PRIOR_GAPS = 5.0
# And pseudo-purchases, for how the recent demand for an item compares with what it was.
PRIOR_RECENT = 20.0

# Days since the last purchase, divided by the usual gap between purchases.
DUE_EDGES = (0.25, 0.5, 0.75, 0.9, 1.1, 1.35, 1.75, 2.5, 4.0, 8.0)
# Bought once, twice, more often.
TIMES = 3
# A history's length in baskets, by powers of two.
LENGTHS = 12


class ItemCounts(NamedTuple):
    """How an item is bought: by whom, how often, with what gaps (`span_days` over all buyers).

    `recent` is how many of the `baskets` are of the last `statements.RECENT_DAYS` days.
    """

    buyers: int
    rebuyers: int
    baskets: int
    span_days: int
    recent: int

    @property
    def gaps(self) -> int:
        """How many times somebody bought it again."""
        return self.baskets - self.buyers


class Totals(NamedTuple):
    """Sums over all items and baskets."""

    customers: int
    baskets: int
    buyers: int
    rebuyers: int
    gaps: int
    span_days: int
    recent: int

    @property
    def again(self) -> float:
        """The share of buyers of an item who buy it again, over all items."""
        return self.rebuyers / self.buyers if self.buyers else 0.0

    @property
    def gap_days(self) -> float:
        """The mean gap between two purchases of an item, over all items."""
        return self.span_days / self.gaps if self.gaps else 30.0

    def loyalty(self, counts: ItemCounts | None) -> float:
        """Return the odds that a buyer of an item buys it again, smoothed."""
        buyers, rebuyers = (counts.buyers, counts.rebuyers) if counts else (0, 0)
        again = min(max(self.again, 0.01), 0.99)
        return (rebuyers + PRIOR_BUYERS * again) / (buyers - rebuyers + PRIOR_BUYERS * (1 - again))

    def usual_gap(self, counts: ItemCounts | None) -> float:
        """Return the days between two purchases of an item by one customer, smoothed."""
        span, gaps = (counts.span_days, counts.gaps) if counts else (0, 0)
        return max(1.0, (span + PRIOR_GAPS * self.gap_days) / (gaps + PRIOR_GAPS))

    def trend(self, counts: ItemCounts | None) -> float:
        """Return how the recent demand for an item compares with what it was: 1 = as for all."""
        purchases = self.buyers + self.gaps
        if counts is None or not purchases or not self.recent:
            return 1.0
        usual = self.recent / purchases
        return (counts.recent + PRIOR_RECENT * usual) / (counts.baskets + PRIOR_RECENT) / usual

    def popularity(self, counts: ItemCounts) -> float:
        """Return the share of all baskets that hold an item."""
        return counts.baskets / self.baskets if self.baskets else 0.0


def _even() -> tuple[tuple[float, ...], ...]:
    return ((1.0,) * (len(DUE_EDGES) + 1),) * TIMES


@dataclass(frozen=True, slots=True)
class Learned:
    """How much more (or less) than a habit says is bought, counted from last baskets.

    `due` by times bought and by days since over usual gap; `habit` and `new` by the length of
    the history in powers of two: what was observed, divided by what was expected.
    """

    due: tuple[tuple[float, ...], ...] = field(default_factory=_even)
    habit: tuple[float, ...] = (1.0,) * LENGTHS
    new: tuple[float, ...] = (0.5,) * LENGTHS


class Complement(NamedTuple):
    """An item that goes with another: in how many baskets with it, and how strongly."""

    item_id: str
    together: int
    score: float


class Tables(Protocol):
    """The tables of one fit, wherever they are kept."""

    @property
    def totals(self) -> Totals:
        """Sums over everything."""

    @property
    def learned(self) -> Learned:
        """What last baskets taught."""

    def counts(self, items: Sequence[str]) -> Mapping[str, ItemCounts | None]:
        """Return the counts of these items, maybe of others too; None or nothing: not known."""

    def popular(self) -> Sequence[tuple[str, ItemCounts]]:
        """Return the items in most baskets, first the most popular."""

    def complements(self, items: Sequence[str]) -> Mapping[str, Sequence[Complement]]:
        """Return what goes with each of these items, best first."""
