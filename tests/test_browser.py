"""The browser that the tests bring along starts, draws and keeps its rules."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

pytestmark = pytest.mark.browser


async def test_it_draws_text_with_a_font(chromium: Browser) -> None:
    page = await chromium.new_page()
    await page.set_content("<p></p>")
    blank = await page.screenshot()
    await page.set_content("<p>Kestrel Garden owes £786.00</p>")
    assert await page.screenshot() != blank
    assert await page.locator("p").inner_text() == "Kestrel Garden owes £786.00"


async def test_it_enforces_a_content_security_policy(chromium: Browser) -> None:
    page = await chromium.new_page()
    policy = '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">'
    await page.set_content(f"{policy}<script>document.title = 'ran'</script>")
    assert await page.title() == ""
