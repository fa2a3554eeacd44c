"""Made-up purchase histories that are always the same."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from app.suggest.tables import Complement, ItemCounts, Learned, Totals

FIRST_DAY = date(2025, 1, 1)
HEADER = ("customer_id", "basket_id", "date", "item_id", "qty", "price")
Line = tuple[str, str, date, str, str, str]


def business(
    customers: int = 60, days: int = 500, usual_gap: int = 35, favourites: int = 4, seed: int = 7
) -> list[Line]:
    """Customers who each reorder a few items of their own, some items in pairs, at long gaps."""
    chance = random.Random(seed)
    lines: list[Line] = []
    for number in range(customers):
        gap = chance.randint(usual_gap // 2, usual_gap * 3 // 2)
        # Each item lasts its own time; one of them is given up half way for another.
        own = {item: gap * chance.uniform(0.7, 4) for item in chance.sample(range(40), favourites)}
        given_up, taken_up = next(iter(own)), chance.randint(0, 39)
        last: dict[int, int] = {}
        day = chance.randint(0, gap)
        while day < days:
            used = own
            if day > days // 2:
                used = {item: lasts for item, lasts in own.items() if item != given_up}
                used[taken_up] = own[given_up]
            short = {i for i, lasts in used.items() if day - last.get(i, -999) > lasts * 0.8}
            last.update(dict.fromkeys(short, day))
            items = {f"I{item:02}" for item in short}
            if "I01" in items:
                items.add("I41")  # Whoever buys I01 takes I41 with it.
            if chance.random() < 0.3:
                items.add(f"I{min(chance.randint(0, 39), chance.randint(0, 39)):02}")
            when = FIRST_DAY + timedelta(days=day)
            lines += [
                (f"C{number:03}", f"B{number}-{day}", when, item, "2", "9.50")
                for item in sorted(items)
            ]
            day += max(1, round(chance.gauss(gap, gap / 6)))
    return lines


def line(customer: str, day: int, item: str, quantity: str = "1") -> Line:
    """Return a purchase, so many days after the first day."""
    return (customer, f"{customer}-{day}", FIRST_DAY + timedelta(days=day), item, quantity, "1.00")


def write_history(path: Path, lines: Iterable[Sequence[object]]) -> Path:
    """Write lines as the batch command reads them."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *lines])
    return path


class FixedTables:
    """Tables that a test writes by hand (`tables.Tables`)."""

    def __init__(
        self,
        items: Mapping[str, ItemCounts],
        baskets: int = 100,
        learned: Learned | None = None,
        complements: Mapping[str, Sequence[Complement]] | None = None,
    ) -> None:
        counts = items.values()
        self.totals = Totals(
            customers=10,
            baskets=baskets,
            buyers=sum(c.buyers for c in counts),
            rebuyers=sum(c.rebuyers for c in counts),
            gaps=sum(c.gaps for c in counts),
            span_days=sum(c.span_days for c in counts),
            recent=sum(c.recent for c in counts),
        )
        self.learned = learned or Learned()
        self._items = items
        self._complements = complements or {}

    def counts(self, items: Sequence[str]) -> Mapping[str, ItemCounts]:
        return {item: self._items[item] for item in items if item in self._items}

    def popular(self) -> Sequence[tuple[str, ItemCounts]]:
        return sorted(self._items.items(), key=lambda each: (-each[1].baskets, each[0]))

    def complements(self, items: Sequence[str]) -> Mapping[str, Sequence[Complement]]:
        return {item: self._complements[item] for item in items if item in self._complements}
