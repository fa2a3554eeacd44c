"""Fixtures that every test may ask for: empty databases, a message bus, a browser. All real."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio
import valkey
from playwright.async_api import Browser, async_playwright

from app.store.migrations import migrate
from tests.browser import launch_options
from tests.servers import PostgresServer, database_name, running_postgres, running_valkey

# The machine's load must not decide whether a property holds.
hypothesis.settings.register_profile("screenpop", deadline=None, print_blob=True)
hypothesis.settings.load_profile("screenpop")


def pytest_configure() -> None:
    """Keep the developer's own settings out of the tests."""
    for name in list(os.environ):
        if name.startswith("SCREENPOP_") and not name.startswith("SCREENPOP_TEST_"):
            del os.environ[name]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for each test process, started when the first test needs it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database of the test's own."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of an SQLite file, not yet there, of the test's own."""
    return f"sqlite:///{tmp_path / 'screenpop.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database; the test runs once on each kind."""
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file with the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "screenpop.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    """Return the name of a PostgreSQL database with the newest schema, to be copied."""
    url = postgres_server.create_database()
    asyncio.run(migrate(url))
    return database_name(url)


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite: Path, sqlite_url: str) -> str:
    """Return the URL of an SQLite database of the test's own with the newest schema."""
    shutil.copy(migrated_sqlite, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def migrated_postgres_url(migrated_postgres: str, postgres_server: PostgresServer) -> Iterator[str]:
    """Return the URL of a PostgreSQL database of the test's own with the newest schema."""
    url = postgres_server.create_database(template=migrated_postgres)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a database with the newest schema; the test runs once on each kind."""
    name = {"sqlite": "migrated_sqlite_url", "postgresql": "migrated_postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """One Valkey for each test process, started when the first test needs it."""
    with running_valkey() as url:
        yield url


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """Return the URL of an empty Valkey database."""
    with valkey.Valkey.from_url(valkey_server) as client:
        client.flushdb()
    return valkey_server


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Return a Chromium of the test's own; use `async with await chromium.new_context(...)`."""
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(**launch_options()) as browser,
    ):
        yield browser
