"""Contacts out of the rows of a file. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.sdk.connector import ContactItem
from connectors.sdk.contacts import contact, phone_columns, plain_phones
from connectors.sdk.types import RejectedRow
from connectors.sdk.values import Row, excel_damaged


def contact_items(
    rows: list[Row], faults: Mapping[int, str], columns: Mapping[str, str], customer_url: str
) -> Iterator[ContactItem]:
    """Make a contact of a customer's rows, and name each number that a spreadsheet has spoilt."""
    for row in rows:
        if row.number in faults:
            yield RejectedRow(row.where, faults[row.number])
            return
        for column in phone_columns(row.values):
            if excel_damaged(row.values[column]):
                yield RejectedRow(
                    row.where,
                    f"the number under {columns[column]!r} is kept as a number, so a leading"
                    " 0 or + is lost: format the column as text and enter it again",
                )
    if "remote_id" not in columns:
        rows = [
            Row({**row.values, "remote_id": row.values["external_id"]}, row.number) for row in rows
        ]
    yield contact(rows, customer_url, _undamaged_phones)


def _undamaged_phones(row: Row, column: str) -> tuple[str, ...]:
    return () if excel_damaged(row.values.get(column)) else plain_phones(row, column)
