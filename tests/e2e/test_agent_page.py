"""The agent's page in a real browser: log in, a call rings, the pop builds up, a note is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser import AXE_SCRIPT
from tests.ledger import WITH_BOOKS, write_books
from tests.product import Product, settings_for

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"
CALLER = "+442079460958"


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    text = WITH_BOOKS.replace(
        "name: Ada, role: agent,", "name: Ada, role: agent, password: {env: ADA_PASSWORD},"
    )
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(text, BOOKS_URL=write_books(tmp_path), ADA_PASSWORD=PASSWORD)
        yield running


@pytest_asyncio.fixture(params=[1280, 420])
async def page(
    request: pytest.FixtureRequest, chromium: Browser, product: Product
) -> AsyncIterator[Page]:
    context = await chromium.new_context(viewport={"width": request.param, "height": 900})
    async with context:
        opened = await context.new_page()
        opened.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        await opened.add_init_script(
            "window.violations = [];"
            "addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective))"
        )
        yield opened


async def log_in(page: Page, product: Product) -> None:
    await page.goto(product.url)
    await page.get_by_label("E-mail").fill("ada@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_text("connected", exact=False).first).to_be_visible()


async def axe_faults(page: Page) -> list[str]:
    """Return what axe finds wrong; it is run through the debugger, so the CSP stays as it is."""
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": AXE_SCRIPT.read_text()})
    answer: dict[str, Any] = await session.send(
        "Runtime.evaluate",
        {
            "expression": "axe.run().then(r => r.violations.map("
            "v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', ')))",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    faults: list[str] = answer["result"]["value"]
    return faults


async def test_a_wrong_password_is_refused_in_words(page: Page, product: Product) -> None:
    await page.goto(product.url)
    await page.get_by_label("E-mail").fill("ada@example.com")
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_have_text(
        "This e-mail and password do not go together. Try again."
    )
    assert await axe_faults(page) == []


async def test_the_pop_builds_up_and_a_note_reaches_the_next_agent(
    page: Page, product: Product
) -> None:
    await log_in(page, product)
    assert await axe_faults(page) == []
    call_id = await product.event(
        "ringing", ani=CALLER, extension="101", queue="sales", attestation="A"
    )
    await expect(page.get_by_role("heading", name="Kestrel Garden")).to_be_visible()
    await expect(page.get_by_text("456.00").first).to_be_visible()
    await expect(page.get_by_text("overdue").first).to_be_visible()
    await expect(page.get_by_text("Ringing").first).to_be_visible()
    assert await axe_faults(page) == []

    await product.event("answered", extension="101")
    await expect(page.get_by_text("Talking").first).to_be_visible()
    async with page.expect_response(lambda r: r.url.endswith("/notes") and r.ok):
        await page.get_by_role("textbox", name="Note").fill("wants a replacement by Friday")
    await page.reload()
    await expect(page.get_by_role("textbox", name="Note")).to_have_value(
        "wants a replacement by Friday"
    )
    assert await page.evaluate("window.violations") == []

    await product.event("ended")
    again = await product.event("ringing", "c-2", ani=CALLER, extension="101")
    async with product.screen("ada@example.com") as ada:
        latest = ada.pops[again]["sections"]["interactions"]["data"][0]
        assert (latest["call_id"], latest["note"]) == (call_id, "wants a replacement by Friday")
    await expect(page.get_by_text("wants a replacement by Friday").first).to_be_visible()


async def test_what_the_browser_painted_is_reported(page: Page, product: Product) -> None:
    await log_in(page, product)
    before = await painted(product)
    await product.event("ringing", ani=CALLER, extension="101")
    await expect(page.get_by_role("heading", name="Kestrel Garden")).to_be_visible()
    for _ in range(100):
        if await painted(product) > before:
            return
        await page.evaluate("new Promise(requestAnimationFrame)")
    pytest.fail("the browser never said that it had painted the pop")


async def painted(product: Product) -> float:
    metrics = (await product.client.get("/metrics")).text
    line = next(x for x in metrics.splitlines() if x.startswith("screenpop_painted_ms_count"))
    return float(line.split()[1])


async def test_a_panel_drawn_as_narrow_as_it_goes_stays_alive(page: Page, product: Product) -> None:
    await log_in(page, product)
    await product.event("ringing", ani=CALLER, extension="101")
    await expect(page.get_by_text("456.00").first).to_be_visible()
    async with asyncio.timeout(60):
        for width in (*range(300, 0, -20), 1):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.evaluate("new Promise(requestAnimationFrame)")
        await page.set_viewport_size({"width": 1280, "height": 900})
    await expect(page.get_by_text("456.00").first).to_be_visible()


async def test_text_from_the_caller_stays_text(page: Page, product: Product) -> None:
    await log_in(page, product)
    await product.event(
        "ringing", ani="+442079461234", extension="101", cnam="<img src=x onerror=alert(1)>"
    )
    await expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    assert await page.evaluate("window.violations") == []


async def test_logging_out_ends_the_session_on_the_server(page: Page, product: Product) -> None:
    await log_in(page, product)
    cookies = await page.context.cookies()
    session = next(c["value"] for c in cookies if c["name"] == "screenpop_session")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_label("Password")).to_be_visible()
    answer = await product.client.get(
        "/api/v1/session", headers={"cookie": f"screenpop_session={session}"}
    )
    assert answer.status_code == 401
