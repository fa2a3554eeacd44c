"""The product as a process of its own, which a test may kill."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.main import create_app
from app.runtime import Runtime, open_runtime
from app.settings import Settings
from tests.product import Product
from tests.servers import free_port

START_S = 30.0
ROOT = Path(__file__).parents[2]


@dataclass
class Served(Product):
    """A product in another process; `rt` is the tester's own view of its database."""

    rt: Runtime
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def runtime(self) -> Runtime:
        return self.rt

    def kill(self) -> None:
        """End the process at once, as a crash does."""
        self.process.kill()
        self.process.wait(10)


@asynccontextmanager
async def served(
    settings: Settings, *options: str, environment: dict[str, str] | None = None
) -> AsyncIterator[Served]:
    """Run `screenpop serve` until the end of the block."""
    port, log = free_port(), settings.data_dir / "log"
    env = {k: v for k, v in os.environ.items() if not k.startswith("SCREENPOP_")}
    env |= {
        "SCREENPOP_DATA_DIR": str(settings.data_dir),
        "SCREENPOP_DATABASE_URL": settings.database,
        "SCREENPOP_SECRET_KEYS": str(settings.secret_keys),
        "SCREENPOP_LOG_FORMAT": "json",
        **({"SCREENPOP_BUS_URL": settings.bus_url} if settings.bus_url else {}),
        **(environment or {}),
    }
    command = [sys.executable, "-m", "app", "serve", "--port", str(port), "--no-migrate", *options]
    with log.open("ab") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=stderr, stderr=stderr)
    url = f"http://127.0.0.1:{port}"
    rt = await open_runtime(settings, run_migrations=False)
    try:
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:
            async with asyncio.timeout(START_S):
                while not await _ready(client):
                    assert process.poll() is None, log.read_text()
                    await asyncio.sleep(0.02)
            yield Served(create_app(settings), url, client, settings, rt, process, log)
    finally:
        await rt.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


async def _ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False
