"""Of many processes one does a job, and says how it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from app.store.engine import Database
from app.store.leases import hold, release
from app.store.stream_health import StreamHealth, healths, write_health

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LIFE = timedelta(seconds=15)


@pytest_asyncio.fixture
async def db(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.dispose()


async def test_a_lease_is_one_owners_until_it_runs_out(db: Database) -> None:
    assert await hold(db, "job", "one", NOW, LIFE)
    assert await hold(db, "job", "one", NOW, LIFE)
    assert not await hold(db, "job", "two", NOW + LIFE - timedelta(seconds=1), LIFE)
    assert await hold(db, "job", "two", NOW + LIFE, LIFE)
    assert not await hold(db, "job", "one", NOW + LIFE, LIFE)
    assert await hold(db, "another job", "one", NOW, LIFE)


async def test_a_lease_that_is_given_back_is_free_at_once(db: Database) -> None:
    assert await hold(db, "job", "one", NOW, LIFE)
    await release(db, "job", "two")
    assert not await hold(db, "job", "two", NOW, LIFE)
    await release(db, "job", "one")
    assert await hold(db, "job", "two", NOW, LIFE)


async def test_of_many_who_ask_at_once_one_gets_it(db: Database) -> None:
    asked = (hold(db, "job", f"p{number}", NOW, LIFE) for number in range(8))
    assert sorted(await asyncio.gather(*asked)) == [*[False] * 7, True]


async def test_the_health_of_a_stream_counts_as_long_as_its_process_lives(db: Database) -> None:
    up = StreamHealth(True, NOW, "the list of channels is refused")
    await write_health(db, "desk", up, NOW + LIFE)
    async with db.read() as session:
        said = await healths(session, ["desk", "never"], NOW)
        later = await healths(session, ["desk"], NOW + LIFE + timedelta(seconds=1))
    assert said["desk"] == up
    assert not said["never"].connected
    assert "no server process is connected" in str(later["desk"].error)
