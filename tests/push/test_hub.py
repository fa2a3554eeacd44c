"""Sockets by agent: a slow or silent one is closed and costs the others nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.push.hub import LONGEST_QUEUE, SILENT_AFTER_S, SOCKETS_PER_AGENT, Client, Hub


class Wire:
    """A browser's end: what was sent to it; while `open` is clear it reads nothing."""

    def __init__(self, error: type[Exception] | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()
        self._error = error

    async def send(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        if self._error is not None:
            raise self._error
        self.sent.append(message)

    @property
    def texts(self) -> list[str]:
        return [m["text"] for m in self.sent if m["type"] == "websocket.send"]

    @property
    def close_code(self) -> int | None:
        codes = [m["code"] for m in self.sent if m["type"] == "websocket.close"]
        assert len(codes) < 2
        return codes[0] if codes else None


def joined(hub: Hub, wire: Wire, user_id: str = "ada", now: float = 0.0) -> Client:
    client = Client(wire.send, user_id, now)
    assert hub.join(client)
    return client


async def settle() -> None:
    for _ in range(LONGEST_QUEUE + 10):
        await asyncio.sleep(0)


async def test_frames_arrive_in_order_at_every_socket_of_the_agent_alone() -> None:
    hub, tabs, other = Hub(), [Wire(), Wire()], Wire()
    for wire in tabs:
        joined(hub, wire)
    joined(hub, other, "ben")
    for number in range(5):
        hub.push("ada", str(number))
    await settle()
    assert [wire.texts for wire in tabs] == [list("01234")] * 2
    assert other.texts == []


async def test_who_does_not_read_is_closed_as_too_slow_and_the_others_go_on() -> None:
    hub, slow, quick = Hub(), Wire(), Wire()
    slow.open.clear()
    joined(hub, slow)
    joined(hub, quick)
    for number in range(LONGEST_QUEUE + 10):
        hub.push("ada", str(number))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert hub.sockets == 1
    await settle()
    assert len(quick.texts) == LONGEST_QUEUE + 10
    assert quick.close_code is None
    slow.open.set()
    await settle()
    assert slow.close_code == 4429
    assert len(slow.texts) <= 1


async def test_nothing_is_sent_after_the_close() -> None:
    hub, wire = Hub(), Wire()
    client = joined(hub, wire)
    client.push("before")
    await settle()
    client.close(4401)
    client.close(4403)
    client.push("after")
    await client.settled()
    assert wire.texts == ["before"]
    assert wire.close_code == 4401


async def test_who_waits_for_the_closing_frame_sees_it_sent() -> None:
    wire = Wire()
    client = Client(wire.send, "ada", 0)
    wire.open.clear()
    client.push("stuck")
    await asyncio.sleep(0)
    client.close(1012)
    await asyncio.sleep(0)
    waiting = asyncio.create_task(client.settled())
    await settle()
    assert not waiting.done()
    wire.open.set()
    await waiting
    assert wire.close_code == 1012


@pytest.mark.parametrize("error", [OSError, RuntimeError, ConnectionResetError])
async def test_a_broken_connection_is_no_error(error: type[Exception]) -> None:
    hub, broken, whole = Hub(), Wire(error), Wire()
    client = joined(hub, broken)
    joined(hub, whole)
    hub.push("ada", "1")
    await settle()
    client.close(4401)
    await client.settled()
    hub.push("ada", "2")
    await settle()
    assert whole.texts == ["1", "2"]


async def test_who_is_silent_for_75_s_is_closed() -> None:
    hub, silent, talking = Hub(), Wire(), Wire()
    joined(hub, silent, now=100)
    joined(hub, talking, now=100).heard_at = 150
    hub.close_silent(100 + SILENT_AFTER_S)
    await settle()
    assert (silent.close_code, talking.close_code) == (None, None)
    hub.close_silent(100 + SILENT_AFTER_S + 1)
    await settle()
    assert (silent.close_code, talking.close_code) == (4408, None)
    assert hub.sockets == 1


async def test_64_sockets_are_an_agents_and_one_that_closes_makes_room() -> None:
    hub = Hub()
    clients = [joined(hub, Wire()) for _ in range(SOCKETS_PER_AGENT)]
    assert not hub.join(Client(Wire().send, "ada", 0))
    assert hub.join(Client(Wire().send, "ben", 0))
    hub.leave(clients[0])
    assert hub.join(Client(Wire().send, "ada", 0))


async def test_a_dead_socket_takes_no_place() -> None:
    hub, dead = Hub(), Wire()
    dead.open.clear()
    joined(hub, dead, now=0)
    hub.close_silent(SILENT_AFTER_S + 1)
    assert not hub.connected("ada")
    assert hub.sockets == 0


async def test_an_agent_is_connected_from_the_first_socket_to_the_last() -> None:
    hub = Hub()
    assert not hub.connected("ada")
    one, two = joined(hub, Wire()), joined(hub, Wire())
    hub.leave(one)
    assert hub.connected("ada")
    hub.leave(two)
    hub.leave(two)
    assert not hub.connected("ada")
