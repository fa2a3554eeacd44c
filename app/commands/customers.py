"""`screenpop customers duplicates | merge | undo | take-out | put-back | quality`."""

from __future__ import annotations

import csv
import sys
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.commands.common import NoMigrate, console, errors, opened, prepare, run
from app.core.cells import safe_cells
from app.core.identity import Ref
from app.core.quality import KINDS
from app.errors import UserError
from app.runtime import Runtime
from app.settings import Settings
from app.store import customers, merging, parting
from app.store.accounts import user_by_email
from app.store.scan import Scanned, scan

app = typer.Typer(
    no_args_is_help=True, help="Customers: duplicates, merges, records to mend in their source."
)
By = Annotated[str, typer.Option("--user", help="E-mail address of the user who decides.")]
_SHOWN = 50


@app.command("duplicates")
def duplicates(
    show: Annotated[int, typer.Option(help="How many of the likeliest pairs are printed.")] = 20,
    no_migrate: NoMigrate = False,
) -> None:
    """Look for customers that are likely one, and for records to mend; print the likeliest."""
    run(_duplicates(prepare(), show, no_migrate))


async def _duplicates(settings: Settings, show: int, no_migrate: bool) -> None:
    async with opened(settings, no_migrate=no_migrate) as rt:
        columns = (SpinnerColumn(), TextColumn("{task.completed} customers"), TimeElapsedColumn())
        with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
            task = bar.add_task("customers", total=None)
            found = await scan(
                rt.db, rt.clock(), progress=lambda done: bar.update(task, completed=done)
            )
        _say(found)
        async with rt.db.read() as session:
            pairs = await customers.proposals(session, None, min(show, _SHOWN))
    table = Table("score", "customer", "and", "because", box=None)
    for pair in pairs:
        left, right = pair["left"], pair["right"]
        table.add_row(
            f"{pair['score']:.2f}",
            f"{left.get('display_name', '')} ({left['customer_id']})",
            f"{right.get('display_name', '')} ({right['customer_id']})",
            "; ".join(pair["reasons"]),
        )
    if pairs:
        console.print(table)


def _say(found: Scanned) -> None:
    line = f"{found.customers} customers, {found.proposals} likely duplicates to decide"
    if found.left_out:
        line += f" (and {found.left_out} less likely ones, next time)"
    console.print(f"{line}, {found.issues} things to mend, {found.seconds:.1f} s")


@app.command("merge")
def merge(survivor: str, gone: str, user: By, no_migrate: NoMigrate = False) -> None:
    """Make the second customer part of the first."""
    run(_merge(prepare(), survivor, gone, user, no_migrate))


async def _merge(settings: Settings, survivor: str, gone: str, user: str, no_migrate: bool) -> None:
    async with opened(settings, no_migrate=no_migrate) as rt:
        user_id = await _decider(rt, user)
        async with rt.db.begin() as session:
            conn = await session.connection()
            made = await merging.merge(conn, survivor, gone, user_id=user_id, at=rt.clock())
        await rt.bus.publish({"customers": [made.survivor_id, made.gone_id]})
    console.print(
        f"merge {made.merge_id}: {made.gone_id} is part of {made.survivor_id} now, with "
        f"{made.records} records and {made.calls} calls"
    )


@app.command("undo")
def undo(merge_id: int, user: By, no_migrate: NoMigrate = False) -> None:
    """Take a merge back, with both histories; the rules do not join the two again."""
    run(_undo(prepare(), merge_id, user, no_migrate))


async def _undo(settings: Settings, merge_id: int, user: str, no_migrate: bool) -> None:
    async with opened(settings, no_migrate=no_migrate) as rt:
        user_id = await _decider(rt, user)
        async with rt.db.begin() as session:
            conn = await session.connection()
            parted = await merging.undo(conn, merge_id, user_id=user_id, at=rt.clock())
        await rt.bus.publish({"customers": [parted.survivor_id, parted.gone_id]})
    console.print(
        f"{parted.gone_id} is a customer of its own again, with {parted.records} records and "
        f"{parted.calls} calls"
    )
    if parted.calls_kept:
        console.print(
            f"{parted.calls_kept} calls since the merge came from numbers of both or of neither: "
            f"they stay with {parted.survivor_id}"
        )


