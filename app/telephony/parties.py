"""Who calls and who is called, as phone systems of the SIP family write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import phonenumbers

from app.telephony.body import checked_text, text

# Fewer digits are an extension.
_MIN_NUMBER_DIGITS = 7
_MAX_NUMBER_DIGITS = 15

_SIP = re.compile(r"sips?:", re.IGNORECASE)
_END_OF_USER = re.compile("[@;?]")


def party(data: Mapping[str, Any], key: str, at: str = "") -> str | None:
    """Return a caller or callee as given; what a SIP address passes along after `?` is left out.

    Raises:
        NotUnderstood: not text that can be kept.
    """
    value = data.get(key)
    if isinstance(value, str) and _SIP.match(value):
        value = value.partition("?")[0].partition(";")[0]
    return text({key: value}, key, at)


def sip_user(address: str | None, at: str = "") -> str | None:
    """Return the user of `sip:user@host;parameters`, percent-decoded; None for anything else.

    Raises:
        NotUnderstood: the user holds a NUL.
    """
    scheme = _SIP.match(address) if address else None
    if not address or scheme is None:
        return None
    user = _END_OF_USER.split(address[scheme.end() :], maxsplit=1)[0]
    return checked_text(unquote(user), at) or None


def is_telephone_number(address: str) -> bool:
    """Is it a subscriber's number, with or without `+`? An extension or a name is not."""
    digits = address.removeprefix("+")
    return (
        digits.isascii()
        and digits.isdigit()
        and _MIN_NUMBER_DIGITS <= len(digits) <= _MAX_NUMBER_DIGITS
    )


@lru_cache(maxsize=4096)
def with_plus(number: str | None) -> str | None:
    """Put back the `+` of a number that begins with its country code; other texts stay as given."""
    if number is None or number.startswith(("+", "0")) or not is_telephone_number(number):
        return number
    try:
        parsed = phonenumbers.parse("+" + number)
    except phonenumbers.NumberParseException:
        return number
    return "+" + number if phonenumbers.is_valid_number(parsed) else number
