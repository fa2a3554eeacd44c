"""The tables of one fit in one file: written once, put in place whole, read by every process."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from app.suggest.engine import Complements
from app.suggest.tables import Complement, ItemCounts, Learned, Totals

# The popular items that a reading of the tables keeps at hand.
POPULAR = 1_000
_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE item (
  item_id TEXT PRIMARY KEY, buyers INTEGER, rebuyers INTEGER, baskets INTEGER, span_days INTEGER,
  recent INTEGER
) WITHOUT ROWID;
CREATE TABLE complement (item_id TEXT PRIMARY KEY, others TEXT);
"""
# One parameter for any number of items: a bound list has a limit.
_COUNTS = "SELECT * FROM item WHERE item_id IN (SELECT value FROM json_each(?))"
_OTHERS = "SELECT item_id, others FROM complement WHERE item_id IN (SELECT value FROM json_each(?))"
_COMPLETE = "CREATE INDEX popular ON item (baskets DESC, item_id)"


class TableFile:
    """The tables of a finished file (`tables.Tables`). Used by one thread at a time.

    Raises:
        ValueError: it is not such a file, or not complete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ValueError("there is no such file")
        uri = f"file:{path}?mode=ro&immutable=1"
        self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
        try:
            about = {
                key: orjson.loads(value) for key, value in self._db.execute("SELECT * FROM about")
            }
            self.about: dict[str, Any] = about["about"]
            self._totals = Totals(**about["totals"])
            self._learned = Learned(**about["learned"])
            rows = self._db.execute(
                "SELECT * FROM item ORDER BY baskets DESC, item_id LIMIT ?",
                [POPULAR],
            )
            self._popular = [(row[0], ItemCounts(*row[1:])) for row in rows]
        except (sqlite3.Error, KeyError, TypeError, orjson.JSONDecodeError) as error:
            self._db.close()
            raise ValueError(f"it holds no suggestion tables ({type(error).__name__})") from None

    @property
    def totals(self) -> Totals:
        """Sums over everything."""
        return self._totals

    @property
    def learned(self) -> Learned:
        """What last baskets taught."""
        return self._learned

    def counts(self, items: Sequence[str]) -> Mapping[str, ItemCounts | None]:
        """Return the counts of these items; those not sold have none."""
        return {row[0]: ItemCounts._make(row[1:]) for row in self._of(_COUNTS, items)}

    def popular(self) -> Sequence[tuple[str, ItemCounts]]:
        """Return the items in most baskets, first the most popular."""
        return self._popular

    def complements(self, items: Sequence[str]) -> Mapping[str, Sequence[Complement]]:
        """Return what goes with each of these items, best first."""
        return {
            item: tuple(map(Complement._make, orjson.loads(others)))
            for item, others in self._of(_OTHERS, items)
        }

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _of(self, query: str, items: Sequence[str]) -> Iterable[tuple[Any, ...]]:
        return self._db.execute(query, [orjson.dumps(list(items)).decode()])


class NewTables:
    """A file of tables being written; nobody sees it before `finish` has put it in place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_suffix(f".{os.getpid()}.partial")
        self._partial.unlink(missing_ok=True)
        self._db = sqlite3.connect(self._partial, isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN; {_SCHEMA}")

    def add_items(self, items: Iterable[tuple[str, ItemCounts]]) -> None:
        """Write counts."""
        self._db.executemany(
            "INSERT INTO item VALUES (?, ?, ?, ?, ?, ?)",
            ((name, c.buyers, c.rebuyers, c.baskets, c.span_days, c.recent) for name, c in items),
        )

    def add_complements(self, complements: Iterable[Complements]) -> None:
        """Write what goes with what."""
        self._db.executemany("INSERT INTO complement VALUES (?, ?)", complements)

    def finish(self, totals: Totals, learned: Learned, about: Mapping[str, Any]) -> TableFile:
        """Write the rest, and put the file in place at once."""
        values = {"totals": totals._asdict(), "learned": asdict(learned), "about": dict(about)}
        self._db.executemany(
            "INSERT INTO about VALUES (?, ?)",
            [(key, orjson.dumps(value).decode()) for key, value in values.items()],
        )
        self._db.execute(_COMPLETE)
        self._db.execute("COMMIT")
        self._db.close()
        with self._partial.open("rb") as file:
            os.fsync(file.fileno())
        self._partial.replace(self.path)
        return TableFile(self.path)

    def abandon(self) -> None:
        """Throw the unfinished file away."""
        self._db.close()
        self._partial.unlink(missing_ok=True)
