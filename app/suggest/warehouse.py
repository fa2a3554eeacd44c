"""Counts a history where it already is: the same statements on a database or warehouse.

The statements are written once and translated by sqlglot to the words of the database, which is
whatever SQLAlchemy has a driver for. Only sums come back.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import orjson
import sqlglot
from sqlalchemy import Engine, text

from app.suggest.engine import Complements
from app.suggest.scoring import Basket, baskets
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

# What SQLAlchemy calls a database, where sqlglot has another name for it.
_DIALECTS = {"postgresql": "postgres", "databricks": "databricks", "hive": "spark"}
_FETCH = 20_000


class WarehouseEngine:
    """Counts a table or view with the columns `customer_id, item_id, date, quantity`.

    `relation` names it. `today` (days since 1970-01-01) is the last day that counts.
    """

    def __init__(self, engine: Engine, relation: str, today: int) -> None:
        self._engine = engine
        self._dialect = _DIALECTS.get(engine.dialect.name, engine.dialect.name)
        lines = (
            "(SELECT customer_id, item_id, quantity,"
            " DATE_DIFF('day', CAST('1970-01-01' AS DATE), CAST(date AS DATE)) AS day"
            f" FROM {relation} WHERE date IS NOT NULL) AS line"
        )
        self._bought = BOUGHT.format(lines=lines, today=int(today))
        self._today = int(today)

    def totals(self) -> Totals:
        """Return the sums over all customers, baskets and items."""
        sums = self._one(
            "SELECT COALESCE(SUM(buyers), 0), COALESCE(SUM(rebuyers), 0),"
            " COALESCE(SUM(baskets), 0), COALESCE(SUM(span_days), 0), COALESCE(SUM(recent), 0)"
            f" FROM ({self._items}) AS counts"
        )
        counts = self._one(
            "SELECT COUNT(DISTINCT customer_id), COUNT(*)"
            " FROM (SELECT DISTINCT customer_id, day FROM bought) AS basket"
        )
        buyers, rebuyers, lines, span, recent = (int(each) for each in sums)
        customers, days = (int(each) for each in counts)
        return Totals(customers, days, buyers, rebuyers, lines - buyers, span, recent)

    def items(self) -> Iterator[tuple[str, ItemCounts]]:
        """Return each item's counts."""
        for name, *counts in self._rows(f"{self._items} ORDER BY item_id"):
            yield str(name), ItemCounts(*(int(each) for each in counts))

    def complements(self, strength: Strength = "damped_lift") -> Iterator[Complements]:
        """Return what goes with each item, best first."""
        pairs = pairs_statement("bought", strength)
        rows = self._rows(f"{pairs} ORDER BY item_id, score DESC, other_id")
        for name, others in groupby(rows, key=lambda row: row[0]):
            found = [
                [str(other), int(together), float(score)] for _, other, together, score in others
            ]
            yield str(name), orjson.dumps(found).decode()

    def sample(self, lines: int) -> Iterator[Sequence[Basket]]:
        """Return whole histories of some customers, always the same ones."""
        one = self._one("SELECT COUNT(*), COUNT(DISTINCT customer_id) FROM bought")
        count, customers = int(one[0]), int(one[1])
        wanted = max(1, customers * lines // count) if count else 0
        return self._histories(max(1, customers // wanted) if wanted else 1)

    def without_last(self, customers: int) -> tuple[WarehouseEngine, list[Sequence[Basket]]]:
        """Return the history but some customers' last baskets, and what they bought, all of it."""
        known = int(self._one("SELECT COUNT(DISTINCT customer_id) FROM bought")[0])
        step = max(1, -(-known // customers))
        rest = copy.copy(self)
        without = WITHOUT_LAST.format(bought="everything", chosen=_every(step, "everything"))
        rest._bought = f"WITH everything AS ({self._bought}) {without}"  # noqa: SLF001 - its own
        return rest, [own for own in self._histories(step) if len(own) >= LEAST_BASKETS]

    def _histories(self, step: int) -> Iterator[Sequence[Basket]]:
        rows = self._rows(
            "SELECT customer_id, day, item_id FROM ("
            "SELECT bought.customer_id, day, item_id, ROW_NUMBER() OVER"
            " (PARTITION BY bought.customer_id ORDER BY day DESC, item_id) AS newest"
            f" FROM bought JOIN ({_every(step, 'bought')}) AS chosen"
            " ON chosen.customer_id = bought.customer_id"
            f") AS line WHERE newest <= {LONGEST} ORDER BY customer_id, day, item_id"
        )
        for _, own in groupby(rows, key=lambda row: row[0]):
            yield baskets((int(day), str(item)) for _, day, item in own)

    @property
    def _items(self) -> str:
        return ITEMS.format(bought="bought", today=self._today)

    def _one(self, statement: str) -> Any:
        return next(iter(self._rows(statement)))

    def _rows(self, statement: str) -> Iterator[Any]:
        rest = statement.strip()
        rest = rest.removeprefix("WITH ") if (more := rest.startswith("WITH ")) else rest
        whole = f"WITH bought AS ({self._bought}){',' if more else ''} {rest}"
        translated = translate(whole, self._dialect)
        with self._engine.connect().execution_options(stream_results=True) as connection:
            result = connection.execute(text(translated.replace(":", r"\:")))
            while rows := result.fetchmany(_FETCH):
                yield from rows


def _every(step: int, bought: str) -> str:
    """Return every n-th customer, in the order of their ids."""
    return (
        "SELECT customer_id FROM ("
        " SELECT customer_id, ROW_NUMBER() OVER (ORDER BY customer_id) AS place"
        f" FROM (SELECT DISTINCT customer_id FROM {bought}) AS customer"
        f") AS placed WHERE MOD(place, {step}) = 0"
    )


def translate(statement: str, dialect: str) -> str:
    """Return a statement in a database's own words.

    Raises:
        ValueError: the dialect is not known.
    """
    return sqlglot.transpile(statement, read="duckdb", write=dialect)[0]
