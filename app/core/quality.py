"""What is wrong with a source's records, for somebody to mend there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Literal, get_args

from phonenumbers import (
    NumberParseException,
    ValidationResult,
    is_possible_number_with_reason,
    parse,
)
from rapidfuzz.fuzz import token_sort_ratio

from app.core.contact import StoredContact, StoredPhone
from app.core.duplicates import name_likeness
from app.core.identity import Ref, normal_name, tax_key

Kind = Literal[
    "number_unusable",
    "no_number",
    "country_missing",
    "names_conflict",
    "emails_conflict",
    "addresses_conflict",
    "tax_numbers_conflict",
    "number_shared",
    "stale",
    "gone",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

STALE = timedelta(days=3 * 365)
# From this many on a number is a switchboard's, not a customer's.
MANY = 5
_ALIKE_NAMES = 0.8
_ALIKE_ADDRESSES = 0.6
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Issue:
    """What somebody should mend in a source's record, in words."""

    ref: Ref
    kind: Kind
    display_name: str
    text: str


def issues(
    records: Mapping[Ref, StoredContact], held: Callable[[str], int], now: datetime
) -> Iterator[Issue]:
    """Yield what is wrong with the records of one customer; `held`: how many have a number."""
    for ref, contact in records.items():
        for kind, text in (*_of_numbers(contact, held), *_of_age(contact, now)):
            yield _issue(ref, contact, kind, text)
    told: dict[tuple[Ref, Kind], list[str]] = {}
    for one, other in combinations(records.items(), 2):
        # Two records of one source are one customer by a person's word: nothing to mend there.
        if one[0].connector != other[0].connector:
            for ref, kind, text in _conflicts(one, other):
                told.setdefault((ref, kind), []).append(text)
    for (ref, kind), texts in told.items():
        yield _issue(ref, records[ref], kind, "; ".join(dict.fromkeys(texts)))


def _issue(ref: Ref, contact: StoredContact, kind: Kind, text: str) -> Issue:
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return Issue(ref, kind, contact["display_name"], short)


def _of_numbers(contact: StoredContact, held: Callable[[str], int]) -> Iterator[tuple[Kind, str]]:
    phones = contact.get("phone_numbers", [])
    if not phones:
        yield "no_number", "it has no number that can be read"
        return
    unusable = [p["raw"] for p in phones if not _can_be_called(p)]
    if unusable:
        yield "number_unusable", f"cannot be called: {', '.join(unusable)}"
    if not contact.get("region"):
        national = [p["raw"] for p in phones if not p["raw"].startswith(("+", "00"))]
        national = [raw for raw in national if not _is_extension(raw)]
        if national:
            yield "country_missing", f"neither it nor the number says which country: {national[0]}"
    shared = [
        (p["e164"], count) for p in phones if p["e164"] and (count := held(p["e164"])) >= MANY
    ]
    if shared:
        numbers = ", ".join(f"{number} is that of {count} customers" for number, count in shared)
        yield "number_shared", numbers


def _can_be_called(phone: StoredPhone) -> bool:
    if phone["e164"] is None:
        return _is_extension(phone["raw"])
    try:
        # Not whether it is assigned: ranges are opened faster than libraries are updated.
        possible = is_possible_number_with_reason(parse(phone["e164"]))
    except NumberParseException:
        return False
    return possible == ValidationResult.IS_POSSIBLE


def _is_extension(raw: str) -> bool:
    return raw.isascii() and raw.isdigit() and 2 <= len(raw) < 6


def _of_age(contact: StoredContact, now: datetime) -> Iterator[tuple[Kind, str]]:
    changed = contact.get("updated_at")
    if changed and now - datetime.fromisoformat(changed) > STALE:
        yield "stale", f"not changed since {changed[:10]}"


def _conflicts(
    one: tuple[Ref, StoredContact], other: tuple[Ref, StoredContact]
) -> Iterator[tuple[Ref, Kind, str]]:
    for kind, ours, theirs in _differences(one[1], other[1]):
        yield one[0], kind, f"{ours} here, {theirs} in {other[0].connector}"
        yield other[0], kind, f"{theirs} here, {ours} in {one[0].connector}"


def _differences(one: StoredContact, other: StoredContact) -> Iterator[tuple[Kind, str, str]]:
    names, other_names = _names(one), _names(other)
    if names and other_names and _best(name_likeness, names, other_names) < _ALIKE_NAMES:
        yield "names_conflict", one["display_name"], other["display_name"]
    mails, other_mails = _mails(one), _mails(other)
    if mails and other_mails and not {*mails} & {*other_mails}:
        yield "emails_conflict", ", ".join(mails), ", ".join(other_mails)
    place, elsewhere = one.get("postal_address", ""), other.get("postal_address", "")
    if place and elsewhere:
        alike = token_sort_ratio(normal_name(place), normal_name(elsewhere)) / 100
        if alike < _ALIKE_ADDRESSES:
            yield "addresses_conflict", place, elsewhere
    tax, other_tax = tax_key(one), tax_key(other)
    if tax and other_tax and tax != other_tax:
        yield "tax_numbers_conflict", tax, other_tax


def _names(contact: StoredContact) -> list[str]:
    names = (contact["display_name"], contact.get("company_name", ""))
    return [plain for name in names if (plain := normal_name(name))]


def _mails(contact: StoredContact) -> list[str]:
    return sorted({mail.strip().casefold() for mail in contact.get("email_addresses", ())})


def _best(alike: Callable[[str, str], float], ours: Sequence[str], theirs: Iterable[str]) -> float:
    return max(alike(a, b) for b in theirs for a in ours)
