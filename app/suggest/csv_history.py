"""Purchase history, targets and queries from CSV files: read with DuckDB, bad rows told apart."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from app.errors import UserError
from app.suggest.scoring import Basket, baskets
from app.suggest.statements import LONGEST

_EPOCH = date(1970, 1, 1)
_HISTORY = ("customer_id", "basket_id", "date", "item_id", "qty", "price")
_FETCH = 20_000
# A basket of ten thousand lines is one field of a query.
_LONGEST_FIELD = 10_000_000
_LINES = """
SELECT
  customer_id, item_id, qty AS raw_quantity, "date" AS raw_date,
  date_diff('day', DATE '1970-01-01', TRY_CAST("date" AS DATE)) AS day,
  TRY_CAST(qty AS DECIMAL(18, 4)) AS quantity
FROM read_csv(?, header = true, all_varchar = true, delim = ',', quote = '"')
"""
# Spreadsheets write 1899-12-30 for no date.
_GOOD = "day >= 0 AND quantity IS NOT NULL AND customer_id <> '' AND item_id <> ''"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to suggest something, and on which day (days since 1970-01-01)."""

    customer_id: str
    day: int


@dataclass(frozen=True, slots=True)
class Query:
    """What is in a basket, and on which day."""

    query_id: str
    day: int
    items: tuple[str, ...]


class CsvHistory:
    """A history file: `customer_id,basket_id,date,item_id,qty,price` in any order of columns.

    `rejected` is how many rows cannot be used, `first_rejected` says why of one of them.

    Raises:
        UserError: it cannot be read, or a column is missing.
    """

    relation = f"SELECT customer_id, item_id, day, quantity FROM ({_LINES}) AS line WHERE {_GOOD}"

    def __init__(self, path: Path, db: duckdb.DuckDBPyConnection) -> None:
        _require(path, ("customer_id", "date", "item_id", "qty"))
        self.path = path
        self._db = db
        self._check()

    @property
    def parameters(self) -> list[str]:
        """What `relation` is read with."""
        return [str(self.path)]

    def _check(self) -> None:
        statement = (
            f"SELECT COUNT(*), COUNT(*) FILTER (({_GOOD}) IS NOT TRUE), MAX(day) FILTER ({_GOOD}),"
            f" any_value(raw_date) FILTER (day IS NULL),"
            f" any_value(raw_quantity) FILTER (quantity IS NULL) FROM ({_LINES}) AS line"
        )
        try:
            row = self._db.execute(statement, self.parameters).fetchone()
        except duckdb.Error as error:
            first = str(error).splitlines()[0]
            raise UserError(f"{self.path} cannot be read as CSV: {first}") from None
        count, self.rejected, last_day, bad_date, bad_quantity = row or (0, 0, None, None, None)
        self.last_day = int(last_day or 0)
        self.first_rejected = _why(bad_date, bad_quantity)
        if count and self.rejected == count:
            raise UserError(f"{self.path}: no row can be used: {self.first_rejected}")

    def histories(self, targets: Sequence[Target]) -> Iterator[tuple[Target, list[Basket]]]:
        """Return each target with what it had bought until its day, newest basket first."""
        self._db.execute("CREATE OR REPLACE TABLE target (place INT, customer_id TEXT, day INT)")
        for start in range(0, len(targets), _FETCH):
            part = targets[start : start + _FETCH]
            self._db.execute(
                "INSERT INTO target SELECT unnest(?), unnest(?), unnest(?)",
                [
                    list(range(start, start + len(part))),
                    [each.customer_id for each in part],
                    [each.day for each in part],
                ],
            )
        cursor = self._db.cursor()
        cursor.execute(_TARGET_LINES.format(lines=f"({self.relation})"), self.parameters)
        for place, own in groupby(_fetched(cursor), key=lambda row: row[0]):
            lines = [(day, item) for _, day, item in own if item is not None]
            yield targets[place], baskets(lines)


# Returns netted out by day, and a customer's item whose returns undo all its purchases is gone.
_TARGET_LINES = f"""
WITH line AS (
  SELECT place, line.day, item_id, SUM(quantity) AS quantity
  FROM target JOIN {{lines}} AS line
    ON line.customer_id = target.customer_id AND line.day <= target.day
  GROUP BY place, line.day, item_id
), kept AS (
  SELECT
    place, day, item_id, quantity,
    SUM(quantity) OVER (PARTITION BY place, item_id) AS net,
    ROW_NUMBER() OVER (PARTITION BY place ORDER BY day DESC, item_id) AS newest
  FROM line
)
SELECT target.place, kept.day, kept.item_id
FROM target LEFT JOIN kept
  ON kept.place = target.place AND quantity > 0 AND net > 0 AND newest <= {LONGEST}
ORDER BY target.place, kept.day DESC, kept.item_id
"""


def read_targets(path: Path) -> list[Target]:
    """Read `customer_id,as_of`; what is there twice counts once.

    Raises:
        UserError: with the line that cannot be used.
    """
    targets = (
        Target(_text(row, "customer_id", path, line), _day(row, path, line))
        for line, row in _rows(path, ("customer_id", "as_of"))
    )
    return list(dict.fromkeys(targets))


def read_queries(path: Path) -> list[Query]:
    """Read `query_id,as_of,item_ids` (`;` between the ids).

    Raises:
        UserError: with the line that cannot be used.
    """
    return [
        Query(
            _text(row, "query_id", path, line),
            _day(row, path, line),
            tuple(dict.fromkeys(i.strip() for i in row["item_ids"].split(";") if i.strip())),
        )
        for line, row in _rows(path, ("query_id", "as_of", "item_ids"))
    ]


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    _require(path, columns)
    csv.field_size_limit(_LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                if None in row.values():
                    why = "it has fewer columns than the header"
                    raise UserError(f"{path}:{reader.line_num}: {why}")
                yield reader.line_num, row
        except csv.Error as error:
            raise UserError(f"{path}:{reader.line_num}: {error}") from None
        except UnicodeDecodeError:
            raise UserError(f"{path}: it is not UTF-8: save it as UTF-8") from None


def _require(path: Path, columns: Sequence[str]) -> None:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{path} cannot be read: {why}") from None
    missing = [name for name in columns if name not in header]
    if missing:
        raise UserError(
            f"{path}:1: the column {missing[0]} is missing: the header is"
            f" {','.join(_HISTORY if 'qty' in columns else columns)}"
        )


def _text(row: dict[str, str], name: str, path: Path, line: int) -> str:
    value = row[name].strip()
    if not value:
        raise UserError(f"{path}:{line}: {name} is empty")
    return value


def _day(row: dict[str, str], path: Path, line: int) -> int:
    try:
        return (date.fromisoformat(row["as_of"].strip()[:10]) - _EPOCH).days
    except ValueError:
        raise UserError(f"{path}:{line}: as_of is no date: write it as 2026-11-22") from None


def _why(bad_date: str | None, bad_quantity: str | None) -> str:
    if bad_date is not None:
        return f"{bad_date!r} is no date (write 2026-11-22)"
    if bad_quantity is not None:
        return f"the quantity {bad_quantity!r} is no number"
    return "customer_id, date, item_id or qty is empty, or the date is before 1970"


def _fetched(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_FETCH):
        yield from rows
