"""`screenpop suggest next | goes-with`: files in, a file out; what is wrong in them is said."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import cli
from tests.suggest.histories import business, write_history


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return write_history(tmp_path / "history.csv", business())


def suggest(what: str, history: Path, asked: str, text: str, *more: str) -> tuple[Result, Path]:
    source, out = history.parent / f"{asked}.csv", history.parent / "out.csv"
    source.write_text(text)
    arguments = ["suggest", what, "--history", str(history), f"--{asked}", str(source)]
    return CliRunner().invoke(cli, [*arguments, "--out", str(out), *more]), out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_target_gets_its_own_items_with_rank_score_and_reason(history: Path) -> None:
    targets = "customer_id,as_of\nC001,2026-06-01\nNOBODY,2026-06-01\n"
    result, out = suggest("next", history, "targets", targets)
    assert result.exit_code == 0, result.output
    known = [row for row in rows(out) if row["customer_id"] == "C001"]
    cold = [row for row in rows(out) if row["customer_id"] == "NOBODY"]
    assert len(known) >= 10
    assert [int(row["rank"]) for row in known] == list(range(1, len(known) + 1))
    assert known[0]["reason"].startswith("bought")
    assert len(cold) >= 10
    assert cold[0]["reason"].startswith("popular: in ")
    scores = [float(row["score"]) for row in known]
    assert scores == sorted(scores, reverse=True)


def test_a_basket_gets_what_goes_with_it_and_nothing_that_is_in_it(history: Path) -> None:
    queries = "query_id,as_of,item_ids\nQ1,2026-06-01,I01;I02\nQ2,2026-06-01,UNKNOWN\n"
    result, out = suggest("goes-with", history, "queries", queries)
    assert result.exit_code == 0, result.output
    found = [row["item_id"] for row in rows(out) if row["query_id"] == "Q1"]
    assert found[0] == "I41"
    assert len(found) >= 10
    assert not {"I01", "I02"} & set(found)
    assert len([row for row in rows(out) if row["query_id"] == "Q2"]) >= 10


def test_rows_that_cannot_be_used_are_left_out_and_said(tmp_path: Path) -> None:
    good = business(customers=20)
    bad = [
        ("C000", "B", "31/12/2025", "I01", "1", "1"),
        ("C000", "B", "2025-01-02", "I01", "x", "1"),
    ]
    history = write_history(tmp_path / "history.csv", [*good, *bad])
    result, out = suggest("next", history, "targets", "customer_id,as_of\nC000,2026-06-01\n")
    assert result.exit_code == 0
    assert "2 rows" in result.stderr
    assert "'31/12/2025' is no date (write 2026-11-22)" in result.stderr.replace("\n", " ")
    assert rows(out)


@pytest.mark.parametrize(
    ("header", "targets", "said"),
    [
        (
            "customer,date,item_id,qty",
            "customer_id,as_of\nC,2026-01-01\n",
            "customer_id is missing",
        ),
        (None, "customer_id\nC\n", "targets.csv:1: the column as_of is missing"),
        (None, "customer_id,as_of\nC,soon\n", "targets.csv:2: as_of is no date"),
        (None, "customer_id,as_of\n,2026-01-01\n", "targets.csv:2: customer_id is empty"),
        (None, "customer_id,as_of\nC\n", "targets.csv:2: it has fewer columns"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_that_says_where(
    history: Path, header: str | None, targets: str, said: str
) -> None:
    if header is not None:
        history.write_text(f"{header}\nC,2026-01-01,I,1\n")
    result, out = suggest("next", history, "targets", targets)
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not out.exists()


def test_a_history_without_a_purchase_is_said(tmp_path: Path) -> None:
    history = write_history(tmp_path / "history.csv", [])
    result, _ = suggest("next", history, "targets", "customer_id,as_of\nC,2026-01-01\n")
    assert (result.exit_code, "holds no purchases" in result.stderr) == (1, True)


def test_the_server_does_not_load_the_engine_of_the_batch() -> None:
    loaded = "import sys, app.cli, app.main; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
