"""The suggestions page in a real browser: fits and the way back, what came of them, why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from app.fitting import fit_history
from app.suggestions import follow_tables
from tests.e2e.console import PASSWORD, WITH_ADMIN, log_in, looked_at, opened
from tests.product import USERS, Product, settings_for
from tests.trade_shop import KESTREL, WITH_TRADE_SHOP, write_trade_shop

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    text = WITH_TRADE_SHOP.replace(USERS, WITH_ADMIN)
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(text, SHOP_URL=write_trade_shop(tmp_path), ROOT_PASSWORD=PASSWORD)
        yield running


async def test_a_fit_is_begun_watched_and_a_former_one_put_back(
    chromium: Browser, product: Product
) -> None:
    await fit_history(product.runtime)
    await follow_tables(product.runtime)
    async with opened(chromium) as page:
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        await log_in(page, product, "/admin/suggestions")
        fits = page.get_by_role("group", name="Fits")
        await expect(fits.get_by_role("row")).to_have_count(2)
        # One fit is no line: it is compared with simpler ways by bars.
        foretold = page.get_by_role("region", name="Next purchases foretold")
        await expect(foretold.get_by_role("listitem").first).to_contain_text("ours")
        await expect(foretold.get_by_role("listitem").first).to_contain_text("%")
        await page.get_by_role("button", name="Fit now").click()
        await expect(page.get_by_role("progressbar")).to_be_visible()
        await expect(fits.get_by_role("row")).to_have_count(3)
        await expect(fits.get_by_role("row").nth(1)).to_contain_text("in use")
        await fits.get_by_role("button", name="Use again fit 1").click()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Fit 1 is in use until the next one.")).to_be_visible()
        await expect(fits.get_by_role("row").nth(2)).to_contain_text("in use")
        await looked_at(page, "suggestions")
    assert product.runtime.shelf.number == 1


async def test_a_customer_is_explained_and_what_came_of_calls_is_counted(
    chromium: Browser, product: Product
) -> None:
    await fit_history(product.runtime)
    await follow_tables(product.runtime)
    async with product.screen("root@example.com") as root:
        call_id = await product.event("ringing", ani=KESTREL, extension="100")
        await root.whole(call_id)
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/suggestions")
        came = page.get_by_role("group", name="What came of the suggestions")
        row = came.get_by_role("row").filter(has_text="Likely next")
        await expect(row.get_by_role("cell").nth(1)).not_to_have_text("0")
        await page.get_by_label("Customer", exact=True).fill(KESTREL)
        await page.get_by_role("button", name="Kestrel Garden").click()
        told = page.get_by_role("region", name="Explanation")
        await expect(told.get_by_role("heading", name="Likely next")).to_be_visible()
        await told.locator("summary").first.focus()
        await page.keyboard.press("Enter")
        await expect(told.get_by_text("days since").first).to_be_visible()
        await expect(told.get_by_role("heading", name="Left out")).to_be_visible()
        await looked_at(page, "suggestions-explained")


async def test_without_orders_the_page_says_so_and_a_fit_fails_in_words(
    chromium: Browser, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as empty:
        await empty.configure(WITH_ADMIN, ROOT_PASSWORD=PASSWORD)
        async with opened(chromium) as page:
            page.set_default_timeout(60_000)
            expect.set_options(timeout=60_000)
            await log_in(page, empty, "/admin/suggestions")
            await expect(page.get_by_text("None yet: the tables are fitted")).to_be_visible()
            await looked_at(page, "suggestions-empty")
            await page.get_by_role("button", name="Fit now").click()
            await expect(page.get_by_text("no purchase history is synchronised")).to_be_visible()
