"""The fast reading of plain numbers never says anything else than the library."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from app.core.phone import _understand
from app.core.plain_number import plain_e164, plain_number

_TYPES = [
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER,
    PhoneNumberType.PAGER,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
]
_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str | None]:
    """Return a number near a real one of some region, in one of many spellings, and a region."""
    region = draw(st.sampled_from(_REGIONS))
    kind = draw(st.sampled_from(_TYPES))
    example = phonenumbers.example_number_for_type(region, kind)
    digits = list(str(phonenumbers.national_significant_number(example)) if example else "5555555")
    for _ in range(draw(st.integers(0, 4))):
        digits[draw(st.integers(0, len(digits) - 1))] = draw(st.sampled_from("0123456789"))
    digits = digits[: len(digits) - draw(st.sampled_from([0, 0, 0, 1]))]
    nsn = "".join(digits) + draw(st.sampled_from(["", "", "", "7"]))
    code = str(phonenumbers.country_code_for_region(region))
    trunk = phonenumbers.ndd_prefix_for_region(region, True) or ""
    number = phonenumbers.PhoneNumber(
        country_code=int(code), national_number=int(nsn), italian_leading_zero=nsn[0] == "0"
    )
    text = draw(
        st.sampled_from(
            [
                f"+{code}{nsn}",
                f"+{code} (0){nsn}",
                f"{trunk}{nsn}",
                f"00{code}{nsn}",
                f"{code}{nsn}",
                nsn,
                phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
                phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
            ]
        )
    )
    for mark in draw(st.lists(st.sampled_from(" ()./-+0x;"), max_size=2)):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + mark + text[at:]
    other = draw(st.sampled_from([region, region, region, None, *_REGIONS[:3]]))
    return text, other


@settings(max_examples=600)
@given(spelled())
def test_it_says_what_the_library_says_or_nothing(case: tuple[str, str | None]) -> None:
    raw, region = case
    fast = plain_e164(raw, region)
    if fast is not None:
        number, _ = _understand(raw, region)
        assert number.withheld or number.e164 == fast


@settings(max_examples=600)
@given(spelled())
def test_what_people_see_of_it_is_what_the_library_writes(case: tuple[str, str | None]) -> None:
    raw, region = case
    fast = plain_number(raw, region)
    if fast is not None:
        number, parsed = _understand(raw, region)
        assert number.withheld or parsed is not None
        if parsed is not None:
            assert fast.national == phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
            written = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
            assert fast.international == written
            assert fast.region == phonenumbers.region_code_for_number(parsed)
            kind = PhoneNumberType.to_string(phonenumbers.number_type(parsed))
            assert fast.line_type == kind.lower()


@given(st.text(alphabet="+0123456789 ()./-", max_size=24), st.sampled_from([None, "GB", "US"]))
def test_no_text_makes_it_raise(raw: str, region: str | None) -> None:
    fast = plain_e164(raw, region)
    assert (
        fast is None
        or fast == _understand(raw, region)[0].e164
        or _understand(raw, region)[0].withheld
    )


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 20 7946 0958", None, "+442079460958"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("030/901820", "DE", "+4930901820"),
        ("01 42 68 53 00", "FR", "+33142685300"),
        ("+1 415 555 2671", "DE", "+14155552671"),
    ],
)
def test_what_people_usually_write_is_read(raw: str, region: str | None, e164: str) -> None:
    assert plain_e164(raw, region) == e164


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("+44 (0)20 7946 0958", "GB"),
        ("00442079460958", "GB"),
        ("442079460958", "GB"),
        ("020 7946 0958", None),
        ("310-1234", "CA"),
        ("204", "GB"),
        ("020 7946 0958 x 3", "GB"),
        ("+39 02 3661 8300", "IT"),
        ("anonymous", "GB"),
    ],
)
def test_what_needs_thought_is_left_to_the_library(raw: str, region: str | None) -> None:
    assert plain_e164(raw, region) is None
