"""A source that somebody has to allow at the vendor, in a real browser: asked, given, withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e.connecting import open_step, publish
from tests.e2e.console import PASSWORD, WITH_ADMIN, go_to, log_in, looked_at, opened
from tests.e2e.vendor import CLIENT, SECRET, Vendor, open_vendor
from tests.product import Product, settings_for

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(WITH_ADMIN, ROOT_PASSWORD=PASSWORD)
        yield running


@pytest_asyncio.fixture
async def page(chromium: Browser, product: Product) -> AsyncIterator[Page]:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/sources")
        yield page


@pytest_asyncio.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with open_vendor() as vendor:
        yield vendor


async def fill_in(page: Page, vendor: Vendor) -> None:
    """Fill in the form of a service whose vendor asks a person."""
    await page.get_by_role("button", name="Web service (REST)").click()
    await page.get_by_label("Name", exact=True).fill("Cloud books")
    await page.get_by_label("Base URL").fill(vendor.web.url)
    await page.get_by_label("Server in the own network").check()
    credentials = page.get_by_role("group", name="Credentials")
    await credentials.get_by_label("Kind").select_option("oauth_code")
    await credentials.get_by_label("Authorisation URL").fill(vendor.page)
    await credentials.get_by_label("Token URL").fill(f"{vendor.web.url}/token")
    await credentials.get_by_label("Client id").fill(CLIENT)
    await credentials.get_by_label("Client secret").fill(SECRET)


async def answer_the_vendor(page: Page, words: str) -> None:
    """Say yes or no on the vendor's page, and be brought back."""
    await expect(page.get_by_role("heading", name="May screenpop read your data?")).to_be_visible()
    await page.get_by_role("link", name=words).click()
    await expect(page.get_by_role("heading", name="Cloud books")).to_be_visible()


async def test_a_vendor_is_asked_says_yes_and_is_asked_again_when_it_withdraws(
    page: Page, product: Product, vendor: Vendor
) -> None:
    permission = page.get_by_role("region", name="Permission of the vendor")
    await fill_in(page, vendor)
    # What to register there is known before there is a client id to fill in.
    address = permission.get_by_label("Redirect address to register with the vendor")
    await expect(address).to_have_value(f"{product.url}/api/v1/oauth/callback")
    await expect(permission.get_by_role("button", name="Connect", exact=True)).to_have_count(0)
    await looked_at(page, "grant-to-come")
    await publish(page)
    await expect(permission.get_by_text("nobody has connected cloud-books yet")).to_be_visible()
    await looked_at(page, "grant-missing")

    await permission.get_by_role("button", name="Connect", exact=True).click()
    await answer_the_vendor(page, "Refuse")
    await expect(permission.get_by_text("It was refused on the vendor's page.")).to_be_visible()
    await expect(permission.get_by_text("nobody has connected cloud-books yet")).to_be_visible()

    await permission.get_by_role("button", name="Connect", exact=True).click()
    await answer_the_vendor(page, "Allow")
    await expect(permission.get_by_text("Connected.", exact=True)).to_be_visible()
    await expect(permission.get_by_text("renewed without anybody")).to_be_visible()
    await looked_at(page, "grant-connected")

    await open_step(page, "2 Map")
    await page.get_by_label("Path").fill("/customers")
    await page.get_by_role("button", name="Ask", exact=True).click()
    await page.get_by_text("Records at customers").click()
    await page.get_by_role("button", name="Take these records").first.click()
    await publish(page)
    await open_step(page, "Sync")
    await page.get_by_role("button", name="Read everything").click()
    await expect(page.get_by_text("1 record known")).to_be_visible()

    vendor.withdrawn = True
    await page.get_by_role("button", name="Read everything").click()
    again = "the authorisation has expired or was withdrawn: connect cloud-books again"
    await expect(page.get_by_text(again)).to_be_visible()
    await go_to(page, "Data sources")
    await expect(page.get_by_text("connect it again")).to_be_visible()
    await page.get_by_role("link", name="Cloud books").click()
    await open_step(page, "1 Connect")
    await expect(permission.get_by_text(again)).to_be_visible()
    await looked_at(page, "grant-withdrawn")
    await permission.get_by_role("button", name="Connect again").click()
    await answer_the_vendor(page, "Allow")
    await expect(permission.get_by_text("Connected.", exact=True)).to_be_visible()
    await open_step(page, "Sync")
    await page.get_by_role("button", name="Read everything").click()
    await expect(page.get_by_text("1 record known")).to_be_visible()
    assert vendor.grants == 2
    assert SECRET not in await page.content()


async def test_who_disconnects_is_asked_first(page: Page, product: Product, vendor: Vendor) -> None:
    permission = page.get_by_role("region", name="Permission of the vendor")
    await fill_in(page, vendor)
    await publish(page)
    await permission.get_by_role("button", name="Connect", exact=True).click()
    await answer_the_vendor(page, "Allow")
    await permission.get_by_role("button", name="Disconnect").click()
    await expect(permission.get_by_text("it brings nothing")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(permission.get_by_text("renewed without anybody")).to_be_visible()
    await permission.get_by_role("button", name="Disconnect").click()
    await permission.get_by_role("button", name="Disconnect it").click()
    await expect(permission.get_by_text("nobody has connected cloud-books yet")).to_be_visible()
