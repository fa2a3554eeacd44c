"""One side of the comparison, floor or product: started, loaded with calls, weighed, stopped."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import NamedTuple

from bench.client import Call, Load, Poster, handshake, open_screens
from bench.processes import Cores, Server, cpu_s, free_port, start
from bench.product import Prepared
from bench.product import number as phone_number

_WARM_UP_SCREENS = 20


class Size(NamedTuple):
    """How much of everything a measurement takes; `rate` is in events a second, two a call."""

    rounds: int = 5
    agents: int = 1000
    numbers: int = 100_000
    rate: float = 300
    seconds: float = 8
    idle_s: float = 4  # some of the product's periodic work comes every 2 s
    warm_up: int = 100
    source_calls: int = 60
    repeats: int = 2000

    @property
    def calls(self) -> int:
        """Calls of one measured load."""
        return max(1, round(self.rate * self.seconds / 2))

    @property
    def callers(self) -> int:
        """Customers that call, each once; the others are there to be searched through."""
        return min(self.numbers, self.rounds * (self.calls + self.warm_up))


@dataclass(frozen=True, slots=True)
class Seen:
    """The figures of one load on one side."""

    push_ms: list[float]
    ack_ms: list[float]
    cpu_us: float
    idle_percent: float | None
    socket_kb: float
    pop_bytes: int
    lost: int
    client_percent: float


@dataclass(frozen=True, slots=True)
class Side:
    """How to start one side, and how its agents log in."""

    name: str
    start: Callable[[int], Awaitable[Server]]
    handshakes: Callable[[], list[str]]


class Watch:
    """What is told when the measured load begins and ends."""

    def begin(self, server: Server) -> None:
        """Start watching."""

    async def end(self, server: Server) -> None:
        """Stop watching."""


def floor_side(prepared: Prepared, database: str, cores: Cores) -> Side:
    """Return the floor on a database of its own."""

    async def begin(port: int) -> Server:
        command = ("bench.floor", "--port", str(port), "--database", database)
        return await start(command, port, cores.server, {})

    def handshakes() -> list[str]:
        return [handshake(f"/ws?extension={extension}") for extension in prepared.extensions]

    return Side("floor", begin, handshakes)


def product_side(prepared: Prepared, cores: Cores, profile: str | None = None) -> Side:
    """Return the product; with `profile`, the file that a profile is written to."""

    async def begin(port: int) -> Server:
        program = ("bench.profiled", profile) if profile else ("app",)
        command = (*program, "serve", "--port", str(port), "--no-migrate")
        environment = {"SCREENPOP_DATA_DIR": str(prepared.folder)}
        return await start(command, port, cores.server, environment)

    def handshakes() -> list[str]:
        return [handshake("/ws", f"authorization: Bearer {token}") for token in prepared.tokens]

    return Side("product", begin, handshakes)


def calls_of_round(size: Size, extensions: Sequence[str], number: int) -> list[Call]:
    """Return a round's calls, warm-up first: each from a customer of its own."""
    per_round = size.calls + size.warm_up
    first = number * per_round
    return [
        Call(
            call_id=f"b{number}-{i}",
            ani=phone_number((first + i) % size.callers),
            # 7919 is prime to the number of agents: neighbours in time are far apart.
            extension=extensions[i * 7919 % len(extensions)],
        )
        for i in range(per_round)
    ]


async def measure(
    side: Side, size: Size, calls: Sequence[Call], watch: Watch | None = None
) -> Seen:
    """Start the side, connect all agents, make the calls, and stop it."""
    port = free_port()
    server = await side.start(port)
    poster = Poster()
    load = Load()
    screens: list[asyncio.BaseTransport] = []
    try:
        await poster.open(port)
        heads = side.handshakes()
        # What is loaded or allocated once must not be counted as the sockets'.
        for screen in await open_screens(port, heads[:_WARM_UP_SCREENS], Load().heard):
            screen.close()
        await Load().run(poster, calls[: size.warm_up // 2], size.rate)
        before_kb = server.memory_kb()
        screens = await open_screens(port, heads, lambda at, frame: load.heard(at, frame))
        await asyncio.sleep(0.2)
        socket_kb = (server.memory_kb() - before_kb) / len(heads)
        idle = await _idle_percent(server, size.idle_s)
        load = Load()
        await load.run(poster, calls[size.warm_up // 2 : size.warm_up], size.rate)
        load = Load()
        gc.collect()
        if watch:
            watch.begin(server)
        cpu, own, began = server.cpu_s(), cpu_s(os.getpid()), perf_counter()
        await load.run(poster, calls[size.warm_up :], size.rate)
        cpu, own, took = server.cpu_s() - cpu, cpu_s(os.getpid()) - own, perf_counter() - began
        if watch:
            await watch.end(server)
        await load.all_pushed()
    finally:
        poster.close()
        for screen in screens:
            screen.close()
        server.stop()
    answered = len(load.ack_s)
    if not answered or not load.pushed:
        raise RuntimeError(
            f"{side.name}: {load.refused} events were refused, {answered} taken, "
            f"{len(load.pushed)} pops arrived: there is nothing to measure"
        )
    return Seen(
        push_ms=[s * 1000 for s in load.push_s],
        ack_ms=[s * 1000 for s in load.ack_s],
        cpu_us=cpu / answered * 1e6,
        idle_percent=idle,
        socket_kb=socket_kb,
        pop_bytes=round(median(load.pop_bytes)),
        lost=len(load.sent) - len(load.pushed) + load.refused,
        client_percent=own / took * 100,
    )


async def _idle_percent(server: Server, seconds: float) -> float | None:
    if not seconds:
        return None
    before, began = server.cpu_s(), perf_counter()
    await asyncio.sleep(seconds)
    return (server.cpu_s() - before) / (perf_counter() - began) * 100
