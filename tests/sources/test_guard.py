"""Deadline, bulkhead and breaker, with a clock that only the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.sources.guard import (
    AT_ONCE,
    FAILURES_TO_OPEN,
    OPEN_FOR_S,
    WAITING,
    Guard,
)
from connectors.sdk.types import ErrorKind, SourceError
from tests.clock import skip

Ask = Callable[[], Awaitable[str]]


async def fine() -> str:
    return "answer"


async def hang() -> str:
    await asyncio.Event().wait()
    return "never"


def failing(kind: ErrorKind = ErrorKind.UNAVAILABLE, retry_after_s: float | None = None) -> Ask:
    async def fail() -> str:
        raise SourceError(kind, "it failed", retry_after_s=retry_after_s)

    return fail


async def fails(guard: Guard, ask: Ask) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await guard.call(ask)
    return caught.value


def state(guard: Guard) -> str:
    return guard.state.value


async def opened() -> Guard:
    guard = Guard("Ledger", 5)
    for _ in range(FAILURES_TO_OPEN):
        await fails(guard, failing())
    assert state(guard) == "open"
    return guard


async def test_an_answer_passes_through() -> None:
    assert await Guard("Ledger", 5).call(fine) == "answer"


async def test_no_answer_within_the_deadline_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        await Guard("Ledger", 0.001).call(hang)


async def test_a_source_that_is_down_is_not_asked_and_the_answer_says_so() -> None:
    guard = await opened()
    error = await fails(guard, failing(ErrorKind.BAD_DATA))
    assert error.kind is ErrorKind.UNAVAILABLE
    assert error.text.startswith("Ledger did not answer the last 5 times")


async def test_a_source_that_a_person_has_to_mend_is_left_alone_and_says_what_to_do() -> None:
    guard = Guard("Ledger", 5)
    for _ in range(FAILURES_TO_OPEN):
        await fails(guard, failing(ErrorKind.AUTH_EXPIRED))
    assert state(guard) == "open"
    error = await fails(guard, fine)
    assert (error.kind, error.text) == (ErrorKind.AUTH_EXPIRED, "it failed")


async def test_timeouts_count_as_failures() -> None:
    guard = Guard("Ledger", 0.001)
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(TimeoutError):
            await guard.call(hang)
    assert state(guard) == "open"


@pytest.mark.parametrize("kind", [ErrorKind.NOT_FOUND, ErrorKind.BAD_DATA, ErrorKind.BAD_CONFIG])
async def test_a_wrong_question_does_not_stop_the_others(kind: ErrorKind) -> None:
    guard = Guard("Ledger", 5)
    for _ in range(FAILURES_TO_OPEN * 2):
        await fails(guard, failing(kind))
    assert state(guard) == "closed"


async def test_one_answer_between_failures_keeps_it_closed() -> None:
    guard = Guard("Ledger", 5)
    for _ in range(3):
        for _ in range(FAILURES_TO_OPEN - 1):
            await fails(guard, failing())
        await guard.call(fine)
    assert state(guard) == "closed"


async def test_after_its_rest_one_question_probes_and_an_answer_closes_it() -> None:
    guard = await opened()
    skip(OPEN_FOR_S + 0.1)
    assert state(guard) == "half_open"
    assert await guard.call(fine) == "answer"
    assert state(guard) == "closed"


async def test_a_probe_that_fails_gives_it_another_rest() -> None:
    guard = await opened()
    skip(OPEN_FOR_S + 0.1)
    await fails(guard, failing())
    assert state(guard) == "open"
    skip(OPEN_FOR_S + 0.1)
    assert await guard.call(fine) == "answer"


async def test_only_one_question_probes_at_a_time() -> None:
    guard = await opened()
    skip(OPEN_FOR_S + 0.1)
    answered = asyncio.Event()

    async def slow() -> str:
        await answered.wait()
        return "answer"

    probe = asyncio.create_task(guard.call(slow))
    await asyncio.sleep(0)
    assert (await fails(guard, failing(ErrorKind.BAD_DATA))).kind is ErrorKind.UNAVAILABLE
    answered.set()
    assert await probe == "answer"
    assert await guard.call(fine) == "answer"


async def test_a_probe_that_is_given_up_leaves_room_for_the_next() -> None:
    guard = await opened()
    skip(OPEN_FOR_S + 0.1)
    probe = asyncio.create_task(guard.call(hang))
    await asyncio.sleep(0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert await guard.call(fine) == "answer"


async def test_a_source_gets_the_rest_it_asks_for() -> None:
    guard = Guard("Ledger", 5)
    await fails(guard, failing(ErrorKind.RATE_LIMITED, retry_after_s=30))
    assert state(guard) == "open"
    skip(29)
    assert state(guard) == "open"
    skip(2)
    assert state(guard) == "closed"


async def test_a_rest_is_not_cut_short_by_an_answer_that_was_under_way() -> None:
    guard = Guard("Ledger", 5)
    answered = asyncio.Event()

    async def slow() -> str:
        await answered.wait()
        raise SourceError(ErrorKind.UNAVAILABLE, "late")

    under_way = asyncio.create_task(fails(guard, slow))
    await asyncio.sleep(0)
    await fails(guard, failing(ErrorKind.RATE_LIMITED, retry_after_s=30))
    for _ in range(FAILURES_TO_OPEN):
        await fails(guard, failing())
    answered.set()
    await under_way
    skip(OPEN_FOR_S + 1)
    assert state(guard) == "open"


async def test_so_many_are_asked_at_once_so_many_wait_and_the_rest_are_told() -> None:
    guard = Guard("Ledger", 5)
    inside = most = 0
    answered = asyncio.Event()

    async def slow() -> str:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await answered.wait()
        inside -= 1
        return "answer"

    calls = [asyncio.create_task(guard.call(slow)) for _ in range(AT_ONCE + WAITING)]
    while inside < AT_ONCE:
        await asyncio.sleep(0)
    error = await fails(guard, failing())
    assert (error.kind, error.text) == (ErrorKind.BUSY, "too many calls are waiting for Ledger")
    answered.set()
    assert await asyncio.gather(*calls) == ["answer"] * (AT_ONCE + WAITING)
    assert most == AT_ONCE
    assert state(guard) == "closed"
