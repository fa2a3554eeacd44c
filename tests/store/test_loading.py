"""Many contacts at once come out as if each had been written alone, whatever happens between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest
from sqlalchemy import delete, select, text, update

from app.core.contact import Reading, read_contact
from app.core.sync import SyncRun
from app.store import contacts as module
from app.store import loader
from app.store.contact_loader import ContactLoader
from app.store.contacts import ContactWriter
from app.store.engine import Database
from app.store.linking import Batch, write_batch
from app.store.loader import LoaderFailed
from app.store.loading import Pass
from app.store.loading_sqlite import SqliteLoad
from app.store.models import Customer, CustomerKey, CustomerLink, PhoneIndex, SyncState
from app.store.sync_state import SyncTakenOver, start_sync
from connectors.sdk.types import ContactRow, PhoneRow

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TABLES = (Customer, CustomerLink, CustomerKey, PhoneIndex)


@pytest.fixture
async def db(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.dispose()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load in bulk from the first contact, a few at a time."""
    monkeypatch.setattr(module, "FEW", 0)
    monkeypatch.setattr(loader, "LOAD", {"sqlite": 40, "postgresql": 40})


def row(number: int, **fields: Any) -> ContactRow:
    phones = [PhoneRow(raw=f"020 7946 0{number % 1000:03}", type="work")]
    if number % 3 == 0:
        phones.append(PhoneRow(raw=f"07700 900{number % 1000:03}", is_primary=True))
    values: dict[str, Any] = {
        "remote_id": str(number),
        "display_name": f"Name {number}",
        "external_id": f"C-{number}",
        "email_addresses": (f"n{number}@example.com",),
        "phone_numbers": tuple(phones),
        **fields,
    }
    return ContactRow.model_validate(values)


async def load(
    db: Database, rows: Iterable[ContactRow], connector: str = "books", at: datetime = NOW
) -> SyncRun:
    """Sync these rows in bulk, in batches of 25."""
    writer = ContactWriter(db, "GB", 0)
    run = await writer.start_sync(connector, full=True, at=at)
    given = list(rows)
    for start in range(0, len(given), 25):
        batch = {each.remote_id: each for each in given[start : start + 25]}
        await writer.write(run, batch, at=at)
    await writer.settle(run)
    await writer.remove_unseen(run, at=at)
    await writer.finish_sync(run, at=at, error=None)
    await writer.aclose()
    return run


async def load_here(db: Database, rows: Iterable[ContactRow]) -> None:
    """Load these rows in bulk in this process."""
    run = await start_sync(db, "books", "contacts", full=True, at=NOW)
    loader_here = ContactLoader(db, run, "GB", 0, lambda: NOW)
    await loader_here.stage(rows)
    await loader_here.move()
    await loader_here.moved()


@contextmanager
def meanwhile(
    db: Database, patch: pytest.MonkeyPatch, write: Callable[[Database], Awaitable[None]]
) -> Iterator[None]:
    """Let SQLite write something between two transactions of a load: after the links."""

    async def elsewhere() -> None:
        other = Database(db.url.render_as_string(hide_password=False))
        await write(other)
        await other.dispose()

    passed = SqliteLoad._pass

    def pass_and_write(self: SqliteLoad, each: Pass, where: str) -> set[str]:
        if each.table == "load_keys":
            asyncio.run(elsewhere())
        return passed(self, each, where)

    with patch.context() as patched:
        patched.setattr(SqliteLoad, "_pass", pass_and_write)
        yield


async def put(db: Database, rows: Iterable[ContactRow], connector: str = "books") -> None:
    """Write rows the other way."""
    readings = [read_contact(each, "GB") for each in rows]
    changes = {r.contact["remote_id"]: r for r in readings if isinstance(r, Reading)}
    async with db.begin() as session:
        await write_batch(await session.connection(), Batch(connector, 0, "s", NOW, changes))


