"""When the customers are looked through: words to search by, duplicates, what is to be mended."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.errors import UserError
from app.runtime import Runtime
from app.store.apart import run_apart
from app.store.leases import held, hold, release
from app.store.scan import any_customer, due, last_scan, next_due, read_so_far, tell_read
from app.store.words import index_some

INDEX_EVERY_S = 15.0
SCAN_LOOK_EVERY_S = 300.0
_RENEW_EVERY_S = 60.0
_LEASE = timedelta(minutes=5)
# So many customers are indexed in a few milliseconds; more would hold up a call.
_FEW = 20
_SCAN = "customers"
log = structlog.get_logger("scans")


class CannotScan(UserError):
    """The customers are looked through already, or there are none."""


@dataclass(frozen=True, slots=True)
class ScanState:
    """How the look through the customers stands.

    `read`: how many it has read so far, None while none goes on. `next_at`: from when on the next
    one begins by itself; None before the first, which begins within `SCAN_LOOK_EVERY_S`.
    """

    running: bool
    read: int | None
    looked_at: datetime | None
    next_at: datetime | None
    any_customer: bool


async def index_due(rt: Runtime) -> None:
    """Put the names of new and changed customers into the index of words; one process does it."""
    if not await hold(rt.db, "customer_terms", rt.process_id, rt.clock(), _LEASE):
        return
    if await index_some(rt.db, rt.clock(), _FEW) == _FEW:
        indexed = await _apart(rt, "app.store.words", "customer_terms", rt.process_id)
        log.info("customers_indexed", **indexed)


async def scan_due(rt: Runtime) -> None:
    """Look for duplicates and faulty records once a night; one process of all does it."""
    now = rt.clock()
    if not due(await last_scan(rt.db), now) or not await any_customer(rt.db):
        return
    owner = await _begin(rt)
    if owner is not None:
        await _scan(rt, owner)


async def start_scan(rt: Runtime) -> None:
    """Begin a look through the customers now; how far it is says `scan_state`.

    Raises:
        CannotScan: one goes on already, or no customer is known.
    """
    if not await any_customer(rt.db):
        raise CannotScan("no data source has brought a customer yet: there is nobody to look at")
    owner = await _begin(rt)
    if owner is None:
        raise CannotScan("the customers are being looked through already: wait until it is done")

    async def run() -> None:
        try:
            await _scan(rt, owner)
        except Exception:
            log.exception("customers_not_looked_through")

    rt.spawn(run())


async def scan_state(rt: Runtime) -> ScanState:
    """Say whether a look goes on in any process, how far it is, and when the next one begins."""
    running = await held(rt.db, _SCAN, rt.clock())
    last = await last_scan(rt.db)
    return ScanState(
        running=running,
        read=await read_so_far(rt.db) if running else None,
        looked_at=last,
        next_at=next_due(last) if last else None,
        any_customer=await any_customer(rt.db),
    )


async def _begin(rt: Runtime) -> str | None:
    """Take the lease under a name of this one look; None while another look goes on."""
    owner = f"{rt.process_id}-{uuid.uuid4().hex[:8]}"
    if not await hold(rt.db, _SCAN, owner, rt.clock(), _LEASE):
        return None
    await tell_read(rt.db, 0)
    return owner


async def _scan(rt: Runtime, owner: str) -> None:
    try:
        log.info("customers_looked_through", **await _apart(rt, "app.store.scan", _SCAN, owner))
    finally:
        await release(rt.db, _SCAN, owner)


async def _apart(rt: Runtime, module: str, lease: str, owner: str) -> dict[str, Any]:
    """Do the work in a process of its own, and keep the lease until it is done."""
    work = asyncio.create_task(run_apart(module, rt.settings.database, rt.clock()))
    try:
        while not (await asyncio.wait({work}, timeout=_RENEW_EVERY_S))[0]:
            await hold(rt.db, lease, owner, rt.clock(), _LEASE)
        return work.result()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
