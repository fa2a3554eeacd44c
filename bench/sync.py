"""How long a source's contacts take to get into the phone index, and what that costs.

The floor reads the same rows and writes as many bytes into the same tables, row by row as they
come, with nothing understood of them. While the product writes to SQLite, a process beside it
acknowledges events.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from app.core.call import CallEvent, EventKind
from app.garbage import spare_the_collector
from app.sources.sync import sync
from app.store import hot
from app.store.contacts import ContactWriter
from app.store.engine import Database
from app.store.migrations import migrate
from connectors.sdk.connector import Context
from connectors.sql import SqlConfig, SqlConnector
from tests.servers import running_postgres

CONTACTS = 1_000_000
_QUERY = """
SELECT id AS remote_id, account AS external_id, name AS display_name, company AS company_name,
       tel AS phone, mobile, email, tier FROM customer ORDER BY id
"""
_EVENTS_EVERY_S = 0.03
_BATCH = 500


class Cost(NamedTuple):
    """What a run took: seconds, seconds of processor, MiB of memory at most (all processes)."""

    seconds: float
    cpu_s: float
    peak_mib: float


class Found(NamedTuple):
    """What was measured on one kind of database; acknowledgements in ms, where there are any."""

    contacts: int
    numbers: int
    product: Cost
    again: Cost
    acks_ms: list[float]


def write_source(path: Path, count: int) -> None:
    """Make a ledger whose customers have one number or two, in the formats that people use."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, account TEXT, name TEXT, company TEXT,"
            " tel TEXT, mobile TEXT, email TEXT, tier TEXT)"
        )
        places = "INSERT INTO customer VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        db.executemany(places, _customers(count))
        db.commit()


def _customers(count: int) -> Iterator[tuple[Any, ...]]:
    for i in range(count):
        landline = f"020 {7000 + i // 10_000 % 3000:04d} {i % 10_000:04d}"
        mobile = f"07{700_000_000 + i * 7 % 299_999_999:09d}" if i % 2 else None
        tier = "gold" if i % 7 == 0 else None
        yield (
            i, f"C-{i}", f"Ruth Alder {i}", f"Alder {i} Ltd", landline, mobile,
            f"u{i}@example.com", tier,
        )  # fmt: skip


def floor(source: Path, target: Path) -> Cost:
    """Read the rows and write their bytes; in a process of its own."""
    began = time.perf_counter()
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        new.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
        rows = old.execute(_QUERY)
        while batch := rows.fetchmany(_BATCH):
            _write_raw(new, batch)
            new.commit()
    return _cost(began)