async def stored(db: Database) -> list[tuple[Any, ...]]:
    """Return all that was written, but what says which sync did it."""
    apart = ("sync_id", "linked_at", "updated_at")
    async with db.read() as session:
        found = []
        for model in TABLES:
            columns = [c for c in model.__table__.columns if c.name not in apart]
            rows = await session.execute(select(*columns).order_by(text("1, 2, 3")))
            found += [tuple(each) for each in rows]
        return found


async def test_in_bulk_comes_out_what_comes_out_one_by_one(
    db: Database, migrated_sqlite_url: str
) -> None:
    rows = [row(number) for number in range(120)]
    run = await load(db, rows)
    assert (run.records, run.numbers) == (120, 160)
    in_bulk = await stored(db)
    async with db.begin() as session:
        for model in reversed(TABLES):
            await session.execute(delete(model))
    await put(db, rows)
    assert await stored(db) == in_bulk


async def test_records_that_share_evidence_with_another_source_are_joined(db: Database) -> None:
    await put(db, [row(number) for number in range(0, 100, 7)], "shop")
    await load(db, [row(number) for number in range(100)])
    async with db.read() as session:
        joined = await session.execute(
            text(
                "SELECT count(*) FROM customer_links a JOIN customer_links b ON"
                " a.remote_id = b.remote_id AND a.customer_id = b.customer_id"
                " WHERE a.connector = 'books' AND b.connector = 'shop'"
            )
        )
        assert joined.scalar_one() == 15
        assert len((await session.execute(select(Customer.id))).all()) == 100


async def test_evidence_that_another_source_brings_in_the_middle_is_found(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(number) for number in range(30)]
    if db.dialect == "sqlite":
        with meanwhile(db, monkeypatch, lambda other: put(other, rows[:10], "shop")):
            await load_here(db, rows)
    else:
        await asyncio.gather(load_here(db, rows), put(db, rows[:10], "shop"))
    async with db.read() as session:
        assert len((await session.execute(select(Customer.id))).all()) == 30


async def test_a_record_that_a_live_search_found_in_the_middle_is_as_it_was_found(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(number) for number in range(30)]
    newer = row(7, phone_numbers=(PhoneRow(raw="0113 496 0000"),), external_id="C-new")
    with meanwhile(db, monkeypatch, lambda other: put(other, [newer])):
        await load_here(db, rows)
    if db.dialect == "postgresql":
        await put(db, [newer])
    in_the_middle = await stored(db)
    async with db.begin() as session:
        for model in reversed(TABLES):
            await session.execute(delete(model))
    await put(db, [*rows[:7], newer, *rows[8:]])
    assert await stored(db) == in_the_middle


async def test_a_load_whose_process_ends_is_told_and_gone_on_with(db: Database) -> None:
    rows = [row(number) for number in range(60)]
    writer = ContactWriter(db, "GB", 0)
    run = await writer.start_sync("books", full=True, at=NOW)
    await writer.write(run, {each.remote_id: each for each in rows[:50]}, at=NOW)
    for process in psutil.Process().children():
        if "app.store.contact_loader" in process.cmdline():
            process.kill()
            process.wait()
    with pytest.raises(LoaderFailed, match="the process that writes contacts has ended"):
        await writer.settle(run)
    await writer.finish_sync(run, at=NOW, error="it broke", settled=False)
    await writer.aclose()
    async with db.read() as session:
        assert await session.scalar(select(SyncState.error)) == "it broke"
    await load(db, rows)
    in_the_end = await stored(db)
    async with db.begin() as session:
        for model in reversed(TABLES):
            await session.execute(delete(model))
    await put(db, rows)
    assert await stored(db) == in_the_end


async def test_of_two_syncs_of_a_connector_the_first_stops(db: Database) -> None:
    run = await start_sync(db, "books", "contacts", full=True, at=NOW)
    loader_here = ContactLoader(db, run, "GB", 0, lambda: NOW)
    await loader_here.stage([row(1)])
    await start_sync(db, "books", "contacts", full=True, at=NOW)
    await loader_here.move()
    with pytest.raises(SyncTakenOver):
        await loader_here.moved()
    assert await stored(db) == []


