"""Looking at a web service: the raw answer of an operation, and the fields it offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from connectors.sdk import columns, facts, trace
from connectors.sdk.connector import Connector, Context
from connectors.sdk.faults import plain_detail
from connectors.sdk.look import Column, Look, Wanted
from connectors.sdk.offers import fields_in, lists_in, offered
from connectors.sdk.operation import BY_CUSTOMER, PLACEHOLDERS
from connectors.sdk.rest_settings import OPERATIONS
from connectors.sdk.types import ErrorKind, SourceError

_EVER = "1970-01-01T00:00:00Z"
# Those whose records may hold a list: the lines of an order.
_WITH_LINES = frozenset({"purchases", "history"})
_LINE = (*facts.LINE, "total_amount")
_IN_LINES = re.compile(r"[^\[\]]+\[0\]\.[^\[\]]+")
_MOST_RECORDS = 3
_LONGEST_TEXT = 500
# Of an operation only these say where it asks; the rest is what is being found out.
_WHERE = ("path", "query", "method", "body")
# What an operation cannot be set without; it is not asked.
_BALANCE = {"balance": {"path": "/{remote_id}", "fields": {"amount_due": "@"}}}
_COMPANY: Mapping[str, Mapping[str, Any]] = {
    "payments": _BALANCE,
    "credits": _BALANCE,
    "purchase_totals": {"purchases": {"path": "/{remote_id}"}},
}
Make = Callable[[dict[str, Any], Context], Connector[Any]]


async def look_at_service(
    make: Make, settings: Mapping[str, Any], context: Context, wanted: Wanted
) -> Look:
    """Ask the operation `wanted.name` once, unmapped, and say what the answer offers.

    Raises:
        SourceError: the service cannot be read, or the settings do not say where to ask.
    """
    if wanted.name not in OPERATIONS:
        raise SourceError(ErrorKind.BAD_CONFIG, f"there is no operation {wanted.name[:40]!r}")
    given = settings.get(wanted.name)
    operation: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    where = {k: operation[k] for k in _WHERE if k in operation}
    if not where.get("path"):
        raise SourceError(ErrorKind.BAD_CONFIG, f"give the path of {wanted.name} first")
    bare = {k: v for k, v in settings.items() if k not in OPERATIONS and k != "paging"}
    connector = _made(make, {**bare, **_COMPANY.get(wanted.name, {}), wanted.name: where}, context)
    heard: list[trace.TraceEntry] = []
    try:
        with trace.listening(heard.append):
            await connector.look(wanted.name, _values(wanted))  # type: ignore[attr-defined]
    except SourceError:
        if not any(entry.said.startswith("HTTP 2") for entry in heard):
            raise
    finally:
        await connector.aclose()
    answers = [entry for entry in heard if entry.said.startswith("HTTP")]
    if not answers:
        raise SourceError(ErrorKind.BAD_CONFIG, f"give {_needed(wanted)} to ask with")
    last = answers[-1]
    return _seen(wanted.name, operation, last)


def _seen(name: str, operation: Mapping[str, Any], entry: trace.TraceEntry) -> Look:
    ours = list(columns.known(name))
    if name not in PLACEHOLDERS:
        ours += [key for key in sorted(BY_CUSTOMER) if key not in ours]
    fields = _mapped(operation)
    lists: dict[str, list[Column]] = {}
    for path, records in lists_in(entry.content).items():
        found = fields_in(records[:20])
        offers = _offers(name, ours, list(found))
        lists[path] = [
            Column(
                theirs,
                sample=sample,
                ours=fields.get(theirs) or offers.get(theirs, ""),
                is_offered=theirs not in fields and theirs in offers,
            )
            for theirs, sample in found.items()
        ]
    facts = {"asked": entry.asked, "said": entry.said, "elapsed_ms": entry.elapsed_ms}
    return Look(
        ours=ours, lists=lists, content=_shortened(entry.content), facts=facts, cut=entry.cut
    )


def _mapped(operation: Mapping[str, Any]) -> dict[str, str]:
    """Return our name for each field that is mapped, those of an order's lines by their path."""
    found: dict[str, str] = {}
    lines = f"{operation.get('lines') or ''}[0]."
    for key, below in (("fields", ""), ("line_fields", lines)):
        mapped = operation.get(key)
        if isinstance(mapped, Mapping):
            found |= {f"{below}{theirs}": str(our) for our, theirs in mapped.items()}
    return found


def _offers(name: str, ours: list[str], paths: list[str]) -> dict[str, str]:
    """Say for each path which of our names it probably is.

    Where orders hold lists of lines, the lines' names are sought there and nowhere else.
    """
    of_lines = [path for path in paths if _IN_LINES.fullmatch(path)]
    lines = offered(_LINE, of_lines) if name in _WITH_LINES else {}
    if lines:
        ours = [our for our in ours if our not in _LINE]
        paths = [path for path in paths if path not in of_lines]
    return {theirs: our for our, theirs in {**offered(ours, paths), **lines}.items()}


def _made(make: Make, settings: dict[str, Any], context: Context) -> Connector[Any]:
    try:
        return make(settings, context)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        text = plain_detail(first)
        raise SourceError(ErrorKind.BAD_CONFIG, f"{where}: {text}" if where else text) from None


def _values(wanted: Wanted) -> dict[str, str]:
    return {"since": _EVER, **{key: value for key, value in wanted.values.items() if value}}


def _needed(wanted: Wanted) -> str:
    return {"find": "a phone number"}.get(wanted.name, "the id of a customer")


def _shortened(value: Any, depth: int = 0) -> Any:
    """Return enough of an answer to see its shape."""
    if isinstance(value, dict) and depth < 8:
        return {key: _shortened(each, depth + 1) for key, each in list(value.items())[:100]}
    if isinstance(value, list) and depth < 8:
        return [_shortened(each, depth + 1) for each in value[:_MOST_RECORDS]]
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    return value
