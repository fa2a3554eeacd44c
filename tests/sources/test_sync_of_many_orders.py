"""A customer with very many orders, read into the history a few at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from app.sources.sync import BATCH, Progress, sync
from app.store.engine import Database
from app.store.history import History
from connectors.sdk.connector import Capability, Connector, ConnectorConfig, Context, PurchaseItem
from connectors.sdk.types import Checkpoint, CheckResult, CheckStatus, LineItem, Order, Purchase

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LATELY = Order(
    order_number="O-0", order_date=NOW.date(), line_items=(LineItem(item_id="i-1", quantity=1),)
)
LONG_AGO = LATELY.model_copy(update={"order_date": date(2009, 5, 6)})


class Wholesale(Connector[ConnectorConfig]):
    """A source whose one customer has `count` orders, each fifth of late.

    `made` is how many it has handed over.
    """

    kind = "wholesale"
    title = "Wholesale"
    summary = "For tests"
    Config: ClassVar[type[Any]] = ConnectorConfig

    def __init__(self, count: int) -> None:
        super().__init__(ConnectorConfig(), Context("wholesale"))
        self.count = count
        self.made = 0

    @property
    def provides(self) -> frozenset[Capability]:
        return frozenset({"history"})

    async def check(self) -> CheckResult:
        return CheckResult(CheckStatus.OK)

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        yield Checkpoint(None, self.count)
        while self.made < self.count:
            self.made += 1
            order = LONG_AGO if self.made % 5 else LATELY
            yield Purchase("1", order.model_copy(update={"order_number": f"O-{self.made}"}))


async def test_of_100_000_orders_of_a_customer_a_few_are_in_memory_and_the_late_ones_kept(
    migrated_sqlite_url: str,
) -> None:
    db = Database(migrated_sqlite_url)
    source = Wholesale(100_000)
    unwritten: list[int] = []

    def progress(now: Progress) -> None:
        unwritten.append(source.made - now.records)

    result = await sync(source, History(db), full=True, progress=progress, clock=lambda: NOW)
    assert (result.records, result.error) == (100_000, None)
    assert await History(db).kept("wholesale") == 20_000
    # Nothing is read on while a batch waits to be written; the last one is empty.
    assert unwritten == [0] * (100_000 // BATCH + 1)
    await db.dispose()
