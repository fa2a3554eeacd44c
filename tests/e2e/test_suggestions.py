"""Suggestions on the agent's page: read, answered with the mouse and by keys, taken back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from app.fitting import fit_history
from app.suggestions import follow_tables
from tests.e2e.test_agent_page import PASSWORD, axe_faults, log_in
from tests.product import Product, settings_for
from tests.trade_shop import KESTREL, MARLOWE, TODAY, WITH_TRADE_SHOP, write_trade_shop

pytestmark = pytest.mark.browser
# What is to be seen of the block's entries, but not whole.
_CUT = """block => {
  const end = block.querySelector(".block-body").getBoundingClientRect().bottom;
  return [...block.querySelectorAll("li")]
    .filter((item) => getComputedStyle(item).visibility === "visible")
    .filter((item) => item.getBoundingClientRect().bottom > end + 1)
    .map((item) => item.textContent);
}"""


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    text = WITH_TRADE_SHOP.replace(
        "name: Ada, role: agent,", "name: Ada, role: agent, password: {env: ADA_PASSWORD},"
    )
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        url = write_trade_shop(tmp_path, [("1", "K-new", TODAY, "seal", 1)])
        await running.configure(text, SHOP_URL=url, ADA_PASSWORD=PASSWORD)
        await fit_history(running.runtime)
        await follow_tables(running.runtime)
        yield running


@pytest_asyncio.fixture(params=[(1280, "light"), (420, "dark")])
async def page(
    request: pytest.FixtureRequest, chromium: Browser, product: Product
) -> AsyncIterator[Page]:
    width, scheme = request.param
    context = await chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    async with context:
        opened = await context.new_page()
        opened.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        await log_in(opened, product)
        yield opened


async def test_suggestions_are_answered_and_taken_back(page: Page, product: Product) -> None:
    await product.event("ringing", ani=KESTREL, extension="101")
    block = page.locator(".block-likely")
    first = block.locator("li").first
    await expect(first).to_contain_text("Hose · 36.50 GBP · 12 in stock")
    await expect(first).to_contain_text("bought 12×, every ~30 days")
    await expect(block).to_contain_text("above the credit left")
    assert await axe_faults(page) == []
    await block.get_by_role("button", name="Yes: Hose").click()
    await expect(first).to_contain_text("said yes (Ada)")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("s")
    await page.keyboard.press("u")
    await expect(block.get_by_role("button", name="No: Hose")).to_be_visible()
    await page.keyboard.press("d")
    await expect(first).to_contain_text("said no (Ada)")
    assert await page.evaluate("document.activeElement === document.body")
    assert await axe_faults(page) == []


async def test_on_credit_hold_the_block_says_why_it_is_empty(page: Page, product: Product) -> None:
    await product.event("ringing", ani=MARLOWE, extension="101")
    block = page.locator(".block-likely")
    await expect(block).to_contain_text("On credit hold: offer nothing until it is lifted.")
    await expect(block.get_by_role("button")).to_have_count(0)
    assert await axe_faults(page) == []


async def test_what_does_not_fit_whole_is_left_out_until_it_is_asked_for(
    page: Page, product: Product
) -> None:
    await product.event("ringing", ani=KESTREL, extension="101")
    block = page.locator(".block-likely")
    items = block.locator("li")
    await expect(items.first).to_contain_text("Hose")
    await block.evaluate("block => block.style.setProperty('--size', '9.5rem')")
    more = block.get_by_role("button", name="Will likely want")
    await expect(more).to_have_text(re.compile(r"^\d more"))
    await expect(items.first).to_be_visible()
    await expect(items.last).to_be_hidden()
    assert await block.evaluate(_CUT) == []
    assert await axe_faults(page) == []
    await more.click()
    await expect(items.last).to_be_visible()
    await expect(more).to_have_attribute("aria-expanded", "true")
    assert await block.evaluate(_CUT) == []
    await more.click()
    await expect(items.last).to_be_hidden()
    # A key that marks one of them opens the block as well.
    await page.evaluate("document.activeElement.blur()")
    for _ in range(await items.count()):
        await page.keyboard.press("s")
    await expect(items.last).to_be_visible()
    await expect(items.last).to_have_attribute("aria-current", "true")
    # Who closes it again has seen that one; the next one that is marked opens it once more.
    await more.click()
    await expect(items.last).to_be_hidden()
    await page.evaluate("document.activeElement.blur()")
    for _ in range(await items.count() - 1):
        await page.keyboard.press("s")
    await expect(items.last).to_be_visible()
