"""Which records of different sources are one customer. Pure.

Only certain links are made. Evidence, strongest first: the same account number (`external_id`),
the same tax number, an unshared phone number with the same name, a phone number with the same
e-mail address. Two records of one connector are never joined, nor two of which a person said that
they are not the same, and evidence that would join them is no evidence, but for those whom that
person had on one side. The outcome depends on the records and these words alone, not on the order
they came in.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.core.contact import StoredContact

_ACCOUNT, _TAX, _EMAIL = "x:", "t:", "m:"
_BY_NAME = "n:"
_STRENGTHS = (_ACCOUNT, _TAX, _BY_NAME, _EMAIL)
_PAIRED = (_BY_NAME, _EMAIL)

# What people type into a field that they must fill.
_A_DIGIT = re.compile(r"[1-9]")
_NO_VALUE = frozenset(("", "na", "none", "null", "nil", "unknown", "tbc", "tbd", "test"))
_MIN_TAX_DIGITS = 5
_MAX_KEY = 200

_LEGAL_FORMS = frozenset(
    "ab ag and aps as asa bv bvba co company corp corporation cv doo dba eg ek ev gbr gesmbh gmbh "  # noqa: SIM905
    "inc incorporated kft kg kgaa limited llc llp lp ltd ltda mbh nv oao ohg oo oy oyj ooo plc pte "
    "pty pvt sa sab sarl sas se sl slu snc sp spa spol srl sro ug und zoo zrt".split()
)
_LEADING_DIGITS = re.compile(r"[0-9]{1,12}")
_JOINED_MARKS = re.compile(r"[.'’`´]")
_OTHER_MARKS = re.compile(r"[\W_]+")


class Ref(NamedTuple):
    """A record: a connector's slug and its id there."""

    connector: str
    remote_id: str


class Bar(NamedTuple):
    """A person's word that the records on its two sides are not the same customer."""

    decision: str
    side: bool


@dataclass(frozen=True, slots=True)
class Record:
    """What of a record can prove that it is the same customer as another.

    `keys` (account, tax, e-mail with number) prove it alone, `names` only with a number of
    `numbers` that is not shared. `bars` speak against it whatever the proof.
    """

    ref: Ref
    keys: frozenset[str] = field(default_factory=frozenset)
    numbers: frozenset[str] = field(default_factory=frozenset)
    names: frozenset[str] = field(default_factory=frozenset)
    bars: frozenset[Bar] = field(default_factory=frozenset)

    @classmethod
    def of(cls, connector: str, contact: StoredContact) -> Record:
        """Take the evidence out of a contact."""
        numbers = _known_numbers(contact)
        names = map(normal_name, (contact["display_name"], contact.get("company_name", "")))
        return cls(
            Ref(connector, contact["remote_id"]),
            frozenset(_keys(contact, numbers)),
            numbers,
            frozenset(name for name in names if name),
        )


def join(records: Iterable[Record], shared: Collection[str] = ()) -> list[list[Record]]:
    """Group the records into customers.

    `shared` are keys and numbers known to be held by several records of one connector, beyond
    those that `records` shows.
    """
    ordered = sorted(records, key=lambda record: record.ref)
    groups = [[record] for record in ordered]
    if len({record.ref.connector for record in ordered}) < 2:
        return groups
    no_proof = {*shared, *_held_twice(ordered)}
    for strength in _STRENGTHS:
        groups = _join_by(strength, groups, no_proof)
    return groups


