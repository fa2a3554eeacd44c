"""How often a service may be asked: a budget of requests, corrected by what the service says.

One budget per running connector. A read that somebody waits for takes what is left or is refused
at once; a read in the background waits, and leaves a part for the others.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from connectors.sdk.types import ErrorKind, SourceError

WINDOW_S = 60.0
# What a read in the background leaves of the budget for callers on the line.
_FOR_CALLERS = 0.2
_LONGEST_FOR_A_CALLER_S = 10.0
_LONGEST_TOLD_S = 3_600.0
_patience: ContextVar[float] = ContextVar("patience", default=1.0)


@contextmanager
def patience(longest_wait_s: float) -> Iterator[None]:
    """Let reads within this block wait that long for their turn, and be tried more often.

    The host says so around a sync, which nobody waits for; without it a read waits 1 s at most.
    """
    token = _patience.set(longest_wait_s)
    try:
        yield
    finally:
        _patience.reset(token)


def longest_wait_s() -> float:
    """Return how long the read under way may wait for its turn."""
    return _patience.get()


def in_background() -> bool:
    """Say whether nobody waits for the read under way."""
    return _patience.get() > _LONGEST_FOR_A_CALLER_S


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """Headers, in small letters, in which a service says how many requests are left.

    `reset` holds seconds to go or an instant (seconds or milliseconds since 1970); without one,
    what is left is believed for `window_s`.
    """

    remaining: str
    limit: str | None = None
    reset: str | None = None
    window_s: float = WINDOW_S


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class Budget:
    """At most `requests_per_minute` (None: unlimited) in any 60 s and `max_concurrency` at once."""

    def __init__(
        self,
        requests_per_minute: int | None = None,
        max_concurrency: int = 8,
        rate_headers: Sequence[RateHeaders] = (),
        clock: Callable[[], float] = _loop_time,
    ) -> None:
        self._per_minute = requests_per_minute
        self._places = asyncio.Semaphore(max_concurrency)
        self._rate_headers = tuple(rate_headers)
        self._clock = clock
        self._taken: deque[float] = deque()
        self._told: dict[str, tuple[int, float]] = {}

    @property
    def left(self) -> int | None:
        """Requests that may be made now; None when no limit is known."""
        now = self._clock()
        known = [left for left, until in self._told.values() if until > now]
        if self._per_minute is not None:
            self._forget(now)
            known.append(self._per_minute - len(self._taken))
        return max(0, min(known)) if known else None

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for one request, waiting for it as long as `patience` allows.

        Raises:
            SourceError: RATE_LIMITED, with the wait that would be needed.
        """
        async with self._places:
            while (wait := self._wait_s()) > 0:
                if wait > longest_wait_s():
                    raise SourceError(
                        ErrorKind.RATE_LIMITED,
                        f"the requests that the source allows are used up; there are more in"
                        f" {wait:.0f} s",
                        retry_after_s=wait,
                    )
                await asyncio.sleep(wait)
            self._take()
            yield

    def heard(self, headers: Mapping[str, str]) -> None:
        """Learn from the headers of an answer what is left."""
        for names in self._rate_headers:
            left = _number(headers.get(names.remaining))
            if left is None:
                continue
            reset = _number(headers.get(names.reset)) if names.reset else None
            until = names.window_s if reset is None else _seconds_to(reset)
            self.told(int(left), until, names.remaining)

    def told(self, left: int, for_s: float, what: str = "") -> None:
        """Learn that `left` requests may be made in the next `for_s` seconds.

        `what` parts several limits (a minute's, a day's) of one service.
        """
        self._told[what] = (max(0, left), self._clock() + min(max(0.0, for_s), _LONGEST_TOLD_S))

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0] <= now - WINDOW_S:
            self._taken.popleft()

    def _wait_s(self) -> float:
        """Return how long to wait before the next request may be made, 0 if it may be now."""
        now = self._clock()
        waits = [until - now for left, until in self._told.values() if left <= 0]
        if self._per_minute is not None:
            self._forget(now)
            most = self._per_minute
            if in_background():
                most = max(1, int(most * (1 - _FOR_CALLERS)))
            over = len(self._taken) - most
            if over >= 0:
                waits.append(self._taken[over] + WINDOW_S - now)
        return max(waits, default=0.0)

    def _take(self) -> None:
        if self._per_minute is not None:
            self._taken.append(self._clock())
        self._told = {what: (left - 1, until) for what, (left, until) in self._told.items()}


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 1e15 else None


def _seconds_to(reset: float) -> float:
    """Return the seconds until a reset given as seconds to go, or as an instant."""
    if reset > 1e11:
        return reset / 1000 - time.time()
    return reset - time.time() if reset > 1e9 else reset
