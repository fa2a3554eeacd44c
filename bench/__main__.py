"""`python -m bench`: the floor and the product alternately, then the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from rich.console import Console

from bench import (
    adapters,
    duplicates,
    floor,
    index,
    lists,
    micro,
    report,
    side,
    suggestions,
    sync,
    whole_pop,
)
from bench.processes import Cores
from bench.product import Prepared, number, prepare
from bench.profile import Profile
from bench.side import Seen, Size

RESULTS = Path(__file__).with_name("results.json")
FULL = Size()
QUICK = Size(rounds=3, seconds=1.5, idle_s=0, source_calls=20, repeats=500)
_FLUSHES = 50


def arguments(given: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures the product against a bare server that does the same work.",
    )
    parser.add_argument("--quick", action="store_true", help="less than a minute, less certain")
    parser.add_argument("--rounds", type=int, help="times that both sides are measured")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    parser.add_argument(
        "--profile", action="store_true", help="show where the product's time goes, nothing else"
    )
    parser.add_argument(
        "--duplicates",
        action="store_true",
        help="measure the duplicate finder on labelled sets, nothing else",
    )
    parser.add_argument(
        "--sync", action="store_true", help="how long a million contacts take, nothing else"
    )
    parser.add_argument(
        "--index", action="store_true", help="look-ups among ten million numbers, nothing else"
    )
    parser.add_argument(
        "--lists", action="store_true", help="the console's lists of a million, nothing else"
    )
    parser.add_argument(
        "--suggest",
        action="store_true",
        help="measure the fit of suggestion tables and a caller's lists, nothing else",
    )
    parser.add_argument(
        "--folder", type=Path, help="where the databases are made: the disk that is measured"
    )
    return parser.parse_args(given)


async def compare(folder: Path, size: Size, cores: Cores, say: Console) -> dict[str, Any]:
    """Measure everything, both sides alternately."""
    say.print(f"{size.numbers:,} numbers and {size.agents:,} agents are made …")
    prepared, database = await make_data(folder, size)
    sides = (
        side.floor_side(prepared, str(database), cores),
        side.product_side(prepared, cores),
    )
    seen: dict[str, list[Seen]] = {each.name: [] for each in sides}
    for turn in range(size.rounds):
        calls = side.calls_of_round(size, prepared.extensions, turn)
        for each in sides:
            latest = await side.measure(each, size, calls)
            seen[each.name].append(latest)
            say.print(
                f"round {turn + 1}, {each.name}: first push "
                f"{report.percentile(latest.push_ms, 0.5):.2f} ms, {latest.cpu_us:.0f} µs an event"
            )
    say.print("whole pops from three sources …")
    whole = await whole_pop.measure(folder / "sources", cores, size.source_calls)
    steps = await micro.measure(prepared.database, size.numbers, size.repeats)
    costs = adapters.measure(size.repeats)
    return report.results(
        size, seen["floor"], seen["product"], whole, steps, costs, flush_us(folder)
    )


async def make_data(folder: Path, size: Size) -> tuple[Prepared, Path]:
    """Make the product's data folder, and the floor's database with the same numbers."""
    prepared = await prepare(folder / "product", size.agents, size.numbers, size.callers)
    database = folder / "floor.db"
    floor.create(database, [number(i) for i in range(size.numbers)])
    return prepared, database


async def profile(folder: Path, size: Size, cores: Cores) -> str:
    """Run the product alone under a profiler; return the dearest functions."""
    prepared, _ = await make_data(folder, size)
    file = folder / "profile"
    watch = Profile(file)
    calls = side.calls_of_round(size, prepared.extensions, 0)
    seen = await side.measure(side.product_side(prepared, cores, str(file)), size, calls, watch)
    events = len(seen.ack_ms)
    return "\n\n".join(
        (
            f"{events} events. By their own time:\n{watch.table(events, 'tottime')}",
            f"With what they call:\n{watch.table(events, 'cumtime')}",
        )
    )


def flush_us(folder: Path) -> float:
    """Return what one durable 4 KiB write costs on this disk, in µs."""
    times = []
    with (folder / "flush").open("wb", buffering=0) as file:
        for _ in range(_FLUSHES):
            began = perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            times.append((perf_counter() - began) * 1e6)
    return median(times)


def main(given: list[str]) -> None:
    """Run the benchmark."""
    wanted = arguments(given)
    if wanted.duplicates:
        Console(width=120).print(duplicates.table())
        Console().print(duplicates.speed())
        return
    size = QUICK if wanted.quick else FULL
    if wanted.rounds:
        size = size._replace(rounds=wanted.rounds)
    with tempfile.TemporaryDirectory(dir=wanted.folder, prefix="screenpop-bench-") as name:
        if wanted.sync:
            count = sync.CONTACTS // 20 if wanted.quick else sync.CONTACTS
            print(sync.table(asyncio.run(sync.compare(Path(name), count))))
            return
        if wanted.index:
            count = index.NUMBERS // 20 if wanted.quick else index.NUMBERS
            print(index.table(asyncio.run(index.compare(Path(name), count))))
            return
        if wanted.lists:
            count = lists.CUSTOMERS // 20 if wanted.quick else lists.CUSTOMERS
            print(lists.table(asyncio.run(lists.compare(Path(name), count))))
            return
        if wanted.suggest:
            sizes = suggestions.SIZES[:1] if wanted.quick else suggestions.SIZES
            for table in suggestions.measure(Path(name), sizes):
                Console(width=100).print(table)
            return
        if wanted.profile:
            print(asyncio.run(profile(Path(name), size._replace(rounds=1), Cores.split())))
            return
        found = asyncio.run(compare(Path(name), size, Cores.split(), Console(stderr=True)))
    for table in report.tables(found):
        Console().print(table)
    if wanted.save:
        RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ConnectionError, RuntimeError) as error:
        sys.exit(f"bench: {error}")
