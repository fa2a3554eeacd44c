"""Asking a web service: signed in, tried again where it helps, and refused in plain words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from connectors.sdk.answers import Answer
from connectors.sdk.auth import StaticCredentials
from connectors.sdk.budget import Budget, RateHeaders, patience
from connectors.sdk.http import HttpClient
from connectors.sdk.service import Document, Service
from connectors.sdk.types import ErrorKind, SourceError
from tests.connectors.web import Request, WebServer, reply, web_server


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    async with web_server() as server:
        yield server


class Renewable:
    """Credentials that know `left` more tokens."""

    def __init__(self, left: int = 0) -> None:
        self.number = 1
        self.left = left

    async def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.number}"}

    async def renew(self, used: Mapping[str, str]) -> bool:
        assert used == {"authorization": f"Bearer {self.number}"}
        if not self.left:
            return False
        self.left -= 1
        self.number += 1
        return True

    async def aclose(self) -> None:
        return


def service(web: WebServer, credentials: Any = None, **more: Any) -> Service:
    http = HttpClient(web.url + "/v1", allow_private_network=True, timeout_s=0.5)
    return Service(http, credentials or StaticCredentials({"x-key": "k"}), **more)


def in_turn(*answers: bytes) -> Callable[[Request], bytes]:
    """Answer so, one after the other; the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


async def get(asked: Service, path: str = "x") -> Document:
    try:
        return await asked.get(path)
    finally:
        await asked.aclose()


async def refusal(asked: Service, path: str = "x") -> SourceError:
    with pytest.raises(SourceError) as caught:
        await get(asked, path)
    return caught.value


async def test_an_answer_is_read_with_exact_numbers_and_the_credentials(web: WebServer) -> None:
    web.answers["/v1/x"] = reply({"total": 0.1}, x_page="2")
    asked = service(web, headers={"x-tenant": "t"})
    document = await get(asked)
    assert document.data == {"total": Decimal("0.1")}
    assert (document.status, document.headers["x-page"]) == (200, "2")
    sent = web.requests[0].headers
    assert (sent["x-key"], sent["x-tenant"]) == ("k", "t")


async def test_a_search_is_posted_as_json_or_as_a_form(web: WebServer) -> None:
    web.answers["/v1/search"] = reply({"found": []})
    asked = service(web)
    await asked.post("search", json={"amount": Decimal("1.10"), "q": "ü"}, params={"v": "1"})
    await asked.post("search", form={"q": "a b&c"})
    await asked.aclose()
    as_json, as_form = web.requests
    assert (as_json.method, as_json.json, as_json.query) == (
        "POST", {"amount": "1.10", "q": "ü"}, {"v": "1"},
    )  # fmt: skip
    assert as_json.headers["content-type"] == "application/json"
    assert as_form.form == {"q": "a b&c"}
    assert as_form.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_link_is_followed_with_the_credentials(web: WebServer) -> None:
    web.answers |= {"/v1/x": reply({"next": "/v1/y?page=2"}), "/v1/y": reply({})}
    asked = service(web)
    first = await asked.get("x")
    await asked.follow(first, first.data["next"])
    await asked.aclose()
    assert web.requests[1].target == "/v1/y?page=2"
    assert web.requests[1].headers["x-key"] == "k"


async def test_a_fault_of_the_source_is_asked_once_more(web: WebServer) -> None:
    web.answers["/v1/x"] = in_turn(reply({}, 503), reply({"a": 1}))
    assert (await get(service(web))).data == {"a": 1}
    assert len(web.requests) == 2


