"""Records that the rules joined wrongly, taken out over HTTP, told on both pages, and put back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.core.identity import Ref
from tests.api.conftest import Site
from tests.api.test_session import problem
from tests.store.contacts_world import NOW, call, contact, customers, put

GROUP: dict[str, Any] = {"tax_number": "GB 123 4567 89"}
SHOP = {"connector": "shop", "remote_id": "7"}


@pytest.fixture
async def joint(either_site: Site) -> str:
    """Join two firms of a group by the tax number under which both file."""
    db = either_site.runtime.db
    either_site.clock.now = NOW
    await put(db, "books", contact("1", "020 7946 0958", display_name="Alder Ltd", **GROUP))
    await put(db, "shop", contact("7", "07700 900123", display_name="Alder Inc", **GROUP))
    found = (await customers(db))[Ref("books", "1")]
    await call(db, "pbx:1", found, "+447700900123", NOW)
    return found


async def told(program: httpx.AsyncClient, customer: str) -> dict[str, Any]:
    answer = await program.get(f"/api/v1/customers/{customer}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_supervisor_takes_a_record_out_and_both_customers_tell_of_it(
    either_site: Site, joint: str
) -> None:
    sue = await either_site.program("sue@example.com")
    body = {**SHOP, "reason": "two firms of a group"}
    answer = await sue.post(f"/api/v1/customers/{joint}/take-out", json=body)
    assert answer.status_code == 201, answer.text
    taken = answer.json()
    assert (taken["customer_id"], taken["calls"], taken["calls_kept"]) == (joint, 1, 0)
    ours, theirs = await told(sue, joint), await told(sue, taken["parted_id"])
    assert [r["display_name"] for r in ours["records"]] == ["Alder Ltd"]
    assert [r["display_name"] for r in theirs["records"]] == ["Alder Inc"]
    assert [c["call_id"] for c in theirs["calls"]] == ["pbx:1"]
    for page in (ours, theirs):
        (merge,) = page["merges"]
        assert merge["gone_name"] == "Alder Inc"
        assert merge["undone_by"]["name"] == "Sue"
        assert merge["undone_at"] == "2026-11-22T09:00:00Z"
        assert merge["reasons"] == ["two firms of a group"]
        assert merge["kept_apart"]

    again = await sue.post(f"/api/v1/customers/{joint}/take-out", json=body)
    assert problem(again) == (409, "conflict")
    assert "shop 7 is no record of this customer any more" in again.text


async def test_a_taken_out_record_is_put_back_once(either_site: Site, joint: str) -> None:
    sue = await either_site.program("sue@example.com")
    taken = (await sue.post(f"/api/v1/customers/{joint}/take-out", json=SHOP)).json()
    undo = f"/api/v1/customers/partings/{taken['parting_id']}/undo"
    answer = await sue.post(undo)
    assert answer.status_code == 200, answer.text
    assert answer.json()["joined"] is True
    found = await told(sue, joint)
    assert len(found["records"]) == 2
    assert [m["kept_apart"] for m in found["merges"]] == [False, False]
    assert problem(await sue.post(undo)) == (409, "conflict")
    assert problem(await sue.post("/api/v1/customers/partings/99/undo")) == (404, "not_found")


async def test_an_agent_may_take_nothing_out(either_site: Site, joint: str) -> None:
    ada = await either_site.program("ada@example.com")
    answer = await ada.post(f"/api/v1/customers/{joint}/take-out", json=SHOP)
    assert answer.status_code == 403
    assert (await ada.post("/api/v1/customers/partings/1/undo")).status_code == 403
    assert len((await told(ada, joint))["records"]) == 2


async def test_what_is_not_there_is_told(either_site: Site, joint: str) -> None:
    sue = await either_site.program("sue@example.com")
    nobody = await sue.post("/api/v1/customers/c-nobody/take-out", json=SHOP)
    assert problem(nobody) == (404, "not_found")
    odd = await sue.post(f"/api/v1/customers/{joint}/take-out", json={"connector": "shop"})
    assert problem(odd)[0] == 422
    strange = {"connector": "shop", "remote_id": "8"}
    other = await sue.post(f"/api/v1/customers/{joint}/take-out", json=strange)
    assert problem(other) == (409, "conflict")
