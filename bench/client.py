"""The other side: a phone system that posts at a fixed rate, and the agents' websockets.

Plain protocols on plain sockets, so that the client is never what is measured.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import orjson

from bench.floor import KEY

Heard = Callable[[float, bytes], None]
Answered = Callable[[float, int], None]
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CALL_ID = re.compile(rb'"call_id":"([^"]+)"')
_CONNECTIONS = 64
_AT_A_TIME = 50
_SETTLE_S = 5.0


class Screen(asyncio.Protocol):
    """One agent's websocket: hands over each text frame with its time of arrival."""

    __slots__ = ("_buffer", "_heard", "_opened", "_transport", "welcomed")

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._buffer = b""
        self._opened = False
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        at = perf_counter()
        data = self._buffer + data if self._buffer else data
        if not self._opened:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._fail(head.decode(errors="replace"))
                return
            self._opened = True
        while (frame := _frame(data)) is not None:
            opcode, payload, data = frame
            if opcode == 8:
                self._fail(f"closed by the server with {int.from_bytes(payload[:2], 'big')}")
            elif opcode == 1:
                if not self.welcomed.done():
                    self.welcomed.set_result(None)  # hello
                self._heard(at, payload)
        self._buffer = data

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection lost: {exc}")

    def _fail(self, why: str) -> None:
        if not self.welcomed.done():
            self.welcomed.set_exception(ConnectionError(why))


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Split the first frame off: opcode, payload, rest; None while it is not all there."""
    if len(data) < 2:
        return None
    start, length = 2, data[1]
    if length == 126:
        start, length = 4, int.from_bytes(data[2:4], "big")
    elif length == 127:
        start, length = 10, int.from_bytes(data[2:10], "big")
    if len(data) < start + length:
        return None
    return data[0] & 0x0F, data[start : start + length], data[start + length :]


async def open_screens(
    port: int, requests: Sequence[str], heard: Heard
) -> list[asyncio.BaseTransport]:
    """Open a websocket for each request head (`handshake`); all have their `hello`.

    Raises:
        ConnectionError: one was refused.
    """
    loop = asyncio.get_running_loop()

    async def one(request: str) -> asyncio.BaseTransport:
        transport, screen = await loop.create_connection(lambda: Screen(heard), "127.0.0.1", port)
        transport.write(request.encode())
        async with asyncio.timeout(_SETTLE_S):
            await screen.welcomed
        return transport

    opened: list[asyncio.BaseTransport] = []
    for first in range(0, len(requests), _AT_A_TIME):
        opened += await asyncio.gather(*map(one, requests[first : first + _AT_A_TIME]))
    return opened


def handshake(path: str, *headers: str) -> str:
    """Return the request that opens a websocket."""
    lines = (
        f"GET {path} HTTP/1.1",
        "host: 127.0.0.1",
        "upgrade: websocket",
        "connection: Upgrade",
        "sec-websocket-version: 13",
        f"sec-websocket-key: {base64.b64encode(os.urandom(16)).decode()}",
        "sec-websocket-protocol: screenpop.v1",
        *headers,
    )
    return "\r\n".join((*lines, "", ""))


class _Connection(asyncio.Protocol):
    """One keep-alive connection of the phone system: one request at a time."""

    def __init__(self, free: Callable[[_Connection], None]) -> None:
        self._free = free
        self._buffer = b""
        self._answered: Answered | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def post(self, request: bytes, answered: Answered) -> None:
        """Send; `answered` gets the time and the status."""
        self._answered = answered
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        at = perf_counter()
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        self._buffer = b""
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(at, int(head[9:12]))
        self._free(self)


class Poster:
    """The phone system's pool of connections; a request waits only if all are busy."""

    def __init__(self) -> None:
        self._idle: list[_Connection] = []
        self._waiting: deque[tuple[bytes, Answered]] = deque()
        self._all: list[_Connection] = []

    async def open(self, port: int) -> None:
        """Connect."""
        loop = asyncio.get_running_loop()
        for _ in range(_CONNECTIONS):
            _, connection = await loop.create_connection(
                lambda: _Connection(self._freed), "127.0.0.1", port
            )
            self._all.append(connection)
        self._idle = list(self._all)

    def post(self, request: bytes, answered: Answered) -> None:
        """Send a request on an idle connection."""
        if self._idle:
            self._idle.pop().post(request, answered)
        else:
            self._waiting.append((request, answered))

    def _freed(self, connection: _Connection) -> None:
        if self._waiting:
            connection.post(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Disconnect."""
        for connection in self._all:
            connection.transport.close()


def signed_post(path: str, message_id: str, event: dict[str, object]) -> bytes:
    """Return a whole request of the generic phone system, signed as of now."""
    body = orjson.dumps(event)
    sent_at = int(time.time())
    mac = hmac.digest(KEY, f"{message_id}.{sent_at}.".encode() + body, "sha256")
    lines = (
        f"POST {path} HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        f"webhook-id: {message_id}",
        f"webhook-timestamp: {sent_at}",
        f"webhook-signature: v1,{base64.b64encode(mac).decode()}",
        f"content-length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make: who calls whom."""

    call_id: str
    ani: str
    extension: str

    def ringing(self) -> bytes:
        """Return the event that pops."""
        event: dict[str, object] = {
            "event": "ringing",
            "call_id": self.call_id,
            "direction": "inbound",
            "ani": self.ani,
            "dnis": "+448005550100",
            "cnam": "KESTREL GARDEN",
            "extension": self.extension,
            "queue": "sales",
            "attestation": "A",
            "collected": {"account": "C-100"},
            "attached_data": {"language": "fr"},
        }
        return signed_post("/hooks/pbx", f"{self.call_id}-ringing", event)

    def ended(self) -> bytes:
        """Return the event that closes the pop."""
        event: dict[str, object] = {
            "event": "ended",
            "call_id": self.call_id,
            "ended": {"reason": "completed"},
        }
        return signed_post("/hooks/pbx", f"{self.call_id}-ended", event)


@dataclass(slots=True)
class Load:
    """What was seen of some calls; times by `perf_counter`, in seconds."""

    sent: dict[bytes, float] = field(default_factory=dict)
    pushed: dict[bytes, float] = field(default_factory=dict)
    pop_bytes: list[int] = field(default_factory=list)
    ack_s: list[float] = field(default_factory=list)
    refused: int = 0

    def heard(self, at: float, payload: bytes) -> None:
        """Note the first frame of a call."""
        found = _CALL_ID.search(payload)
        if found is not None and found[1] in self.sent and found[1] not in self.pushed:
            self.pushed[found[1]] = at
            self.pop_bytes.append(len(payload))

    @property
    def push_s(self) -> list[float]:
        """Webhook to first frame, each call."""
        return [at - self.sent[call] for call, at in self.pushed.items()]

    async def run(self, poster: Poster, calls: Sequence[Call], rate: float, lag: int = 20) -> None:
        """Ring at a fixed rate and end each call `lag` calls later; both count as events.

        Returns when all are answered.
        """
        ringing = [(call, call.ringing()) for call in calls]
        ended = [call.ended() for call in calls]
        events = [
            event
            for i in range(len(calls) + lag)
            for event in (
                *((ringing[i],) if i < len(calls) else ()),
                *(((None, ended[i - lag]),) if i >= lag else ()),
            )
        ]
        loop = asyncio.get_running_loop()
        start = loop.time()
        for i, (call, request) in enumerate(events):
            if (wait := start + i / rate - loop.time()) > 0:
                await asyncio.sleep(wait)
            self.post(poster, call, request)
        await _until(lambda: len(self.ack_s) + self.refused == len(events))

    async def all_pushed(self) -> None:
        """Wait for the pops that have not arrived, a little."""
        await _until(lambda: len(self.pushed) == len(self.sent))

    def post(self, poster: Poster, call: Call | None, request: bytes) -> None:
        """Send one event; `call` is given for the one that pops."""
        at = perf_counter()
        if call is not None:
            self.sent[b"pbx:" + call.call_id.encode()] = at

        def answered(then: float, status: int) -> None:
            if status == 202:
                self.ack_s.append(then - at)
            else:
                self.refused += 1

        poster.post(request, answered)


async def _until(done: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _SETTLE_S
    while not done() and loop.time() < give_up:
        await asyncio.sleep(0.005)
