"""The rows of a file under our names, found by customer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.sdk.columns import COLUMNS
from connectors.sdk.facts import SUMMARY, TERMS
from connectors.sdk.tabular import Table
from connectors.sdk.types import CustomerRef, SourceError
from connectors.sdk.values import Row, TextFormat, excel_damaged

KEYS = ("remote_id", "external_id")
Key = tuple[str, str]
# Spreadsheets keep 15 digits: a longer number has lost its end.
_EXACT_IDS = 10**15


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it was at `as_of`; `faults` says, by row number, why a row is unusable."""

    columns: frozenset[str]
    rows: tuple[Row, ...]
    faults: Mapping[int, str]
    by_key: Mapping[Key, list[Row]]
    as_of: datetime


def index(table: Table, columns: Mapping[str, str], form: TextFormat, as_of: datetime) -> Content:
    """Give the rows our names (`columns` maps them to headers) and index them by both ids.

    Raises:
        SourceError: BAD_CONFIG, a header is missing.
    """
    rows = tuple(_rows(table, columns, form))
    faults = {line.number: line.fault for line in table.lines if line.fault}
    by_key: dict[Key, list[Row]] = {}
    for row in rows:
        for key in KEYS:
            name = _id(row, key, faults)
            # A row with a fault is found too, if its id is there: its section must say so.
            if name is not None:
                by_key.setdefault((key, name), []).append(row)
    return Content(frozenset(columns), rows, faults, by_key, as_of)


def _rows(table: Table, columns: Mapping[str, str], form: TextFormat) -> Iterator[Row]:
    positions = {name: table.position(header) for name, header in columns.items()}
    for line in table.lines:
        cells = line.cells
        values = {
            name: cells[at] if at < len(cells) and cells[at] != "" else None
            for name, at in positions.items()
        }
        yield Row(values, line.number, "row", form)


def _id(row: Row, key: str, faults: dict[int, str]) -> str | None:
    value = row.values.get(key)
    long = isinstance(value, int | float) and abs(value) >= _EXACT_IDS
    if long or (isinstance(value, str) and excel_damaged(value)):
        faults[row.number] = f"has a {key} that a spreadsheet cut: format the column as text"
        return None
    try:
        return row.text(key)
    except SourceError as error:
        faults[row.number] = error.text
        return None


def customers_of(content: Content) -> list[list[Row]]:
    """Gather the rows of each customer, in the order of the file; rows without an id alone."""
    groups: dict[Any, list[Row]] = {}
    for row in content.rows:
        ref = None if row.number in content.faults else ref_of([row])
        groups.setdefault(ref.remote_id if ref else row.number, []).append(row)
    return list(groups.values())


def orders_of(content: Content) -> list[list[Row]]:
    """Gather the rows of each order, wherever they stand, each row with a `remote_id`."""
    orders: dict[Any, list[Row]] = {}
    for row in content.rows:
        if row.values.get("order_number") is None:
            continue
        ref = ref_of([row])
        named = Row(
            {**row.values, "remote_id": ref.remote_id if ref else None},
            row.number,
            row.what,
            row.form,
        )
        try:
            key: Any = row.text("order_number")
        except SourceError:
            key = row.number
        orders.setdefault(key, []).append(named)
    return list(orders.values())


def ref_of(rows: Sequence[Row]) -> CustomerRef | None:
    """Name the customer of some rows: an external id serves as our own where there is none."""
    try:
        external = rows[0].text("external_id")
        own = rows[0].text("remote_id") or external
    except SourceError:
        return None
    return CustomerRef(own, external) if own else None


def key_of(content: Content, ref: CustomerRef) -> Key | None:
    """Return where a customer's rows are: at the source's own id, else at that shared with others.

    None: there are none.
    """
    wanted = [("remote_id", ref.remote_id)]
    if ref.external_id is not None:
        wanted.append(("external_id", ref.external_id))
    elif "remote_id" not in content.columns:
        wanted.append(("external_id", ref.remote_id))
    return next((key for key in wanted if key in content.by_key), None)


def rows_of(section: str, content: Content, key: Key | None) -> list[Row]:
    """Return the rows of a customer that say something of a section.

    Where it is one row for each customer, those that only repeat it (for a further phone number)
    count once.
    """
    summary = section == "balance" and "amount_due" not in content.columns
    own = {"balance": SUMMARY if summary else COLUMNS["balance"], "credit_terms": TERMS}
    telling = [
        name
        for name in own.get(section, COLUMNS[section])
        if name in content.columns and name != "currency"
    ]
    rows = content.by_key[key] if key else []
    filled = [row for row in rows if any(row.values[name] is not None for name in telling)]
    return _once(filled, telling) if section == "credit_terms" or summary else filled


def _once(rows: Iterable[Row], names: Sequence[str]) -> list[Row]:
    seen: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        seen.setdefault(tuple(row.values[name] for name in names), row)
    return list(seen.values())
