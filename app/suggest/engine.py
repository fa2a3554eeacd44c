"""The seam between fitting and what counts the history: in process, or a warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, Self

from app.suggest.scoring import Basket
from app.suggest.statements import Strength
from app.suggest.tables import ItemCounts, Totals

# An item, and as JSON `[[other item, baskets with both, score], …]`, best first.
Complements = tuple[str, str]


class Engine(Protocol):
    """Counts a history of purchases. Each method may be called once or more, in any order."""

    def totals(self) -> Totals:
        """Return the sums over all customers, baskets and items."""

    def items(self) -> Iterator[tuple[str, ItemCounts]]:
        """Return each item's counts."""

    def complements(self, strength: Strength = "damped_lift") -> Iterator[Complements]:
        """Return what goes with each item, best first (`statements.COMPLEMENTS` at most)."""

    def sample(self, lines: int) -> Iterator[Sequence[Basket]]:
        """Return whole histories (newest basket first) of some customers, always the same ones.

        About `lines` purchases altogether, or everything there is.
        """

    def without_last(self, customers: int) -> tuple[Self, list[Sequence[Basket]]]:
        """Return the history but some customers' last baskets, and what they bought, all of it.

        At most so many customers, always the same ones, of at least three baskets each. The
        first engine still counts everything.
        """
