"""OAuth 2 against a token endpoint on loopback: renewed once, kept before it is used."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from connectors.sdk.connector import ConnectorConfig
from connectors.sdk.grants import Grant, NoGrants, OAuthKind
from connectors.sdk.oauth import (
    ClientCredentials,
    CodeCredentials,
    TokenEndpoint,
    authorize_url,
    exchange_code,
    token_http,
)
from connectors.sdk.types import ErrorKind, SourceError
from tests.connectors.grants import MemoryGrants
from tests.connectors.web import Request, WebServer, reply, web_server
from tests.faults.world import Gate

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Config(ConnectorConfig):
    client_id: str = "app"
    client_secret: SecretStr = SecretStr("s:e c")


@dataclass
class Vendor:
    """A token endpoint whose refresh tokens are good for one use, and a clock."""

    web: WebServer
    now: datetime = NOW
    refresh_token: str = "r1"
    number: int = 1
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.web.answers["/token"] = self.give

    def give(self, request: Request) -> bytes:
        asked = request.form.get("refresh_token", self.refresh_token)
        if asked != self.refresh_token:
            return reply({"error": "invalid_grant", "error_description": "secret"}, 400)
        self.number += 1
        self.refresh_token = f"r{self.number}"
        given = {
            "access_token": f"a{self.number}",
            "refresh_token": self.refresh_token,
            "expires_in": 3600,
        }
        return reply({**given, **self.more})

    def kind(self, **more: Any) -> OAuthKind:
        token_url = self.web.url + "/token"
        return OAuthKind("https://vendor.example/authorize?v=2", token_url, ("read",), **more)

    def credentials(self, grants: MemoryGrants, **more: Any) -> CodeCredentials:
        kind = self.kind(**more)
        http = token_http(kind.token_url, allow_private_network=True)
        return CodeCredentials(http, kind, Config(), grants, name="books", now=lambda: self.now)

    def endpoint(self, **more: Any) -> TokenEndpoint:
        kind, config = self.kind(**more), Config()
        http = token_http(kind.token_url, allow_private_network=True)
        return TokenEndpoint(
            http, kind.token_url, config.client_id, config.client_secret, kind.token_auth
        )


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with web_server() as web:
        yield Vendor(web)


def given(ends_in: timedelta | None = HOUR) -> Grant:
    return Grant("a1", "r1", None if ends_in is None else NOW + ends_in, {"realmId": "7"})


async def bearer(credentials: Any) -> str:
    value: str = (await credentials.headers())["Authorization"]
    return value


async def refusal(credentials: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await credentials.headers()
    return caught.value


def test_the_vendors_page_is_asked_for_with_state_and_a_pkce_challenge() -> None:
    kind = OAuthKind(
        "https://vendor.example/authorize?v=2", "https://vendor.example/token",
        ("read", "offline"), {"prompt": "consent"},
    )  # fmt: skip
    url = authorize_url(kind, "app", "https://pop.example/cb?x", "st/ate", "verifier")
    query = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
    digest = hashlib.sha256(b"verifier").digest()
    assert query == {
        "v": "2",
        "prompt": "consent",
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": "https://pop.example/cb?x",
        "state": "st/ate",
        "scope": "read offline",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


async def test_a_code_becomes_a_grant_with_what_the_callback_and_the_answer_said(
    vendor: Vendor,
) -> None:
    vendor.more = {"instance_url": "https://eu1.vendor.example", "scope": "read"}
    kind = vendor.kind(uses_callback=("realmId",), keeps=("instance_url", "tenant"))
    endpoint = vendor.endpoint()
    callback = {"code": "c-1", "realmId": "99", "other": "x"}
    grant = await exchange_code(endpoint, kind, callback, "https://p.example/cb", "verifier", NOW)
    await endpoint.http.aclose()
    assert grant == Grant(
        "a2", "r2", NOW + HOUR, {"realmId": "99", "instance_url": "https://eu1.vendor.example"}
    )
    (request,) = vendor.web.requests
    assert request.form == {
        "grant_type": "authorization_code",
        "code": "c-1",
        "redirect_uri": "https://p.example/cb",
        "code_verifier": "verifier",
    }
    basic = base64.b64decode(request.headers["authorization"].removeprefix("Basic "))
    assert basic == b"app:s%3Ae+c"


async def test_the_secret_may_go_in_the_form(vendor: Vendor) -> None:
    endpoint = vendor.endpoint(token_auth="post")
    await endpoint.ask({"grant_type": "x"})
    await endpoint.http.aclose()
    (request,) = vendor.web.requests
    assert "authorization" not in request.headers
    assert request.form["client_secret"] == "s:e c"


async def test_a_token_that_holds_is_used_and_nobody_asked(vendor: Vendor) -> None:
    credentials = vendor.credentials(MemoryGrants(given()))
    assert await bearer(credentials) == "Bearer a1"
    assert (await credentials.grant()).extra["realmId"] == "7"
    await credentials.aclose()
    assert vendor.web.requests == []


async def test_a_token_that_is_over_is_renewed_and_what_is_not_said_anew_stays(
    vendor: Vendor,
) -> None:
    grants = MemoryGrants(given(-HOUR))
    credentials = vendor.credentials(grants)
    assert await bearer(credentials) == "Bearer a2"
    await credentials.aclose()
    assert grants.written == [Grant("a2", "r2", NOW + HOUR, {"realmId": "7"})]
    assert vendor.web.requests[0].form == {"grant_type": "refresh_token", "refresh_token": "r1"}


async def test_all_who_need_a_new_token_at_once_make_one_request(vendor: Vendor) -> None:
    credentials = vendor.credentials(MemoryGrants(given(-HOUR)))
    assert set(await asyncio.gather(*(bearer(credentials) for _ in range(20)))) == {"Bearer a2"}
    await credentials.aclose()
    assert len(vendor.web.requests) == 1


async def test_two_processes_that_need_a_new_token_at_once_make_one_request(
    vendor: Vendor,
) -> None:
    grants = MemoryGrants(given(-HOUR))
    one, two = vendor.credentials(grants), vendor.credentials(grants)
    assert set(await asyncio.gather(bearer(one), bearer(two))) == {"Bearer a2"}
    await one.aclose()
    await two.aclose()
    assert len(vendor.web.requests) == 1


async def test_a_refused_token_is_renewed_once_whoever_says_so(vendor: Vendor) -> None:
    credentials = vendor.credentials(MemoryGrants(given()))
    used = await credentials.headers()
    assert await asyncio.gather(*(credentials.renew(used) for _ in range(5))) == [True] * 5
    assert await credentials.renew(used)
    assert await bearer(credentials) == "Bearer a2"
    await credentials.aclose()
    assert len(vendor.web.requests) == 1


async def test_shortly_before_its_end_a_token_is_renewed_beside_its_use(vendor: Vendor) -> None:
    grants = MemoryGrants(given())
    credentials = vendor.credentials(grants)
    await bearer(credentials)
    vendor.now += HOUR - timedelta(seconds=90)
    assert await bearer(credentials) == "Bearer a1"
    while not grants.written:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    assert await bearer(credentials) == "Bearer a2"
    await credentials.aclose()


async def test_the_new_refresh_token_is_kept_before_the_access_token_is_used(
    vendor: Vendor,
) -> None:
    class Failing(MemoryGrants):
        async def write(self, grant: Grant) -> None:
            raise OSError("disk full")

    credentials = vendor.credentials(Failing(given(-HOUR)))
    with pytest.raises(OSError, match="disk full"):
        await credentials.headers()
    await credentials.aclose()


async def test_a_caller_who_gives_up_does_not_lose_the_grant_on_its_way(vendor: Vendor) -> None:
    gate = Gate(vendor.give(Request("/token", {}, "POST", b"refresh_token=r1")))
    vendor.web.answers["/token"] = gate.handler()
    grants = MemoryGrants(given(-HOUR))
    credentials = vendor.credentials(grants)
    caller = asyncio.create_task(bearer(credentials))
    await gate.asked.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    gate.opened.set()
    assert await bearer(credentials) == "Bearer a2"
    await credentials.aclose()
    assert [grant.refresh_token for grant in grants.written] == ["r2"]
    assert len(vendor.web.requests) == 1


async def test_closing_waits_for_a_renewal_under_way(vendor: Vendor) -> None:
    gate = Gate(vendor.give(Request("/token", {}, "POST", b"refresh_token=r1")))
    vendor.web.answers["/token"] = gate.handler()
    grants = MemoryGrants(given(-HOUR))
    credentials = vendor.credentials(grants)
    caller = asyncio.create_task(bearer(credentials))
    await gate.asked.wait()
    closing = asyncio.create_task(credentials.aclose())
    gate.opened.set()
    await asyncio.gather(caller, closing)
    assert len(grants.written) == 1


async def test_a_process_that_dies_before_the_answer_leaves_the_grant_as_it_was(
    vendor: Vendor,
) -> None:
    gate = Gate(reply({}))
    vendor.web.answers["/token"] = gate.handler()
    grants = MemoryGrants(given(-HOUR))
    dying = vendor.credentials(grants)
    before = asyncio.all_tasks()
    caller = asyncio.create_task(bearer(dying))
    await gate.asked.wait()
    for task in asyncio.all_tasks() - before:
        if "Tokens" in str(task.get_coro()) or "Credentials" in str(task.get_coro()):
            task.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert grants.grant == given(-HOUR)
    vendor.web.answers["/token"] = vendor.give
    next_one = vendor.credentials(grants)
    assert await bearer(next_one) == "Bearer a2"
    await next_one.aclose()
    await dying.aclose()


async def test_a_withdrawn_grant_is_not_asked_for_again_until_somebody_connects(
    vendor: Vendor,
) -> None:
    vendor.refresh_token = "another"
    grants = MemoryGrants(given(-HOUR))
    credentials = vendor.credentials(grants)
    for _ in range(3):
        error = await refusal(credentials)
        assert error.kind is ErrorKind.AUTH_EXPIRED
        assert error.text.endswith("connect books again")
        assert "secret" not in error.text
    assert len(vendor.web.requests) == 1
    assert grants.grant is not None
    assert grants.grant.refused_at == NOW
    grants.grant = Grant("b1", "another", NOW + HOUR)
    assert await bearer(credentials) == "Bearer b1"
    await credentials.aclose()


async def test_before_anybody_connected_it_says_so(vendor: Vendor) -> None:
    credentials = vendor.credentials(MemoryGrants())
    error = await refusal(credentials)
    await credentials.aclose()
    assert (error.kind, error.text) == (
        ErrorKind.AUTH_EXPIRED,
        "nobody has connected books yet: connect it",
    )


async def test_a_vendor_that_is_down_does_not_cost_the_grant(vendor: Vendor) -> None:
    vendor.web.answers["/token"] = reply(b"<html>", 502, "text/html")
    grants = MemoryGrants(given(-HOUR))
    credentials = vendor.credentials(grants)
    assert (await refusal(credentials)).kind is ErrorKind.UNAVAILABLE
    assert grants.written == []
    vendor.web.answers["/token"] = vendor.give
    assert await bearer(credentials) == "Bearer a2"
    await credentials.aclose()


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (reply({"error": "invalid_client"}, 401), ErrorKind.AUTH_DENIED, "client id and secret"),
        (reply({"error": "invalid_client_secret"}), ErrorKind.AUTH_DENIED, "client id and secret"),
        (reply({"error": "invalid_scope"}, 400), ErrorKind.AUTH_DENIED, "scope"),
        (reply({"error": ["odd"]}, 400), ErrorKind.BAD_CONFIG, "HTTP 400"),
        (reply({"token": "x"}), ErrorKind.BAD_DATA, "no access token"),
        (reply({"access_token": "a\r\nx: y"}), ErrorKind.BAD_DATA, "no access token"),
        (reply({"access_token": 7}), ErrorKind.BAD_DATA, "no access token"),
        (reply([]), ErrorKind.BAD_DATA, "no access token"),
        (reply({}, 302, location="http://x.example"), ErrorKind.BAD_CONFIG, "redirects"),
    ],
)
async def test_what_a_token_endpoint_refuses_is_said_in_plain_words(
    vendor: Vendor, answer: bytes, kind: ErrorKind, said: str
) -> None:
    vendor.web.answers["/token"] = answer
    credentials = vendor.credentials(MemoryGrants(given(-HOUR)))
    error = await refusal(credentials)
    await credentials.aclose()
    assert error.kind is kind
    assert said in error.text


async def test_an_applications_own_account_gets_a_token_and_keeps_it_while_it_holds(
    vendor: Vendor,
) -> None:
    token_url = vendor.web.url + "/token?api-version=1"
    credentials = ClientCredentials(
        token_http(token_url, allow_private_network=True), token_url, "app", SecretStr("s"),
        "all", extra={"audience": "x"}, now=lambda: vendor.now,
    )  # fmt: skip
    assert [await bearer(credentials) for _ in range(3)] == ["Bearer a2"] * 3
    assert vendor.web.requests[0].form == {
        "grant_type": "client_credentials", "scope": "all", "audience": "x",
    }  # fmt: skip
    assert vendor.web.requests[0].query == {"api-version": "1"}
    vendor.now += HOUR
    assert await bearer(credentials) == "Bearer a3"
    await credentials.renew(await credentials.headers())
    assert await bearer(credentials) == "Bearer a4"
    await credentials.aclose()


async def test_a_token_endpoint_that_does_not_say_for_how_long_is_believed_until_refused(
    vendor: Vendor,
) -> None:
    vendor.more = {"expires_in": None}
    grants = MemoryGrants(given(None))
    credentials = vendor.credentials(grants)
    vendor.now += 100 * HOUR
    assert await bearer(credentials) == "Bearer a1"
    await credentials.aclose()


async def test_without_a_host_no_grant_can_be_kept() -> None:
    grants = NoGrants()
    assert await grants.read() is None
    with pytest.raises(RuntimeError):
        await grants.write(given())


def test_tokens_are_not_in_what_a_grant_prints() -> None:
    assert "a1" not in repr(given())
    assert "r1" not in repr(given())
