"""People in a real browser: search, import, learned extensions, tokens, sessions ended."""

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


async def test_people_are_imported_after_a_look_at_what_the_file_would_do(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/people")
        await page.get_by_role("button", name="Import from CSV").click()
        lines = page.get_by_label("Lines of the file", exact=True).first
        await lines.fill("email,name,ext\nnew@example.com,New,201\nnobody,Nobody,202\n")
        await page.get_by_role("button", name="See what it would do").click()
        await expect(page.get_by_text("1 wrong")).to_be_visible()
        await expect(page.get_by_text("is not an e-mail address")).to_be_visible()
        await looked_at(page, "people-import-wrong")
        await lines.fill("email,name,ext\nnew@example.com,New,201\nada@example.com,Ada L,101\n")
        await lines.blur()
        await page.get_by_role("button", name="Import 2 people").click()
        await expect(page.get_by_text("1 person added, 1 changed.")).to_be_visible()
        await page.get_by_label("Search by name").fill("201")
        await expect(page.get_by_role("link", name="New", exact=True)).to_be_visible()
        await expect(page.get_by_text("1 in all")).to_be_visible()


async def test_an_extension_seen_in_calls_is_given_with_a_click(
    chromium: Browser, product: Product
) -> None:
    await product.event("ringing", ani="+442079460958", extension="777")
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/people")
        await looked_at(page, "people")
        await page.get_by_role("button", name="Give to… somebody: extension 777").click()
        await page.get_by_label("Who has extension 777?").fill("Cyd")
        await page.get_by_role("button", name="Cyd").click()
        await expect(page.get_by_role("cell", name="103, 777")).to_be_visible()
        await expect(page.get_by_text("Seen in calls")).to_have_count(0)


async def test_a_token_is_shown_once_and_revoked(chromium: Browser, product: Product) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/people")
        await page.get_by_role("link", name="Ada").click()
        await page.get_by_label("What it is for").fill("CRM")
        await page.get_by_role("button", name="Make a token").click()
        token = await page.get_by_label("The new token", exact=False).first.input_value()
        headers = {"Authorization": f"Bearer {token}"}
        assert (await product.client.get("/api/v1/session", headers=headers)).status_code == 200
        await looked_at(page, "person")
        await page.get_by_role("button", name="Revoke CRM").click()
        await page.get_by_role("button", name="Revoke it").click()
        await expect(page.get_by_text("Revoked.")).to_be_visible()
        assert (await product.client.get("/api/v1/session", headers=headers)).status_code == 401
        await page.reload()
        await expect(page.get_by_role("cell", name="CRM")).to_be_visible()
        assert token not in await page.content()


async def test_who_is_logged_out_everywhere_sees_it_within_seconds(
    chromium: Browser, product: Product
) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/people")
        other = await product.as_user("root@example.com")
        people = (await other.get("/api/v1/users?search=root")).json()["items"]
        done = await other.delete(f"/api/v1/users/{people[0]['user_id']}/sessions")
        assert done.status_code == 204
        await other.aclose()
        await expect(page.get_by_text("You were logged out")).to_be_visible(timeout=5_000)


async def test_a_change_by_another_admin_is_noticed(chromium: Browser, product: Product) -> None:
    async with opened(chromium) as page:
        await log_in(page, product, "/admin/people")
        await page.get_by_role("link", name="Ben").click()
        await page.get_by_label("Queues").fill("service")
        other = await product.as_user("root@example.com")
        ben = (await other.get("/api/v1/users?search=ben@")).json()["items"][0]
        await other.patch(f"/api/v1/users/{ben['user_id']}", json={"name": "Benjamin"})
        await other.aclose()
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("somebody else changed it meanwhile")).to_be_visible()
        await expect(page.get_by_label("Queues")).to_have_value("service")
        await page.get_by_role("button", name="Show what they saved").click()
        await expect(page.get_by_label("Name", exact=False).first).to_have_value("Benjamin")
