"""One customer's candidates, ranked on the fly from the own purchases and the tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from app.core.purchases import Line, parts_of_key
from app.suggest.offer import Candidate, Shop, Sold
from app.suggest.reasons import why_goes_with, why_next
from app.suggest.scoring import (
    Basket,
    Companion,
    Prepared,
    Standing,
    Suggested,
    baskets,
    goes_with,
    habits,
    lines_of,
    next_of,
)
from app.suggest.tables import Complement, ItemCounts, Learned, Tables, Totals

# What counts of a customer's purchases: those of so many days.
HISTORY_DAYS = 730
# Of what was bought last, so many items are asked what goes with them.
_ASKED = 6
# And of what goes with each, so many of the best count: a caller's lists may cost a millisecond.
_NEAR = 25
# So many popular items are candidates beside the customer's own.
_POPULAR = 50


@dataclass(frozen=True, slots=True)
class Ranked:
    """The candidates of both lists, best first, and what their reasons are made of."""

    next: Sequence[Suggested]
    goes_with: Sequence[Companion]
    last_bought: Mapping[str, int]
    totals: Totals
    standings: Mapping[str, Standing]

    def counts(self, key: str) -> ItemCounts | None:
        """Return how an item is bought; None for one that the tables do not know."""
        known = self.standings.get(key)
        return known.counts if known else None

    def keys(self, size: int) -> set[str]:
        """Return the items to look up for the first candidates of both lists."""
        keys = {each.item_id for each in self.next[:size]}
        for each in self.goes_with[:size]:
            keys |= {each.item_id, each.with_item}
        return keys

    def has_more_than(self, size: int) -> bool:
        """Say whether there are candidates beyond the first."""
        return len(self.next) > size or len(self.goes_with) > size

    def candidates(self, size: int, shop: Shop) -> tuple[Iterator[Candidate], Iterator[Candidate]]:
        """Return the first candidates of both lists, each with its reason when it is its turn."""
        return self._following(size), self._beside(size, shop)

    def _following(self, size: int) -> Iterator[Candidate]:
        for each in self.next[:size]:
            why = why_next(each, self.totals)
            yield Candidate(each.item_id, each.score, why, None, each.habit is None)

    def _beside(self, size: int, shop: Shop) -> Iterator[Candidate]:
        for each in self.goes_with[:size]:
            own = self.counts(each.with_item)
            why = why_goes_with(each, shop.name(each.with_item), own, self.totals)
            yield Candidate(each.item_id, each.score, why, each.with_item)


def prepared(tables: Tables) -> Prepared:
    """Return tables to rank many customers with, of which only the first entries count."""
    return Prepared(tables, _POPULAR, _NEAR)


def shop_of(
    items: Mapping[str, Sold], ordered: Mapping[str, Sold], catalogued: frozenset[str]
) -> Shop:
    """Return what is sold: `items`, and of connectors without a catalogue what was ordered."""
    rest = {k: sold for k, sold in ordered.items() if parts_of_key(k)[0] not in catalogued}
    return Shop({**rest, **items}, catalogued, ordered)


def rank(lines: Sequence[Line], day: int, tables: Tables | Prepared) -> Ranked:
    """Rank what a customer may want on a day; returns are netted out, the future is not known."""
    known = tables if isinstance(tables, Prepared) else prepared(tables)
    own = habits(_that_count(lines, day), day)
    asked = tuple(islice(own.by_item, _ASKED))
    beside = goes_with(asked, known.companions(asked))
    standings = known.standings(asked)
    last_bought = {item: habit.last_day for item, habit in own.by_item.items()}
    return Ranked(next_of(own, day, known), beside, last_bought, known.totals, standings)


def _that_count(lines: Sequence[Line], day: int) -> Iterable[Line]:
    """Return the lines that `bought` keeps, the newest first: mostly these are all."""
    last = day
    for at, _, quantity in lines:
        if at > last or (quantity is not None and quantity <= 0):
            return lines_of(bought(lines, day))
        last = at
    return lines


def bought(lines: Sequence[Line], day: int) -> list[Basket]:
    """Net out returns, by day and over all; what is of no known quantity counts as bought."""
    if any(quantity is not None and quantity <= 0 for _, _, quantity in lines):
        return _netted(lines, day)
    return baskets((at, key) for at, key, _ in lines if at <= day)


def _netted(lines: Sequence[Line], day: int) -> list[Basket]:
    by_day: dict[tuple[int, str], float] = {}
    net: dict[str, float] = {}
    for at, key, count in lines:
        if at > day:
            continue
        quantity = 1.0 if count is None else count
        by_day[at, key] = by_day.get((at, key), 0.0) + quantity
        net[key] = net.get(key, 0.0) + quantity
    return baskets(place for place, count in by_day.items() if count > 0 and net[place[1]] > 0)


def merged(synchronised: Sequence[Line], live: Sequence[Line]) -> list[Line]:
    """Add the lines of live orders that the last sync did not bring yet."""
    if not live:
        return list(synchronised)
    known = {(day, key) for day, key, _ in synchronised}
    return [*(line for line in live if line[:2] not in known), *synchronised]


class PopularTables:
    """Tables before the first fit: popular items, and habits of which nothing was learned.

    How loyal buyers of an item are is not known, so half of them are taken to buy it again.
    """

    learned = Learned()

    def __init__(self, popular: Sequence[tuple[str, ItemCounts]], baskets: int) -> None:
        self._popular = popular
        self.totals = Totals(0, baskets, 2, 1, 0, 0, 0)

    def counts(self, items: Sequence[str]) -> Mapping[str, ItemCounts | None]:  # noqa: ARG002 - as `Tables`
        """Nothing is known of how an item is bought again."""
        return {}

    def popular(self) -> Sequence[tuple[str, ItemCounts]]:
        """Return the items in most baskets, first the most popular."""
        return self._popular

    def complements(self, items: Sequence[str]) -> Mapping[str, Sequence[Complement]]:  # noqa: ARG002 - as `Tables`
        """Nothing is known of what goes with what."""
        return {}
