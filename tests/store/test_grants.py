"""Grants on disk: encrypted, renewed by one at a time, never brought back once forgotten."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import select

from app.store.engine import Database
from app.store.grants import (
    REQUEST_LIFE,
    Begun,
    StoredGrants,
    disconnect,
    keep_request,
    take_request,
)
from app.store.models import ConnectorRow
from app.store.source_models import OAuthGrant, OAuthRequest
from app.store.types import SecretBox
from connectors.sdk.connector import ConnectorConfig
from connectors.sdk.grants import Grant, OAuthKind
from connectors.sdk.oauth import CodeCredentials, token_http
from connectors.sdk.types import ErrorKind, SourceError
from tests.connectors.web import reply, web_server

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
GRANT = Grant("access", "refresh", NOW + timedelta(hours=1), {"realmId": "7"})


@pytest_asyncio.fixture
async def db(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    async with database.begin() as session:
        row = ConnectorRow(
            slug="books", position=0, kind="acme", settings=b"", timeout_ms=1, cache_s={},
            priority=0, updated_at=NOW,
        )  # fmt: skip
        session.add(row)
    yield database
    await database.dispose()


SECRETS = SecretBox([Fernet.generate_key().decode()])


# What a process does that dies while it renews the grant.
HOLDING = """
import asyncio, sys
from datetime import UTC, datetime
from cryptography.fernet import Fernet
from app.store.engine import Database
from app.store.grants import StoredGrants
from app.store.types import SecretBox

async def main():
    secrets = SecretBox([Fernet.generate_key().decode()])
    db = Database(sys.argv[1])
    grants = StoredGrants(db, secrets, "books", "acme", lambda: datetime.now(UTC))
    async with grants.lock():
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Config(ConnectorConfig):
    client_id: str = "app"
    client_secret: SecretStr = SecretStr("s")


def grants(
    db: Database, kind: str = "acme", secrets: SecretBox = SECRETS, later: timedelta = timedelta()
) -> StoredGrants:
    return StoredGrants(db, secrets, "books", kind, lambda: datetime.now(UTC) + later)


def another(db: Database) -> Database:
    """Return the same database as another process opens it."""
    return Database(db.url.render_as_string(hide_password=False))


async def test_a_grant_is_read_back_as_it_was_and_encrypted_on_disk(db: Database) -> None:
    assert await grants(db).read() is None
    await grants(db).connect(GRANT, "zoe")
    assert await grants(db).read() == GRANT
    async with db.read() as session:
        row = await session.get(OAuthGrant, "books")
    assert row is not None
    assert b"access" not in row.sealed
    assert row.connected_by == "zoe"


async def test_a_renewed_grant_keeps_when_and_by_whom_it_was_connected(db: Database) -> None:
    await grants(db).connect(GRANT, "zoe")
    async with db.read() as session:
        before = await session.get(OAuthGrant, "books")
    refused = replace(GRANT, access_token="new", refused_at=NOW)
    await grants(db).write(refused)
    assert await grants(db).read() == refused
    async with db.read() as session:
        after = await session.get(OAuthGrant, "books")
    assert before is not None
    assert after is not None
    assert (after.connected_at, after.connected_by) == (before.connected_at, "zoe")


async def test_what_another_kind_was_granted_does_not_count(db: Database) -> None:
    await grants(db).connect(GRANT, "zoe")
    assert await grants(db, "another").read() is None


async def test_a_renewal_does_not_bring_back_what_was_disconnected(db: Database) -> None:
    await grants(db).connect(GRANT, "zoe")
    async with db.begin() as session:
        assert await disconnect(session, "books")
    with pytest.raises(SourceError) as caught:
        await grants(db).write(GRANT)
    assert caught.value.kind is ErrorKind.AUTH_EXPIRED
    assert await grants(db).read() is None
    async with db.begin() as session:
        assert not await disconnect(session, "books")


