"""The connector studio in a real browser: a database, a file and a service are connected."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.connectors.web import WebServer, reply, web_server
from tests.e2e.console import PASSWORD, WITH_ADMIN, log_in, looked_at, opened
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
        await expect(page.get_by_role("heading", name="Data sources")).to_be_visible()
        yield page


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.executescript("""
            CREATE TABLE customers (cust_no TEXT PRIMARY KEY, name TEXT, phone TEXT);
            CREATE TABLE open_items
              (cust_no TEXT, invoice_no TEXT, open_amount NUMERIC, due_date TEXT, currency TEXT);
            INSERT INTO customers VALUES ('C-100', 'Kestrel Garden Supplies Ltd', '020 7946 0958');
            INSERT INTO open_items VALUES ('C-100', 'I-1', 330, '2099-12-12', 'EUR'),
              ('C-100', 'I-2', 456, '2026-10-12', 'EUR');
        """)
    return "sqlite:///ledger.db"


async def open_step(page: Page, name: str) -> None:
    await page.get_by_role("navigation", name="Steps").get_by_role("button", name=name).click()


async def test_a_database_is_connected_mapped_by_looking_tried_and_published(
    page: Page, product: Product, ledger: str
) -> None:
    await looked_at(page, "studio-kinds")
    await page.get_by_role("button", name="Database (SQL)").click()
    await page.get_by_label("Name", exact=True).fill("Ledger")
    await page.get_by_role("button", name="Save draft").click()
    wrong = page.get_by_label("Database URL")
    await expect(page.get_by_text("is missing").first).to_be_visible()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Ledger")
    await wrong.fill(ledger)
    await page.get_by_label("Currency").fill("EUR")
    await page.get_by_text("Region, waiting, precedence").click()
    await page.get_by_label("Region of its numbers").fill("GB")
    await looked_at(page, "studio-connect")
    await page.get_by_role("button", name="Save and go on to 2 Map").click()

    await page.get_by_text("customers", exact=True).click()
    await page.get_by_role("button", name="Five rows of customers").click()
    await expect(page.get_by_text("Kestrel Garden Supplies Ltd").first).to_be_visible()
    await page.get_by_role("button", name="Begin the query from it with customers").click()
    query = page.get_by_label("Query: Contacts")
    await expect(query).to_have_value(
        "SELECT cust_no AS remote_id, name AS display_name, phone\nFROM customers\n"
        "ORDER BY remote_id"
    )
    await page.get_by_role("button", name="Run the query").click()
    await expect(page.get_by_text("How the database runs it")).to_be_visible()
    await looked_at(page, "studio-map-sql")
    await page.get_by_label("What shall the database bring?").select_option("balance")
    await page.get_by_label("Query: Balance").fill(
        "SELECT invoice_no AS number, open_amount AS amount_due, due_date, currency"
        " FROM open_items WHERE cust_no = :remote_id"
    )
    await page.get_by_role("button", name="Save and go on to 3 Try").click()

    await page.get_by_label("Number of a caller").fill("020 7946 0958")
    await page.get_by_role("button", name="Try it").click()
    sees = page.get_by_role("region", name="What it would show: the agent sees")
    await expect(sees.get_by_text("786.00")).to_be_visible()
    await expect(
        page.get_by_role("region", name="What it would show: the source said")
    ).to_contain_text("query balance")
    await looked_at(page, "studio-try")
    await page.get_by_role("button", name="Expect this from now on").click()
    await expect(page.get_by_text("Kept: see 4 Checks.")).to_be_visible()
    await open_step(page, "4 Checks")
    await page.get_by_role("button", name="Run them on the draft").click()
    await expect(page.get_by_text("as expected").first).to_be_visible()
    await page.get_by_label("Expected").nth(1).fill("1.00")
    await page.get_by_role("button", name="Save checks").click()
    await expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.get_by_text("A check fails with this draft")).to_be_visible()
    await looked_at(page, "studio-checks-fail")
    await page.get_by_role("button", name="Publish all the same").click()
    await expect(page.get_by_text("It is live.")).to_be_visible()

    await open_step(page, "Sync")
    await page.get_by_role("button", name="Read everything").click()
    await expect(page.get_by_text("1 record known")).to_be_visible()
    await looked_at(page, "studio-sync")
    await product.event("ringing", ani="+442079460958", extension="101")
    async with product.screen("ada@example.com") as ada:
        pop = await ada.whole("pbx:c-1")
        assert pop["sections"]["balance"]["data"]["balance"] == "786.00"


async def test_a_change_is_compared_and_an_earlier_version_made_live_again(
    page: Page, product: Product, ledger: str
) -> None:
    async with await product.as_user("root@example.com") as admin:
        contacts = "SELECT cust_no AS remote_id, name AS display_name, phone FROM customers"
        settings = {"url": ledger, "queries": {"contacts": contacts}}
        body = {"kind": "sql", "name": "Ledger", "settings": settings}
        assert (await admin.put("/api/v1/connectors/ledger", json=body)).is_success
        await page.reload()
        await page.get_by_role("link", name="Ledger").click()
        await page.get_by_label("Name", exact=True).fill("General ledger")
        # Another admin saves meanwhile.
        assert (
            await admin.put("/api/v1/connectors/ledger", json={**body, "priority": 3})
        ).is_success
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("it was changed meanwhile")).to_be_visible()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("General ledger")
    await page.get_by_role("button", name="Keep what I typed").click()
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("The draft is saved.")).to_be_visible()
    await open_step(page, "Compare")
    differs = page.get_by_role("group", name="What differs")
    await expect(differs.get_by_text("General ledger")).to_be_visible()
    await looked_at(page, "studio-compare")
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.get_by_text("It is live.")).to_be_visible()
    await open_step(page, "History")
    await page.get_by_role("button", name="Roll back to version 1").click()
    await looked_at(page, "studio-history")
    await page.get_by_role("button", name="Roll back to it").click()
    await expect(page.get_by_text("Version 1 is live again.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Ledger", exact=True)).to_be_visible()


async def test_a_file_is_dropped_mapped_and_its_bad_rows_are_named(
    page: Page, product: Product, tmp_path: Path
) -> None:
    file = tmp_path / "Credit terms.csv"
    file.write_text(
        "Customer No;Name;Telephone;Credit limit\n"
        "C-100;Kestrel Garden;020 7946 0958;2000\n;Nobody;020 7946 0111;5\n"
    )
    await page.get_by_role("button", name="File (CSV, Excel)").click()
    await page.get_by_label("Name", exact=True).fill("Credit file")
    await page.get_by_label("Choose a file").set_input_files(file)
    await expect(page.get_by_text("2 rows under 4 headers")).to_be_visible()
    await page.get_by_label("Currency").fill("EUR")
    await open_step(page, "2 Map")
    await page.get_by_role("button", name="Take what is known by name").click()
    await expect(page.get_by_text("1 row cannot be used")).to_be_visible()
    await expect(page.get_by_text("row 3", exact=True)).to_be_visible()
    await expect(page.get_by_label("Credit limit")).to_have_value("credit_limit")
    await looked_at(page, "studio-map-table")
    await page.get_by_role("button", name="Save and go on to 3 Try").click()
    await page.get_by_label("Number of a caller").fill("+442079460958")
    await page.get_by_role("button", name="Try it").click()
    sees = page.get_by_role("region", name="What it would show: the agent sees")
    await expect(sees.get_by_text("2,000").first).to_be_visible()
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.get_by_text("It is live.")).to_be_visible()


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[WebServer]:
    async with web_server() as web:
        person = {"id": "7", "name": "Kestrel Garden", "phone": "020 7946 0958"}
        web.answers["/customers"] = reply({"result": {"customers": [person]}, "api_key": "canary"})
        yield web


async def test_a_service_is_mapped_from_its_raw_answer(
    page: Page, product: Product, shop: WebServer
) -> None:
    await page.get_by_role("button", name="Web service (REST)").click()
    await page.get_by_label("Name", exact=True).fill("Shop")
    await page.get_by_label("Base URL").fill(shop.url)
    await page.get_by_label("Server in the own network").check()
    await page.get_by_role("button", name="Save and go on to 2 Map").click()
    await page.get_by_label("Path").fill("/customers")
    await page.get_by_role("button", name="Ask", exact=True).click()
    await expect(page.get_by_role("group", name="The raw answer")).to_contain_text("•••")
    await page.get_by_text("Records at result.customers").click()
    await page.get_by_role("button", name="Take these records").first.click()
    await expect(page.get_by_label("Records", exact=True)).to_have_value("result.customers")
    await looked_at(page, "studio-map-rest")
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("The draft is saved.")).to_be_visible()
    await open_step(page, "1 Connect")
    await page.get_by_role("button", name="Test", exact=True).click()
    await expect(page.get_by_text("contacts: 1 records")).to_be_visible()
    await page.get_by_role("link", name="Data sources").first.click()
    await expect(page.get_by_text("draft, not live yet")).to_be_visible()
    await looked_at(page, "studio-list")


async def test_the_steps_are_reached_with_the_keyboard_alone(page: Page, product: Product) -> None:
    await page.get_by_label("Search").focus()
    await page.keyboard.type("ldap")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("navigation", name="Steps")).to_be_visible()
    await page.get_by_role("button", name="2 Map").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Nothing is to be mapped")).to_be_visible()
