"""Reading a database that is not ours: read-only, bounded in time and rows, off the event loop.

SQLAlchemy engines run in the reader's own threads, so any driver works and a slow database
occupies nothing but its own reader.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    exc,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool, QueuePool

from connectors.sdk import trace
from connectors.sdk.sql_errors import source_error
from connectors.sdk.types import ErrorKind, SourceError

T = TypeVar("T")
BATCH = 1_000
_CONNECT_TIMEOUT_S = 3
_LOCK_TIMEOUT_MS = 1_000
# Instructions between two looks at the clock: some 100 microseconds.
_SQLITE_STEPS = 10_000
_SQLITE_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
# Drivers that work in threads, by the database's name in the URL.
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "sqlite": "sqlite+pysqlite",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to a query; `more` says that the row limit cut it."""

    columns: tuple[str, ...]
    records: list[dict[str, Any]]
    more: bool = False


@dataclass(slots=True)
class _Statement:
    """A statement under way, so that it can be given up from another thread."""

    connection: Connection | None = None
    cancelled: bool = False

    def give_up(self) -> None:
        """Free the thread that waits for it; the connection is not used again."""
        self.cancelled = True
        driver = self._driver_connection()
        if isinstance(driver, sqlite3.Connection):
            driver.interrupt()
        elif driver is not None and hasattr(driver, "fileno"):
            # The thread is inside the driver: only the socket can be touched from here.
            with suppress(OSError, ValueError), socket.socket(fileno=os.dup(driver.fileno())) as s:
                s.shutdown(socket.SHUT_RDWR)

    def _driver_connection(self) -> Any:
        with suppress(exc.SQLAlchemyError):
            if self.connection is not None and not self.connection.closed:
                return self.connection.connection.driver_connection
        return None


class _ReadOnlySqlite(sqlite3.Connection):
    """An SQLite connection that can only select, and stops at its deadline."""

    deadline: float = float("inf")

    def restrict(self) -> None:
        """Close every way to write, attach another file, or load code."""
        self.execute("PRAGMA query_only = on")
        self.set_authorizer(_only_selects)
        self.set_progress_handler(lambda: int(time.monotonic() > self.deadline), _SQLITE_STEPS)


