"""When the customers are looked through: words to search by, duplicates, what is to be mended."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import structlog

from app.runtime import Runtime
from app.store.apart import run_apart
from app.store.leases import hold, release
from app.store.scan import any_customer, due, last_scan
from app.store.words import index_some

INDEX_EVERY_S = 15.0
SCAN_LOOK_EVERY_S = 300.0
_RENEW_EVERY_S = 60.0
_LEASE = timedelta(minutes=5)
# So many customers are indexed in a few milliseconds; more would hold up a call.
_FEW = 20
log = structlog.get_logger("scans")


async def index_due(rt: Runtime) -> None:
    """Put the names of new and changed customers into the index of words; one process does it."""
    if not await hold(rt.db, "customer_terms", rt.process_id, rt.clock(), _LEASE):
        return
    if await index_some(rt.db, rt.clock(), _FEW) == _FEW:
        indexed = await _apart(rt, "app.store.words", "customer_terms")
        log.info("customers_indexed", **indexed)


async def scan_due(rt: Runtime) -> None:
    """Look for duplicates and faulty records once a night; one process of all does it."""
    now = rt.clock()
    if not due(await last_scan(rt.db), now) or not await any_customer(rt.db):
        return
    if not await hold(rt.db, "customers", rt.process_id, now, _LEASE):
        return
    try:
        log.info("customers_looked_through", **await _apart(rt, "app.store.scan", "customers"))
    finally:
        await release(rt.db, "customers", rt.process_id)


async def _apart(rt: Runtime, module: str, lease: str) -> dict[str, Any]:
    """Do the work in a process of its own, and keep the lease until it is done."""
    work = asyncio.create_task(run_apart(module, rt.settings.database, rt.clock()))
    try:
        while not (await asyncio.wait({work}, timeout=_RENEW_EVERY_S))[0]:
            await hold(rt.db, lease, rt.process_id, rt.clock(), _LEASE)
        return work.result()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
