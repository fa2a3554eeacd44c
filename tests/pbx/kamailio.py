"""A Kamailio that runs the shipped recipe, and SIPp as its phones and callers. All on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.pbx import sip
from tests.servers import _die_with_parent as die_with_parent

RECIPE = Path(__file__).parents[2] / "docs/recipes/kamailio/kamailio.cfg"
_LIMIT_S = 30
_OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKup\r\n"
    "From: <sip:up@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: up-{port}\r\n"
    "CSeq: 1 OPTIONS\r\nMax-Forwards: 1\r\nContent-Length: 0\r\n\r\n"
)


@dataclass
class Pbx:
    """A running PBX. Phones are given by their extension."""

    port: int
    folder: Path
    _homes: list[Path] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def phone(self, extension: str, *steps: str, calls: int = 1) -> AsyncIterator[None]:
        """Register a phone that will play the steps in each of its calls, to the end."""
        port = free_udp_port()
        await self.play(sip.register(), service=extension, phone_port=str(port))
        async with self._sipp(sip.scenario(*steps), port, extension, {}, calls) as waiting:
            yield
            await waiting

    async def play(self, *steps: str, service: str = "caller", **keys: str) -> str:
        """Play the steps to the end; returns what the scenario logged."""
        port = free_udp_port()
        async with self._sipp(sip.scenario(*steps), port, service, keys) as done:
            return await done

    async def logged(self) -> str:
        """Wait for what the scenario that was started last logs."""
        log = self._homes[-1] / "log"
        async with asyncio.timeout(_LIMIT_S):
            while not (log.exists() and log.read_text().endswith("\n")):
                await asyncio.sleep(0.02)
        return log.read_text()

    @contextlib.asynccontextmanager
    async def _sipp(
        self, scenario: str, port: int, service: str, keys: dict[str, str], calls: int = 1
    ) -> AsyncIterator[asyncio.Task[str]]:
        home = self.folder / f"sipp-{len(self._homes)}"
        home.mkdir()
        self._homes.append(home)
        (home / "scenario.xml").write_text(scenario)
        command = ["sipp", f"127.0.0.1:{self.port}", "-sf", "scenario.xml", "-s", service]
        command += ["-i", "127.0.0.1", "-p", str(port), "-mp", str(free_media_port())]
        command += ["-m", str(calls), "-nostdin", "-timeout", str(_LIMIT_S), "-timeout_error"]
        command += ["-trace_err", "-error_file", "errors", "-trace_logs", "-log_file", "log"]
        for name, value in keys.items():
            command += ["-key", name, value]
        async with _process(command, home) as process:
            task = asyncio.create_task(_finished(process, home))
            try:
                yield task
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def _finished(process: asyncio.subprocess.Process, home: Path) -> str:
    status = await process.wait()
    assert status == 0, "\n".join(f.read_text(errors="replace") for f in _texts(home))[-4000:]
    log = home / "log"
    return log.read_text() if log.exists() else ""


def _texts(home: Path) -> Sequence[Path]:
    return [home / name for name in ("scenario.xml", "errors", "output") if (home / name).exists()]


@contextlib.asynccontextmanager
async def running(folder: Path, url: str, secret: str, **more: str) -> AsyncIterator[Pbx]:
    """Run the shipped configuration itself until the end of the block; `more` are its defines."""
    home = folder / "kamailio"
    home.mkdir()
    port = free_udp_port()
    command = ["kamailio", "-DD", "-E", "-f", str(RECIPE), "-w", str(home), "-Y", str(home)]
    command += ["-m", "32", "-M", "4", "-A", f"LISTEN=udp:127.0.0.1:{port}"]
    for name, value in {
        "SCREENPOP_URL": f'"{url}"',
        "SCREENPOP_SECRET": f'"{secret}"',
        **more,
    }.items():
        command += ["-A", f"{name}={value}"]
    async with _process(command, home) as process:
        try:
            await _until_it_answers(port, process)
            yield Pbx(port, folder)
        except BaseException as error:
            error.add_note((home / "output").read_text(errors="replace")[-4000:])
            raise


@contextlib.asynccontextmanager
async def _process(command: Sequence[str], home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program in a session of its own, which is gone with all its children at the end."""
    with (home / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home,
            env={**os.environ, "TERM": "dumb"},
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)


async def _until_it_answers(port: int, process: asyncio.subprocess.Process) -> None:
    loop = asyncio.get_running_loop()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        probe.setblocking(False)
        options = _OPTIONS.format(port=probe.getsockname()[1]).encode()
        async with asyncio.timeout(_LIMIT_S):
            while True:
                assert process.returncode is None, "kamailio did not start"
                await loop.sock_sendto(probe, options, ("127.0.0.1", port))
                try:
                    async with asyncio.timeout(0.1):
                        if await loop.sock_recv(probe, 4096):
                            return
                except TimeoutError:
                    continue


def free_media_port() -> int:
    """Return a port for SIPp's sound, whose picture goes to the port two above.

    Below the range that the system gives out by itself, where that one could be anybody's.
    """
    while True:
        port = random.randrange(20_000, 32_000, 4)
        with (
            socket.socket(type=socket.SOCK_DGRAM) as sound,
            socket.socket(type=socket.SOCK_DGRAM) as picture,
        ):
            try:
                sound.bind(("127.0.0.1", port))
                picture.bind(("127.0.0.1", port + 2))
            except OSError:
                continue
            return port


def free_udp_port() -> int:
    """Return an even UDP port of loopback that nobody has."""
    while True:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port % 2 == 0:
            return port
