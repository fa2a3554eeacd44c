"""What is suggested, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.suggest.reasons import why_goes_with, why_next
from app.suggest.scoring import Basket, Companion, baskets, companions, goes_with, likely_next
from app.suggest.tables import Complement, ItemCounts
from tests.suggest.histories import FixedTables

PLAIN = ItemCounts(buyers=10, rebuyers=5, baskets=20, span_days=300, recent=4)
ITEMS = dict.fromkeys("ABCDE", PLAIN)
TABLES = FixedTables(ITEMS)
TODAY = 1_000
histories = st.lists(
    st.tuples(st.integers(TODAY - 700, TODAY), st.sampled_from("ABCDEFGH")), max_size=60
).map(baskets)


def order(history: list[Basket], tables: FixedTables = TABLES) -> list[str]:
    return [each.item_id for each in likely_next(history, TODAY, tables)]


def test_what_is_bought_again_and_again_comes_before_what_was_bought_once() -> None:
    history = baskets([(TODAY - d, "B") for d in (10, 40, 70)] + [(TODAY - 10, "A")])
    assert order(history)[:2] == ["B", "A"]


def test_a_habit_of_late_comes_before_one_of_long_ago() -> None:
    old = [(TODAY - d, "A") for d in (600, 570, 540)]
    new = [(TODAY - d, "B") for d in (90, 60, 30)]
    assert order(baskets(old + new))[:2] == ["B", "A"]


def test_an_item_that_its_buyers_buy_again_comes_before_one_they_do_not() -> None:
    loyal = ItemCounts(buyers=50, rebuyers=45, baskets=200, span_days=900, recent=40)
    tables = FixedTables({"A": PLAIN, "B": loyal}, 400)
    assert order(baskets([(TODAY - 10, "A"), (TODAY - 10, "B")]), tables)[:2] == ["B", "A"]


def test_an_item_that_goes_out_of_season_falls_behind() -> None:
    over = ItemCounts(buyers=50, rebuyers=20, baskets=100, span_days=900, recent=0)
    on = ItemCounts(buyers=50, rebuyers=20, baskets=100, span_days=900, recent=60)
    tables = FixedTables({"A": over, "B": on}, 400)
    assert order(baskets([(TODAY - 100, "A"), (TODAY - 100, "B")]), tables) == ["B", "A"]


def test_a_customer_without_history_gets_the_popular_items() -> None:
    best = ItemCounts(buyers=30, rebuyers=5, baskets=60, span_days=300, recent=9)
    tables = FixedTables({"A": PLAIN, "Z": best})
    found = likely_next([], TODAY, tables)
    assert [each.item_id for each in found] == ["Z", "A"]
    assert all(each.habit is None for each in found)
    assert why_next(found[0], tables.totals) == "popular: in 60 % of all orders"


@given(histories)
def test_every_item_is_suggested_once_best_first_with_a_score_of_0_to_1(
    history: list[Basket],
) -> None:
    found = likely_next(history, TODAY, TABLES)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert len({each.item_id for each in found}) == len(found)
    bought = {item for basket in history for item in basket.items}
    assert {each.item_id for each in found} == bought | set(ITEMS)


def test_the_reason_says_due_of_a_habit_only() -> None:
    thrice = likely_next(baskets([(TODAY - d, "A") for d in (29, 59, 89)]), TODAY, TABLES)[0]
    assert why_next(thrice, TABLES.totals) == "bought 3×, every ~30 days, last 29 days ago: due now"
    twice = likely_next(baskets([(TODAY - d, "A") for d in (29, 59)]), TODAY, TABLES)[0]
    assert why_next(twice, TABLES.totals) == "bought 2×, every ~30 days, last 29 days ago"
    once = likely_next(baskets([(TODAY - 1, "A")]), TODAY, TABLES)[0]
    assert why_next(once, TABLES.totals) == "bought once, 1 day ago"
    too_early = likely_next(baskets([(TODAY - d, "A") for d in (3, 33, 63)]), TODAY, TABLES)[0]
    assert not why_next(too_early, TABLES.totals).endswith("due now")


def test_what_goes_with_several_items_of_the_basket_adds_up() -> None:
    found = goes_with(
        {"A", "B"},
        {
            "A": companions(
                "A",
                [Complement("X", 9, 0.3), Complement("Y", 30, 0.4), Complement("B", 50, 0.9)],
                {},
            ),
            "B": companions("B", [Complement("X", 12, 0.25)], {}),
        },
    )
    assert [(each.item_id, each.with_item) for each in found] == [("X", "A"), ("Y", "A")]
    assert found[0].score == 0.55


def test_the_reason_counts_from_real_numbers_and_is_modest_about_few() -> None:
    totals = FixedTables(ITEMS, baskets=1_000).totals
    own = ItemCounts(50, 10, 100, 0, 0)
    other = ItemCounts(50, 10, 140, 0, 0)
    many = Companion(-0.4, -42, "Y", "X", other)
    assert why_goes_with(many, "Pump", own, totals) == (
        "42 % of orders with Pump have it too, 3.0× usual; 42 orders"
    )
    few = Companion(-0.4, -4, "Y", "X", other)
    assert why_goes_with(few, "Pump", own, totals) == "sometimes bought together with Pump"
    rare = ItemCounts(6, 1, 7, 0, 0)
    chance = Companion(-0.4, -6, "Y", "X", rare)
    text = why_goes_with(chance, "Pump", ItemCounts(5, 1, 7, 0, 0), totals)
    assert "usual" not in text, "a lift of 122 from six orders is chance"
