"""`screenpop apply` and `screenpop export`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.commands.common import NoMigrate, console, errors, opened, prepare, run
from app.configuration_file import plan_file
from app.configure import Change, apply_plan
from app.configure import export as export_configuration
from app.settings import Settings


def apply(
    file: Annotated[Path, typer.Argument(help="The configuration, as YAML.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change.")] = False,
    no_migrate: NoMigrate = False,
) -> None:
    """Make the configuration equal to a file.

    What a list of the file leaves out is removed; a list that the file does not have stays.
    """
    changes = run(_apply(prepare(), file, dry_run, no_migrate))
    for change in changes:
        console.print(str(change), markup=False, soft_wrap=True)
    counts = {verb: sum(c.verb == verb for c in changes) for verb in _VERBS}
    said = ", ".join(f"{count} {verb}" for verb, count in counts.items())
    errors.print(f"{'Would be: ' if dry_run else ''}{said}", markup=False)


_VERBS = ("created", "changed", "unchanged", "removed")


async def _apply(
    settings: Settings, file: Path, dry_run: bool, no_migrate: bool
) -> Sequence[Change]:
    plan = plan_file(file, os.environ)
    async with opened(settings, no_migrate=no_migrate) as rt:
        return await apply_plan(rt.db, rt.secrets, plan, dry_run=dry_run)


def export(no_migrate: NoMigrate = False) -> None:
    """Print the configuration as such a file, secrets as `{env: …}`."""
    typer.echo(run(_export(prepare(), no_migrate)), nl=False)


async def _export(settings: Settings, no_migrate: bool) -> str:
    async with opened(settings, no_migrate=no_migrate) as rt:
        return await export_configuration(rt.db, rt.secrets)
