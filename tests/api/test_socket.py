"""`/ws`: who may open a socket, what it may say, and when it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.push.hub import SOCKETS_PER_AGENT
from app.store import accounts, logins
from tests.clock import skip
from tests.faults.world import KESTREL, World, open_world
from tests.product import Product

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One product for all tests of this file: each has calls of its own."""
    folder = tmp_path_factory.mktemp("socket")
    database = folder / "screenpop.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    async with open_world(f"sqlite:///{database}", folder) as world:
        yield world


@pytest.fixture
def product(world: World) -> Product:
    return world.product


async def session_of(product: Product, email: str) -> str:
    """Log in as a browser does and return the cookie."""
    rt = product.runtime
    async with rt.db.begin() as session:
        user = await accounts.user_by_email(session, email)
        assert user is not None
        token = await logins.start_session(session, user.id, rt.clock())
    return f"screenpop_session={token}"


async def bearer(product: Product, email: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {await product.token(email)}"}


async def refused(product: Product, headers: dict[str, str]) -> int:
    with pytest.raises(InvalidStatus) as caught:
        await connect(product.ws_url, additional_headers=headers)
    status: int = caught.value.response.status_code
    return status


async def closed(socket: ClientConnection) -> tuple[int | None, list[Any]]:
    """Read to the end; return the close code and the frames before it."""
    frames = []
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                frames.append(json.loads(await socket.recv()))
    return socket.close_code, frames


# Who may open one.


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://{host}.evil.example",
        "http://evil.example/{host}",
        "http://{host}@evil.example",
        "http://{host}/",
        "file://{host}",
        "",
    ],
)
async def test_another_site_is_refused_without_an_upgrade(product: Product, origin: str) -> None:
    host = product.url.removeprefix("http://")
    cookie = await session_of(product, "ada@example.com")
    headers = {"Origin": origin.format(host=host), "Cookie": cookie}
    assert await refused(product, headers) == 403


async def test_a_cookie_without_an_origin_is_refused(product: Product) -> None:
    assert await refused(product, {"Cookie": await session_of(product, "ada@example.com")}) == 403


async def test_a_token_under_another_sites_origin_is_refused(product: Product) -> None:
    headers = await bearer(product, "ada@example.com")
    assert await refused(product, {**headers, "Origin": "https://evil.example"}) == 403


async def test_our_own_pages_and_programs_get_hello(product: Product) -> None:
    cookie = await session_of(product, "ada@example.com")
    for headers in (
        {"Origin": product.url, "Cookie": cookie},
        await bearer(product, "ada@example.com"),
    ):
        async with connect(product.ws_url, additional_headers=headers) as socket:
            hello = json.loads(await socket.recv())
            assert hello["type"] == "hello"
            assert hello["agent"]["name"] == "Ada"
            assert hello["server_time"].endswith("Z")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer sp_wrong"},
        {"Authorization": "Basic YWRhOmFkYQ=="},
        {"Origin": "{url}", "Cookie": "screenpop_session=wrong"},
        {"Origin": "{url}", "Cookie": "other=1"},
        {"Authorization": "Bearer ", "Cookie": "screenpop_session=wrong"},
    ],
)
async def test_who_is_not_logged_in_is_told_by_the_close_code_alone(
    product: Product, headers: dict[str, str]
) -> None:
    sent = {k: v.format(url=product.url) for k, v in headers.items()}
    async with connect(product.ws_url, additional_headers=sent) as socket:
        assert await closed(socket) == (4401, [])


async def test_a_token_in_the_address_is_worth_nothing(product: Product) -> None:
    token = await product.token("ada@example.com")
    async with connect(f"{product.ws_url}?token={token}&access_token={token}") as socket:
        assert await closed(socket) == (4401, [])


async def test_there_are_no_other_sockets(product: Product) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(product.ws_url + "/more")
    assert caught.value.response.status_code == 403


async def test_the_subprotocol_is_agreed_and_nothing_is_compressed(product: Product) -> None:
    headers = await bearer(product, "ada@example.com")
    for offered, agreed in (
        (["screenpop.v1"], "screenpop.v1"),
        (["screenpop.v2", "screenpop.v1"], "screenpop.v1"),
        (None, None),
    ):
        async with connect(
            product.ws_url,
            additional_headers=headers,
            subprotocols=offered,  # type: ignore[arg-type]
            compression="deflate",
        ) as socket:
            assert socket.subprotocol == agreed
            assert socket.response is not None
            assert "sec-websocket-extensions" not in socket.response.headers


