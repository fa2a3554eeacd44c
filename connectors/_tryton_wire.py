"""How Tryton writes questions, values and refusals: its JSON-RPC. Pure.

As in trytond 8.2 (`protocols/dispatcher.py`, `jsonrpc.py`, `wrappers.py`). RPC and not the REST
interface of 7.8: REST leaves out fields that the user may not read, and answers without a company
as if nobody had a credit limit, both without a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from connectors.sdk.answers import Answer
from connectors.sdk.types import ErrorKind, SourceError

Record = Mapping[str, Any]
Domain = Sequence[Any]
# Names of Tryton's own groups, in English, by the part of it that they may read.
_GROUPS = {"account": "Accounting", "sale": "Sales", "stock": "Sales or Stock"}


def call(method: str, parameters: Sequence[Any]) -> dict[str, Any]:
    """Write a question."""
    # These three keys and no others, else Tryton answers in another form.
    return {"id": 1, "method": method, "params": parameters}


def result_of(document: Any, model: str, asked: Sequence[str]) -> Any:
    """Return what a question gave; an error comes with HTTP 200.

    `asked` are the names that Tryton may not know.

    Raises:
        SourceError: what the error means; none of Tryton's own words are handed on.
    """
    if not isinstance(document, dict) or not document.keys() & {"result", "error"}:
        raise unlike_tryton()
    error = document.get("error")
    if error is None:
        return document.get("result")
    code = error[0] if isinstance(error, list) and error else None
    if code in {"UserError", "UserWarning"}:
        raise SourceError(
            ErrorKind.AUTH_DENIED,
            f"Tryton does not let the user read `{model}`: put the user into the group"
            f" {_GROUPS.get(model.split('.')[0], 'that may')}",
        )
    if code == "LoginException":
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            "Tryton asks this user for more than a password: use a user who signs in with one",
        )
    unknown = _unknown_name(code, asked)
    if unknown is not None:
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            f"Tryton knows no `{unknown}` (asked of `{model}`): its module is not activated, or"
            " this connector does not know its version",
        )
    raise SourceError(ErrorKind.UNAVAILABLE, f"Tryton failed to read `{model}`: see its log")


def _unknown_name(code: Any, asked: Sequence[str]) -> str | None:
    """Return the name that Tryton does not know: a KeyError's text is the name in quotes."""
    names = {part for name in asked for part in (name, *name.split("."))}
    return next((name for name in sorted(names) if code == repr(name)), None)


def records_of(found: Any, model: str, fields: Sequence[str]) -> list[dict[str, Any]]:
    """Check that an answer is a list of records with the fields asked for.

    Raises:
        SourceError: BAD_DATA, it is not.
    """
    if not isinstance(found, list):
        raise unlike_tryton()
    # What is read of a linked record comes under the link's name and a dot.
    needed = {name + dot: field for field in fields for name, dot, _ in [field.partition(".")]}
    for record in found:
        if not isinstance(record, dict):
            raise unlike_tryton()
        missing = next((field for key, field in needed.items() if key not in record), None)
        if missing or not isinstance(record.get("id"), int):
            raise SourceError(
                ErrorKind.BAD_DATA,
                f"Tryton answered without the field `{missing or 'id'}` of `{model}`: this"
                " connector does not know its version",
            )
    return found


def plain(value: Any) -> Any:
    """Read Tryton's marked values: amounts as text, dates and times as such.

    Raises:
        SourceError: BAD_DATA, a marked value lacks its parts.
    """
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    try:
        if kind == "Decimal":
            return str(value["decimal"])
        if kind == "date":
            return date(value["year"], value["month"], value["day"])
        if kind == "datetime":
            return datetime(*(value[part] for part in _DAY + _TIME))  # noqa: DTZ001 - as it is kept
    except (KeyError, TypeError, ValueError):
        raise SourceError(ErrorKind.BAD_DATA, f"Tryton sent a damaged {kind}") from None
    return {name: plain(each) for name, each in value.items()}


_DAY = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")


def marked(value: date) -> dict[str, Any]:
    """Write a date, or a time as Tryton keeps it, into a question."""
    if isinstance(value, datetime):
        return {"__class__": "datetime", **{part: getattr(value, part) for part in _DAY + _TIME}}
    return {"__class__": "date", **{part: getattr(value, part) for part in _DAY}}


def refused(answer: Answer, _data: Any) -> SourceError | None:
    """Say what an HTTP status means of Tryton and of no other service; None: as everywhere."""
    if answer.status in {404, 405}:
        return SourceError(
            ErrorKind.BAD_CONFIG,
            "there is no Tryton database of this name at this address: check base_url and database",
        )
    return None


def unlike_tryton() -> SourceError:
    """Say that something else than Tryton answers."""
    return SourceError(ErrorKind.BAD_DATA, "the answer is not Tryton's: check base_url")
