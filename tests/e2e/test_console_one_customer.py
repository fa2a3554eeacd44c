"""One customer in a real browser: a record that is another's is taken out, and put back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

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
        group = {"tax_number": "GB123456789"}
        await put(db, "books", contact("1", "020 7946 0958", display_name="Alder Ltd", **group))
        await put(db, "shop", contact("7", "07700 900123", display_name="Alder Inc", **group))
        await index_changed(db, datetime.now(UTC))
        yield running


async def test_a_record_is_taken_out_of_a_customer_and_put_back(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/customers")
        await page.get_by_role("link", name="One customer").click()
        await page.get_by_label("Search").fill("alder")
        await page.get_by_role("link", name="Alder Ltd").click()
        records = page.get_by_role("region", name="Alder Ltd")
        await expect(records.get_by_role("listitem")).to_have_count(2)
        await expect(records).to_contain_text("same tax number GB123456789, as in shop")
        await looked_at(page, "customers-one")
        await page.get_by_label("Why a record is not this customer’s").fill("two firms")
        await page.get_by_role("button", name=re.compile("shop 7")).click()
        await page.get_by_role("button", name="Take it out").click()
        await expect(page.get_by_text("Alder Inc is a customer of its own now")).to_be_visible()
        await expect(records.get_by_role("listitem")).to_have_count(1)
        history = page.get_by_role("region", name="What was joined and parted")
        await expect(history).to_contain_text("Alder Inc was taken out by Root")
        await expect(history).to_contain_text("two firms")
        await looked_at(page, "customers-taken-out")

        await history.get_by_role("link", name="Alder Inc").click()
        other = page.get_by_role("region", name="Alder Inc")
        await expect(other.get_by_role("listitem")).to_have_count(1)
        await expect(history).to_contain_text("Another customer had this record until it was taken")
        await page.get_by_role("button", name="Put it back").click()
        await expect(page.get_by_text("They are one customer again.")).to_be_visible()
        both = page.get_by_role("region", name="Alder Ltd")
        await expect(both.get_by_role("listitem")).to_have_count(2)
        await expect(page.get_by_role("button", name="Put it back")).to_have_count(0)
