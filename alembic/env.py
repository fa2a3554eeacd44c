"""How Alembic runs: on the connection it is given, else on SCREENPOP_DATABASE_URL."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

# Imported because their tables are Base's too.
from app.store import customer_models, source_models, suggestion_models  # noqa: F401
from app.store.engine import open_engine
from app.store.models import Base
from app.store.types import Json, UtcDateTime


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our types as what they are in the database: a migration never imports the program."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    return False


def run(connection: sa.Connection) -> None:
    """Run the migrations on this connection, inside its transaction if it has one."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_from_the_environment() -> None:
    """Run on the database that a developer names."""
    engine = open_engine(os.environ["SCREENPOP_DATABASE_URL"], foreign_keys=False)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(run_from_the_environment())
else:
    run(given)
