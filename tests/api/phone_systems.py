"""What the tests of `/hooks` share: a product with three phone systems, and how to post to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.product import TOKEN, USERS, Product, settings_for

CALLER = "+442079460958"
PUBLIC_URL = "https://pop.example.com"
TWILIO_TOKEN = "1" * 32
OTHER_SYSTEMS = """
  - {slug: desk, kind: zammad, settings: {token: {env: PBX_TOKEN}}}
  - {slug: tw, kind: twilio, settings: {auth_token: {env: TWILIO_TOKEN}}}
"""


@asynccontextmanager
async def three_systems(migrated_sqlite: Path, folder: Path) -> AsyncIterator[Product]:
    """Run one product for all tests of a file: they change nothing but calls."""
    database = folder / "screenpop.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    settings = settings_for(f"sqlite:///{database}", folder, public_url=PUBLIC_URL)
    async with Product.running(settings) as running:
        await configure(running)
        yield running


async def configure(product: Product) -> None:
    """Configure a generic phone system, Zammad's form and Twilio."""
    await product.configure(USERS + OTHER_SYSTEMS, TWILIO_TOKEN=TWILIO_TOKEN)


def bearer(**more: str) -> dict[str, str]:
    """Return headers that prove the generic phone system."""
    return {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", **more}


def event(call_id: str, **more: Any) -> dict[str, Any]:
    """Return an event of the generic phone system."""
    return {"event": "ringing", "call_id": call_id, "ani": CALLER, "extension": "101", **more}


async def refusals(product: Product, slug: str = "pbx") -> list[dict[str, Any]]:
    """Return what was refused and kept for the admin."""
    async with await product.as_user("root@example.com") as root:
        answer = await root.get(f"/api/v1/phone-systems/{slug}/events?limit=200")
        found: list[dict[str, Any]] = answer.json()["refused"]
        return found
