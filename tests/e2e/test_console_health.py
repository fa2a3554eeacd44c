"""The health page in a real browser: what needs a hand, how quick pops are, a source over time."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from app.core.latency import Minute, size_class
from app.core.pace import PhoneMinute
from app.store.phone_health import write_phone_minutes
from app.store.source_health import write_minutes
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


async def a_day(product: Product) -> None:
    """Write down a day of calls, some of them slow, and a ledger in trouble for an hour."""
    now = product.runtime.clock().replace(second=0, microsecond=0)
    calls, answers = [], []
    for number in range(1, 24 * 12):
        at = now - timedelta(minutes=5 * number)
        busy = 3 + number % 7
        call = PhoneMinute("pbx", at, busy * 3, last_event_at=at)
        call.answers["202"] = busy * 3
        call.matches.update(single=busy - 1, none=1)
        call.matched["books"] = busy - 1
        for part, ms in (("identified", 4), ("first_push", 6), ("drawn", 18), ("complete", 120)):
            call.sizes[part] = Counter({size_class(ms + number % 9): busy})
        call.sizes["painted"] = Counter({size_class(40 + number % 60): busy})
        calls.append(call)
        minute = Minute("books", "balance", at, busy, 1, last_success_at=at)
        minute.sizes[size_class(60 + number % 40)] = busy
        if 24 < number < 40:
            minute.errors["timeout"] = busy
        answers.append(minute)
    await write_phone_minutes(product.runtime.db, "test", calls)
    await write_minutes(product.runtime.db, "test", answers)


async def test_an_installation_without_calls_says_so(chromium: Browser, product: Product) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/health")
        await expect(page.get_by_text("pbx has sent nothing yet")).to_be_visible()
        await expect(page.get_by_text("Nothing in this time.")).to_have_count(3)
        ledger = page.get_by_role("row").filter(has_text="Ledger")
        await expect(ledger).to_contain_text("no word yet")
        await looked_at(page, "health-empty")


async def test_a_day_is_shown_with_what_needs_a_hand(chromium: Browser, product: Product) -> None:
    await a_day(product)
    await product.send(sign=False, event="ringing", call_id="forged", ani=CALLER)
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/health")
        marks = page.get_by_role("region", name="What needs a hand")
        await expect(marks.get_by_text("pbx sent 1 webhook that we refused")).to_be_visible()
        await expect(marks.get_by_text("Ledger did not answer in time")).to_be_visible()
        await expect(marks.get_by_text("compare it with the one set there")).to_be_visible()
        await page.get_by_role("button", name="Ledger").focus()
        await page.keyboard.press("Enter")
        ledger = page.get_by_role("region", name="Ledger in detail")
        await expect(ledger.get_by_text("too late")).to_be_visible()
        await looked_at(page, "health")
        await page.get_by_label("Time", exact=True).select_option(label="the last week")
        await expect(page.get_by_role("row").filter(has_text="On the screen")).to_be_visible()
        await marks.get_by_role("link", name="Open pbx").click()
        await expect(page).to_have_url(f"{product.url}/admin/phones/pbx")


async def test_a_pop_painted_in_a_browser_is_counted_to_the_screen(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/")
        await expect(page.get_by_text("connected").first).to_be_visible()
        before = await painted(product)
        await product.event("ringing", ani=CALLER, extension="100")
        await expect(page.get_by_role("heading", name="Kestrel Garden")).to_be_visible()
        # A busy browser paints, and says so, some time after the heading is there.
        async with asyncio.timeout(30):
            while await painted(product) == before:
                await asyncio.sleep(0.05)
        await page.goto(f"{product.url}/admin/health")
        row = page.get_by_role("row").filter(has_text="On the screen")
        await expect(row.get_by_role("cell").last).to_have_text("1")


async def painted(product: Product) -> list[str]:
    """Return how many pops this process was told to be on a screen."""
    metrics = (await product.client.get("/metrics")).text
    return re.findall(r"^screenpop_painted_ms_count (\S+)", metrics, re.MULTILINE)
