from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.faults.world import World, open_world


@pytest_asyncio.fixture
async def world(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(migrated_sqlite_url, tmp_path) as world:
        yield world
