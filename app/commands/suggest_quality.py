"""`screenpop suggest explain | quality`: why these items, and how good the tables are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from app.commands.common import NoMigrate, console, errors, fail, opened, prepare, run
from app.core.pop import dumps
from app.errors import AppError, UserError
from app.explaining import explain_customer, explain_number
from app.settings import Settings
from app.store.suggestions import fits
from app.suggest.quality import measure

_METHODS = {
    "ours": "ours",
    "personal": "what the customer buys most",
    "popular": "what everybody buys",
    "cosine": "cosine",
    "confidence": "confidence",
}


def explain(
    customer: Annotated[str, typer.Argument(help="A customer's id, or a phone number.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
    no_migrate: NoMigrate = False,
) -> None:
    """Print why each item is suggested to a customer, and what was left out and why."""
    said = run(_explain(prepare(), customer, no_migrate))
    if as_json:
        typer.echo(dumps(said).decode())
    else:
        _print_explanation(said)


async def _explain(settings: Settings, customer: str, no_migrate: bool) -> dict[str, Any]:
    async with opened(settings, no_migrate=no_migrate) as rt:
        try:
            return await explain_customer(rt, customer)
        except AppError as error:
            if error.status != 404:
                raise
        return await explain_number(rt, customer)


def _print_explanation(said: Mapping[str, Any]) -> None:
    tables = f"fit {said['fit']}" if said["fit"] else "no fit yet: popular items and habits"
    console.print(f"{said['display_name']} ({said['customer_id']}); {tables}", markup=False)
    history = said["history"]
    if said["status"] == "not_configured":
        console.print("No connector brings purchase history.")
    elif history is None:
        console.print(f"No suggestions: {said['status']}.")
    elif history["baskets"]:
        console.print(
            f"{history['baskets']} days with purchases of {history['items']} items,"
            f" {history['first_day']} to {history['last_day']}"
        )
    else:
        console.print("Nothing bought yet.")
    if said["blocked"]:
        console.print("Nothing is offered: the customer is on credit hold.")
    for name, title in (("next", "Next"), ("goes_with", "Goes with")):
        if said[name]:
            table = Table("item", "score", "why", "numbers", box=None, title=title)
            for each in said[name]:
                label = f"{each['name'] or each['item_id']} ({each['item_id']})"
                numbers = _numbers(each["numbers"])
                table.add_row(label, f"{each['score']:.4f}", each["reason"], numbers)
            console.print(table, markup=False)
    if said["left_out"]:
        table = Table("item", "list", "left out because", box=None, title="Left out")
        for each in said["left_out"]:
            table.add_row(f"{each['name']} ({each['item_id']})", each["list"], each["text"])
        console.print(table, markup=False)


def _numbers(numbers: Mapping[str, Any]) -> str:
    if "with" in numbers:
        return (
            f"with {numbers['with']['name']}: {numbers['together']} orders with both,"
            f" {numbers['with_baskets']} with it, {numbers['item_baskets']} with the item"
        )
    if "share" not in numbers:
        return f"popularity {numbers['popularity']} × new {numbers['new_factor']}"
    return (
        f"share {numbers['share']} × loyalty {numbers['loyalty_factor']}"
        f" × trend {numbers['trend_factor']} × due {numbers['due_factor']}"
        f" × history {numbers['history_factor']}"
    )


def quality(
    history: Annotated[
        Path | None,
        typer.Option("--history", help="CSV with purchases to measure on, instead of the fits'."),
    ] = None,
    no_migrate: NoMigrate = False,
) -> None:
    """Print how well the tables foretell last baskets that they do not know."""
    if history is not None:
        _print_quality(_measured(history))
        return
    for fit in reversed(run(_fits(prepare(), no_migrate))):
        console.print(f"fit {fit.number} ({fit.state}), {fit.finished_at:%Y-%m-%d %H:%M} UTC")
        _print_quality(fit.quality)


async def _fits(settings: Settings, no_migrate: bool) -> Sequence[Any]:
    async with opened(settings, no_migrate=no_migrate) as rt, rt.db.read() as session:
        found = await fits(session)
    if not found:
        raise UserError("the tables were never fitted: screenpop suggest fit")
    return found


def _measured(path: Path) -> dict[str, Any]:
    # Here, and not above: the engine is of no use to the server's process.
    from app.suggest.csv_history import CsvHistory
    from app.suggest.duck import DuckEngine

    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("reading", total=1.0)
        try:
            with DuckEngine() as engine:
                lines = CsvHistory(path, engine.db)
                engine.read(lines.relation, lines.parameters, lines.last_day)
                return measure(
                    engine,
                    progress=lambda step, share: bar.update(
                        task, description=step, completed=share
                    ),
                ).to_json()
        except UserError as error:
            bar.stop()
            fail(error)


def _print_quality(found: Mapping[str, Any] | None) -> None:
    if not found or not found["customers"]:
        console.print("  not measured: it takes customers who bought on three days or more")
        return
    at = found["at"]
    table = Table(
        f"next baskets of {found['customers']} customers", "recall", "ndcg", "hit rate", box=None
    )
    for name, each in found["next"].items():
        numbers = (f"{each[what]:.4f}" for what in ("recall", "ndcg", "hit"))
        table.add_row(f"{_METHODS[name]} @{at}", *numbers)
    console.print(table)
    if found["goes_with"]:
        table = Table(f"hidden items of {found['baskets']} baskets", "hit rate", box=None)
        for name, each in found["goes_with"].items():
            table.add_row(f"{_METHODS[name]} @{at}", f"{each['hit']:.4f}")
        console.print(table)
