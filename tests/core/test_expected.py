"""What a check expects, against what a source said."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.expected import field_fault, fits, found_at


@pytest.mark.parametrize(
    ("found", "expected", "is_fit"),
    [
        ("12.50", "12.5", True),
        ("12.50", "12.51", False),
        ("Kestrel", " Kestrel ", True),
        (True, "yes", True),
        (False, "true", False),
        (None, None, True),
        (None, "0", False),
        ("0", None, False),
        (["a"], "a", False),
    ],
)
def test_a_value_fits_what_is_expected(found: Any, expected: str | None, is_fit: bool) -> None:
    assert fits(found, expected) is is_fit


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2), st.integers(0, 3))
def test_an_amount_is_the_same_with_more_zeros(amount: Decimal, zeros: int) -> None:
    assert fits(str(amount), f"{amount:f}" + "0" * zeros)


def test_a_field_is_a_path_into_the_data() -> None:
    data = {"open_invoices": [{"number": "I-1"}]}
    assert found_at("open_invoices[0].number", data) == "I-1"
    assert found_at("nothing.there", data) is None
    assert field_fault("open_invoices[") is not None
    assert field_fault("balance") is None
