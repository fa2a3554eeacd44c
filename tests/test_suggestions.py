"""Suggestions in the pop: before and after a fit, with credit, live orders, answers, a report."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.fitting import AGAIN, FitRunning, fit_due, fit_history, is_due
from app.store.history import History
from app.store.suggestion_models import SuggestionFit
from app.suggestions import follow_tables, write_offers
from tests.product import Product, Screen, settings_for
from tests.trade_shop import KESTREL, MARLOWE, NEWCOMER, TODAY, WITH_TRADE_SHOP, write_trade_shop

LINES = 12 * 3 + 40 * 3


@pytest_asyncio.fixture
async def product(migrated_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_url, tmp_path)) as running:
        url = write_trade_shop(tmp_path, [("1", "K-new", TODAY, "seal", 1)])
        await running.configure(WITH_TRADE_SHOP, SHOP_URL=url)
        await follow_tables(running.runtime)
        yield running


async def fitted(product: Product) -> int:
    number = (await fit_history(product.runtime)).number
    await follow_tables(product.runtime)
    return number


async def ring(product: Product, screen: Screen, number: str, call_id: str = "c-1") -> Any:
    pop = await screen.whole(await product.event("ringing", call_id, ani=number, extension="101"))
    return pop["sections"]["suggestions"]


def items(section: Any, name: str) -> list[str]:
    return [each["item_id"] for each in section["data"][name]]


async def send(product: Product, email: str, method: str, path: str, **more: Any) -> httpx.Response:
    async with await product.as_user(email) as client:
        return await client.request(method, f"/api/v1/{path}", **more)


async def answer(
    product: Product,
    call_id: str,
    item: str,
    word: str,
    email: str = "ada@example.com",
    **more: Any,
) -> httpx.Response:
    body = {"item_id": item, "list": "next", "answer": word, **more}
    return await send(product, email, "POST", f"calls/{call_id}/suggestions", json=body)


async def test_before_the_first_fit_habits_come_first_and_popular_items_are_flagged(
    product: Product,
) -> None:
    async with product.screen("ada@example.com") as ada:
        known = await ring(product, ada, KESTREL)
        stranger = await ring(product, ada, NEWCOMER, "c-2")
    first = known["data"]["next"][0]
    assert (first["item_id"], first["popular"]) == ("hose", False)
    assert first["reason"] == "bought 12×, every ~30 days, last 30 days ago: due now"
    assert (first["name"], first["unit_price"], first["currency"]) == ("Hose", "36.50", "GBP")
    assert first["inventory_quantity"] == "12"
    assert not known["data"]["popular"]
    assert stranger["data"]["popular"]
    assert all(each["reason"].startswith("popular: in ") for each in stranger["data"]["next"])


async def test_neither_what_is_out_of_stock_nor_an_excluded_category_is_offered(
    product: Product,
) -> None:
    await fitted(product)
    async with product.screen("ada@example.com") as ada:
        section = await ring(product, ada, KESTREL)
    assert not {"old", "carr"} & {*items(section, "next"), *items(section, "goes_with")}


async def test_what_goes_with_a_purchase_of_this_very_call_is_offered(product: Product) -> None:
    await fitted(product)
    async with product.screen("ada@example.com") as ada:
        section = await ring(product, ada, KESTREL)
    # The seal of today is only in the shop's live answer.
    assert "seal" in items(section, "next")
    every = [*section["data"]["next"], *section["data"]["goes_with"]]
    pump = next(each for each in every if each["item_id"] == "pump")
    assert pump["above_credit"]
    assert section["status"] == "ok"


async def test_on_credit_hold_nothing_is_offered(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        section = await ring(product, ada, MARLOWE)
    assert section["data"]["blocked"] == "credit_hold"
    assert (section["data"]["next"], section["data"]["goes_with"]) == ([], [])


async def test_an_answer_is_shown_at_once_and_to_the_next_agent_and_can_be_taken_back(
    product: Product,
) -> None:
    async with product.screen("ada@example.com") as ada:
        await ring(product, ada, KESTREL)
        assert (await answer(product, "pbx:c-1", "hose", "accepted")).status_code == 204

        def given(screen: Screen) -> Any:
            shown = screen.pops["pbx:c-1"]["sections"]["suggestions"]["data"]["next"]
            return shown[0]["answer"]

        told = await ada.until(given)
        assert (told["answer"], told["by"]) == ("accepted", "Ada")
        next_time = await ring(product, ada, KESTREL, "c-2")
        assert next_time["data"]["next"][0]["answer"]["by"] == "Ada"
        path = "calls/pbx:c-1/suggestions?item_id=hose"
        assert (await send(product, "ada@example.com", "DELETE", path)).status_code == 204
        await ada.until(lambda screen: given(screen) is None)
        assert (await send(product, "ada@example.com", "DELETE", path)).status_code == 404


async def test_what_was_declined_or_snoozed_is_not_offered_in_the_next_call(
    product: Product,
) -> None:
    async with product.screen("ada@example.com") as ada:
        section = await ring(product, ada, KESTREL)
        second = items(section, "next")[1]
        await answer(product, "pbx:c-1", "hose", "declined")
        until = str(TODAY + timedelta(days=7))
        assert (await answer(product, "pbx:c-1", second, "snoozed", until=until)).is_success
        again = await ring(product, ada, KESTREL, "c-2")
    assert not {"hose", second} & set(items(again, "next"))


async def test_only_an_agent_who_has_the_pop_answers_and_only_what_was_offered(
    product: Product,
) -> None:
    async with product.screen("ada@example.com") as ada:
        await ring(product, ada, KESTREL)
        others = await answer(product, "pbx:c-1", "hose", "accepted", "cyd@example.com")
        assert others.status_code == 404
        assert (await answer(product, "pbx:c-1", "spade", "accepted")).status_code == 404
        past = await answer(product, "pbx:c-1", "hose", "snoozed", until=str(TODAY))
        assert past.status_code == 422


async def test_the_report_counts_what_was_offered_answered_and_bought(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        section = await ring(product, ada, KESTREL)
        await answer(product, "pbx:c-1", "hose", "accepted")
        await ring(product, ada, KESTREL, "c-2")
        await write_offers(product.runtime)
    told = await send(product, "sue@example.com", "GET", "suggestions/report?days=7")
    of_next = told.json()["lists"][0]
    assert of_next == {
        "list": "next",
        "offered": len(section["data"]["next"]),
        "accepted": 1,
        "declined": 0,
        "snoozed": 0,
        "bought": 0,
    }
    text = await send(product, "sue@example.com", "GET", "suggestions/report?format=csv")
    assert next(csv.DictReader(StringIO(text.text)))["accepted"] == "1"
    assert (await send(product, "ada@example.com", "GET", "suggestions/report")).status_code == 403


async def test_a_fit_is_used_at_once_and_the_former_can_be_put_back(product: Product) -> None:
    first, second = await fitted(product), await fitted(product)
    shelf = product.runtime.shelf
    assert shelf.number == second
    assert (await send(product, "ada@example.com", "GET", "suggestions/fits")).status_code == 403
    path = f"suggestions/fits/{first}/use"
    assert (await send(product, "root@example.com", "POST", path)).status_code == 204
    assert shelf.number == first
    told = await send(product, "sue@example.com", "GET", "suggestions/fits")
    assert [(f["number"], f["state"]) for f in told.json()["fits"]] == [
        (second, "former"),
        (first, "live"),
    ]
    assert told.json()["fits"][0]["lines"] == LINES
    absent = await send(product, "root@example.com", "POST", "suggestions/fits/99/use")
    assert absent.status_code == 404


async def test_another_host_gets_the_tables_from_the_database(product: Product) -> None:
    if product.settings.embedded:
        pytest.skip("an embedded database has one host")
    number = (await fit_history(product.runtime)).number
    file = product.runtime.shelf.file(number)
    made = file.read_bytes()
    file.unlink()
    await follow_tables(product.runtime)
    assert file.read_bytes() == made
    assert product.runtime.shelf.number == number


async def test_what_is_due_is_fitted_in_a_process_beside(product: Product) -> None:
    await fit_due(product.runtime)
    await follow_tables(product.runtime)
    assert product.runtime.shelf.number == 1
    assert not list(product.runtime.shelf.folder.glob("parts/*"))


async def test_a_fit_that_fails_says_so_and_the_one_before_stays(product: Product) -> None:
    number = await fitted(product)
    product.runtime.shelf.file(number + 1).mkdir()
    with pytest.raises(OSError, match="directory"):
        await fit_history(product.runtime)
    await follow_tables(product.runtime)
    assert product.runtime.shelf.number == number
    told = await send(product, "sue@example.com", "GET", "suggestions/fits")
    assert [(f["state"], f["error"]) for f in told.json()["fits"]] == [
        ("failed", "IsADirectoryError"),
        ("live", None),
    ]


async def test_a_fit_that_was_broken_off_goes_on_with_the_parts_it_had(product: Product) -> None:
    in_the_way = product.runtime.shelf.file(1)
    in_the_way.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        await fit_history(product.runtime)
    in_the_way.rmdir()
    await History(product.runtime.db).forget_connector("shop")
    assert (await fit_history(product.runtime)).lines == LINES


async def test_two_fits_at_once_are_one(product: Product) -> None:
    one, other = await asyncio.gather(
        fit_history(product.runtime), fit_history(product.runtime), return_exceptions=True
    )
    assert isinstance(one, FitRunning) is not isinstance(other, FitRunning)


async def test_the_rules_can_be_changed_and_are_exported(product: Product) -> None:
    rules = {"excluded_categories": ["Hose"], "never_again_days": 30}
    put = await send(product, "root@example.com", "PUT", "suggestions/settings", json=rules)
    assert put.json() == rules
    async with product.screen("ada@example.com") as ada:
        section = await ring(product, ada, KESTREL)
    assert "hose" not in items(section, "next")
    wrong = {"never_again_days": -1}
    refused = await send(product, "root@example.com", "PUT", "suggestions/settings", json=wrong)
    assert refused.status_code == 422


def fit_of(hours_ago: float, *, orders: int = 100, state: str = "live") -> SuggestionFit:
    at = NIGHT - timedelta(hours=hours_ago)
    return SuggestionFit(state=state, started_at=at, finished_at=at, orders=orders)


NIGHT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "orders", "due"),
    [
        (None, 0, False),
        (None, 1, True),
        (fit_of(1), 105, False),
        (fit_of(1), 106, True),
        (fit_of(AGAIN.total_seconds() / 3600 / 2), 200, False),
        (fit_of(20), 100, True),
        (fit_of(1, state="failed"), 100, True),
    ],
)
def test_it_is_fitted_at_first_nightly_and_when_much_is_new(
    last: SuggestionFit | None, orders: int, due: bool
) -> None:
    assert is_due(last, orders, NIGHT) is due
