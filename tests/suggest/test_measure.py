"""How good the tables are is measured on last baskets that they do not know."""

from __future__ import annotations

from pathlib import Path

from app.suggest.quality import measure
from tests.suggest.histories import business, line
from tests.suggest.test_engines import counted


def test_a_held_out_basket_is_not_counted_and_the_rest_is(tmp_path: Path) -> None:
    lines = [line(customer, day, "A") for customer in "CD" for day in (1, 8, 15)]
    lines += [line("C", 15, "NEW"), line("TWICE", 1, "A"), line("TWICE", 15, "A")]
    with counted(tmp_path, lines) as engine:
        rest, histories = engine.without_last(10)
        assert {item: counts.baskets for item, counts in rest.items()} == {"A": 6}
        assert rest.totals().baskets == 6
        assert [len(own) for own in histories] == [3, 3], "two baskets are too few to ask"
        assert [set(own[0].items) for own in histories] == [{"A", "NEW"}, {"A"}]
        assert {item: counts.baskets for item, counts in engine.items()} == {"A": 8, "NEW": 1}


def test_only_some_customers_are_asked_when_there_are_many(tmp_path: Path) -> None:
    with counted(tmp_path, business(customers=60)) as engine:
        rest, histories = engine.without_last(20)
        assert 10 <= len(histories) <= 20
        assert engine.totals().baskets - rest.totals().baskets == len(histories)
        assert measure(engine, 20).customers == len(histories)


def test_what_everybody_always_buys_is_foretold_without_a_miss(tmp_path: Path) -> None:
    days = range(1, 60, 7)
    lines = [line(f"C{n}", day, item) for n in range(9) for day in days for item in "AB"]
    with counted(tmp_path, lines) as engine:
        quality = measure(engine)
    best = quality.next["ours"]
    assert (best.recall, best.ndcg, best.hit) == (1.0, 1.0, 1.0)
    assert quality.goes_with["ours"] == 1.0


def test_an_item_that_nobody_bought_before_cannot_be_foretold(tmp_path: Path) -> None:
    days = range(1, 60, 7)
    lines = [line(f"C{n}", day, "A") for n in range(9) for day in days]
    lines += [line(f"C{n}", 64, f"NEW{n}") for n in range(9)]
    with counted(tmp_path, lines) as engine:
        quality = measure(engine)
    assert quality.next["ours"].hit == 0.0
    assert quality.goes_with == {}, "no basket has two items"


def test_a_business_is_served_better_than_by_what_needs_no_tables(tmp_path: Path) -> None:
    lines = business(customers=400, days=700, usual_gap=60, favourites=6)
    with counted(tmp_path, lines) as engine:
        found = measure(engine).to_json()
    assert found["customers"] == 400
    recall = {name: each["recall"] for name, each in found["next"].items()}
    assert recall["ours"] > recall["personal"] > recall["popular"], recall
    hit = {name: each["hit"] for name, each in found["goes_with"].items()}
    assert hit["ours"] > hit["popular"], hit


def test_without_anybody_to_ask_nothing_is_claimed(tmp_path: Path) -> None:
    with counted(tmp_path, [line("C", 1, "A")]) as engine:
        found = measure(engine).to_json()
    assert found == {"customers": 0, "baskets": 0, "next": {}, "goes_with": {}, "at": 10}
