"""What stands between the product and one connector: deadline, bulkhead, breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from connectors.sdk.types import ErrorKind, SourceError

T = TypeVar("T")

FAILURES_TO_OPEN = 5
OPEN_FOR_S = 5.0
AT_ONCE = 16
WAITING = 64

# The source itself is in trouble; a wrong question or one customer's bad data is not.
_TO_BE_MENDED = frozenset({ErrorKind.AUTH_EXPIRED, ErrorKind.AUTH_DENIED})
_TROUBLE = _TO_BE_MENDED | {ErrorKind.UNAVAILABLE, ErrorKind.RATE_LIMITED}


class BreakerState(StrEnum):
    """Whether the source is asked at all."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Guard:
    """Lets at most `AT_ONCE` questions through at a time, none while the source is down.

    After `FAILURES_TO_OPEN` failures in a row the source is left alone for `OPEN_FOR_S` seconds
    (or as long as it asks for); then one question probes it.
    """

    def __init__(self, name: str, timeout_s: float) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(AT_ONCE)
        self._inside = 0
        self._failures = 0
        self._closed_until = 0.0
        self._probing = False
        self._last: SourceError | None = None

    @property
    def state(self) -> BreakerState:
        """Whether the source is asked at all."""
        if self._failures < FAILURES_TO_OPEN and not self._resting:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._resting else BreakerState.HALF_OPEN

    @property
    def _resting(self) -> bool:
        return asyncio.get_running_loop().time() < self._closed_until

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the source.

        Raises:
            SourceError: the source failed, is left alone, or has too many waiting for it.
            TimeoutError: no answer within the deadline.
        """
        probing = self._enter()
        try:
            async with asyncio.timeout(self._timeout_s), self._places:
                answer = await ask()
        except TimeoutError:
            self._last = None
            self._failed(None)
            raise
        except SourceError as error:
            if error.kind in _TROUBLE:
                self._last = error
                self._failed(error.retry_after_s)
            else:
                self._failures = 0
            raise
        else:
            self._failures = 0
            return answer
        finally:
            self._inside -= 1
            if probing:
                self._probing = False

    def _enter(self) -> bool:
        state = self.state
        if state is BreakerState.OPEN or (state is BreakerState.HALF_OPEN and self._probing):
            raise self._refusal()
        if self._inside >= AT_ONCE + WAITING:
            raise SourceError(ErrorKind.BUSY, f"too many calls are waiting for {self._name}")
        self._inside += 1
        self._probing = self._probing or state is BreakerState.HALF_OPEN
        return state is BreakerState.HALF_OPEN

    def _refusal(self) -> SourceError:
        last = self._last
        if last is not None and last.kind is not ErrorKind.UNAVAILABLE:
            # What a person can mend, or the source's own wish, says more.
            return SourceError(last.kind, last.text)
        return SourceError(
            ErrorKind.UNAVAILABLE,
            f"{self._name} did not answer the last {self._failures} times; it is asked again "
            "in a few seconds",
        )

    def _failed(self, retry_after_s: float | None) -> None:
        self._failures += 1
        rest = retry_after_s
        if rest is None and self._failures >= FAILURES_TO_OPEN:
            rest = OPEN_FOR_S
        if rest is not None:
            self._closed_until = asyncio.get_running_loop().time() + rest
