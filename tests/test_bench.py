"""The benchmark measures what it says, at a size that takes seconds. No figure is judged here."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from io import StringIO
from math import isfinite
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from rich.console import Console

from app.commands.serve import server_config
from app.telephony.registry import kinds
from bench import adapters, floor, micro, report, whole_pop
from bench.__main__ import compare, profile
from bench.client import Call, handshake, open_screens
from bench.processes import Cores, free_port, start
from bench.product import number, prepare
from bench.side import Size

TINY = Size(
    rounds=1,
    agents=3,
    numbers=20,
    rate=100,
    seconds=0.2,
    idle_s=0.1,
    warm_up=4,
    source_calls=2,
    repeats=5,
)
ANY_CORE = Cores(None, None)
CALL = Call("c-1", number(7), "101")


@pytest_asyncio.fixture
async def floor_url(tmp_path: Path) -> AsyncIterator[str]:
    """Return the address of a floor with ten numbers."""
    database = tmp_path / "floor.db"
    floor.create(database, [number(i) for i in range(10)])
    port = free_port()
    command = ("bench.floor", "--port", str(port), "--database", str(database))
    server = await start(command, port, None, {})
    yield f"http://127.0.0.1:{port}"
    server.stop()


async def posted(url: str, request: bytes) -> httpx.Response:
    """Send the raw request of the benchmark's phone system."""
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    async with httpx.AsyncClient() as client:
        return await client.post(f"{url}/hooks/pbx", content=body, headers=headers)


async def test_the_whole_benchmark_gives_every_figure_on_both_sides(tmp_path: Path) -> None:
    found = await compare(tmp_path, TINY, ANY_CORE, Console(quiet=True))
    by_name = {row["name"]: row for row in found["compared"]}
    assert set(by_name) == {figure.name for figure in report.FIGURES}
    assert all(isfinite(row["floor"]) and isfinite(row["product"]) for row in by_name.values())
    for name in ("webhook to first push, p50", "acknowledgement, p50", "CPU an event"):
        assert by_name[name]["floor"] > 0
        assert by_name[name]["product"] > 0
        assert by_name[name]["ratio"] is not None
    assert by_name["size of the pushed pop"]["product"] > 1000
    lost = by_name["pops that did not arrive"]
    assert (lost["floor"], lost["product"]) == (0, 0)
    whole = found["whole_pop"]
    assert whole["whole"] == whole["calls"] == TINY.source_calls
    assert found["steps_us"]
    shown = StringIO()
    for table in report.tables(found):
        Console(file=shown, width=120).print(table)
    assert all(name in shown.getvalue() for name in by_name)


async def test_the_floor_is_served_as_the_product_is() -> None:
    ours = vars(floor.server_config(floor.Floor, "127.0.0.1", 8000))
    theirs = vars(server_config(floor.Floor, "127.0.0.1", 8000))
    assert ours == theirs


async def test_the_floor_answers_when_the_row_is_on_disk_and_knows_a_repeat(
    floor_url: str, tmp_path: Path
) -> None:
    request = CALL.ringing()
    first, again = await posted(floor_url, request), await posted(floor_url, request)
    assert (first.status_code, first.json()["duplicate"]) == (202, False)
    assert (again.status_code, again.json()["duplicate"]) == (202, True)
    with sqlite3.connect(tmp_path / "floor.db") as db:
        rows = db.execute("SELECT call_id FROM events").fetchall()
    db.close()
    assert rows == [("pbx:c-1",)]


async def test_the_floor_refuses_a_wrong_signature(floor_url: str) -> None:
    forged = CALL.ringing().replace(b'"101"', b'"102"')
    assert (await posted(floor_url, forged)).status_code == 401


async def test_the_floor_pushes_to_the_right_agent_alone(floor_url: str) -> None:
    heard: dict[str, list[bytes]] = {"101": [], "102": []}
    port = int(floor_url.rpartition(":")[2])
    pushed = asyncio.Event()
    screens = []
    for extension, frames in heard.items():

        def note(_at: float, frame: bytes, frames: list[bytes] = frames) -> None:
            frames.append(frame)
            if b'"close"' in frame:
                pushed.set()

        screens += await open_screens(port, [handshake(f"/ws?extension={extension}")], note)
    await posted(floor_url, CALL.ringing())
    await posted(floor_url, CALL.ended())
    async with asyncio.timeout(5):
        await pushed.wait()
    for screen in screens:
        screen.close()
    _, pop, close = heard["101"]
    assert b'"call_id":"pbx:c-1","customer":"c-442079000007"' in pop
    assert len(pop) > floor.POP_BYTES
    assert b'"close"' in close
    assert len(heard["102"]) == 1  # its hello


async def test_the_profile_names_the_functions_of_the_hot_path(tmp_path: Path) -> None:
    text = await profile(tmp_path, TINY, ANY_CORE)
    assert "app/screenpop.py" in text
    assert "app/api/hooks.py" in text


async def test_each_step_has_its_cost(tmp_path: Path) -> None:
    prepared = await prepare(tmp_path, 1, 20, 2)
    steps = await micro.measure(prepared.database, 20, 3)
    assert "phone look-up in 20" in steps
    assert all(isfinite(us) and us > 0 for us in steps.values())


def test_the_fullest_message_of_each_phone_system_is_understood_and_has_its_cost() -> None:
    costs = {cost.kind: cost for cost in adapters.measure(2)}
    assert set(costs) == set(kinds())
    for cost in costs.values():
        assert cost.events > 0
        assert cost.bytes > 100
        assert 0 < cost.floor_us < 1e6
        assert 0 < cost.us < 1e6


def test_a_source_that_is_not_understood_is_no_measurement() -> None:
    pops = {"pbx:w-1": whole_pop.Building(bad=["balance: it answered 500"])}
    with pytest.raises(RuntimeError, match="balance: it answered 500"):
        whole_pop.result(["pbx:w-1"], pops, {}, {})
