"""The history of a connector over HTTP: drafts, trials, publishing, rolling back, two admins."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Site
from tests.api.test_session import problem

URL = "/api/v1/connectors/books"
CONTACTS = "SELECT id AS remote_id, name AS display_name, phone FROM customers ORDER BY remote_id"
FIND = "SELECT id AS remote_id, name AS display_name, phone FROM customers WHERE phone = :national"
OWED = "SELECT 'I1' AS number, owed AS amount_due FROM customers WHERE id = :remote_id"


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    path = tmp_path / "canary-ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (id TEXT, name TEXT, phone TEXT, owed TEXT)")
        connection.execute("INSERT INTO customers VALUES ('C1', 'Kestrel', '02079460958', '12.50')")
    connection.close()
    return f"sqlite:///{path}"


def books(url: str, **queries: str) -> dict[str, Any]:
    settings = {"url": url, "currency": "GBP", "queries": {"contacts": CONTACTS, **queries}}
    return {"kind": "sql", "name": "Ledger", "region": "GB", "settings": settings}


async def test_every_change_is_a_version_with_author_time_and_what_changed(
    either_site: Site, ledger: str
) -> None:
    admin = await either_site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger))
    either_site.clock.move(minutes=5)
    await admin.put(URL, json={**books(ledger, find=FIND), "priority": 3})
    answer = await admin.get(f"{URL}/versions")
    newest, oldest = answer.json()["items"]
    assert (oldest["number"], oldest["state"]) == (1, "past")
    assert (newest["number"], newest["state"]) == (2, "live")
    assert newest["author"] == "zoe@example.com"
    assert newest["published_at"] == "2026-11-21T10:05:00Z"
    assert newest["changed"] == ["priority", "settings.queries"]
    assert "canary" not in answer.text


async def test_saving_the_same_again_is_no_version(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger))
    await admin.put(URL, json=books("set"))
    assert len((await admin.get(f"{URL}/versions")).json()["items"]) == 1
    assert (await admin.get(URL)).json()["version"] == 1


async def test_a_draft_changes_nothing_until_it_is_published(
    either_site: Site, ledger: str
) -> None:
    admin = await either_site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger))
    draft = await admin.put(f"{URL}/draft", json={**books("set", find=FIND), "note": "search"})
    assert (draft.json()["state"], draft.json()["faults"]) == ("draft", [])
    shown = (await admin.get(URL)).json()
    assert (shown["version"], shown["has_draft"], "find" in shown["provides"]) == (1, True, False)
    published = await admin.post(f"{URL}/draft/publish", json={})
    assert published.status_code == 200, published.text
    assert (published.json()["number"], published.json()["note"]) == (3, "search")
    shown = (await admin.get(URL)).json()
    assert (shown["has_draft"], "find" in shown["provides"]) == (False, True)


async def test_a_half_done_draft_is_kept_with_its_faults_and_cannot_go_live(
    site: Site, ledger: str
) -> None:
    admin = await site.browser("zoe@example.com")
    body = books(ledger, find="DELETE FROM customers")
    draft = await admin.put(f"{URL}/draft", json=body)
    assert draft.status_code == 200
    assert draft.json()["faults"][0]["pointer"].startswith("/settings/queries")
    assert problem(await admin.post(f"{URL}/draft/publish", json={})) == (422, "invalid")
    assert problem(await admin.get(URL)) == (404, "connector_not_found")


async def test_a_draft_is_tested_with_the_secrets_that_it_keeps(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger))
    asked = {"slug": "books", "kind": "sql", "settings": books("set")["settings"]}
    tested = (await admin.post("/api/v1/connectors/check", json=asked)).json()
    assert (tested["status"], tested["proved"]) == ("ok", ["contacts: 1 rows"])
    await admin.put(URL, json=books(ledger))
    await admin.put(f"{URL}/draft", json=books("sqlite:////none.db"))
    tested = (await admin.post("/api/v1/connectors/check", json=asked)).json()
    assert tested["status"] == "cannot_connect"


async def test_a_draft_is_tried_on_a_number_beside_what_is_live(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger, find=FIND))
    await admin.put(f"{URL}/draft", json=books("set", find=FIND, balance=OWED))
    tried = (await admin.post(f"{URL}/draft/try", json={"phone": "020 7946 0958"})).json()
    assert [each["display_name"] for each in tried["draft"]["contacts"]] == ["Kestrel"]
    assert tried["draft"]["remote_id"] == "C1"
    balance = tried["draft"]["sections"]["balance"]
    assert (balance["status"], balance["data"]["balance"]) == ("ok", "12.50")
    assert balance["sources"][0]["elapsed_ms"] > 0
    assert "balance" not in tried["live"]["sections"]


async def test_an_earlier_version_is_made_live_again_also_after_a_removal(
    either_site: Site, ledger: str
) -> None:
    admin = await either_site.browser("zoe@example.com")
    await admin.put(URL, json={**books(ledger), "timeout_ms": 700})
    await admin.put(URL, json={**books(ledger), "timeout_ms": 900})
    back = await admin.post(f"{URL}/versions/1/publish", json={})
    assert back.status_code == 200, back.text
    assert (back.json()["note"], back.json()["fields"]["timeout_ms"]) == ("version 1 again", 700)
    assert (await admin.delete(URL)).status_code == 204
    states = [each["state"] for each in (await admin.get(f"{URL}/versions")).json()["items"]]
    assert states == ["removed", "past", "past", "past"]
    assert (await admin.post(f"{URL}/versions/2/publish", json={})).status_code == 200
    assert (await admin.get(URL)).json()["timeout_ms"] == 900


async def test_what_another_admin_saved_meanwhile_is_noticed_and_not_overwritten(
    site: Site, ledger: str
) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger))
    await admin.put(URL, json={**books("set"), "priority": 7})
    late = {"If-Match": '"1"'}
    answer = await admin.put(URL, json={**books("set"), "priority": 1}, headers=late)
    assert problem(answer) == (409, "changed_meanwhile")
    assert "zoe@example.com saved version 2" in answer.json()["detail"]
    assert problem(await admin.put(f"{URL}/draft", json=books("set"), headers=late)) == (
        409,
        "changed_meanwhile",
    )
    assert (await admin.get(URL)).json()["priority"] == 7


async def test_a_draft_is_thrown_away(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger))
    assert (await admin.delete(f"{URL}/draft")).status_code == 204
    assert problem(await admin.post(f"{URL}/draft/publish", json={})) == (404, "no_draft")
    assert problem(await admin.delete(f"{URL}/draft")) == (404, "no_draft")


async def test_a_draft_that_another_admin_saved_meanwhile_is_not_overwritten(
    site: Site, ledger: str
) -> None:
    admin = await site.browser("zoe@example.com")
    first = await admin.put(f"{URL}/draft?seen=none", json=books(ledger))
    seen = first.json()["created_at"]
    site.clock.move(minutes=1)
    assert (await admin.put(f"{URL}/draft?seen={seen}", json=books("set"))).status_code == 200
    late = await admin.put(f"{URL}/draft?seen={seen}", json=books("set"))
    assert problem(late) == (409, "changed_meanwhile")
    assert "zoe@example.com saved a draft" in late.json()["detail"]
    again = await admin.put(f"{URL}/draft?seen=none", json=books("set"))
    assert problem(again) == (409, "changed_meanwhile")


async def test_a_connector_that_is_only_a_draft_is_listed_as_such(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger))
    drafts = (await admin.get("/api/v1/connector-drafts")).json()["items"]
    assert [(each["slug"], each["kind"]) for each in drafts] == [("books", "sql")]
    await admin.post(f"{URL}/draft/publish", json={})
    assert (await admin.get("/api/v1/connector-drafts")).json()["items"] == []
