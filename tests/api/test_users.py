"""People and their tokens over HTTP."""

from __future__ import annotations

import pytest

from app.store.version import config_version
from tests.api.conftest import PASSWORD, Site
from tests.api.test_session import log_in, problem

BEN = {"email": "Ben@Example.com", "name": "Ben", "role": "agent", "extensions": ["102"]}


async def version(site: Site) -> int:
    async with site.runtime.db.read() as session:
        return await config_version(session)


async def test_an_admin_adds_a_user_who_can_log_in_and_be_called(either_site: Site) -> None:
    admin = await either_site.browser("zoe@example.com")
    before = await version(either_site)
    answer = await admin.post("/api/v1/users", json={**BEN, "password": "one pump is enough"})
    assert answer.status_code == 201
    ben = answer.json()
    assert (ben["email"], ben["has_password"]) == ("ben@example.com", True)
    assert await version(either_site) > before
    await either_site.browser("ben@example.com", "one pump is enough")
    assert [agent.name for agent in either_site.runtime.directory.at("102")] == ["Ben"]


async def test_users_are_searched_and_paged_by_the_server(either_site: Site) -> None:
    admin = await either_site.browser("zoe@example.com")
    for number in range(7):
        person = {"email": f"p{number}@x.org", "name": f"100% P_{number}", "role": "agent"}
        await admin.post("/api/v1/users", json={**person, "extensions": [f"77{number}"]})

    async def names(query: str) -> tuple[list[str], int]:
        page = (await admin.get(f"/api/v1/users?{query}")).json()
        return [item["name"] for item in page["items"]], page["total"]

    assert await names("search=P_&limit=2&offset=2") == (["100% P_2", "100% P_3"], 7)
    assert await names("search=X.ORG&limit=1") == (["100% P_0"], 7)
    assert await names("search=775") == (["100% P_5"], 1)
    assert await names("search=%25") == ([f"100% P_{n}" for n in range(7)], 7)
    assert await names("search=nobody") == ([], 0)
    assert (await names(""))[1] == 10


async def test_an_e_mail_address_is_taken_once(either_site: Site) -> None:
    admin = await either_site.browser("zoe@example.com")
    answer = await admin.post("/api/v1/users", json={**BEN, "email": "ADA@example.com"})
    assert problem(answer) == (409, "email_taken")
    assert answer.json()["errors"][0]["pointer"] == "/email"
    sue = await either_site.user_id("sue@example.com")
    answer = await admin.patch(f"/api/v1/users/{sue}", json={"email": "ada@example.com"})
    assert problem(answer) == (409, "email_taken")


async def test_who_is_disabled_is_out_at_once_with_browsers_and_programs(
    either_site: Site,
) -> None:
    admin = await either_site.browser("zoe@example.com")
    browser = await either_site.browser("ada@example.com")
    program = await either_site.program("ada@example.com")
    ada = await either_site.user_id("ada@example.com")
    answer = await admin.patch(f"/api/v1/users/{ada}", json={"disabled": True})
    assert answer.json()["disabled"] is True
    assert (await browser.get("/api/v1/session")).status_code == 401
    assert (await program.get("/api/v1/session")).status_code == 401
    assert either_site.runtime.directory.at("101") == ()
    await admin.patch(f"/api/v1/users/{ada}", json={"disabled": False})
    assert (await browser.get("/api/v1/session")).status_code == 401
    assert (await program.get("/api/v1/session")).status_code == 200


async def test_a_changed_role_holds_at_the_next_request(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    sue = await site.browser("sue@example.com")
    assert problem(await sue.get("/api/v1/users")) == (403, "not_allowed")
    sue_id = await site.user_id("sue@example.com")
    await admin.patch(f"/api/v1/users/{sue_id}", json={"role": "admin"})
    assert (await sue.get("/api/v1/users")).status_code == 200


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "supervisor"}])
async def test_the_last_administrator_stays_one(
    either_site: Site, change: dict[str, object]
) -> None:
    admin = await either_site.browser("zoe@example.com")
    zoe = await either_site.user_id("zoe@example.com")
    answer = await admin.patch(f"/api/v1/users/{zoe}", json=change)
    assert problem(answer) == (409, "last_admin")
    assert (await admin.get(f"/api/v1/users/{zoe}")).json()["role"] == "admin"


