"""The bus between processes: a hint that something changed, never the only copy of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import orjson
import structlog

Message = dict[str, Any]
Handler = Callable[[Message], None]


class Bus(Protocol):
    """Carries small JSON messages to every other process; may lose them."""

    async def publish(self, message: Message) -> None:
        """Tell the other processes; never raises and never waits long."""

    def subscribe(self, handler: Handler) -> None:
        """Call `handler` with every message that another process published."""

    async def healthy(self) -> bool:
        """Say whether messages get through now."""

    async def close(self) -> None:
        """Leave the bus."""


log = structlog.get_logger("bus")


def deliver(payload: bytes | str, me: str, handlers: Iterable[Handler]) -> None:
    """Hand a payload to the handlers, unless it is our own; what nobody of us sent is dropped."""
    try:
        message = orjson.loads(payload)
        if isinstance(message, dict) and message.pop("from", None) not in (None, me):
            for handler in handlers:
                handler(message)
    except Exception:
        # The channel may be shared with others; listening must go on.
        log.exception("bus_message_dropped")


async def connect(url: str | None, database_url: str) -> Bus:
    """Open the bus named by `url`, else the one that goes with the database."""
    scheme = (url or database_url).split(":", 1)[0].split("+", 1)[0]
    if scheme in ("redis", "rediss", "valkey"):
        from app.bus.redis import RedisBus

        return RedisBus(str(url).replace("valkey://", "redis://", 1))
    if scheme == "postgresql":
        from app.bus.postgresql import PostgresBus

        return PostgresBus(database_url)
    from app.bus.memory import MemoryBus

    return MemoryBus()
