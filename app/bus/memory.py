"""The bus of a single process: there is nobody else to tell."""

from __future__ import annotations

from app.bus import Handler, Message


class MemoryBus:
    """`Bus` for one process."""

    async def publish(self, message: Message) -> None:
        """Tell nobody: subscribers get what *other* processes publish."""

    def subscribe(self, handler: Handler) -> None:
        """Accept a handler that will never be called."""

    async def healthy(self) -> bool:
        """Say yes."""
        return True

    async def close(self) -> None:
        """Do nothing."""
