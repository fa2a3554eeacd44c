"""What a source was asked and what it said, kept while an admin tries a connector out.

Nobody listens during a call: then nothing is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

# As much of an answer as is shown.
MOST_BYTES = 64 * 1024
MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One exchange with a source: `asked` in its own words, `said` how it ended.

    `content` is JSON, rows or text as the source gave them; `cut` says that there was more.
    """

    asked: str
    said: str
    elapsed_ms: float
    values: Mapping[str, Any] = field(default_factory=dict)
    content: Any = None
    cut: bool = False


Trace = Callable[[TraceEntry], None]
_listener: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def listening(trace: Trace) -> Iterator[None]:
    """Hear every exchange with a source that happens inside, also in tasks begun there."""
    token = _listener.set(trace)
    try:
        yield
    finally:
        _listener.reset(token)


def is_heard() -> bool:
    """Whether anybody wants to know."""
    return _listener.get() is not None


def tell(entry: TraceEntry) -> None:
    """Tell who listens, if anybody does."""
    listener = _listener.get()
    if listener is not None:
        listener(entry)


def tell_rows(
    asked: str,
    began: float,
    rows: list[dict[str, Any]],
    *,
    values: Mapping[str, Any] | None = None,
    more: bool = False,
) -> None:
    """Tell of rows that were read; `began` is of `perf_counter`."""
    if not is_heard():
        return
    said = (
        f"{len(rows)}{' or more' if more else ''} row{'' if len(rows) == 1 and not more else 's'}"
    )
    cut = more or len(rows) > MOST_ROWS
    tell(TraceEntry(asked, said, since(began), values or {}, rows[:MOST_ROWS], cut))


def since(began: float) -> float:
    """Return the milliseconds since a time of `perf_counter`."""
    return round((perf_counter() - began) * 1000, 3)


def body_content(body: bytes) -> tuple[Any, bool]:
    """Return an answer's body as JSON if it is that, else as text; and whether it was cut."""
    if len(body) <= MOST_BYTES:
        text = body.decode("utf-8", "replace")
        try:
            return json.loads(text, parse_float=str), False
        except (ValueError, RecursionError):
            return text, False
    return body[:MOST_BYTES].decode("utf-8", "replace"), True
