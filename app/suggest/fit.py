"""From a counted history to a file of tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from app.suggest.engine import Engine
from app.suggest.learning import learn
from app.suggest.scoring import NEW_ITEMS
from app.suggest.table_file import NewTables, TableFile
from app.suggest.tables import Complement, ItemCounts, Learned, Totals

# Enough for the few hundred numbers that are learned; more would be of older customers alike.
SAMPLE_LINES = 150_000
Progress = Callable[[str, float], None]


class Counted:
    """The counts of a history and what it taught, in memory and without pairs (`tables.Tables`)."""

    def __init__(self, totals: Totals, items: Mapping[str, ItemCounts]) -> None:
        self.totals = totals
        self.learned = Learned()
        self._items = items
        best = sorted(items.items(), key=lambda each: (-each[1].baskets, each[0]))
        self._popular = best[:NEW_ITEMS]

    def counts(self, items: Sequence[str]) -> Mapping[str, ItemCounts]:  # noqa: ARG002 - as `Tables`
        """Return the counts of all items."""
        return self._items

    def popular(self) -> Sequence[tuple[str, ItemCounts]]:
        """Return the items that new ones are taken from."""
        return self._popular

    def complements(self, items: Sequence[str]) -> Mapping[str, Sequence[Complement]]:  # noqa: ARG002 - as `Tables`
        """Return none: pairs are not counted."""
        return {}


def counted(engine: Engine) -> Counted:
    """Count a history and learn from it, but for the pairs."""
    tables = Counted(engine.totals(), dict(engine.items()))
    tables.learned = learn(engine.sample(SAMPLE_LINES), tables)
    return tables


def fit(
    engine: Engine,
    path: Path,
    *,
    about: Mapping[str, Any],
    progress: Progress = lambda _step, _share: None,
) -> TableFile:
    """Fit the tables of a history and put them in place as `path`; `about` goes with them."""
    new = NewTables(path)
    try:
        progress("items", 0.0)
        totals = engine.totals()
        items = dict(engine.items())
        new.add_items(items.items())
        progress("habits", 0.2)
        histories = list(engine.sample(SAMPLE_LINES))
        progress("pairs", 0.3)
        with ThreadPoolExecutor(1) as beside:  # While the engine counts, Python is free to learn.
            learning = beside.submit(learn, histories, Counted(totals, items))
            new.add_complements(engine.complements())
            learned = learning.result()
        tables = new.finish(totals, learned, about)
    except BaseException:
        new.abandon()
        raise
    progress("done", 1.0)
    return tables
