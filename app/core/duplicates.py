"""Which customers are likely one and the same, how likely, and why. Pure.

Comparing all with all is out of the question, so customers are compared that share a blocking
key: a number, an e-mail address, a tax or account number, or parts of name and address that
survive typing errors. A key that very many share is no reason to compare them all: only their
neighbours in the order of names are. So the cost grows with the number of customers, not with
its square.

Each comparison adds up evidence for and against in bits, as Fellegi and Sunter do ("A Theory for
Record Linkage", 1969), with fixed weights; the sum becomes a probability.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

import orjson
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.fuzz import token_sort_ratio

from app.core.contact import StoredContact
from app.core.identity import account_key, normal_name, tax_key

# What is proposed to a person; measured by `python -m bench --duplicates`.
LIKELY = 0.7
_BLOCK = 12
_NEIGHBOURS = 5
_HOLDERS = 2
# Room for 16 million customers beside 40 bits of a key.
_INDEX_BITS = 24
_SHARES = 64
_INDEX = (1 << _INDEX_BITS) - 1
_PRIOR_BITS = 7.0
_WORDS = 8
_SOUNDS = str.maketrans("bfpvcgjkqsxzdtlmnr", "111122222222334556")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Party:
    """What of a customer, all its records together, is compared."""

    customer_id: str
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    taxes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, customer_id: str, contacts: Iterable[StoredContact]) -> Party:
        """Take what can be compared out of a customer's records."""
        found: dict[str, set[str]] = {name: set() for name in cls.__slots__[1:]}
        for contact in contacts:
            found["names"] |= {
                normal_name(contact["display_name"]),
                normal_name(contact.get("company_name", "")),
            }
            found["numbers"] |= {p["e164"] or "" for p in contact.get("phone_numbers", ())}
            found["emails"] |= {e.strip().casefold() for e in contact.get("email_addresses", ())}
            found["taxes"].add(tax_key(contact))
            found["accounts"].add(account_key(contact))
            found["addresses"].add(normal_name(contact.get("postal_address", "")))
        return cls(customer_id, **{k: tuple(sorted(v - {""})) for k, v in found.items()})


@dataclass(frozen=True, slots=True)
class Likeness:
    """How likely two customers are one: `score` 0..1, and what speaks for and against it."""

    left: str
    right: str
    score: float
    reasons: tuple[str, ...]


def compare(one: Party, other: Party, held: Callable[[str], int] | None = None) -> Likeness:
    """Compare two customers; the same whichever comes first.

    `held` says how many customers hold something: `p` and a number, `m` and an e-mail address,
    `x` and an account number, `n` and a name.
    """
    left, right = (one, other) if one.customer_id < other.customer_id else (other, one)
    held = held or (lambda _: _HOLDERS)
    evidence = [
        _name(left, right, held),
        *_same("number", "p", left.numbers, right.numbers, 9.0, held),
        *_same("e-mail address", "m", left.emails, right.emails, 10.0, held),
        *_same("account number", "x", left.accounts, right.accounts, 10.0, held),
        _tax(left, right),
        _address(left, right),
    ]
    told = [(bits, why) for bits, why in evidence if why]
    bits = sum(bits for bits, _ in told) - _PRIOR_BITS
    score = 1 / (1 + 2 ** -max(min(bits, 60), -60))
    ordered = sorted(told, key=lambda each: (-each[0], each[1]))
    return Likeness(
        left.customer_id, right.customer_id, round(score, 3), tuple(why for _, why in ordered)
    )


class Finder:
    """Takes customers one by one, then yields the pairs that are likely one.

    A million customers take some 600 MB: their facts, packed, and their blocking keys.
    """

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._keys = array("Q")
        self._names = array("Q")

    def add(self, party: Party) -> None:
        """Take a customer that was not given before."""
        index = len(self._kept)
        self._keys.extend(_place(key, index) for key in blocking_keys(party))
        self._names.extend(_place(f"n{name}", index) for name in party.names)
        self._kept.append(_pack(party))

    def pairs(self, least: float = LIKELY) -> Iterator[Likeness]:
        """Yield the pairs that are at least so likely one customer; each pair once."""
        held = self._held()
        found: set[tuple[str, str]] = set()
        for _, block in _blocks(self._keys):
            members = [_load(self._kept[index]) for index in block]
            for one, other in _pairs(members):
                likeness = compare(one, other, held)
                pair = (likeness.left, likeness.right)
                if likeness.score >= least and pair not in found:
                    found.add(pair)
                    yield likeness

    def _held(self) -> Callable[[str], int]:
        many: dict[int, int] = {}
        for places in (self._keys, self._names):
            many.update((k, len(block)) for k, block in _blocks(places) if len(block) > _HOLDERS)
        return lambda what: many.get(_place(what, 0) >> _INDEX_BITS, _HOLDERS)


def find(parties: Iterable[Party], least: float = LIKELY) -> Iterator[Likeness]:
    """Yield the pairs of these customers that are at least so likely one."""
    finder = Finder()
    for party in parties:
        finder.add(party)
    yield from finder.pairs(least)


def blocking_keys(party: Party) -> set[str]:
    """Return the keys by which a customer meets those that it is compared with."""
    keys = {
        *(f"p{number}" for number in party.numbers),
        *(f"m{email}" for email in party.emails),
        *(f"x{account}" for account in party.accounts),
    }
    for tax in party.taxes:
        # Halves: a typing error spoils one of them.
        middle = len(tax) // 2
        keys |= {f"t{tax[:middle]}_", f"t_{tax[middle:]}"}
    sounds = {sound for name in party.names for sound in _sounds(name)}
    for address in party.addresses:
        digits = [d for d in _DIGITS.findall(address) if len(d) < 9][:3]
        words = sorted({w for w in address.split() if len(w) > 4 and w.isalpha()})[:5]
        keys |= {f"a{d} {sound}" for d in digits for sound in sounds}
        keys |= {f"d{' '.join(pair)}" for pair in combinations(sorted(set(digits)), 2)}
        keys |= {f"w{d} {word}" for d in digits for word in words}
        if not digits:
            keys |= {f"v{word} {sound}" for word in words for sound in sounds}
    return keys


