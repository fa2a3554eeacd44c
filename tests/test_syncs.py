"""Sources are read by one process at a time, on a schedule, all parts, and the pages show it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.runtime import Runtime, open_runtime
from app.sources.instances import Instance, SourceConfig
from app.sources.sync import Progress
from app.store.configuration import sync_states
from app.store.leases import hold
from app.store.models import CustomerLink
from app.syncs import LEASE, SyncRunning, running, sync_due, sync_source
from connectors.sdk.connector import Capability, Connector, ConnectorConfig, Context
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    CheckStatus,
    ContactRow,
    ErrorKind,
    Item,
    LineItem,
    Order,
    Purchase,
    SourceError,
    Tombstone,
)
from tests.product import settings_for

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Shop(Connector[ConnectorConfig]):
    """A source of all three parts; `given` holds what each hands over, an exception is raised."""

    kind = "shop"
    title = "Shop"
    summary = "For tests"
    Config = ConnectorConfig

    def __init__(self) -> None:
        super().__init__(ConnectorConfig(), Context("shop"))
        self.asked: list[tuple[str, str | None]] = []
        self.wait: asyncio.Event | None = None
        self.given: dict[str, list[Any]] = {
            "contacts": [ContactRow(remote_id="1", display_name="Ann"), Checkpoint("c1")],
            "history": [order("o-1"), order("o-2"), Checkpoint("h1", total=2)],
            "catalogue": [Item(item_id="i-1", name="Spade"), Checkpoint(None)],
        }

    @property
    def provides(self) -> frozenset[Capability]:
        return frozenset({"contacts", "history", "catalogue"})

    async def check(self) -> CheckResult:
        return CheckResult(CheckStatus.OK)

    def contacts(self, since: str | None) -> AsyncIterator[Any]:
        return self._give("contacts", since)

    def purchases(self, since: str | None) -> AsyncIterator[Any]:
        return self._give("history", since)

    def catalogue(self, since: str | None) -> AsyncIterator[Any]:
        return self._give("catalogue", since)

    async def _give(self, part: str, since: str | None) -> AsyncIterator[Any]:
        self.asked.append((part, since))
        if self.wait is not None:
            await self.wait.wait()
        for item in self.given[part]:
            if isinstance(item, Exception):
                raise item
            yield item


def order(number: str) -> Purchase:
    lines = (LineItem(item_id="i-1", quantity=1),)
    return Purchase("1", Order(order_number=number, order_date=NOW.date(), line_items=lines))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def rt(migrated_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Runtime]:
    settings = settings_for(migrated_url, tmp_path)
    runtime = await open_runtime(settings, clock=clock, run_migrations=False)
    yield runtime
    await runtime.close()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def instance(rt: Runtime, shop: Shop) -> Instance:
    """Put the shop among the configured sources."""
    config = SourceConfig(slug="shop", kind="shop", name="Shop", settings={})
    placed = Instance(config, rt.sources.make(config).guard, shop)
    rt.sources._by_slug["shop"] = placed
    return placed


async def states(rt: Runtime) -> dict[str, Any]:
    async with rt.db.read() as session:
        return dict((await sync_states(session)).get("shop", {}))


async def test_contacts_history_and_catalogue_are_read_and_counted(
    rt: Runtime, instance: Instance, shop: Shop
) -> None:
    seen: list[Progress] = []
    results = await sync_source(rt, instance, progress=seen.append)
    counted = [(r.part, r.records, r.error) for r in results]
    assert counted == [("contacts", 1, None), ("history", 2, None), ("catalogue", 1, None)]
    assert [(p.part, p.records, p.total) for p in seen if p.part == "history"] == [
        ("history", 2, 2)
    ]
    assert {part: s.kept for part, s in (await states(rt)).items()} == {
        "contacts": 1, "history": 2, "catalogue": 1,
    }  # fmt: skip


async def test_each_part_goes_on_from_its_own_checkpoint_and_hears_of_deletions(
    rt: Runtime, instance: Instance, shop: Shop
) -> None:
    await sync_source(rt, instance)
    shop.given = {
        "contacts": [Tombstone("1"), Checkpoint("c2")],
        "history": [Tombstone("o-1"), Checkpoint("h2")],
        "catalogue": [Item(item_id="i-2", name="Rake"), Checkpoint(None)],
    }
    shop.asked.clear()
    await sync_source(rt, instance)
    assert shop.asked == [("contacts", "c1"), ("history", "h1"), ("catalogue", None)]
    assert {part: s.kept for part, s in (await states(rt)).items()} == {
        "contacts": 0, "history": 1, "catalogue": 1,
    }  # fmt: skip


async def test_a_failed_part_keeps_what_was_there_and_does_not_stop_the_others(
    rt: Runtime, instance: Instance, shop: Shop
) -> None:
    await sync_source(rt, instance)
    shop.given["history"] = [SourceError(ErrorKind.UNAVAILABLE, "the shop does not answer")]
    results = await sync_source(rt, instance, full=True)
    assert [r.error for r in results] == [None, "the shop does not answer", None]
    failed = (await states(rt))["history"]
    assert (failed.kept, failed.error) == (2, "the shop does not answer")


async def test_a_source_that_gives_nothing_for_a_moment_costs_nothing(
    rt: Runtime, instance: Instance, shop: Shop
) -> None:
    await sync_source(rt, instance)
    shop.given = {"contacts": [], "history": [], "catalogue": []}
    results = await sync_source(rt, instance, full=True)
    assert [r.error for r in results] == [
        f"the source gave no {noun} at all: those known from before were kept"
        for noun in ("contacts", "orders", "items")
    ]
    assert [s.kept for s in (await states(rt)).values()] == [1, 2, 1]


async def test_a_source_is_read_by_one_at_a_time_over_all_processes(
    rt: Runtime, instance: Instance, shop: Shop, clock: Clock
) -> None:
    shop.wait = asyncio.Event()
    first = asyncio.create_task(sync_source(rt, instance))
    while not shop.asked:
        await asyncio.sleep(0)
    assert await running(rt, "shop")
    with pytest.raises(SyncRunning, match="shop is being synchronised already"):
        await sync_source(rt, instance)
    shop.wait.set()
    await first
    assert not await running(rt, "shop")


async def test_the_turn_of_a_process_that_died_runs_out(
    rt: Runtime, instance: Instance, clock: Clock
) -> None:
    assert await hold(rt.db, "sync:shop", "dead", clock(), LEASE)
    with pytest.raises(SyncRunning):
        await sync_source(rt, instance)
    clock.now += LEASE + timedelta(seconds=1)
    assert len(await sync_source(rt, instance)) == 3


async def test_each_part_has_its_turn_and_everything_is_read_once_a_day(
    rt: Runtime, instance: Instance, shop: Shop, clock: Clock
) -> None:
    async def asked_after(minutes: float) -> list[tuple[str, str | None]]:
        clock.now += timedelta(minutes=minutes)
        shop.asked.clear()
        await sync_due(rt)
        return shop.asked

    assert {part for part, _ in await asked_after(0)} == {"contacts", "history", "catalogue"}
    assert await asked_after(14) == []
    assert await asked_after(2) == [("contacts", "c1")]
    assert sorted(await asked_after(46)) == [
        ("catalogue", None), ("contacts", "c1"), ("history", "h1"),
    ]  # fmt: skip
    shop.given["contacts"] = [SourceError(ErrorKind.UNAVAILABLE, "down")]
    assert await asked_after(16) == [("contacts", "c1")]
    assert await asked_after(2) == [("contacts", "c1")]
    assert {since for _, since in await asked_after(15 * 60)} == {None}


async def test_orders_that_can_only_be_read_whole_are_read_once_a_day(
    rt: Runtime, instance: Instance, shop: Shop, clock: Clock
) -> None:
    shop.given["history"] = [order("o-1"), Checkpoint(None)]
    await sync_due(rt)
    clock.now += timedelta(hours=2)
    shop.asked.clear()
    await sync_due(rt)
    assert [part for part, _ in shop.asked] == ["contacts", "catalogue"]


async def test_a_broken_connector_of_a_source_is_reported_and_the_next_try_reads_all_of_it(
    rt: Runtime, instance: Instance, shop: Shop
) -> None:
    shop.given["contacts"] = [
        *(ContactRow(remote_id=str(i), display_name="Ann") for i in range(3)),
        Checkpoint("c9"),
        ZeroDivisionError(),
    ]
    with pytest.raises(ZeroDivisionError):
        await sync_source(rt, instance)
    shop.given["contacts"] = [ContactRow(remote_id="1", display_name="Ann"), Checkpoint("c9")]
    shop.asked.clear()
    await sync_source(rt, instance)
    assert shop.asked[0] == ("contacts", None)
    async with rt.db.read() as session:
        assert (await session.scalars(select(CustomerLink.remote_id))).all() == ["1"]


async def test_a_customer_with_thousands_of_orders_is_no_trouble(
    rt: Runtime, instance: Instance, shop: Shop
) -> None:
    shop.given["history"] = [*(order(f"o-{n}") for n in range(5_000)), Checkpoint("h1")]
    (result,) = await sync_source(rt, instance, parts=["history"])
    assert result.records == 5_000
