"""Connectors over HTTP, against a real database as the source."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from app.store.models import SyncState
from tests.api.conftest import Site
from tests.api.test_session import problem

URL = "/api/v1/connectors/books"


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    """An accounting database; its URL is a secret of the connector."""
    path = tmp_path / "canary-ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (id TEXT, name TEXT, phone TEXT)")
        connection.execute("INSERT INTO customers VALUES ('C1', 'Kestrel', '020 7946 0958')")
    connection.close()
    return f"sqlite:///{path}"


def books(url: str, **more: Any) -> dict[str, Any]:
    contacts = (
        "SELECT id AS remote_id, name AS display_name, phone FROM customers ORDER BY remote_id"
    )
    settings = {"url": url, "queries": {"contacts": contacts}}
    return {"kind": "sql", "name": "Ledger", "settings": settings, **more}


async def test_a_connector_is_saved_running_and_shown_without_its_secrets(
    either_site: Site, ledger: str
) -> None:
    admin = await either_site.browser("zoe@example.com")
    body = books(ledger, region="gb", timeout_ms=900, cache_s={"balance": 30}, priority=5)
    answer = await admin.put(URL, json=body)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["settings"]["url"] == "set"
    assert "canary" not in answer.text
    assert (shown["region"], shown["timeout_ms"], shown["priority"]) == ("GB", 900, 5)
    assert (shown["cache_s"], shown["enabled"], shown["sync"]) == ({"balance": 30.0}, True, {})
    assert "contacts" in shown["provides"]
    running = either_site.runtime.sources.get("books")
    assert running is not None
    assert running.config.settings["url"] == ledger
    async with either_site.runtime.db.begin() as session:
        state = SyncState(connector="books", part="contacts", records=0, kept=3, error="down")
        state.rejected = []
        session.add(state)
    listed = (await admin.get("/api/v1/connectors")).json()["items"]
    assert (listed[0]["sync"]["contacts"]["kept"], listed[0]["sync"]["contacts"]["error"]) == (
        3,
        "down",
    )


async def test_settings_are_tested_before_they_are_saved(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    unsaved = {"kind": "sql", "settings": books(ledger)["settings"]}
    answer = (await admin.post("/api/v1/connectors/check", json=unsaved)).json()
    assert answer["status"] == "ok", answer
    assert answer["proved"]
    unsaved["settings"] = books(f"{ledger}-not-there")["settings"]
    answer = await admin.post("/api/v1/connectors/check", json=unsaved)
    assert answer.json()["status"] != "ok"
    assert answer.json()["text"]
    assert (await admin.get("/api/v1/connectors")).json()["items"] == []


async def test_a_saved_connector_is_tested_and_its_secret_serves_other_settings(
    site: Site, ledger: str
) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger))
    assert (await admin.post(f"{URL}/check", json={})).json()["status"] == "ok"
    changed = {"slug": "books", "kind": "sql", "settings": books("set")["settings"]}
    assert (await admin.post("/api/v1/connectors/check", json=changed)).json()["status"] == "ok"
    changed["slug"] = "other"
    answer = await admin.post("/api/v1/connectors/check", json=changed)
    assert answer.json()["errors"][0]["pointer"] == "/settings/url"


async def test_a_connector_that_is_switched_off_does_not_run(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger, enabled=False))
    assert site.runtime.sources.get("books") is None
    assert (await admin.get(URL)).json()["enabled"] is False


async def test_a_connector_is_removed(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger))
    assert (await admin.delete(URL)).status_code == 204
    assert site.runtime.sources.get("books") is None
    for answer in (await admin.get(URL), await admin.post(f"{URL}/check", json={})):
        assert problem(answer) == (404, "connector_not_found")


async def test_each_kind_says_what_its_settings_are(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    items = (await admin.get("/api/v1/connector-kinds")).json()["items"]
    sql = next(item for item in items if item["kind"] == "sql")
    assert sql["settings_schema"]["properties"]["url"]["writeOnly"] is True
    assert sql["broken"] is None
    ledger = next(preset for preset in sql["presets"] if preset["name"] == "ledgersmb")
    assert ledger["title"] == "LedgerSMB 1.6"
    assert "url" in ledger["needs"]
    assert "FROM ar" in ledger["settings"]["queries"]["balance"]
    back = {item["kind"]: item["redirect_uri"] for item in items}
    assert back["sql"] is None
    assert back["xero"] == back["rest"] == f"{site.url}/api/v1/oauth/callback"


async def test_what_is_wrong_with_all_settings_is_told_at_the_field_it_names(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    settings = {"base_url": "http://192.168.1.2/api"}
    answer = await admin.post(
        "/api/v1/connectors/check", json={"kind": "rest", "settings": settings}
    )
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/settings/base_url"
    assert error["detail"].startswith("http is not encrypted: use https or,")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"timeout_ms": 0}, "/timeout_ms"),
        ({"timeout_ms": "900"}, "/timeout_ms"),
        ({"cache_s": {"nope": 1}}, "/cache_s/nope"),
        ({"cache_s": {"balance": -1}}, "/cache_s/balance"),
        ({"kind": "sqll"}, "/kind"),
        ({"settings": {"url": "sqlite:///x", "queries": {"x": "y"}}}, "/settings/queries/x"),
        ({"position": 1}, "/position"),
    ],
)
async def test_a_connector_that_cannot_be_is_refused_with_the_field(
    site: Site, ledger: str, change: dict[str, Any], pointer: str
) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.put(URL, json={**books(ledger), **change})
    assert answer.status_code == 422
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert any(each.startswith(pointer) for each in pointers), pointers
    assert "canary" not in answer.text
