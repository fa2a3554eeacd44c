"""A draft beside what is live, tried on the same caller in a real browser."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.connecting import open_step
from tests.e2e.console import PASSWORD, WITH_ADMIN, log_in, looked_at, opened
from tests.product import Product, settings_for

pytestmark = pytest.mark.browser

CONTACTS = "SELECT cust_no AS remote_id, name AS display_name, phone FROM customers"
OPEN = "SELECT no AS number, amount AS amount_due, due AS due_date FROM items"
# What is live forgets the credit notes; the draft counts them.
LIVE = f"{OPEN} WHERE cust_no = :remote_id AND amount > 0"
DRAFT = f"{OPEN} WHERE cust_no = :remote_id"


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.executescript("""
            CREATE TABLE customers (cust_no TEXT PRIMARY KEY, name TEXT, phone TEXT);
            CREATE TABLE items (no TEXT, cust_no TEXT, amount NUMERIC, due TEXT);
            INSERT INTO customers VALUES ('C-100', 'Kestrel Garden', '020 7946 0958');
            INSERT INTO items VALUES
              ('I-1', 'C-100', 330, '2099-12-12'), ('CN-2', 'C-100', -86.5, NULL);
        """)
    return "sqlite:///ledger.db"


async def test_a_draft_is_tried_beside_what_is_live(
    chromium: Browser, migrated_sqlite_url: str, tmp_path: Path, ledger: str
) -> None:
    settings = {
        "url": ledger,
        "currency": "EUR",
        "queries": {"contacts": CONTACTS, "balance": LIVE},
    }
    async with (
        Product.running(settings_for(migrated_sqlite_url, tmp_path)) as product,
        opened(chromium) as page,
    ):
        await product.configure(WITH_ADMIN, ROOT_PASSWORD=PASSWORD)
        async with await product.as_user("root@example.com") as admin:
            body = {"kind": "sql", "name": "Ledger", "region": "GB", "settings": settings}
            assert (await admin.put("/api/v1/connectors/ledger", json=body)).is_success
        await log_in(page, product, "/admin/sources/ledger")
        await open_step(page, "2 Map")
        await page.get_by_label("What shall the database bring?").select_option("balance")
        await page.get_by_label("Query: Balance").fill(DRAFT)
        await page.get_by_role("button", name="Save and go on to 3 Try").click()
        await page.get_by_label("Number of a caller").fill("020 7946 0958")
        await page.get_by_role("button", name="Try it").click()

        # 330.00 - 86.50 = 243.50 with the credit note, 330.00 without.
        draft = page.get_by_role("region", name="Draft: the agent sees")
        live = page.get_by_role("region", name="Live now: the agent sees")
        await expect(draft).to_contain_text("243.50 EUR")
        await expect(live).to_contain_text("330.00 EUR")
        await expect(live).not_to_contain_text("243.50")
        await expect(page.get_by_text("other facts")).to_be_visible()
        await looked_at(page, "studio-draft-beside-live")
