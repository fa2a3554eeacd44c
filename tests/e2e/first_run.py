"""The product as somebody finds it who has just installed it: a process on an empty data folder.

It is opened from another machine of the office, under a name and without TLS: so the set-up code
is asked for, and the browser gives the page none of what it keeps for secure ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from standardwebhooks import Webhook

from tests.browser import launch_options
from tests.e2e.console import opened

ROOT = Path(__file__).parents[2]
# Known to the tests' browser alone (RFC 6761: never a real host).
HOST = "screenpop.test"
START_S = 30.0
# What Chromium says of any server that is opened without TLS and sends the header all the same.
WITHOUT_TLS = "The Cross-Origin-Opener-Policy header has been ignored"


@dataclass
class Installed:
    """A process that serves, and what its log says on the first start."""

    process: Process
    port: int
    setup_code: str
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where people open it."""
        return f"http://{HOST}:{self.port}"


@asynccontextmanager
async def installed(data_dir: Path) -> AsyncIterator[Installed]:
    """Run `screenpop serve` on a folder that is not there yet, until the end of the block."""
    assert not data_dir.exists()
    env = {k: v for k, v in os.environ.items() if not k.startswith("SCREENPOP_")}
    env |= {"SCREENPOP_DATA_DIR": str(data_dir), "SCREENPOP_LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "app", "serve", "--port", "0"]
    process = await create_subprocess_exec(*command, cwd=ROOT, env=env, stderr=PIPE)
    log: list[str] = []
    try:
        async with asyncio.timeout(START_S):
            port = int((await _line_with(process, "screenpop serves on ", log)).rpartition(":")[2])
            told = json.loads(await _line_with(process, '"make_the_first_administrator"', log))
            await _answers(port)
        reading = asyncio.create_task(_read_on(process, log))
        yield Installed(process, port, told["setup_code"], log)
        assert process.returncode is None, log
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)
        await reading
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _line_with(process: Process, words: str, log: list[str]) -> str:
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        log.append(line)
        if words in line:
            return line.strip()
    raise AssertionError(f"it ended: {log}")


async def _read_on(process: Process, log: list[str]) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        log.append(line.decode())


async def _answers(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            try:
                assert (await client.get("/readyz")).status_code == 200
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
            else:
                return


@asynccontextmanager
async def office_browser() -> AsyncIterator[Browser]:
    """Start a Chromium that finds the product under its name in the office."""
    options = launch_options()
    options["args"] = [*options["args"], f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(**options) as browser,
    ):
        yield browser


@asynccontextmanager
async def watched(browser: Browser, *refusals: str) -> AsyncIterator[Page]:
    """Open a window; at its end nothing is wrong in its console.

    `refusals` are answers of the server that are part of what is done, as "401 /api/v1/session":
    the browser notes every answer of 400 and more.
    """
    noted: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(WITHOUT_TLS):
            status = message.text.partition("with a status of ")[2][:3]
            path = urlsplit(message.location["url"]).path
            noted.append(f"{status} {path}" if status else message.text)

    async with opened(browser) as page:
        page.on("console", note)
        page.on("pageerror", lambda error: noted.append(str(error)))
        yield page
        assert set(noted) <= set(refusals), noted


@dataclass(frozen=True)
class Provider:
    """The phone system's side: it knows what the admin copied from the page, and nothing else."""

    address: str
    secret: str

    async def tell(self, event_id: str, **event: Any) -> httpx.Response:
        """Post an event, signed by the official library of Standard Webhooks."""
        body, now = json.dumps(event), datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(event_id, now, body),
        }
        # No name server knows the host: it is asked for at the address that the name stands for.
        address = httpx.URL(self.address)
        headers["host"] = address.netloc.decode()
        async with httpx.AsyncClient() as client:
            return await client.post(
                address.copy_with(host="127.0.0.1"), content=body, headers=headers
            )
