from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from app.demo.credit_file import COLUMNS, write_credit_file
from app.demo.records import Business


def test_the_file_reads_back_to_the_credit_terms(business: Business, tmp_path: Path) -> None:
    path = tmp_path / "credit.csv"
    write_credit_file(business, path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(business.credit_lines)
    for row, line in zip(rows, business.credit_lines, strict=True):
        limit = row["Limit agreed"]
        assert (Decimal(limit.replace(",", ".")) if limit else None) == line.limit
        assert (row["On stop"] == "Y") == bool(line.stop_reason)
        assert _day(row["Reviewed"]) == line.reviewed_on
        assert (row["Account No"], row["Customer"], row["Days"]) == (
            line.account,
            line.name,
            str(line.days),
        )


def test_it_looks_like_a_spreadsheet_from_the_continent(business: Business, tmp_path: Path) -> None:
    path = tmp_path / "credit.csv"
    write_credit_file(business, path)
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in raw
    assert b";2500,00;Net 60;" in raw
    assert b";4,47701E+11;" in raw


def _day(text: str) -> date:
    return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007
