"""The rules of the pop over HTTP: kept, refused at their field, exported, applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.configuration_file import plan_text
from app.configure import apply_plan, export
from app.errors import UserError
from tests.api.conftest import Site
from tests.api.test_session import problem

RULES: dict[str, Any] = {
    "priorities": [{"name": "Gold", "level": 8, "when": {"tier": ["gold"]}}],
    "alerts": {"off": ["vip"], "overdue_over": "50.00", "overdue_days": 14},
    "dispositions": ["order", "complaint"],
    "pop_layout": [{"queue": "sales", "order": ["purchases"], "hidden": ["credit_terms"]}],
}


@pytest.fixture
async def admin(site: Site) -> httpx.AsyncClient:
    return await site.program("zoe@example.com")


async def test_rules_are_kept_and_hold_at_once(site: Site, admin: httpx.AsyncClient) -> None:
    saved = await admin.patch("/api/v1/rules", json=RULES)
    assert saved.status_code == 200, saved.text
    assert {name: saved.json()[name] for name in RULES} == RULES
    assert saved.json()["queues"] == ["sales"]
    assert site.runtime.layouts[0].hidden == {"credit_terms"}
    agent = await site.program("ada@example.com")
    told = (await agent.get("/api/v1/dispositions")).json()
    assert told == {"dispositions": ["order", "complaint"]}


async def test_what_is_left_out_stays_and_what_is_emptied_goes(admin: httpx.AsyncClient) -> None:
    await admin.patch("/api/v1/rules", json=RULES)
    left = (await admin.patch("/api/v1/rules", json={"alerts": {}, "pop_layout": []})).json()
    assert (left["alerts"], left["pop_layout"]) == ({}, [])
    assert left["priorities"] == RULES["priorities"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"priorities": [{"name": "x", "level": 10}]}, "/priorities/0/level"),
        (
            {"priorities": [{"name": "x", "level": 1, "when": {"overdue_over": "much"}}]},
            "/priorities/0/when/overdue_over",
        ),
        ({"alerts": {"overdue_days": "a week"}}, "/alerts/overdue_days"),
        ({"dispositions": []}, "/dispositions"),
        ({"pop_layout": [{"hidden": ["note"]}]}, "/pop_layout/0/hidden/0"),
        ({"pop_layout": [{"queue": "a"}, {"queue": "a"}]}, "/pop_layout"),
    ],
)
async def test_what_is_wrong_is_told_at_its_place(
    admin: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    refused = await admin.patch("/api/v1/rules", json=change)
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_another_admins_change_is_noticed(admin: httpx.AsyncClient) -> None:
    seen = (await admin.get("/api/v1/rules")).json()["version"]
    await admin.patch("/api/v1/rules", json={"alerts": {"off": ["vip"]}})
    late = await admin.patch(
        "/api/v1/rules", json={"dispositions": ["x"]}, headers={"if-match": f'"{seen}"'}
    )
    assert problem(late) == (409, "changed_meanwhile")


async def test_a_configuration_file_carries_the_rules(site: Site, admin: httpx.AsyncClient) -> None:
    await admin.patch("/api/v1/rules", json=RULES)
    await admin.put(
        "/api/v1/setup/defaults", json={"default_region": None, "default_currency": "EUR"}
    )
    rt = site.runtime
    text = await export(rt.db, rt.secrets)
    same = await apply_plan(rt.db, rt.secrets, plan_text(text, {}, "x.yaml", Path()))
    assert {change.verb for change in same} == {"unchanged"}
    text = text.replace("default_currency: EUR", "default_currency: GBP")
    changes = await apply_plan(rt.db, rt.secrets, plan_text(text, {}, "x.yaml", Path()))
    assert [str(c) for c in changes if c.verb != "unchanged"] == [
        "changed   setting default_currency"
    ]


def test_a_wrong_rule_in_a_file_is_told_with_its_line() -> None:
    with pytest.raises(UserError, match=r"x.yaml:2: alerts.overdue_days"):
        plan_text("alerts:\n  overdue_days: soon\n", {}, "x.yaml", Path())


async def test_a_preview_of_a_call_that_is_not_there(admin: httpx.AsyncClient) -> None:
    gone = await admin.post("/api/v1/rules/preview", json={"call_id": "pbx:none"})
    assert problem(gone) == (404, "not_found")
