"""Phone numbers: what can be read is read, what cannot stays as it came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.phone import normalise, normalise_for_index
from connectors.sdk.types import Number

LONDON = "+442079460958"
REGIONS = st.sampled_from([None, "GB", "DE", "US", "IT", "GL", "CN", "XX", "gb", ""])
SURROGATES = st.characters(categories=["Cs"])
ANY_TEXT = st.text(st.characters() | SURROGATES, max_size=60)
NUMBER_LIKE = st.text('0123456789+-() ./;@:,xX#*<>"%siptel\u0660\uff0b', max_size=40)


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("+442079460958", None),
        (" +44 20 7946 0958 ", None),
        ("+44 (0)20 7946 0958", None),
        ("+44(0)2079460958", "US"),
        ("0044 20 7946 0958", None),
        ("0044 20 7946 0958", "GB"),
        ("0044 20 7946 0958", "US"),
        ("011 44 20 7946 0958", "US"),
        ("011 44 20 7946 0958", None),
        ("020 7946 0958", "GB"),
        ("020 7946 0958", "gb"),
        ("2079460958", "GB"),
        ("442079460958", "GB"),
        ("020 7946 0958 x123", "GB"),
        ("020 7946 0958 ext. 12 or 3", "GB"),
        ("020 7946 0958 (office)", "GB"),
        ("tel:+44-20-7946-0958", None),
        ("tel:+442079460958;ext=7", None),
        ("sip:+442079460958@carrier.example:5060;user=phone", None),
        ("SIPS:%2B442079460958@carrier.example", None),
        ("<sip:+442079460958@carrier.example>", None),
        ('"Kestrel Garden" <sip:02079460958@carrier.example>;tag=1', "GB"),
        ("\uff0b\uff14\uff14 20 7946 0958", None),
    ],
)
def test_one_number_in_many_spellings(raw: str, region: str | None) -> None:
    assert normalise(raw, region) == Number(
        raw=raw,
        e164=LONDON,
        national="020 7946 0958",
        international="+44 20 7946 0958",
        region="GB",
        line_type="fixed_line",
    )


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        # A country code without + wins over a national number that lacks its leading 0.
        ("493055571600", "DE", "+493055571600"),
        ("03055571600", "DE", "+493055571600"),
        # Italy keeps the 0, in brackets or not; Denmark never had one.
        ("+39 (0)6 12345678", None, "+390612345678"),
        ("+45 (0)32123456", None, "+4532123456"),
        # An eleven-digit national number that looks American.
        ("15012345678", "CN", "+8615012345678"),
        ("821234", "GL", "+299821234"),
        ("1-800-FLOWERS", "US", "+18003569377"),
    ],
)
def test_habits_of_other_regions(raw: str, region: str, e164: str) -> None:
    assert normalise(raw, region).e164 == e164


@pytest.mark.parametrize(
    ("e164", "line_type", "region"),
    [
        ("+447400123456", "mobile", "GB"),
        ("+12025550123", "fixed_line_or_mobile", "US"),
        ("+448005550100", "toll_free", "GB"),
        ("+445600123456", "voip", "GB"),
        ("+449012345678", "premium_rate", "GB"),
        ("+80012345678", "toll_free", None),
    ],
)
def test_line_types_are_lower_case_words(e164: str, line_type: str, region: str | None) -> None:
    number = normalise(e164, None)
    assert (number.line_type, number.region) == (line_type, region)


WORDS = ["anonymous", "restricted", "unavailable", "unknown", "private", "blocked"]
SPELLED = ["266696687", "7378742833", "86282452253", "2562533", "8656696", "0000000000"]


@pytest.mark.parametrize(
    "raw",
    [
        *WORDS,
        *(word.upper() for word in WORDS),
        *("+" + word for word in WORDS),
        *SPELLED,
        *("+" + digits for digits in SPELLED),
        *("1" + digits for digits in SPELLED),
        *("+1" + digits for digits in SPELLED),
        " Anonymous ",
        "Coverage Unavailable",
        "<unknown>",
        "sip:anonymous@anonymous.invalid",
        "sip:caller@anonymous.invalid",
        "sip:Anonymous@carrier.example;transport=udp",
        "tel:anonymous",
        "sip:%61nonymous@carrier.example",
        '"Anonymous" <sip:+442079460958@carrier.example>',
        "Anonymous <sip:anonymous@anonymous.invalid>;tag=9fxced",
    ],
)
@pytest.mark.parametrize("region", [None, "US", "CN"])
def test_a_withheld_caller_has_no_number(raw: str, region: str | None) -> None:
    assert normalise(raw, region) == Number(raw=raw, withheld=True)


@pytest.mark.parametrize(
    "raw", ["+44266696687", "+2666966871", "anonymous coward", "11266696687", "private line"]
)
def test_a_withheld_spelling_counts_only_when_it_is_the_whole_text(raw: str) -> None:
    assert normalise(raw, None).withheld is False


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("101", "GB"),
        ("101", "DE"),
        ("10112", "DE"),
        ("101123", "AT"),
        ("sip:101@pbx.example", "DE"),
        ("8631234", "US"),  # an area code is missing
        ("020 7946 0958", None),  # whose country?
        ("020 7946 0958", "XX"),
        ("442079460958", None),
        ("+1", None),
        ("+44", None),
        ("client:alice", "GB"),
        ("hello", "GB"),
        ("+999123456789", None),
        ("9" * 200, "GB"),
        ("+" + "4" * 400, None),
    ],
)
def test_what_is_no_full_number_stays_as_it_came(raw: str, region: str | None) -> None:
    assert normalise(raw, region) == Number(raw=raw)


@pytest.mark.parametrize("raw", [None, ""])
def test_nothing_says_nothing(raw: str | None) -> None:
    assert normalise(raw, "GB") == Number(raw=raw)


@given(raw=ANY_TEXT | NUMBER_LIKE, region=REGIONS)
def test_no_text_makes_it_raise_and_a_withheld_caller_never_has_a_number(
    raw: str, region: str | None
) -> None:
    number = normalise(raw, region)
    assert number.raw == raw
    assert not (number.withheld and number.e164)
    assert (number.e164 is None) == (number.national is None) == (number.international is None)


@given(
    raw=NUMBER_LIKE | st.from_regex(r"\+?[0-9]{5,15}", fullmatch=True),
    region=REGIONS,
    other=REGIONS,
)
def test_its_own_e164_reads_back_as_itself_in_every_region(
    raw: str, region: str | None, other: str | None
) -> None:
    e164 = normalise(raw, region).e164
    if e164 is not None:
        assert normalise(e164, other).e164 == e164


@given(raw=ANY_TEXT | NUMBER_LIKE | st.sampled_from(WORDS + SPELLED), region=REGIONS)
def test_the_index_reads_a_number_as_a_call_does(raw: str, region: str | None) -> None:
    of_call, of_index = normalise(raw, region), normalise_for_index(raw, region)
    assert of_index == (of_call.e164, of_call.withheld)
