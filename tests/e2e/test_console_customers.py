"""Customers to mend in a real browser: decided, undone and set aside with keys alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from app.store.scan import scan
from app.store.words import index_changed
from tests.e2e.console import PASSWORD, WITH_ADMIN, log_in, looked_at, opened
from tests.product import Product, settings_for
from tests.store.contacts_world import contact, put

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(WITH_ADMIN, ROOT_PASSWORD=PASSWORD)
        db = running.runtime.db
        await put(
            db,
            "books",
            contact(
                "1",
                "07700 900123",
                display_name="Ann Bell",
                email_addresses=("ann@bell.example",),
                postal_address="1 Quay Street, Bristol",
            ),
            contact("2", "07700 900456", display_name="Mohammed Al-Rashid Trading"),
            contact("3", "0800 nobody", display_name="Marlowe Pumps"),
            contact("4", "0800 CALL US", display_name="مؤسسة النور للتجارة"),
        )
        await put(
            db,
            "shop",
            contact("7", "07700 900123", display_name="Anne Bell", external_id="C-7"),
            contact("8", "07700 900456", display_name="Mohamed Al Rashid Trading"),
        )
        await index_changed(db, datetime.now(UTC))
        await scan(db, datetime.now(UTC))
        yield running


async def blur(page: Page) -> None:
    await page.evaluate("document.activeElement.blur()")


async def test_duplicates_are_decided_with_a_key_and_undone_with_a_key(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/customers")
        pair = page.get_by_role("region", name="The pair to decide")
        facts = pair.get_by_role("group", name="Both sides")
        await expect(page.get_by_text("2 pairs wait in all")).to_be_visible()
        await expect(facts.get_by_text("both").first).to_be_visible()
        await looked_at(page, "customers-duplicates")
        first = await facts.locator("thead").inner_text()
        await blur(page)
        await page.keyboard.press("j")
        await expect(facts.locator("thead")).not_to_have_text(first)
        await page.keyboard.press("k")
        await page.keyboard.press("ArrowRight")
        await expect(facts.get_by_role("radio").nth(1)).to_be_checked()
        await page.keyboard.press("s")
        await expect(pair.get_by_text("They are one customer now.")).to_be_visible()
        await expect(page.get_by_text(": the same")).to_be_visible()
        await page.keyboard.press("d")
        await expect(pair.get_by_text("No likely duplicates wait")).to_be_visible()
        await looked_at(page, "customers-decided")
        await page.keyboard.press("u")
        await expect(page.get_by_text("1 pair waits in all")).to_be_visible()
        await expect(page.get_by_role("heading", name="Decided lately")).to_be_visible()
        await page.keyboard.press("u")
        await expect(page.get_by_text("2 pairs wait in all")).to_be_visible()
        await expect(page.get_by_role("heading", name="Decided lately")).to_have_count(0)


async def test_what_was_just_done_is_undone_though_the_list_of_decisions_is_slow(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/customers")
        pair = page.get_by_role("region", name="The pair to decide")
        await expect(page.get_by_text("2 pairs wait in all")).to_be_visible()
        await blur(page)
        answer = asyncio.Event()

        async def later(route: Route) -> None:
            await answer.wait()
            await route.continue_()

        await page.route("**/duplicates/decided", later)
        await page.keyboard.press("s")
        await expect(pair.get_by_text("They are one customer now.")).to_be_visible()
        await page.keyboard.press("d")
        await expect(pair.get_by_text("No likely duplicates wait")).to_be_visible()
        await page.keyboard.press("u")
        await expect(page.get_by_text("1 pair waits in all")).to_be_visible()
        await page.keyboard.press("u")
        await expect(page.get_by_text("2 pairs wait in all")).to_be_visible()
        answer.set()
        await expect(page.get_by_role("heading", name="Decided lately")).to_have_count(0)
        await page.unroute_all(behavior="wait")


async def test_keys_typed_into_the_search_decide_nothing(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/customers")
        await page.get_by_label("Search").fill("")
        await page.get_by_label("Search").press_sequentially("sd moham")
        await expect(page.get_by_text("No pair is found for “sd moham”.")).to_be_visible()
        await page.get_by_label("Search").fill("moham")
        await expect(page.get_by_role("group", name="Both sides")).to_contain_text("Rashid")
        await expect(page.get_by_text("2 pairs wait in all")).to_be_visible()


async def test_a_record_that_cannot_be_mended_is_set_aside_and_taken_back(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/customers")
        await page.get_by_role("link", name="Records to mend").click()
        records = page.get_by_role("region", name="Records to mend")
        await expect(records.get_by_role("listitem")).to_have_count(2)
        await looked_at(page, "customers-quality")
        await blur(page)
        await page.keyboard.press("j")
        second = records.get_by_role("listitem").nth(1)
        await expect(second).to_have_attribute("aria-current", "true")
        name = await second.locator("strong").inner_text()
        await page.keyboard.press("a")
        await expect(records.get_by_role("listitem")).to_have_count(1)
        await expect(records).not_to_contain_text(name)
        await page.keyboard.press("u")
        await expect(records.get_by_role("listitem")).to_have_count(2)
        async with page.expect_download() as download:
            await page.get_by_role("link", name="CSV file").click()
        assert "Marlowe Pumps" in Path(await (await download.value).path()).read_text("utf-8")


async def test_before_the_first_look_nothing_is_said_of_duplicates_and_one_is_begun_at_once(
    chromium: Browser, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    async with (
        Product.running(settings_for(migrated_sqlite_url, tmp_path)) as product,
        opened(chromium) as page,
    ):
        await product.configure(WITH_ADMIN, ROOT_PASSWORD=PASSWORD)
        await log_in(page, product, "/admin/customers")
        await expect(page.get_by_text("No data source has brought a customer yet.")).to_be_visible()
        await expect(page.get_by_role("button", name="Look now")).to_have_count(0)
        db = product.runtime.db
        await put(db, "books", contact("1", "07700 900123", display_name="Ann Bell"))
        await put(db, "shop", contact("7", "07700 900123", display_name="Anne Bell"))
        await page.reload()
        await expect(page.get_by_text("Whether there are duplicates is not known")).to_be_visible()
        await expect(page.get_by_text("by itself within five minutes")).to_be_visible()
        await looked_at(page, "customers-never-looked")
        await page.get_by_role("button", name="Look now").click()
        await expect(page.get_by_text("1 pair waits in all")).to_be_visible(timeout=60_000)
        await expect(page.get_by_text("Looked through just now")).to_be_visible()
        await expect(page.get_by_role("button", name="Look now")).to_be_enabled()
