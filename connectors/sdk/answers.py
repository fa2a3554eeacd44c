"""What a web service answered: its status in our words, and its JSON with exact numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from connectors.sdk.types import ErrorKind, SourceError

_MAX_HEADER_WAIT_S = 3_600.0
# Above this, parsing would hold up the event loop for longer than a push may take.
_PARSE_IN_THREAD = 128 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, decompressed. Headers have small letters, repeated ones are joined."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    method: str = "GET"


def raise_for_status(answer: Answer) -> None:
    """Raise the SourceError that an HTTP status means; 2xx passes.

    Raises:
        SourceError: AUTH_EXPIRED (401), AUTH_DENIED (403), NOT_FOUND (404, 410), RATE_LIMITED
            (429, with the wait the source asks for), UNAVAILABLE (5xx), BAD_CONFIG (other).
    """
    status = answer.status
    if 200 <= status < 300:
        return
    wait = retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
    kind, text = {
        401: (ErrorKind.AUTH_EXPIRED, "the source does not accept the credentials: renew them"),
        403: (ErrorKind.AUTH_DENIED, "the source does not allow this: give the account the right"),
        404: (ErrorKind.NOT_FOUND, "the source has nothing at this address"),
        410: (ErrorKind.NOT_FOUND, "the source has nothing at this address any more"),
        429: (ErrorKind.RATE_LIMITED, "the source asks to be called less often"),
    }.get(status, (ErrorKind.BAD_CONFIG, "the source does not understand the request"))
    if status >= 500 or status == 408:
        kind, text = ErrorKind.UNAVAILABLE, "the source has a fault of its own"
    raise SourceError(kind, f"{text} (HTTP {status})", retry_after_s=wait)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110 section 10.2.3), as seconds."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return min(float(value[:12]), _MAX_HEADER_WAIT_S)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max(0.0, (when - now).total_seconds()), _MAX_HEADER_WAIT_S)


async def read_json(answer: Answer) -> Any:
    """Parse an answer; numbers with a fraction become exact Decimals.

    Raises:
        SourceError: BAD_DATA, it is not JSON.
    """
    if len(answer.body) < _PARSE_IN_THREAD:
        return _parse(answer.body)
    return await asyncio.to_thread(_parse, answer.body)


def _parse(body: bytes) -> Any:
    try:
        return _JSON.decode(str(body, json.detect_encoding(body)))
    except (ValueError, RecursionError):
        page = body[:200].lstrip()[:1] == b"<"
        what = "a web page" if page else "not JSON"
        raise SourceError(
            ErrorKind.BAD_DATA, f"the answer is {what}: check base_url and the path"
        ) from None


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_JSON = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
