"""The database: opened from a URL, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from asyncpg.exceptions._base import InterfaceError, PostgresError
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from app.errors import UserError

_BUSY_MS = 10_000
_WAL_ATTEMPTS = 50
_WAL_PAUSE_S = 0.05
_CONNECT_S = 10.0


class Database:
    """A pool of connections. Nothing is connected before the first use."""

    def __init__(self, url: str) -> None:
        """Take `sqlite:///path` or `postgresql://user:password@host/name`.

        Raises:
            UserError: the URL is of neither form.
        """
        self.url = parse_url(url)
        self._engine = open_engine(url)
        # Readers need no write lock on SQLite and may go to a replica on PostgreSQL.
        readers = self._engine.execution_options(screenpop_read=True, postgresql_readonly=True)
        self._writing = async_sessionmaker(self._engine, expire_on_commit=False)
        self._reading = async_sessionmaker(readers, expire_on_commit=False)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that may write; commits at the end, rolls back on an exception."""
        async with self._writing.begin() as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that only reads, on one consistent state of the data."""
        async with self._reading() as session:
            yield session

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for several transactions and temporary tables; closed at the end."""
        async with self._engine.connect() as connection:
            await connection.run_sync(lambda it: it.detach())
            yield connection

    async def ping(self) -> None:
        """Prove that the database answers.

        Raises:
            UserError: it does not; says why and what to do.
        """
        async with connected(self._engine, self.url) as connection:
            await connection.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def open_engine(url: str, *, foreign_keys: bool = True) -> AsyncEngine:
    """Make the engine; `foreign_keys=False` is for migrations that rebuild tables on SQLite.

    Raises:
        UserError: the URL is not one of a database that screenpop knows.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, foreign_keys)
    return _postgresql(parsed)


@asynccontextmanager
async def connected(engine: AsyncEngine, url: URL) -> AsyncIterator[AsyncConnection]:
    """Connect, and turn the faults that an admin can cure into a `UserError`."""
    try:
        async with engine.connect() as connection:
            yield connection
    except (OSError, TimeoutError, PostgresError, InterfaceError) as error:
        raise UserError(_cure(error, url)) from None
    except DBAPIError as error:
        # SQLAlchemy wraps asyncpg's errors twice.
        driver = error.orig or error
        raise UserError(_cure(driver.__cause__ or driver, url)) from None


def parse_url(url: str) -> URL:
    """Read a database URL; whatever driver it names is dropped.

    Raises:
        UserError: it is not a URL of SQLite or PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UserError(
            "this is not a database URL; write sqlite:///path/to/file or "
            "postgresql://user:password@host/name"
        ) from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise UserError(f"{backend} databases are not supported; use sqlite or postgresql")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UserError("the SQLite URL names no file; write sqlite:///path/to/file")
    return parsed.set(drivername=backend)


def _use_write_ahead_log(cursor: Any) -> None:
    # The change needs the file alone and, unlike a transaction, does not wait for others.
    for attempt in range(_WAL_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if attempt == _WAL_ATTEMPTS - 1:
                raise
            threading.Event().wait(_WAL_PAUSE_S)
        else:
            return


def _sqlite(url: URL, foreign_keys: bool) -> AsyncEngine:
    _make_private_file(Path(url.database or ""))
    engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: `_begin` does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        _use_write_ahead_log(cursor)
        for pragma in (
            "synchronous=FULL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes the lock at once: one that starts by reading cannot upgrade while
        # another writes, and would fail instead of waiting.
        reads = connection.get_execution_options().get("screenpop_read", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _make_private_file(path: Path) -> None:
    # Made here so that it is readable by its owner alone; SQLite's other files copy its mode.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the database file {path} cannot be made: {error.strerror}; set SCREENPOP_DATA_DIR "
            "to a folder that may be written"
        ) from None


def _postgresql(url: URL) -> AsyncEngine:
    # asyncpg reads the URL itself, so that libpq's parameters (sslmode, host lists) work.
    dsn = url.render_as_string(hide_password=False)

    async def connect() -> Any:
        return await asyncpg.connect(dsn, timeout=_CONNECT_S)

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, hide_parameters=True, pool_pre_ping=True
    )


def _cure(error: BaseException, url: URL) -> str:
    where = url.render_as_string(hide_password=True)
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return (
                f"the database refuses the user or the password of {where}; correct "
                "SCREENPOP_DATABASE_URL"
            )
        case asyncpg.InvalidCatalogNameError():
            return f"there is no database {url.database!r} on {url.host}; create it: createdb"
        case asyncpg.TooManyConnectionsError():
            return f"{where} accepts no more connections; raise its max_connections"
        case asyncpg.InsufficientPrivilegeError():
            return f"the user of {where} may not do this: {error}; grant it the right"
        case asyncpg.CannotConnectNowError():
            return f"the database {where} is still starting; try again in a moment"
        case sqlite3.DatabaseError() if "not a database" in str(error):
            return f"{url.database} is not an SQLite database; name another file"
        case sqlite3.OperationalError() if "locked" in str(error):
            return f"{url.database} is in use by another program; stop it and try again"
        case sqlite3.Error():
            return f"the database {url.database} cannot be used: {error}"
        case TimeoutError():
            return f"the database {where} does not answer; check its address and the network"
        case OSError():
            return f"cannot connect to the database {where}; check that it runs and its address"
    return f"the database {where} fails: {error}"