async def test_the_same_again_changes_nothing_and_what_changed_is_written(db: Database) -> None:
    rows = [row(number) for number in range(100)]
    await load(db, rows)
    before = await stored(db)
    await load(db, rows)
    assert await stored(db) == before
    rows[5] = row(5, phone_numbers=(PhoneRow(raw="0113 496 0000"),), display_name="Ann")
    await load(db, rows[:90])
    async with db.read() as session:
        keys = await session.scalars(select(PhoneIndex.key).where(PhoneIndex.remote_id == "5"))
        assert keys.all() == ["+441134960000"]
        assert len((await session.execute(select(CustomerLink.remote_id))).all()) == 90


async def test_a_record_given_twice_is_as_it_was_given_last(db: Database) -> None:
    rows = [row(number) for number in range(30)]
    await load(db, [*rows, row(3, display_name="Ann")])
    async with db.read() as session:
        name = select(Customer.display_name).join(
            CustomerLink, CustomerLink.customer_id == Customer.id
        )
        assert await session.scalar(name.where(CustomerLink.remote_id == "3")) == "Ann"


async def test_a_record_that_goes_and_comes_is_there_once(db: Database) -> None:
    writer = ContactWriter(db, "GB", 0)
    run = await writer.start_sync("books", full=True, at=NOW)
    await writer.write(run, {"1": row(1), "2": row(2)}, at=NOW)
    await writer.write(run, {"1": None, "3": row(3)}, at=NOW)
    await writer.write(run, {"2": None, "1": row(1)}, at=NOW)
    await writer.settle(run)
    await writer.finish_sync(run, at=NOW, error=None)
    await writer.aclose()
    async with db.read() as session:
        assert set(await session.scalars(select(CustomerLink.remote_id))) == {"1", "3"}


async def test_rows_that_cannot_be_used_are_counted(db: Database) -> None:
    bad = row(1, phone_numbers=(PhoneRow(raw="call the shop"),))
    run = await load(db, [bad, row(2), row(3, remote_id="\x00")])
    assert (run.records, run.rejected_count) == (2, 2)
    assert "'call the shop' cannot be read" in run.rejected[0].why


async def test_what_a_load_that_was_cut_short_left_half_written_is_mended(db: Database) -> None:
    await load(db, [row(number) for number in range(60)])
    before = await stored(db)
    async with db.begin() as session:
        half = update(CustomerLink).values(sync_id="cut.1")
        await session.execute(half.where(CustomerLink.remote_id.in_(["4", "5"])))
        for model in (PhoneIndex, CustomerKey):
            await session.execute(delete(model).where(model.remote_id.in_(["4", "5"])))
        mark = '{"sync_id":"cut","full":true,"cursor":null,"done":false,"loading":"cut.1"}'
        await session.execute(update(SyncState).values(checkpoint=mark))
    writer = ContactWriter(db, "GB", 0)
    run = await writer.start_sync("books", full=False, at=NOW)
    assert await stored(db) == before
    assert run.loading is None
    await writer.aclose()


async def test_a_merged_customer_is_not_written_over(db: Database) -> None:
    from app.store import merging

    await load(db, [row(1), row(2)])
    async with db.begin() as session:
        conn = await session.connection()
        one, two = await _customer(db, "1"), await _customer(db, "2")
        await merging.merge(conn, one, two, user_id="u", at=NOW)
    await load(db, [row(1)])
    await load(db, [row(1), row(2)])
    assert await _customer(db, "1") == await _customer(db, "2") == one


async def _customer(db: Database, remote_id: str) -> str:
    async with db.read() as session:
        query = select(CustomerLink.customer_id).where(CustomerLink.remote_id == remote_id)
        return (await session.scalars(query)).one()
