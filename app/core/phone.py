"""Phone numbers: from any text a phone system or a source has, to E.164, or honestly to nothing.

Pure and cached: callers repeat, and reading one number costs 20-60 µs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType
from phonenumbers import ValidationResult as Possible

from app.core.plain_number import plain_e164, plain_number
from connectors.sdk.types import Number

# Words that phone systems put where the number of a caller who hides it would be.
_WITHHELD_WORDS = frozenset(
    (
        "anonymous",
        "blocked",
        "coverage unavailable",
        "private",
        "restricted",
        "unavailable",
        "unknown",
    )
)
# The same words spelled on a keypad (ANONYMOUS, RESTRICTED, UNAVAILABLE, BLOCKED, UNKNOWN), and
# FreeSWITCH's zeros. Matched whole, never as part of a number.
_WITHHELD_DIGITS = frozenset(
    ("266696687", "7378742833", "86282452253", "2562533", "8656696", "0000000000")
)
# All ways in which they may stand where a number does.
_WITHHELD_NUMBERS = frozenset(
    f"{plus}{one}{digits}" for plus in ("", "+") for one in ("", "1") for digits in _WITHHELD_DIGITS
)

# Longer texts are not numbers (phonenumbers itself stops at 250).
_MAX_TEXT = 250

# Fewer digits than this without a country code are an extension, not a subscriber.
_MIN_NATIONAL_DIGITS = 7

_SCHEME = re.compile(r"\s*(?:sips?|tel):", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")

_LINE_TYPES = {
    PhoneNumberType.FIXED_LINE: "fixed_line",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal_number",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}


@lru_cache(maxsize=32_768)
def normalise(raw: str | None, region: str | None) -> Number:
    """Read a phone number, a SIP or tel URI, or a phone system's word for a hidden caller.

    `region` is the ISO 3166 region whose numbers come without a country code; with None only
    international numbers can be read. Never raises: what cannot be read keeps only its `raw`.
    A text that says the caller is withheld has `withheld` True and no number. None and "" say
    nothing either way (`withheld` False): the caller of this function knows what absence means.
    """
    plain = plain_number(raw, region.upper() if region else None) if raw else None
    if plain is not None and not (_says_withheld(plain.raw) or _says_withheld(plain.e164)):
        return plain
    number, parsed = _understand(raw, region)
    if parsed is None:
        return number
    kind = phonenumbers.number_type(parsed)
    own_region = phonenumbers.region_code_for_number(parsed)
    return Number(
        raw=raw,
        e164=phonenumbers.format_number(parsed, PhoneNumberFormat.E164),
        national=phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL),
        international=phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL),
        # "001" is the library's word for a number of no region (+800…).
        region=None if own_region == "001" else own_region,
        line_type=_LINE_TYPES.get(kind),
    )


def normalise_for_index(raw: str, region: str | None) -> tuple[str | None, bool]:
    """Return the E.164 of a number as `normalise` does, and whether it says that it is withheld.

    A sync reads millions, each once: this leaves the cache to callers, and numbers that are
    plainly written take a tenth of the time.
    """
    e164 = plain_e164(raw, region.upper() if region else None)
    if e164 is None or raw in _WITHHELD_NUMBERS or e164 in _WITHHELD_NUMBERS:
        number = _understand(raw, region)[0]
        return number.e164, number.withheld
    return e164, False


def _understand(raw: str | None, region: str | None) -> tuple[Number, PhoneNumber | None]:
    if not raw or len(raw) > _MAX_TEXT:
        return Number(raw=raw), None
    name, user, host = _parts_of_address(raw)
    if _says_withheld(name) or _says_withheld(user) or host == "anonymous.invalid":
        return Number(raw=raw, withheld=True), None
    parsed = _read(user, region.upper() if region else None)
    if parsed is None:
        return Number(raw=raw), None
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    if _says_withheld(e164):
        return Number(raw=raw), None
    return Number(raw=raw, e164=e164), parsed


def _parts_of_address(raw: str) -> tuple[str, str, str]:
    """Split `"Name" <sip:user@host;params>` into name, user and host; each may be empty."""
    before, bracket, inside = raw.partition("<")
    name, address = (before, inside.partition(">")[0]) if bracket else ("", raw)
    address = _SCHEME.sub("", address, count=1)
    user, _, host = address.partition("@")
    host = host.partition(";")[0].partition(":")[0].strip().lower()
    return name.strip(' "'), unquote(user.partition(";")[0]).strip(), host


def _says_withheld(text: str | None) -> bool:
    word = (text or "").lower().removeprefix("+")
    return (
        word in _WITHHELD_WORDS
        or word in _WITHHELD_DIGITS
        or (word[:1] == "1" and word[1:] in _WITHHELD_DIGITS)
    )


def _read(text: str, region: str | None) -> PhoneNumber | None:
    """Return the best reading: a valid number, else a possible one as written, else None."""
    as_written = _parse(text, region)
    if as_written is not None and _is_extension(text, as_written, region):
        return None
    for parsed in chain(
        _own_country_code(text, region),
        (as_written,),
        (_parse(guess, region) for guess in _repaired(text)),
    ):
        if parsed is not None and phonenumbers.is_valid_number(parsed):
            return parsed
    return as_written if as_written is not None and _keeps_its_e164(as_written) else None


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    parsed.extension = None
    # Not is_possible_number: that also takes a number without its area code.
    possible = phonenumbers.is_possible_number_with_reason(parsed) == Possible.IS_POSSIBLE
    return parsed if possible else None


def _is_extension(text: str, parsed: PhoneNumber, region: str | None) -> bool:
    """Is it an internal number? Some regions (DE, AT) would take five digits for a subscriber."""
    if text.startswith(("+", "\uff0b")) or region is None:
        return False
    dialled = _LETTER.split(text, maxsplit=1)[0]
    if len(phonenumbers.normalize_digits_only(dialled)) >= _MIN_NATIONAL_DIGITS:
        return False
    example = phonenumbers.example_number(region)
    shortest = len(str(example.national_number)) if example else _MIN_NATIONAL_DIGITS
    return len(str(parsed.national_number)) < shortest


def _own_country_code(text: str, region: str | None) -> Iterator[PhoneNumber | None]:
    """Read `493055571600` in DE as +49 30…: a national number would begin with the trunk 0."""
    if region is None or not (text.isascii() and text.isdigit()):
        return
    country_code = str(phonenumbers.country_code_for_region(region))
    if text.startswith(country_code) and phonenumbers.ndd_prefix_for_region(region, True) == "0":
        yield _parse("+" + text, None)


def _repaired(text: str) -> list[str]:
    """Return what the text may have meant: taken only if it makes a valid number."""
    plain = text.replace("(0)", "")
    if letter := _LETTER.search(plain):
        plain = plain[: letter.start()]
    guesses = [plain] if plain != text else []
    return guesses + [
        "+" + plain.removeprefix(prefix) for prefix in ("00", "011") if plain.startswith(prefix)
    ]


def _keeps_its_e164(parsed: PhoneNumber) -> bool:
    """Is the E.164 read back as itself? Some possible but invalid numbers lose a digit."""
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    again = _parse(e164, None)
    return again is not None and phonenumbers.format_number(again, PhoneNumberFormat.E164) == e164
