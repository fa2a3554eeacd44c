"""What the answers of web services mean."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.sdk.answers import Answer, raise_for_status, read_json, retry_after
from connectors.sdk.types import ErrorKind, SourceError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, ErrorKind.AUTH_EXPIRED),
        (403, ErrorKind.AUTH_DENIED),
        (404, ErrorKind.NOT_FOUND),
        (429, ErrorKind.RATE_LIMITED),
        (500, ErrorKind.UNAVAILABLE),
        (503, ErrorKind.UNAVAILABLE),
        (422, ErrorKind.BAD_CONFIG),
    ],
)
def test_each_status_means_one_kind_of_error(status: int, kind: ErrorKind) -> None:
    with pytest.raises(SourceError) as caught:
        raise_for_status(Answer("", status, {"retry-after": "7"}, b"secret of the source"))
    assert caught.value.kind == kind
    assert caught.value.retry_after_s == 7
    assert "secret" not in caught.value.text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Sun, 22 Nov 2026 09:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 08:00:00 GMT", 0),
        ("99999999999999", 3600),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 11, 22, 9, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"{", b"[" * 100_000, b"NaN", b'{"a": Infinity}', b"\xff\xfe"]
)
async def test_what_is_not_json_is_bad_data(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        await read_json(Answer("", 200, {}, body))
    assert caught.value.kind == ErrorKind.BAD_DATA


async def test_money_keeps_every_digit_of_the_answer() -> None:
    parsed = await read_json(Answer("", 200, {}, b'{"a": 0.10, "b": 123456789012345.67}'))
    assert parsed == {"a": Decimal("0.10"), "b": Decimal("123456789012345.67")}
