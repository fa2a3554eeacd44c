"""A report of 3CX through the whole product: in the history, and on nobody's screen."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from tests.ledger import WITH_BOOKS, write_books
from tests.product import Product, settings_for

SYSTEM = "  - {slug: 3cx, kind: 3cx, settings: {token: {env: THREECX_TOKEN}}}\n"
TOKEN = "a token of 3CX"


async def test_a_reported_call_is_in_its_agents_history_and_pops_nowhere(
    migrated_url: str, tmp_path: Path
) -> None:
    users, connectors = WITH_BOOKS.split("connectors:")
    text = f"{users.rstrip()}\n{SYSTEM}connectors:{connectors}"
    report = {
        "CallType": "Inbound",
        "Number": "02079460958",
        "Agent": "101",
        "Duration": "00:05:10",
        "DateTime": "11/22/2026 09:54:50",
    }
    async with Product.running(settings_for(migrated_url, tmp_path)) as product:
        await product.configure(text, THREECX_TOKEN=TOKEN, BOOKS_URL=write_books(tmp_path))
        async with product.screen("ada@example.com") as ada:
            for _ in range(2):
                answer = await product.client.post(
                    "/hooks/3cx", json=report, headers={"authorization": f"Bearer {TOKEN}"}
                )
                assert (answer.status_code, answer.json()) == (200, {})
            await ada.quiet()
        async with await product.as_user("ada@example.com") as client:
            [call] = (await client.get("/api/v1/calls")).json()["calls"]
    assert (call["state"], call["agent"]["name"]) == ("ended", "Ada")
    assert call["customer"]["display_name"] == "Kestrel Garden"
    began, ended = (datetime.fromisoformat(call[at]) for at in ("started_at", "ended_at"))
    assert ended - began == timedelta(minutes=5, seconds=10)