def _only_selects(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        # SQLAlchemy reads this one of every new connection.
        allowed = first == "read_uncommitted" and second is None
    elif action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() != "load_extension"
    else:
        allowed = action in _SQLITE_ALLOWED
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def parse_url(url: str) -> URL:
    """Read a database URL and choose a driver that works in threads.

    Raises:
        SourceError: it is not a database URL; the text never repeats it.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            "the database URL cannot be read: write it as postgresql://user:password@host/name",
        ) from None
    backend = parsed.drivername.split("+")[0]
    if backend == "sqlite" and (parsed.database or ":memory:") == ":memory:":
        raise SourceError(ErrorKind.BAD_CONFIG, "an SQLite URL must name a file: sqlite:///file.db")
    return parsed.set(drivername=_DRIVERS.get(backend, parsed.drivername))


@dataclass(slots=True)
class ReadOnlyDatabase:
    """A database opened for reading only.

    `timeout_ms` bounds one statement, `max_connections` how many run at once; relative names of
    SQLite files are relative to `folder`.
    """

    url: URL
    folder: Path
    timeout_ms: int
    max_connections: int
    _threads: ThreadPoolExecutor = field(init=False)
    _engine: Engine | None = field(init=False, default=None)
    _making: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.max_connections, thread_name_prefix="sql-source")

    @property
    def enforces_read_only(self) -> bool:
        """Say whether the database itself is told to refuse writes."""
        return self.url.get_backend_name() in {"sqlite", "postgresql", "mysql", "mariadb"}

    async def read(self, sql: str, values: Mapping[str, Any], limit: int) -> Rows:
        """Run a query and return at most `limit` rows.

        Raises:
            SourceError: the database cannot be reached, refuses, or takes too long.
        """
        statement = _Statement()
        is_new = self._engine is None
        began = time.perf_counter()
        connected_ms = 0.0

        def work() -> Rows:
            nonlocal connected_ms
            with ExitStack() as open_now:
                connection = open_now.enter_context(self._connect(statement))
                connected_ms = trace.since(began)
                result = self._execute(connection, sql, values, self.timeout_ms, limit + 1)
                open_now.callback(result.close)
                records = _records(result, limit + 1)
                return Rows(_columns(result), records[:limit], len(records) > limit)

        rows = await self._run(self._threads, work, statement)
        if is_new:
            trace.tell(trace.TraceEntry("connect", "connected", connected_ms))
        return rows

    async def inspect(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, our own and never an admin's query, which may read the schema.

        Raises:
            SourceError: as `read`.
        """
        statement = _Statement()

        def run() -> T:
            if self.url.get_backend_name() != "sqlite":
                with self._connect(statement) as connection:
                    return work(connection)
            # Reading the schema needs PRAGMA, which queries may not use.
            engine = create_engine("sqlite://", creator=self._open_file, poolclass=NullPool)
            with engine.connect() as connection:
                statement.connection = connection
                return work(connection)

        return await self._run(self._threads, run, statement)

    async def stream(
        self, sql: str, values: Mapping[str, Any], timeout_ms: int
    ) -> AsyncGenerator[Rows]:
        """Run a query and hand over its rows in batches, on a connection and thread of its own."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="sql-source-stream")
        statement = _Statement()
        open_now = ExitStack()

        def start() -> CursorResult[Any]:
            connection = open_now.enter_context(self._connect(statement))
            connection.detach()  # Closed with the stream, though the pool may be gone by then.
            if self.url.get_backend_name() == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(timeout_ms)}")
            result = self._execute(connection, sql, values, timeout_ms, BATCH)
            open_now.callback(result.close)
            return result

        try:
            result = await self._run(thread, start, statement)
            columns = _columns(result)
            while True:
                records = await self._run(thread, lambda: _records(result, BATCH), statement)
                yield Rows(columns, records)
                if len(records) < BATCH:
                    return
        finally:
            # The same single thread: it closes after whatever it was doing.
            closed = asyncio.get_running_loop().run_in_executor(thread, open_now.close)
            thread.shutdown(wait=False)
            await asyncio.shield(closed)

    async def aclose(self) -> None:
        """Close the connections and let the threads end; one that hangs is not waited for."""
        loop = asyncio.get_running_loop()
        ended = loop.run_in_executor(None, partial(self._threads.shutdown, cancel_futures=True))
        await asyncio.wait({ended}, timeout=_CONNECT_TIMEOUT_S)
        engine, self._engine = self._engine, None
        if engine is not None:
            await loop.run_in_executor(None, engine.dispose)

    async def _run(
        self, threads: ThreadPoolExecutor, work: Callable[[], T], statement: _Statement
    ) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except asyncio.CancelledError:
            statement.give_up()
            raise
        except exc.TimeoutError:
            raise SourceError(
                ErrorKind.BUSY, "all connections of this source are in use: raise max_connections"
            ) from None
        except (exc.SQLAlchemyError, sqlite3.Error, ImportError, OSError) as error:
            raise source_error(error, self.timeout_ms) from None

    def _connect(self, statement: _Statement) -> Connection:
        with self._making:  # The first questions come at once: one engine for all of them.
            engine = self._engine = self._engine or self._make_engine()
        connection = engine.connect()
        statement.connection = connection
        if statement.cancelled:
            connection.close()
            raise SourceError(ErrorKind.UNAVAILABLE, "given up before it began")
        return connection

    def _execute(
        self,
        connection: Connection,
        sql: str,
        values: Mapping[str, Any],
        timeout_ms: int,
        batch: int,
    ) -> CursorResult[Any]:
        driver = connection.connection.driver_connection
        if isinstance(driver, _ReadOnlySqlite):
            driver.deadline = time.monotonic() + timeout_ms / 1000
        # On PostgreSQL a stream is a declared cursor: that alone can only be one SELECT.
        options = {"yield_per": batch}
        statement = text(sql.strip().rstrip(";"))
        wanted = {name: values.get(name) for name in parameters(sql)}
        return connection.execute(statement, wanted, execution_options=options)

    def _make_engine(self) -> Engine:
        pool: dict[str, Any] = {
            "pool_size": self.max_connections,
            "max_overflow": 1,
            "pool_timeout": 2,
        }
        backend = self.url.get_backend_name()
        if backend == "sqlite":
            return create_engine(
                "sqlite://", creator=self._open_sqlite, poolclass=QueuePool, **pool
            )
        arguments: dict[str, Any] = {}
        if backend == "postgresql":
            settings = {
                "default_transaction_read_only": "on",
                "statement_timeout": str(self.timeout_ms),
                "lock_timeout": str(min(_LOCK_TIMEOUT_MS, self.timeout_ms)),
            }
            arguments = {
                "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
                "connect_timeout": _CONNECT_TIMEOUT_S,
                "application_name": "screenpop",
            }
        elif backend in {"mysql", "mariadb"}:
            arguments = {"connect_timeout": _CONNECT_TIMEOUT_S}
        options = {"postgresql_readonly": True} if backend == "postgresql" else {}
        engine = create_engine(
            self.url,
            connect_args=arguments,
            pool_pre_ping=True,
            pool_recycle=1_800,
            execution_options=options,
            **pool,
        )
        event.listen(engine, "handle_error", _close_cursor)
        if backend in {"mysql", "mariadb"}:
            event.listen(engine, "connect", self._restrict_mysql)
        return engine

    def _open_sqlite(self) -> sqlite3.Connection:
        connection = self._open_file()
        connection.restrict()
        return connection

    def _open_file(self) -> _ReadOnlySqlite:
        path = self.folder / (self.url.database or "")
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        return sqlite3.connect(
            uri, uri=True, check_same_thread=False, timeout=1.0, factory=_ReadOnlySqlite
        )

    def _restrict_mysql(self, connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            try:
                cursor.execute(f"SET SESSION max_execution_time = {int(self.timeout_ms)}")
            except Exception:  # noqa: BLE001 - each driver has its own error: this is MariaDB
                cursor.execute(f"SET SESSION max_statement_time = {self.timeout_ms / 1000}")


@lru_cache(maxsize=256)
def parameters(sql: str) -> frozenset[str]:
    """Return the names of the bound parameters of a query: `:remote_id` is `remote_id`."""
    return frozenset(text(sql).compile().params)


def _close_cursor(context: ExceptionContext) -> None:
    # SQLAlchemy leaves the cursor of a broken connection open; psycopg warns of that.
    if context.is_disconnect and context.execution_context is not None:
        context.execution_context.cursor.close()


def _columns(result: CursorResult[Any]) -> tuple[str, ...]:
    return tuple(name.lower() for name in result.keys())  # noqa: SIM118 - not a mapping


def _records(result: CursorResult[Any], count: int) -> list[dict[str, Any]]:
    columns = _columns(result)
    rows: Sequence[Any] = result.fetchmany(count)
    return [dict(zip(columns, row, strict=True)) for row in rows]
