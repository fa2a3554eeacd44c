"""The bus is a hint: a pop arrives although its message was lost."""

from __future__ import annotations

from pathlib import Path

from app.bus.memory import MemoryBus
from tests.product import Product, settings_for


async def test_an_agent_at_another_process_gets_the_pop_without_the_bus(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    settings = settings_for(migrated_postgres_url, tmp_path)
    async with Product.running(settings) as phones, Product.running(settings) as screens:
        await phones.configure()
        await phones.runtime.bus.close()
        phones.runtime.bus = MemoryBus()
        await screens.runtime.reload()
        async with screens.screen("ada@example.com") as ada:
            call_id = await phones.event("ringing", ani="+442079460958", extension="101")
            assert (await ada.pop(call_id))["call"]["state"] == "ringing"
            await phones.event("ended")
            assert await ada.close_of(call_id) == "missed"