async def test_an_admin_sets_a_password_which_ends_the_sessions(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    browser = await site.browser("ada@example.com")
    url = f"/api/v1/users/{await site.user_id('ada@example.com')}/password"
    assert (await admin.put(url, json={"password": "short"})).status_code == 422
    assert (await admin.put(url, json={"password": "eight pumps"})).status_code == 204
    assert (await browser.get("/api/v1/session")).status_code == 401
    assert (await log_in(site.client(), "ada@example.com", PASSWORD)).status_code == 401
    await site.browser("ada@example.com", "eight pumps")


async def test_a_token_is_shown_once_works_and_is_dead_when_revoked(either_site: Site) -> None:
    browser = await either_site.browser("ada@example.com")
    url = f"/api/v1/users/{await either_site.user_id('ada@example.com')}/tokens"
    made = (await browser.post(url, json={"name": "CRM"})).json()
    assert made["token"].startswith("spt_")
    program = either_site.client(authorization=f"Bearer {made['token']}")
    assert (await program.get("/api/v1/session")).json()["user"]["name"] == "Ada"
    listed = await browser.get(url)
    assert listed.json()["items"][0] == {**made, "token": None}
    assert made["token"] not in listed.text
    gone = await browser.delete(f"{url}/{made['token_id']}")
    assert gone.status_code == 204
    assert (await program.get("/api/v1/session")).status_code == 401


async def test_tokens_of_others_are_for_administrators(site: Site) -> None:
    url = f"/api/v1/users/{await site.user_id('sue@example.com')}/tokens"
    agent, admin = await site.browser("ada@example.com"), await site.browser("zoe@example.com")
    made = (await admin.post(url, json={})).json()
    assert problem(await agent.get(url)) == (403, "not_allowed")
    assert problem(await agent.post(url, json={})) == (403, "not_allowed")
    assert problem(await agent.delete(f"{url}/{made['token_id']}")) == (403, "not_allowed")
    own = f"/api/v1/users/{await site.user_id('ada@example.com')}/tokens"
    answer = await agent.delete(f"{own}/{made['token_id']}")
    assert problem(answer) == (404, "token_not_found")
    assert len((await admin.get(url)).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "pointer", "why"),
    [
        ({**BEN, "email": "ben"}, "/email", "e-mail address"),
        ({**BEN, "name": ""}, "/name", "at least 1 character"),
        ({**BEN, "name": "Ben\nHolt"}, "/name", "one line"),
        ({**BEN, "name": "Ben\x00"}, "/name", "one line"),
        ({**BEN, "role": "root"}, "/role", "'agent', 'supervisor' or 'admin'"),
        ({**BEN, "extensions": "102"}, "/extensions", "list"),
        ({**BEN, "extensions": [102]}, "/extensions/0", "text"),
        ({**BEN, "password": "12345678"}, "/password", "guessed first"),
        ({**BEN, "password": "ben@example.com"}, "/password", "other than the e-mail"),
        ({**BEN, "disabled": False}, "/disabled", "no such field"),
        ({**BEN, "password_hash": "x"}, "/password_hash", "no such field"),
        ({"name": "Ben", "role": "agent"}, "/email", "is missing"),
    ],
)
async def test_a_user_that_cannot_be_is_refused_with_the_field(
    site: Site, body: dict[str, object], pointer: str, why: str
) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.post("/api/v1/users", json=body)
    assert problem(answer) == (422, "invalid")
    errors = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert why in errors[pointer]


@pytest.mark.parametrize(
    "body", [{"name": None}, {"created_at": "2026-01-01"}, {"disabled": "yes"}, [], "x"]
)
async def test_a_change_that_cannot_be_is_refused(site: Site, body: object) -> None:
    admin = await site.browser("zoe@example.com")
    ada = await site.user_id("ada@example.com")
    answer = await admin.patch(f"/api/v1/users/{ada}", json=body)
    assert problem(answer) == (422, "invalid")


@pytest.mark.parametrize("expires", ["2026-11-01T00:00:00Z", "2027-01-01T00:00:00", "9999-01-01"])
async def test_a_token_expires_in_the_future_or_not_at_all(site: Site, expires: str) -> None:
    browser = await site.browser("ada@example.com")
    url = f"/api/v1/users/{await site.user_id('ada@example.com')}/tokens"
    answer = await browser.post(url, json={"expires_at": expires})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/expires_at"


@pytest.mark.parametrize("user_id", ["nobody", "%00", "0" * 32, "'; DROP TABLE users"])
async def test_a_user_that_is_not_there_is_not_found(site: Site, user_id: str) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.get(f"/api/v1/users/{user_id}")
    assert answer.status_code in (404, 422)
    assert problem(answer)[0] == answer.status_code
