"""People in a CSV file: every fault is told by its line before anything is changed. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.entries import UserFields
from connectors.sdk.faults import plain_detail

MOST_ROWS = 20_000
# Column names as other programs export them, in small letters.
_NAMES = {
    "email": ("email", "e-mail", "mail", "email address", "e-mail address", "user"),
    "name": ("name", "full name", "display name", "agent"),
    "role": ("role",),
    "extensions": ("extensions", "extension", "ext", "ext.", "number"),
    "queues": ("queues", "queue", "groups", "group"),
}


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A line of the file: who it is, or what is wrong with it and in which column."""

    line: int
    email: str
    fields: Mapping[str, Any] | None
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PeopleFile:
    """What was read. `columns`: which column is what; `fault` is of all."""

    lines: tuple[PersonLine, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    fault: str | None = None


def read_people(text: str) -> PeopleFile:
    """Read a CSV text with a header; several extensions or queues are separated by `;` or `|`."""
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    header = next(rows, None)
    if not header or not any(cell.strip() for cell in header):
        return PeopleFile(fault="the file is empty; its first line names the columns")
    columns, ignored = _columns(header)
    for needed in ("email", "name"):
        if needed not in columns:
            return PeopleFile(fault=f"there is no column {needed} in the first line")
    shown = {name: header[place].strip() for name, place in columns.items()}
    try:
        lines = tuple(_lines(rows, columns))
    except csv.Error as error:
        return PeopleFile(columns=shown, fault=f"line {rows.line_num}: {error}")
    except OverflowError:
        return PeopleFile(
            columns=shown, fault=f"more than {MOST_ROWS} lines; cut the file in parts"
        )
    if not lines:
        return PeopleFile(columns=shown, fault="there is nobody in the file")
    return PeopleFile(lines, shown, ignored)


def _columns(header: list[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    found: dict[str, int] = {}
    ignored = []
    for place, cell in enumerate(header):
        word = cell.strip().casefold()
        name = next((name for name, words in _NAMES.items() if word in words), None)
        if name is not None and name not in found:
            found[name] = place
        elif word:
            ignored.append(cell.strip())
    return found, tuple(ignored)


def _lines(rows: Any, columns: Mapping[str, int]) -> Iterator[PersonLine]:
    seen: dict[str, int] = {}
    for count, row in enumerate(rows):
        if count > MOST_ROWS:
            raise OverflowError
        if not any(cell.strip() for cell in row):
            continue
        given = {n: row[p].strip() if p < len(row) else "" for n, p in columns.items()}
        line = _line(rows.line_num, given)
        if line.fields is not None and line.email in seen:
            why = f"stands in line {seen[line.email]} already"
            line = PersonLine(line.line, line.email, None, (("email", why),))
        seen.setdefault(line.email, line.line)
        yield line


def _line(number: int, given: Mapping[str, str]) -> PersonLine:
    values: dict[str, Any] = {**given}
    for name in ("extensions", "queues"):
        if name in values:
            cells = values[name].replace("|", ";").split(";")
            values[name] = [cell.strip() for cell in cells if cell.strip()]
    if "role" in values:
        values["role"] = values["role"].casefold()
    values["role"] = values.get("role") or "agent"
    try:
        person = UserFields.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        told = tuple((str(e["loc"][0]) if e["loc"] else "", plain_detail(e)) for e in faults)
        return PersonLine(number, given["email"][:200], None, told)
    # A column that the file has not is left as it is.
    fields = {n: v for n, v in person.model_dump().items() if n in given}
    return PersonLine(number, person.email, fields)
