"""Why a customer gets these suggestions: the numbers behind each, and what was left out and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import prod
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from app.fitting import fit_history
from app.store.models import Customer
from app.suggestions import follow_tables
from tests.product import Product, settings_for
from tests.shop import WITH_SHOP, screenpop, write_shop


@pytest_asyncio.fixture
async def product(migrated_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_url, tmp_path)) as running:
        today = running.runtime.clock().date()
        url = write_shop(tmp_path, today, on_hold="2")
        await running.configure(WITH_SHOP, SHOP_URL=url)
        await fit_history(running.runtime)
        await follow_tables(running.runtime)
        yield running


async def customer_id(product: Product, name: str) -> str:
    async with product.runtime.db.read() as session:
        found = await session.scalar(select(Customer.id).where(Customer.display_name == name))
    assert found is not None
    return found


async def explained(product: Product, name: str, user: str = "sue@example.com") -> dict[str, Any]:
    path = f"/api/v1/customers/{await customer_id(product, name)}/suggestions/explain"
    async with await product.as_user(user) as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_score_is_the_product_of_the_numbers_that_are_shown(product: Product) -> None:
    said = await explained(product, "Kestrel Garden")
    assert said["fit"] == 1
    assert said["history"]["baskets"] == 6
    [feed] = [each for each in said["next"] if each["item_id"] == "FEED"]
    numbers = feed["numbers"]
    assert (numbers["times"], numbers["days_since"], numbers["gap_days"]) == (6, 29, 30.0)
    assert numbers["item"]["buyers"] == 12
    factors = ("share", "loyalty_factor", "trend_factor", "due_factor", "history_factor")
    product_of_them = prod(numbers[name] for name in factors)
    assert feed["score"] == pytest.approx(min(1.0, product_of_them), rel=1e-3)
    due = numbers["due"]
    assert due["from"] <= 29 / 30 < due["to"]


async def test_an_item_that_goes_with_another_has_the_counts_of_both(product: Product) -> None:
    said = await explained(product, "Kestrel Garden")
    [scoop] = [each for each in [*said["next"], *said["goes_with"]] if each["item_id"] == "SCOOP"]
    if "with" in scoop["numbers"]:
        numbers = scoop["numbers"]
        assert numbers["together"] <= min(numbers["with_baskets"], numbers["item_baskets"])
        expected = numbers["together"] / numbers["with_baskets"]
        assert numbers["rate"] == pytest.approx(expected, rel=1e-3)
    else:
        assert 0 < scoop["numbers"]["popularity"] <= 1


async def test_what_is_left_out_has_its_reason_in_words(product: Product) -> None:
    said = await explained(product, "Kestrel Garden")
    texts = {(each["list"], each["item_id"]): each["text"] for each in said["left_out"]}
    assert texts["next", "BUCKET"] == "out of stock: 0 there"
    assert texts["next", "FREIGHT"] == "its category is excluded: Freight"
    assert texts["goes_with", "SCOOP"] == "in the other list already"
    offered = {each["item_id"] for each in [*said["next"], *said["goes_with"]]}
    assert not offered & {"BUCKET", "FREIGHT"}


async def test_a_customer_on_credit_hold_is_offered_nothing(product: Product) -> None:
    said = await explained(product, "Marlowe Pumps")
    assert (said["blocked"], said["next"], said["goes_with"]) == ("credit_hold", [], [])


async def test_only_supervisors_and_admins_may_ask(product: Product) -> None:
    path = f"/api/v1/customers/{await customer_id(product, 'Kestrel Garden')}/suggestions/explain"
    async with await product.as_user("ada@example.com") as client:
        assert (await client.get(path)).status_code == 403
    async with await product.as_user("root@example.com") as client:
        assert (await client.get(path)).status_code == 200
        unknown = await client.get("/api/v1/customers/nobody/suggestions/explain")
    assert unknown.status_code == 404


async def test_the_command_takes_a_number_or_an_id(product: Product) -> None:
    for asked in (await customer_id(product, "Kestrel Garden"), "+44 20 7946 0958"):
        done = await asyncio.to_thread(screenpop, product, "suggest", "explain", asked)
        assert done.returncode == 0, done.stderr
        assert "Layer feed [20 kg] (FEED)" in done.stdout
        assert "out of stock: 0 there" in done.stdout
        assert "every ~30 days" in done.stdout
    done = await asyncio.to_thread(screenpop, product, "suggest", "explain", "+442079460000")
    assert done.returncode == 1
    assert done.stderr == "no customer has the number +442079460000\n"


async def test_each_fit_is_measured_on_the_customers_last_baskets(product: Product) -> None:
    async with await product.as_user("sue@example.com") as client:
        [fit] = (await client.get("/api/v1/suggestions/fits")).json()["fits"]
    assert fit["quality"]["customers"] == 12
    assert fit["quality"]["next"]["ours"]["recall"] == 1.0, "they always buy the same"
    done = await asyncio.to_thread(screenpop, product, "suggest", "quality")
    assert done.returncode == 0, done.stderr
    assert "fit 1 (live)" in done.stdout
    assert "what the customer buys most @10" in done.stdout


async def test_without_a_catalogue_an_item_is_what_the_newest_order_says_of_it(
    migrated_url: str, tmp_path: Path
) -> None:
    start, end = WITH_SHOP.index("        catalogue: >-"), WITH_SHOP.index("suggestions:")
    ordered = "'The ' || lower(item) AS name, '3.50' AS unit_price, 'GBP' AS currency"
    written = (WITH_SHOP[:start] + WITH_SHOP[end:]).replace("item AS name", ordered)
    async with Product.running(settings_for(migrated_url, tmp_path)) as product:
        url = write_shop(tmp_path, product.runtime.clock().date())
        await product.configure(written, SHOP_URL=url)
        await fit_history(product.runtime)
        await follow_tables(product.runtime)
        said = await explained(product, "Kestrel Garden")
    [feed] = [each for each in said["next"] if each["item_id"] == "FEED"]
    assert (feed["name"], feed["unit_price"], feed["currency"]) == ("The feed", "3.50", "GBP")
    assert feed["inventory_quantity"] is None
    new = [each for each in said["next"] if each["item_id"] == "SCOOP"]
    assert [each["name"] for each in new] in ([], [None]), "this customer never ordered it"
