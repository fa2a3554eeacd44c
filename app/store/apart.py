"""Long work on the database in a process of its own, so that it holds up no call.

Such a process is a module: it reads what it is asked (the database's URL and the time) as JSON on
stdin and answers with JSON on stdout.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson

_NICE = 10


async def run_apart(module: str, url: str, at: datetime) -> dict[str, Any]:
    """Run a module (`app.store.scan`) apart and return its answer; it ends when this is cancelled.

    Raises:
        RuntimeError: it failed; its last line on stderr.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        # On stdin, because arguments can be read by other users and the URL holds a password.
        said, errors = await process.communicate(orjson.dumps({"url": url, "at": at}))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"it ended with {process.returncode}")
    answer: dict[str, Any] = orjson.loads(said)
    return answer


def answer_once(work: Callable[[str, datetime], Awaitable[dict[str, Any]]]) -> None:
    """Do what this process was started for."""
    asked = orjson.loads(sys.stdin.buffer.read())
    if hasattr(os, "nice"):
        os.nice(_NICE)

    async def done() -> dict[str, Any]:
        return await work(asked["url"], datetime.fromisoformat(asked["at"]).astimezone(UTC))

    sys.stdout.buffer.write(orjson.dumps(asyncio.run(done())))
