"""`screenpop lookup` and `screenpop ring`."""

from __future__ import annotations

import asyncio
import http.client
import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.table import Table

from app.commands.common import NoMigrate, console, errors, opened, prepare, run
from app.core.pop import dumps
from app.core.profile import Section
from app.errors import UserError
from app.lookup import profile_of
from app.settings import Settings
from app.telephony.base import TEST_CALL, SignedRequest, TestCall

_TIMEOUT_S = 15.0
_LONGEST_ANSWER = 2_000


def lookup(
    number: Annotated[str, typer.Argument(help="A phone number; quote one with spaces.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the profile as JSON.")] = False,
    no_migrate: NoMigrate = False,
) -> None:
    """Print the merged profile for a number, with each connector's status and time."""
    settings = prepare()
    profile = run(_lookup(settings, number, no_migrate))
    if as_json:
        typer.echo(dumps(profile).decode())
    else:
        _print_profile(profile)


async def _lookup(settings: Settings, number: str, no_migrate: bool) -> dict[str, Any]:
    async with opened(settings, no_migrate=no_migrate) as rt:
        return await profile_of(rt, number)


def _print_profile(profile: dict[str, Any]) -> None:
    number, match, customer = profile["number"], profile["match"], profile["customer"]
    console.print(f"{number.international or number.raw or ''}  match: {match['outcome']}")
    if customer is not None:
        company = customer["company_name"]
        console.print(customer["display_name"] + (f", {company}" if company else ""), markup=False)
    for candidate in match["candidates"]:
        reasons = "; ".join(candidate.reasons)
        console.print(
            f"  {candidate.display_name}: {candidate.level} ({candidate.score}) {reasons}",
            markup=False,
        )
    for alert in profile["alerts"]:
        console.print(f"  ! {alert.text}", markup=False)
    for line in _facts(profile["sections"]):
        console.print(f"  {line}", markup=False)
    table = Table("section", "status", "connector", "answer", "ms", "as of", box=None)
    for name, section in profile["sections"].items():
        if not section.sources:
            table.add_row(name, section.status, "", "", "", "")
        for source in section.sources:
            said = source["error"]["text"] if source["error"] else source["status"]
            as_of = source["as_of"].strftime("%H:%M:%S") if source["as_of"] else ""
            elapsed = "" if source["elapsed_ms"] is None else f"{source['elapsed_ms']:.0f}"
            table.add_row(name, section.status, source["connector"], said, elapsed, as_of)
    console.print(table)


def _facts(sections: Mapping[str, Section]) -> Iterator[str]:
    """Yield the figures that an agent looks at first."""
    data: dict[str, Any] = {n: s.data for n, s in sections.items() if isinstance(s.data, Mapping)}
    if owed := data.get("balance"):
        overdue = f", {owed['overdue_amount']} overdue" if owed["overdue_amount"] else ""
        yield f"owes {owed['balance']} {owed['currency']}{overdue}"
    if terms := data.get("credit_terms"):
        limit = terms["credit_limit"]
        available = f", {terms['credit_available']} available" if terms["credit_available"] else ""
        yield f"credit limit {limit}{available}" if limit is not None else "no credit limit set"
        if terms["on_hold"]:
            yield f"on credit hold: {terms['hold_reason'] or 'no reason given'}"
    if bought := data.get("purchases"):
        yield f"{bought['order_count'] or len(bought['orders'])} orders"
    for section in sections.values():
        for conflict in section.conflicts:
            said = ", ".join(f"{v.connector} says {v.value}" for v in conflict.values)
            yield f"{conflict.field}: {said}; {conflict.chosen} is shown"


def ring(
    system: Annotated[str, typer.Option(help="Slug of the phone system.")],
    caller: Annotated[str, typer.Option("--from", help="Calling number.")],
    extension: Annotated[str, typer.Option(help="Extension that rings.")],
    url: Annotated[
        str | None, typer.Option(help="Address of the server; default: the public URL, else local.")
    ] = None,
    no_migrate: NoMigrate = False,
) -> None:
    """Send a test call through the webhook of a phone system, in its own signed format.

    It rings until the agent dismisses it.
    """
    settings = prepare()
    base = (url or settings.public_url or "http://127.0.0.1:8000").rstrip("/")
    status, body = run(_ring(settings, system, caller, extension, base, no_migrate))
    errors.print(f"{base}/hooks/{system} answered {status}: {body}", markup=False, soft_wrap=True)
    if status >= 300:
        raise typer.Exit(1)


async def _ring(
    settings: Settings, slug: str, caller: str, extension: str, base: str, no_migrate: bool
) -> tuple[int, str]:
    async with opened(settings, no_migrate=no_migrate) as rt:
        system = rt.phone_systems.get(slug)
        if system is None:
            known = ", ".join(sorted(rt.phone_systems)) or "none is configured"
            raise UserError(rt.faults.get(slug) or f"there is no phone system {slug} ({known})")
        call = TestCall(
            call_id=f"{TEST_CALL}{uuid.uuid4().hex[:12]}",
            ani=caller,
            extension=extension,
            now=rt.clock(),
            url=f"{base}/hooks/{slug}",
        )
        request: SignedRequest = system.ring(call)
    try:
        return await asyncio.to_thread(send, request)
    except (OSError, http.client.HTTPException):
        raise UserError(not_reached(base)) from None


def not_reached(base: str) -> str:
    """Say that the server is not there, and what to do."""
    return f"{base} cannot be reached; start the server, or give its address with --url"


def send(request: SignedRequest, method: str = "POST") -> tuple[int, str]:
    """Send a webhook; returns the status and the beginning of the answer.

    Raises:
        OSError: the server cannot be reached.
        HTTPException: it answers, but not in HTTP.
    """
    parts = urlsplit(request.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_TIMEOUT_S)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, request.body, dict(request.headers))
        response = connection.getresponse()
        return response.status, response.read(_LONGEST_ANSWER).decode("utf-8", "replace")
    finally:
        connection.close()