_PROOFS = {
    _ACCOUNT: (0.99, "same account number {0}"),
    _TAX: (0.98, "same tax number {0}"),
    _BY_NAME: (0.9, "same name on the number {0}: {1}"),
    _EMAIL: (0.95, "same number {0} and e-mail address {1}"),
}


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a record belongs to its customer: `score` 0..1 and the reasons in words, best first."""

    score: float
    reasons: tuple[str, ...]


def proofs(group: Iterable[Record], shared: Collection[str] = ()) -> dict[Ref, Proof]:
    """Say of each record of a customer by which evidence it is linked to the others.

    A record that is alone needs no proof; one that nothing links any more says so.
    """
    records = sorted(group, key=lambda record: record.ref)
    no_proof = {*shared, *_held_twice(records)}
    held: dict[str, set[Ref]] = defaultdict(set)
    said: dict[Ref, list[tuple[float, str]]] = {record.ref: [] for record in records}
    evidence = [
        (record.ref, strength, key)
        for record in records
        for strength in _STRENGTHS
        for key, unless_shared in _evidence(record, strength)
        if unless_shared not in no_proof
    ]
    for ref, _, key in evidence:
        held[key].add(ref)
    for ref, strength, key in evidence:
        if others := sorted(held[key] - {ref}):
            score, words = _PROOFS[strength]
            what = words.format(*key[2:].split(" ", 1) if strength in _PAIRED else (key[2:],))
            said[ref].append((score, f"{what}, as in {', '.join(o.connector for o in others)}"))
    alone = len(records) == 1
    return {
        ref: Proof(
            max((score for score, _ in told), default=1.0 if alone else 0.0),
            tuple(dict.fromkeys(why for _, why in sorted(told, reverse=True)))
            or (("the only record",) if alone else ("nothing links it any more",)),
        )
        for ref, told in said.items()
    }


@dataclass(frozen=True, slots=True)
class Assignment:
    """The customer of each group, in order; None = a new one. `successors`: ids that are gone."""

    ids: tuple[str | None, ...]
    successors: Mapping[str, str]


def assign(groups: Sequence[Sequence[Record]], current: Mapping[Ref, str]) -> Assignment:
    """Let each group keep the customer its records had, as far as that is possible.

    A customer whose records part stays with the record that founded it, else with most of them.
    Of several customers that become one, the first by id stays and the others point to it.
    """
    claims: dict[str, list[tuple[bool, int, int]]] = defaultdict(list)
    for index, group in enumerate(groups):
        votes = Counter(current[r.ref] for r in group if r.ref in current)
        founded = {customer_id(r.ref) for r in group}
        for old, count in votes.items():
            claims[old].append((old in founded, count, -index))
    won: dict[int, list[str]] = defaultdict(list)
    for old in sorted(claims):
        won[-max(claims[old])[2]].append(old)
    ids = tuple(won[index][0] if index in won else None for index in range(len(groups)))
    return Assignment(ids, {gone: first for first, *rest in won.values() for gone in rest})


def customer_id(ref: Ref) -> str:
    """Return the id of a customer first seen in this record.

    The same record gets the same id again after it was gone for a while, so that its calls and
    notes are found again. Customers are stored in the order of their records' numbers: fast.
    """
    digest = hashlib.blake2b(f"{ref[0]}\x1f{ref[1]}".encode(), digest_size=8).hexdigest()
    digits = _LEADING_DIGITS.match(ref[1])
    return f"c-{digits[0]}-{digest}" if digits else f"c-{digest}"


def account_keys(given: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of account numbers that a caller typed or a menu collected."""
    spellings = (s for text in given for s in (text.strip(), text.strip().upper()) if s)
    return tuple(dict.fromkeys(_ACCOUNT + s for s in spellings if len(s) <= _MAX_KEY))


