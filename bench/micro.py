"""What single steps of the hot path cost, in µs, in this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from app.core.call import Call, CallEvent, EventKind, fold
from app.core.match import Match, phone_keys
from app.core.phone import normalise
from app.core.pop import Pop, Timing, changed, diff, dumps
from app.core.profile import SECTION_NAMES, Section
from app.core.routing import Agent
from app.store.hot_sqlite import SqliteHot
from bench.product import number
from connectors.sdk.types import Number

_BATCHES = 5


def time_us(work: Callable[[int], object], repeats: int) -> float:
    """Return what `work(i)` costs: the median batch's mean, in µs."""
    batches = []
    for _ in range(_BATCHES):
        began = perf_counter()
        for i in range(repeats):
            work(i)
        batches.append((perf_counter() - began) / repeats * 1e6)
    return median(batches)


async def time_async_us(work: Callable[[int], Awaitable[object]], repeats: int) -> float:
    """Like `time_us`, for what is awaited."""
    batches = []
    for _ in range(_BATCHES):
        began = perf_counter()
        for i in range(repeats):
            await work(i)
        batches.append((perf_counter() - began) / repeats * 1e6)
    return median(batches)


async def measure(database: Path, numbers: int, repeats: int) -> dict[str, float]:
    """Return µs by step; `database` holds the phone index of `numbers` customers."""
    read = normalise.__wrapped__
    seen = {"a caller's number, first time": time_us(lambda i: read(number(i), "GB"), repeats)}
    seen[f"phone look-up in {numbers:,}"] = await _look_up_us(database, numbers, repeats)
    seen["fold, diff and frame of an event"] = _fold_us(repeats)
    return seen


async def _look_up_us(database: Path, numbers: int, repeats: int) -> float:
    hot = SqliteHot(database)
    try:
        # A stride that visits the whole index, so that no page stays in a near cache.
        wanted = [number(i * 7919 % numbers) for i in range(repeats)]
        keys = [phone_keys(Number(e164, e164)) for e164 in wanted]
        hits, *_ = await hot.identify(keys[0], wanted[0])
        if len(hits) != 1:
            raise RuntimeError(f"{wanted[0]} has {len(hits)} entries in the phone index, not one")
        return await time_async_us(lambda i: hot.identify(keys[i], wanted[i]), repeats)
    finally:
        await hot.close()


def _fold_us(repeats: int) -> float:
    now = datetime.now(UTC)
    agent = Agent("u-1", "Ada", "ada@example.com", "agent", ("101",))
    caller = normalise("+442079460958", "GB")
    ringing = CallEvent(
        EventKind.RINGING, "pbx:c-1", "pbx", now, "event:1", number=caller, extensions=("101",)
    )
    answered = CallEvent(
        EventKind.ANSWERED,
        "pbx:c-1",
        "pbx",
        now + timedelta(seconds=5),
        "event:2",
        extensions=("101",),
    )
    call: Call = fold(None, ringing)
    sections = dict.fromkeys(SECTION_NAMES, Section("empty"))
    pop = Pop(call, 1, Match(), sections, (), Timing(now))

    def work(_: int) -> None:
        new = replace(pop, call=fold(call, answered), version=2)
        dumps(diff(pop, new, changed(pop, new), agent, "101"))

    return time_us(work, repeats)
