"""Good payloads with one value that no honest sender would put there, for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 1e308, 1.5, "", " ", "\0", "a\0b", "é" * 300, "2026-13-99T99:99Z"),
    *([], [[]], [None, 1, "a"], {}, {"a": {"b": "\0"}}, "9" * 40),
)


def with_odd_values(payload: Any) -> Iterator[Any]:
    """Put each odd value in each place, one at a time; and leave each place out."""
    yield from ODD
    if isinstance(payload, dict):
        for key, inner in payload.items():
            yield {k: v for k, v in payload.items() if k != key}
            for odd in with_odd_values(inner):
                yield {**payload, key: odd}
    elif isinstance(payload, list):
        for index, inner in enumerate(payload):
            for odd in with_odd_values(inner):
                yield [*payload[:index], odd, *payload[index + 1 :]]
