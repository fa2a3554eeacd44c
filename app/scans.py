"""When the customers are looked through: words to search by, duplicates, what is to be mended."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from app.runtime import Runtime
from app.store.leases import hold, release
from app.store.scan import any_customer, due, last_scan, scan_in_a_process
from app.store.search import index_terms

INDEX_EVERY_S = 15.0
SCAN_LOOK_EVERY_S = 300.0
_RENEW_EVERY_S = 60.0
_LEASE = timedelta(minutes=5)
log = structlog.get_logger("scans")


async def index_due(rt: Runtime) -> None:
    """Put the names of new and changed customers into the index of words; one process does it."""
    if await hold(rt.db, "customer_terms", rt.process_id, rt.clock(), _LEASE):
        await index_terms(rt.db, rt.clock())


async def scan_due(rt: Runtime) -> None:
    """Look for duplicates and faulty records once a night; one process of all does it."""
    now = rt.clock()
    if not due(await last_scan(rt.db), now) or not await any_customer(rt.db):
        return
    if not await hold(rt.db, "customers", rt.process_id, now, _LEASE):
        return
    scan = asyncio.create_task(scan_in_a_process(rt.settings.database, now))
    try:
        while not (await asyncio.wait({scan}, timeout=_RENEW_EVERY_S))[0]:
            await hold(rt.db, "customers", rt.process_id, rt.clock(), _LEASE)
        log.info("customers_looked_through", **scan.result())
    finally:
        scan.cancel()
        await asyncio.gather(scan, return_exceptions=True)
        await release(rt.db, "customers", rt.process_id)
