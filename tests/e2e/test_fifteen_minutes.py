"""An admin's first fifteen minutes: from an empty folder to a true pop, through the pages alone.

What has to come of it is worked out by hand in `business.py`.
"""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.business import NAME, NUMBER, READER_PASSWORD, SHOP_KEY, open_ledger, open_shop
from tests.e2e.connecting import connect_the_credit_file, connect_the_ledger, connect_the_shop
from tests.e2e.console import PASSWORD, begin, go_to, looked_at
from tests.e2e.first_run import Installed, Provider, installed, office_browser, watched

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PEOPLE = "E-mail,Name,Ext,Queue\nada@example.com,Ada,101,sales\nben@example.com,Ben,102,\n"
# The browser asks who is logged in before anybody is.
NOBODY_YET = "401 /api/v1/session"
# A source that is only a draft is not live: the page asks, and shows it as a draft.
ONLY_DRAFTS = tuple(f"404 /api/v1/connectors/{slug}" for slug in ("ledger", "credit-file", "shop"))


async def test_an_admin_goes_from_an_empty_folder_to_a_true_pop(
    tmp_path: Path, postgres_url: str
) -> None:
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(open_ledger(postgres_url))
        shop = await stack.enter_async_context(open_shop())
        product = await stack.enter_async_context(installed(tmp_path / "data"))
        browser = await stack.enter_async_context(office_browser())
        admin = await stack.enter_async_context(
            watched(browser, NOBODY_YET, *ONLY_DRAFTS, "422 /api/v1/connectors/check")
        )
        ada = await stack.enter_async_context(watched(browser, NOBODY_YET))

        await become_the_first_admin(admin, product)
        await say_region_and_currency(admin)
        provider = await add_the_phone_system(admin)
        await connect_the_ledger(admin, ledger)
        await connect_the_credit_file(admin, tmp_path)
        await connect_the_shop(admin, shop)
        await see_all_three_read(admin)
        await add_agents(admin)

        await log_in_as_ada(ada, product)
        await ring_a_test_call(admin)
        await expect(ada.get_by_role("heading", name=NAME)).to_be_visible()
        await ada.get_by_role("button", name="Dismiss").click()
        await expect(ada.get_by_role("heading", name="Waiting for a call")).to_be_visible()

        forger = Provider(provider.address, "whsec_" + base64.b64encode(b"f" * 32).decode())
        call = {"call_id": "c-1001", "ani": "020 7946 0958", "extension": "101", "queue": "sales"}
        assert (await forger.tell("e-0", event="ringing", **call)).status_code == 401
        answer = await provider.tell("e-1", event="ringing", **call)
        assert (answer.status_code, answer.json()) == (
            202,
            {"call_id": "main-pbx:c-1001", "duplicate": False},
        )
        await see_the_true_pop(ada)
        assert (await provider.tell("e-2", event="answered", **call)).status_code == 202
        await expect(ada.get_by_text("Talking").first).to_be_visible()

        await see_the_events(admin)
        await see_that_all_is_set_up(admin)
        for secret in (provider.secret, READER_PASSWORD, SHOP_KEY, PASSWORD):
            assert not [line for line in product.log if secret in line]


async def become_the_first_admin(page: Page, product: Installed) -> None:
    await page.goto(product.url)
    await expect(page.get_by_role("heading", name="Welcome to screenpop")).to_be_visible()
    await page.get_by_label("Set-up code").fill(product.setup_code)
    await page.get_by_label("Your name").fill("Root")
    await page.get_by_label("E-mail").fill("root@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await looked_at(page, "fifteen-01-first-admin")
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name="Set-up")).to_be_visible()


async def say_region_and_currency(page: Page) -> None:
    await page.get_by_label("Region").fill("GB")
    await page.get_by_label("Currency").fill("EUR")
    await page.get_by_role("button", name="Save region and currency").click()
    await expect(page.get_by_text("GB, EUR")).to_be_visible()


