"""Whether a vendor's hit has the number that was asked for."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.phones import has_number, is_number, national_digits, spellings
from connectors.sdk.types import Number

ADA = Number("+442079460958", "+442079460958", "020 7946 0958")
_FORMATS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
)


@pytest.mark.parametrize(
    "raw",
    ["020 7946 0958", "(020) 7946-0958", "+44 (0)20 7946 0958", "+442079460958", "00442079460958",
     "020 7946 0958 x12"],
)  # fmt: skip
def test_a_number_is_itself_in_any_spelling(raw: str) -> None:
    assert is_number(raw, ADA, "GB")


@pytest.mark.parametrize(
    "raw", ["+1 207-946-0958", "020 7946 0959", "7946 0958", "", "x", "9" * 99]
)
def test_another_number_is_not(raw: str) -> None:
    assert not is_number(raw, ADA, "GB")


def test_without_a_region_the_whole_national_number_counts() -> None:
    assert is_number("020 7946 0958", ADA, None)
    assert is_number("(020) 7946 0958", ADA, None)
    assert not is_number("7946 0958", ADA, None)
    assert not is_number("+12079460958", ADA, None)


def test_the_digits_have_neither_country_code_nor_trunk_zero() -> None:
    assert national_digits(ADA) == "2079460958"
    # Italy keeps its 0.
    assert national_digits(Number("x", "+390612345678")) == "0612345678"
    assert national_digits(Number("x", None)) == ""
    assert national_digits(Number("x", "+*)(cn=*")) == ""


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.sampled_from(_FORMATS))
def test_every_region_s_own_spelling_is_known_again(region: str, form: int) -> None:
    example = phonenumbers.example_number(region)
    if example is None:
        return
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    raw = phonenumbers.format_number(example, form)
    assert has_number(["x", raw], Number(raw, e164), region)


@given(st.text())
def test_no_text_is_an_error(raw: str) -> None:
    is_number(raw, ADA, "GB")
    is_number(raw, ADA, None)


@pytest.mark.parametrize(
    "typed",
    ["+442079460958", "00442079460958", "02079460958", "020 7946 0958", "+44 20 7946 0958"],
)
def test_the_usual_spellings_hold_one_that_is_searched_for(typed: str) -> None:
    assert spellings(ADA) == ("2079460958", "20 7946 0958")
    assert any(part in typed for part in spellings(ADA))


def test_nothing_is_searched_for_that_is_no_number() -> None:
    assert spellings(Number("x", "+44' OR 1=1")) == ()
