"""Looking at a file: how it was read, its headers and first rows, and the rows of no use."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connectors.sdk.connector import Connector, Context
from connectors.sdk.faults import plain_detail
from connectors.sdk.indexed import KEYS
from connectors.sdk.look import Column, Look
from connectors.sdk.offers import offered
from connectors.sdk.tabular import EXCEL, Table, read_table, sheet_names
from connectors.sdk.types import ErrorKind, RejectedRow, SourceError

SAMPLE_ROWS = 20
_MOST_REJECTED = 100
_MOST_READ = 200_000
_PEEK = 64 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_STREAMS = {"contacts": "contacts", "history": "purchases", "catalogue": "catalogue"}
Make = Callable[[dict[str, Any], Context], Connector[Any]]


async def look_at_file(
    make: Make, ours: tuple[str, ...], settings: Mapping[str, Any], context: Context
) -> Look:
    """Read the file as the settings say, or as it looks where they do not.

    Raises:
        SourceError: it cannot be read; says what to set.
    """
    look = await asyncio.to_thread(_read, ours, settings, context)
    try:
        connector = make(dict(settings), context)
    except ValidationError as error:
        first = error.errors()[0]
        look.missing = plain_detail(first)
        return look
    try:
        rejected = [row async for row in _rejected(connector)]
    except SourceError as error:
        look.missing = error.text
        return look
    finally:
        await connector.aclose()
    look.facts = {**look.facts, "brings": sorted(connector.provides)}
    # What a part of the connector says of a row is surer than how the row looks.
    by_row = {**dict(look.rejected), **dict(rejected)}
    look.rejected = list(by_row.items())[:_MOST_REJECTED]
    look.rejected_count = len(by_row)
    return look


async def _rejected(connector: Connector[Any]) -> AsyncIterator[tuple[str, str]]:
    read = 0
    for part in sorted(connector.provides & set(_STREAMS)):
        async for item in getattr(connector, _STREAMS[part])(None):
            read += 1
            if isinstance(item, RejectedRow):
                yield item.where, item.why
            if read >= _MOST_READ:
                return


def _read(ours: tuple[str, ...], settings: Mapping[str, Any], context: Context) -> Look:
    path = _path(settings, context)
    sheet = str(settings.get("sheet") or "")
    facts: dict[str, Any] = {"file": path.name, "bytes": path.stat().st_size}
    if path.suffix.lower() in EXCEL:
        facts |= {"sheets": sheet_names(path), "sheet": sheet}
        table = read_table(path, sheet=sheet, encoding="utf-8", delimiter=",")
    else:
        encoding, delimiter = _as_it_looks(path, settings)
        facts |= {"encoding": encoding, "delimiter": "tab" if delimiter == "\t" else delimiter}
        table = read_table(path, sheet="", encoding=encoding, delimiter=delimiter)
    mapped = settings.get("columns")
    columns = mapped if isinstance(mapped, Mapping) else {}
    faults = [(f"row {line.number}", line.fault) for line in table.lines if line.fault]
    faults += _nameless(table, columns)
    return Look(
        ours=ours,
        columns=_columns(table, columns, ours),
        rows=[
            {"row": line.number, **dict(zip(table.headers, line.cells, strict=False))}
            for line in table.lines[:SAMPLE_ROWS]
        ],
        facts={**facts, "rows": len(table.lines)},
        rejected=faults[:_MOST_REJECTED],
        rejected_count=len(faults),
        cut=len(table.lines) > SAMPLE_ROWS,
    )


def _columns(table: Table, mapped: Mapping[str, Any], ours: tuple[str, ...]) -> list[Column]:
    of_header = {str(header).strip().casefold(): str(name) for name, header in mapped.items()}
    free = [h for h in table.headers if h and h.casefold() not in of_header]
    offers = {theirs: our for our, theirs in _offered(ours, free).items() if our not in mapped}
    return [
        Column(
            header,
            sample=next((_text(c) for c in _cells(table, at) if c not in (None, "")), ""),
            ours=of_header.get(header.casefold()) or offers.get(header, ""),
            is_offered=header.casefold() not in of_header and header in offers,
        )
        for at, header in enumerate(table.headers)
        if header
    ]


def _offered(ours: tuple[str, ...], headers: list[str]) -> dict[str, str]:
    found = offered(ours, headers)
    if "name" in found and not {"item_id", "order_number"} & found.keys():
        # Nothing is sold in this file: the name is a customer's.
        return offered([our for our in ours if our != "name"], headers)
    return found


def _nameless(table: Table, mapped: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the rows in which no id of a customer stands."""
    headers = [h.casefold() for h in table.headers]
    ids = [str(mapped[key]).strip().casefold() for key in KEYS if key in mapped]
    places = [headers.index(name) for name in ids if name in headers]
    if not places:
        return []
    return [
        (f"row {line.number}", "names no customer: it has no id")
        for line in table.lines
        if all(at >= len(line.cells) or line.cells[at] in (None, "") for at in places)
    ]


def _cells(table: Table, at: int) -> list[Any]:
    return [line.cells[at] for line in table.lines[:SAMPLE_ROWS] if at < len(line.cells)]


def _text(cell: Any) -> str:
    """Write a cell as it stands in the file: a spreadsheet keeps 2000 as 2000.0."""
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)


def _path(settings: Mapping[str, Any], context: Context) -> Path:
    name = settings.get("path")
    if not isinstance(name, str) or not name.strip():
        raise SourceError(ErrorKind.BAD_CONFIG, "give the file first: drop it here, or name it")
    folder = context.data_dir.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise SourceError(ErrorKind.UNAVAILABLE, f"there is no file {name[:200]!r} in the folder")
    return path


def _as_it_looks(path: Path, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return encoding and delimiter: those set, else those that the file's beginning shows."""
    with path.open("rb") as file:
        start = file.read(_PEEK)
    encoding = settings.get("encoding") or _encoding(start)
    try:
        text = start.decode("utf-16" if _is_utf16(start) else str(encoding), "replace")
    except LookupError:
        raise SourceError(ErrorKind.BAD_CONFIG, f"there is no encoding {encoding!r}") from None
    given = settings.get("delimiter")
    delimiter = "\t" if given == "tab" else str(given) if given else _delimiter(text)
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise SourceError(ErrorKind.BAD_CONFIG, "the delimiter must be one character, or tab")
    return str(encoding), delimiter


def _is_utf16(start: bytes) -> bool:
    return start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _encoding(start: bytes) -> str:
    try:
        # A character that the end of the peek has cut is no fault.
        codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        return "utf-16" if _is_utf16(start) else "windows-1252"
    return "utf-8-sig"


def _delimiter(text: str) -> str:
    """Return what parts the most cells alike on the first lines."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    if not lines:
        return ","

    def fits(mark: str) -> tuple[int, int]:
        first = lines[0].count(mark)
        return sum(first > 0 and line.count(mark) == first for line in lines), first

    return max(_DELIMITERS, key=fits)