async def test_without_its_key_a_grant_says_what_is_missing(db: Database) -> None:
    await grants(db).connect(GRANT, "zoe")
    other = SecretBox([Fernet.generate_key().decode()])
    with pytest.raises(SourceError, match="SCREENPOP_SECRET_KEYS"):
        await grants(db, secrets=other).read()


async def test_of_all_who_want_to_renew_one_at_a_time_does(db: Database) -> None:
    other = another(db)
    inside: list[str] = []
    most = 0

    async def one(database: Database) -> None:
        nonlocal most
        async with grants(database).lock():
            inside.append("x")
            most = max(most, len(inside))
            await grants(database).read()
            inside.pop()

    await asyncio.gather(*(one(database) for database in (db, other) * 4))
    await other.dispose()
    assert most == 1


async def test_the_lock_is_given_back_by_who_fails_or_is_given_up(db: Database) -> None:
    held, for_ever = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with grants(db).lock():
            held.set()
            await for_ever.wait()

    with pytest.raises(ZeroDivisionError):
        async with grants(db).lock():
            raise ZeroDivisionError
    task = asyncio.create_task(hold())
    await held.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(5), grants(db).lock():
        pass


async def test_connecting_waits_for_a_renewal_under_way(db: Database) -> None:
    await grants(db).connect(GRANT, "zoe")
    held, renewed = asyncio.Event(), asyncio.Event()

    async def renew() -> None:
        async with grants(db).lock():
            held.set()
            await renewed.wait()
            await grants(db).write(replace(GRANT, access_token="of the old grant"))

    renewing = asyncio.create_task(renew())
    await held.wait()
    connecting = asyncio.create_task(grants(db).connect(replace(GRANT, access_token="b"), "bob"))
    renewed.set()
    await asyncio.gather(renewing, connecting)
    kept = await grants(db).read()
    assert kept is not None
    assert kept.access_token == "b"


async def test_two_processes_that_need_a_new_token_at_once_ask_for_one(db: Database) -> None:
    await grants(db).connect(replace(GRANT, expires_at=datetime.now(UTC)), "zoe")
    other = another(db)
    async with web_server() as web:
        answer = {"access_token": "a2", "refresh_token": "r2", "expires_in": 3600}
        web.answers["/token"] = reply(answer)
        kind = OAuthKind("", web.url + "/token")
        both = [
            CodeCredentials(
                token_http(kind.token_url, allow_private_network=True),
                kind, Config(), grants(database),
            )
            for database in (db, other)
        ]  # fmt: skip
        used = await asyncio.gather(*(each.headers() for each in both))
        assert used == [{"Authorization": "Bearer a2"}] * 2
        assert len(web.requests) == 1
        kept = await grants(db).read()
        for each in both:
            await each.aclose()
    await other.dispose()
    assert kept is not None
    assert (kept.refresh_token, kept.extra) == ("r2", {"realmId": "7"})


async def test_a_process_that_is_killed_while_it_renews_leaves_the_grant_and_the_lock(
    db: Database,
) -> None:
    await grants(db).connect(GRANT, "zoe")
    url = db.url.render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDING, url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    process.kill()
    await process.wait()
    assert await grants(db).read() == GRANT
    async with asyncio.timeout(20), grants(db, later=timedelta(seconds=20)).lock():
        pass


async def test_what_was_begun_is_taken_once_and_in_time(db: Database) -> None:
    begun = Begun("books", "zoe", "verifier", "https://pop.example.com/cb")
    for state in ("one", "two", "three"):
        async with db.begin() as session:
            await keep_request(session, SECRETS, state, begun, NOW)

    async def take(state: str, now: datetime) -> Begun | None:
        async with db.begin() as session:
            return await take_request(session, SECRETS, state, now)

    assert await take("four", NOW) is None
    assert await take("one", NOW) == begun
    assert await take("one", NOW) is None
    assert await take("two", NOW + REQUEST_LIFE) is None
    async with db.begin() as session:
        await keep_request(session, SECRETS, "five", begun, NOW + REQUEST_LIFE)
        rows = (await session.scalars(select(OAuthRequest))).all()
    assert len(rows) == 1
