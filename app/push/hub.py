"""Who is connected, and frames to them. A slow browser never slows another one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from app.push.protocol import SILENT, TOO_SLOW

SOCKETS_PER_AGENT = 64
LONGEST_QUEUE = 256
SILENT_AFTER_S = 75.0

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Client:
    """One browser's socket: a bounded queue, drained by a task that lives only while needed."""

    __slots__ = ("_draining", "_queue", "_send", "closed", "heard_at", "user_id")

    def __init__(self, send: Send, user_id: str, now: float) -> None:
        self._send = send
        self._queue: deque[str] = deque()
        self._draining: asyncio.Task[None] | None = None
        self.closed = False
        self.user_id = user_id
        self.heard_at = now

    def push(self, frame: str) -> None:
        """Queue a frame; a client that cannot keep up is closed and comes back for a `hello`."""
        if self.closed:
            return
        if len(self._queue) >= LONGEST_QUEUE:
            self.close(TOO_SLOW)
            return
        self._queue.append(frame)
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        try:
            while self._queue and not self.closed:
                await self._send({"type": "websocket.send", "text": self._queue.popleft()})
        except (OSError, RuntimeError):
            # The connection went away; the receiving side notices and unregisters.
            self._queue.clear()
        finally:
            if self._draining is asyncio.current_task():  # Else it is the closing frame's by now.
                self._draining = None

    def close(self, code: int) -> None:
        """Close with a code of the protocol, dropping what is queued."""
        if self.closed:
            return
        self.closed = True
        self._queue.clear()
        if self._draining is not None:
            self._draining.cancel()
        self._draining = asyncio.create_task(self._close(code))

    async def _close(self, code: int) -> None:
        try:
            await self._send({"type": "websocket.close", "code": code})
        except (OSError, RuntimeError):
            return

    async def settled(self) -> None:
        """Wait until a closing frame is on its way."""
        if self.closed and self._draining is not None:
            await asyncio.wait([self._draining])


class Hub:
    """All sockets of this process, by agent."""

    def __init__(self) -> None:
        self._clients: dict[str, set[Client]] = {}

    def join(self, client: Client) -> bool:
        """Register a socket; False when the agent has too many."""
        clients = self._clients.setdefault(client.user_id, set())
        if len(clients) >= SOCKETS_PER_AGENT:
            return False
        clients.add(client)
        return True

    def leave(self, client: Client) -> None:
        """Forget a socket."""
        client.closed = True
        clients = self._clients.get(client.user_id)
        if clients is not None:
            clients.discard(client)
            if not clients:
                del self._clients[client.user_id]

    def connected(self, user_id: str) -> bool:
        """The agent has a socket in this process."""
        return user_id in self._clients

    @property
    def sockets(self) -> int:
        """How many sockets are open."""
        return sum(len(clients) for clients in self._clients.values())

    def push(self, user_id: str, frame: str) -> None:
        """Queue a frame for every socket of the agent."""
        for client in tuple(self._clients.get(user_id, ())):
            client.push(frame)
            if client.closed:
                # A peer that reads nothing never ends the socket by itself.
                self.leave(client)

    def close_silent(self, now: float) -> None:
        """Close the sockets that were not heard of for 75 s; `now` is the loop's clock."""
        for clients in tuple(self._clients.values()):
            for client in tuple(clients):
                if now - client.heard_at > SILENT_AFTER_S:
                    client.close(SILENT)
                    self.leave(client)
