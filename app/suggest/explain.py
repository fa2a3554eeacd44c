"""Why each item is suggested, in the numbers that its score is made of, and why others are not.

Pure; it says what `ranking` and `offer` did, and decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from app.core.purchases import Line, item_key, parts_of_key
from app.suggest.offer import Answer, LeftOut, Offer, Rules, Shop
from app.suggest.ranking import Ranked, bought
from app.suggest.scoring import (
    Companion,
    Suggested,
    due_class,
    due_factor,
    habits,
    length_class,
    lines_of,
    loyalty_factor,
    share,
    trend_factor,
)
from app.suggest.tables import DUE_EDGES, ItemCounts, Learned, Totals

_EPOCH = date(1970, 1, 1)


class Explanation:
    """Says of one customer's suggestions on a day (from 1970-01-01) where they come from."""

    def __init__(
        self, ranked: Ranked, lines: Sequence[Line], learned: Learned, day: int, shop: Shop
    ) -> None:
        self._ranked, self._learned, self._day, self._shop = ranked, learned, day, shop
        self._history = bought(lines, day)
        self._sums = habits(lines_of(self._history), day).sums
        self._next = {each.item_id: each for each in ranked.next}
        self._beside = {each.item_id: each for each in ranked.goes_with}

    def of(self, offer: Offer, rules: Rules, answers: Mapping[str, Answer]) -> dict[str, Any]:
        """Return all of it: the history, both lists with their numbers, and what was left out."""
        return {
            "history": self._history_numbers(),
            "blocked": offer.blocked,
            "next": [
                {**each, "numbers": self._why_next(self._next[key])}
                for each, key in _keyed(offer.next)
            ],
            "goes_with": [
                {**each, "numbers": self._why_goes_with(self._beside[key])}
                for each, key in _keyed(offer.goes_with)
            ],
            "left_out": [self._left_out(each, rules, answers) for each in offer.left_out],
        }

    def _history_numbers(self) -> dict[str, Any]:
        days = [basket.day for basket in self._history]
        return {
            "baskets": len(days),
            "items": len({item for basket in self._history for item in basket.items}),
            "first_day": _day(min(days)) if days else None,
            "last_day": _day(max(days)) if days else None,
        }

    def _why_next(self, each: Suggested) -> dict[str, Any]:
        """Return the factors of a score; `score` is their product, at most 1."""
        totals, learned = self._ranked.totals, self._learned
        length = length_class(len(self._history))
        if each.habit is None:
            popularity = totals.popularity(each.counts) if each.counts else 0.0
            return {
                "item": _counts(each.counts, totals),
                "popularity": round(popularity, 6),
                "new_factor": round(learned.new[length], 4),
                "score": round(each.score, 6),
            }
        habit, since = each.habit, each.days_since or 0
        usual = each.gap_days if each.gap_days is not None else totals.usual_gap(each.counts)
        times, cell = due_class(habit.times, since, usual)
        edges = (0.0, *DUE_EDGES, None)
        return {
            "item": _counts(each.counts, totals),
            "times": habit.times,
            "first_day": _day(habit.first_day),
            "last_day": _day(habit.last_day),
            "days_since": since,
            "gap_days": None if each.gap_days is None else round(each.gap_days, 1),
            "usual_gap_days": round(usual, 1),
            "share": round(share(habit, self._sums), 6),
            "loyalty_factor": round(loyalty_factor(each.counts, totals), 4),
            "trend_factor": round(trend_factor(each.counts, totals), 4),
            "due": {
                "times": times + 1,
                "from": edges[cell],
                "to": edges[cell + 1],
                "rebought": round(learned.due[times][cell], 4),
            },
            "due_factor": round(due_factor(learned.due[times][cell]), 4),
            "history_factor": round(learned.habit[length], 4),
            "score": round(each.score, 6),
        }

    def _why_goes_with(self, each: Companion) -> dict[str, Any]:
        totals, counts = self._ranked.totals, self._ranked.counts
        own, other = counts(each.with_item), each.counts
        rate = each.together / own.baskets if own else None
        usual = totals.popularity(other) if other else None
        return {
            "with": self._named(each.with_item),
            "together": each.together,
            "with_baskets": own.baskets if own else None,
            "item_baskets": other.baskets if other else None,
            "rate": None if rate is None else round(rate, 4),
            "usual_rate": None if usual is None else round(usual, 4),
            "lift": round(rate / usual, 2) if rate is not None and usual else None,
            "score": round(each.score, 6),
        }

    def _left_out(
        self, each: LeftOut, rules: Rules, answers: Mapping[str, Answer]
    ) -> dict[str, Any]:
        text = self._text(each, rules, answers.get(each.key))
        return {"list": each.list, **self._named(each.key), "why": each.why, "text": text}

    def _text(self, each: LeftOut, rules: Rules, answer: Answer | None) -> str:
        sold = self._shop.items.get(each.key)
        by = f" (written by {answer.by})" if answer and answer.by else ""
        match each.why:
            case "out_of_stock":
                return f"out of stock: {sold.stock if sold else 0} there"
            case "inactive":
                return "no longer sold"
            case "not_in_catalogue":
                return f"not in the catalogue of {parts_of_key(each.key)[0]}"
            case "excluded_category":
                return f"its category is excluded: {sold.category if sold else ''}"
            case "owned":
                ago = self._day - self._ranked.last_bought[each.key]
                return f"bought {ago} days ago, within {rules.never_again_days} days"
            case "same_category":
                partner = self._named(self._beside[each.key].with_item)
                category = sold.category if sold else ""
                return f"of the same category as {partner['name']}: {category}"
            case "declined":
                return f"declined on {answer.at:%Y-%m-%d}{by}" if answer else "declined"
            case "snoozed":
                return f"to be asked again on {answer.until}{by}" if answer else "snoozed"
            case "shown_above":
                return "in the other list already"

    def _named(self, key: str) -> dict[str, Any]:
        connector, item = parts_of_key(key)
        sold = self._shop.items.get(key)
        return {"connector": connector, "item_id": item, "name": (sold and sold.name) or item}


def _keyed(shown: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    return [(each, item_key(each["connector"], each["item_id"])) for each in shown]


def _counts(counts: ItemCounts | None, totals: Totals) -> dict[str, Any] | None:
    """Return an item's counts over all customers; None for one that the tables do not know."""
    if counts is None:
        return None
    return {
        "buyers": counts.buyers,
        "bought_again_by": counts.rebuyers,
        "baskets": counts.baskets,
        "recent_baskets": counts.recent,
        "trend": round(totals.trend(counts), 3),
    }


def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()
