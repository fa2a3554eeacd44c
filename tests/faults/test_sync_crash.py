"""A sync that was killed at any moment goes on, and nothing is missing or there twice."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import func, select

from app.sources import sync
from app.store import contacts, loader
from app.store.engine import Database
from app.store.models import Customer, CustomerLink, PhoneIndex
from tests.faults.sync_process import Many, read

COUNT = 1_500


@pytest.fixture(autouse=True)
def sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the sizes back to other tests: `read` makes them small."""
    for module, name in ((contacts, "FEW"), (sync, "BATCH"), (loader, "LOAD")):
        monkeypatch.setattr(module, name, getattr(module, name))


@pytest.mark.parametrize("killed_at", [0, 150, 450, 800, 1_300])
async def test_a_sync_that_was_killed_goes_on_and_nothing_is_missing(
    migrated_url: str, killed_at: int
) -> None:
    command = [sys.executable, "-m", "tests.faults.sync_process", migrated_url, str(COUNT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= killed_at:
                break
        process.kill()
    assert process.returncode == -9
    source = Many(COUNT)
    result = await read(migrated_url, source)
    assert result.error is None
    db = Database(migrated_url)
    async with db.read() as session:
        for model in (Customer, CustomerLink, PhoneIndex):
            assert await session.scalar(select(func.count()).select_from(model)) == COUNT
        keys = select(func.count(PhoneIndex.key.distinct()))
        assert await session.scalar(keys) == COUNT
        owned = select(func.count()).where(
            PhoneIndex.remote_id == CustomerLink.remote_id,
            PhoneIndex.customer_id == CustomerLink.customer_id,
        )
        assert await session.scalar(owned) == COUNT
    await db.dispose()
    if killed_at >= 800:
        assert source.asked != [None], "it began again instead of going on"
