"""The first run in a real browser: from an empty data folder to a test call that rings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e.console import PASSWORD, WITH_ADMIN, log_in, looked_at, opened
from tests.product import SECRET, Product, settings_for

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def empty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        yield running


async def make_admin(page: Page, empty: Product) -> None:
    await page.goto(f"{empty.url}/admin")
    await page.get_by_label("Your name").fill("Root")
    await page.get_by_label("E-mail").fill("root@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name="Set-up")).to_be_visible()


async def test_an_empty_folder_leads_from_the_agents_page_to_the_set_up(
    chromium: Browser, empty: Product
) -> None:
    async with opened(chromium) as page:
        await page.goto(empty.url)
        await expect(page.get_by_role("heading", name="Welcome to screenpop")).to_be_visible()


async def test_what_is_wrong_is_said_at_the_field_and_nothing_typed_is_lost(
    chromium: Browser, empty: Product
) -> None:
    async with opened(chromium) as page:
        await page.goto(f"{empty.url}/admin")
        await page.get_by_label("Your name").fill("Root")
        await page.get_by_label("E-mail").fill("not an address")
        await page.get_by_label("Password").fill("correct horse")
        await page.keyboard.press("Enter")
        email = page.get_by_label("E-mail")
        await expect(email).to_have_attribute("aria-invalid", "true")
        await expect(email).to_be_focused()
        await expect(page.get_by_text("is not an e-mail address")).to_be_visible()
        await expect(page.get_by_label("Your name")).to_have_value("Root")
        await expect(page.get_by_label("Password")).to_have_value("correct horse")
        await looked_at(page, "first-admin")


async def test_the_first_run_ends_with_a_call_on_the_agents_page(
    chromium: Browser, empty: Product
) -> None:
    async with opened(chromium) as page:
        await make_admin(page, empty)
        await looked_at(page, "setup-begin")
        await page.get_by_label("Region").fill("UK")
        await page.get_by_label("Currency").fill("EUR")
        await page.get_by_role("button", name="Save region and currency").click()
        await expect(page.get_by_text("did you mean GB?")).to_be_visible()
        await page.get_by_label("Region").fill("GB")
        await page.get_by_role("button", name="Save region and currency").click()
        await expect(page.get_by_text("GB, EUR")).to_be_visible()

        await page.get_by_role("link", name="Begin Phone system").click()
        await page.get_by_label("Search").fill("generic")
        await page.get_by_role("button", name="Generic webhook").click()
        await page.get_by_label("Name", exact=True).fill("Main PBX")
        await page.get_by_role("button", name="Add to Signing secrets").click()
        await page.get_by_label("Signing secrets 1").fill(SECRET)
        await page.get_by_role("button", name="Save", exact=True).click()
        address = page.get_by_label("Address of the webhook", exact=True)
        await expect(address).to_have_value(f"{empty.url}/hooks/main-pbx")

        # Left and resumed: another browser window finds the same step.
        await page.goto(f"{empty.url}/admin/people")
        await page.get_by_role("button", name="Add a person").click()
        person = page.get_by_role("region", name="A new person")
        await person.get_by_label("Name").fill("Ada")
        await person.get_by_label("E-mail").fill("ada@example.com")
        await person.get_by_label("Extensions").fill("101")
        await person.get_by_label("First password").fill(PASSWORD)
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_role("cell", name="101")).to_be_visible()
        await page.goto(f"{empty.url}/admin/setup")
        await expect(page.get_by_text("3 of 5 steps are done")).to_be_visible()

        async with empty.screen("ada@example.com") as ada:
            await page.get_by_role("button", name="Begin A test call").click()
            await page.get_by_label("Caller's number").fill("+442079460958")
            await page.get_by_label("Extension that rings").fill("101")
            await page.get_by_role("button", name="Ring").click()
            await expect(page.get_by_text("It rings on the screen of Ada")).to_be_visible()
            await ada.until(lambda screen: screen.pops)
        await expect(page.get_by_text("a call has come in")).to_be_visible()
        # Its step is done now, and what came of it can still be read.
        await expect(page.get_by_text("It rings on the screen of Ada")).to_be_visible()
        await looked_at(page, "setup-call")


async def test_who_is_no_administrator_sees_whom_to_ask(chromium: Browser, empty: Product) -> None:
    text = WITH_ADMIN.replace(
        "name: Ada, role: agent,", "name: Ada, role: agent, password: {env: ROOT_PASSWORD},"
    )
    await empty.configure(text, ROOT_PASSWORD=PASSWORD)
    async with opened(chromium) as page:
        await log_in(page, empty, "/admin/rules", "ada@example.com")
        await expect(page.get_by_text("This is for administrators")).to_be_visible()
        await expect(page.get_by_role("link", name="root@example.com")).to_be_visible()
        await looked_at(page, "not-an-admin")


async def test_the_console_is_used_with_the_keyboard_alone(
    chromium: Browser, empty: Product
) -> None:
    await empty.configure(WITH_ADMIN, ROOT_PASSWORD=PASSWORD)
    async with opened(chromium, width=420) as page:
        await log_in(page, empty)
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        await looked_at(page, "overview")
        menu = page.get_by_role("button", name="Menu")
        await menu.focus()
        await page.keyboard.press("Enter")
        await expect(menu).to_have_attribute("aria-expanded", "true")
        await looked_at(page, "menu")
        await page.get_by_role("link", name="People").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="People")).to_be_visible()
        await expect(page.get_by_role("main")).to_be_focused()
        await page.go_back()
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
