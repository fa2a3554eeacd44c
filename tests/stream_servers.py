"""PBXs on loopback for the tests, that speak their real protocol and play what a test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Self

SECRET = "a-secret-of-the-pbx"
WAIT_S = 30.0
Fields = dict[str, str]


class Pbx(ABC):
    """A server with at most a few clients; `channels` are what is open when one asks."""

    def __init__(self) -> None:
        self.channels: list[Fields] = []
        self.logins = 0
        self.pings = 0
        self.silent = False
        self.port = 0
        self._clients: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Condition()

    @property
    def connections(self) -> int:
        """How many clients have logged in and asked for the channels, and are still there."""
        return len(self._clients)

    @classmethod
    @contextlib.asynccontextmanager
    async def listening(cls) -> AsyncIterator[Self]:
        pbx = cls()
        server = await asyncio.start_server(pbx._serve, "127.0.0.1", 0)
        pbx.port = server.sockets[0].getsockname()[1]
        try:
            yield pbx
        finally:
            server.close()
            await pbx.hang_up()

    async def tell(self, *events: Fields) -> None:
        """Send events to every client."""
        for client in self._clients:
            client.write(b"".join(self.event(event) for event in events))

    async def hang_up(self) -> None:
        """Close every connection, in the middle of an event."""
        for client in tuple(self._clients):
            client.write(self.event({"Event": "Hold", "Event-Name": "CHANNEL_HOLD"})[:-3])
            client.close()
        await self.until(0)

    async def until(self, connections: int) -> None:
        """Wait until this many clients are connected."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: self.connections == connections)

    async def pinged(self, times: int) -> None:
        """Wait until a sign of life has been asked for this many times."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: self.pings == times)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self.greeting())
            while True:
                command = (await reader.readuntil(self.separator)).decode()
                answer, followed = self.answer(command.strip())
                self.pings += command.startswith(("Action: Ping", "api uptime"))
                if not self.silent:
                    writer.write(answer)
                async with self._changed:
                    if followed:
                        self._clients.add(writer)
                    self._changed.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            async with self._changed:
                self._clients.discard(writer)
                self._changed.notify_all()

    separator: bytes

    @abstractmethod
    def greeting(self) -> bytes: ...

    @abstractmethod
    def answer(self, command: str) -> tuple[bytes, bool]:
        """Return the answer, and whether the client follows the events from now on."""

    @abstractmethod
    def event(self, fields: Fields) -> bytes: ...


class AsteriskServer(Pbx):
    """Asterisk's manager interface."""

    separator = b"\r\n\r\n"

    def greeting(self) -> bytes:
        return b"Asterisk Call Manager/11.0.0\r\n"

    def answer(self, command: str) -> tuple[bytes, bool]:
        asked = dict(line.split(": ", 1) for line in command.split("\r\n"))
        action_id = {"ActionID": asked["ActionID"]}
        accepted = {"Response": "Success", **action_id}
        match asked["Action"]:
            case "Login" if (asked["Username"], asked["Secret"]) == ("screenpop", SECRET):
                self.logins += 1
                return self.event({**accepted, "Message": "Authentication accepted"}), False
            case "Login":
                self.logins += 1
                refused = {"Response": "Error", **action_id, "Message": "Authentication failed"}
                return self.event(refused), False
            case "CoreShowChannels":
                listed = [{"Event": "CoreShowChannel", **action_id, **c} for c in self.channels]
                end = {"Event": "CoreShowChannelsComplete", **action_id}
                whole = [{**accepted, "EventList": "start"}, *listed, end]
                return b"".join(self.event(each) for each in whole), True
            case _:
                return self.event({**accepted, "Ping": "Pong"}), True

    def event(self, fields: Fields) -> bytes:
        return ("".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n").encode()


class FreeswitchServer(Pbx):
    """FreeSWITCH's event socket."""

    separator = b"\n\n"

    def greeting(self) -> bytes:
        return b"Content-Type: auth/request\n\n"

    def answer(self, command: str) -> tuple[bytes, bool]:
        reply = "Content-Type: command/reply\nReply-Text: {}\n\n"
        if command.startswith("auth "):
            self.logins += 1
            right = command == f"auth {SECRET}"
            return reply.format("+OK accepted" if right else "-ERR invalid").encode(), False
        if command == "api show channels as json":
            rows = {"rows": self.channels} if self.channels else {}
            listed = {"row_count": len(self.channels), **rows}
            return self._message("api/response", json.dumps(listed)), True
        if command.startswith("api "):
            return self._message("api/response", "0"), True
        return reply.format("+OK event listener enabled json").encode(), False

    def event(self, fields: Fields) -> bytes:
        return self._message("text/event-json", json.dumps(fields))

    def _message(self, kind: str, body: str) -> bytes:
        return f"Content-Length: {len(body)}\nContent-Type: {kind}\n\n{body}".encode()
