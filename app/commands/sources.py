"""`screenpop connectors list | check | sync`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.commands.common import NoMigrate, console, errors, fail, opened, prepare, run
from app.errors import UserError
from app.runtime import Runtime
from app.settings import Settings
from app.sources.instances import Instance
from app.sources.sync import Progress as SyncProgress
from app.sources.sync import SyncResult, sync
from app.store.configuration import sync_states
from connectors.sdk.types import CheckStatus

app = typer.Typer(no_args_is_help=True, help="Data sources: state, connection test, sync.")
Slugs = Annotated[list[str] | None, typer.Argument(help="Connectors; all when none is named.")]


def _chosen(rt: Runtime, slugs: list[str] | None) -> list[Instance]:
    known = {instance.slug: instance for instance in rt.sources}
    for slug in slugs or ():
        if slug not in known:
            names = ", ".join(known) or "none is configured"
            raise UserError(f"there is no connector {slug} ({names})")
    return [known[slug] for slug in slugs or known]


@app.command("list")
def list_(no_migrate: NoMigrate = False) -> None:
    """Print the connectors and how their last sync went."""
    run(_list(prepare(), no_migrate))


async def _list(settings: Settings, no_migrate: bool) -> None:
    async with opened(settings, no_migrate=no_migrate) as rt:
        async with rt.db.read() as session:
            states = await sync_states(session)
        table = Table("connector", "kind", "brings", "contacts", "numbers", "last sync", box=None)
        for instance in rt.sources:
            state = states.get(instance.slug)
            connector = instance.connector
            brings = instance.fault or ", ".join(sorted(connector.provides if connector else ()))
            last = "never"
            if state is not None and state.finished_at is not None:
                last = f"{state.finished_at:%Y-%m-%d %H:%M:%S}Z"
                last += f": {state.error}" if state.error else ""
            table.add_row(
                instance.slug,
                instance.config.kind,
                brings,
                str(state.contacts) if state else "",
                str(state.numbers) if state else "",
                last,
            )
        console.print(table)


@app.command("check")
def check(slugs: Slugs = None, no_migrate: NoMigrate = False) -> None:
    """Test the connection and every query of each connector."""
    if not run(_check(prepare(), slugs, no_migrate)):
        fail(UserError("a connector is not fit; its line above says what to do"))


async def _check(settings: Settings, slugs: list[str] | None, no_migrate: bool) -> bool:
    fit = True
    async with opened(settings, no_migrate=no_migrate) as rt:
        for instance in _chosen(rt, slugs):
            if instance.connector is None:
                fit = False
                console.print(f"{instance.slug}: bad_config: {instance.fault}", markup=False)
                continue
            result = await instance.connector.check()
            fit = fit and result.status is CheckStatus.OK
            said = result.text or ", ".join(result.proved)
            console.print(f"{instance.slug}: {result.status}: {said}", markup=False)
    return fit


@app.command("sync")
def sync_command(
    slugs: Slugs = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything, not only what changed.")
    ] = False,
    no_migrate: NoMigrate = False,
) -> None:
    """Refresh the phone index from the connectors' contacts."""
    if not run(_sync(prepare(), slugs, full, no_migrate)):
        fail(UserError("a sync failed; its line above says why"))


async def _sync(settings: Settings, slugs: list[str] | None, full: bool, no_migrate: bool) -> bool:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed} contacts"),
        TimeElapsedColumn(),
    )
    done = True
    async with opened(settings, no_migrate=no_migrate) as rt:
        with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
            for instance in _chosen(rt, slugs):
                task = bar.add_task(instance.slug, total=None)

                def moved(now: SyncProgress, task: object = task) -> None:
                    bar.update(task, completed=now.contacts, total=now.total)  # type: ignore[arg-type]

                if not instance.provides("contacts"):
                    continue
                if instance.connector is None:
                    done = False
                    console.print(f"{instance.slug}: {instance.fault}", markup=False)
                    continue
                result = await sync(
                    instance.connector,
                    instance.config.region,
                    instance.config.priority,
                    rt.contacts,
                    full=full,
                    progress=moved,
                    clock=rt.clock,
                )
                done = done and result.error is None
                _report(result)
    return done


def _report(result: SyncResult) -> None:
    line = f"{result.connector}: {result.contacts} contacts, {result.numbers} numbers"
    if result.removed:
        line += f", {result.removed} gone"
    if result.rejected_count:
        line += f", {result.rejected_count} not usable"
    console.print(line + (f": {result.error}" if result.error else ""), markup=False)
    for row in result.rejected[:10]:
        console.print(f"  {row.where}: {row.why}", markup=False)
    if result.rejected_count > 10:
        console.print(f"  … and {result.rejected_count - 10} more")
