"""What an admin writes to map a source: placeholders in addresses, JMESPath for fields. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from connectors.sdk.types import ErrorKind, SourceError

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


# What the expression picks from a document.
Expression = Callable[[Any], Any]
# Holds no state of a search, and costs more to make than most expressions to run.
_INTERPRETER = TreeInterpreter()


def placeholders(template: str) -> set[str]:
    """Return the names in braces: those of `/c/{remote_id}` are `{"remote_id"}`.

    Raises:
        ValueError: a brace without its partner.
    """
    if re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
        raise ValueError("a brace has no partner: placeholders are written {remote_id}")
    return set(_PLACEHOLDER.findall(template))


def check_names(names: Iterable[str], known: Collection[str], what: str) -> None:
    """Refuse a name that is not known, with the nearest one that is.

    Raises:
        ValueError: in words for the admin.
    """
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
            raise ValueError(f"there is no {what} {name!r}: {hint}")


def fill_path(template: str, values: Mapping[str, str]) -> str:
    """Fill placeholders into a path, each as one segment whatever it holds.

    Raises:
        SourceError: a value would change the path (`..`).
    """

    def segment(found: re.Match[str]) -> str:
        value = values[found[1]]
        if value in {"", ".", ".."}:
            raise SourceError(ErrorKind.BAD_DATA, f"this {found[1]} cannot be part of an address")
        return quote(value, safe="")

    return _PLACEHOLDER.sub(segment, template)


def fill_text(template: str, values: Mapping[str, str]) -> str:
    """Fill placeholders into the value of a query parameter, which is encoded when sent."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


@lru_cache(maxsize=1_024)
def compiled(expression: str) -> Expression:
    """Compile a JMESPath expression.

    Raises:
        ValueError: it is not JMESPath; says where.
    """
    try:
        tree = jmespath.compile(expression).parsed
    except JMESPathError as error:
        position = getattr(error, "lex_position", None)
        where = f" at character {position + 1}" if isinstance(position, int) else ""
        raise ValueError(f"{expression!r} is not JMESPath{where}") from None
    if tree["type"] == "field":
        # Nearly all are a plain name, which needs no interpreter.
        return partial(_field, tree["value"])
    return partial(_INTERPRETER.visit, tree)


@lru_cache(maxsize=1_024)
def plain_path(expression: str) -> tuple[str, ...]:
    """Return the names of an expression that only walks down by name (`a.b`), () of others."""
    return _plain_path(jmespath.compile(expression).parsed)


def _plain_path(tree: Any) -> tuple[str, ...]:
    if tree["type"] == "field":
        return (str(tree["value"]),)
    if tree["type"] != "subexpression":
        return ()
    parts = [_plain_path(child) for child in tree["children"]]
    return tuple(name for part in parts for name in part) if all(parts) else ()


def is_absent(expression: str, record: Any) -> bool:
    """Say whether a name that an expression walks by is not there, which is not the same as null.

    Other expressions than such a walk never count as absent.
    """
    for name in plain_path(expression):
        if not isinstance(record, Mapping):
            return False
        if name not in record:
            return True
        record = record[name]
    return False


def fill_json(template: Any, values: Mapping[str, str]) -> Any:
    """Fill placeholders into the texts of a JSON document, and nowhere else."""
    if isinstance(template, str):
        return fill_text(template, values)
    if isinstance(template, list):
        return [fill_json(part, values) for part in template]
    if isinstance(template, dict):
        return {name: fill_json(part, values) for name, part in template.items()}
    return template


def json_placeholders(template: Any) -> set[str]:
    """Return the placeholders in the texts of a JSON document.

    Raises:
        ValueError: a brace without its partner.
    """
    if isinstance(template, str):
        return placeholders(template)
    parts = template.values() if isinstance(template, dict) else template
    return (
        set().union(*map(json_placeholders, parts)) if isinstance(template, dict | list) else set()
    )


def _field(name: str, document: Any) -> Any:
    return document.get(name) if isinstance(document, dict) else None


def pick(expression: str, document: Any) -> Any:
    """Return what an expression picks from a document, None when it is not there.

    Raises:
        SourceError: BAD_DATA, the document is not of the shape that the expression needs.
    """
    try:
        return compiled(expression)(document)
    except (JMESPathError, TypeError, ValueError, RecursionError):
        raise SourceError(
            ErrorKind.BAD_DATA, f"the answer does not fit the expression `{expression}`"
        ) from None


def pick_records(expression: str, document: Any) -> list[Mapping[str, Any]]:
    """Return the records that an expression picks: a list of objects, or one object.

    Raises:
        SourceError: BAD_DATA, it picks nothing, or something else.
    """
    found = pick(expression, document)
    records = [found] if isinstance(found, Mapping) else found
    if not isinstance(records, list):
        state = "is not in the answer" if found is None else "is neither a list nor an object"
        raise SourceError(ErrorKind.BAD_DATA, f"`{expression}` (records) {state}")
    if not all(isinstance(record, Mapping) for record in records):
        raise SourceError(ErrorKind.BAD_DATA, f"`{expression}` (records) holds more than objects")
    return records


def map_record(fields: Mapping[str, str], record: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the named fields of a record; without a map its own names are taken."""
    if not fields:
        return dict(record)
    return {name: pick(expression, record) for name, expression in fields.items()}
