"""Redis or Valkey publish/subscribe as the bus, for many hosts."""

from __future__ import annotations

import asyncio
import contextlib
import uuid

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.bus import Handler, Message, deliver

_CHANNEL = "screenpop"
_RETRY_S = 1.0
_TIMEOUT_S = 5.0
log = structlog.get_logger("bus")


class RedisBus:
    """`Bus` over one client; reconnects for ever."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(
            url, socket_connect_timeout=_TIMEOUT_S, health_check_interval=15
        )
        self._me = uuid.uuid4().hex
        self._handlers: list[Handler] = []
        self._outbox: asyncio.Queue[Message] = asyncio.Queue(10_000)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._send())]

    async def publish(self, message: Message) -> None:
        """Queue the message; dropped when the server is away for long."""
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(message)

    def subscribe(self, handler: Handler) -> None:
        """Call `handler` with every message that another process published."""
        self._handlers.append(handler)

    async def healthy(self) -> bool:
        """Say whether the server answers."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return bool(await self._redis.ping())
        except (OSError, RedisError, TimeoutError):
            return False

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(_CHANNEL)
                    async for item in pubsub.listen():
                        if item["type"] == "message":
                            self._received(item["data"])
            except (OSError, RedisError) as error:
                log.warning("bus_lost", error=type(error).__name__)
            await asyncio.sleep(_RETRY_S)

    async def _send(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    await self._redis.publish(_CHANNEL, orjson.dumps({**message, "from": self._me}))
            except (OSError, RedisError, TimeoutError) as error:
                log.warning("bus_publish_failed", error=type(error).__name__)

    def _received(self, payload: bytes) -> None:
        deliver(payload, self._me, self._handlers)

    async def close(self) -> None:
        """Leave the bus."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()
