"""Every engine counts the same tables; what cannot be counted is left out as documented."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from app.suggest.csv_history import CsvHistory, Target
from app.suggest.duck import DuckEngine
from app.suggest.engine import Engine
from app.suggest.fit import fit
from app.suggest.statements import COMPLEMENT_PAIRS, ITEMS
from app.suggest.warehouse import WarehouseEngine, translate
from tests.suggest.histories import FIRST_DAY, Line, business, line, write_history

EPOCH = date(1970, 1, 1)


@contextmanager
def counted(tmp_path: Path, lines: list[Line], memory_mb: int = 256) -> Iterator[DuckEngine]:
    path = write_history(tmp_path / "history.csv", lines)
    with DuckEngine(memory_mb=memory_mb, folder=tmp_path) as engine:
        history = CsvHistory(path, engine.db)
        engine.read(history.relation, history.parameters, history.last_day)
        yield engine


def tables(engine: Engine) -> tuple[object, ...]:
    complements = {
        item: [(other, together, round(score, 5)) for other, together, score in orjson.loads(text)]
        for item, text in engine.complements()
    }
    # Equal scores come in the order of ids, which floats of two engines may part.
    ordered = {
        item: sorted(found, key=lambda c: (-c[2], c[0])) for item, found in complements.items()
    }
    rest, histories = engine.without_last(20)
    return (
        engine.totals(),
        dict(engine.items()),
        ordered,
        list(engine.sample(2_000)),
        dict(rest.items()),
        histories,
    )


def test_postgresql_counts_the_same_tables_as_duckdb(tmp_path: Path, postgres_url: str) -> None:
    lines = business()
    database = sa.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    sold = sa.Table(
        "sold",
        sa.MetaData(),
        *(sa.Column(name, sa.Text) for name in ("customer_id", "item_id")),
        sa.Column("date", sa.Date),
        sa.Column("quantity", sa.Numeric),
    )
    with database.begin() as connection:
        sold.create(connection)
        connection.execute(
            sold.insert(),
            [
                {"customer_id": c, "item_id": i, "date": day, "quantity": quantity}
                for c, _, day, i, quantity, _ in lines
            ],
        )
    last = max(day for _, _, day, _, _, _ in lines)
    with counted(tmp_path, lines) as engine:
        warehouse = WarehouseEngine(database, "sold", (last - EPOCH).days)
        assert tables(warehouse) == tables(engine)
    database.dispose()


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "spark", "databricks"])
def test_the_statements_are_translated_to_other_engines(dialect: str) -> None:
    for statement in (ITEMS.format(bought="b", today=1), COMPLEMENT_PAIRS.format(bought="b")):
        assert translate(statement, dialect).upper().startswith(("SELECT", "WITH"))


def test_little_memory_changes_the_time_and_not_the_tables(tmp_path: Path) -> None:
    lines = business(customers=200)
    with counted(tmp_path, lines, memory_mb=64) as small:
        of_small = tables(small)
    with counted(tmp_path, lines) as large:
        assert tables(large) == of_small


def test_a_fit_is_put_in_place_whole(tmp_path: Path) -> None:
    path = tmp_path / "suggest.tables"
    with counted(tmp_path, business()) as engine:
        first = fit(engine, path, about={"version": 1})
        again = fit(engine, path, about={"version": 2})
    assert [first.about, again.about] == [{"version": 1}, {"version": 2}]
    assert again.complements(["I01"])["I01"][0].item_id == "I41"
    assert first.counts(["I01"]) == again.counts(["I01"])
    assert list(tmp_path.glob("*.partial")) == []
    first.close()
    again.close()


@pytest.mark.parametrize(
    ("lines", "bought"),
    [
        ([line("C", 1, "A"), line("C", 1, "A", "-1")], {}),
        ([line("C", 1, "A", "0")], {}),
        ([line("C", 1, "A", "3"), line("C", 1, "A", "-1")], {"A": 1}),
        ([line("C", 1, "A"), line("C", 1, "A")], {"A": 1}),
        ([line("C", 1, "A")], {"A": 1}),
        ([], {}),
    ],
    ids=["returned the same day", "none", "part returned", "twice", "one purchase", "no history"],
)
def test_odd_lines_are_netted_out(
    tmp_path: Path, lines: list[Line], bought: dict[str, int]
) -> None:
    with counted(tmp_path, lines) as engine:
        assert {item: counts.baskets for item, counts in engine.items()} == bought


def test_an_item_that_was_returned_later_is_no_habit(tmp_path: Path) -> None:
    lines = [line("C", 1, "A"), line("C", 9, "A", "-1"), line("C", 9, "B")]
    path = write_history(tmp_path / "history.csv", lines)
    with DuckEngine() as engine:
        history = CsvHistory(path, engine.db)
        [(_, kept)] = history.histories([Target("C", history.last_day)])
    assert [basket.items for basket in kept] == [("B",)]


def test_purchases_after_the_day_that_is_asked_for_do_not_count(tmp_path: Path) -> None:
    path = write_history(tmp_path / "h.csv", [line("C", 1, "A"), line("C", 30, "B")])
    with DuckEngine() as engine:
        history = CsvHistory(path, engine.db)
        asked = Target("C", (FIRST_DAY - EPOCH).days + 10)
        [(_, kept)] = history.histories([asked])
    assert [basket.items for basket in kept] == [("A",)]


def test_a_basket_of_ten_thousand_lines_makes_no_pairs_and_a_large_customer_no_delay(
    tmp_path: Path,
) -> None:
    stock = [line("TILL", 1, f"I{number}") for number in range(10_000)]
    till = [line("TILL", day, "I1") for day in range(2, 5_000)]
    pairs = [line(f"C{n}", 3, item) for n in range(5) for item in ("I1", "I2")]
    with counted(tmp_path, stock + till + pairs) as engine:
        found = dict(engine.complements())
        assert set(found) == {"I1", "I2"}
        assert max(sum(len(b.items) for b in h) for h in engine.sample(1_000_000)) <= 2_000
