"""Two processes on one database: the webhook comes to one, the agent sits at the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.world import KESTREL, SHARED, World, open_world
from tests.product import Product, settings_for


@dataclass
class Pair:
    """The process that gets the webhooks, with its sources, and the one that has the agents."""

    world: World
    desk: Product

    @property
    def phone(self) -> Product:
        return self.world.product


@pytest_asyncio.fixture(params=["listen", "valkey"])
async def pair(
    request: pytest.FixtureRequest, migrated_postgres_url: str, tmp_path: Path
) -> AsyncIterator[Pair]:
    bus_url = request.getfixturevalue("valkey_url") if request.param == "valkey" else None
    async with open_world(migrated_postgres_url, tmp_path, bus_url=bus_url) as world:
        settings = settings_for(
            migrated_postgres_url,
            tmp_path,
            bus_url=bus_url,
            secret_keys=world.product.settings.secret_keys,
        )
        async with Product.running(settings) as desk:
            yield Pair(world, desk)


async def test_the_pop_is_whole_where_the_agent_is(pair: Pair) -> None:
    async with pair.desk.screen("ada@example.com") as ada:
        call_id = await pair.world.ring("c-1", KESTREL)
        pop = await ada.whole(call_id)
        assert pop["customer"]["display_name"] == "Kestrel Garden"
        assert pop["sections"]["balance"]["data"]["balance"] == "456.00"
        await pair.phone.event("answered", "c-1", extension="101")
        await ada.in_state(call_id, "answered")
        await pair.phone.event("ended", "c-1")
        assert await ada.close_of(call_id) == "ended"


async def test_the_events_of_a_call_may_come_to_either(pair: Pair) -> None:
    async with (
        pair.desk.screen("ada@example.com") as ada,
        pair.phone.screen("ben@example.com") as ben,
    ):
        call_id = await pair.world.ring("c-1", KESTREL)
        await ada.pop(call_id)
        await pair.desk.event("answered", "c-1", extension="101")
        transfer = {"to_extension": "102", "kind": "attended"}
        await pair.desk.event("transferred", "c-1", extension="101", transfer=transfer)
        assert await ada.close_of(call_id) == "transferred"
        assert (await ben.pop(call_id))["call"]["extension"] == "102"
        await pair.phone.event("ended", "c-1")
        assert await ben.close_of(call_id) == "ended"


async def test_a_repeat_to_the_other_process_is_a_repeat(pair: Pair) -> None:
    event: dict[str, Any] = {
        "event": "ringing",
        "call_id": "c-1",
        "ani": KESTREL,
        "extension": "101",
    }
    first = await pair.phone.send(**event, event_id="e-1")
    again = await pair.desk.send(**event, event_id="e-1")
    assert (first.json()["duplicate"], again.json()["duplicate"]) == (False, True)


async def test_an_agent_who_comes_later_finds_the_call_at_either(pair: Pair) -> None:
    async with pair.desk.screen("ada@example.com") as first:
        call_id = await pair.world.ring("c-1", KESTREL)
        await first.pop(call_id)
    for product in (pair.desk, pair.phone):
        async with product.screen("ada@example.com") as ada:
            assert ada.pops[call_id]["customer"]["display_name"] == "Kestrel Garden"


async def test_a_choice_and_a_dismissal_reach_the_other_process(pair: Pair) -> None:
    async with (
        pair.desk.screen("ada@example.com") as ada,
        pair.phone.screen("ada@example.com") as tab,
    ):
        call_id = await pair.world.ring("c-1", SHARED)
        pop = await ada.pop(call_id)
        await tab.pop(call_id)
        wren = next(c for c in pop["match"]["candidates"] if c["display_name"] == "Wren & Co")
        await ada.say("choose", call_id=call_id, customer_id=wren["customer_id"])
        for screen in (ada, tab):
            whole = await screen.whole(call_id)
            assert whole["customer"]["display_name"] == "Wren & Co"
        await tab.say("dismiss", call_id=call_id)
        for screen in (ada, tab):
            assert await screen.close_of(call_id) == "dismissed"


async def test_what_the_first_agent_wrote_reaches_the_next_one_at_the_other_process(
    pair: Pair,
) -> None:
    async with (
        pair.phone.screen("ada@example.com") as ada,
        pair.desk.screen("ben@example.com") as ben,
        await pair.phone.as_user("ada@example.com") as http,
    ):
        both = ["101", "102"]
        call_id = await pair.phone.event("ringing", "c-1", ani=KESTREL, extension=both)
        await ada.pop(call_id)
        await ben.pop(call_id)
        await pair.phone.event("answered", "c-1", extension="101")
        await ben.close_of(call_id)
        notes = f"/api/v1/calls/{call_id}/notes"
        assert (await http.post(notes, json={"text": "wants a refund"})).status_code == 201
        transfer = {"to_extension": "102", "kind": "blind"}
        await pair.phone.event("transferred", "c-1", extension="101", transfer=transfer)
        said = (await ben.pop(call_id))["sections"]["interactions"]["data"]
        assert [i["note"] for i in said] == ["wants a refund"]
        assert (await http.post(notes, json={"text": "all of it"})).status_code == 201
        await ben.until(
            lambda s: "all of it" in s.pops[call_id]["sections"]["interactions"]["data"][0]["note"]
        )
