"""Cells of files that people open in a spreadsheet. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# A phone number is no formula.
_FORMULA = re.compile(r"[=+\-@\t\r](?!\d+$)")


def safe_cells(row: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Return a row's cells of a CSV file; what a spreadsheet would run begins with a quote."""
    cells = ["" if row[name] is None else str(row[name]) for name in columns]
    return [f"'{cell}" if _FORMULA.match(cell) else cell for cell in cells]
