"""Connecting a connector by OAuth, from the button to the data and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.store.source_models import OAuthGrant, OAuthRequest
from connectors import registry
from connectors.sdk.types import CustomerRef, ErrorKind, Found, SourceError
from tests.api.acme import Vendor, install, query_of
from tests.api.conftest import Site
from tests.api.test_session import problem
from tests.connectors.web import web_server

URL = "/api/v1/connectors/books"
AUTHORISATION = f"{URL}/authorisation"
CALLBACK = "/api/v1/oauth/callback"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    install(folder)
    monkeypatch.syspath_prepend(folder)
    registry._registry.cache_clear()
    yield
    monkeypatch.undo()
    registry._registry.cache_clear()


@pytest.fixture
async def vendor(acme: None) -> AsyncIterator[Vendor]:
    async with web_server() as web:
        yield Vendor(web)


@pytest.fixture
async def admin(site: Site, vendor: Vendor) -> httpx.AsyncClient:
    """An administrator who has configured the connector `books`."""
    browser = await site.browser("zoe@example.com")
    settings = {"base_url": vendor.web.url, "client_id": "app", "client_secret": "canary"}
    answer = await browser.put(URL, json={"kind": "acme", "settings": settings})
    assert answer.status_code == 200, answer.text
    return browser


async def begin(browser: httpx.AsyncClient) -> dict[str, Any]:
    answer = await browser.post(AUTHORISATION, json={})
    assert answer.status_code == 200, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


async def connect(browser: httpx.AsyncClient, **query: str) -> httpx.Response:
    """Do what the vendor's page does when its user says yes."""
    begun = await begin(browser)
    said = {"code": "good", "realm": "7", **query}
    state = query_of(begun["authorize_url"])["state"]
    return await browser.get(CALLBACK, params={"state": state, **said})


async def balance(site: Site) -> str:
    instance = site.runtime.sources.get("books")
    assert instance is not None
    assert instance.connector is not None
    found = await instance.connector.fetch("balance", CustomerRef("1"))
    assert isinstance(found, Found)
    return str(found.facts.balance)  # type: ignore[union-attr]


