"""The event loop's clock, moved ahead: what lasts seconds is tested without waiting."""

from __future__ import annotations

import asyncio


def skip(seconds: float) -> None:
    """Let this much time pass at once, for everything that the running loop times."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]
