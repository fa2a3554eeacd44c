"""Ranking who may be calling: every candidate kept, none guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.match import Choice, IndexHit, phone_keys, rank
from app.core.phone import normalise
from connectors.sdk.types import Number

CALLER = normalise("+442079460958", None)
ACCOUNT = "C-100"
CHOSEN_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def customer(customer_id: str, name: str = "") -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "display_name": name or f"Customer {customer_id}",
        "company_name": None,
        "tier": None,
    }


def hit(
    customer_id: str,
    *,
    exact: bool = True,
    connector: str = "Ledger",
    kind: str | None = None,
    primary: bool = False,
    by_account: bool = False,
) -> IndexHit:
    key = "+442079460958" if exact else "~079460958"
    row = IndexHit(key, connector, f"r-{customer_id}", customer(customer_id), kind, primary)
    return replace(row, key=ACCOUNT, by_account=True) if by_account else row


hits = st.lists(
    st.builds(
        hit,
        st.sampled_from(["a", "b", "c", "d"]),
        exact=st.booleans(),
        connector=st.sampled_from(["Ledger", "Shop", "CRM"]),
        kind=st.sampled_from([None, "mobile", "work"]),
        primary=st.booleans(),
        by_account=st.booleans(),
    ),
    max_size=8,
)
choices = st.none() | st.builds(
    Choice, st.sampled_from(["a", "b", "z"]), st.sampled_from([None, "Ada"]), st.just(CHOSEN_AT)
)


@given(hits, choices)
def test_every_customer_of_the_number_is_a_candidate_and_nobody_else(
    found: list[IndexHit], choice: Choice | None
) -> None:
    match = rank(CALLER, found, choice)
    assert sorted(c.customer_id for c in match.candidates) == sorted(
        {h.customer["customer_id"] for h in found}
    )


@given(hits, choices)
def test_candidates_come_best_first_with_a_score_and_a_reason(
    found: list[IndexHit], choice: Choice | None
) -> None:
    match = rank(CALLER, found, choice)
    scores = [c.score for c in match.candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < c.score <= 1 and c.reasons for c in match.candidates)


@given(hits, choices)
def test_a_customer_is_shown_only_when_there_is_no_doubt(
    found: list[IndexHit], choice: Choice | None
) -> None:
    match = rank(CALLER, found, choice)
    assert (match.customer is not None) == (match.outcome == "single")
    if match.customer is not None:
        assert match.customer["customer_id"] == match.candidates[0].customer_id
    if match.outcome == "multiple":
        assert len(match.candidates) > 1


@given(hits, choices, st.randoms())
def test_the_order_of_the_index_decides_nothing(
    found: list[IndexHit], choice: Choice | None, random: Any
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)

    def decided(rows: list[IndexHit]) -> list[Any]:
        match = rank(CALLER, rows, choice)
        ranked = [(c.customer_id, c.level, c.score) for c in match.candidates]
        return [match.outcome, match.shared_number, match.customer, ranked]

    assert decided(shuffled) == decided(found)


def test_nobody_has_the_number() -> None:
    match = rank(CALLER, [])
    assert (match.outcome, match.candidates, match.shared_number) == ("none", (), False)


def test_two_customers_on_one_number_stay_two() -> None:
    match = rank(CALLER, [hit("a"), hit("b")])
    assert match.outcome == "multiple"
    assert match.shared_number
    assert match.customer is None


def test_one_customer_in_two_sources_is_one_candidate() -> None:
    match = rank(CALLER, [hit("a"), hit("a", connector="Shop")])
    assert match.outcome == "single"
    assert not match.shared_number
    (candidate,) = match.candidates
    assert candidate.reasons == ("exact number in Ledger, Shop",)


def test_an_exact_number_is_known_and_outranks_one_that_ends_the_same() -> None:
    match = rank(CALLER, [hit("b", exact=False), hit("a", kind="mobile", primary=True)])
    assert [(c.customer_id, c.level) for c in match.candidates] == [("a", "known"), ("b", "maybe")]
    assert match.outcome == "single"
    assert match.candidates[0].reasons == ("exact mobile number in Ledger", "main number")
    assert match.candidates[1].reasons == ("number ends the same in Ledger",)


def test_an_agents_choice_decides_and_says_whose_it_was() -> None:
    match = rank(CALLER, [hit("a", primary=True), hit("b")], Choice("b", "Ada", CHOSEN_AT))
    assert match.outcome == "single"
    assert match.shared_number
    assert match.customer == customer("b")
    assert match.candidates[0].reasons[0] == "chosen by Ada on 2026-11-20"
    assert match.candidates[0].score == 1


def test_a_choice_of_somebody_who_lost_the_number_decides_nothing() -> None:
    match = rank(CALLER, [hit("a"), hit("b")], Choice("gone", "Ada", CHOSEN_AT))
    assert match.outcome == "multiple"


def test_the_account_number_that_the_caller_gave_outranks_every_number() -> None:
    everywhere = [hit("a", connector=c, primary=True) for c in ("Ledger", "Shop", "CRM", "Desk")]
    match = rank(CALLER, [*everywhere, hit("b", by_account=True)])
    assert match.customer == customer("b")
    assert match.candidates[0].reasons == ("gave the account number",)
    assert {c.level for c in match.candidates} == {"known"}


def test_a_withheld_caller_is_nobody_until_an_account_number_is_given() -> None:
    withheld = Number(None, withheld=True)
    assert phone_keys(withheld) == ()
    assert rank(withheld, []).outcome == "withheld"
    assert rank(withheld, [hit("a", by_account=True)]).customer == customer("a")


@pytest.mark.parametrize(
    ("raw", "region", "keys"),
    [
        ("+442079460958", None, ("+442079460958", "~079460958")),
        ("020 7946 0958", "GB", ("+442079460958", "~079460958")),
        ("020 7946 0958", None, ("~079460958",)),
        ("", None, ()),
        ("sip:desk@example.com", None, ()),
    ],
)
def test_the_index_is_asked_for_the_whole_number_and_for_its_end(
    raw: str, region: str | None, keys: tuple[str, ...]
) -> None:
    assert phone_keys(normalise(raw, region)) == keys
