"""The servers that the tests bring along are real, and apart from one another."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
import valkey
from sqlalchemy import text

from app.store.engine import open_engine
from app.store.migrations import newest_revision
from tests.servers import PostgresServer, database_name


def test_a_database_is_empty_and_can_be_written(database_url: str) -> None:
    if database_url.startswith("sqlite:///"):
        path = Path(database_url.removeprefix("sqlite:///"))
        assert not path.exists()
        connection: sqlite3.Connection | psycopg.Connection = sqlite3.connect(path)
    else:
        connection = psycopg.connect(database_url)
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(query).fetchone() == (0,)
    connection.execute("CREATE TABLE kept (word TEXT)")
    connection.commit()
    connection.close()


async def test_a_migrated_database_has_the_newest_schema_and_no_data(migrated_url: str) -> None:
    engine = open_engine(migrated_url)
    async with engine.connect() as connection:
        version = await connection.execute(text("SELECT version_num FROM alembic_version"))
        assert version.scalar() == newest_revision()
        users = await connection.execute(text("SELECT count(*) FROM users"))
        assert users.scalar() == 0
    await engine.dispose()


def test_a_database_can_be_copied_from_another(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kept (word TEXT)")
    copy = postgres_server.create_database(template=database_name(postgres_url))
    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT * FROM kept").fetchall() == []
    postgres_server.drop_database(copy)


@pytest.mark.parametrize("round_", ["first", "second"])
def test_each_test_gets_an_empty_valkey(valkey_url: str, round_: str) -> None:
    with valkey.Valkey.from_url(valkey_url) as client:
        assert client.dbsize() == 0
        client.set("kept", round_)