async def add_the_phone_system(page: Page) -> Provider:
    """Add it; return what the admin copies from the page into the phone system."""
    await begin(page, "Phone system")
    await page.get_by_label("Search").fill("webhook")
    await page.get_by_role("button", name="Generic webhook").click()
    await page.get_by_label("Name", exact=True).fill("Main PBX")
    await page.get_by_role("button", name="Make a secret").click()
    made = page.get_by_role("textbox", name="A new secret: paste it above")
    secret = await made.input_value()
    await page.get_by_role("button", name="Copy A new secret").click()
    await expect(page.get_by_text("copied", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Add to Signing secrets").click()
    field = page.get_by_label("Signing secrets 1")
    await expect(field).to_be_focused()
    await page.keyboard.press("Control+v")
    await expect(field).to_have_value(secret)
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", name="Main PBX")).to_be_visible()
    address = page.get_by_label("Address of the webhook", exact=True)
    await expect(page.get_by_role("heading", name="How to connect it")).to_be_visible()
    await looked_at(page, "fifteen-02-phone-system")
    assert secret not in await page.content()
    return Provider(await address.input_value(), secret)


async def see_all_three_read(page: Page) -> None:
    """The server reads what is live by itself, and joins it: nobody has to start anything."""
    await go_to(page, "Data sources")
    for name, known in (("Ledger", 2), ("Credit file", 3), ("Shop", 2)):
        row = page.get_by_role("row").filter(has_text=name)
        await expect(row).to_contain_text(f"Customers: {known} records known")
        await expect(row.get_by_text("live", exact=True)).to_be_visible()
    await looked_at(page, "fifteen-07-sources")


async def add_agents(page: Page) -> None:
    await begin(page, "Agents")
    await page.get_by_role("button", name="Import from CSV").click()
    lines = page.get_by_label("Lines of the file", exact=True).first
    await lines.fill(
        "E-mail,Name,Ext,Queue\nada@example.com,Ada,101,sales\nben@example.com,Ben,102,\n"
    )
    await page.get_by_role("button", name="See what it would do").click()
    await page.get_by_role("button", name="Import 2 people").click()
    await expect(page.get_by_text("2 people added, 0 changed.")).to_be_visible()
    await looked_at(page, "fifteen-08-people")
    await page.get_by_role("link", name="Ada").click()
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.get_by_text("The new password holds")).to_be_visible()


async def log_in_as_ada(page: Page, product: Installed) -> None:
    await page.goto(product.url)
    await page.get_by_label("E-mail").fill("ada@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_text("connected", exact=True)).to_be_visible()


async def ring_a_test_call(page: Page) -> None:
    await go_to(page, "Set-up")
    # Each system has Kestrel and Marlowe under names and ids of its own; Wren is in one.
    await expect(page.get_by_text("3 data sources, 3 customers")).to_be_visible()
    await expect(page.get_by_text("4 of 5 steps are done")).to_be_visible()
    await page.get_by_label("Caller's number").fill(NUMBER)
    await page.get_by_label("Extension that rings").fill("101")
    await page.get_by_role("button", name="Ring").click()
    await expect(page.get_by_text("All is set up.")).to_be_visible()
    await expect(page.get_by_text("It rings on the screen of Ada")).to_be_visible()
    await looked_at(page, "fifteen-09-test-call")


async def see_the_true_pop(page: Page) -> None:
    await expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    shown = {
        "Owes": ("699.50 EUR", "456.00 EUR overdue", "86.50 EUR", "Ledger"),
        "Credit": ("827.00 EUR", "1,173.00 EUR used of 2,000.00 EUR", "Net 30", "Credit file"),
        "Bought": ("SO-1042", "3 × Pump HS-200, 2 × Seal kit", "396.00", "453.50 EUR", "Shop"),
        "Cases": ("T-31", "Third pump of the batch leaks", "open", "Shop"),
    }
    for block, figures in shown.items():
        for figure in figures:
            await expect(page.get_by_role("region", name=block)).to_contain_text(figure)
    await looked_at(page, "fifteen-10-pop")


async def see_the_events(page: Page) -> None:
    await go_to(page, "Phone systems")
    await page.get_by_role("link", name="Main PBX").click()
    events = page.get_by_role("region", name="Last events").get_by_role("listitem")
    await expect(events.filter(has_text="refused")).to_have_count(1)
    answered = events.filter(has_text="accepted").filter(has_text="answered")
    await answered.get_by_text("answered").first.click()
    await expect(answered.get_by_text("main-pbx:c-1001", exact=True)).to_be_visible()
    await looked_at(page, "fifteen-11-events")


async def see_that_all_is_set_up(page: Page) -> None:
    await go_to(page, "Set-up")
    await expect(page.get_by_text("All is set up.")).to_be_visible()
    await looked_at(page, "fifteen-12-done")
