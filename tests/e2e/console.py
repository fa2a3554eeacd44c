"""What the tests of the console share: who logs in, and how a state of a page is looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.e2e.test_agent_page import axe_faults
from tests.product import USERS, Product

PASSWORD = "correct horse battery"
ADMIN = "root@example.com"
WITH_ADMIN = USERS.replace(
    "name: Root, role: admin}",
    'name: Root, role: admin, extensions: ["100"], password: {env: ROOT_PASSWORD}}',
)
_PICTURES = Path(__file__).parents[2] / "test-artifacts" / "console"
_WATCH = (
    "window.violations = [];"
    "addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective))"
)


@asynccontextmanager
async def opened(chromium: Browser, width: int = 1280) -> AsyncIterator[Page]:
    """Open a window that notes what the content security policy refuses."""
    async with await chromium.new_context(viewport={"width": width, "height": 900}) as context:
        page = await context.new_page()
        page.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        await page.add_init_script(_WATCH)
        yield page
        assert await page.evaluate("window.violations") == []


async def log_in(page: Page, product: Product, path: str = "/admin", email: str = ADMIN) -> None:
    """Log in on a page of the console."""
    await page.goto(product.url + path)
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_label("E-mail", exact=True)).to_have_count(0)


async def go_to(page: Page, title: str) -> None:
    """Go to another page of the console by its navigation."""
    console = page.get_by_role("navigation", name="Console")
    await console.get_by_role("link", name=title).click()


async def begin(page: Page, step: str) -> None:
    """Go on from the page of the set-up, as it says."""
    await go_to(page, "Set-up")
    await expect(page.get_by_text("steps are done")).to_be_visible()
    await page.get_by_role("link", name=f"Begin {step}").click()


async def looked_at(page: Page, name: str) -> None:
    """Keep pictures wide and narrow, light and dark; axe finds nothing wrong.

    It looks at each width and each scheme once: what it finds, it finds without the other.
    """
    _PICTURES.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for width in (1280, 420):
        await page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.evaluate("scrollTo(0, 0)")
            path = _PICTURES / f"{name}-{width}-{scheme}.png"
            await page.screenshot(path=path, full_page=True)
            if (width, scheme) in ((1280, "light"), (420, "dark")):
                faults = await axe_faults(page)
                assert faults == [], f"{name} at {width} px, {scheme}: {faults}"
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await page.evaluate(wide), f"{name} is wider than {width} px"
    if before is not None:
        await page.set_viewport_size(before)
