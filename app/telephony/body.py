"""Bodies of webhooks, read as hostile text: media type, JSON, forms and single values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from app.telephony.base import NotUnderstood
from app.telephony.form import text_pairs

MAX_TEXT = 256
MAX_FORM_FIELDS = 500
MAX_DATA_FIELDS = 64
MAX_DATA_KEY = 128
MAX_DATA_VALUE = 1024

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch


def media_type(headers: Mapping[str, str]) -> str:
    """Return the body's media type in lower case, "" when the header is missing.

    Raises:
        NotUnderstood: the body is said to be in another encoding than UTF-8.
    """
    media, _, parameters = headers.get("content-type", "").partition(";")
    if parameters:
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            encoding = value.strip(' "').lower()
            if name.strip().lower() == "charset" and encoding not in ("utf-8", "utf8", "us-ascii"):
                raise NotUnderstood("the body must be in UTF-8: send charset=utf-8")
    return media.strip().lower()


def json_value(body: bytes, at: str = "") -> Any:
    """Read JSON; `at` is the JSON pointer of where it was found.

    Raises:
        NotUnderstood: not JSON (NaN and lone surrogates are not), not UTF-8, or nested deeper
            than the 1,024 levels that orjson reads.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        what = "the body is empty: send one JSON object" if not body else f"not JSON: {error}"
        raise NotUnderstood(what, at) from None


def form_fields(text: bytes) -> list[tuple[str, str]]:
    """Read a form body or a query string; blank values are kept.

    Raises:
        NotUnderstood: not UTF-8, or more than 500 fields.
    """
    if text.count(b"&") >= MAX_FORM_FIELDS:
        raise NotUnderstood(f"the form has more than {MAX_FORM_FIELDS} fields")
    try:
        return text_pairs(text)
    except UnicodeDecodeError:
        raise NotUnderstood("the form is not UTF-8") from None


def text(data: Mapping[str, Any], key: str, at: str = "", limit: int = MAX_TEXT) -> str | None:
    """Return a text field; null, absent and "" are all "not given".

    Raises:
        NotUnderstood: not text, longer than `limit` characters, or with a NUL in it.
    """
    value = data.get(key)
    if type(value) is str and len(value) <= limit and "\0" not in value:
        return value or None
    return None if value is None or value == "" else checked_text(value, f"{at}/{key}", limit)


def checked_text(value: object, at: str, limit: int = MAX_TEXT) -> str:
    """Return the value if it is text that can be kept.

    Raises:
        NotUnderstood: not text, longer than `limit` characters, or with a NUL in it.
    """
    if not isinstance(value, str):
        hint = f': write "{value}", in quotes' if type(value) in (int, float) else ""
        raise NotUnderstood(f"must be text, not {json_type(value)}{hint}", at)
    if len(value) > limit:
        raise NotUnderstood(f"is {len(value)} characters long, the limit is {limit}", at)
    if "\0" in value:
        raise NotUnderstood("holds a NUL character, which no text may: leave it out", at)
    return value


def required_text(data: Mapping[str, Any], key: str, at: str, why: str) -> str:
    """Return a text field that must be there; `why` says what it is for.

    Raises:
        NotUnderstood: missing, blank, or not text that can be kept.
    """
    value = text(data, key, at)
    if value is None or value.isspace():
        raise NotUnderstood(f"is missing: {why}", f"{at}/{key}")
    return value


def timestamp(value: str, at: str) -> datetime:
    """Read an RFC 3339 time, and return it in UTC.

    Raises:
        NotUnderstood: another format, no such moment, or no offset.
    """
    try:
        if _RFC3339(value):
            moment = datetime.fromisoformat(value.upper())
            return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise NotUnderstood("must be an RFC 3339 time with offset, as 2026-11-21T10:00:00Z", at)


def text_values(data: Mapping[str, Any], key: str, at: str) -> dict[str, str]:
    """Return an object of free keys with its values as text: at most 64 fields of 1,024 characters.

    What goes beyond is cut off: it is extra, and must not cost the call its pop.

    Raises:
        NotUnderstood: not an object, a key of more than 128 characters, or a NUL.
    """
    given = data.get(key)
    if given is None:
        return {}
    at = f"{at}/{key}"
    if not isinstance(given, dict):
        raise NotUnderstood(f"must be an object, not {json_type(given)}", at)
    values: dict[str, str] = {}
    for name, value in given.items():
        if len(values) == MAX_DATA_FIELDS:
            break
        if len(name) > MAX_DATA_KEY or "\0" in name:
            checked_text(name, _pointer(at, name), MAX_DATA_KEY)
        if value is None:
            continue
        plain = value if isinstance(value, str) else _as_text(value, at, name)
        if len(plain) > MAX_DATA_VALUE:
            plain = plain[: MAX_DATA_VALUE - 1] + "…"
        if "\0" in plain:
            checked_text(plain, _pointer(at, name), MAX_DATA_VALUE)
        values[name] = plain
    return values


def _pointer(at: str, name: str) -> str:
    return f"{at}/{name[:MAX_DATA_KEY].replace('~', '~0').replace('/', '~1')}"


def _as_text(value: object, at: str, name: str) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise NotUnderstood("nested too deeply to be kept", _pointer(at, name)) from None


def json_type(value: object) -> str:
    """Name a value's type in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"
