"""How often a service may be asked, with a clock that only the test moves."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.budget import WINDOW_S, Budget, RateHeaders, patience
from connectors.sdk.types import ErrorKind, SourceError


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def use(budget: Budget, times: int = 1) -> None:
    for _ in range(times):
        async with budget.place():
            pass


async def refusal(budget: Budget) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await use(budget)
    assert caught.value.kind is ErrorKind.RATE_LIMITED
    return caught.value


async def test_a_budget_without_a_limit_refuses_nobody() -> None:
    budget = Budget()
    await use(budget, 500)
    assert budget.left is None


async def test_the_minutes_requests_are_given_out_and_then_refused_with_the_wait() -> None:
    clock = Clock()
    budget = Budget(3, clock=clock)
    await use(budget)
    clock.now += 10
    await use(budget, 2)
    assert budget.left == 0
    assert (await refusal(budget)).retry_after_s == pytest.approx(50)
    clock.now += 50
    assert budget.left == 1
    await use(budget)
    assert (await refusal(budget)).retry_after_s == pytest.approx(10)


@given(st.integers(1, 20), st.lists(st.floats(0, 30), max_size=60))
def test_in_no_minute_are_there_more_requests_than_allowed(
    per_minute: int, pauses: list[float]
) -> None:
    async def run() -> None:
        clock = Clock()
        budget = Budget(per_minute, clock=clock)
        made: list[float] = []
        for pause in pauses:
            clock.now += pause
            with contextlib.suppress(SourceError), patience(0):
                await use(budget)
                made.append(clock.now)
        for start in made:
            assert sum(start <= each < start + WINDOW_S for each in made) <= per_minute

    asyncio.run(run())


async def test_reading_in_the_background_leaves_a_part_for_callers() -> None:
    clock = Clock()
    budget = Budget(10, clock=clock)
    with patience(30):
        await use(budget, 8)
        assert (await refusal(budget)).retry_after_s == pytest.approx(WINDOW_S)
    await use(budget, 2)
    assert budget.left == 0


async def test_reading_in_the_background_waits_for_its_turn() -> None:
    budget = Budget()
    budget.told(0, 0.05)
    began = time.monotonic()
    with patience(30):
        await use(budget)
    assert time.monotonic() - began >= 0.05


async def test_only_so_many_are_under_way_at_once() -> None:
    budget = Budget(max_concurrency=2)
    inside = most = 0
    done = asyncio.Event()

    async def one() -> None:
        nonlocal inside, most
        async with budget.place():
            inside += 1
            most = max(most, inside)
            await done.wait()
            inside -= 1

    tasks = [asyncio.create_task(one()) for _ in range(5)]
    while inside < 2:
        await asyncio.sleep(0)
    done.set()
    await asyncio.gather(*tasks)
    assert most == 2


async def test_what_the_service_says_is_left_counts_until_its_reset() -> None:
    clock = Clock()
    minute = RateHeaders("x-minlimit-remaining")
    day = RateHeaders("x-daylimit-remaining", reset="x-day-reset")
    budget = Budget(60, rate_headers=[minute, day], clock=clock)
    budget.heard({"x-minlimit-remaining": "40", "x-daylimit-remaining": "2", "x-day-reset": "900"})
    assert budget.left == 2
    await use(budget, 2)
    assert (await refusal(budget)).retry_after_s == pytest.approx(900)
    clock.now += 901
    assert budget.left == 60


@pytest.mark.parametrize("unit", [1, 1000])
async def test_a_reset_may_be_an_instant(unit: int) -> None:
    clock = Clock()
    budget = Budget(rate_headers=[RateHeaders("left", reset="until")], clock=clock)
    budget.heard({"left": "0", "until": str(int(time.time() + 120) * unit)})
    wait = (await refusal(budget)).retry_after_s
    assert wait is not None
    assert 110 < wait <= 121


@pytest.mark.parametrize("said", ["", "many", "-1", "nan", "inf", "1e999", "٣x"])
async def test_headers_that_make_no_sense_are_not_believed(said: str) -> None:
    budget = Budget(rate_headers=[RateHeaders("left")])
    budget.heard({"left": said})
    await use(budget)
    assert budget.left is None


async def test_a_reset_in_the_far_future_is_not_believed_for_ever() -> None:
    budget = Budget(rate_headers=[RateHeaders("left", reset="until")])
    budget.heard({"left": "0", "until": "999999999"})
    wait = (await refusal(budget)).retry_after_s
    assert wait is not None
    assert wait <= 3_600
