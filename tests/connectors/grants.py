"""A grant kept in memory, as the host keeps it in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from connectors.sdk.grants import Grant


@dataclass(slots=True)
class MemoryGrants:
    """`written` holds every grant that was kept, in order."""

    grant: Grant | None = None
    written: list[Grant] = field(default_factory=list)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self) -> Grant | None:
        return self.grant

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        async with self._lock:
            yield

    async def write(self, grant: Grant) -> None:
        self.grant = grant
        self.written.append(grant)
