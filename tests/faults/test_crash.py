"""What was acknowledged survives a crash: killed at any moment, started again, on the screen."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.server import Served, served
from tests.product import settings_for

CALLER = "+442079460958"


async def test_killed_after_the_2xx_the_pop_is_there_after_the_restart(
    migrated_url: str, tmp_path: Path
) -> None:
    settings = settings_for(migrated_url, tmp_path)
    async with served(settings) as before:
        await before.configure()
        call_id = await before.event("ringing", ani=CALLER, extension="101", event_id="e-1")
        before.kill()
    async with served(settings) as after, after.screen("ada@example.com") as ada:
        pop = ada.pops[call_id]
        assert (pop["call"]["state"], pop["call"]["ani"]["e164"]) == ("ringing", CALLER)
        repeat: dict[str, Any] = {
            "event": "ringing",
            "call_id": "c-1",
            "ani": CALLER,
            "extension": "101",
        }
        answer = await after.send(**repeat, event_id="e-1")
        assert answer.json() == {"call_id": call_id, "duplicate": True}
        await after.event("answered", extension="101")
        await ada.in_state(call_id, "answered")
        await after.event("ended")
        assert await ada.close_of(call_id) == "ended"


async def test_killed_in_a_burst_every_acknowledged_event_is_there_once(
    migrated_url: str, tmp_path: Path
) -> None:
    settings = settings_for(migrated_url, tmp_path)
    accepted: set[str] = set()

    async def ring(product: Served, number: int) -> None:
        event: dict[str, Any] = {"event": "ringing", "call_id": f"c-{number}"}
        answer = await product.send(**event, event_id=f"e-{number}", ani=CALLER, extension="101")
        assert answer.status_code == 202
        accepted.add(answer.json()["call_id"])
        if len(accepted) == 10:
            product.kill()

    async with served(settings) as before:
        await before.configure()
        burst = [ring(before, number) for number in range(60)]
        ended = await asyncio.gather(*burst, return_exceptions=True)
        lost = [number for number, error in enumerate(ended) if error is not None]
        assert all(isinstance(e, httpx.TransportError) for e in ended if e is not None), ended
        assert len(accepted) + len(lost) == 60
    async with served(settings) as after, after.screen("ada@example.com") as ada:
        assert accepted <= set(ada.pops)
        await asyncio.gather(*(ring(after, number) for number in lost))
        await ada.until(lambda s: len(s.pops) == 60)
        async with await after.as_user("sue@example.com") as sue:
            calls = (await sue.get("/api/v1/calls?limit=200")).json()["calls"]
            assert len(calls) == len({c["call_id"] for c in calls}) == 60


async def test_it_stops_in_order_when_asked_to(migrated_sqlite_url: str, tmp_path: Path) -> None:
    async with served(settings_for(migrated_sqlite_url, tmp_path)) as product:
        await product.configure()
        async with product.screen("ada@example.com") as ada:
            call_id = await product.event("ringing", ani=CALLER, extension="101")
            await ada.pop(call_id)
            product.process.terminate()
            async with asyncio.timeout(10):
                await ada.socket.wait_closed()
            assert ada.socket.close_code == 1012
        # The web server ends by the signal that it was asked with, as a shell expects.
        assert await asyncio.to_thread(product.process.wait, 10) == -signal.SIGTERM
        assert "Traceback" not in product.log.read_text()


@pytest.mark.parametrize("bus", ["listen", "valkey"])
async def test_workers_share_the_work(
    migrated_postgres_url: str, tmp_path: Path, bus: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("valkey_url") if bus == "valkey" else None
    settings = settings_for(migrated_postgres_url, tmp_path, bus_url=url)
    async with served(settings, "--workers", "2") as product:
        await product.configure()
        async with (
            product.screen("ada@example.com") as one,
            product.screen("ada@example.com") as two,
            product.screen("ada@example.com") as three,
            product.screen("ada@example.com") as four,
        ):
            call_id = await product.event("ringing", ani=CALLER, extension="101")
            for screen in (one, two, three, four):
                await screen.pop(call_id)
            await one.say("dismiss", call_id=call_id)
            for screen in (one, two, three, four):
                assert await screen.close_of(call_id) == "dismissed"
