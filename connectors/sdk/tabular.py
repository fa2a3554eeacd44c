"""Reading CSV and Excel files as rows under a header line. Blocking: call it in a thread."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import python_calamine

from connectors.sdk.formulas import formulas_without_value
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Formula

EXCEL = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_MOST_BYTES = 256 * 1024 * 1024
# What a spreadsheet may unpack to: a small file can hold gigabytes of nothing.
_MOST_UNPACKED = 1024 * 1024 * 1024
_HEADERS_NAMED = 40
_READINGS = 3
BEING_WRITTEN = "is being written: have it written under another name and then renamed"


@dataclass(frozen=True, slots=True)
class Line:
    """One row: `number` is its line in the file or row in the sheet, `fault` why it is unusable."""

    number: int
    cells: Sequence[Any]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file under its headers."""

    headers: tuple[str, ...]
    lines: tuple[Line, ...]

    def position(self, header: str) -> int:
        """Return where the column with this header is, ignoring case and outer spaces.

        Raises:
            SourceError: BAD_CONFIG, there is none, or two; names those there are.
        """
        wanted = header.strip().casefold()
        found = [i for i, name in enumerate(self.headers) if name.casefold() == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            raise SourceError(ErrorKind.BAD_CONFIG, f"the file has the header {header!r} twice")
        names = ", ".join(repr(name[:60]) for name in self.headers[:_HEADERS_NAMED])
        hint = ". Was it renamed? Give its name of now under `columns`"
        if len(self.headers) == 1 and any(mark in names for mark in ";\t|"):
            hint = ". Is another delimiter set than the file has?"
        raise SourceError(
            ErrorKind.BAD_CONFIG, f"the file has no header {header!r}; it has {names}{hint}"
        )


def read_table(path: Path, *, sheet: str, encoding: str, delimiter: str) -> Table:
    """Read a file: Excel by its ending, else delimited text.

    Raises:
        SourceError: it cannot be opened, or is not what its ending says.
    """
    content = _stable_content(path)
    if path.suffix.lower() in EXCEL:
        return _table(_sheet_lines(content, sheet))
    return _table(_text_lines(_decode(content, encoding), delimiter))


def sheet_names(path: Path) -> list[str]:
    """Return the names of a spreadsheet's sheets, in their order.

    Raises:
        SourceError: it cannot be opened, or is no spreadsheet.
    """
    content = _stable_content(path)
    _check_size(content)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        return [str(name) for name in book.sheet_names]
    except python_calamine.PasswordError:
        raise SourceError(ErrorKind.BAD_DATA, "the file is protected by a password") from None
    except (python_calamine.CalamineError, OSError):
        raise SourceError(ErrorKind.BAD_DATA, "the file is not a readable spreadsheet") from None


def stamp(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is written or replaced."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _stable_content(path: Path) -> bytes:
    """Read a file that nobody writes meanwhile, once more if somebody does."""
    try:
        for _ in range(_READINGS):
            before = stamp(path)
            if before[1] > _MOST_BYTES:
                raise SourceError(ErrorKind.BAD_DATA, "the file is larger than 256 MiB")
            content = path.read_bytes()
            if stamp(path) == before:
                return content
    except OSError as error:
        raise SourceError(
            ErrorKind.UNAVAILABLE, f"{path.name} cannot be opened ({type(error).__name__})"
        ) from None
    raise SourceError(
        ErrorKind.UNAVAILABLE,
        f"{path.name} {BEING_WRITTEN}",
    )


def _table(lines: Iterable[Line]) -> Table:
    filled = [line for line in lines if any(cell not in (None, "") for cell in line.cells)]
    if not filled:
        raise SourceError(ErrorKind.BAD_DATA, "the file is empty: a header line is expected")
    headers = tuple(" ".join(str(cell).split()) for cell in filled[0].cells)
    width = len(headers)
    rows = (Line(line.number, line.cells, _fault(line.cells, width)) for line in filled[1:])
    return Table(headers, tuple(rows))


def _fault(cells: Sequence[Any], width: int) -> str | None:
    if any(cell not in (None, "") for cell in cells[width:]):
        return f"has {len(cells)} cells under {width} headers: a delimiter inside a text?"
    return None


def _decode(content: bytes, encoding: str) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            f"line {line} is not {encoding}: set the encoding the file has,"
            " often windows-1252 or utf-16",
        ) from None


def _text_lines(text: str, delimiter: str) -> Iterable[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield Line(reader.line_num, cells)
    except csv.Error:
        raise SourceError(
            ErrorKind.BAD_DATA, f"line {reader.line_num} has a quotation mark without its partner"
        ) from None


def _sheet_lines(content: bytes, sheet: str) -> Iterable[Line]:
    _check_size(content)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = book.sheet_names
        if sheet and sheet not in names:
            known = ", ".join(repr(name) for name in names)
            raise SourceError(ErrorKind.BAD_CONFIG, f"there is no sheet {sheet!r}; it has {known}")
        rows = book.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=False)
        unusable = formulas_without_value(content, sheet or names[0])
    except python_calamine.PasswordError:
        raise SourceError(ErrorKind.BAD_DATA, "the file is protected by a password") from None
    except (python_calamine.CalamineError, IndexError, OSError):
        raise SourceError(ErrorKind.BAD_DATA, "the file is not a readable spreadsheet") from None
    for number, cells in enumerate(rows, 1):
        yield Line(number, _with_formulas(cells, unusable.get(number, {})))


def _with_formulas(cells: Sequence[Any], unusable: Mapping[int, Formula]) -> Sequence[Any]:
    return [unusable.get(at, cell) for at, cell in enumerate(cells)] if unusable else cells


def _check_size(content: bytes) -> None:
    if not content.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        raise SourceError(ErrorKind.BAD_DATA, "the file is not a readable spreadsheet") from None
    if unpacked > _MOST_UNPACKED:
        raise SourceError(ErrorKind.BAD_DATA, "the spreadsheet unpacks to more than 1 GiB")
