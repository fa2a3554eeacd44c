"""Phone numbers as vendors search for them, and proof that a hit has the number asked for. Pure.

A vendor that searches by digits drops the country code or the punctuation, so that two customers
in two countries look alike: each hit is read in full and compared before it counts.
"""

from __future__ import annotations

from collections.abc import Iterable

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from connectors.sdk.types import Number

_LONGEST = 60


def national_digits(number: Number) -> str:
    """Return the digits without country code and trunk 0: 2079460958 of +442079460958."""
    try:
        parsed = phonenumbers.parse(number.e164 or "", None)
    except NumberParseException:
        return ""
    return phonenumbers.national_significant_number(parsed)


def spellings(number: Number) -> tuple[str, ...]:
    """Return the usual ways to write a number, for a vendor that searches parts of text.

    Without country code, so that 2079460958 is in +442079460958 and 02079460958, and 20 7946 0958
    in +44 20 7946 0958 and 020 7946 0958.
    """
    try:
        parsed = phonenumbers.parse(number.e164 or "", None)
    except NumberParseException:
        return ()
    abroad = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    at_home = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    shown = abroad.removeprefix(f"+{parsed.country_code}").strip()
    found = dict.fromkeys((national_digits(number), shown, at_home))
    return tuple(one for one in found if not any(o in one for o in found if o != one))


def is_number(raw: str, number: Number, region: str | None) -> bool:
    """Say whether `raw`, as a source stores it, is this number.

    `region` is that of numbers without a country code. Without one such a number counts when its
    digits are those of the national number: whose it is, is then for the host to rank.
    """
    if len(raw) > _LONGEST or not number.e164:
        return False
    try:
        parsed = phonenumbers.parse(raw.replace("(0)", ""), region)
    except NumberParseException:
        digits = "".join(c for c in raw if c.isdecimal())
        return region is None and digits.lstrip("0") == national_digits(number)
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164) == number.e164


def has_number(raws: Iterable[str], number: Number, region: str | None) -> bool:
    """Say whether any of these is the number."""
    return any(is_number(raw, number, region) for raw in raws)
