"""`screenpop connectors list | check | sync`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.commands.common import NoMigrate, console, errors, fail, opened, prepare, run
from app.core.sync import PARTS, Part
from app.errors import UserError
from app.garbage import spare_the_collector
from app.runtime import Runtime
from app.settings import Settings
from app.sources.instances import Instance
from app.sources.sync import NOUNS, SyncResult
from app.sources.sync import Progress as SyncProgress
from app.store.configuration import sync_states
from app.store.grants import grants_by_connector
from app.store.models import SyncState
from app.store.source_health import LastWord, last_words
from app.store.source_models import OAuthGrant
from app.syncs import sync_source
from connectors.sdk.types import CheckStatus

app = typer.Typer(no_args_is_help=True, help="Data sources: state, connection test, sync.")
LOOKED_BACK = timedelta(hours=6)
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
            grants = await grants_by_connector(session)
            words = await last_words(session, rt.clock() - LOOKED_BACK)
        columns = (
            "connector",
            "kind",
            "state",
            "brings",
            *(NOUNS[part] for part in PARTS),
            "last sync",
        )
        table = Table(*columns, box=None)
        for instance in rt.sources:
            parts = states.get(instance.slug, {})
            connector = instance.connector
            brings = instance.fault or ", ".join(sorted(connector.provides if connector else ()))
            table.add_row(
                instance.slug,
                instance.config.kind,
                _state(instance, grants.get(instance.slug), words.get(instance.slug)),
                brings,
                *(str(parts[part].kept) if part in parts else "" for part in PARTS),
                _last(parts),
            )
        console.print(table)


def _last(parts: Mapping[str, SyncState]) -> str:
    """Say when a sync ended last, and what went wrong in it."""
    ended = [state.finished_at for state in parts.values() if state.finished_at is not None]
    if not ended:
        return "never"
    said = [f"{part}: {state.error}" for part, state in parts.items() if state.error]
    return "; ".join([f"{max(ended):%Y-%m-%d %H:%M:%S}Z", *said])


def _state(instance: Instance, grant: OAuthGrant | None, word: LastWord | None) -> str:
    """Say how a source is, and what a person has to do."""
    connector, slug = instance.connector, instance.slug
    if connector is None:
        return "bad_config"
    if connector.oauth_kind(connector.config) is not None:
        if grant is None or grant.kind != connector.kind:
            return f"not connected: connect it on /admin/sources/{slug}"
        if grant.refused_at is not None:
            since = f"{grant.refused_at:%Y-%m-%d %H:%M}Z"
            return f"auth_expired since {since}: connect it again on /admin/sources/{slug}"
    if word is None:
        return "not asked lately"
    if word.failing_since is not None:
        return f"{word.code} since {word.failing_since:%Y-%m-%d %H:%M}Z"
    return "ok"


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
    """Refresh the phone index, the purchase history and the catalogue."""
    if not run(_sync(prepare(), slugs, full, no_migrate)):
        fail(UserError("a sync failed; its line above says why"))


async def _sync(settings: Settings, slugs: list[str] | None, full: bool, no_migrate: bool) -> bool:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed} {task.fields[noun]}"),
        TimeElapsedColumn(),
    )
    done = True
    spare_the_collector()
    async with opened(settings, no_migrate=no_migrate) as rt:
        with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
            for instance in _chosen(rt, slugs):
                if instance.connector is None:
                    done = False
                    console.print(f"{instance.slug}: {instance.fault}", markup=False)
                    continue
                results = await sync_source(rt, instance, full=full, progress=_shown_in(bar))
                for result in results:
                    done = done and result.error is None
                    _report(result)
    return done


def _shown_in(bar: Progress) -> Callable[[SyncProgress], None]:
    """Return what moves a bar for each part of a source."""
    tasks: dict[tuple[str, Part], TaskID] = {}

    def moved(now: SyncProgress) -> None:
        key = (now.connector, now.part)
        if key not in tasks:
            noun = NOUNS[now.part]
            tasks[key] = bar.add_task(f"{now.connector}, {noun}", total=None, noun=noun)
        bar.update(tasks[key], completed=now.records, total=now.total)

    return moved


def _report(result: SyncResult) -> None:
    line = f"{result.connector}: {result.records} {NOUNS[result.part]}"
    if result.part == "contacts":
        line += f", {result.numbers} numbers"
    if result.removed:
        line += f", {result.removed} gone"
    if result.rejected_count:
        line += f", {result.rejected_count} not usable"
    console.print(line + (f": {result.error}" if result.error else ""), markup=False)
    for row in result.rejected[:10]:
        console.print(f"  {row.where}: {row.why}", markup=False)
    if result.rejected_count > 10:
        console.print(f"  … and {result.rejected_count - 10} more")
