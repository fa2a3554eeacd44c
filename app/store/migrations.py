"""Brings the database's schema up to date with Alembic, and says when it cannot be.

A migration's file name starts with its revision, four digits that count up: the newest file
is the newest schema, which can be seen without loading Alembic.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

import app
from app.errors import UserError

# Imported because their tables are Base's too.
from app.store import customer_models, source_models, suggestion_models  # noqa: F401
from app.store.engine import connected, open_engine, parse_url
from app.store.models import Base

_LOCK = 0x5C_2E_E4_90  # any number that no other program in the database takes
_VERSION_TABLE = "alembic_version"


def migrations_folder() -> Path:
    """Return the folder of the migrations: in the wheel, else in the checkout."""
    package = Path(app.__file__).parent
    wheel = package / "_alembic"
    return wheel if wheel.is_dir() else package.parent / "alembic"


def newest_revision() -> str:
    """Return the revision that this program needs."""
    return max(_revisions())


async def migrate(url: str, to: str | None = None) -> None:
    """Migrate to the newest schema, or to an older revision (`base` for none at all).

    Quick when there is nothing to do; of several processes one migrates and the others wait.

    Raises:
        UserError: the database cannot be used or has a newer schema; says the cure.
    """
    target = to or newest_revision()
    engine = open_engine(url, foreign_keys=False)
    address = parse_url(url)
    try:
        reader = engine.execution_options(screenpop_read=True)
        async with connected(reader, address) as connection:
            if await _current(connection) == target:
                return
        async with connected(engine, address) as connection:
            await _lock(connection)
            current = await _current(connection)
            if current != target:
                await connection.run_sync(_run, current, target, address)
            await connection.commit()
    finally:
        await engine.dispose()


def _revisions() -> list[str]:
    return [path.name[:4] for path in (migrations_folder() / "versions").glob("[0-9]*.py")]


async def _current(connection: AsyncConnection) -> str | None:
    def read(sync: Connection) -> str | None:
        if not inspect(sync).has_table(_VERSION_TABLE):
            return None
        found: str | None = sync.scalar(text("SELECT version_num FROM alembic_version"))
        return found

    return await connection.run_sync(read)


async def _lock(connection: AsyncConnection) -> None:
    # On SQLite the transaction itself is the lock (BEGIN IMMEDIATE).
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _run(connection: Connection, current: str | None, target: str, url: URL) -> None:
    from alembic import command
    from alembic.config import Config

    if current is not None and current not in _revisions():
        raise UserError(
            f"the database has schema {current}, newer than this screenpop knows "
            f"({newest_revision()}): install the newer screenpop, or restore a backup"
        )
    if current is None:
        _refuse_foreign_tables(connection, url)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    if target == "base" or (current is not None and target < current):
        command.downgrade(config, target)
    else:
        command.upgrade(config, target)


def _refuse_foreign_tables(connection: Connection, url: URL) -> None:
    taken = sorted(set(inspect(connection).get_table_names()) & set(Base.metadata.tables))
    if taken:
        raise UserError(
            f"the database {url.database} has a table {taken[0]} that is not screenpop's: "
            "give screenpop a database of its own"
        )
