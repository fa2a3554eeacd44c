"""Reads the plain spellings of valid numbers ten times faster than phonenumbers. Pure.

Uses that library's metadata by its own rules, and only where these leave no choice: whatever
might be read in two ways, or is not valid as it stands, is left to the library. What people see
of such a number is formatted by the same rules (`_choose_formatting_pattern_for_number` there).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberFormat, PhoneMetadata, PhoneNumberDesc

from connectors.sdk.types import Number

_PLAIN = re.compile(r"\(?\+?\(?[0-9]+(?:[ ()./-](?!0\))[0-9]*)*")
_MARKS = str.maketrans("", "", " ()./-")
_MIN_DIGITS = 7
_MAX_DIGITS = 15
_KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
# In this order the library looks for what kind of number it is.
_TRIED = (*_KINDS[2:], *_KINDS[:2])
_FIRST_GROUP = re.compile(r"(\\\d)")
_GROUP = re.compile(r"\\(\d)")
Matcher = Callable[[str], re.Match[str] | None]


class _Form(NamedTuple):
    """How numbers that begin so and look so are written: `rule` is a format of the groups."""

    begins: Matcher | None
    whole: Matcher
    rule: str


@dataclass(frozen=True, slots=True)
class _Region:
    """How valid national numbers look, and what is dialled before them.

    `begins` is a beginning that all numbers of this region have. A group in `trunk` is part of
    the number, or of a carrier's. `line_types` in the order in which they are tried.
    """

    name: str
    country_code: str
    lengths: frozenset[int]
    general: Matcher
    kinds: Matcher
    begins: Matcher | None
    trunk: Matcher | None
    dials_abroad: Matcher | None
    line_types: tuple[tuple[str, Matcher], ...]
    national: tuple[_Form, ...]
    international: tuple[_Form, ...]


# A region, its country code and a national number.
_Found = tuple[_Region, str, str]


def plain_e164(raw: str, region: str | None) -> str | None:
    """Return the E.164 of a valid number that is plainly written, None for all others.

    `region` (upper case) is whose numbers come without a country code.
    """
    found = _find(raw, region)
    return None if found is None else f"+{found[1]}{found[2]}"


def plain_number(raw: str, region: str | None) -> Number | None:
    """Return such a number with all that people see of it, None for all others."""
    found = _find(raw, region)
    if found is None:
        return None
    own, country_code, number = found
    written = _regions(country_code)[0]
    return Number(
        raw=raw,
        e164=f"+{country_code}{number}",
        national=_written(number, written.national),
        international=f"+{country_code} {_written(number, written.international)}",
        region=own.name,
        line_type=_line_type(number, own),
    )


def _written(number: str, forms: tuple[_Form, ...]) -> str:
    for form in forms:
        if form.begins is None or form.begins(number):
            found = form.whole(number)
            if found is not None:
                return form.rule.format(*found.groups())
    return number


def _line_type(number: str, region: _Region) -> str:
    kinds = [name for name, is_one in region.line_types if is_one(number)]
    both = kinds[:1] == ["fixed_line"] and "mobile" in kinds
    return "fixed_line_or_mobile" if both else kinds[0]


def _find(raw: str, region: str | None) -> _Found | None:
    text = raw.replace(" ", "")
    # Most are digits and spaces alone: the pattern takes them all, unless a space is first.
    if not (text.isascii() and text.isdigit() and raw[0] != " "):
        if _PLAIN.fullmatch(raw) is None:
            return None
        text = raw.translate(_MARKS)
    if text[0] == "+":
        return _international(text[1:])
    return _national(text, region) if region is not None else None


def _international(digits: str) -> _Found | None:
    if not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS:
        return None
    for length in (1, 2, 3):
        regions = _regions(digits[:length])
        if regions:
            return _checked(digits[:length], digits[length:], regions)
    return None


def _national(digits: str, region: str) -> _Found | None:
    own = _region(region)
    if own is None or not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS:
        return None
    if digits.startswith(own.country_code) or (own.dials_abroad and own.dials_abroad(digits)):
        return None
    trunk = own.trunk(digits) if own.trunk is not None else None
    if trunk is not None:
        if trunk.lastindex is not None:
            return None
        digits = digits[trunk.end() :]
    if not own.general(digits):
        return None
    return _checked(own.country_code, digits, _regions(own.country_code), own)


def _checked(
    country_code: str, number: str, regions: tuple[_Region, ...], looks_like: _Region | None = None
) -> _Found | None:
    """Return the number if the library would leave these digits as they are and call them valid.

    `looks_like`: a region of whose general pattern it is known to be.
    """
    main = regions[0]
    if number[:1] == "0" or len(number) not in main.lengths:
        return None
    if main.trunk is not None and main.trunk(number):
        return None
    for region in regions:
        begins = region.begins is None or region.begins(number)
        if begins and (region is looks_like or region.general(number)) and region.kinds(number):
            return region, country_code, number
        if begins and region.begins is not None:
            return None
    return None


@lru_cache(maxsize=1024)
def _regions(country_code: str) -> tuple[_Region, ...]:
    names = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(country_code), ())
    if country_code[0] == "0" or "001" in names:
        return ()
    found = [_region(name) for name in names]
    return tuple(region for region in found if region is not None)


@lru_cache(maxsize=1024)
def _region(name: str) -> _Region | None:
    data = PhoneMetadata.metadata_for_region(name, None)
    if data is None or data.general_desc is None or not data.general_desc.national_number_pattern:
        return None
    kinds = (_pattern(getattr(data, kind)) for kind in _KINDS)
    trunk = data.national_prefix_for_parsing
    abroad = data.international_prefix
    line_types = [(kind, _pattern(getattr(data, kind))) for kind in _TRIED]
    return _Region(
        name,
        str(data.country_code),
        frozenset(data.general_desc.possible_length),
        re.compile(_pattern(data.general_desc) or "").fullmatch,
        re.compile("|".join(f"(?:{kind})" for kind in kinds if kind)).fullmatch,
        re.compile(data.leading_digits).match if data.leading_digits else None,
        re.compile(trunk).match if trunk else None,
        re.compile(abroad).match if abroad else None,
        tuple((kind, re.compile(look).fullmatch) for kind, look in line_types if look),
        tuple(_form(each, national=True) for each in data.number_format),
        tuple(_form(f, national=False) for f in data.intl_number_format or data.number_format),
    )


def _form(given: NumberFormat, *, national: bool) -> _Form:
    rule, first = given.format or "", given.national_prefix_formatting_rule
    if national and first:
        rule = _FIRST_GROUP.sub(first, rule, count=1)
    # The last beginning is the most exact one.
    begins = given.leading_digits_pattern[-1:]
    return _Form(
        re.compile(begins[0]).match if begins else None,
        re.compile(given.pattern or "").fullmatch,
        _GROUP.sub(lambda group: f"{{{int(group[1]) - 1}}}", rule),
    )


def _pattern(description: PhoneNumberDesc | None) -> str | None:
    if description is None or not description.national_number_pattern:
        return None
    lengths = "|".join(f".{{{length}}}" for length in description.possible_length)
    ahead = f"(?=(?:{lengths})$)" if lengths else ""
    return f"{ahead}(?:{description.national_number_pattern})"