@app.command("take-out")
def take_out(
    customer: str, connector: str, record: str, user: By, no_migrate: NoMigrate = False
) -> None:
    """Take a record (its id in that connector) out of a customer that the rules joined it to."""
    run(_take_out(prepare(), customer, Ref(connector, record), user, no_migrate))


async def _take_out(
    settings: Settings, customer: str, ref: Ref, user: str, no_migrate: bool
) -> None:
    async with opened(settings, no_migrate=no_migrate) as rt:
        user_id = await _decider(rt, user)
        async with rt.db.begin() as session:
            conn = await session.connection()
            made = await parting.take_out(conn, customer, ref, user_id=user_id, at=rt.clock())
        await rt.bus.publish({"customers": sorted({customer, made.customer_id, made.parted_id})})
    console.print(
        f"parting {made.parting_id}: {ref.connector} {ref.remote_id} is {made.parted_id} now, with "
        f"{made.calls} calls; no rule joins it to {made.customer_id} again"
    )
    if made.calls_kept:
        console.print(
            f"{made.calls_kept} calls came from numbers of both or of neither: they stay with "
            f"{made.customer_id}"
        )


@app.command("put-back")
def put_back(parting_id: int, user: By, no_migrate: NoMigrate = False) -> None:
    """Take back that a record was taken out; the rules decide again whose it is."""
    run(_put_back(prepare(), parting_id, user, no_migrate))


async def _put_back(settings: Settings, parting_id: int, user: str, no_migrate: bool) -> None:
    async with opened(settings, no_migrate=no_migrate) as rt:
        user_id = await _decider(rt, user)
        async with rt.db.begin() as session:
            conn = await session.connection()
            back = await parting.put_back(conn, parting_id, user_id=user_id, at=rt.clock())
        await rt.bus.publish({"customers": sorted({back.customer_id, back.parted_id})})
    if back.joined:
        console.print(f"the record is part of {back.customer_id} again")
    else:
        console.print(
            f"the word is taken back, but no rule joins {back.parted_id} and {back.customer_id} "
            "now: merge them if they are one"
        )


async def _decider(rt: Runtime, email: str) -> str:
    async with rt.db.read() as session:
        user = await user_by_email(session, email.lower())
    if user is None or user.role == "agent":
        raise UserError(f"{email} is no supervisor or admin: name one who may decide")
    return user.id


@app.command("quality")
def quality(
    connector: Annotated[str | None, typer.Option(help="Only this connector's records.")] = None,
    kind: Annotated[str | None, typer.Option(help=f"Only one of {', '.join(KINDS)}.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all of it as CSV.")] = False,
    no_migrate: NoMigrate = False,
) -> None:
    """Print what is to be mended in the sources, as the last look through the customers found."""
    run(_quality(prepare(), connector, kind, as_csv, no_migrate))


async def _quality(
    settings: Settings, connector: str | None, kind: str | None, as_csv: bool, no_migrate: bool
) -> None:
    if kind is not None and kind not in KINDS:
        raise UserError(f"there is no kind {kind} ({', '.join(KINDS)})")
    async with opened(settings, no_migrate=no_migrate) as rt:
        if as_csv:
            write = csv.writer(sys.stdout).writerow
            write(customers.ISSUE_COLUMNS)
            async for issue in customers.all_issues(rt.db, connector, kind):
                write(safe_cells(issue, customers.ISSUE_COLUMNS))
            return
        async with rt.db.read() as session:
            counts = await customers.issue_counts(session)
            found = await customers.issues(session, connector, kind, None, _SHOWN)
    total = Table("connector", "kind", "records", box=None)
    for count in counts:
        if connector in (None, count["connector"]) and kind in (None, count["kind"]):
            total.add_row(count["connector"] or "(gone)", count["kind"], str(count["count"]))
    console.print(total)
    table = Table("connector", "record", "name", "what", box=None)
    for issue in found:
        cells = (issue["connector"], issue["remote_id"], issue["display_name"], issue["text"])
        table.add_row(*cells)
    console.print(table)