async def test_a_connector_is_connected_and_reads(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    shown = (await admin.get(AUTHORISATION)).json()
    assert (shown["state"], shown["connected_at"]) == ("missing", None)
    assert shown["redirect_uri"].endswith(CALLBACK)
    begun = await begin(admin)
    asked = query_of(begun["authorize_url"])
    assert begun["authorize_url"].startswith(vendor.web.url + "/authorize?")
    assert (asked["client_id"], asked["code_challenge_method"]) == ("app", "S256")
    assert asked["redirect_uri"] == begun["redirect_uri"] == shown["redirect_uri"]
    answer = await admin.get(
        CALLBACK, params={"state": asked["state"], "code": "good", "realm": "7"}
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "/admin/sources/books?authorisation=connected"
    assert await balance(site) == "786.00"
    shown = (await admin.get(AUTHORISATION)).json()
    assert shown["state"] == "connected"
    assert shown["connected_at"] == "2026-11-21T10:00:00Z"
    assert shown["expires_at"] == "2026-11-21T11:00:00Z"
    listed = (await admin.get(URL)).json()
    assert listed["authorisation"]["state"] == "connected"
    assert (await admin.post(f"{URL}/check", json={})).json()["status"] == "ok"


async def test_tokens_are_nowhere_in_the_open(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    await connect(admin)
    async with site.runtime.db.read() as session:
        grant = await session.get(OAuthGrant, "books")
    assert grant is not None
    assert b"access_token" not in grant.sealed
    opened = site.runtime.secrets.open(grant.sealed)
    assert opened == {"access_token": "a1", "refresh_token": "r1", "extra": {"realm": "7"}}
    for answer in (await admin.get(AUTHORISATION), await admin.get(URL)):
        assert '"a1"' not in answer.text
        assert "canary" not in answer.text


async def test_a_state_is_good_for_one_callback(admin: httpx.AsyncClient, vendor: Vendor) -> None:
    state = query_of((await begin(admin))["authorize_url"])["state"]
    query = {"state": state, "code": "good"}
    assert (await admin.get(CALLBACK, params=query)).status_code == 303
    assert problem(await admin.get(CALLBACK, params=query)) == (400, "unknown_state")


@pytest.mark.parametrize("state", [None, "", "guessed", "x" * 9_000])
async def test_a_callback_that_nobody_began_is_refused(
    admin: httpx.AsyncClient, vendor: Vendor, state: str | None
) -> None:
    query = {"code": "good"} if state is None else {"code": "good", "state": state}
    assert problem(await admin.get(CALLBACK, params=query)) == (400, "unknown_state")
    assert vendor.web.requests == []


async def test_what_one_administrator_began_another_session_cannot_finish(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    state = query_of((await begin(admin))["authorize_url"])["state"]
    other = await site.browser("zoe@example.com")
    answer = await other.get(CALLBACK, params={"state": state, "code": "good"})
    assert problem(answer) == (400, "unknown_state")
    assert vendor.web.requests == []


async def test_what_a_program_began_its_users_browser_finishes(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    program = await site.program("zoe@example.com")
    state = query_of((await begin(program))["authorize_url"])["state"]
    answer = await admin.get(CALLBACK, params={"state": state, "code": "good"})
    assert answer.headers["location"].endswith("authorisation=connected")


async def test_after_a_quarter_of_an_hour_it_is_too_late(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    state = query_of((await begin(admin))["authorize_url"])["state"]
    site.clock.move(minutes=15)
    answer = await admin.get(CALLBACK, params={"state": state, "code": "good"})
    assert problem(answer) == (400, "unknown_state")
    await begin(admin)
    async with site.runtime.db.read() as session:
        assert len((await session.scalars(OAuthRequest.__table__.select())).all()) == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"code": "bad"}, "auth_expired"),
        ({"code": "", "error": "access_denied"}, "auth_expired"),
    ],
)
async def test_a_code_that_the_vendor_refuses_connects_nothing(
    admin: httpx.AsyncClient, vendor: Vendor, query: dict[str, str], said: str
) -> None:
    answer = await connect(admin, **query)
    assert answer.headers["location"].endswith(f"authorisation={said}")
    assert (await admin.get(AUTHORISATION)).json()["state"] == "missing"


async def test_a_person_who_says_no_is_brought_back(
    admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    state = query_of((await begin(admin))["authorize_url"])["state"]
    answer = await admin.get(CALLBACK, params={"state": state, "error": "access_denied"})
    assert answer.headers["location"] == "/admin/sources/books?authorisation=denied"
    assert vendor.web.requests == []


async def test_a_withdrawn_authorisation_says_since_when_and_is_given_again(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    await connect(admin)
    vendor.withdraw()
    site.clock.move(hours=2)
    with pytest.raises(SourceError) as caught:
        await balance(site)
    assert caught.value.kind is ErrorKind.AUTH_EXPIRED
    assert caught.value.text.endswith("connect books again")
    shown = (await admin.get(f"{URL}/health")).json()["authorisation"]
    assert (shown["state"], shown["refused_at"]) == ("auth_expired", "2026-11-21T12:00:00Z")
    assert "connect books again" in shown["text"]
    await connect(admin)
    assert await balance(site) == "786.00"
    assert (await admin.get(AUTHORISATION)).json()["state"] == "connected"


async def test_disconnecting_ends_the_use_of_the_grant_at_once(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    await connect(admin)
    await balance(site)
    assert (await admin.delete(AUTHORISATION)).status_code == 204
    with pytest.raises(SourceError, match="nobody has connected books yet"):
        await balance(site)
    assert problem(await admin.delete(AUTHORISATION)) == (404, "not_connected")


async def test_a_connector_that_is_removed_takes_its_grant_with_it(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    await connect(admin)
    assert (await admin.delete(URL)).status_code == 204
    async with site.runtime.db.read() as session:
        assert await session.get(OAuthGrant, "books") is None


async def test_a_connector_that_needs_no_authorisation_says_so(
    site: Site, admin: httpx.AsyncClient, vendor: Vendor
) -> None:
    settings = {"base_url": vendor.web.url, "key": "k"}
    await admin.put(URL, json={"kind": "acme", "settings": settings})
    for answer in (await admin.get(AUTHORISATION), await admin.post(AUTHORISATION, json={})):
        assert problem(answer) == (409, "no_authorisation_needed")
    assert (await admin.get(URL)).json()["authorisation"] is None
    answer = await admin.get("/api/v1/connectors/none/authorisation")
    assert problem(answer) == (404, "connector_not_found")


async def test_the_public_address_is_the_one_to_come_back_to(
    secure_site: Site, vendor: Vendor
) -> None:
    admin = await secure_site.program("zoe@example.com")
    settings = {"base_url": vendor.web.url, "client_id": "app", "client_secret": "s"}
    await admin.put(URL, json={"kind": "acme", "settings": settings})
    begun = await begin(admin)
    assert begun["redirect_uri"] == f"https://pop.example.com{CALLBACK}"
