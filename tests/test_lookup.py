"""`GET /api/v1/lookup` and the priority in the pop: from our own database, no source asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete

from app.store.models import NumberChoice
from tests.ledger import WITH_BOOKS, write_books
from tests.product import Product, settings_for

KESTREL, MARLOWE = "+442079460958", "+442079460111"
RULES = """
priorities:
  - {name: Owes much, when: {overdue_over: "400.00"}, level: 2, queue: collections}
  - {name: Complained, when: {open_complaint: true}, level: 8, queue: care}
  - {name: Everybody known, level: 4}
"""


@pytest_asyncio.fixture
async def product(migrated_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_url, tmp_path)) as running:
        await running.configure(WITH_BOOKS + RULES, BOOKS_URL=write_books(tmp_path))
        yield running


async def lookup(product: Product, phone: str) -> dict[str, Any]:
    async with await product.as_user("cyd@example.com") as client:
        answer = await client.get("/api/v1/lookup", params={"phone": phone})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_known_number_is_named_with_its_level_of_service(product: Product) -> None:
    found = await lookup(product, "020 7946 0958")
    customer_id = found.pop("customer_id")
    assert customer_id
    assert found == {
        "outcome": "single",
        "display_name": "Kestrel Garden",
        "company_name": None,
        "tier": None,
        "priority": 4,
        "queue": None,
        "language": None,
    }


async def test_a_plus_that_was_not_encoded_is_still_one(product: Product) -> None:
    async with await product.as_user("cyd@example.com") as client:
        answer = await client.get(f"/api/v1/lookup?phone={KESTREL}")
    assert answer.json()["display_name"] == "Kestrel Garden"


@pytest.mark.parametrize(
    ("phone", "outcome"), [("+442079460777", "none"), ("anonymous", "withheld"), ("?", "none")]
)
async def test_nobody_is_named_for_a_number_that_is_not_known(
    product: Product, phone: str, outcome: str
) -> None:
    found = await lookup(product, phone)
    assert found.pop("outcome") == outcome
    assert set(found.values()) == {None}


async def test_of_several_customers_none_is_named_and_the_best_level_counts(
    product: Product,
) -> None:
    found = await lookup(product, MARLOWE)
    assert (found["outcome"], found["priority"], found["queue"]) == ("multiple", 4, None)
    assert {found[k] for k in ("customer_id", "display_name", "company_name", "tier")} == {None}
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=MARLOWE, extension="101")
        pop = await ada.pop(call_id)
        await ada.say(
            "choose", call_id=call_id, customer_id=pop["match"]["candidates"][1]["customer_id"]
        )
        await ada.until(lambda s: s.pops[call_id]["customer"])
        await complain(product, call_id)
        await product.event("ended", extension="101")
        await ada.close_of(call_id)
    chosen = await lookup(product, MARLOWE)
    assert (chosen["outcome"], chosen["priority"]) == ("single", 8)
    async with product.runtime.db.begin() as session:
        await session.execute(delete(NumberChoice))
    found = await lookup(product, MARLOWE)
    assert (found["outcome"], found["priority"], found["queue"]) == ("multiple", 8, "care")


async def complain(product: Product, call_id: str) -> None:
    async with await product.as_user("ada@example.com") as client:
        wrap_up = {"disposition": "complaint"}
        answer = await client.put(f"/api/v1/calls/{call_id}/wrap-up", json=wrap_up)
    assert answer.status_code == 200, answer.text


async def test_what_a_source_said_before_is_known_and_what_none_was_asked_is_not(
    product: Product,
) -> None:
    assert (await lookup(product, KESTREL))["priority"] == 4
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=KESTREL, extension="101")
        pop = await ada.whole(call_id)
    assert {"level": "info", "code": "priority", "text": "Owes much"} in pop["alerts"]
    found = await lookup(product, KESTREL)
    assert (found["priority"], found["queue"]) == (2, "collections")


async def test_without_rules_there_is_no_priority(product: Product) -> None:
    await product.configure("priorities: []")
    assert (await lookup(product, KESTREL))["priority"] is None
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=KESTREL, extension="101")
        pop = await ada.whole(call_id)
    assert [alert["code"] for alert in pop["alerts"]] == ["overdue"]


async def test_a_stranger_is_told_nothing(product: Product) -> None:
    answer = await product.client.get("/api/v1/lookup", params={"phone": KESTREL})
    assert answer.status_code == 401
