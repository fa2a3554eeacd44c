"""A campaign's list: chosen customers, what each may be offered, as CSV."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from app.campaign import LastPurchase, campaign
from app.cli import cli
from app.errors import UserError
from app.fitting import fit_history
from app.store.audience import Audience
from tests.product import Product, settings_for
from tests.shop import WITH_SHOP, screenpop, write_shop

ANY_TIME = LastPurchase()


@pytest_asyncio.fixture
async def product(migrated_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_url, tmp_path)) as running:
        rt = running.runtime
        await running.configure(WITH_SHOP, SHOP_URL=write_shop(tmp_path, rt.clock().date()))
        await fit_history(rt)
        yield running


async def listed(
    product: Product, wanted: Audience, last: LastPurchase = ANY_TIME, rows: int = 5
) -> list[dict[str, Any]]:
    return [row async for row in campaign(product.runtime, wanted, last, rows)]


async def names(product: Product, last: LastPurchase = ANY_TIME, **wanted: Any) -> set[str]:
    return {row["display_name"] for row in await listed(product, Audience(**wanted), last)}


async def test_customers_are_chosen_by_what_their_source_says(product: Product) -> None:
    assert len(await names(product)) == 12
    # In any case of letters.
    gold = {"Kestrel Garden", "Marlowe Pumps"}
    assert await names(product, tiers=frozenset({"GOLD"})) == gold
    both = await names(product, tiers=frozenset({"gold", "silver"}))
    assert both == gold | {"Orchard Hire", "=Formula Ltd"}
    tagged = await names(product, with_tags=frozenset({"Wholesale"}))
    assert tagged == {"Kestrel Garden", "Orchard Hire"}
    assert len(await names(product, without_tags=frozenset({"Wholesale"}))) == 10
    assert await names(product, with_tags=frozenset({"wholesale", "other"})) == set()


async def test_who_did_not_say_yes_did_not_consent(product: Product) -> None:
    assert await names(product, consenting=True) == {"Kestrel Garden"}


async def test_customers_are_chosen_by_when_they_bought_last(product: Product) -> None:
    day = product.runtime.clock().date() - timedelta(days=60)
    assert await names(product, LastPurchase(before=day)) == {"Orchard Hire"}
    assert len(await names(product, LastPurchase(after=day))) == 11
    assert await names(product, LastPurchase(day, day)) == set()


async def test_each_gets_what_an_agent_would_offer_best_first(product: Product) -> None:
    wanted = Audience(consenting=True)
    rows = await listed(product, wanted)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["item_id"] == "FEED"
    assert rows[0]["item_name"] == "Layer feed [20 kg]"
    assert rows[0]["reason"] == "bought 6×, every ~30 days, last 29 days ago: due now"
    assert not {"BUCKET", "FREIGHT"} & {row["item_id"] for row in rows}, "no stock; excluded"
    assert await listed(product, wanted, rows=1) == rows[:1]


async def test_the_command_writes_a_file_that_a_spreadsheet_may_open(
    product: Product, tmp_path: Path
) -> None:
    out = tmp_path / "campaign.csv"
    arguments = ("suggest", "next", "--out", str(out), "--tier", "silver", "--rows", "1")
    done = await asyncio.to_thread(screenpop, product, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 items for 2 customers in ")
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    # A phone number is no formula, a name that begins like one is written as text.
    assert {row["display_name"] for row in rows} == {"Orchard Hire", "'=Formula Ltd"}
    assert {row["phone_number"] for row in rows} == {"+442079460222", "+442079460333"}


async def test_without_history_it_says_what_to_do(migrated_url: str, tmp_path: Path) -> None:
    async with Product.running(settings_for(migrated_url, tmp_path)) as running:
        with pytest.raises(UserError, match="screenpop connectors sync"):
            await listed(running, Audience())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--targets", "t.csv"], "go together"),
        (["--targets", "t.csv", "--history", "h.csv", "--consent"], "leave out"),
        (["--bought-after", "yesterday"], "yesterday"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(cli, ["suggest", "next", "--out", "o.csv", *arguments])
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
