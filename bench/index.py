"""Does the phone index keep matching in microseconds when it holds ten million numbers?"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import psycopg

from app.core.pop import dumps
from app.store import hot
from app.store.migrations import migrate
from tests.servers import running_postgres

NUMBERS = 10_000_000
FEW = 10_000
_OF_A_CUSTOMER = 5
_LOOKUPS = 20_000
_ROWS = 50_000


class Lookup(NamedTuple):
    """Microseconds that finding a caller takes, in an index of so many numbers."""

    numbers: int
    p50_us: float
    p99_us: float


def number(index: int) -> str:
    """Return a number; they are ordered by index."""
    return f"+4420{index:09d}"


def _customer(index: int) -> tuple[str, str, str]:
    customer = f"c-{index:020d}"
    phones = [
        {"e164": number(index * _OF_A_CUSTOMER + i), "raw": None, "type": None, "is_primary": False}
        for i in range(_OF_A_CUSTOMER)
    ]
    doc = {"customer_id": customer, "display_name": f"Alder {index}", "phone_numbers": phones}
    return customer, f"Alder {index}", dumps(doc).decode()


def _number(index: int) -> tuple[Any, ...]:
    owner = index // _OF_A_CUSTOMER
    return number(index), "books", str(owner), f"c-{owner:020d}", number(index), False


def _batches(count: int) -> Iterator[tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
    for start in range(0, count, _ROWS):
        some = range(start, min(start + _ROWS, count))
        owners = range(some.start // _OF_A_CUSTOMER, some.stop // _OF_A_CUSTOMER)
        customers = [_customer(i) for i in owners]
        numbers = [_number(i) for i in some]
        yield customers, numbers


async def in_sqlite(folder: Path, count: int) -> Lookup:
    """Fill an SQLite file and look up callers."""
    path = folder / f"{count}.db"
    await migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")
        for customers, numbers in _batches(count):
            db.executemany(
                "INSERT INTO customers (id, display_name, doc, updated_at) VALUES (?, ?, ?, '')",
                customers,
            )
            db.executemany(
                "INSERT INTO phone_index (key, connector, remote_id, customer_id, raw, is_primary)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                numbers,
            )
        db.execute("COMMIT")
    found = await _measure(f"sqlite:///{path}", count)
    path.unlink()
    return found


async def in_postgresql(url: str, count: int) -> Lookup:
    """Fill a PostgreSQL database and look up callers."""
    await migrate(url)
    with psycopg.connect(url, autocommit=True) as db:
        for customers, numbers in _batches(count):
            columns = "id, display_name, doc, updated_at"
            with db.cursor().copy(f"COPY customers ({columns}) FROM STDIN".encode()) as copy:
                for row in customers:
                    copy.write_row((*row, "2026-01-01"))
            columns = "key, connector, remote_id, customer_id, raw, is_primary"
            with db.cursor().copy(f"COPY phone_index ({columns}) FROM STDIN".encode()) as copy:
                for row in numbers:
                    copy.write_row(row)
        db.execute("ANALYZE")
    return await _measure(url, count)


async def _measure(url: str, count: int) -> Lookup:
    store = await hot.connect(url)
    chance = Random(1)
    taken = []
    for _ in range(_LOOKUPS):
        wanted = number(chance.randrange(count))
        began = time.perf_counter()
        hits = (await store.identify((wanted, f"~{wanted[-9:]}"), wanted))[0]
        taken.append((time.perf_counter() - began) * 1e6)
        if len(hits) != 1:
            raise RuntimeError(f"{wanted} was found {len(hits)} times")
    await store.close()
    taken.sort()
    return Lookup(count, taken[_LOOKUPS // 2], taken[int(_LOOKUPS * 0.99)])


async def compare(folder: Path, count: int) -> dict[str, list[Lookup]]:
    """Measure few numbers and many on both databases."""
    found = {"sqlite": [await in_sqlite(folder, size) for size in (FEW, count)]}
    with running_postgres() as server:
        found["postgresql"] = [
            await in_postgresql(server.create_database(), size) for size in (FEW, count)
        ]
    return found


def table(found: dict[str, list[Lookup]]) -> str:
    """Say what was found, in lines."""
    return "\n".join(
        f"{name}, {each.numbers:>10,} numbers: a caller is found in p50 {each.p50_us:.0f} µs, "
        f"p99 {each.p99_us:.0f} µs"
        for name, lookups in found.items()
        for each in lookups
    )
