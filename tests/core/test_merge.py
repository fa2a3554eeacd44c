"""What several sources say becomes one section, whoever answers first; disagreement is shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.merge import merge
from app.core.profile import NOT_CONFIGURED, SourceOutcome, SourceStatus
from connectors.sdk.types import (
    SECTIONS,
    Balance,
    CreditTerms,
    Order,
    Purchases,
    SectionName,
    Ticket,
    Tickets,
)

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
money = st.decimals(-9_999, 9_999, places=2)
currencies = st.sampled_from(["EUR", "USD"])
facts = {
    "balance": st.builds(Balance, currency=currencies, balance=money, overdue_amount=money),
    "purchases": st.builds(
        Purchases,
        currency=currencies,
        orders=st.lists(
            st.builds(
                Order,
                order_number=st.sampled_from(["O-1", "O-2", "O-3"]),
                order_date=st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 3)),
                total_amount=st.none() | money,
                currency=st.none() | currencies,
            ),
            max_size=3,
            unique_by=lambda order: order.order_number,
        ).map(tuple),
        order_count=st.none() | st.integers(3, 9),
        lifetime_amount=st.none() | money,
        first_order_date=st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 3)),
    ),
    "credit_terms": st.builds(
        CreditTerms,
        currency=st.none() | currencies,
        credit_limit=st.none() | money,
        credit_used=st.none() | money,
        on_hold=st.none() | st.booleans(),
        payment_terms=st.none() | st.sampled_from(["30 days", "60 days"]),
    ),
    "tickets": st.builds(
        Tickets,
        tickets=st.lists(
            st.builds(
                Ticket,
                number=st.sampled_from(["T-1", "T-2"]),
                updated_at=st.none() | st.just(NOW) | st.just(NOW - timedelta(days=1)),
            ),
            max_size=3,
        ).map(tuple),
    ),
}
silent = st.sampled_from(["loading", "empty", "timeout", "failed"])


@st.composite
def outcomes(draw: Any, name: SectionName) -> list[SourceOutcome]:
    """What up to four sources said."""
    drawn = []
    for slug in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4)):
        said = draw(st.none() | facts[name])
        drawn.append(
            SourceOutcome(
                slug,
                draw(silent) if said is None else draw(st.sampled_from(["ok", "partial", "stale"])),
                priority=draw(st.integers(0, 2)),
                facts=said,
                as_of=NOW - timedelta(minutes=draw(st.integers(0, 9))),
            )
        )
    return drawn


cases = st.sampled_from(SECTIONS).flatmap(lambda name: st.tuples(st.just(name), outcomes(name)))


@given(cases, st.randoms())
def test_who_answers_first_decides_nothing(
    case: tuple[SectionName, list[SourceOutcome]], random: Any
) -> None:
    name, said = case
    shuffled = list(said)
    random.shuffle(shuffled)
    assert merge(name, shuffled) == merge(name, said)


@given(cases)
def test_every_source_is_listed_with_what_became_of_it(
    case: tuple[SectionName, list[SourceOutcome]],
) -> None:
    name, said = case
    section = merge(name, said)
    assert sorted((s["connector"], s["status"]) for s in section.sources) == sorted(
        (o.connector, o.status) for o in said
    )


@given(cases)
def test_the_section_is_as_old_as_its_oldest_part(
    case: tuple[SectionName, list[SourceOutcome]],
) -> None:
    name, said = case
    ages = [o.as_of for o in said if o.facts is not None and o.as_of is not None]
    assert merge(name, said).as_of == (min(ages) if ages else None)


@given(cases)
def test_no_facts_is_no_data_and_some_facts_are_shown(
    case: tuple[SectionName, list[SourceOutcome]],
) -> None:
    name, said = case
    section = merge(name, said)
    assert (section.data is not None) == any(o.facts is not None for o in said)
    if section.status in ("ok", "partial", "stale"):
        assert section.data is not None
    if section.status in ("empty", "failed", "timeout", "not_configured"):
        assert section.data is None


@given(outcomes("balance"))
def test_a_balance_is_that_of_one_source_never_a_sum(said: list[SourceOutcome]) -> None:
    section = merge("balance", said)
    given_by = [o.facts.model_dump(mode="json") for o in said if o.facts is not None]
    assert section.data is None or section.data in given_by


@given(outcomes("credit_terms"))
def test_terms_are_what_a_source_said_and_available_is_worked_out(
    said: list[SourceOutcome],
) -> None:
    data = merge("credit_terms", said).data
    if not isinstance(data, dict):
        return
    terms = [o.facts for o in said if isinstance(o.facts, CreditTerms)]
    for field in ("on_hold", "payment_terms"):
        assert data[field] in [getattr(t, field) for t in terms]
    if data["credit_limit"] is not None and data["credit_used"] is not None:
        available = Decimal(data["credit_limit"]) - Decimal(data["credit_used"])
        assert Decimal(data["credit_available"]) == available
    if data["credit_limit"] is None:
        assert data["credit_available"] is None


@given(cases)
def test_a_conflict_has_two_values_that_differ_and_says_whose_is_shown(
    case: tuple[SectionName, list[SourceOutcome]],
) -> None:
    name, said = case
    section = merge(name, said)
    for conflict in section.conflicts:
        assert len({v.value for v in conflict.values}) > 1
        assert isinstance(section.data, dict)
        shown = section.data[conflict.field]
        (chosen,) = [v.value for v in conflict.values if v.connector == conflict.chosen]
        assert Decimal(chosen) == Decimal(shown) if _is_money(chosen) else chosen == shown


def _is_money(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip("-").replace(".", "").isdecimal()


def source(slug: str, status: SourceStatus = "ok", **more: Any) -> SourceOutcome:
    return SourceOutcome(slug, status, as_of=NOW, **more)


def owing(amount: str, currency: str = "EUR") -> Balance:
    return Balance(currency=currency, balance=amount)


def test_nothing_configured_says_so() -> None:
    assert merge("balance", []) == NOT_CONFIGURED


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["ok"], "ok"),
        (["empty", "empty"], "empty"),
        (["ok", "empty"], "ok"),
        (["ok", "loading"], "loading"),
        (["failed", "loading"], "loading"),
        (["ok", "failed"], "partial"),
        (["ok", "timeout"], "partial"),
        (["stale", "ok"], "stale"),
        (["stale"], "stale"),
        (["partial", "ok"], "partial"),
        (["failed", "timeout"], "failed"),
        (["timeout", "timeout"], "timeout"),
        (["empty", "failed"], "failed"),
        (["empty", "timeout"], "timeout"),
    ],
)
def test_no_such_customer_and_source_down_never_look_the_same(
    statuses: list[SourceStatus], expected: str
) -> None:
    said = [
        source(f"s{n}", s, facts=owing("1") if s in ("ok", "partial", "stale") else None)
        for n, s in enumerate(statuses)
    ]
    assert merge("balance", said).status == expected


def test_the_higher_priority_is_shown_and_the_other_value_stays_visible() -> None:
    section = merge(
        "balance",
        [source("shop", facts=owing("90.50")), source("books", facts=owing("786"), priority=10)],
    )
    assert isinstance(section.data, dict)
    assert section.data["balance"] == "786.00"
    (conflict,) = section.conflicts
    assert (conflict.field, conflict.chosen) == ("balance", "books")
    assert [(v.connector, v.value) for v in conflict.values] == [
        ("books", "786.00"),
        ("shop", "90.50"),
    ]


def test_the_same_amount_written_otherwise_is_no_conflict() -> None:
    said = [source("a", facts=owing("786")), source("b", facts=owing("786.000"))]
    assert merge("balance", said).conflicts == ()


def test_a_conflict_in_the_third_digit_can_be_seen() -> None:
    said = [
        source("a", facts=owing("1.231", "KWD")),
        source("b", facts=owing("1.232", "KWD")),
    ]
    (conflict,) = merge("balance", said).conflicts
    assert [v.value for v in conflict.values] == ["1.231", "1.232"]


def test_limits_in_two_currencies_are_not_taken_from_one_another() -> None:
    said = [
        source("a", facts=CreditTerms(currency="EUR", credit_used="10")),
        source("b", facts=CreditTerms(currency="USD", credit_limit="500")),
    ]
    data = merge("credit_terms", said).data
    assert isinstance(data, dict)
    assert (data["currency"], data["credit_limit"]) == ("EUR", None)


def test_an_order_known_to_two_sources_is_counted_once() -> None:
    def bought(*numbers: str) -> Purchases:
        orders = tuple(
            Order(order_number=n, order_date=date(2026, 1, 1), total_amount="10", currency="EUR")
            for n in numbers
        )
        return Purchases(
            currency="EUR", orders=orders, order_count=len(orders), lifetime_amount=10 * len(orders)
        )

    said = [source("a", facts=bought("O-1", "O-2")), source("b", facts=bought("O-2", "O-3"))]
    data = merge("purchases", said).data
    assert isinstance(data, dict)
    assert [o["order_number"] for o in data["orders"]] == ["O-3", "O-2", "O-1"]
    assert (data["order_count"], data["lifetime_amount"]) == (3, "30.00")
