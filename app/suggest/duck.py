"""Counts a history in process, with DuckDB: bounded memory, what does not fit goes to disk."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from app.suggest.engine import Complements
from app.suggest.scoring import Basket
from app.suggest.statements import (
    BOUGHT,
    ITEMS,
    LEAST_BASKETS,
    LONGEST,
    WITHOUT_LAST,
    Strength,
    pairs_statement,
)
from app.suggest.tables import ItemCounts, Totals

_FETCH = 20_000


class DuckEngine:
    """Counts lines in a Parquet or CSV file, or those handed over with `lines_from`.

    `memory_mb` bounds what is held in memory; `folder` takes what spills.
    """

    def __init__(self, *, memory_mb: int = 1_024, folder: Path | None = None) -> None:
        self._spill = tempfile.TemporaryDirectory(dir=folder, prefix="suggest-")
        self.db = duckdb.connect()
        self._run(f"SET memory_limit = '{memory_mb}MB'")
        self._run("SET temp_directory = ?", [self._spill.name])
        self._run("SET preserve_insertion_order = false")
        self._today = 0
        self._bought, self._counts = "bought", "counts"

    def __enter__(self) -> DuckEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()
        self._spill.cleanup()

    def read(self, relation: str, parameters: Sequence[Any], today: int) -> None:
        """Take the lines of a relation (`customer_id, item_id, day, quantity`) up to a day.

        Ids are numbered, which makes the pairs several times cheaper to count.
        """
        bought = BOUGHT.format(lines=f"({relation})", today=int(today))
        self._run(f"CREATE TEMP TABLE by_name AS {bought}", parameters)
        for name in ("customer", "item"):
            self._run(
                f"CREATE TABLE {name} AS SELECT {name}_id AS name,"
                f" (row_number() OVER (ORDER BY {name}_id))::INTEGER AS id"
                f" FROM (SELECT DISTINCT {name}_id FROM by_name)"
            )
        self._run(
            "CREATE TABLE bought AS SELECT customer.id AS customer_id, item.id AS item_id,"
            " day::INTEGER AS day FROM by_name"
            " JOIN customer ON customer.name = by_name.customer_id"
            " JOIN item ON item.name = by_name.item_id"
        )
        self._run("DROP TABLE by_name")
        self._today = int(today)
        self._count()

    def totals(self) -> Totals:
        """Return the sums over all customers, baskets and items."""
        sums = self._one(
            "SELECT COALESCE(SUM(buyers), 0), COALESCE(SUM(rebuyers), 0),"
            " COALESCE(SUM(baskets), 0), COALESCE(SUM(span_days), 0),"
            f" COALESCE(SUM(recent), 0) FROM {self._counts}"
        )
        customers = self._one("SELECT COUNT(*) FROM customer")[0]
        days = self._one(
            f"SELECT COUNT(*) FROM (SELECT DISTINCT customer_id, day FROM {self._bought})"
        )[0]
        buyers, rebuyers, lines, span, recent = (int(each) for each in sums)
        return Totals(customers, days, buyers, rebuyers, lines - buyers, span, recent)

    def items(self) -> Iterator[tuple[str, ItemCounts]]:
        """Return each item's counts."""
        rows = self._rows(
            "SELECT name, buyers, rebuyers, baskets, span_days, recent"
            f" FROM {self._counts} JOIN item ON item.id = item_id ORDER BY name"
        )
        for name, *counts in rows:
            yield name, ItemCounts(*(int(each) for each in counts))

    def complements(self, strength: Strength = "damped_lift") -> Iterator[Complements]:
        """Return what goes with each item, best first."""
        return self._rows(
            "SELECT one.name, '[' || string_agg('[' || to_json(other.name) || ',' || together"
            " || ',' || score::FLOAT || ']', ',' ORDER BY score DESC, other.name) || ']'"
            f" FROM ({pairs_statement(self._bought, strength)}) AS pair"
            " JOIN item AS one ON one.id = pair.item_id"
            " JOIN item AS other ON other.id = pair.other_id"
            " GROUP BY one.name ORDER BY one.name"
        )

    def sample(self, lines: int) -> Iterator[Sequence[Basket]]:
        """Return whole histories of some customers, always the same ones."""
        count, customers = self._one(
            f"SELECT COUNT(*), COUNT(DISTINCT customer_id) FROM {self._bought}"
        )
        wanted = max(1, customers * lines // count) if count else 0
        return self._histories(max(1, customers // wanted) if wanted else 1)

    def without_last(self, customers: int) -> tuple[DuckEngine, list[Sequence[Basket]]]:
        """Return the history but some customers' last baskets, and what they bought, all of it."""
        known = self._one(f"SELECT COUNT(DISTINCT customer_id) FROM {self._bought}")[0]
        step = max(1, -(-known // customers))
        rest = copy.copy(self)
        rest._bought, rest._counts = "bought_before", "counts_before"  # noqa: SLF001 - its own
        chosen = f"SELECT id AS customer_id FROM customer WHERE id % {step} = 0"
        without = WITHOUT_LAST.format(bought=self._bought, chosen=chosen)
        self._run(f"CREATE OR REPLACE TABLE {rest._bought} AS {without}")  # noqa: SLF001
        rest._count()  # noqa: SLF001
        return rest, [own for own in self._histories(step) if len(own) >= LEAST_BASKETS]

    def _count(self) -> None:
        items = ITEMS.format(bought=self._bought, today=self._today)
        self._run(f"CREATE OR REPLACE TABLE {self._counts} AS {items}")

    def _histories(self, step: int) -> Iterator[Sequence[Basket]]:
        # Customers are numbered in the order of their ids: every n-th is taken.
        rows = self._rows(
            "SELECT customer_id, day, list(item.name ORDER BY item.name) FROM ("
            " SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY day DESC, item_id)"
            f"  AS place FROM {self._bought} WHERE customer_id % ? = 0"
            ") AS line JOIN item ON item.id = item_id WHERE place <= ?"
            " GROUP BY customer_id, day ORDER BY customer_id, day DESC",
            [step, LONGEST],
        )
        for _, own in groupby(rows, key=lambda row: row[0]):
            yield [Basket(day, tuple(names)) for _, day, names in own]

    def _run(self, statement: str, parameters: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        return self.db.execute(statement, list(parameters))

    def _one(self, statement: str) -> tuple[Any, ...]:
        row = self._run(statement).fetchone()
        if row is None:
            raise AssertionError("an aggregate gives a row")
        return tuple(row)

    def _rows(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        cursor = self.db.cursor()
        cursor.execute(statement, list(parameters))
        while rows := cursor.fetchmany(_FETCH):
            yield from rows
