"""What every command needs: an opened runtime, and errors as one line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from app.errors import AppError, UserError
from app.logs import configure_logging
from app.runtime import Runtime, open_runtime
from app.settings import Settings, load_settings

NoMigrate = Annotated[
    bool, typer.Option("--no-migrate", help="Do not bring the database's schema up to date first.")
]
# A pipe has no width: lines stay whole for grep and other programs.
_WIDE = 240
console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
errors = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE)


def fail(error: UserError | AppError) -> NoReturn:
    """Say on one line what is wrong, and end with status 1."""
    sys.stderr.write(f"{' '.join(str(error).split())}\n")
    raise typer.Exit(1)


def prepare() -> Settings:
    """Read the settings and set up logging."""
    try:
        settings = load_settings()
    except UserError as error:
        fail(error)
    configure_logging(settings.log_format, settings.log_level)
    return settings


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a command to its end; a user's mistake becomes one line and status 1."""
    try:
        return asyncio.run(work)
    except (UserError, AppError) as error:
        fail(error)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@asynccontextmanager
async def opened(settings: Settings, *, no_migrate: bool = False) -> AsyncIterator[Runtime]:
    """Open the runtime for one command."""
    runtime = await open_runtime(settings, run_migrations=not no_migrate)
    try:
        yield runtime
    finally:
        await runtime.close()
