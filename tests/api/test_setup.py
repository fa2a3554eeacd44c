"""The first run: the first administrator, and what is set up, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.main import create_app
from app.settings import Settings
from app.setup_code import setup_code, tell_setup_code
from tests.api.conftest import PASSWORD, Clock, Site, open_site
from tests.api.test_session import problem

FIRST = {"email": "Root@example.com", "name": "Root", "password": PASSWORD}


@pytest.fixture
async def empty(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    clock = Clock()
    app = create_app(Settings(data_dir=tmp_path, database_url=sqlite_url), clock=clock)
    async with app.api.router.lifespan_context(app.api):
        site = Site(app, clock, "http://localhost:8000")
        yield site
        await site.close()


@pytest.fixture
async def site(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(sqlite_url, tmp_path) as site:
        yield site


async def make(browser: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await browser.post("/api/v1/setup/first-admin", json={**FIRST, **more})


async def test_somebody_at_the_machine_makes_the_first_administrator_and_is_logged_in(
    empty: Site,
) -> None:
    browser = empty.client("127.0.0.1", origin=empty.url)
    state = (await browser.get("/api/v1/setup/first-admin")).json()
    assert state == {"needed": True, "code_needed": False}
    made = await make(browser)
    assert made.status_code == 201
    assert made.json()["user"]["role"] == "admin"
    assert (await browser.get("/api/v1/session")).json()["user"]["email"] == "root@example.com"
    assert (await browser.get("/api/v1/setup/first-admin")).json()["needed"] is False


async def test_there_is_no_second_first_administrator(empty: Site) -> None:
    browser = empty.client("127.0.0.1", origin=empty.url)
    await make(browser)
    again = await make(empty.client("127.0.0.1", origin=empty.url), email="eve@example.com")
    assert problem(again) == (409, "already_set_up")


async def test_from_elsewhere_the_code_of_the_log_is_needed(empty: Site) -> None:
    browser = empty.client("192.0.2.9", origin=empty.url)
    assert (await browser.get("/api/v1/setup/first-admin")).json()["code_needed"] is True
    for wrong in ("", "AAAA-BBBB-CCCC"):
        refused = await make(browser, code=wrong)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/code"
    code = setup_code(empty.runtime.secrets)
    assert (await make(browser, code=code.lower().replace("-", " "))).status_code == 201


async def test_the_log_names_no_port_that_it_does_not_know(empty: Site) -> None:
    with capture_logs() as logs:
        await tell_setup_code(empty.runtime)
    assert [(each["at"], each["setup_code"]) for each in logs] == [
        ("/admin", setup_code(empty.runtime.secrets))
    ]


@pytest.mark.parametrize(
    "headers",
    [{"x-forwarded-for": "192.0.2.9"}, {"forwarded": "for=192.0.2.9"}, {"host": "evil.example"}],
)
async def test_a_proxy_or_a_name_pointed_at_this_machine_is_not_somebody_at_it(
    empty: Site, headers: dict[str, str]
) -> None:
    browser = empty.client("127.0.0.1", origin=empty.url, **headers)
    assert (await browser.get("/api/v1/setup/first-admin")).json()["code_needed"] is True


async def test_another_sites_page_makes_nobody(empty: Site) -> None:
    for headers in ({"origin": "http://evil.example"}, {}):
        browser = empty.client("127.0.0.1", **headers)
        assert problem(await make(browser)) == (403, "cross_site")


async def test_a_weak_password_is_refused_at_its_field(empty: Site) -> None:
    browser = empty.client("127.0.0.1", origin=empty.url)
    refused = await make(browser, password="short")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/password"]


async def test_the_steps_are_told_from_what_is_configured(either_site: Site) -> None:
    admin = await either_site.program("zoe@example.com")
    state = (await admin.get("/api/v1/setup")).json()
    assert (state["phone_systems"], state["connectors"], state["agents"]) == ([], 0, 1)
    version = state["defaults"]["version"]
    defaults = {"default_region": "gb", "default_currency": "eur"}
    saved = await admin.put("/api/v1/setup/defaults", json=defaults)
    assert (saved.json()["default_region"], saved.json()["default_currency"]) == ("GB", "EUR")
    assert either_site.runtime.default_region == "GB"
    late = await admin.put(
        "/api/v1/setup/defaults", json=defaults, headers={"if-match": f'"{version}"'}
    )
    assert problem(late) == (409, "changed_meanwhile")


async def test_everybody_may_know_who_administers(site: Site) -> None:
    agent = await site.program("ada@example.com")
    found = (await agent.get("/api/v1/administrators")).json()["items"]
    assert found == [{"name": "Zoe", "email": "zoe@example.com"}]


async def test_the_default_currency_is_of_amounts_for_which_a_source_names_none(
    site: Site,
) -> None:
    admin = await site.program("zoe@example.com")
    for slug, more in (("without", {}), ("with", {"currency": "USD"})):
        body = {
            "kind": "sql",
            "settings": {
                "url": "sqlite:///x.db",
                "queries": {"find": "SELECT 1 AS remote_id WHERE :digits = 1"},
                **more,
            },
        }
        saved = await admin.put(f"/api/v1/connectors/{slug}", json=body)
        assert saved.status_code == 200, saved.text
    defaults = {"default_region": None, "default_currency": "EUR"}
    await admin.put("/api/v1/setup/defaults", json=defaults)
    running = {i.slug: i.connector.config.currency for i in site.runtime.sources if i.connector}
    assert running == {"without": "EUR", "with": "USD"}
    # It is not written into the settings: another default takes its place.
    kept = (await admin.get("/api/v1/connectors/without")).json()["settings"]
    assert "currency" not in kept


async def test_settings_are_tested_with_the_default_currency(site: Site, tmp_path: Path) -> None:
    admin = await site.program("zoe@example.com")
    await admin.put(
        "/api/v1/setup/defaults", json={"default_region": "GB", "default_currency": "EUR"}
    )
    (tmp_path / "terms.csv").write_text("id,limit\nC-1,2000\n")
    columns = {"remote_id": "id", "credit_limit": "limit"}
    asked = {"kind": "table", "settings": {"path": "terms.csv", "columns": columns}}
    tested = (await admin.post("/api/v1/connectors/check", json=asked)).json()
    assert (tested["status"], tested["text"]) == ("ok", "")
    assert "credit_terms: 1 of 1 customers" in tested["proved"]
