"""A process that a test kills: it syncs contacts and says how many are read.

`python -m tests.faults.sync_process URL COUNT` loads in bulk from the first contacts on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar

from app.sources import sync as sync_module
from app.sources.sync import Progress, SyncResult, sync
from app.store import contacts, loader
from app.store.contacts import ContactWriter
from app.store.engine import Database
from connectors.sdk.connector import Capability, Connector, ConnectorConfig, ContactItem, Context
from connectors.sdk.types import Checkpoint, CheckResult, CheckStatus, ContactRow, PhoneRow

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Many(Connector[ConnectorConfig]):
    """A source of so many contacts, that can go on after each hundred."""

    kind = "many"
    title = "Many"
    summary = "For tests"
    Config: ClassVar[type[ConnectorConfig]] = ConnectorConfig

    def __init__(self, count: int) -> None:
        super().__init__(ConnectorConfig(), Context("many", "GB"))
        self.count = count
        self.asked: list[str | None] = []

    @property
    def provides(self) -> frozenset[Capability]:
        return frozenset({"contacts"})

    async def check(self) -> CheckResult:
        return CheckResult(CheckStatus.OK)

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        self.asked.append(since)
        for number in range(int(since or 0), self.count):
            phone = PhoneRow(raw=f"07700 9{number:05}")
            yield ContactRow(
                remote_id=str(number), display_name=f"Name {number}", phone_numbers=(phone,)
            )
            if number % 100 == 99:
                yield Checkpoint(str(number + 1), total=self.count)


async def read(url: str, source: Many) -> SyncResult:
    """Sync in bulk, in batches of 50, and print how far it is."""
    contacts.FEW = 100
    sync_module.BATCH = 50
    loader.LOAD = {"sqlite": 300, "postgresql": 300}
    db = Database(url)

    def said(progress: Progress) -> None:
        print(progress.records, flush=True)

    try:
        writer = ContactWriter(db, "GB", 0)
        return await sync(source, writer, full=False, progress=said, clock=lambda: NOW)
    finally:
        await db.dispose()


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], Many(int(sys.argv[2]))))
