"""No secret is left in what is shown of a source."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from app.core.redact import HIDDEN, redacted

SECRET = "s3cret/with+marks"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@given(JSON, st.text(max_size=6), st.text(max_size=6))
def test_a_secret_is_found_wherever_it_stands(value: Any, before: str, after: str) -> None:
    document = {"here": before + SECRET + after, "there": value, SECRET: 1}
    assert SECRET not in json.dumps(redacted(document, [SECRET]), ensure_ascii=False)


@given(JSON)
def test_what_holds_no_secret_stays_as_it_is(value: Any) -> None:
    assert redacted(["x", value], ["never-in-there"]) == ["x", value]


def test_a_secret_in_a_url_is_hidden_in_its_escapes_too() -> None:
    url = f"https://x.test/?key={quote(SECRET, safe='')}&b={SECRET.replace('/', '%2F')}"
    shown = redacted(url, [SECRET])
    assert "s3cret" not in shown
    assert HIDDEN in shown


def test_fields_that_open_doors_are_hidden_by_their_name() -> None:
    answer = {"access_token": "abc", "next_page_token": "p2", "password": "x", "session_id": 7}
    assert redacted(answer, []) == {
        "access_token": HIDDEN,
        "next_page_token": "p2",
        "password": HIDDEN,
        "session_id": HIDDEN,
    }


def test_amounts_stay_exact_and_bytes_are_only_counted() -> None:
    assert redacted({"a": Decimal("1.10"), "b": b"\x00\x01"}, []) == {"a": "1.10", "b": "(2 bytes)"}


def test_a_whole_number_of_a_spreadsheet_stands_as_it_was_typed() -> None:
    assert redacted([2000.0, -3.0, 0.5, float("inf")], []) == ["2000", "-3", "0.5", "inf"]
