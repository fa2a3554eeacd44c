"""Suggestions: what a fit and what one caller's lists cost, beside the floor of each.

The floor of a fit is reading the same file once; that of the lists is reading the history alone.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles
from time import perf_counter, process_time
from typing import Any

from rich.table import Table

from app.core.purchases import HISTORY_LINES, item_key, lines_text, parts_of_key
from app.garbage import spare_the_collector
from app.store.hot_sqlite import SqliteHot
from app.store.migrations import migrate
from app.suggest.offer import Credit, Customer, Rules, offer
from app.suggest.ranking import HISTORY_DAYS, rank, shop_of
from app.suggest.shelf import Shelf
from app.suggestions import WINDOW, sold_of

SIZES = (1_000_000, 10_000_000)
_TODAY = 20_500
_ITEMS = 20_000
_CALLERS = 200
_ROUNDS = 3
# Orders of about five lines, a few items in most of them, the customers' own in the rest.
_HISTORY = """
COPY (
  WITH line AS (
    SELECT i // 5 AS basket, random() AS a, random() AS b FROM range({lines}) AS t(i)
  ), placed AS (
    SELECT (hash(basket) % {customers})::INT AS customer,
      ({today} - hash(basket * 7) % 730)::INT AS day, a, b FROM line
  )
  SELECT 'c' || customer AS customer_id, 'shop' || chr(31) || 'i' ||
    CASE WHEN a < 0.4 THEN (b * b * b * {items})::INT
         ELSE (hash(customer * 31 + (b * 12)::INT) % {items})::INT END AS item_id,
    day, 1.0 AS quantity
  FROM placed
) TO '{path}' (FORMAT parquet)
"""


def fit_file(history: Path, tables: Path) -> None:
    """Fit one file and print what it took; run in a process of its own."""
    from app.suggest.duck import DuckEngine
    from app.suggest.fit import fit

    spare_the_collector()
    began, cpu = perf_counter(), process_time()
    with DuckEngine(folder=tables.parent) as engine:
        engine.read("SELECT * FROM read_parquet(?)", [str(history)], _TODAY)
        fit(engine, tables, about={}).close()
    _print_costs(began, cpu)


def read_file(history: Path) -> None:
    """Read the same file once, every column of it, and print what it took."""
    import duckdb

    began, cpu = perf_counter(), process_time()
    duckdb.execute(
        "SELECT count(DISTINCT customer_id), count(DISTINCT item_id), max(day), sum(quantity)"
        " FROM read_parquet(?)",
        [str(history)],
    ).fetchall()
    _print_costs(began, cpu)


def _print_costs(began: float, cpu: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    costs = {"s": perf_counter() - began, "cpu_s": process_time() - cpu, "peak_gb": peak}
    print(json.dumps(costs))


def _in_a_process(work: str, *paths: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.suggestions", work, *map(str, paths)]
    # The numbers are the last line: libraries write what they like before.
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    costs: dict[str, float] = json.loads(said.strip().splitlines()[-1])
    return costs


def measure(folder: Path, sizes: tuple[int, ...] = SIZES) -> list[Table]:
    """Measure fits of several sizes, then the lists of callers on the tables of the first."""
    import duckdb

    fits = Table("lines", "what", "s", "CPU s", "peak GB", title="Fit, and reading the same file")
    for lines in sizes:
        history, tables = folder / f"{lines}.parquet", folder / f"{lines}.tables"
        make = _HISTORY.format(
            lines=lines, customers=lines // 150, today=_TODAY, items=_ITEMS, path=history
        )
        with duckdb.connect() as db:
            db.execute(make)
        for what, paths in (("read", (history,)), ("fit", (history, tables))):
            found = min((_in_a_process(what, *paths) for _ in range(2)), key=lambda c: c["s"])
            shown = (f"{found[name]:.2f}" for name in ("s", "cpu_s", "peak_gb"))
            fits.add_row(f"{lines:,}", what, *shown)
    return [fits, asyncio.run(_serving(folder, sizes[0]))]


async def _serving(folder: Path, number: int) -> Table:
    spare_the_collector()
    database = folder / "serving.db"
    await migrate(f"sqlite:///{database}")
    shelf = Shelf(folder)
    await shelf.use(number)
    tables = shelf.tables
    if tables is None:
        raise AssertionError("a fit that is used has tables")
    popular = tables.tables.popular()
    _write_callers(database, [parts_of_key(key)[1] for key, _ in popular])
    hot = SqliteHot(database)

    async def reading(customer: str) -> Any:
        return await hot.bought(customer, _TODAY - HISTORY_DAYS, HISTORY_LINES)

    async def lists(customer: str) -> Any:
        lines = await reading(customer)
        await hot.answers(customer)
        ranked = rank(lines, _TODAY, tables)
        wanted = [parts_of_key(key)[1] for key in ranked.keys(WINDOW)]
        found = await hot.sold({"shop": wanted})
        sold = {item_key(each.connector, each.item_id): sold_of(each) for each in found}
        shop = shop_of(sold, {}, frozenset({"shop"}))
        asked = Customer(_TODAY, ranked.last_bought, {}, Credit())
        made = offer(*ranked.candidates(WINDOW, shop), asked, shop, Rules())
        if not made.is_full():
            raise AssertionError("a second look at the catalogue is not measured")
        return made

    table = Table("what", "p50 ms", "p99 ms", "CPU ms, mean", title="One caller, 300 lines")
    for name, work in (("history read", reading), ("both lists", lists)):
        table.add_row(name, *await _timed(work))
    await hot.close()
    await shelf.close()
    return table


async def _timed(work: Callable[[str], Awaitable[Any]]) -> list[str]:
    callers = [f"c{number}" for number in range(_CALLERS)]
    for caller in callers[:20]:
        await work(caller)
    times = []
    cpu = process_time()
    for _ in range(_ROUNDS):
        for caller in callers:
            began = perf_counter()
            await work(caller)
            times.append((perf_counter() - began) * 1e3)
    mean = (process_time() - cpu) * 1e3 / len(times)
    cuts = quantiles(times, n=100)
    return [f"{cuts[49]:.2f}", f"{cuts[98]:.2f}", f"{mean:.2f}"]


def _write_callers(database: Path, items: list[str]) -> None:
    """Write callers with 60 orders of five lines each, from some forty items of their own."""
    at = "2026-01-01 00:00:00"
    with sqlite3.connect(database) as db:
        db.executemany(
            "INSERT INTO catalogue_items VALUES"
            " ('shop', ?, 'sku', 'A thing', NULL, '9.50', 'GBP', '5', 1, NULL, ?, 's')",
            [(f"i{number}", at) for number in range(_ITEMS + 1)],
        )
        for number in range(_CALLERS):
            customer = f"c{number}"
            db.execute("INSERT INTO customers VALUES (?, ?, '{}', ?)", (customer, customer, at))
            db.execute(
                "INSERT INTO customer_links (connector, remote_id, customer_id, data, sync_id)"
                " VALUES ('shop', ?, ?, '{}', 's')",
                (customer, customer),
            )
            for order in range(60):
                order_id, day = number * 60 + order + 1, _TODAY - 10 * order
                chosen = [(number * 7 + order * 5 + k) * 13 % 40 for k in range(5)]
                own = [items[(number * 11 + k * 17) % len(items)] for k in chosen]
                lines = lines_text([(day, item_key("shop", item), 1.0) for item in own])
                db.execute(
                    "INSERT INTO purchase_orders (id, connector, order_number, remote_id,"
                    " order_day, currency, digest, lines, line_count, sync_id)"
                    " VALUES (?, 'shop', ?, ?, ?, 'GBP', '', ?, 5, 's')",
                    (order_id, f"o{order_id}", customer, day, lines),
                )
                db.executemany(
                    "INSERT INTO purchase_lines VALUES (?, ?, ?, NULL, 'A thing', 1000, '9.50')",
                    [(order_id, place, item) for place, item in enumerate(own)],
                )


if __name__ == "__main__":
    files = [Path(name) for name in sys.argv[2:]]
    if sys.argv[1] == "fit":
        fit_file(*files)
    else:
        read_file(*files)
