"""Reading a connector's contacts into the phone index."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from sqlalchemy import select

from app.sources import sync as module
from app.sources.sync import Progress, SyncResult, sync, upsert_found
from app.store.contacts import Contacts, ContactWriter
from app.store.engine import Database
from app.store.migrations import migrate
from app.store.models import CustomerLink, PhoneIndex, SyncState
from connectors.sdk.connector import Capability, Connector, ConnectorConfig, ContactItem, Context
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    CheckStatus,
    ContactRow,
    ErrorKind,
    PhoneRow,
    RejectedRow,
    SourceError,
    Tombstone,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Ledger(Connector[ConnectorConfig]):
    """A source that hands over what the test has put into `items`; an exception is raised."""

    kind = "ledger"
    title = "Ledger"
    summary = "For tests"
    Config: ClassVar[type[Any]] = ConnectorConfig

    def __init__(self, *items: ContactItem | Exception, slug: str = "books") -> None:
        super().__init__(ConnectorConfig(), Context(slug))
        self.items: Sequence[ContactItem | Exception] = items
        self.asked: list[str | None] = []
        self.paused: asyncio.Event | None = None

    @property
    def provides(self) -> frozenset[Capability]:
        return frozenset({"contacts"})

    async def check(self) -> CheckResult:
        return CheckResult(CheckStatus.OK)

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        self.asked.append(since)
        for item in self.items:
            if self.paused is not None:
                await self.paused.wait()
            if isinstance(item, Exception):
                raise item
            yield item


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url)
    database = Database(database_url)
    yield database
    await database.dispose()


def row(remote_id: str, *phones: str) -> ContactRow:
    return ContactRow(
        remote_id=remote_id,
        display_name=f"Name {remote_id}",
        phone_numbers=tuple(PhoneRow(raw=phone) for phone in phones),
    )


async def run(
    ledger: Ledger, db: Database, *, full: bool = False, seen: list[Progress] | None = None
) -> SyncResult:
    progress = [] if seen is None else seen
    store = ContactWriter(db, "GB", 0)
    return await sync(ledger, store, full=full, progress=progress.append, clock=lambda: NOW)


async def known(db: Database) -> set[str]:
    async with db.read() as session:
        return set(await session.scalars(select(CustomerLink.remote_id)))


async def state(db: Database) -> SyncState:
    async with db.read() as session:
        found = await session.get(SyncState, ("books", "contacts"))
        assert found is not None
        return found


DOWN = SourceError(ErrorKind.UNAVAILABLE, "the ledger does not answer")


async def test_contacts_and_their_numbers_are_in_the_index_and_counted(db: Database) -> None:
    result = await run(Ledger(row("1", "020 7946 0958", "07700 900123"), row("2")), db)
    assert (result.records, result.numbers, result.error) == (2, 2, None)
    async with db.read() as session:
        keys = set(await session.scalars(select(PhoneIndex.key)))
    assert keys == {"+442079460958", "+447700900123"}
    after = await state(db)
    assert (after.records, after.numbers, after.error) == (2, 2, None)
    assert after.started_at == after.finished_at == NOW


async def test_progress_counts_up_to_the_total_of_the_source(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    seen: list[Progress] = []
    rows = [row(str(i), f"020 7946 0{i:03}") for i in range(5)]
    await run(Ledger(Checkpoint(None, total=5), *rows), db, seen=seen)
    assert [(p.records, p.numbers, p.total) for p in seen] == [(2, 2, 5), (4, 4, 5), (5, 5, 5)]


async def test_the_next_sync_asks_only_for_what_has_changed(db: Database) -> None:
    ledger = Ledger(row("1"), row("2"), Checkpoint("monday"))
    await run(ledger, db)
    ledger.items = [row("3"), Tombstone("1"), Checkpoint("tuesday")]
    result = await run(ledger, db)
    assert ledger.asked == [None, "monday"]
    assert await known(db) == {"2", "3"}
    assert result.removed == 0


async def test_a_source_that_cannot_tell_what_changed_is_read_whole_each_time(db: Database) -> None:
    ledger = Ledger(row("1"), row("2"), Checkpoint(None))
    await run(ledger, db)
    ledger.items = [row("2"), Checkpoint(None)]
    result = await run(ledger, db)
    assert ledger.asked == [None, None]
    assert await known(db) == {"2"}
    assert result.removed == 1


async def test_a_full_sync_removes_what_the_source_no_longer_has(db: Database) -> None:
    ledger = Ledger(row("1"), row("2"), row("3"), Checkpoint("monday"))
    await run(ledger, db)
    ledger.items = [row("1")]
    result = await run(ledger, db, full=True)
    assert ledger.asked == [None, None]
    assert await known(db) == {"1"}
    assert result.removed == 2


async def test_a_source_that_is_suddenly_empty_costs_nothing_and_says_so(db: Database) -> None:
    ledger = Ledger(row("1"))
    await run(ledger, db)
    ledger.items = []
    result = await run(ledger, db, full=True)
    assert result.error is not None
    assert "no contacts at all" in result.error
    assert await known(db) == {"1"}
    assert (await state(db)).error == result.error


async def test_a_source_that_never_had_contacts_is_no_fault(db: Database) -> None:
    assert (await run(Ledger(), db)).error is None


async def test_what_was_read_before_the_source_failed_stays(db: Database) -> None:
    await run(Ledger(row("1"), row("2")), db)
    result = await run(Ledger(row("3", "020 7946 0958"), DOWN), db, full=True)
    assert result.error == "the ledger does not answer"
    assert await known(db) == {"1", "2", "3"}
    after = await state(db)
    assert (after.error, after.records) == ("the ledger does not answer", 1)


async def test_an_interrupted_full_sync_goes_on_where_it_was_and_keeps_what_it_had_seen(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    await run(Ledger(row("old"), row("1")), db)
    first: list[ContactItem] = [row("1"), row("2"), Checkpoint("page 2")]
    assert (await run(Ledger(*first, DOWN), db, full=True)).error is not None
    ledger = Ledger(row("3"), Checkpoint("end"))
    result = await run(ledger, db)
    assert ledger.asked == ["page 2"]
    assert await known(db) == {"1", "2", "3"}
    assert (result.records, result.removed, result.error) == (3, 1, None)


async def test_a_sync_that_was_killed_between_two_batches_loses_only_the_second(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    ledger = Ledger(row("1"), row("2"), Checkpoint("page 2"), row("3"), row("4"))
    written = asyncio.Event()

    def stop_after_the_first_batch(progress: Progress) -> None:
        if progress.records == 2:
            ledger.paused = asyncio.Event()
            written.set()

    task = asyncio.create_task(
        sync(
            ledger,
            ContactWriter(db, "GB", 0),
            full=True,
            progress=stop_after_the_first_batch,
            clock=lambda: NOW,
        )
    )
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await known(db) == {"1", "2"}
    assert (await state(db)).finished_at is None


async def test_a_number_that_cannot_be_read_is_reported_and_its_contact_kept(db: Database) -> None:
    unread = RejectedRow("row 9", "no name")
    result = await run(Ledger(row("1", "call the shop", "07700 900123"), unread), db)
    assert result.records == 1
    assert result.rejected_count == 2
    assert [r.where for r in result.rejected] == ["row 9", "contact '1'"]
    assert "'call the shop' cannot be read as one of region GB" in result.rejected[1].why
    after = await state(db)
    assert after.rejected_count == 2
    assert after.rejected[0] == {"where": "row 9", "why": "no name"}


async def test_rejected_rows_are_all_counted_and_some_kept(db: Database) -> None:
    many = [RejectedRow(f"row {i}", "no name") for i in range(1000)]
    result = await run(Ledger(*many), db)
    assert result.rejected_count == 1000
    assert result.rejected == tuple(many[:100])
    assert len((await state(db)).rejected) == 100


async def test_a_connector_with_a_bug_does_not_look_as_if_it_still_ran(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await run(Ledger(row("1"), ZeroDivisionError()), db)
    after = await state(db)
    assert after.error == "the connector failed: ZeroDivisionError"
    assert after.finished_at == NOW
    assert (await run(Ledger(row("1")), db)).error is None


async def test_what_a_live_search_found_is_known_from_then_on(db: Database) -> None:
    await run(Ledger(row("1", "020 7946 0958")), db)
    found = [row("1", "020 7946 0958"), row("2", "07700 900123"), row("\x00")]
    customers = await upsert_found("books", found, "GB", 0, Contacts(db), at=NOW)
    assert customers.keys() == {"1", "2"}
    async with db.read() as session:
        owner = await session.scalar(
            select(PhoneIndex.customer_id).where(PhoneIndex.key == "+447700900123")
        )
    assert owner == customers["2"]
