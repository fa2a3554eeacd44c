"""The `screenpop` command. Exit status: 0 done, 1 it failed, 2 wrong usage."""

from __future__ import annotations

import typer

from app.commands import (
    calls,
    configuring,
    customers,
    demo,
    doctor,
    people,
    replay,
    serve,
    sources,
    suggest,
    suggest_quality,
)

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Screen pop for call centres: who is calling, before the agent answers.",
)
cli.command("serve")(serve.serve)
cli.command("demo")(demo.demo)
cli.command("apply")(configuring.apply)
cli.command("export")(configuring.export)
cli.command("lookup")(calls.lookup)
cli.command("ring")(calls.ring)
cli.command("replay")(replay.replay)
cli.add_typer(sources.app, name="connectors")
suggest.app.command("explain")(suggest_quality.explain)
suggest.app.command("quality")(suggest_quality.quality)
cli.add_typer(suggest.app, name="suggest")
cli.add_typer(customers.app, name="customers")
cli.add_typer(people.users, name="user")
cli.add_typer(people.tokens, name="token")
cli.command("migrate")(serve.migrate)
cli.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command line."""
    cli()


if __name__ == "__main__":
    main()
