"""How good a history's tables are: do they foretell the last baskets, which they do not know?

Some customers' last baskets are taken away, the rest is counted anew, and each customer's next
basket is ranked. Beside it stand what needs no tables: what everybody buys, and what the customer
bought most often (GP-TopFreq). Of what goes with what: one item of each basket is hidden, and the
rest of the basket asked for it; beside it stand cosine, confidence and what everybody buys.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import log2
from typing import Any

import orjson

from app.suggest.engine import Engine
from app.suggest.fit import Counted, counted
from app.suggest.scoring import (
    Basket,
    Companions,
    Prepared,
    companions,
    goes_with,
    likely_next,
)
from app.suggest.statements import Strength
from app.suggest.tables import Complement

AT = 10
CUSTOMERS = 2_000
_STRENGTHS: Mapping[str, Strength] = {
    "ours": "damped_lift",
    "cosine": "cosine",
    "confidence": "confidence",
}
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well the first ten of a ranking do, as means over the customers; 0 to 1.

    `recall` is the share of the basket that is among them, `ndcg` the same with the first ones
    counting more, `hit` how often any is.
    """

    recall: float
    ndcg: float
    hit: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How the next baskets of `customers` and the hidden items of `baskets` were foretold.

    By method; without anybody to ask, a list of methods is empty.
    """

    customers: int
    baskets: int
    next: dict[str, Ranking] = field(default_factory=dict)
    goes_with: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as the API and a fit's record have it."""
        pairs = {name: {"hit": hit} for name, hit in self.goes_with.items()}
        return {**asdict(self), "at": AT, "goes_with": pairs}


@dataclass(frozen=True, slots=True)
class _Question:
    """A basket without one of its items."""

    rest: frozenset[str]
    hidden: str


def measure(
    engine: Engine,
    customers: int = CUSTOMERS,
    progress: Progress = lambda _step, _share: None,
) -> Quality:
    """Measure how well a history's last baskets are foretold from what was before them.

    It counts the whole history anew, the pairs three times. At most so many customers are asked.
    """
    progress("counting without the last baskets", 0.0)
    rest, histories = engine.without_last(customers)
    if not histories:
        return Quality(0, 0)
    tables = counted(rest)
    progress("next baskets", 0.3)
    found = _next(histories, tables)
    progress("hidden items", 0.5)
    questions = _questions(own[0] for own in histories)
    return Quality(len(histories), len(questions), found, _hidden(rest, tables, questions))


def _next(histories: Sequence[Sequence[Basket]], tables: Counted) -> dict[str, Ranking]:
    popular, known = [item for item, _ in tables.popular()], Prepared(tables)
    scores: dict[str, list[Ranking]] = {"ours": [], "personal": [], "popular": []}
    for last, *before in histories:
        wanted = frozenset(last.items)
        ranked = likely_next(before, last.day, known)
        scores["ours"].append(_ranking([each.item_id for each in ranked[:AT]], wanted))
        scores["personal"].append(_ranking(_most_often(before, popular), wanted))
        scores["popular"].append(_ranking(popular[:AT], wanted))
    return {name: _mean(each) for name, each in scores.items()}


def _most_often(history: Sequence[Basket], popular: Sequence[str]) -> list[str]:
    """Return what a customer bought most often (lately, where equal), then what everybody buys."""
    times = Counter(item for basket in history for item in basket.items)
    best = [item for item, _ in times.most_common(AT)]
    return [*best, *(item for item in popular if item not in times)][:AT]


def _ranking(found: Sequence[str], wanted: frozenset[str]) -> Ranking:
    gains = [1 / log2(place + 2) for place, item in enumerate(found) if item in wanted]
    ideal = sum(1 / log2(place + 2) for place in range(len(wanted)))
    return Ranking(len(gains) / len(wanted), sum(gains) / ideal, float(bool(gains)))


def _mean(rankings: Sequence[Ranking]) -> Ranking:
    count = len(rankings)
    return Ranking(
        round(sum(each.recall for each in rankings) / count, 4),
        round(sum(each.ndcg for each in rankings) / count, 4),
        round(sum(each.hit for each in rankings) / count, 4),
    )


def _questions(baskets: Iterable[Basket]) -> list[_Question]:
    # Always the same items are hidden, so that fits can be compared.
    chance = random.Random(1)  # noqa: S311 - nobody gains by guessing it
    questions = []
    for basket in baskets:
        items = sorted(basket.items)
        if len(items) > 1:
            hidden = chance.choice(items)
            questions.append(_Question(frozenset(items) - {hidden}, hidden))
    return questions


def _hidden(rest: Engine, tables: Counted, questions: Sequence[_Question]) -> dict[str, float]:
    if not questions:
        return {}
    popular = [item for item, _ in tables.popular()]
    asked = frozenset(item for question in questions for item in question.rest)
    found = {
        name: _hit_rate(questions, _pairs(rest, strength, asked), popular)
        for name, strength in _STRENGTHS.items()
    }
    return {**found, "popular": _hit_rate(questions, {}, popular)}


def _pairs(engine: Engine, strength: Strength, items: frozenset[str]) -> dict[str, Companions]:
    return {
        item: companions(item, map(Complement._make, orjson.loads(others)), {})
        for item, others in engine.complements(strength)
        if item in items
    }


def _hit_rate(
    questions: Sequence[_Question],
    pairs: Mapping[str, Companions],
    popular: Sequence[str],
) -> float:
    """Return how often the hidden item is among the first ten; popular ones fill the places."""
    hits = 0
    for question in questions:
        best = [each.item_id for each in goes_with(question.rest, pairs)[:AT]]
        seen = question.rest.union(best)
        best += [item for item in popular if item not in seen]
        hits += question.hidden in best[:AT]
    return round(hits / len(questions), 4)
