"""Server processes of a measurement: started, pinned to a core, weighed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import psutil

ROOT = Path(__file__).parents[1]
START_S = 30.0


@dataclass(frozen=True, slots=True)
class Cores:
    """Where servers and clients run; None where the system does not say or has one core."""

    server: int | None
    client: int | None

    @classmethod
    def split(cls) -> Self:
        """Give the servers one core and this process, with what it starts, another."""
        if not hasattr(os, "sched_getaffinity"):
            return cls(None, None)
        free = sorted(os.sched_getaffinity(0))
        if len(free) < 2:
            return cls(None, None)
        os.sched_setaffinity(0, {free[0]})
        return cls(server=free[1], client=free[0])


@dataclass(frozen=True, slots=True)
class Server:
    """A running server on loopback."""

    process: subprocess.Popen[bytes]
    port: int
    log: IO[bytes]

    def cpu_s(self) -> float:
        """Return the processor time used so far, all threads, in seconds."""
        return cpu_s(self.process.pid)

    def memory_kb(self) -> float:
        """Return the resident memory in KB."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1024

    def said(self) -> str:
        """Return what it wrote to stderr so far."""
        # Not seek and read: the process writes at the same position.
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def stop(self) -> None:
        """End it, kindly at first."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def cpu_s(pid: int) -> float:
    """Return a process' processor time in seconds, to the nanosecond where Linux tells it."""
    total = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    except OSError:
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return total / 1e9


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_environment() -> dict[str, str]:
    """Return the environment without what configures another screenpop."""
    return {k: v for k, v in os.environ.items() if not k.startswith("SCREENPOP_")}


async def start(
    command: Sequence[str], port: int, core: int | None, environment: Mapping[str, str]
) -> Server:
    """Run `python -m COMMAND` until it listens on `port`.

    Raises:
        RuntimeError: it ended, or does not listen; with what it wrote.
    """
    log = tempfile.TemporaryFile()  # noqa: SIM115 - the process writes to it as long as it lives
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**own_environment(), **environment},
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    server = Server(process, port, log)
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    loop = asyncio.get_running_loop()
    give_up = loop.time() + START_S
    while process.poll() is None and loop.time() < give_up:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return server
        await asyncio.sleep(0.02)
    said = server.said()
    server.stop()
    raise RuntimeError(f"{' '.join(command)} did not start: {said}")
