"""People from a CSV file over HTTP, and another admin's change of a person."""

from __future__ import annotations

import httpx
import pytest

from tests.api.conftest import Site
from tests.api.test_session import problem


@pytest.fixture
async def admin(site: Site) -> httpx.AsyncClient:
    return await site.program("zoe@example.com")


async def preview(admin: httpx.AsyncClient, text: str) -> dict[str, object]:
    answer = await admin.post("/api/v1/users/import/preview", json={"text": text})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_preview_changes_nothing_and_an_import_does(
    site: Site, admin: httpx.AsyncClient
) -> None:
    text = "Name;E-Mail;Ext\nAda;ada@example.com;101|102\nNew;new@example.com;201\n"
    plan = await preview(admin, text)
    assert (plan["created"], plan["changed"], plan["wrong"]) == (1, 1, 0)
    assert (await admin.get("/api/v1/users")).json()["total"] == 3
    await admin.post("/api/v1/users/import", json={"text": text})
    ada = (await admin.get("/api/v1/users?search=ada")).json()["items"][0]
    # What the file does not have stays.
    assert (ada["extensions"], ada["role"]) == (["101", "102"], "agent")
    assert [agent.name for agent in site.runtime.directory.at("201")] == ["New"]
    assert (await preview(admin, text))["unchanged"] == 2


async def test_every_fault_is_told_by_its_line_and_nothing_is_imported(
    admin: httpx.AsyncClient,
) -> None:
    text = (
        "email,name,role\nnew@example.com,New,agent\nno address,X,agent\n"
        "boss@example.com,Boss,chief\nnew@example.com,Again,agent\n"
    )
    plan = await preview(admin, text)
    lines = plan["lines"]
    assert isinstance(lines, list)
    wrong = [
        (line["line"], line["errors"][0]["column"]) for line in lines if line["becomes"] == "wrong"
    ]
    assert wrong == [(3, "email"), (4, "role"), (5, "email")]
    refused = await admin.post("/api/v1/users/import", json={"text": text})
    assert problem(refused) == (422, "invalid")
    assert (await admin.get("/api/v1/users")).json()["total"] == 3


@pytest.mark.parametrize(
    ("text", "fault"),
    [("", "is empty"), ("name\nAda", "no column email"), ("email,name\n", "nobody")],
)
async def test_a_file_that_is_none_is_told_so(
    admin: httpx.AsyncClient, text: str, fault: str
) -> None:
    assert fault in str((await preview(admin, text))["fault"])


async def test_the_last_administrator_cannot_be_imported_away(admin: httpx.AsyncClient) -> None:
    text = "email,name,role\nzoe@example.com,Zoe,agent\n"
    refused = await admin.post("/api/v1/users/import", json={"text": text})
    assert problem(refused) == (409, "last_admin")


async def test_what_another_admin_changed_is_not_overwritten(
    site: Site, admin: httpx.AsyncClient
) -> None:
    url = f"/api/v1/users/{await site.user_id('ada@example.com')}"
    seen = (await admin.get(url)).json()["version"]
    await admin.patch(url, json={"name": "Ada L"})
    late = await admin.patch(url, json={"queues": ["x"]}, headers={"if-match": f'"{seen}"'})
    assert problem(late) == (409, "changed_meanwhile")
