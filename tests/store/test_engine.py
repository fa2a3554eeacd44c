"""The database opened from a URL, and its schema."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.errors import UserError
from app.store.engine import Database
from app.store.migrations import migrate, newest_revision
from app.store.models import ApiToken, Base, Meta


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url)
    database = Database(database_url)
    yield database
    await database.dispose()


async def tables(url: str) -> set[str]:
    database = Database(url)
    async with database.read() as session:
        names = await (await session.connection()).run_sync(lambda c: inspect(c).get_table_names())
    await database.dispose()
    return set(names)


async def test_a_transaction_commits_at_its_end_and_rolls_back_on_an_exception(
    database: Database,
) -> None:
    async with database.begin() as session:
        session.add(Meta(key="kept", value="1"))

    async def write_and_fail() -> None:
        async with database.begin() as session:
            session.add(Meta(key="lost", value="1"))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_and_fail()
    async with database.read() as session:
        assert await session.get(Meta, "kept") is not None
        assert await session.get(Meta, "lost") is None


async def test_writers_at_the_same_time_wait_for_each_other(database: Database) -> None:
    async with database.begin() as session:
        session.add(Meta(key="n", value="0"))

    async def count() -> None:
        async with database.begin() as session:
            row = await session.get_one(Meta, "n", with_for_update=True)
            row.value = str(int(row.value) + 1)

    await asyncio.gather(*(count() for _ in range(8)))
    async with database.read() as session:
        assert (await session.get_one(Meta, "n")).value == "8"


async def test_a_reader_sees_one_state_and_is_not_held_up_by_a_writer(database: Database) -> None:
    async with database.begin() as writer:
        writer.add(Meta(key="n", value="0"))
        await writer.flush()
        async with database.read() as reader:
            assert await reader.get(Meta, "n") is None


async def test_foreign_keys_are_enforced(database: Database) -> None:
    token = ApiToken(
        id="t", user_id="nobody", token_hash="h", created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            session.add(token)


async def test_the_values_of_a_failed_statement_are_not_in_its_error(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with database.begin() as session:
            await session.execute(
                text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "canary-7f3a"}
            )
    assert "canary-7f3a" not in str(caught.value)


async def test_the_embedded_database_survives_a_power_cut_and_is_private(sqlite_url: str) -> None:
    await migrate(sqlite_url)
    database = Database(sqlite_url)
    async with database.read() as session:
        pragmas = [
            (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    await database.dispose()
    assert pragmas == ["wal", 2, 1]
    assert stat.S_IMODE(Path(sqlite_url.removeprefix("sqlite:///")).stat().st_mode) == 0o600


async def test_the_migrations_make_exactly_the_tables_of_the_models(database_url: str) -> None:
    await migrate(database_url)
    database = Database(database_url)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with database.read() as session:
        found = await (await session.connection()).run_sync(differences)
    await database.dispose()
    assert found == []


async def test_the_schema_goes_up_down_and_up_again(database_url: str) -> None:
    await migrate(database_url)
    await migrate(database_url, to="base")
    assert await tables(database_url) == {"alembic_version"}
    await migrate(database_url)
    assert await tables(database_url) == {"alembic_version", *Base.metadata.tables}


async def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    await asyncio.gather(*(migrate(database_url) for _ in range(5)))
    assert "users" in await tables(database_url)


async def test_a_newer_schema_is_refused_with_the_cure(database_url: str) -> None:
    await migrate(database_url)
    database = Database(database_url)
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.dispose()
    with pytest.raises(UserError, match=rf"9999, newer than .*{newest_revision()}.*install"):
        await migrate(database_url)


async def test_a_database_of_another_program_is_refused(database_url: str) -> None:
    database = Database(database_url)
    async with database.begin() as session:
        await session.execute(text("CREATE TABLE users (name TEXT)"))
    await database.dispose()
    with pytest.raises(UserError, match="table users that is not screenpop's"):
        await migrate(database_url)
    assert await tables(database_url) == {"users"}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://root@localhost/x", "mysql databases are not supported"),
        ("not a url", "not a database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:////dev/null/x.db", "cannot be made"),
        ("postgresql://ada:canary-7f3a@127.0.0.1:1/x", "cannot connect.*ada.*127.0.0.1"),
    ],
)
async def test_a_database_that_cannot_be_used_is_named_with_the_cure(url: str, why: str) -> None:
    with pytest.raises(UserError, match=why) as caught:
        await Database(url).ping()
    assert "canary-7f3a" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Ada,\n" * 200)
    with pytest.raises(UserError, match=r"letter\.txt is not an SQLite database"):
        await migrate(f"sqlite:///{file}")
    assert file.read_text().startswith("Dear Ada")


async def test_a_missing_postgresql_database_is_named(postgres_url: str) -> None:
    url = f"{postgres_url}_missing"
    with pytest.raises(UserError, match=r"there is no database 't_.*_missing'"):
        await migrate(url)


async def test_libpq_parameters_in_the_url_are_understood(postgres_url: str) -> None:
    database = Database(f"{postgres_url}?sslmode=disable&application_name=screenpop")
    async with database.read() as session:
        assert await session.scalar(text("SHOW application_name")) == "screenpop"
    await database.dispose()
