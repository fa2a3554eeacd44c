"""The whole pop with three slow web services: what the product adds to the slowest of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import orjson

from bench.client import Call, Load, Poster, open_screens
from bench.processes import Cores, Server, free_port, start
from bench.product import SOURCES, number, prepare
from bench.side import product_side

DELAY_MS = 50.0
_CALLS_A_SECOND = 10.0
_WARM_UP = 5
_AGENTS = 10
_WAIT_S = 5.0
_CONNECTOR = """
  - slug: {slug}
    kind: rest
    name: {slug}
    region: GB
    timeout_ms: 1500
    settings:
      base_url: http://127.0.0.1:{port}
      allow_private_network: true
      {section}: {{path: "/customers/{{remote_id}}/{section}"{more}}}
"""
_ORDER_FIELDS = (
    ", fields: {order_number: order_number, order_date: order_date, status: status,"
    " currency: currency, order_total: order_total}, lines: lines"
)


@dataclass(slots=True)
class WholePops:
    """What the product added to the slowest source, in ms, one value a call.

    `seen_ms`: from the webhook's sending to the last patch's arrival, less the slowest source's
    own time. `told_ms`: the pop's `complete_ms` less the greatest `elapsed_ms` of its sources,
    as the product itself tells them. `calls`: made; fewer values = some never became whole.
    """

    calls: int
    seen_ms: list[float] = field(default_factory=list)
    told_ms: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Building:
    """What was seen of a pop as it was built up."""

    elapsed_ms: dict[str, float] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    complete_ms: float | None = None
    complete_at: float = 0.0
    customer: str = ""


async def measure(folder: Path, cores: Cores, calls: int) -> WholePops:
    """Ring `calls` customers, whom nobody has asked about, a few a second.

    Raises:
        RuntimeError: a source's answer was not taken; this measures nothing then.
    """
    source_port, port = free_port(), free_port()
    prepared = await prepare(
        folder, _AGENTS, calls + _WARM_UP, calls + _WARM_UP, _connectors(source_port)
    )
    command = ("bench.source_server", "--port", str(source_port), "--delay-ms", str(DELAY_MS))
    source = await start(command, source_port, cores.client, {})
    server: Server | None = None
    pops: dict[str, Building] = {}
    load = Load()

    def heard(at: float, payload: bytes) -> None:
        load.heard(at, payload)
        _take(pops, at, orjson.loads(payload))

    screens: list[asyncio.BaseTransport] = []
    poster = Poster()
    try:
        side = product_side(prepared, cores)
        server = await side.start(port)
        await poster.open(port)
        screens = await open_screens(port, side.handshakes(), heard)
        made = [
            Call(f"w-{i}", number(i), prepared.extensions[i % _AGENTS])
            for i in range(calls + _WARM_UP)
        ]
        for call in made:
            load.post(poster, call, call.ringing())
            await asyncio.sleep(1 / _CALLS_A_SECOND)
        give_up = perf_counter() + _WAIT_S
        while perf_counter() < give_up and (
            len(pops) < len(made) or any(pop.complete_ms is None for pop in pops.values())
        ):
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient() as client:
            times = (await client.get(f"http://127.0.0.1:{source_port}/times")).json()
    finally:
        poster.close()
        for screen in screens:
            screen.close()
        if server is not None:
            server.stop()
        source.stop()
    sent = {call_id.decode(): at for call_id, at in load.sent.items()}
    return result([f"pbx:{call.call_id}" for call in made[_WARM_UP:]], pops, sent, times)


def _connectors(port: int) -> str:
    sections = zip(SOURCES, ("balance", "purchases", "credit_terms"), strict=True)
    entries = (
        _CONNECTOR.format(
            slug=slug,
            port=port,
            section=section,
            more=_ORDER_FIELDS if section == "purchases" else "",
        )
        for slug, section in sections
    )
    return "connectors:" + "".join(entries)


def _take(pops: dict[str, Building], at: float, message: dict[str, Any]) -> None:
    if message["type"] not in ("pop", "patch"):
        return
    body = message["pop"] if message["type"] == "pop" else message
    call_id = body["call"]["call_id"] if message["type"] == "pop" else body["call_id"]
    pop = pops.setdefault(call_id, Building())
    if body.get("customer"):
        pop.customer = body["customer"]["links"][0]["remote_id"]
    for name, section in body.get("sections", {}).items():
        for source in section["sources"]:
            if source["elapsed_ms"] is not None:
                pop.elapsed_ms[name] = source["elapsed_ms"]
            if source["error"] is not None:
                pop.bad.append(f"{name}: {source['error']['text']}")
    timing = body.get("timing")
    if timing and timing["complete_ms"] is not None and pop.complete_ms is None:
        pop.complete_ms, pop.complete_at = timing["complete_ms"], at


def result(
    calls: Sequence[str],
    pops: Mapping[str, Building],
    sent: Mapping[str, float],
    times_ms: Mapping[str, float],
) -> WholePops:
    """Work out what the product added to each call's slowest source.

    Raises:
        RuntimeError: a source's answer was not taken.
    """
    found = WholePops(len(calls))
    for call_id in calls:
        pop = pops.get(call_id, Building())
        if pop.bad:
            raise RuntimeError(f"the product did not take a source's answer: {pop.bad[0]}")
        if pop.complete_ms is None:
            continue
        took_ms = (pop.complete_at - sent[call_id]) * 1000
        found.seen_ms.append(took_ms - times_ms[pop.customer])
        found.told_ms.append(pop.complete_ms - max(pop.elapsed_ms.values()))
    return found
