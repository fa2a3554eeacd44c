"""How the rest connector signs in: OAuth client credentials, and a session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.rest import RestConnector
from connectors.sdk.types import CheckStatus, ErrorKind, Found, SourceError
from tests.connectors.test_rest import KESTREL, TERMS, connector
from tests.connectors.web import Request, WebServer, reply, web_server

SECRET = "s3cret-w0rd"
PATH = "/customers/7/terms"


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    async with web_server() as server:
        yield server


async def terms(source: RestConnector) -> None:
    assert isinstance(await source.fetch("credit_terms", KESTREL), Found)


async def failure(source: RestConnector) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.fetch("credit_terms", KESTREL)
    assert SECRET not in caught.value.text
    return caught.value


def only(header: str, value: str) -> Any:
    def answer(request: Request) -> bytes:
        return reply(TERMS) if request.headers.get(header) == value else reply({}, 401)

    return answer


def asked(web: WebServer, path: str) -> int:
    return sum(request.path == path for request in web.requests)


def client_auth(web: WebServer, **more: Any) -> dict[str, Any]:
    return {
        "kind": "oauth_client",
        "token_url": f"{web.url}/token",
        "client_id": "screenpop",
        "client_secret": SECRET,
        **more,
    }


async def test_client_credentials_get_one_token_for_many_requests(web: WebServer) -> None:
    web.answers["/token"] = reply({"access_token": "T1", "expires_in": 3600})
    web.answers[PATH] = only("authorization", "Bearer T1")
    auth = client_auth(web, scope="read", token_auth="post", extra={"audience": "api"})
    source = connector(web.url, auth=auth)
    await terms(source)
    await terms(source)
    await source.aclose()
    assert asked(web, "/token") == 1
    assert web.requests[0].form == {
        "grant_type": "client_credentials",
        "audience": "api",
        "scope": "read",
        "client_id": "screenpop",
        "client_secret": SECRET,
    }


async def test_a_token_may_stand_after_another_word_than_bearer(web: WebServer) -> None:
    tokens = iter(["T1", "T2"])
    web.answers["/token"] = lambda _: reply({"access_token": next(tokens), "expires_in": 3600})
    web.answers[PATH] = only("authorization", "Token T2")
    source = connector(web.url, auth=client_auth(web, token_prefix="Token"))
    # T1 is refused, and renewed once.
    await terms(source)
    await source.aclose()
    assert asked(web, "/token") == 2


async def test_a_client_that_the_service_does_not_know_is_told(web: WebServer) -> None:
    web.answers["/token"] = reply({"error": "invalid_client"}, 401)
    source = connector(web.url, auth=client_auth(web))
    error = await failure(source)
    await source.aclose()
    assert error.kind is ErrorKind.AUTH_DENIED
    assert "client id and secret" in error.text


def session_auth(**more: Any) -> dict[str, Any]:
    return {"kind": "session", "path": "/login", "username": "ada", "password": SECRET, **more}


async def test_a_session_sends_every_cookie_of_the_login(web: WebServer) -> None:
    cookies = (
        "B1SESSION=abc; HttpOnly; Path=/, ROUTEID=.node1; expires=Wed, 09 Jun 2027 10:18:14 GMT"
    )
    web.answers["/login"] = reply({}, set_cookie=cookies)
    web.answers[PATH] = only("cookie", "B1SESSION=abc; ROUTEID=.node1")
    fields = {"CompanyDB": "SBODEMO"}
    auth = session_auth(username_field="UserName", password_field="Password", fields=fields)
    source = connector(web.url, auth=auth)
    await terms(source)
    await source.aclose()
    assert web.requests[0].json == {"CompanyDB": "SBODEMO", "UserName": "ada", "Password": SECRET}


async def test_a_session_that_has_ended_is_opened_again(web: WebServer) -> None:
    tokens = iter(["S1", "S2"])
    web.answers["/login"] = lambda _: reply({"data": {"token": next(tokens)}})
    web.answers[PATH] = only("x-session", "S1")
    auth = session_auth(token="data.token", header="X-Session", token_prefix="", send_as="form")
    source = connector(web.url, auth=auth)
    await terms(source)
    web.answers[PATH] = only("x-session", "S2")
    await terms(source)
    await source.aclose()
    assert asked(web, "/login") == 2
    assert web.requests[0].form == {"username": "ada", "password": SECRET}


async def test_a_wrong_password_is_not_tried_again_at_once(web: WebServer) -> None:
    web.answers["/login"] = reply({"error": "no"}, 401)
    source = connector(web.url, auth=session_auth())
    for _ in range(3):
        error = await failure(source)
        assert "the login refuses the user name or password" in error.text
    result = await source.check()
    await source.aclose()
    assert result.status is CheckStatus.INVALID_AUTH
    # Services lock accounts that are guessed at.
    assert asked(web, "/login") == 1


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ({"token": "data.token"}, "`data.token` (token) is not in the login's answer"),
        ({}, "the login gave no cookie"),
    ],
)
async def test_a_login_that_answers_otherwise_is_told(
    web: WebServer, auth: dict[str, Any], said: str
) -> None:
    web.answers["/login"] = reply({"data": {}})
    source = connector(web.url, auth=session_auth(**auth))
    error = await failure(source)
    await source.aclose()
    assert said in error.text