async def test_a_connection_that_breaks_off_is_asked_once_more(web: WebServer) -> None:
    seen: list[Request] = []

    async def breaks_once(request: Request, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-le" if len(seen) == 1 else reply({"a": 1}))
        if len(seen) == 1:
            writer.close()

    web.answers["/v1/x"] = breaks_once
    assert (await get(service(web))).data == {"a": 1}


async def test_it_is_not_asked_a_third_time(web: WebServer) -> None:
    web.answers["/v1/x"] = reply({}, 500)
    error = await refusal(service(web))
    assert error.kind is ErrorKind.UNAVAILABLE
    assert len(web.requests) == 2


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_what_would_be_refused_again_is_not_asked_again(web: WebServer, status: int) -> None:
    web.answers["/v1/x"] = reply({}, status)
    await refusal(service(web))
    assert len(web.requests) == 1


async def test_a_source_that_did_not_answer_in_time_is_not_asked_again(web: WebServer) -> None:
    async def silent(_: Request, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    web.answers["/v1/x"] = silent
    assert (await refusal(service(web))).kind is ErrorKind.UNAVAILABLE
    assert len(web.requests) == 1


async def test_a_short_retry_after_is_waited_for(web: WebServer) -> None:
    began = time.monotonic()
    web.answers["/v1/x"] = in_turn(reply({}, 429, retry_after="1"), reply({"a": 1}))
    assert (await get(service(web))).data == {"a": 1}
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("said", [{"retry_after": "60"}, {}], ids=["long", "unknown"])
async def test_a_caller_does_not_wait_for_a_long_retry_after(
    web: WebServer, said: dict[str, str]
) -> None:
    web.answers["/v1/x"] = reply({}, 429, **said)
    error = await refusal(service(web))
    assert error.kind is ErrorKind.RATE_LIMITED
    assert error.retry_after_s == (60 if said else None)
    assert len(web.requests) == 1


async def test_in_the_background_it_is_tried_until_it_works(web: WebServer) -> None:
    web.answers["/v1/x"] = in_turn(
        reply({}, 429, retry_after="0"), reply({}, 503, retry_after="0"), reply({"a": 1})
    )
    with patience(60):
        assert (await get(service(web))).data == {"a": 1}
    assert len(web.requests) == 3


async def test_a_refused_request_uses_up_the_budget_for_as_long_as_the_source_says(
    web: WebServer,
) -> None:
    web.answers["/v1/x"] = reply({}, 429, retry_after="60")
    budget = Budget()
    asked = service(web, budget=budget)
    await refusal(asked)
    assert budget.left == 0
    error = await refusal(asked)
    assert error.kind is ErrorKind.RATE_LIMITED
    assert len(web.requests) == 1


async def test_the_budget_hears_what_the_answers_say(web: WebServer) -> None:
    web.answers["/v1/x"] = reply({}, x_left="7")
    budget = Budget(rate_headers=[RateHeaders("x-left")])
    await get(service(web, budget=budget))
    assert budget.left == 7


async def test_credentials_that_are_refused_are_renewed_once(web: WebServer) -> None:
    def only_the_second(request: Request) -> bytes:
        return reply({}, 200 if request.headers["authorization"] == "Bearer 2" else 401)

    web.answers["/v1/x"] = only_the_second
    assert (await get(service(web, Renewable(5)))).status == 200
    web.answers["/v1/x"] = reply({}, 401)
    web.requests.clear()
    error = await refusal(service(web, Renewable(5)))
    assert error.kind is ErrorKind.AUTH_EXPIRED
    assert len(web.requests) == 2


async def test_a_key_that_is_refused_cannot_be_renewed(web: WebServer) -> None:
    web.answers["/v1/x"] = reply({}, 401)
    error = await refusal(service(web))
    assert error.text.startswith("the source does not accept the credentials")
    assert len(web.requests) == 1


async def test_a_vendors_own_way_to_say_no_is_understood_even_with_status_200(
    web: WebServer,
) -> None:
    def refused(answer: Answer, data: Any) -> SourceError | None:
        if isinstance(data, dict) and data.get("code") == "THROTTLED":
            return SourceError(ErrorKind.RATE_LIMITED, "too often", retry_after_s=30)
        if isinstance(data, dict) and data.get("code") == "INVALID_SESSION_ID":
            return SourceError(ErrorKind.AUTH_EXPIRED, "the session is over")
        return None

    web.answers["/v1/x"] = reply({"code": "THROTTLED"})
    error = await refusal(service(web, refused=refused))
    assert (error.kind, error.text, error.retry_after_s) == (
        ErrorKind.RATE_LIMITED, "too often", 30,
    )  # fmt: skip
    web.answers["/v1/x"] = in_turn(reply({"code": "INVALID_SESSION_ID"}, 400), reply({"a": 1}))
    assert (await get(service(web, Renewable(1), refused=refused))).data == {"a": 1}


async def test_an_error_page_is_not_taken_for_json_and_not_shown(web: WebServer) -> None:
    web.answers["/v1/x"] = reply(b"<html>secret inside</html>", 403, "text/html")
    error = await refusal(service(web))
    assert error.kind is ErrorKind.AUTH_DENIED
    assert "secret" not in error.text
    web.answers["/v1/x"] = reply(b"<html>log in</html>", 200, "text/html")
    assert (await refusal(service(web))).kind is ErrorKind.BAD_DATA


async def test_an_answer_without_content_has_no_data_and_one_that_is_empty_is_a_fault(
    web: WebServer,
) -> None:
    web.answers["/v1/x"] = b"HTTP/1.1 204 No Content\r\n\r\n"
    assert (await get(service(web))).data is None
    web.answers["/v1/x"] = reply(b"", 200)
    assert (await refusal(service(web))).kind is ErrorKind.BAD_DATA


@pytest.mark.parametrize("value", ["a\r\nx: y", "ü", "\0"])
def test_credentials_that_cannot_be_a_header_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="x-key"):
        StaticCredentials({"x-key": value})
