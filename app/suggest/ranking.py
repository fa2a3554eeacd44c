"""One customer's candidates, ranked on the fly from the own purchases and the tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.core.purchases import Line, parts_of_key
from app.suggest.offer import Candidate, Shop, Sold, amount
from app.suggest.reasons import why_goes_with, why_next
from app.suggest.scoring import Basket, Companion, Suggested, baskets, goes_with, likely_next
from app.suggest.tables import Complement, ItemCounts, Learned, Tables, Totals

# What is read of a customer: so many of the newest lines, from so many days.
HISTORY_LINES = 300
HISTORY_DAYS = 730
# Of what was bought last, so many items are asked what goes with them.
_ASKED = 6
# And of what goes with each, so many of the best count: a caller's lists may cost a millisecond.
_NEAR = 25
# And of what goes with them, the counts of so many are read for their reasons.
_COUNTED = 48
# So many popular items are candidates beside the customer's own.
_POPULAR = 50


@dataclass(frozen=True, slots=True)
class Ranked:
    """The candidates of both lists, best first, and what their reasons are made of."""

    next: Sequence[Suggested]
    goes_with: Sequence[Companion]
    last_bought: Mapping[str, int]
    totals: Totals
    counts: Mapping[str, ItemCounts | None]
    own: Mapping[str, Line]

    def keys(self, size: int) -> set[str]:
        """Return the items to look up for the first candidates of both lists."""
        keys = {each.item_id for each in self.next[:size]}
        for each in self.goes_with[:size]:
            keys |= {each.item_id, each.with_item}
        return keys

    def has_more_than(self, size: int) -> bool:
        """Say whether there are candidates beyond the first."""
        return len(self.next) > size or len(self.goes_with) > size

    def shop(self, items: Mapping[str, Sold], catalogued: frozenset[str]) -> Shop:
        """Return what is sold: of connectors without a catalogue, what the customer's lines say."""
        own = {
            key: Sold(line.name, line.sku, unit_price=price, currency=line.currency)
            for key, line in self.own.items()
            if parts_of_key(key)[0] not in catalogued
            for price in (amount(line.unit_price),)
        }
        return Shop({**own, **items}, catalogued)

    def candidates(self, size: int, shop: Shop) -> tuple[list[Candidate], list[Candidate]]:
        """Return the first candidates of both lists with their reasons."""
        totals, counts = self.totals, self.counts
        following = [
            Candidate(each.item_id, each.score, why_next(each, totals), None, each.habit is None)
            for each in self.next[:size]
        ]
        beside = []
        for each in self.goes_with[:size]:
            known = shop.items.get(each.with_item) or self.own.get(each.with_item)
            name = (known.name if known else None) or parts_of_key(each.with_item)[1]
            own, other = counts.get(each.with_item), counts.get(each.item_id)
            why = why_goes_with(each, name, own, other, totals)
            beside.append(Candidate(each.item_id, each.score, why, each.with_item))
        return following, beside


def rank(lines: Sequence[Line], day: int, tables: Tables) -> Ranked:
    """Rank what a customer may want on a day; returns are netted out, the future is not known."""
    history = bought(lines, day)
    few = _FewPopular(tables)
    asked = _newest_items(history)
    near = {item: others[:_NEAR] for item, others in tables.complements(asked).items()}
    beside = goes_with(asked, near)
    counts = tables.counts([*asked, *(each.item_id for each in beside[:_COUNTED])])
    last_bought: dict[str, int] = {}
    for basket in history:
        for item in basket.items:
            last_bought.setdefault(item, basket.day)
    return Ranked(
        likely_next(history, day, few),
        beside,
        last_bought,
        tables.totals,
        counts,
        _own_items(lines),
    )


def bought(lines: Sequence[Line], day: int) -> list[Basket]:
    """Net out returns, by day and over all; what is of no known quantity counts as bought."""
    days: dict[int, dict[str, None]] = {}
    for line in lines:
        if line.quantity is not None and line.quantity <= 0:
            return _netted(lines, day)
        if line.day <= day:
            days.setdefault(line.day, {})[line.key] = None
    return [Basket(at, tuple(days[at])) for at in sorted(days, reverse=True)]


def _netted(lines: Sequence[Line], day: int) -> list[Basket]:
    by_day: dict[tuple[int, str], float] = {}
    net: dict[str, float] = {}
    for line in lines:
        if line.day > day:
            continue
        quantity = 1.0 if line.quantity is None else line.quantity
        place = (line.day, line.key)
        by_day[place] = by_day.get(place, 0.0) + quantity
        net[line.key] = net.get(line.key, 0.0) + quantity
    return baskets(place for place, count in by_day.items() if count > 0 and net[place[1]] > 0)


def merged(synchronised: Sequence[Line], live: Sequence[Line]) -> list[Line]:
    """Add the lines of live orders that the last sync did not bring yet."""
    known = {(line.day, line.key) for line in synchronised}
    return [*(line for line in live if (line.day, line.key) not in known), *synchronised]


def _newest_items(history: Sequence[Basket]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for basket in history:
        for item in basket.items:
            found[item] = None
            if len(found) == _ASKED:
                return tuple(found)
    return tuple(found)


def _own_items(lines: Iterable[Line]) -> dict[str, Line]:
    """Return the customer's newest line of each item."""
    found: dict[str, Line] = {}
    for line in lines:
        found.setdefault(line.key, line)
    return found


class _FewPopular:
    """Tables of which only the most popular items are candidates: the rest cannot come first."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @property
    def totals(self) -> Totals:
        """As in the tables."""
        return self._tables.totals

    @property
    def learned(self) -> Learned:
        """As in the tables."""
        return self._tables.learned

    def counts(self, items: Sequence[str]) -> Mapping[str, ItemCounts | None]:
        """As in the tables."""
        return self._tables.counts(items)

    def complements(self, items: Sequence[str]) -> Mapping[str, Sequence[Complement]]:
        """As in the tables."""
        return self._tables.complements(items)

    def popular(self) -> Sequence[tuple[str, ItemCounts]]:
        """Return the most popular items."""
        return self._tables.popular()[:_POPULAR]


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
