"""What real exports hold: each oddity has one defined outcome, and none is a crash."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from app.errors import UserError
from app.suggest.batch import suggest_goes_with, suggest_next
from app.suggest.csv_history import CsvHistory, Target, read_queries, read_targets
from app.suggest.duck import DuckEngine
from app.suggest.fit import fit
from app.suggest.scoring import likely_next
from app.suggest.tables import ItemCounts
from tests.suggest.histories import FIRST_DAY, Line, business, line, write_history
from tests.suggest.test_engines import EPOCH, counted

AS_OF = "2026-06-01"


def suggested(tmp_path: Path, lines: list[Line], customer: str) -> list[tuple[str, str]]:
    """Run the batch command's work for one customer; returns items and reasons."""
    history = write_history(tmp_path / "history.csv", lines)
    targets, out = tmp_path / "targets.csv", tmp_path / "out.csv"
    targets.write_text(f"customer_id,as_of\n{customer},{AS_OF}\n")
    suggest_next(history, targets, out, rows=20, progress=lambda _step, _share: None)
    with out.open(newline="") as file:
        return [(row["item_id"], row["reason"]) for row in csv.DictReader(file)]


def counts(tmp_path: Path, lines: list[Line]) -> dict[str, ItemCounts]:
    with counted(tmp_path, lines) as engine:
        return dict(engine.items())


def test_a_return_without_a_purchase_is_nothing_that_was_bought(tmp_path: Path) -> None:
    lines = [*business(customers=10), line("C000", 9, "RETURNED", "-4")]
    assert "RETURNED" not in counts(tmp_path, lines)
    assert "RETURNED" not in dict(suggested(tmp_path, lines, "C000"))


def test_quantities_of_none_are_no_purchases(tmp_path: Path) -> None:
    lines = [*business(customers=10), line("C000", 9, "NONE", "0"), line("C000", 10, "NONE", "0.0")]
    assert "NONE" not in counts(tmp_path, lines)


def test_a_part_of_a_unit_is_a_purchase(tmp_path: Path) -> None:
    assert counts(tmp_path, [line("C", 1, "METRES", "0.25")])["METRES"].baskets == 1


def test_a_line_that_is_there_many_times_counts_once(tmp_path: Path) -> None:
    assert counts(tmp_path, [line("C", 1, "A")] * 50) == counts(tmp_path, [line("C", 1, "A")])


def test_a_purchase_dated_in_the_future_is_not_one_yet(tmp_path: Path) -> None:
    usual = business(customers=30)
    future = [(c, b, day.replace(year=2999), "FUTURE", q, p) for c, b, day, _, q, p in usual[:3]]
    with_future = suggested(tmp_path, [*usual, *future], usual[0][0])
    assert "FUTURE" not in dict(with_future)
    # Nor does it make all other purchases old.
    assert with_future == suggested(tmp_path, usual, usual[0][0])


def test_an_item_that_the_tables_do_not_know_is_ranked_by_the_customers_own_habit(
    tmp_path: Path,
) -> None:
    with counted(tmp_path, business()) as engine:
        tables = fit(engine, tmp_path / "tables", about={})
    path = write_history(tmp_path / "own.csv", [line("C", day, "NEVER SEEN") for day in (1, 8, 15)])
    with DuckEngine() as engine:
        day = (FIRST_DAY - EPOCH).days + 22
        [(_, own)] = CsvHistory(path, engine.db).histories([Target("C", day)])
    found = likely_next(own, day, tables)
    assert found[0].item_id == "NEVER SEEN"
    assert found[0].counts is None
    assert len(found) > 10
    tables.close()


def test_an_item_keeps_its_history_under_a_new_name_and_loses_it_with_a_new_id(
    tmp_path: Path,
) -> None:
    """Only ids are compared: a file may have a column of names, which is not read."""
    path = tmp_path / "named.csv"
    rows = [("C", "B1", "2026-01-01", "P1", "1", "1", "Pump"), *NAMED]
    with path.open("w", newline="") as file:
        header = ("customer_id", "basket_id", "date", "item_id", "qty", "price", "name")
        csv.writer(file).writerows([header, *rows])
    with DuckEngine() as engine:
        history = CsvHistory(path, engine.db)
        engine.read(history.relation, history.parameters, history.last_day)
        assert {item: each.baskets for item, each in engine.items()} == {"P1": 2, "P9": 1}


NAMED = (
    ("C", "B2", "2026-02-01", "P1", "1", "1", "Pump (new name)"),
    ("C", "B3", "2026-03-01", "P9", "1", "1", "Pump (new name)"),
)


def test_prices_of_several_currencies_or_of_none_change_nothing(tmp_path: Path) -> None:
    lines = business(customers=10)
    mixed = [
        (*each[:5], price)
        for each, price in zip(lines, ["€ 9,50", "9.50 USD", "", "-1", "free"] * 999, strict=False)
    ]
    assert len(mixed) == len(lines)
    assert suggested(tmp_path, mixed, "C001") == suggested(tmp_path, lines, "C001")


