"""The buses carry hints between processes, and come back by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
import pytest_asyncio
import valkey

from app.bus import Bus, Message, connect

WAIT_S = 30.0


@dataclass
class Listener:
    """A process on the bus, and what it heard."""

    bus: Bus
    heard: list[Message] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.bus.subscribe(self._hear)

    def _hear(self, message: Message) -> None:
        if message == {"boom": 1}:
            raise RuntimeError("a handler's own fault")
        self.heard.append(message)
        self._more.set()

    async def until(self, wanted: Message) -> None:
        async with asyncio.timeout(WAIT_S):
            while wanted not in self.heard:
                self._more.clear()
                await self._more.wait()


class Server:
    """What carries the bus, with a way to cut its connections and to write to it from outside."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind, self.url = kind, url

    @asynccontextmanager
    async def listener(self) -> AsyncIterator[Listener]:
        redis = self.kind == "valkey"
        bus = await connect(self.url if redis else None, "sqlite://" if redis else self.url)
        listener = Listener(bus)
        try:
            yield listener
        finally:
            await bus.close()

    def send(self, text: str) -> None:
        if self.kind == "valkey":
            with valkey.Valkey.from_url(self.url) as client:
                client.publish("screenpop", text)
        else:
            with psycopg.connect(self.url, autocommit=True) as server:
                server.execute("SELECT pg_notify('screenpop', %s)", (text,))

    def cut(self) -> None:
        if self.kind == "valkey":
            with valkey.Valkey.from_url(self.url) as client:
                for kind in ("pubsub", "normal"):
                    client.client_kill_filter(_type=kind, skipme=True)
        else:
            with psycopg.connect(self.url, autocommit=True) as server:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(params=["postgresql", "valkey"])
def server(request: pytest.FixtureRequest) -> Server:
    name = {"postgresql": "postgres_url", "valkey": "valkey_url"}[request.param]
    return Server(request.param, request.getfixturevalue(name))


@pytest_asyncio.fixture
async def three(server: Server) -> AsyncIterator[list[Listener]]:
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(server.listener()) for _ in range(3)]
        await all_hear(listeners)
        yield listeners


async def all_hear(listeners: list[Listener]) -> None:
    """Wait until each hears each other: a bus connects in the background."""
    for one in listeners:
        for other in listeners:
            if one is not other:
                async with asyncio.timeout(WAIT_S):
                    while {"hello": id(one)} not in other.heard:
                        await one.bus.publish({"hello": id(one)})
                        await asyncio.sleep(0.02)
    for each in listeners:
        each.heard.clear()


def sent(listener: Listener) -> list[Message]:
    return [message for message in listener.heard if "hello" not in message]


async def test_the_others_hear_it_in_order_and_the_sender_does_not(three: list[Listener]) -> None:
    messages: list[dict[str, Any]] = [{"call": f"pbx:{n}"} for n in range(50)]
    for message in messages:
        await three[0].bus.publish(message)
    for other in three[1:]:
        await other.until(messages[-1])
        assert sent(other) == messages
    await three[1].bus.publish({"call": "end"})
    await three[0].until({"call": "end"})
    assert sent(three[0]) == [{"call": "end"}]


@pytest.mark.parametrize(
    "text", ["not json", "[]", "7", '{"call": "pbx:1"}', '{"boom": 1, "from": "somebody"}', "\x01"]
)
async def test_what_strangers_say_on_the_channel_is_dropped(
    three: list[Listener], server: Server, text: str
) -> None:
    server.send(text)
    await three[0].bus.publish({"call": "after"})
    for other in three[1:]:
        await other.until({"call": "after"})
        assert sent(other) == [{"call": "after"}]


async def test_a_cut_connection_comes_back(three: list[Listener], server: Server) -> None:
    server.cut()
    await all_hear(three)
    for each in three:
        assert await each.bus.healthy()


async def test_a_bus_left_while_it_connects_leaves_no_connection(postgres_url: str) -> None:
    for turns in range(0, 600, 10):
        bus = await connect(None, postgres_url)
        for _ in range(turns):
            await asyncio.sleep(0)
        await bus.close()
    connected = "SELECT count(*) FROM pg_stat_activity WHERE application_name <> 'counting'"
    connected += " AND datname = current_database()"
    with psycopg.connect(postgres_url, autocommit=True, application_name="counting") as server:
        async with asyncio.timeout(WAIT_S):
            # A connection that was ended is counted until the server has noticed.
            while server.execute(connected).fetchone() != (0,):
                await asyncio.sleep(0.01)


async def test_publishing_waits_for_nobody() -> None:
    for url, database in (
        ("redis://127.0.0.1:1", "sqlite://"),
        (None, "postgresql://127.0.0.1:1/nothing"),
    ):
        bus = await connect(url, database)
        async with asyncio.timeout(1):
            for number in range(20_000):
                await bus.publish({"call": str(number)})
        assert not await bus.healthy()
        await bus.close()


async def test_a_single_process_has_nobody_to_tell() -> None:
    bus = await connect(None, "sqlite:///screenpop.db")
    heard: list[Message] = []
    bus.subscribe(heard.append)
    await bus.publish({"call": "pbx:1"})
    assert await bus.healthy()
    await bus.close()
    assert heard == []
