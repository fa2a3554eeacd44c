"""Saved checks of a connector: run on a change and at night, told before what fails goes live."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.checks import check_nightly
from tests.api.conftest import Site
from tests.api.test_session import problem
from tests.api.test_versions import FIND, OWED, books

URL = "/api/v1/connectors/books"
OWES = {"phone": "020 7946 0958", "section": "balance", "field": "balance", "expected": "12.5"}
NAMED = {"remote_id": "C1", "section": "balance", "field": "open_invoices[0].number"}


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (id TEXT, name TEXT, phone TEXT, owed TEXT)")
        connection.execute("INSERT INTO customers VALUES ('C1', 'Kestrel', '02079460958', '12.50')")
        connection.commit()
    return f"sqlite:///{path}"


async def test_checks_run_with_the_draft_and_what_they_found_is_kept(
    either_site: Site, ledger: str
) -> None:
    admin = await either_site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger, find=FIND, balance=OWED))
    checks = [OWES, {**NAMED, "expected": "I2"}, {**NAMED, "section": "contact", "field": "tier"}]
    saved = await admin.put(f"{URL}/checks", json={"checks": checks})
    assert saved.status_code == 200, saved.text
    run = (await admin.post(f"{URL}/checks/run", json={"tried": "draft"})).json()
    assert (run["passed"], run["total"]) == (2, 3)
    assert [each["passed"] for each in run["results"]] == [True, False, True]
    assert run["results"][1]["found"] == "I1"
    kept = (await admin.get(f"{URL}/checks")).json()
    assert kept["runs"][0]["passed"] == 2
    assert kept["checks"][0]["expected"] == "12.5"


async def test_what_fails_its_checks_goes_live_only_on_purpose(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger, find=FIND, balance=OWED))
    await admin.put(f"{URL}/checks", json={"checks": [{**OWES, "expected": "99"}]})
    refused = await admin.post(f"{URL}/draft/publish", json={})
    assert problem(refused) == (409, "checks_failed")
    assert refused.json()["errors"] == [{"pointer": "/checks/0", "detail": "12.50 was found"}]
    assert problem(await admin.get(URL)) == (404, "connector_not_found")
    assert (await admin.post(f"{URL}/draft/publish?anyway=true", json={})).status_code == 200


async def test_a_number_nobody_has_yet_is_looked_for_in_the_sources_own_contacts(
    site: Site, ledger: str
) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger, balance=OWED))
    tried = (await admin.post(f"{URL}/draft/try", json={"phone": "+44 20 7946 0958"})).json()
    assert [each["display_name"] for each in tried["draft"]["contacts"]] == ["Kestrel"]
    assert tried["draft"]["sections"]["balance"]["data"]["balance"] == "12.50"


async def test_trying_shows_what_was_asked_and_said_without_secrets(
    site: Site, tmp_path: Path, ledger: str
) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger, find=FIND, balance=OWED))
    answer = await admin.post(f"{URL}/draft/try", json={"phone": "020 7946 0958"})
    trace = {each["asked"]: each for each in answer.json()["draft"]["trace"]}
    assert list(trace) == ["connect", "query find", "query balance"]
    assert trace["query balance"]["values"] == {"remote_id": "C1"}
    assert trace["query balance"]["content"] == [{"number": "I1", "amount_due": "12.50"}]
    assert trace["query balance"]["elapsed_ms"] > 0
    assert str(tmp_path) not in answer.text


async def test_a_trial_is_not_counted_among_the_answers_of_calls(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put("/api/v1/connectors/unheard/draft", json=books(ledger, balance=OWED))
    await admin.post("/api/v1/connectors/unheard/draft/try", json={"remote_id": "C1"})
    assert 'connector="unheard"' not in (await site.client().get("/metrics")).text


async def test_the_checks_of_what_is_live_run_once_every_night(
    either_site: Site, ledger: str
) -> None:
    admin = await either_site.browser("zoe@example.com")
    await admin.put(URL, json=books(ledger, find=FIND, balance=OWED))
    await admin.put(f"{URL}/checks", json={"checks": [OWES]})
    for _ in range(3):
        await check_nightly(either_site.runtime)
    either_site.clock.move(hours=24)
    await check_nightly(either_site.runtime)
    admin = await either_site.browser("zoe@example.com")
    runs = (await admin.get(f"{URL}/checks")).json()["runs"]
    assert [(run["occasion"], run["passed"]) for run in runs] == [("night", 1), ("night", 1)]


async def test_a_check_that_names_nobody_or_no_field_is_refused_at_its_place(
    site: Site, ledger: str
) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger))
    body: dict[str, Any] = {"checks": [OWES, {"section": "balance", "field": "open[["}]}
    answer = await admin.put(f"{URL}/checks", json=body)
    assert problem(answer) == (422, "invalid")
    pointers = [each["pointer"] for each in answer.json()["errors"]]
    assert pointers == ["/checks/1/phone", "/checks/1/field"]


async def test_the_checks_that_another_admin_saved_meanwhile_are_not_overwritten(
    site: Site, ledger: str
) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(f"{URL}/draft", json=books(ledger))
    version = (await admin.get(f"{URL}/checks")).json()["version"]
    late = {"If-Match": f'"{version}"'}
    assert (await admin.put(f"{URL}/checks", json={"checks": [OWES]}, headers=late)).is_success
    answer = await admin.put(f"{URL}/checks", json={"checks": []}, headers=late)
    assert problem(answer) == (409, "changed_meanwhile")
