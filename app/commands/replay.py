"""`screenpop replay`: recorded webhooks sent again, for finding out what a phone system does."""

from __future__ import annotations

import asyncio
import http.client
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.calls import not_reached, send
from app.commands.common import NoMigrate, console, errors, fail, opened, prepare, run
from app.errors import UserError
from app.recording import Recorded, in_order, read_recording
from app.runtime import utc_now
from app.settings import Settings
from app.telephony.base import HookRequest, PhoneSystem, SignedRequest

_LONGEST_SHOWN = 200


def replay(
    file: Annotated[Path, typer.Argument(help="Recorded webhooks, one JSON object a line.")],
    url: Annotated[
        str | None, typer.Option(help="Address of the server; default: the public URL, else local.")
    ] = None,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Send each one twice.")] = False,
    shuffle: Annotated[
        int | None, typer.Option(metavar="SEED", help="Send them in another order, by this seed.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, help="How much faster than recorded; 0: without waiting.")
    ] = 1,
    no_migrate: NoMigrate = False,
) -> None:
    """Send recorded webhooks again, signed as of now where the phone system's format allows it."""
    settings = prepare()
    base = (url or settings.public_url or "http://127.0.0.1:8000").rstrip("/")
    try:
        with file.open("rb") as lines:
            recorded = read_recording(lines, str(file))
    except OSError as error:
        fail(UserError(f"{file}: cannot be read: {error.strerror}"))
    except UserError as error:
        fail(error)
    order = in_order(recorded, duplicates=duplicates, seed=shuffle)
    refused = run(_replay(settings, order, base, speed, no_migrate))
    errors.print(f"{len(order)} sent, {refused} refused", soft_wrap=True)
    if refused:
        raise typer.Exit(1)


async def _replay(
    settings: Settings, order: list[Recorded], base: str, speed: float, no_migrate: bool
) -> int:
    """Send them all; returns how many were refused."""
    systems = await _phone_systems(settings, {r.phone_system for r in order}, no_migrate)
    for slug, recorded in sorted({each.phone_system: each for each in order}.items()):
        if systems[slug].signed_again(_request(recorded, base)) is None:
            note = f"{slug} ({systems[slug].kind}) cannot be signed again: it is sent as recorded"
            errors.print(note, markup=False, soft_wrap=True)
    refused = 0
    for each in order:
        await asyncio.sleep(each.after_ms / 1000 / speed if speed else 0)
        status, body = await _send(each, systems[each.phone_system], base)
        refused += status >= 300
        line = f"{each.phone_system} {status} {body}"
        console.print(line[:_LONGEST_SHOWN], markup=False, soft_wrap=True)
    return refused


async def _phone_systems(
    settings: Settings, slugs: set[str], no_migrate: bool
) -> dict[str, PhoneSystem[Any]]:
    async with opened(settings, no_migrate=no_migrate) as rt:
        for slug in sorted(slugs - rt.phone_systems.keys()):
            known = ", ".join(sorted(rt.phone_systems)) or "none is configured"
            raise UserError(rt.faults.get(slug) or f"there is no phone system {slug} ({known})")
        return {slug: rt.phone_systems[slug] for slug in slugs}


def _request(recorded: Recorded, base: str) -> HookRequest:
    url = f"{base}/hooks/{recorded.phone_system}"
    return HookRequest(
        method=recorded.method,
        url=f"{url}?{recorded.query}" if recorded.query else url,
        query=recorded.query,
        headers=recorded.headers,
        body=recorded.content,
        received_at=utc_now(),
    )


async def _send(recorded: Recorded, system: PhoneSystem[Any], base: str) -> tuple[int, str]:
    request = _request(recorded, base)
    headers = {**request.headers, **(system.signed_again(request) or {})}
    signed = SignedRequest(request.url, headers, request.body)
    try:
        return await asyncio.to_thread(send, signed, request.method)
    except (OSError, http.client.HTTPException):
        raise UserError(not_reached(base)) from None
