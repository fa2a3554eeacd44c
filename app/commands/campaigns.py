"""`screenpop suggest next` without a file: who gets which offer, from the synchronised history."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from app.campaign import COLUMNS, LastPurchase, campaign
from app.commands.common import console, errors, opened, run
from app.core.cells import safe_cells
from app.errors import UserError
from app.settings import Settings
from app.store.audience import Audience

_DAY = ["%Y-%m-%d"]
Tiers = Annotated[
    list[str] | None,
    typer.Option("--tier", help="Only customers of this tier; may be given several times."),
]
WithTags = Annotated[
    list[str] | None,
    typer.Option("--with-tag", "--tag", help="Only customers with this tag (with all of them)."),
]
WithoutTags = Annotated[
    list[str] | None, typer.Option("--without-tag", help="No customers with this tag.")
]
Consent = Annotated[
    bool,
    typer.Option(
        "--consent", help="Only customers who agreed to marketing, as a source says; unknown is no."
    ),
]
BoughtAfter = Annotated[
    datetime | None,
    typer.Option("--bought-after", formats=_DAY, help="Last purchase on this day or later."),
]
BoughtBefore = Annotated[
    datetime | None,
    typer.Option("--bought-before", formats=_DAY, help="Last purchase before this day."),
]


def write_campaign(
    settings: Settings,
    wanted: Audience,
    last_purchase: LastPurchase,
    out: Path,
    rows: int,
    *,
    no_migrate: bool,
) -> None:
    """Write a campaign's list, and say how long it is."""
    customers, items = run(_write(settings, wanted, last_purchase, out, rows, no_migrate))
    console.print(f"{items} items for {customers} customers in {out}", markup=False)


async def _write(
    settings: Settings,
    wanted: Audience,
    last_purchase: LastPurchase,
    out: Path,
    rows: int,
    no_migrate: bool,
) -> tuple[int, int]:
    customers, items = 0, 0
    async with opened(settings, no_migrate=no_migrate) as rt:
        with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
            task = bar.add_task("customers", total=1.0)

            def progress(step: str, share: float) -> None:
                bar.update(task, description=step, completed=share)

            found = campaign(rt, wanted, last_purchase, rows, progress)
            # The first row is asked for before the file is touched.
            first = await anext(found, None)
            try:
                with out.open("w", encoding="utf-8", newline="") as file:
                    writer = csv.writer(file, lineterminator="\n")
                    writer.writerow(COLUMNS)
                    row = first
                    while row is not None:
                        writer.writerow(safe_cells(row, COLUMNS))
                        customers += row["rank"] == 1
                        items += 1
                        row = await anext(found, None)
            except OSError as error:
                raise UserError(f"{out} cannot be written: {error.strerror}") from None
    return customers, items
