"""Suggestions for many customers or baskets, from files to a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from app.errors import UserError
from app.suggest.csv_history import CsvHistory, read_queries, read_targets
from app.suggest.duck import DuckEngine
from app.suggest.fit import fit
from app.suggest.reasons import why_goes_with, why_next
from app.suggest.scoring import Prepared, goes_with, likely_next
from app.suggest.table_file import TableFile

Progress = Callable[[str, float], None]
Rows = Iterator[tuple[str, str, int, str, str]]


def suggest_next(history: Path, targets: Path, out: Path, *, rows: int, progress: Progress) -> str:
    """Write what each target will likely buy next; returns a note on what was left out.

    Raises:
        UserError: a file cannot be used.
    """
    wanted = read_targets(targets)
    with TemporaryDirectory(prefix="suggest-") as folder, DuckEngine() as engine:
        lines = CsvHistory(history, engine.db)
        # What is dated later than anybody asks for is a mistake, and must not make all else old.
        today = min(lines.last_day, max((each.day for each in wanted), default=0))
        tables = _fitted(engine, lines, today, Path(folder), progress)

        known = Prepared(tables)

        def suggested() -> Rows:
            for place, (target, bought) in enumerate(lines.histories(wanted), 1):
                best = likely_next(bought, target.day, known)[:rows]
                for rank, each in enumerate(best, 1):
                    reason = why_next(each, tables.totals)
                    yield target.customer_id, each.item_id, rank, f"{each.score:.6f}", reason
                progress("customers", place / len(wanted))

        _write(out, "customer_id", suggested())
        tables.close()
        return _note(lines)


def suggest_goes_with(
    history: Path, queries: Path, out: Path, *, rows: int, progress: Progress
) -> str:
    """Write what goes with each basket; returns a note on what was left out.

    Raises:
        UserError: a file cannot be used.
    """
    wanted = read_queries(queries)
    with TemporaryDirectory(prefix="suggest-") as folder, DuckEngine() as engine:
        lines = CsvHistory(history, engine.db)
        today = min(lines.last_day, max((each.day for each in wanted), default=0))
        tables = _fitted(engine, lines, today, Path(folder), progress)
        known = Prepared(tables)

        def suggested() -> Rows:
            for place, query in enumerate(wanted, 1):
                for rank, (item, score, reason) in enumerate(
                    _companions(query.items, known, rows), 1
                ):
                    yield query.query_id, item, rank, f"{score:.6f}", reason
                progress("baskets", place / len(wanted))

        _write(out, "query_id", suggested())
        tables.close()
        return _note(lines)


def _companions(
    items: tuple[str, ...], known: Prepared, rows: int
) -> Iterator[tuple[str, float, str]]:
    """Return what goes with a basket, and popular items where too little does."""
    inside, totals = frozenset(items), known.totals
    found = goes_with(inside, known.companions(items))[:rows]
    standings = known.standings(items)
    for each in found:
        own = standings[each.with_item].counts
        yield each.item_id, each.score, why_goes_with(each, each.with_item, own, totals)
    seen = {*inside, *(each.item_id for each in found)}
    rest = [(item, own) for item, own in known.tables.popular() if item not in seen]
    for item, own in rest[: rows - len(found)]:
        share = totals.popularity(own)
        yield item, 0.0, f"popular: in {share * 100:.1f} % of all orders"


def _fitted(
    engine: DuckEngine, lines: CsvHistory, today: int, folder: Path, progress: Progress
) -> TableFile:
    engine.read(lines.relation, lines.parameters, today)
    if engine.totals().baskets == 0:
        raise UserError(f"{lines.path}: the history holds no purchases to learn from")
    return fit(engine, folder / "tables", about={}, progress=progress)


def _write(out: Path, key: str, rows: Rows) -> None:
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([key, "item_id", "rank", "score", "reason"])
            writer.writerows(rows)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}") from None


def _note(lines: CsvHistory) -> str:
    if not lines.rejected:
        return ""
    return f"{lines.rejected} rows of {lines.path} were left out: {lines.first_rejected}"
