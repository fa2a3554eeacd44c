"""Telephone numbers of the demo, in the many ways people write them.

All are from the ranges that regulators set aside for drama (Ofcom, Bundesnetzagentur, Arcep,
ComReg; 555-01xx in North America): no real telephone rings.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumberFormat

from app.demo.records import Phone

# Region and kind -> prefixes in E.164, each followed by this many free digits.
_FICTION: dict[tuple[str, str], tuple[tuple[str, int], ...]] = {
    ("GB", "work"): (
        ("+442079460", 3),
        ("+441632960", 3),
        ("+441614960", 3),
        ("+441134960", 3),
        ("+441214960", 3),
        ("+441174960", 3),
        ("+441314960", 3),
        ("+441914980", 3),
        ("+442920180", 3),
        ("+442896496", 3),
    ),
    ("GB", "mobile"): (("+447700900", 3),),
    ("DE", "work"): (("+493023125", 3), ("+494066969", 3), ("+498999998", 3)),
    ("DE", "mobile"): (("+4917139200", 2),),
    ("FR", "work"): (("+3319900", 4), ("+3326191", 4), ("+3346571", 4)),
    ("FR", "mobile"): (("+3363998", 4),),
    ("IE", "work"): (("+3532091", 5),),
    ("IE", "mobile"): (("+3532091", 5),),
    ("US", "work"): (("+182855501", 2), ("+150355501", 2), ("+130355501", 2)),
    ("US", "mobile"): (("+191955501", 2),),
}


def _national(e164: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.NATIONAL)


def _international(e164: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.INTERNATIONAL)


def _solid(e164: str) -> str:
    return "".join(c for c in _national(e164) if c.isdigit())


def _with_trunk_zero(e164: str) -> str:
    code, rest = _international(e164).split(" ", 1)
    return f"{code} (0){rest}"


def _from_abroad(e164: str) -> str:
    return "00" + _international(e164)[1:]


def _from_abroad_spaced(e164: str) -> str:
    return "00 " + _international(e164)[1:]


def _dotted(e164: str) -> str:
    return _national(e164).replace(" ", ".").replace("-", ".")


def _bracketed(e164: str) -> str:
    area, rest = _national(e164).split(" ", 1)
    return f"({area.strip('()')}) {rest.replace(' ', '-')}"


def _with_extension(e164: str) -> str:
    return f"{_national(e164)} x12"


def _with_extension_word(e164: str) -> str:
    return f"{_national(e164)} ext. 204"


Style = Literal[
    "national",
    "international",
    "solid",
    "trunk zero",
    "from abroad",
    "from abroad, spaced",
    "dotted",
    "bracketed",
    "x12",
    "ext.",
]
_WRITERS: dict[Style, Callable[[str], str]] = {
    "national": _national,
    "international": _international,
    "solid": _solid,
    "trunk zero": _with_trunk_zero,
    "from abroad": _from_abroad,
    "from abroad, spaced": _from_abroad_spaced,
    "dotted": _dotted,
    "bracketed": _bracketed,
    "x12": _with_extension,
    "ext.": _with_extension_word,
}
# The accounts are a British company's: foreign numbers stand there in a form that says so.
_HOME_STYLES: tuple[Style, ...] = (
    *("national",) * 6,
    *("solid",) * 3,
    "international",
    "trunk zero",
    "from abroad",
    "dotted",
    "bracketed",
    "x12",
    "ext.",
)
_FOREIGN_STYLES: tuple[Style, ...] = (
    "international",
    "international",
    "from abroad",
    "from abroad, spaced",
    "trunk zero",
)


def write(e164: str, style: Style) -> str:
    """Write a number in one of the ways people do."""
    return _WRITERS[style](e164)


class NumberBook:
    """Gives out numbers of the drama ranges, each once."""

    def __init__(self, rng: random.Random, taken: set[str]) -> None:
        self._rng = rng
        self._taken = set(taken)

    def new(self, region: str, kind: Literal["work", "mobile", "home"]) -> Phone:
        """Return a number nobody has yet, as the books and the shop have it in writing."""
        prefixes = _FICTION[region, "mobile" if kind == "mobile" else "work"]
        while True:
            prefix, digits = self._rng.choice(prefixes)
            e164 = f"{prefix}{self._rng.randrange(10**digits):0{digits}d}"
            if e164 not in self._taken:
                break
        self._taken.add(e164)
        style = self._rng.choice(_HOME_STYLES if region == "GB" else _FOREIGN_STYLES)
        if region in ("US", "IE") and style == "trunk zero":
            style = "international"
        web_style: Style = (
            "international" if region != "GB" else self._rng.choice(_HOME_STYLES[:10])
        )
        return Phone(e164, kind, write(e164, style), write(e164, web_style))