def test_a_customer_with_a_million_lines_is_counted_and_learned_from_in_part(
    tmp_path: Path,
) -> None:
    """A till without a customer's name: a thousand lines a day. It makes no pairs."""
    others = write_history(tmp_path / "others.csv", business(customers=30))
    with DuckEngine(memory_mb=512, folder=tmp_path) as engine:
        history = CsvHistory(others, engine.db)
        till = (
            "SELECT 'TILL', 'I' || (line * 7919 % 5000), 20100 + line // 1000, 1::DECIMAL(18, 4)"
            " FROM range(1000000) AS made(line)"
        )
        relation = f"{history.relation} UNION ALL {till}"
        engine.read(relation, history.parameters, 21_200)
        assert engine.totals().customers == 31
        assert max(sum(len(b.items) for b in own) for own in engine.sample(10**9)) <= 2_000
        tables = fit(engine, tmp_path / "tables", about={})
    assert {"I41"} == {each.item_id for each in tables.complements(["I01"])["I01"][:1]}
    tables.close()


def test_a_question_with_ten_thousand_items_is_answered(tmp_path: Path) -> None:
    history = write_history(tmp_path / "history.csv", business())
    queries, out = tmp_path / "queries.csv", tmp_path / "out.csv"
    items = ";".join(["I01", *(f"AN-ITEM-THAT-NOBODY-SELLS-{n}" for n in range(10_000))])
    queries.write_text(f"query_id,as_of,item_ids\nQ,{AS_OF},{items}\n")
    suggest_goes_with(history, queries, out, rows=20, progress=lambda _step, _share: None)
    with out.open(newline="") as file:
        assert next(csv.DictReader(file))["item_id"] == "I41"


def test_one_purchase_is_enough_for_a_suggestion(tmp_path: Path) -> None:
    [(item, reason)] = suggested(tmp_path, [line("C", 1, "A")], "C")
    assert item == "A"
    assert reason.startswith("bought once, ")


def test_a_target_that_is_there_twice_is_answered_once(tmp_path: Path) -> None:
    path = tmp_path / "targets.csv"
    path.write_text(f"customer_id,as_of\nC,{AS_OF}\nC,{AS_OF}\n")
    assert [each.customer_id for each in read_targets(path)] == ["C"]


@pytest.mark.parametrize(
    "text", [b"query_id,as_of,item_ids\nQ,2026-01-01,\xff\xfe\n", b"\xff\xfe\x00q"], ids=str
)
def test_a_file_in_another_encoding_is_said(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "queries.csv"
    path.write_bytes(text)
    with pytest.raises(UserError, match="it is not UTF-8"):
        read_queries(path)


def test_a_field_without_end_is_said(tmp_path: Path) -> None:
    path = tmp_path / "targets.csv"
    path.write_text('customer_id,as_of\n"' + "x" * 11_000_000)
    with pytest.raises(UserError, match=r"targets\.csv:\d+: field larger"):
        read_targets(path)


def test_dates_that_cannot_be_are_left_out_and_said(tmp_path: Path) -> None:
    odd = [
        ("C000", "B", "1899-12-30", "SPREADSHEET", "1", "1"),
        ("C000", "B", "infinity", "NEVER", "1", "1"),
        ("C000", "B", "", "UNDATED", "1", "1"),
    ]
    path = write_history(tmp_path / "history.csv", [*business(customers=10), *odd])
    with DuckEngine() as engine:
        history = CsvHistory(path, engine.db)
        engine.read(history.relation, history.parameters, history.last_day)
        found = dict(engine.items())
    assert (history.rejected, history.first_rejected) == (
        3,
        "'infinity' is no date (write 2026-11-22)",
    )
    assert not {"SPREADSHEET", "NEVER", "UNDATED"} & set(found)


def test_a_parquet_folder_is_read_as_one_history(tmp_path: Path) -> None:
    lines = business()
    source = write_history(tmp_path / "history.csv", lines)
    folder = tmp_path / "parts"
    with DuckEngine(memory_mb=128, folder=tmp_path) as engine:
        history = CsvHistory(source, engine.db)
        engine.db.execute(
            f"COPY (SELECT *, day % 3 AS part FROM ({history.relation}))"
            f" TO '{folder}' (FORMAT parquet, PARTITION_BY (part))",
            history.parameters,
        )
        assert len(list(folder.rglob("*.parquet"))) == 3
        parts = "SELECT customer_id, item_id, day, quantity FROM read_parquet(?)"
        engine.read(parts, [f"{folder}/**/*.parquet"], history.last_day)
        of_parquet = engine.totals(), dict(engine.items()), list(engine.complements())
    with counted(tmp_path, lines) as engine:
        assert of_parquet == (engine.totals(), dict(engine.items()), list(engine.complements()))
