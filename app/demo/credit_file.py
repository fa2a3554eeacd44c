"""The demo's credit terms: a spreadsheet as a credit insurer on the continent sends it."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

from app.demo.records import Business, CreditLine

COLUMNS = (
    "Account No",
    "Customer",
    "Telephone",
    "Ccy",
    "Limit agreed",
    "Payment terms",
    "Days",
    "On stop",
    "Stop reason",
    "Risk band",
    "Reviewed",
)


def write_credit_file(business: Business, path: Path) -> None:
    """Write the credit terms: semicolons, decimal commas, dd/mm/yyyy, UTF-8 with Excel's mark."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(line) for line in business.credit_lines)


def _row(line: CreditLine) -> tuple[str, ...]:
    return (
        line.account,
        line.name,
        line.telephone or "",
        line.currency,
        _decimal_comma(line.limit),
        line.terms,
        str(line.days),
        "Y" if line.stop_reason else "N",
        line.stop_reason or "",
        line.risk or "",
        f"{line.reviewed_on:%d/%m/%Y}",
    )


def _decimal_comma(amount: Decimal | None) -> str:
    """Write an amount; no limit set is an empty cell, not a 0."""
    return "" if amount is None else f"{amount:.2f}".replace(".", ",")
