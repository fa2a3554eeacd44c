"""What may be offered: the rules hold whatever the candidates are, and say why not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.purchases import Line, item_key, parts_of_key
from app.suggest.offer import (
    LISTED,
    Answer,
    Candidate,
    Credit,
    Customer,
    Offer,
    Rules,
    Shop,
    Sold,
    offer,
)
from app.suggest.ranking import PopularTables, bought, merged, rank
from app.suggest.scoring import Basket, likely_next
from app.suggest.tables import ItemCounts
from tests.suggest.histories import FixedTables

DAY = 20_000
TODAY = date(1970, 1, 1) + timedelta(days=DAY)
NOON = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
KEYS = [item_key("shop", name) for name in "abcdefghij"]
A, B, C = KEYS[:3]

prices = st.none() | st.decimals(min_value=0, max_value=1000, places=2)
items = st.builds(
    Sold,
    name=st.just("Thing"),
    category=st.sampled_from([None, "Hose", "Pond", "Freight"]),
    unit_price=prices,
    currency=st.sampled_from([None, "GBP", "EUR"]),
    stock=st.none() | st.decimals(min_value=-5, max_value=5, places=0),
    is_active=st.booleans(),
)
shops = st.builds(
    Shop,
    items=st.dictionaries(st.sampled_from(KEYS), items),
    catalogued=st.sampled_from([(), ("shop",)]),
)
answers = st.builds(
    Answer,
    answer=st.sampled_from(["accepted", "declined", "snoozed"]),
    at=st.integers(0, 200).map(lambda days: NOON - timedelta(days=days)),
    until=st.none() | st.integers(-5, 5).map(lambda days: TODAY + timedelta(days=days)),
    call_id=st.sampled_from([None, "this", "other"]),
)
customers = st.builds(
    Customer,
    day=st.just(DAY),
    last_bought=st.dictionaries(st.sampled_from(KEYS), st.integers(DAY - 400, DAY)),
    answers=st.dictionaries(st.sampled_from(KEYS), answers),
    credit=st.builds(Credit, st.booleans(), prices, st.sampled_from([None, "GBP", "EUR"])),
    call_id=st.just("this"),
)
lists = st.lists(
    st.builds(Candidate, st.sampled_from(KEYS), st.floats(0, 1), st.just("why")), max_size=20
)
pairs = st.lists(
    st.builds(
        Candidate, st.sampled_from(KEYS), st.floats(0, 3), st.just("why"), st.sampled_from(KEYS)
    ),
    max_size=20,
)
rules = st.builds(
    Rules, st.sampled_from([frozenset(), frozenset({"freight"})]), st.sampled_from([0, 180])
)


@given(lists, pairs, customers, shops, rules)
def test_the_rules_hold_whatever_is_ranked(
    following: list[Candidate], beside: list[Candidate], customer: Customer, shop: Shop, rule: Rules
) -> None:
    made = offer(following, beside, customer, shop, rule)
    shown = [*made.next, *made.goes_with]
    if customer.credit.on_hold:
        assert (made.blocked, shown) == ("credit_hold", [])
        return
    assert made.blocked is None
    assert len(made.next) <= LISTED
    assert len(made.goes_with) <= LISTED
    keys = [item_key(each["connector"], each["item_id"]) for each in shown]
    assert len(set(keys)) == len(keys)
    for key, each in zip(keys, shown, strict=True):
        sold = shop.items.get(key)
        assert sold is not None or "shop" not in shop.catalogued
        assert 0 <= each["score"] <= 1
        if sold is not None:
            assert sold.is_active
            assert sold.stock is None or sold.stock > 0
            assert (sold.category or "").casefold() not in rule.excluded_categories
        answer = customer.answers.get(key)
        if answer is not None and answer.call_id != "this":
            assert answer.answer != "declined" or (TODAY - answer.at.date()).days >= 90
            assert answer.answer != "snoozed" or answer.until is None or answer.until <= TODAY
    for each in made.goes_with:
        key = item_key(each["connector"], each["item_id"])
        assert DAY - customer.last_bought.get(key, -DAY) > rule.never_again_days


@given(lists, pairs, customers, shops, rules)
def test_every_candidate_is_offered_or_left_out_for_a_reason_or_not_needed(
    following: list[Candidate], beside: list[Candidate], customer: Customer, shop: Shop, rule: Rules
) -> None:
    made = offer(following, beside, customer, shop, rule)
    if made.blocked:
        return
    for name, given_, shown in (
        ("next", following, made.next),
        ("goes_with", beside, made.goes_with),
    ):
        left_out = [each for each in made.left_out if each.list == name]
        assert len(shown) == LISTED or len(shown) + len(left_out) == len(given_)


def offered(sold: Sold, answer: Answer | None = None, *, credit: Credit | None = None) -> Offer:
    customer = Customer(DAY, {}, {A: answer} if answer else {}, credit or Credit(), "this")
    return offer([Candidate(A, 0.5, "why")], [], customer, Shop({A: sold}, ("shop",)), Rules())


def test_stock_that_is_not_counted_is_not_no_stock() -> None:
    assert offered(Sold("Hose")).next[0]["inventory_quantity"] is None
    assert [each.why for each in offered(Sold("Hose", stock=Decimal(0))).left_out] == [
        "out_of_stock"
    ]


@pytest.mark.parametrize(
    ("price", "currency", "above"),
    [
        (Decimal("10.01"), "GBP", True),
        (Decimal("10.00"), "GBP", False),
        (Decimal("10.01"), "EUR", False),
        (Decimal("10.01"), None, False),
        (None, "GBP", False),
    ],
)
def test_above_the_credit_is_told_in_the_same_currency_only(
    price: Decimal | None, currency: str | None, above: bool
) -> None:
    credit = Credit(False, Decimal(10), "GBP")
    made = offered(Sold("Hose", unit_price=price, currency=currency), credit=credit)
    assert made.next[0]["above_credit"] is above


def test_what_was_answered_in_this_call_stays_in_sight_to_be_taken_back() -> None:
    declined = Answer("declined", NOON, "Ada", call_id="this")
    assert offered(Sold("Hose"), declined).next[0]["answer"]["answer"] == "declined"
    assert offered(Sold("Hose"), Answer("declined", NOON, "Ada", call_id="other")).next == ()


def test_an_accepted_item_is_shown_as_such_to_the_next_agent() -> None:
    accepted = Answer("accepted", NOON, "Ada", call_id="other")
    answer = offered(Sold("Hose"), accepted).next[0]["answer"]
    assert (answer["answer"], answer["by"]) == ("accepted", "Ada")


def test_a_snoozed_item_comes_back_on_its_day_as_if_new() -> None:
    def snoozed(until: date) -> Offer:
        return offered(Sold("Hose"), Answer("snoozed", NOON, "Ada", until, "other"))

    assert snoozed(TODAY + timedelta(days=1)).next == ()
    assert snoozed(TODAY).next[0]["answer"] is None


def test_nothing_goes_with_another_of_its_own_category() -> None:
    shop = Shop({A: Sold("Hose 9", category="Hose"), B: Sold("Hose 12", category="hose")})
    made = offer([], [Candidate(B, 1, "why", A)], Customer(DAY), shop, Rules())
    assert [each.why for each in made.left_out] == ["same_category"]


def test_the_same_id_of_two_connectors_is_two_items() -> None:
    assert item_key("shop", "1") != item_key("store", "1")
    assert parts_of_key(item_key("shop", "a-1")) == ("shop", "a-1")


def line(day: int, key: str, quantity: float | None = 1.0) -> Line:
    return day, key, quantity


def test_returns_undo_purchases_and_the_future_is_not_known() -> None:
    lines = [
        line(DAY + 1, C),
        line(DAY, B, None),
        line(DAY, A, -2.0),
        line(DAY - 9, A, 2.0),
        line(DAY - 9, C, 0.0),
    ]
    assert bought(lines, DAY) == [Basket(DAY, (B,))]


bought_lines = st.lists(
    st.tuples(
        st.integers(DAY - 30, DAY + 3),
        st.sampled_from(KEYS),
        st.sampled_from([1.0, 1.0, 1.0, 2.0, None, 0.0, -1.0]),
    ),
    max_size=25,
)


@given(bought_lines, st.booleans())
def test_lines_rank_as_their_baskets_do_whatever_is_among_them(
    lines: list[Line], are_sorted: bool
) -> None:
    if are_sorted:
        lines.sort(key=lambda line: -line[0])
    counts = ItemCounts(buyers=10, rebuyers=5, baskets=20, span_days=300, recent=4)
    tables = FixedTables(dict.fromkeys(KEYS[:5], counts))
    ranked, history = rank(lines, DAY, tables), bought(lines, DAY)
    assert ranked.next == likely_next(history, DAY, tables)
    last = {item: basket.day for basket in reversed(history) for item in basket.items}
    assert ranked.last_bought == last


def test_a_live_order_counts_at_once_and_not_twice() -> None:
    synchronised, live = [line(DAY - 9, A)], [line(DAY - 9, A), line(DAY, B)]
    assert merged(synchronised, live) == [line(DAY, B), line(DAY - 9, A)]


def test_before_the_first_fit_there_are_habits_and_popular_items() -> None:
    tables = PopularTables([(B, ItemCounts(5, 0, 8, 0, 8)), (A, ItemCounts(2, 0, 2, 0, 2))], 10)
    ranked = rank([line(DAY - 1, A), line(DAY - 30, A)], DAY, tables)
    following, beside = map(list, ranked.candidates(5, Shop()))
    assert [(each.key, each.is_popular) for each in following] == [(A, False), (B, True)]
    assert following[1].reason == "popular: in 80 % of all orders"
    assert beside == []


def test_of_a_stranger_and_no_history_nothing_is_said() -> None:
    ranked = rank([], DAY, PopularTables((), 0))
    assert list(map(list, ranked.candidates(5, Shop()))) == [[], []]
