"""Phone systems in a real browser: the form, the feed, a replay, another admin's change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.console import PASSWORD, WITH_ADMIN, log_in, looked_at, opened
from tests.product import Product, settings_for

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(WITH_ADMIN, ROOT_PASSWORD=PASSWORD)
        yield running


async def test_the_feed_shows_what_came_what_was_understood_and_what_was_refused(
    chromium: Browser, product: Product
) -> None:
    await product.event("ringing", ani="+442079460958", extension="101", queue="sales")
    await product.send(sign=False, event="ringing", call_id="forged", ani="+442079460958")
    async with opened(chromium) as page, product.screen("ada@example.com") as ada:
        await log_in(page, product, "/admin/phones")
        await looked_at(page, "phones")
        await page.get_by_role("link", name="pbx").click()
        refused = page.get_by_role("listitem").filter(has_text="refused").first
        await expect(refused).to_be_visible()
        accepted = page.get_by_role("listitem").filter(has_text="accepted").first
        await accepted.get_by_text("ringing").first.click()
        await expect(accepted.get_by_text("sales", exact=True)).to_be_visible()
        # The number of the caller is hidden in what came, the secret was never in it.
        await expect(accepted.locator("pre")).to_contain_text("958")
        await expect(accepted.locator("pre")).not_to_contain_text("442079460958")
        await looked_at(page, "phone")
        seen = len(ada.pops)
        await accepted.get_by_role("button", name="Take it again").click()
        await expect(page.get_by_text("Accepted as a new test call")).to_be_visible()
        await ada.until(lambda screen: len(screen.pops) > seen)


async def test_what_another_admin_saved_is_noticed_and_nothing_typed_is_lost(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/phones/pbx")
        name = page.get_by_label("Name", exact=True)
        await name.fill("Mine")
        other = await product.as_user("root@example.com")
        saved = (await other.get("/api/v1/phone-systems/pbx")).json()
        fields = {"kind": "generic", "name": "Theirs", "settings": saved["settings"]}
        assert (await other.put("/api/v1/phone-systems/pbx", json=fields)).status_code == 200
        await other.aclose()
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("somebody else changed it meanwhile")).to_be_visible()
        await expect(name).to_have_value("Mine")
        await looked_at(page, "phone-changed-meanwhile")
        await page.get_by_role("button", name="Keep what I typed").click()
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        await expect(page.get_by_role("heading", name="Mine")).to_be_visible()
    # The secrets, which the page never saw, still hold.
    await product.event("ringing", "c-9", ani="+442079460958", extension="101")


async def test_a_wrong_setting_is_told_at_its_field(chromium: Browser, product: Product) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/phones/+generic")
        await page.get_by_role("button", name="Add to Signing secrets").click()
        secret = page.get_by_label("Signing secrets 1")
        await expect(secret).to_be_focused()
        await secret.fill("too short")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(secret).to_have_attribute("aria-invalid", "true")
        await expect(secret).to_have_value("too short")
        await looked_at(page, "phone-new-wrong")
        await page.get_by_role("link", name="People").first.click()
        await expect(page.get_by_text("If you leave, it is lost")).to_be_visible()
        await page.get_by_role("button", name="Stay").click()
        await expect(secret).to_have_value("too short")


async def test_a_guide_is_drawn_as_text(chromium: Browser, product: Product) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/phones/+asterisk")
        await expect(page.locator(".guide pre").first).to_be_visible()
        await looked_at(page, "phone-guide")
