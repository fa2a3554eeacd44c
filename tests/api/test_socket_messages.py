"""`/ws`: what a screen may say, and what it is answered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.connectors.web import reply
from tests.faults.world import KESTREL, SHARED, World, open_world
from tests.product import Product

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One product for all tests of this file: each has calls of its own."""
    folder = tmp_path_factory.mktemp("socket")
    database = folder / "screenpop.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    async with open_world(f"sqlite:///{database}", folder) as world:
        yield world


@pytest.fixture
def product(world: World) -> Product:
    return world.product


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("hello", "bad_json"),
        (b"\xff\x00", "bad_json"),
        ("[]", "bad_message"),
        ('{"type": "subscribe", "topic": "*"}', "unknown_type"),
        ('{"type": "get"}', "bad_message"),
        ('{"type": "get", "call_id": "pbx:nobody"}', "unknown_call"),
        ('{"type": "painted", "call_id": "1", "version": -1}', "bad_message"),
        (
            '{"type": "painted", "call_id": "x", "version": 1, "since_received_ms": 1}',
            "unknown_call",
        ),
        ("x" * 5000, "too_large"),
    ],
)
async def test_what_is_not_of_the_protocol_is_refused_and_the_socket_lives(
    product: Product, sent: str | bytes, code: str
) -> None:
    async with product.screen("ben@example.com") as ben:
        await ben.socket.send(sent)
        error = await ben.next()
        assert (error["type"], error["code"]) == ("error", code)
        assert error["detail"]
        await ben.quiet()


async def test_a_frame_that_no_browser_of_ours_sends_ends_the_socket(product: Product) -> None:
    async with product.screen("ben@example.com") as ben:
        await ben.socket.send("x" * 100_000)
        async with asyncio.timeout(5):
            await ben.socket.wait_closed()
        assert ben.socket.close_code == 1009


async def test_versions_grow_by_one_and_an_old_screen_can_ask(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", "c-versions", ani=KESTREL, extension="101")
        await ada.whole(call_id)
        for kind in ("answered", "held", "resumed"):
            await product.event(kind, "c-versions", extension="101")
        await ada.until(lambda s: s.pops[call_id]["call"]["answered_at"] is not None)
        await ada.until(lambda s: s.messages[-1].get("call", {}).get("state") == "answered")
        versions = [
            m.get("version") or m["pop"]["version"] for m in ada.messages if m["type"] != "hello"
        ]
        assert versions == list(range(versions[0], versions[0] + len(versions)))
        patched = ada.pops[call_id]
        await ada.say("get", call_id=call_id)
        await ada.until(lambda s: s.messages[-1]["type"] == "pop")
        assert ada.pops[call_id]["version"] >= patched["version"]
        assert {**ada.pops[call_id], "version": 0, "timing": 0} == {
            **patched, "version": 0, "timing": 0
        }  # fmt: skip


async def test_painted_is_counted(product: Product) -> None:
    async def painted() -> int:
        found = re.search(
            r"^screenpop_painted_ms_count ([\d.]+)",
            (await product.client.get("/metrics")).text,
            re.MULTILINE,
        )
        return int(float(found[1])) if found else 0

    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", "c-painted", ani=KESTREL, extension="101")
        pop = await ada.pop(call_id)
        before = await painted()
        await ada.say("painted", call_id=call_id, version=pop["version"], since_received_ms=41.5)
        await ada.say("ping")
        await ada.until(lambda s: s.messages[-1]["type"] == "pong")
        assert await painted() == before + 1


async def test_a_chosen_candidate_is_shown_on_every_tab_and_remembered(world: World) -> None:
    product = world.product
    async with (
        product.screen("ada@example.com") as ada,
        product.screen("ada@example.com") as tab,
    ):
        call_id = await world.ring("c-choice", SHARED)
        pop = await ada.pop(call_id)
        assert (pop["match"]["outcome"], pop["match"]["shared_number"]) == ("multiple", True)
        ids = {c["display_name"]: c["customer_id"] for c in pop["match"]["candidates"]}
        assert set(ids) == {"Finch & Co", "Wren & Co"}
        await ada.say("choose", call_id=call_id, customer_id=ids["Wren & Co"])
        patch = await ada.next()
        assert patch["type"] == "patch"
        assert {"match", "customer", "sections"} <= set(patch)
        assert patch["customer"]["display_name"] == "Wren & Co"
        assert patch["match"]["candidates"][0]["reasons"][0].startswith("chosen by Ada on ")
        for screen in (ada, tab):
            whole = await screen.whole(call_id)
            assert whole["customer"]["display_name"] == "Wren & Co"
        await product.event("ended", "c-choice")
    async with product.screen("ben@example.com") as ben:
        again = await world.ring("c-choice2", SHARED, extension="102")
        pop = await ben.pop(again)
        assert pop["match"]["outcome"] == "single"
        assert pop["customer"]["display_name"] == "Wren & Co"
        assert len(pop["match"]["candidates"]) == 2


@pytest.mark.parametrize(
    ("screen", "customer_id", "code"),
    [("ada", "nobody", "not_a_candidate"), ("ben", "nobody", "unknown_call")],
)
async def test_only_a_candidate_of_ones_own_call_can_be_chosen(
    world: World, screen: str, customer_id: str, code: str
) -> None:
    call_id = await world.ring(f"c-not-{screen}", SHARED)
    async with world.product.screen(f"{screen}@example.com") as one:
        await one.say("choose", call_id=call_id, customer_id=customer_id)
        error = await one.until(lambda s: s.messages[-1]["type"] == "error" and s.messages[-1])
        assert error["code"] == code


async def test_a_choice_that_cannot_be_kept_is_said_and_the_socket_lives(world: World) -> None:
    product = world.product
    async with product.screen("ada@example.com") as ada:
        shoppers = [
            {"remote_id": n, "display_name": f"Twin {n}", "phone": "+442079460555"} for n in (1, 2)
        ]
        world.shop("/customers", reply(shoppers))
        await world.configure()
        call_id = await world.ring("c-lost", "+442079460555")
        pop = await ada.pop(call_id)
        chosen = pop["match"]["candidates"][0]["customer_id"]
        rt = product.runtime
        async with rt.db.begin() as session:
            await (await session.connection()).exec_driver_sql(
                "CREATE TRIGGER full BEFORE INSERT ON number_choices"
                " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        await ada.say("choose", call_id=call_id, customer_id=chosen)
        error = await ada.until(lambda s: s.messages[-1]["type"] == "error" and s.messages[-1])
        assert error["code"] == "failed"
        assert "disk" not in error["detail"]
        async with rt.db.begin() as session:
            await (await session.connection()).exec_driver_sql("DROP TRIGGER full")
        await ada.say("choose", call_id=call_id, customer_id=chosen)
        await ada.until(lambda s: (s.pops[call_id]["customer"] or {}).get("customer_id") == chosen)