async def test_the_65th_socket_of_an_agent_is_told_why_it_is_one_too_many(
    product: Product,
) -> None:
    headers = await bearer(product, "cyd@example.com")
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(connect(product.ws_url, additional_headers=headers))
            for _ in range(SOCKETS_PER_AGENT)
        ]
        async with connect(product.ws_url, additional_headers=headers) as more:
            code, frames = await closed(more)
            assert (code, [f["code"] for f in frames]) == (4429, ["too_many_sockets"])
        await sockets.pop().close()
        async with product.screen("cyd@example.com") as screen:
            call_id = await product.event("ringing", "c-64", ani=KESTREL, extension="103")
            await screen.pop(call_id)
        for socket in sockets:
            kinds = [json.loads(await socket.recv())["type"] for _ in range(2)]
            assert kinds == ["hello", "pop"]


# When it is closed.


async def test_who_may_no_longer_have_a_socket_loses_it_within_5_s(
    product: Product,
) -> None:
    people = {}
    async with await product.as_user("root@example.com") as root:
        for name in ("out", "revoked", "promoted", "disabled", "password", "stays"):
            body = {"email": f"{name}@example.com", "name": name, "role": "agent"}
            made = await root.post("/api/v1/users", json=body)
            assert made.status_code == 201, made.text
            people[name] = made.json()["user_id"]
        async with AsyncExitStack() as stack:
            sockets, cookies = {}, {}
            for name in people:
                cookies[name] = await session_of(product, f"{name}@example.com")
                headers = {"Cookie": cookies[name], "Origin": product.url}
                if name == "revoked":
                    headers = await bearer(product, f"{name}@example.com")
                sockets[name] = await stack.enter_async_context(
                    connect(product.ws_url, additional_headers=headers)
                )
                assert json.loads(await sockets[name].recv())["type"] == "hello"

            def user(name: str) -> str:
                return f"/api/v1/users/{people[name]}"

            tokens = (await root.get(user("revoked") + "/tokens")).json()["items"]
            answers = [
                await product.client.delete(
                    "/api/v1/session", headers={"Cookie": cookies["out"], "Origin": product.url}
                ),
                await root.delete(f"{user('revoked')}/tokens/{tokens[0]['token_id']}"),
                await root.patch(user("promoted"), json={"role": "supervisor"}),
                await root.patch(user("disabled"), json={"disabled": True}),
                await root.put(
                    user("password") + "/password", json={"password": "seven pumps in a row"}
                ),
            ]
            assert {a.status_code for a in answers} <= {200, 204}, [a.text for a in answers]
            expected = {
                "out": 4401, "revoked": 4401, "promoted": 4403, "disabled": 4403, "password": 4401
            }  # fmt: skip
            async with asyncio.timeout(5):
                codes = {name: (await closed(sockets[name]))[0] for name in expected}
            assert codes == expected
            await sockets["stays"].send('{"type": "ping"}')
            assert json.loads(await sockets["stays"].recv()) == {"type": "pong"}


async def test_who_does_not_read_is_closed_and_nobody_else_notices(product: Product) -> None:
    headers = await bearer(product, "ada@example.com")
    async with (
        connect(product.ws_url, additional_headers=headers, max_queue=1) as slow,
        product.screen("ada@example.com") as ada,
    ):
        call_id = await product.event("ringing", "c-slow", ani=KESTREL, extension="101")
        await ada.whole(call_id)
        asking = json.dumps({"type": "get", "call_id": call_id})
        for _ in range(4000):
            await slow.send(asking)
        await product.event("answered", "c-slow", extension="101")
        await ada.in_state(call_id, "answered")
        code, frames = await closed(slow)
        assert code == 4429
        assert len(frames) < 4000
        await product.event("ended", "c-slow")
        assert await ada.close_of(call_id) == "ended"
    async with product.screen("ada@example.com") as back:
        assert call_id not in back.pops


async def test_who_is_silent_for_75_s_is_closed(product: Product) -> None:
    async with product.screen("ada@example.com") as ada, product.screen("ben@example.com") as ben:
        skip(50)
        await ben.quiet()
        skip(30)
        assert await closed(ada.socket) == (4408, [])
        await ben.quiet()


async def test_a_socket_that_is_cut_costs_nothing_and_comes_back_to_all_of_it(
    product: Product,
) -> None:
    async with (
        product.screen("ada@example.com") as cut,
        product.screen("ada@example.com") as ada,
    ):
        call_id = await product.event("ringing", "c-cut", ani=KESTREL, extension="101")
        await cut.pop(call_id)
        cut.socket.transport.abort()
        await product.event("answered", "c-cut", extension="101")
        await ada.in_state(call_id, "answered")
    async with product.screen("ada@example.com") as back:
        assert back.pops[call_id]["call"]["state"] == "answered"
