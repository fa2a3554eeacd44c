"""Cells of an Excel file whose formula has no usable result.

Excel keeps a formula beside its last result; programs that only write the formula leave none, and
a reader then sees an empty cell, which would pass for "not set". Only `.xlsx` and `.xlsm` are
looked at (ECMA-376 part 1, section 18.3.1.4); the other formats cannot be told apart.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from posixpath import join, normpath

from connectors.sdk.values import Formula

_CELL = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)(?<!/)>(.*?)</(?:\w+:)?c>", re.DOTALL
)  # an empty cell is <c .../>
_PLACE = re.compile(rb"\br=\"([A-Z]{1,3})(\d{1,7})\"")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_RESULT = re.compile(rb"<(?:\w+:)?(?:v|is)\b[^>/]*>[^<]|<(?:\w+:)?is\b")
_SHEET = re.compile(rb"<(?:\w+:)?sheet\b[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_WITHOUT = Formula(
    "a formula whose result was not saved (open the file in a spreadsheet program and save it)"
)
_ERROR = Formula("an error of a formula (#REF!, #N/A): mend it in the spreadsheet")


def formulas_without_value(content: bytes, sheet: str) -> dict[int, dict[int, Formula]]:
    """Return such cells by row (from 1) and column (from 0), those with an error among them."""
    if not content.startswith(b"PK"):
        return {}
    found: dict[int, dict[int, Formula]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = _part(archive, sheet)
        for row, column, formula in _cells(archive.read(part)) if part else ():
            found.setdefault(row, {})[column] = formula
    return found


def _cells(xml: bytes) -> Iterator[tuple[int, int, Formula]]:
    if not _FORMULA.search(xml) and b't="e"' not in xml:
        return
    for attributes, inside in _CELL.findall(xml):
        place = _PLACE.search(attributes)
        if place is None:
            continue
        if b't="e"' in attributes:
            yield int(place[2]), _column(place[1]), _ERROR
        elif (
            _FORMULA.search(inside) and not _RESULT.search(inside) and b't="str"' not in attributes
        ):
            yield int(place[2]), _column(place[1]), _WITHOUT


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Find the file of a sheet in the package."""
    try:
        book = archive.read("xl/workbook.xml")
        relations = archive.read("xl/_rels/workbook.xml.rels")
    except KeyError:
        return None
    wanted = _escaped(sheet)
    for tag in _SHEET.findall(book):
        if _attribute(tag, b"name") == wanted:
            own = _attribute(tag, rb"\w+:id")
            targets = [
                _attribute(r, b"Target")
                for r in _RELATION.findall(relations)
                if _attribute(r, b"Id") == own
            ]
            name = normpath(join("/xl", targets[0].decode())).lstrip("/") if targets else ""
            return name if name in archive.namelist() else None
    return None


def _attribute(tag: bytes, name: bytes) -> bytes:
    found = re.search(rb"\b" + name + rb"\s*=\s*\"([^\"]*)\"", tag)
    return found[1] if found else b""


def _escaped(text: str) -> bytes:
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return text.encode()
