"""Pops when customers are merged and parted, and when very many share a number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from app.core.identity import Ref
from app.jobs import heard_on_bus
from tests.product import Product, settings_for
from tests.store.contacts_world import contact, customers, put

ANN, OFFICE = "+447700900123", "+442079460958"


@pytest_asyncio.fixture
async def product(migrated_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_url, tmp_path)) as running:
        await running.configure()
        yield running


async def post(product: Product, path: str, **body: Any) -> dict[str, Any]:
    async with await product.as_user("sue@example.com") as sue:
        answer = await sue.post(f"/api/v1/customers/{path}", json=body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_live_pop_follows_a_merge_and_its_undo(product: Product) -> None:
    db = product.runtime.db
    await put(db, "books", contact("1", ANN, display_name="Ann Bell"))
    await put(db, "shop", contact("7", OFFICE, display_name="Bell & Co", tier="gold"))
    ours = await customers(db)
    books, shop = ours[Ref("books", "1")], ours[Ref("shop", "7")]
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=ANN, extension="101")
        assert (await ada.pop(call_id))["customer"]["customer_id"] == books
        merged = await post(product, "merge", survivor_id=shop, gone_id=books)
        await ada.until(lambda s: s.pops[call_id]["customer"]["customer_id"] == shop)
        assert ada.pops[call_id]["customer"]["tier"] == "gold"
        await post(product, f"merges/{merged['merge_id']}/undo")
        await ada.until(lambda s: s.pops[call_id]["customer"]["customer_id"] == books)


async def test_a_live_pop_follows_a_record_that_is_taken_out_and_put_back(product: Product) -> None:
    db = product.runtime.db
    same = {"tax_number": "GB123456789"}
    await put(db, "books", contact("1", ANN, display_name="Ann Bell", **same))
    await put(db, "shop", contact("7", OFFICE, display_name="Bell & Co", tier="gold", **same))
    (joint,) = set((await customers(db)).values())
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=OFFICE, extension="101")
        assert (await ada.pop(call_id))["customer"]["customer_id"] == joint
        taken = await post(product, f"{joint}/take-out", connector="shop", remote_id="7")
        shop = taken["parted_id"]
        await ada.until(lambda s: s.pops[call_id]["customer"]["customer_id"] == shop)
        assert ada.pops[call_id]["customer"]["display_name"] == "Bell & Co"
        back = await post(product, f"partings/{taken['parting_id']}/undo")
        one = back["customer_id"]
        await ada.until(lambda s: len(s.pops[call_id]["customer"]["links"]) == 2)
        assert ada.pops[call_id]["customer"]["customer_id"] == one


async def test_a_merge_made_by_another_process_is_followed(product: Product) -> None:
    db = product.runtime.db
    await put(db, "books", contact("1", ANN, display_name="Ann Bell"))
    (books,) = (await customers(db)).values()
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=ANN, extension="101")
        assert (await ada.pop(call_id))["customer"]["display_name"] == "Ann Bell"
        await put(db, "books", contact("1", ANN, display_name="Ann Fox"))
        heard_on_bus(product.runtime, {"customers": [books]})
        await ada.until(lambda s: s.pops[call_id]["customer"]["display_name"] == "Ann Fox")


async def test_a_number_of_very_many_says_how_many_and_shows_who_was_chosen(
    product: Product,
) -> None:
    db = product.runtime.db
    await put(db, "books", *(contact(f"{i:03}", OFFICE) for i in range(120)))
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=OFFICE, extension="101")
        pop = await ada.pop(call_id)
        match = pop["match"]
        assert (match["outcome"], match["shared_number"]) == ("multiple", True)
        assert (len(match["candidates"]), match["candidates_total"]) == (50, 120)
        shown = {each["customer_id"] for each in match["candidates"]}
        last = match["candidates"][-1]["customer_id"]
        await ada.say("choose", call_id=call_id, customer_id=last)
        await ada.until(lambda s: s.pops[call_id]["customer"])

    hidden = next(c for c in (await customers(db)).values() if c not in shown)
    await post(product, "merge", survivor_id=hidden, gone_id=last)
    async with product.screen("ada@example.com") as ada:
        again = await product.event("ringing", call_id="c-2", ani=OFFICE, extension="101")
        pop = await ada.pop(again)
        assert pop["customer"]["customer_id"] == hidden
        assert pop["match"]["candidates_total"] == 119


async def test_a_withheld_caller_has_no_candidates(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=None, extension="101")
        assert (await ada.pop(call_id))["match"]["candidates_total"] == 0
