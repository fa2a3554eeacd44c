"""The rules in a real browser: tried on a recent call, saved, and held on an agent's page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.console import PASSWORD, WITH_ADMIN, log_in, looked_at, opened
from tests.ledger import WITH_BOOKS, write_books
from tests.product import USERS, Product, settings_for

pytestmark = pytest.mark.browser
CALLER = "+442079460958"


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    text = WITH_BOOKS.replace(USERS, WITH_ADMIN)
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(text, BOOKS_URL=write_books(tmp_path), ROOT_PASSWORD=PASSWORD)
        yield running


async def test_a_rule_is_tried_on_a_recent_call_before_it_is_saved(
    chromium: Browser, product: Product
) -> None:
    call_id = await product.event("ringing", ani=CALLER, extension="100", queue="sales")
    async with product.screen("root@example.com") as root:
        await root.whole(call_id)
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/rules")
        preview = page.get_by_role("region", name="On a recent call")
        await expect(preview.get_by_text("456.00 GBP overdue").first).to_be_visible()
        await page.get_by_role("button", name="Add a rule").click()
        await page.get_by_label("Name of rule 1").fill("Late payers")
        await page.get_by_label("Overdue is over").fill("much")
        await expect(preview.get_by_text("As typed it cannot be tried")).to_be_visible()
        await page.get_by_role("button", name="Save Level of service").click()
        wrong = page.get_by_label("Overdue is over")
        await expect(wrong).to_have_attribute("aria-invalid", "true")
        await expect(wrong).to_have_value("much")
        await looked_at(page, "rules-wrong")
        await wrong.fill("100")
        await expect(preview.get_by_text("Late payers").first).to_be_visible()
        await page.get_by_label("Overdue: only over this amount").fill("500")
        await expect(preview.get_by_text("held back: 456.00 GBP overdue")).to_be_visible()
        await looked_at(page, "rules")
        await page.get_by_role("button", name="Save Level of service").click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        # What was typed elsewhere on the page is still there.
        await expect(page.get_by_label("Overdue: only over this amount")).to_have_value("500")


async def test_a_hidden_block_never_reaches_the_agents_browser(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/rules")
        await page.get_by_label("Owes").first.uncheck()
        await page.get_by_role("button", name="Credit: earlier").first.click()
        await page.get_by_role("button", name="Save Blocks of the pop").click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        call_id = await product.event("ringing", ani=CALLER, extension="100")
        async with product.screen("root@example.com") as root:
            pop = await root.whole(call_id)
            assert pop["sections"]["balance"]["status"] == "hidden"
            assert pop["sections"]["balance"]["data"] is None
            assert "456.00" not in str(root.messages)
            assert pop["blocks"][0] == "credit_terms"
        await page.goto(product.url)
        await expect(page.get_by_role("heading", name="Kestrel Garden")).to_be_visible()
        await expect(page.get_by_role("heading", name="Credit")).to_be_visible()
        await expect(page.get_by_role("heading", name="Owes")).to_have_count(0)
        await looked_at(page, "agent-with-another-order")


async def test_a_change_by_another_admin_is_noticed(chromium: Browser, product: Product) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/rules")
        await page.get_by_role("button", name="Add an outcome").click()
        await page.get_by_label("Outcome 8").fill("refund")
        other = await product.as_user("root@example.com")
        await other.patch("/api/v1/rules", json={"alerts": {"off": ["vip"]}})
        await page.get_by_role("button", name="Save Outcomes of a call").click()
        await expect(page.get_by_text("somebody else changed it meanwhile")).to_be_visible()
        await expect(page.get_by_label("Outcome 8")).to_have_value("refund")
        await page.get_by_role("button", name="Keep what I typed").click()
        await page.get_by_role("button", name="Save Outcomes of a call").click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        answer = await other.get("/api/v1/rules")
        await other.aclose()
        assert answer.json()["dispositions"][-1] == "refund"
        assert answer.json()["alerts"] == {"off": ["vip"]}
