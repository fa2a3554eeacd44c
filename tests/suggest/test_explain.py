"""An explanation says what the rules did: the factors of a score, the reason of each omission."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.purchases import item_key
from app.suggest.explain import Explanation
from app.suggest.offer import Answer, Customer, Rules, Shop, Sold, offer
from app.suggest.ranking import rank
from app.suggest.tables import Complement, ItemCounts, Learned
from tests.suggest.histories import FixedTables

TODAY = 20_780
COUNTS = ItemCounts(buyers=10, rebuyers=5, baskets=20, span_days=300, recent=4)
NAMES = "ABCDEF"
KEYS = {name: item_key("shop", name) for name in NAMES}
LEARNED = Learned(
    due=tuple(tuple(0.5 + (row + cell) / 10 for cell in range(11)) for row in range(3)),
    habit=tuple(0.5 + length / 20 for length in range(12)),
)
TABLES = FixedTables(
    dict.fromkeys(KEYS.values(), COUNTS),
    learned=LEARNED,
    complements={KEYS["A"]: [Complement(KEYS[name], 9, 0.3) for name in "BCDEF"]},
)


def explained(
    lines: list[tuple[int, str]],
    sold: dict[str, Sold] | None = None,
    answers: dict[str, Answer] | None = None,
    **rules: Any,
) -> dict[str, Any]:
    bought = [(TODAY - ago, KEYS[name], 1.0) for ago, name in sorted(lines)]
    ranked = rank(bought, TODAY, TABLES)
    items = {KEYS[name]: Sold(f"Item {name}") for name in NAMES}
    items |= {KEYS[name]: each for name, each in (sold or {}).items()}
    shop = Shop({key: each for key, each in items.items() if each.name}, {"shop"})
    given_answers = {KEYS[name]: each for name, each in (answers or {}).items()}
    customer = Customer(TODAY, ranked.last_bought, given_answers)
    applied = Rules.of(rules)
    made = offer(*ranked.candidates(25, shop), customer, shop, applied)
    return Explanation(ranked, bought, LEARNED, TODAY, shop).of(made, applied, given_answers)


@given(st.lists(st.tuples(st.integers(0, 700), st.sampled_from(NAMES)), max_size=40))
def test_every_score_is_the_product_of_its_factors(lines: list[tuple[int, str]]) -> None:
    said = explained(lines)
    habit = ("share", "loyalty_factor", "trend_factor", "due_factor", "history_factor")
    for each in said["next"]:
        numbers = each["numbers"]
        names = habit if "share" in numbers else ("popularity", "new_factor")
        product = min(1.0, prod(numbers[name] for name in names))
        assert numbers["score"] == pytest.approx(product, rel=1e-3, abs=1e-5)


NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sold", "answers", "rules", "said"),
    [
        ({"B": Sold("Item B", stock=Decimal(0))}, {}, {}, "out of stock: 0 there"),
        ({"B": Sold("Item B", is_active=False)}, {}, {}, "no longer sold"),
        ({"B": Sold(None)}, {}, {}, "not in the catalogue of shop"),
        (
            {"B": Sold("Item B", category="Fuel")},
            {},
            {"excluded_categories": ["FUEL"]},
            "its category is excluded: Fuel",
        ),
        ({}, {"B": Answer("declined", NOW, "Ada")}, {}, "declined on 2026-11-20 (written by Ada)"),
        (
            {},
            {"B": Answer("snoozed", NOW, None, datetime(2027, 1, 2, tzinfo=UTC).date())},
            {},
            "to be asked again on 2027-01-02",
        ),
    ],
)
def test_what_is_left_out_is_said_in_words(
    sold: dict[str, Sold], answers: dict[str, Answer], rules: dict[str, Any], said: str
) -> None:
    found = explained([(30, "A")], sold, answers, **rules)["left_out"]
    texts = {each["list"]: each["text"] for each in found if each["item_id"] == "B"}
    assert texts["next"] == said


def test_what_is_of_the_category_of_what_it_goes_with_is_left_out() -> None:
    tools = {name: Sold(f"Item {name}", category="tools") for name in "AB"}
    found = explained([(1, "A")], tools)["left_out"]
    texts = {each["item_id"]: each["text"] for each in found if each["list"] == "goes_with"}
    assert texts["B"] == "of the same category as Item A: tools"
