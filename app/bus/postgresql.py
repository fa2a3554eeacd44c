"""LISTEN/NOTIFY as the bus: no server besides the database."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import Any

import asyncpg
import orjson
import structlog
from sqlalchemy.engine import make_url

from app.bus import Handler, Message, deliver

_CHANNEL = "screenpop"
_RETRY_S = 1.0
_TIMEOUT_S = 5.0
log = structlog.get_logger("bus")


class PostgresBus:
    """`Bus` over one connection that listens and notifies; reconnects for ever."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url).set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self._me = uuid.uuid4().hex
        self._handlers: list[Handler] = []
        self._connection: Any = None
        self._outbox: asyncio.Queue[Message] = asyncio.Queue(10_000)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._send())]

    async def publish(self, message: Message) -> None:
        """Queue the message; dropped when the database is away for long."""
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(message)

    def subscribe(self, handler: Handler) -> None:
        """Call `handler` with every message that another process published."""
        self._handlers.append(handler)

    async def healthy(self) -> bool:
        """Say whether the listening connection is up."""
        return self._connection is not None and not self._connection.is_closed()

    async def _listen(self) -> None:
        while True:
            closed = asyncio.Event()
            try:
                connection = await asyncpg.connect(
                    self._dsn, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S
                )
                try:
                    connection.add_termination_listener(lambda _c, closed=closed: closed.set())
                    await connection.add_listener(_CHANNEL, self._received)
                    self._connection = connection
                    await closed.wait()
                finally:
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("bus_lost", error=type(error).__name__)
            self._connection = None
            await asyncio.sleep(_RETRY_S)

    async def _send(self) -> None:
        while True:
            message = await self._outbox.get()
            connection = self._connection
            if connection is None:
                continue
            text = orjson.dumps({**message, "from": self._me}).decode()
            try:
                await connection.execute("SELECT pg_notify($1, $2)", _CHANNEL, text)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("bus_publish_failed", error=type(error).__name__)

    def _received(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        deliver(payload, self._me, self._handlers)

    async def close(self) -> None:
        """Leave the bus."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