def _name(left: Party, right: Party, held: Callable[[str], int]) -> tuple[float, str]:
    best, alike = -1.0, ("", "")
    for a in left.names:
        for b in right.names:
            if (now := name_likeness(a, b)) > best:
                best, alike = now, (a, b)
    if best < 0:
        return 0.0, ""
    shown = alike[0] if alike[0] == alike[1] else f"{alike[0]} / {alike[1]}"
    if best == 1.0:
        # A name of one word, or one that many have, says less.
        few = max(held(f"n{name}") for name in alike)
        weight = 7.0 if " " in alike[0] else 4.0
        return max(weight - 0.7 * (few.bit_length() - 2), 2.0), f"same name: {shown}"
    if best >= 0.8:
        return 2.0 + 22 * (best - 0.8), f"names alike: {shown}"
    if best >= 0.6:
        return -2.0, f"names differ in part: {shown}"
    return -5.0, f"names differ: {shown}"


def name_likeness(a: str, b: str) -> float:
    """Compare two normal names, 0..1; the order of words does not matter."""
    if a == b:
        return 1.0
    ours, theirs = a.split()[:_WORDS], b.split()[:_WORDS]
    if sorted(ours) == sorted(theirs):
        return 1.0
    joined = token_sort_ratio(a, b) / 100
    few, many = sorted((ours, theirs), key=len)
    left, total = list(many), 0.0
    for word in sorted(few, key=lambda w: (-len(w), w)):
        best = max(left, key=lambda w: (JaroWinkler.similarity(word, w), w))
        total += JaroWinkler.similarity(word, best)
        left.remove(best)
    words = total / max(len(few), 1)
    # Words that only one has speak against it, yet little: middle names, branches, a first name.
    words *= 1 - 0.08 * len(left)
    return min(max(joined, words), 0.99)


def _same(
    what: str,
    prefix: str,
    left: Sequence[str],
    right: Sequence[str],
    bits: float,
    held: Callable[[str], int],
) -> Iterator[tuple[float, str]]:
    if not left or not right:
        return
    both = sorted(set(left) & set(right))
    for rank, value in enumerate(both[:3]):
        few = held(prefix + value)
        weight = max(bits - 1.5 * (few.bit_length() - 2), 0.5) / (1 + rank)
        shared = f", which {few} customers have" if few > 2 else ""
        yield weight, f"same {what}: {value}{shared}"


def _tax(left: Party, right: Party) -> tuple[float, str]:
    if not left.taxes or not right.taxes:
        return 0.0, ""
    both = sorted(set(left.taxes) & set(right.taxes))
    if both:
        return 13.5, f"same tax number: {both[0]}"
    near = min(OSA.distance(a, b) for a in left.taxes for b in right.taxes)
    if near == 1:
        return 6.0, "tax numbers differ in one character"
    return -4.0, "tax numbers differ"


def _address(left: Party, right: Party) -> tuple[float, str]:
    if not left.addresses or not right.addresses:
        return 0.0, ""
    best, alike = max(
        (token_sort_ratio(a, b) / 100, (a, b)) for a in left.addresses for b in right.addresses
    )
    if best == 1.0:
        return 9.0, f"same address: {alike[0]}"
    if best >= 0.6:
        return 1.0 + 20 * (best - 0.6), f"addresses alike: {alike[0]} / {alike[1]}"
    return -2.0, "addresses differ"


def _sounds(name: str) -> list[str]:
    """Return how the words of a name sound: Soundex (US patent 1,261,167)."""
    return sorted({_soundex(word) for word in name.split()[:_WORDS] if len(word) > 1})


def _soundex(word: str) -> str:
    plain = word.replace("h", "").replace("w", "") or word
    codes = plain.translate(_SOUNDS)
    sound, last = word[0], codes[0]
    for code in codes[1:]:
        if code.isdigit() and code != last:
            sound += code
        last = code
    return sound[:4]


def _pack(party: Party) -> bytes:
    # Copied, because orjson gives its buffer away with all the room that it had.
    return bytes(memoryview(orjson.dumps([getattr(party, name) for name in Party.__slots__])))


def _load(kept: bytes) -> Party:
    fields: list[Any] = orjson.loads(kept)
    return Party(fields[0], *map(tuple, fields[1:]))


def _place(key: str, index: int) -> int:
    # One machine word: a million customers have some ten million places.
    digest = hashlib.blake2b(key.encode(), digest_size=5).digest()
    return int.from_bytes(digest, "big") << _INDEX_BITS | index


def _blocks(places: array[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield each key that several share, with who they are."""
    shares = [array("Q") for _ in range(_SHARES)]
    for place in places:
        shares[(place >> _INDEX_BITS) % _SHARES].append(place)
    # Share by share, because a sorted list takes five times the room of an array.
    for share in shares:
        for key, same in groupby(sorted(share), lambda place: place >> _INDEX_BITS):
            block = [place & _INDEX for place in same]
            if len(block) > 1:
                yield key, block


def _pairs(members: list[Party]) -> Iterator[tuple[Party, Party]]:
    if len(members) <= _BLOCK:
        yield from combinations(members, 2)
        return
    members.sort(key=lambda party: (party.names, party.addresses, party.customer_id))
    for at, party in enumerate(members):
        for neighbour in members[at + 1 : at + 1 + _NEIGHBOURS]:
            yield party, neighbour
