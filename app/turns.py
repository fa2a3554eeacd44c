"""Long work beside the calls, in short turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from time import perf_counter
from typing import TypeVar

Item = TypeVar("Item")
_TURN_S = 0.002


async def in_turns(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Yield the items; whenever two milliseconds have passed, let others have their turn."""
    began = perf_counter()
    for item in items:
        yield item
        if perf_counter() - began > _TURN_S:
            await asyncio.sleep(0)
            began = perf_counter()