def plain_words(text: str) -> list[str]:
    """Return the words of a text so that spellings of them are equal: no case, accents, marks."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
    return _OTHER_MARKS.sub(" ", _JOINED_MARKS.sub("", text.casefold())).split()


def normal_name(name: str) -> str:
    """Write a name so that spellings of it are equal: plain words without the legal form."""
    words = plain_words(name.replace("&", " and "))
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words.pop()
    return " ".join(words)


def account_key(contact: StoredContact) -> str:
    """Return the account number of a contact, "" where it has none or something typed instead."""
    account = contact.get("external_id", "").strip()
    if _A_DIGIT.search(account):
        return account
    typed = _OTHER_MARKS.sub("", account).casefold().strip("0")
    return "" if typed in _NO_VALUE else account


def tax_key(contact: StoredContact) -> str:
    """Return the tax number of a contact without spaces and marks, "" where it has none."""
    if not (given := contact.get("tax_number")):
        return ""
    tax = re.sub(r"[\W_]", "", given).upper()
    digits = [c for c in tax if c.isdecimal()]
    return tax if len(digits) >= _MIN_TAX_DIGITS and len(set(digits)) > 1 else ""


def keys_of(contact: StoredContact) -> frozenset[str]:
    """Return what alone proves that another record with it is the same customer."""
    numbers = [p["e164"] for p in contact.get("phone_numbers", ()) if p["e164"]]
    return frozenset(_keys(contact, numbers))


def _known_numbers(contact: StoredContact) -> frozenset[str]:
    return frozenset([p["e164"] for p in contact.get("phone_numbers", ()) if p["e164"]])


def _keys(contact: StoredContact, numbers: Iterable[str]) -> list[str]:
    keys = [_ACCOUNT + account] if (account := account_key(contact)) else []
    if "tax_number" in contact and (tax := tax_key(contact)):
        keys.append(_TAX + tax)
    for address in contact.get("email_addresses", ()):
        whole = address.strip().casefold()
        if 0 < whole.rfind("@") < len(whole) - 1:
            keys += [f"{_EMAIL}{number} {whole}"[:_MAX_KEY] for number in numbers]
    return keys


def _held_twice(records: Iterable[Record]) -> Iterable[str]:
    holders = Counter((r.ref.connector, held) for r in records for held in (*r.keys, *r.numbers))
    return (held for (_, held), count in holders.items() if count > 1)


def _evidence(record: Record, strength: str) -> Iterable[tuple[str, str]]:
    """Yield keys of this strength, each with what makes it worthless when shared."""
    if strength == _BY_NAME:
        return ((f"{_BY_NAME}{n} {name}", n) for n in record.numbers for name in record.names)
    return ((key, key) for key in record.keys if key.startswith(strength))


def _join_by(strength: str, groups: list[list[Record]], no_proof: set[str]) -> list[list[Record]]:
    holders: dict[str, set[int]] = defaultdict(set)
    for index, group in enumerate(groups):
        for record in group:
            for key, unless_shared in _evidence(record, strength):
                if unless_shared not in no_proof:
                    holders[key].add(index)
    held = [held_by for held_by in holders.values() if len(held_by) > 1]
    return [
        [record for index in members for record in groups[index]]
        for members in _clusters(groups, range(len(groups)), held)
    ]


def _clusters(
    groups: list[list[Record]], members: Iterable[int], held: Iterable[set[int]]
) -> Iterator[list[int]]:
    """Yield which of the members become one, where `held` are those that share evidence."""
    parent = {index: index for index in members}

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    shared = [some for held_by in held for some in _by_word(groups, held_by) if len(some) > 1]
    for some in shared:
        if _are_apart(groups, some):
            first = min(map(root, some))
            for index in some:
                parent[root(index)] = first
    clusters: dict[int, list[int]] = defaultdict(list)
    for index in parent:
        clusters[root(index)].append(index)
    for cluster in clusters.values():
        if _are_apart(groups, cluster):
            yield cluster
            continue
        # One doubt in a chain of links makes all of them doubtful, but for those that the person
        # who doubts has on one side.
        sides = [set(cluster)] if len(cluster) < 3 else _by_word(groups, cluster)
        together = [side for side in sides if 1 < len(side) < len(cluster)]
        yield from ([index] for index in cluster if not any(index in side for side in together))
        for side in together:
            yield from _clusters(groups, sorted(side), [some & side for some in shared])


def _are_apart(groups: list[list[Record]], members: Collection[int]) -> bool:
    """Does no connector have two records in these groups, and no person say that they differ?"""
    records = [record for index in members for record in groups[index]]
    if len(records) != len({record.ref.connector for record in records}):
        return False
    bars = {bar for record in records for bar in record.bars}
    return not any(bar.side and Bar(bar.decision, False) in bars for bar in bars)


def _by_word(groups: list[list[Record]], members: Collection[int]) -> list[set[int]]:
    """Part the groups by what persons said; who is on no side of a word that parts is left out."""
    bars = {index: {bar for r in groups[index] for bar in r.bars} for index in members}
    said = {bar for of_it in bars.values() for bar in of_it}
    if not said:
        return [set(members)]
    parting = sorted({b.decision for b in said if Bar(b.decision, not b.side) in said})
    sides: dict[tuple[Bar, ...], set[int]] = defaultdict(set)
    for index in members:
        on = tuple(bar for bar in sorted(bars[index]) if bar.decision in parting)
        if len(on) == len(parting):
            sides[on].add(index)
    return list(sides.values())
