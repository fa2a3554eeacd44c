"""Customers over HTTP: found, read, merged, parted, mended."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core.identity import Ref
from app.store.apart import run_apart
from app.store.configuration import set_default_region
from app.store.engine import Database
from app.store.scan import Scanned, scan
from app.store.words import index_changed
from tests.api.conftest import Site
from tests.api.test_session import problem
from tests.store.contacts_world import NOW, call, contact, customers, put

ANN: dict[str, Any] = {"display_name": "Ann Bell", "email_addresses": ("ann@bell.example",)}
KESTREL: dict[str, Any] = {
    "display_name": "Kestrel Garden Ltd",
    "email_addresses": ("office@kestrel.example",),
    "external_id": "C-100",
}


async def look_through(site: Site) -> Scanned:
    await index_changed(site.runtime.db, NOW + timedelta(minutes=1))
    return await scan(site.runtime.db, NOW)


async def ids_of(site: Site) -> dict[Ref, str]:
    return await customers(site.runtime.db)


async def names(program: httpx.AsyncClient, asked: str) -> list[str]:
    answer = await program.get("/api/v1/customers", params={"q": asked})
    assert answer.status_code == 200, answer.text
    return [c["display_name"] for c in answer.json()["customers"]]


@pytest.fixture
async def db(either_site: Site) -> Database:
    """Fill the books and the shop."""
    site = either_site
    site.clock.now = NOW
    await put(
        site.runtime.db,
        "books",
        contact("1", "020 7946 0958", **KESTREL),
        contact("2", "07700 900123", **ANN),
        contact("3", "020 7946 0111", display_name="Ørsted Pumpen"),
    )
    await put(site.runtime.db, "shop", contact("7", "07700 900123", display_name="Anne Bell"))
    return site.runtime.db


async def test_customers_are_found_by_what_people_know_of_them(
    either_site: Site, db: Database
) -> None:
    await look_through(either_site)
    ada = await either_site.program("ada@example.com")
    async with db.begin() as session:
        await set_default_region(session, "GB")
    await either_site.runtime.reload()
    numbers = ("020 7946 0958", "+44 20 7946 09", "0044207946095")
    for asked in ("kestrel", "Garden KES", "C-100", "office@kes", *numbers):
        assert await names(ada, asked) == ["Kestrel Garden Ltd"], asked
    assert await names(ada, "bell") == ["Ann Bell", "Anne Bell"]
    assert await names(ada, "bell ann@") == []
    assert await names(ada, "nobody") == []
    assert await names(ada, "%") == []
    assert await names(ada, "") == ["Ann Bell", "Anne Bell", "Kestrel Garden Ltd", "Ørsted Pumpen"]
    kestrel = (await ids_of(either_site))[Ref("books", "1")]
    assert await names(ada, kestrel) == ["Kestrel Garden Ltd"]


async def test_a_list_of_customers_comes_in_pages(either_site: Site, db: Database) -> None:
    ada = await either_site.program("ada@example.com")
    after, seen = None, []
    while True:
        asked = {"limit": 2} | ({"after": after} if after else {})
        page = (await ada.get("/api/v1/customers", params=asked)).json()
        seen += [c["display_name"] for c in page["customers"]]
        if (after := page["next"]) is None:
            break
    assert len(seen) == len(set(seen)) == 4
    for wrong in ("nonsense", "[1, 2]", "{}"):
        for path in ("", "/duplicates", "/quality"):
            sue = await either_site.program("sue@example.com")
            answer = await sue.get(f"/api/v1/customers{path}", params={"after": wrong})
            assert problem(answer) == (422, "invalid"), path


async def test_a_customer_says_why_each_record_belongs_to_it(
    either_site: Site, db: Database
) -> None:
    await put(db, "crm", contact("x", display_name="Kestrel", external_id="C-100"))
    kestrel = (await ids_of(either_site))[Ref("crm", "x")]
    await call(db, "pbx:1", kestrel, "+442079460958", NOW)
    ada = await either_site.program("ada@example.com")
    answer = await ada.get(f"/api/v1/customers/{kestrel}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    links = {r["connector"]: r["link"] for r in found["records"]}
    assert links["crm"] == {
        "score": 0.99,
        "reasons": ["same account number C-100, as in books"],
        "since": "2026-11-22T09:00:00Z",
        "made_by": "rule",
        "merge_id": None,
    }
    assert [n["e164"] for n in found["numbers"]] == ["+442079460958"]
    assert [c["call_id"] for c in found["calls"]] == ["pbx:1"]
    assert problem(await ada.get("/api/v1/customers/c-nobody")) == (404, "not_found")


async def test_a_likely_duplicate_is_proposed_and_merged_by_a_supervisor_alone(
    either_site: Site, db: Database
) -> None:
    await look_through(either_site)
    ada = await either_site.program("ada@example.com")
    sue = await either_site.program("sue@example.com")
    assert (await ada.get("/api/v1/customers/duplicates")).status_code == 403
    listed = (await sue.get("/api/v1/customers/duplicates")).json()
    (proposal,) = listed["proposals"]
    assert (listed["open"], listed["next"], listed["looked_at"]) == (
        1,
        None,
        "2026-11-22T09:00:00Z",
    )
    assert {proposal[side]["display_name"] for side in ("left", "right")} == {
        "Ann Bell",
        "Anne Bell",
    }
    assert "same number: +447700900123" in proposal["reasons"]
    assert 0.7 <= proposal["score"] <= 1
    url = f"/api/v1/customers/duplicates/{proposal['proposal_id']}"
    assert (await ada.post(url, json={"decision": "same"})).status_code == 403
    stays = proposal["right"]["customer_id"]
    answer = await sue.post(url, json={"decision": "same", "survivor_id": stays})
    assert answer.status_code == 200, answer.text
    merged = answer.json()["merge"]
    assert merged["survivor_id"] == stays
    assert problem(await sue.post(url, json={"decision": "same"})) == (404, "not_found")

    found = (await ada.get(f"/api/v1/customers/{merged['gone_id']}")).json()
    assert found["customer_id"] == stays
    (link,) = [r["link"] for r in found["records"] if r["link"]["made_by"] == "user"]
    assert link["merge_id"] == merged["merge_id"]
    assert link["reasons"][0] == "merged by Sue on 2026-11-22"

    undone = await sue.post(f"/api/v1/customers/merges/{merged['merge_id']}/undo")
    assert undone.status_code == 200, undone.text
    again = await sue.post(f"/api/v1/customers/merges/{merged['merge_id']}/undo")
    assert problem(again) == (409, "conflict")
    await look_through(either_site)
    assert (await sue.get("/api/v1/customers/duplicates")).json()["proposals"] == []
    history = (await ada.get(f"/api/v1/customers/{stays}")).json()["merges"]
    assert [(m["merge_id"], m["undone_by"]["name"]) for m in history] == [
        (merged["merge_id"], "Sue")
    ]


async def test_two_that_differ_are_never_proposed_again(either_site: Site, db: Database) -> None:
    await look_through(either_site)
    sue = await either_site.program("sue@example.com")
    (proposal,) = (await sue.get("/api/v1/customers/duplicates")).json()["proposals"]
    url = f"/api/v1/customers/duplicates/{proposal['proposal_id']}"
    assert (await sue.post(url, json={"decision": "different"})).json()["merge"] is None
    # Nor when evidence comes up that would join them.
    await put(db, "books", contact("2", "07700 900123", tax_number="GB123456789", **ANN))
    await put(
        db, "shop", contact("7", "07700 900123", tax_number="GB123456789", display_name="Ann Bell")
    )
    assert (await look_through(either_site)).proposals == 0
    ours = await ids_of(either_site)
    assert ours[Ref("books", "2")] != ours[Ref("shop", "7")]


async def test_any_two_customers_can_be_merged_and_wrong_ones_are_told(
    either_site: Site, db: Database
) -> None:
    ours = await ids_of(either_site)
    one, other = ours[Ref("books", "1")], ours[Ref("books", "3")]
    zoe = await either_site.program("zoe@example.com")
    both = {"survivor_id": one, "gone_id": other, "reason": "a takeover"}
    answer = await zoe.post("/api/v1/customers/merge", json=both)
    assert answer.status_code == 201, answer.text
    again = await zoe.post("/api/v1/customers/merge", json=both)
    assert problem(again) == (409, "conflict")
    nobody = await zoe.post("/api/v1/customers/merge", json={**both, "gone_id": "c-nobody"})
    assert problem(nobody) == (404, "not_found")
    assert problem(await zoe.post("/api/v1/customers/merges/99/undo")) == (404, "not_found")


async def test_what_is_to_be_mended_is_listed_for_each_source(
    either_site: Site, db: Database
) -> None:
    old = NOW - timedelta(days=4 * 365)
    shop = contact("9", "n. a. 5", display_name="=HYPERLINK(1)", updated_at=old, region="GB")
    await put(db, "shop", shop, contact("7", "07700 900123", display_name="Anne Bell"))
    await put(db, "crm", contact("x", display_name="Another Name", external_id="C-100"))
    await look_through(either_site)
    sue = await either_site.program("sue@example.com")

    async def kinds(connector: str) -> set[tuple[str, str]]:
        answer = await sue.get("/api/v1/customers/quality", params={"connector": connector})
        return {(i["kind"], i["remote_id"]) for i in answer.json()["issues"]}

    assert await kinds("shop") >= {("stale", "9"), ("country_missing", "7")}
    assert ("names_conflict", "1") in await kinds("books")
    assert {("no_number", "x"), ("names_conflict", "x")} <= await kinds("crm")
    page = (await sue.get("/api/v1/customers/quality", params={"limit": 1})).json()
    assert sum(c["count"] for c in page["counts"]) > 1
    seen = []
    while page["next"]:
        seen += page["issues"]
        more = {"limit": 1, "after": page["next"]}
        page = (await sue.get("/api/v1/customers/quality", params=more)).json()
    assert len({(i["kind"], i["connector"], i["remote_id"]) for i in seen}) == len(seen) > 3
    assert problem(await sue.get("/api/v1/customers/quality?kind=nonsense"))[0] == 422

    file = await sue.get("/api/v1/customers/quality.csv", params={"connector": "shop"})
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert {r["connector"] for r in rows} == {"shop"}
    assert "'=HYPERLINK(1)" in {r["display_name"] for r in rows}


async def test_what_was_mended_is_listed_no_more(either_site: Site, db: Database) -> None:
    await look_through(either_site)
    await put(db, "shop", contact("7", "+447700900123", display_name="Anne Bell"))
    await scan(db, NOW + timedelta(days=1))
    sue = await either_site.program("sue@example.com")
    found = (await sue.get("/api/v1/customers/quality?connector=shop")).json()
    assert found["issues"] == []


async def test_a_scan_runs_in_a_process_of_its_own(either_site: Site, db: Database) -> None:
    found = await run_apart("app.store.scan", either_site.runtime.settings.database, NOW)
    assert (found["customers"], found["proposals"]) == (4, 1)
    with pytest.raises(RuntimeError, match="not a database URL"):
        await run_apart("app.store.scan", "nonsense", NOW)
