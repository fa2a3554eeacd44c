"""Which customers are likely one, how well they are found, and what it costs."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.contact import StoredContact
from app.core.duplicates import LIKELY, Party, compare, find
from bench.duplicates import measure

ANN: dict[str, Any] = {"names": ("ann bell",), "numbers": ("+442079460958",)}


def party(customer_id: str, **facts: Any) -> Party:
    return Party(customer_id, **facts)


def score(one: dict[str, Any], other: dict[str, Any]) -> float:
    return compare(party("a", **one), party("b", **other)).score


def test_the_same_name_on_the_same_number_is_likely() -> None:
    likeness = compare(party("a", **ANN), party("b", **ANN))
    assert likeness.score > 0.95
    assert likeness.reasons == ("same number: +442079460958", "same name: ann bell")


@pytest.mark.parametrize(
    ("other", "likely"),
    [
        ({"names": ("anne bell",), "numbers": ("+442079460958",)}, True),
        ({"names": ("bell ann",), "numbers": ("+442079460958",)}, True),
        ({"names": ("tom bell",), "numbers": ("+442079460958",)}, False),
        ({"names": ("carl fox",), "numbers": ("+442079460958",)}, False),
        ({"names": ("ann bell",)}, False),
    ],
)
def test_a_name_or_a_number_alone_is_not_enough(other: dict[str, Any], likely: bool) -> None:
    assert (score(ANN, other) >= LIKELY) is likely


def test_the_same_address_and_a_misspelt_name_are_enough() -> None:
    home = {"addresses": ("12 high street leeds ls1 1aa",)}
    ours, theirs = {"names": ("katherine jones",)}, {"names": ("katherin jones",)}
    assert score({**ours, **home}, {**theirs, **home}) > LIKELY


def test_different_tax_numbers_speak_against_what_else_looks_alike() -> None:
    ours, theirs = {**ANN, "taxes": ("GB123456789",)}, {**ANN, "taxes": ("GB987654321",)}
    assert score(ours, theirs) < score(ANN, ANN)
    assert "tax numbers differ" in compare(party("a", **ours), party("b", **theirs)).reasons


def test_a_number_of_many_proves_less() -> None:
    switchboard = compare(party("a", **ANN), party("b", **ANN), lambda _: 1000)
    assert switchboard.score < score(ANN, ANN)
    assert "which 1000 customers have" in " ".join(switchboard.reasons)


def test_records_that_say_nothing_are_not_likely() -> None:
    assert score({}, {}) < LIKELY


def test_what_is_compared_comes_from_all_records_of_a_customer() -> None:
    books = StoredContact(remote_id="1", display_name="Ann BELL Ltd", tax_number="GB 123 4567 89")
    shop = StoredContact(
        remote_id="2",
        display_name="Bell, Ann",
        email_addresses=["Ann@Bell.example"],
        phone_numbers=[{"raw": "1", "type": None, "is_primary": False, "e164": "+4420"}],
    )
    assert Party.of("c", [books, shop]) == party(
        "c",
        names=("ann bell", "bell ann"),
        numbers=("+4420",),
        emails=("ann@bell.example",),
        taxes=("GB123456789",),
    )


_WORDS = st.lists(st.sampled_from(["ann", "anne", "bell", "ball", "fox"]), min_size=1, max_size=3)
_PARTIES: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    names=st.lists(_WORDS.map(" ".join), max_size=2, unique=True).map(tuple),
    numbers=st.sampled_from([(), ("+441",), ("+442",), ("+441", "+442")]),
    emails=st.sampled_from([(), ("a@x.example",), ("b@x.example",)]),
    taxes=st.sampled_from([(), ("GB12345",), ("GB12346",)]),
    accounts=st.sampled_from([(), ("C-1",)]),
    addresses=st.sampled_from([(), ("1 high street ls1",), ("1 high st ls1",)]),
)


@given(_PARTIES, _PARTIES)
def test_likeness_is_the_same_both_ways(one: dict[str, Any], other: dict[str, Any]) -> None:
    left, right = party("a", **one), party("b", **other)
    assert compare(left, right) == compare(right, left)
    assert 0 <= compare(left, right).score <= 1


@given(st.lists(_PARTIES, max_size=4), st.randoms())
def test_what_is_found_does_not_depend_on_the_order(facts: list[dict[str, Any]], rng: Any) -> None:
    parties = [party(f"c{i}", **each) for i, each in enumerate(facts)]
    expected = sorted(find(parties), key=str)
    for order in permutations(parties):
        assert sorted(find(order), key=str) == expected


@given(_PARTIES, _PARTIES)
def test_who_is_likely_one_by_a_number_an_address_or_an_e_mail_is_found(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    left, right = party("a", **one), party("b", **other)
    shared = any(set(one[what]) & set(other[what]) for what in ("numbers", "emails", "accounts"))
    if shared and compare(left, right).score >= LIKELY:
        assert [pair.left for pair in find([right, left])] == ["a"]


def test_a_thousand_namesakes_on_one_switchboard_are_not_compared_all_with_all() -> None:
    people = [party(f"c{i:04}", names=(f"agent {i}",), numbers=("+441",)) for i in range(1000)]
    people.append(party("d", names=("agent 500",), numbers=("+441",)))
    # All with all would be half a million comparisons; neighbours by name are found all the same.
    assert ("c0500", "d") in {(pair.left, pair.right) for pair in find(people, 0.3)}


@pytest.mark.parametrize(
    ("name", "with_tax", "precision", "recall"),
    [
        ("FEBRL 1", True, 0.99, 0.95),
        ("FEBRL 3", True, 0.99, 0.94),
        ("FEBRL 4", True, 0.99, 0.97),
        ("FEBRL 3", False, 0.99, 0.67),
        ("FEBRL 4", False, 0.99, 0.82),
    ],
)
def test_precision_and_recall_on_labelled_sets(
    name: str, with_tax: bool, precision: float, recall: float
) -> None:
    seen = measure(name, with_tax=with_tax)
    assert seen.precision >= precision
    assert seen.recall >= recall
