"""Customers to mend over HTTP: searched, decided, set aside, and all of it taken back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.core.identity import Ref
from app.store.engine import Database
from tests.api.conftest import Site
from tests.api.test_customers import ANN, KESTREL, ids_of, look_through
from tests.api.test_session import problem
from tests.store.contacts_world import NOW, contact, put

DUPLICATES, QUALITY = "/api/v1/customers/duplicates", "/api/v1/customers/quality"


@pytest.fixture
async def db(either_site: Site) -> Database:
    """Fill the books and the shop with a likely duplicate and a wrong number."""
    site = either_site
    site.clock.now = NOW
    await put(
        site.runtime.db,
        "books",
        contact("1", "020 7946 0958", **KESTREL),
        contact("2", "07700 900123", **ANN),
        contact("3", "12", "0800 nobody", display_name="Marlowe Pumps"),
    )
    await put(site.runtime.db, "shop", contact("7", "07700 900123", display_name="Anne Bell"))
    await look_through(site)
    return site.runtime.db


async def waiting(sue: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    answer = await sue.get(DUPLICATES, params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["proposals"]
    return found


async def test_likely_duplicates_are_searched_by_either_side(
    either_site: Site, db: Database
) -> None:
    sue = await either_site.program("sue@example.com")
    for asked in ("anne", "Ann Bell", "+447700900123", "ann@bell"):
        assert len(await waiting(sue, q=asked)) == 1, asked
    assert await waiting(sue, q="kestrel") == []


@pytest.mark.parametrize("decision", ["same", "different"])
async def test_a_decision_is_taken_back_as_if_it_had_not_been_made(
    either_site: Site, db: Database, decision: str
) -> None:
    sue = await either_site.program("sue@example.com")
    before = await ids_of(either_site)
    (proposal,) = await waiting(sue)
    url = f"{DUPLICATES}/{proposal['proposal_id']}"
    assert problem(await sue.post(f"{url}/undo")) == (404, "not_found")
    assert (await sue.post(url, json={"decision": decision})).status_code == 200
    assert await waiting(sue) == []
    listed = (await sue.get(f"{DUPLICATES}/decided")).json()["items"]
    assert [(d["decision"], d["decided_by"]) for d in listed] == [(decision, "Sue")]
    names = {listed[0][side]["display_name"] for side in ("left", "right")}
    assert names == {"Ann Bell", "Anne Bell"}

    ada = await either_site.program("ada@example.com")
    assert (await ada.post(f"{url}/undo")).status_code == 403
    undone = await sue.post(f"{url}/undo")
    assert undone.status_code == 200, undone.text
    assert (undone.json()["parted"] is not None) is (decision == "same")
    assert await ids_of(either_site) == before
    assert (await waiting(sue))[0]["proposal_id"] == proposal["proposal_id"]
    assert (await sue.get(f"{DUPLICATES}/decided")).json()["items"] == []
    await look_through(either_site)
    # The rules may still propose them: no word against it is left.
    assert len(await waiting(sue)) == 1
    assert (await sue.post(url, json={"decision": "same"})).status_code == 200


async def test_an_issue_set_aside_is_no_longer_listed_until_it_is_taken_up(
    either_site: Site, db: Database
) -> None:
    sue = await either_site.program("sue@example.com")
    asked = {"kind": "number_unusable"}

    async def shown(**more: str) -> tuple[list[str], int]:
        found = (await sue.get(QUALITY, params=asked | more)).json()
        counts = [c["count"] for c in found["counts"] if c["kind"] == "number_unusable"]
        return [issue["display_name"] for issue in found["issues"]], sum(counts)

    assert await shown() == (["Marlowe Pumps"], 1)
    assert await shown(q="marlowe") == (["Marlowe Pumps"], 1)
    assert await shown(q="kestrel") == ([], 1)
    record = {"connector": "books", "remote_id": "3"}
    url = f"{QUALITY}/number_unusable/aside"
    assert (await sue.post(url, json=record)).status_code == 204
    assert (await sue.post(url, json=record)).status_code == 204
    assert await shown() == ([], 0)
    await look_through(either_site)
    assert await shown() == ([], 0)
    (aside,) = (await sue.get(f"{QUALITY}/aside")).json()["items"]
    assert (aside["remote_id"], aside["user_name"]) == ("3", "Sue")
    assert (await sue.post(f"{url}/undo", json=record)).status_code == 204
    assert await shown() == (["Marlowe Pumps"], 1)
    assert problem(await sue.post(f"{url}/undo", json=record)) == (404, "not_found")
    gone = {"connector": "books", "remote_id": "99"}
    assert problem(await sue.post(url, json=gone)) == (404, "not_found")
    assert Ref("books", "3") in await ids_of(either_site)
