"""Logging in and out, sessions, tokens, and where a request may come from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.api.security import allowed_origin, authenticate, still_valid
from app.store import accounts, logins
from app.store.models import ApiToken, Session, User
from tests.api.conftest import PASSWORD, Site


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = answer.json()
    assert document["status"] == answer.status_code
    return answer.status_code, document["code"]


async def log_in(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await client.post("/api/v1/session", json={"email": email, "password": password})


async def test_a_person_logs_in_is_known_and_logs_out(either_site: Site) -> None:
    browser = await either_site.browser("Ada@Example.com ")
    answer = await browser.get("/api/v1/session")
    assert answer.json()["user"] == {
        "user_id": await either_site.user_id("ada@example.com"),
        "email": "ada@example.com",
        "name": "Ada",
        "role": "agent",
        "extensions": ["101"],
        "queues": [],
    }
    token = browser.cookies["screenpop_session"]
    assert (await browser.delete("/api/v1/session")).status_code == 204
    assert "screenpop_session" not in browser.cookies
    stolen = either_site.client(cookie=f"screenpop_session={token}")
    assert problem(await stolen.get("/api/v1/session")) == (401, "not_logged_in")


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong password"),
        ("nobody@example.com", PASSWORD),
        ("off@example.com", PASSWORD),
        ("none@example.com", ""),
        ("none@example.com", "AAAAAAAA"),
    ],
)
async def test_unknown_disabled_and_wrong_are_answered_alike(
    site: Site, email: str, password: str
) -> None:
    async with site.runtime.db.begin() as session:
        ada = await accounts.user_by_email(session, "ada@example.com")
        assert ada is not None
        for name, hashed in (("off", ada.password_hash), ("none", None)):
            fields = {
                "email": f"{name}@example.com",
                "name": name,
                "role": "agent",
                "extensions": [],
                "queues": [],
            }
            user = await accounts.create_user(session, fields, site.clock(), hashed)
            user.disabled = name == "off"
    answer = await log_in(site.client(), email, password or "x")
    assert problem(answer) == (401, "wrong_login")
    assert answer.json()["detail"] == "the e-mail address or the password is wrong"
    assert "set-cookie" not in answer.headers


async def test_a_log_in_gives_a_new_session_and_ends_the_old_one(site: Site) -> None:
    browser = await site.browser("ada@example.com")
    first = browser.cookies["screenpop_session"]
    await log_in(browser, "ada@example.com", PASSWORD)
    assert browser.cookies["screenpop_session"] != first
    old = site.client(cookie=f"screenpop_session={first}")
    assert (await old.get("/api/v1/session")).status_code == 401


async def test_only_hashes_of_sessions_and_tokens_are_in_the_database(site: Site) -> None:
    browser = await site.browser("ada@example.com")
    program = await site.program("ada@example.com")
    async with site.runtime.db.read() as session:
        kept = str(
            [
                *await session.execute(select(Session.token_hash)),
                *await session.execute(select(ApiToken.token_hash, ApiToken.id)),
            ]
        )
    assert browser.cookies["screenpop_session"] not in kept
    assert program.headers["authorization"].split()[1] not in kept


async def test_a_session_ends_when_idle_and_at_last_in_any_case(site: Site) -> None:
    idle = await site.browser("ada@example.com")
    used = await site.browser("ada@example.com")
    site.clock.move(hours=11)
    assert (await used.get("/api/v1/session")).status_code == 200
    site.clock.move(hours=1)
    assert (await idle.get("/api/v1/session")).status_code == 401
    for _ in range(14):
        assert (await used.get("/api/v1/session")).status_code == 200
        site.clock.move(hours=11)
    site.clock.move(hours=2)
    assert (await used.get("/api/v1/session")).status_code == 401


async def test_the_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites(
    site: Site, secure_site: Site
) -> None:
    answer = await log_in(site.client(), "ada@example.com", PASSWORD)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("screenpop_session=")
    assert cookie.endswith("Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
    answer = await log_in(secure_site.client(), "ada@example.com", PASSWORD)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-screenpop_session=")
    assert cookie.endswith("Path=/; HttpOnly; SameSite=Lax; Secure")


async def test_with_https_a_cookie_that_a_sibling_host_could_set_does_not_count(
    secure_site: Site,
) -> None:
    browser = await secure_site.browser("ada@example.com")
    token = browser.cookies["__Host-screenpop_session"]
    assert (await browser.get("/api/v1/session")).status_code == 200
    tossed = secure_site.client(cookie=f"screenpop_session={token}")
    assert (await tossed.get("/api/v1/session")).status_code == 401


async def test_an_old_hash_is_renewed_at_the_next_log_in(site: Site) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with site.runtime.db.begin() as session:
        ada = await accounts.user_by_email(session, "ada@example.com")
        assert ada is not None
        ada.password_hash = weak
    await site.browser("ada@example.com")
    async with site.runtime.db.read() as session:
        hashed = await session.scalar(
            select(User.password_hash).where(User.email == "ada@example.com")
        )
    assert hashed is not None
    assert "m=19456,t=2,p=1" in hashed


async def test_who_guesses_must_wait_and_the_person_elsewhere_need_not(site: Site) -> None:
    guesser = site.client("203.0.113.7")
    for _ in range(5):
        assert (await log_in(guesser, "ada@example.com", "wrong one")).status_code == 401
    refused = await log_in(guesser, "ada@example.com", PASSWORD)
    assert problem(refused) == (429, "too_many_tries")
    assert int(refused.headers["retry-after"]) == 30
    assert (await log_in(site.client(), "ada@example.com", PASSWORD)).status_code == 200
    site.clock.move(seconds=30)
    assert (await log_in(guesser, "ada@example.com", PASSWORD)).status_code == 200


async def test_ones_own_password_is_changed_with_the_old_one_and_ends_other_sessions(
    site: Site,
) -> None:
    here, there = await site.browser("ada@example.com"), await site.browser("ada@example.com")
    change = {"current_password": "not it", "new_password": "eight pumps in a row"}
    assert problem(await here.put("/api/v1/session/password", json=change))[0] == 401
    change["current_password"] = PASSWORD
    weak = await here.put("/api/v1/session/password", json={**change, "new_password": "Password1"})
    assert weak.json()["errors"][0]["pointer"] == "/new_password"
    answer = await here.put("/api/v1/session/password", json=change)
    assert answer.status_code == 204
    assert (await here.get("/api/v1/session")).status_code == 200
    assert (await there.get("/api/v1/session")).status_code == 401
    assert (await log_in(site.client(), "ada@example.com", PASSWORD)).status_code == 401
    await site.browser("ada@example.com", "eight pumps in a row")


async def test_one_sees_ones_sessions_and_can_end_the_others(site: Site) -> None:
    here, there = await site.browser("ada@example.com"), await site.browser("ada@example.com")
    await site.browser("zoe@example.com")
    items = (await here.get("/api/v1/sessions")).json()["items"]
    assert sorted(item["current"] for item in items) == [False, True]
    assert (await here.delete("/api/v1/sessions")).status_code == 204
    assert (await here.get("/api/v1/session")).status_code == 200
    assert (await there.get("/api/v1/session")).status_code == 401


async def test_a_bearer_token_lets_a_program_in_and_a_cookie_beside_it_does_not_count(
    either_site: Site,
) -> None:
    program = await either_site.program("ada@example.com")
    assert (await program.get("/api/v1/session")).json()["user"]["name"] == "Ada"
    browser = await either_site.browser("zoe@example.com")
    for wrong in ("Bearer spt_wrong", "Bearer ", "Basic YTpi", "Bearer " + "x" * 5000):
        answer = await browser.get("/api/v1/session", headers={"authorization": wrong})
        assert problem(answer) == (401, "not_logged_in")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_sockets_learn_at_once_who_is_still_logged_in(either_site: Site) -> None:
    runtime, now = either_site.runtime, either_site.clock()
    ada_id = await either_site.user_id("ada@example.com")
    async with runtime.db.begin() as session:
        token = logins.token_hash(await logins.start_session(session, ada_id, now))
        row, text = await logins.create_token(session, ada_id, None, None, now)
    by_token = await authenticate({"authorization": f"Bearer {text}"}, runtime)
    assert by_token is not None
    by_session = replace(by_token, via="session", login=token)
    both = {each.login: each for each in (by_token, by_session)}
    assert set(await still_valid(both, runtime)) == set(both)
    async with runtime.db.begin() as session:
        await logins.revoke_token(session, row.id, now)
    assert set(await still_valid(both, runtime)) == {token}
    async with runtime.db.begin() as session:
        await accounts.update_user(
            session, await accounts.get_user(session, ada_id), {"disabled": True}
        )
    assert await still_valid(both, runtime) == {}


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"origin": "http://pop.test"}, True),
        ({"origin": "https://pop.test"}, True),  # a proxy in front speaks TLS
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://pop.test", "sec-fetch-site": "same-origin"}, True),
        ({}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://pop.test.evil.example"}, False),
        ({"origin": "http://pop.test:8080"}, False),
        ({"sec-fetch-site": "same-site", "origin": "http://www.pop.test"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://evil.example"}, False),
    ],
)
async def test_a_change_by_cookie_must_come_from_our_own_pages(
    site: Site, headers: dict[str, str], allowed: bool
) -> None:
    cookie = (await site.browser("ada@example.com")).cookies["screenpop_session"]
    client = site.client(cookie=f"screenpop_session={cookie}", **headers)
    answer = await client.delete("/api/v1/sessions")
    if allowed:
        assert answer.status_code == 204
    else:
        assert problem(answer) == (403, "cross_site")


async def test_a_form_of_another_site_cannot_log_somebody_in_or_change_anything(
    site: Site,
) -> None:
    evil = site.client(origin="http://evil.example")
    login = {"email": "ada@example.com", "password": PASSWORD}
    assert problem(await evil.post("/api/v1/session", json=login)) == (403, "cross_site")
    assert problem(await evil.post("/api/v1/session", data=login)) == (415, "not_json")
    browser = await site.browser("ada@example.com")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = await browser.put(
            "/api/v1/session/password", content=b"{}", headers={"content-type": kind}
        )
        assert problem(answer) == (415, "not_json")


async def test_reading_by_cookie_needs_no_origin(site: Site) -> None:
    cookie = (await site.browser("ada@example.com")).cookies["screenpop_session"]
    client = site.client(cookie=f"screenpop_session={cookie}")
    assert (await client.get("/api/v1/session")).status_code == 200


async def test_an_expired_token_no_longer_works(site: Site) -> None:
    ada = await site.user_id("ada@example.com")
    end = datetime(2026, 11, 22, 10, tzinfo=UTC)
    async with site.runtime.db.begin() as session:
        _, text = await logins.create_token(session, ada, "x", end, site.clock())
    program = site.client(authorization=f"bearer {text}")
    assert (await program.get("/api/v1/session")).status_code == 200
    site.clock.move(days=1)
    assert (await program.get("/api/v1/session")).status_code == 401


@pytest.mark.parametrize(
    ("origin", "host", "public_url", "allowed"),
    [
        ("https://pop.example.com", "10.0.0.1:8000", "https://pop.example.com", True),
        ("https://pop.example.com:443", "x", "https://pop.example.com/base", True),
        ("https://POP.example.com", "x", "https://pop.example.com", True),
        ("http://pop.example.com", "pop.example.com", "https://pop.example.com", False),
        ("http://10.0.0.1:8000", "10.0.0.1:8000", "https://pop.example.com", False),
        ("https://pop.example.com.evil.com", "x", "https://pop.example.com", False),
        ("https://evilpop.example.com", "x", "https://pop.example.com", False),
        ("http://localhost:8000", "localhost:8000", None, True),
        ("http://localhost", "localhost:80", None, True),
        ("http://localhost:8000", "localhost:8001", None, False),
        ("http://[::1]:8000", "[::1]:8000", None, True),
        ("null", "null", None, False),
        ("", "", None, False),
        (None, "localhost", None, False),
        ("http://localhost", None, None, False),
        ("file://localhost", "localhost", None, False),
        ("http://user@localhost", "localhost", None, False),
        ("http://localhost/path", "localhost", None, False),
        ("http://localhost:port", "localhost:port", None, False),
        ("http://[::1", "[::1", None, False),
    ],
)
def test_an_origin_is_ours_when_it_is_the_public_address_or_else_the_host(
    origin: str | None, host: str | None, public_url: str | None, allowed: bool
) -> None:
    assert allowed_origin(origin, host, public_url) is allowed


@given(st.text(), st.text())
def test_no_origin_breaks_the_check_or_passes_for_the_public_address(
    origin: str, host: str
) -> None:
    assert allowed_origin(origin, host, None) in (True, False)
    assert not allowed_origin(f"http://{origin}", host, "https://pop.example.com")
