"""What a source's own fields probably mean, and where its records are."""

from __future__ import annotations

import jmespath
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.offers import fields_in, lists_in, offered


def test_an_equal_name_beats_a_likely_one_and_each_is_offered_once() -> None:
    theirs = ["Customer No.", "Name", "amount_due", "Outstanding"]
    assert offered(["remote_id", "display_name", "amount_due", "balance"], theirs) == {
        "remote_id": "Customer No.",
        "display_name": "Name",
        "amount_due": "amount_due",
        "balance": "Outstanding",
    }


def test_the_lists_of_an_answer_are_found_by_their_path() -> None:
    answer = {"meta": {"page": 1}, "data": {"items": [{"id": 1}]}, "none": []}
    assert lists_in(answer) == {"data.items": [{"id": 1}], "@": [answer]}
    assert lists_in([{"id": 1}]) == {"@": [{"id": 1}]}


def test_a_field_shows_the_first_value_that_is_there() -> None:
    records = [{"a": None, "b": {"c": "x"}}, {"a": 5, "tags": ["u", "v"]}]
    assert fields_in(records) == {"a": "5", "b.c": "x", "tags": "u, v"}


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.integers(), min_size=1, max_size=4))
def test_every_offered_path_leads_back_to_its_value(record: dict[str, int]) -> None:
    found = fields_in([record])
    assert len(found) == len(record)
    assert sorted(str(jmespath.search(path, record)) for path in found) == sorted(
        map(str, record.values())
    )