def _write_raw(db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    texts = [json.dumps(row) for row in rows]
    ids = [f"c-{hash(str(row[0])) & 0xFFFFFFFFFFFFFFFF:020d}" for row in rows]
    db.executemany(
        "INSERT INTO customers (id, display_name, doc, updated_at) VALUES (?, ?, ?, '')",
        [(i, row[2], text * 3) for i, row, text in zip(ids, rows, texts, strict=True)],
    )
    db.executemany(
        "INSERT INTO customer_links (connector, remote_id, customer_id, data, sync_id)"
        " VALUES ('books', ?, ?, ?, '')",
        [(row[0], i, text * 2) for i, row, text in zip(ids, rows, texts, strict=True)],
    )
    numbers = [
        (number, row[0], i)
        for i, row in zip(ids, rows, strict=True)
        for number in (row[4], row[5])
        if number
    ]
    db.executemany(
        "INSERT INTO phone_index (key, connector, remote_id, customer_id, raw, is_primary)"
        " VALUES (?, 'books', ?, ?, '', 0)",
        numbers,
    )
    keys = [(row[1], row[0]) for row in rows]
    keys += [(f"{number} {remote_id}@", remote_id) for number, remote_id, _ in numbers]
    db.executemany(
        "INSERT INTO customer_keys (key, connector, remote_id) VALUES (?, 'books', ?)", keys
    )


async def product(source: Path, url: str) -> tuple[int, int, Cost]:
    """Sync the source; in a process of its own."""
    spare_the_collector()
    queries = {"contacts": _QUERY}
    connector = SqlConnector(
        SqlConfig.model_validate({"url": f"sqlite:///{source}", "queries": queries}),
        Context("books", "GB"),
    )
    db = Database(url)
    began = time.perf_counter()
    result = await sync(
        connector,
        ContactWriter(db, "GB", 0),
        full=True,
        progress=lambda _: None,
        clock=lambda: datetime.now(UTC),
    )
    if result.error is not None:
        raise RuntimeError(result.error)
    cost = _cost(began)
    await connector.aclose()
    await db.dispose()
    return result.records, result.numbers, cost


def _cost(began: float) -> Cost:
    own, theirs = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    cpu = sum(each.ru_utime + each.ru_stime for each in (own, theirs))
    return Cost(time.perf_counter() - began, cpu, (own.ru_maxrss + theirs.ru_maxrss) / 1024)


async def _in_process(*arguments: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.sync", *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"bench.sync {arguments[0]} failed")
    return json.loads(said)


async def _acknowledge(url: str, until: asyncio.Event) -> list[float]:
    store = await hot.connect(url)
    taken: list[float] = []
    while not until.is_set():
        now = datetime.now(UTC)
        event = CallEvent(EventKind.RINGING, "pbx:1", "pbx", now, event_key=f"e{len(taken)}")
        began = time.perf_counter()
        await store.append(event)
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(_EVENTS_EVERY_S)
    await store.close()
    return taken


async def measure(source: Path, url: str) -> Found:
    """Sync twice, the second time with nothing new, and acknowledge events the first time."""
    await migrate(url)
    done = asyncio.Event()
    acknowledging = asyncio.create_task(_acknowledge(url, done))
    contacts, numbers, first = await _in_process("product", str(source), url)
    done.set()
    acks = await acknowledging
    _, _, again = await _in_process("product", str(source), url)
    return Found(contacts, numbers, Cost(*first), Cost(*again), acks)


async def compare(folder: Path, count: int) -> dict[str, Any]:
    """Measure the floor and both databases."""
    source = folder / "source.db"
    write_source(source, count)
    raw = folder / "raw.db"
    await migrate(f"sqlite:///{raw}")
    least = Cost(*await _in_process("floor", str(source), str(raw)))
    raw.unlink()
    found = {"floor": least, "sqlite": await measure(source, f"sqlite:///{folder / 'index.db'}")}
    with running_postgres() as server:
        found["postgresql"] = await measure(source, server.create_database())
    return found


def table(found: dict[str, Any]) -> str:
    """Say what was found, in lines."""
    least: Cost = found["floor"]
    lines = [f"floor, rows as they are: {_words(least)}"]
    for name in ("sqlite", "postgresql"):
        each: Found = found[name]
        ratio = each.product.seconds / least.seconds
        memory = each.product.peak_mib / least.peak_mib
        lines += [
            f"{name}: {each.contacts:,} contacts, {each.numbers:,} numbers: {_words(each.product)};"
            f" {ratio:.2f} x the floor's time, {memory:.1f} x its memory",
            f"{name}: the same again: {_words(each.again)}",
        ]
        acks = sorted(each.acks_ms)
        p50, p99 = (acks[int(len(acks) * part)] for part in (0.5, 0.99))
        lines.append(
            f"{name}: {len(acks)} events acknowledged meanwhile: p50 {p50:.1f} ms, "
            f"p99 {p99:.1f} ms, longest {acks[-1]:.1f} ms"
        )
    return "\n".join(lines)


def _words(cost: Cost) -> str:
    return f"{cost.seconds:.1f} s, {cost.cpu_s:.1f} s of processor, {cost.peak_mib:.0f} MiB at most"


if __name__ == "__main__":
    side, given, target = sys.argv[1:]
    if side == "floor":
        print(json.dumps(floor(Path(given), Path(target))))
    else:
        print(json.dumps(asyncio.run(product(Path(given), target))))
