"""Where the product's time goes for an event: cProfile's view of the measured load."""

from __future__ import annotations

import asyncio
import pstats
import signal
from pathlib import Path

from bench.processes import ROOT, Server
from bench.side import Watch

SHOWN = 40


class Profile(Watch):
    """Switches `bench.profiled` on and off, and reads what it wrote to `file`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def begin(self, server: Server) -> None:
        """Start profiling."""
        server.process.send_signal(signal.SIGUSR1)

    async def end(self, server: Server) -> None:
        """Stop profiling and wait for the file."""
        server.process.send_signal(signal.SIGUSR2)
        async with asyncio.timeout(10):
            while not self._file.exists() or not self._file.stat().st_size:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)

    def table(self, events: int, order: str) -> str:
        """Return the dearest functions by `tottime` (own) or `cumtime` (with what they call).

        Times are in µs an event. The profiler itself makes small functions look dear: compare the
        functions with each other, not with the benchmark's figures.
        """
        stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]]
        stats = vars(pstats.Stats(str(self._file)))["stats"]
        column = {"tottime": 2, "cumtime": 3}[order]
        rows = sorted(stats.items(), key=lambda item: -float(item[1][column]))  # type: ignore[arg-type]
        lines = [f"{'own µs':>8} {'all µs':>8} {'calls':>7}  function"]
        for (file, line, name), (_, calls, own, whole, _) in rows[:SHOWN]:
            where = "" if file == "~" else f"  {_short(file)}:{line}"
            lines.append(
                f"{own / events * 1e6:8.1f} {whole / events * 1e6:8.1f} "
                f"{calls / events:7.2f}  {name}{where}"
            )
        return "\n".join(lines)


def _short(file: str) -> str:
    path = Path(file)
    if path.is_relative_to(ROOT) and "site-packages" not in path.parts:
        return str(path.relative_to(ROOT))
    return "/".join(path.parts[-2:])
