"""`screenpop suggest`: what customers will buy next and what goes with a basket, in batch."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from app.campaign import LastPurchase
from app.commands.campaigns import (
    BoughtAfter,
    BoughtBefore,
    Consent,
    Tiers,
    WithoutTags,
    WithTags,
    write_campaign,
)
from app.commands.common import NoMigrate, console, errors, fail, opened, prepare, run
from app.errors import UserError
from app.fitting import Fitted, fit_history
from app.garbage import spare_the_collector
from app.settings import Settings
from app.store.audience import Audience

app = typer.Typer(no_args_is_help=True, help="Suggested items: in batch, and why.")

HistoryFile = Annotated[
    Path,
    typer.Option(
        "--history",
        help="CSV with customer_id,basket_id,date,item_id,qty,price: all known purchases.",
    ),
]
OutFile = Annotated[Path, typer.Option("--out", help="Where to write the suggestions (CSV).")]
Rows = Annotated[int, typer.Option("--rows", min=1, max=1_000, help="Most items for each.")]
_Work = Callable[..., str]
_LOWEST = 19


@app.command("next")
def next_(
    out: OutFile,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            help="CSV with customer_id,basket_id,date,item_id,qty,price: all known purchases."
            " Without it: the synchronised history, for a campaign.",
        ),
    ] = None,
    targets: Annotated[
        Path | None,
        typer.Option("--targets", help="CSV with customer_id,as_of; with --history."),
    ] = None,
    rows: Rows = 20,
    tier: Tiers = None,
    with_tag: WithTags = None,
    without_tag: WithoutTags = None,
    consent: Consent = False,
    bought_after: BoughtAfter = None,
    bought_before: BoughtBefore = None,
    no_migrate: NoMigrate = False,
) -> None:
    """Write what each customer will likely buy next; without --history, a campaign's list."""
    chosen = tier or with_tag or without_tag or consent or bought_after or bought_before
    if history is not None and targets is not None and not chosen:
        # Here, and not above: its database engine is of no use to the server's process.
        from app.suggest.batch import suggest_next

        _run(suggest_next, history, targets, out, rows)
        return
    if history is not None or targets is not None:
        why = (
            "choosing customers is for the synchronised history: leave out --history and --targets"
            if chosen
            else "--history and --targets go together (or neither, for the synchronised history)"
        )
        raise typer.BadParameter(why)
    wanted = Audience(
        frozenset(tier or ()), frozenset(with_tag or ()), frozenset(without_tag or ()), consent
    )
    last = LastPurchase(_date(bought_after), _date(bought_before))
    write_campaign(prepare(), wanted, last, out, rows, no_migrate=no_migrate)


def _date(value: datetime | None) -> date | None:
    return value and value.date()


@app.command("goes-with")
def goes_with(
    history: HistoryFile,
    queries: Annotated[
        Path, typer.Option("--queries", help="CSV with query_id,as_of,item_ids (; between ids).")
    ],
    out: OutFile,
    rows: Rows = 20,
) -> None:
    """Write what goes with each basket."""
    from app.suggest.batch import suggest_goes_with

    _run(suggest_goes_with, history, queries, out, rows)


@app.command("fit")
def fit(
    beside: Annotated[
        bool, typer.Option("--beside", help="At the lowest priority, as the server does it.")
    ] = False,
    no_migrate: NoMigrate = False,
) -> None:
    """Fit the tables of the pop's suggestions from the synchronised purchase history."""
    if beside:
        os.nice(_LOWEST)
    done = run(_fit(prepare(), no_migrate))
    console.print(
        f"fit {done.number}: {done.lines} lines, {done.customers} customers, {done.items} items"
    )


async def _fit(settings: Settings, no_migrate: bool) -> Fitted:
    spare_the_collector()
    async with opened(settings, no_migrate=no_migrate) as rt:
        with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
            task = bar.add_task("history", total=1.0)
            return await fit_history(
                rt, lambda step, share: bar.update(task, description=step, completed=share)
            )


def _run(work: _Work, history: Path, asked: Path, out: Path, rows: int) -> None:
    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task("reading", total=1.0)

        def progress(step: str, share: float) -> None:
            bar.update(task, description=step, completed=share)

        try:
            note = work(history, asked, out, rows=rows, progress=progress)
        except UserError as error:
            bar.stop()
            fail(error)
    if note:
        errors.print(note)
