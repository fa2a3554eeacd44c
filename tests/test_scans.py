"""The server looks through the customers beside the calls, once a night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from app.scans import index_due, scan_due
from app.store.leases import hold
from app.store.scan import due, last_scan, next_due
from app.store.search import search
from app.store.words import TERMS, index_changed, index_missing
from tests.product import Product, settings_for
from tests.store.contacts_world import contact, put

TWO = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def test_it_is_due_after_two_at_night_and_when_a_night_was_missed() -> None:
    assert due(None, TWO)
    assert due(TWO - timedelta(days=1), TWO)
    assert not due(TWO - timedelta(hours=3), TWO - timedelta(minutes=1))
    assert not due(TWO, TWO + timedelta(hours=20))
    assert due(TWO, TWO + timedelta(hours=37))


@given(st.integers(0, 60 * 24 * 400))
def test_it_is_due_again_from_the_time_that_is_told(minutes: int) -> None:
    last = TWO + timedelta(minutes=minutes)
    then = next_due(last)
    assert due(last, then)
    assert not due(last, then - timedelta(seconds=1))


async def test_one_process_scans_all_customers_once(migrated_url: str, tmp_path: Path) -> None:
    async with Product.running(settings_for(migrated_url, tmp_path)) as product:
        rt = product.runtime
        await scan_due(rt)
        assert await last_scan(rt.db) is None  # There is nobody yet.
        await put(rt.db, "books", contact("1", "07700 900123", display_name="Ann Bell"))
        life = timedelta(minutes=5)
        assert await hold(rt.db, "customers", "another process", rt.clock() - life, life)
        await scan_due(rt)
        first = await last_scan(rt.db)
        assert first is not None
        await scan_due(rt)
        assert await last_scan(rt.db) == first
        await index_due(rt)
        async with rt.db.read() as session:
            found = await search(session, "ann", None, 10, None)
        assert [c["display_name"] for c in found.customers] == ["Ann Bell"]


async def test_the_names_of_many_new_customers_are_found_after_one_turn(
    migrated_url: str, tmp_path: Path
) -> None:
    async with Product.running(settings_for(migrated_url, tmp_path)) as product:
        rt = product.runtime
        many = [
            contact(f"{i}", f"07700 900{i:03d}", display_name=f"Bell{i} Ltd") for i in range(150)
        ]
        await put(rt.db, "books", *many, at=rt.clock() - timedelta(hours=1))
        await index_due(rt)
        async with rt.db.read() as session:
            found = [await search(session, f"bell{i}", None, 1, None) for i in (0, 99, 149)]
        assert [len(page.customers) for page in found] == [1, 1, 1]
        assert await index_missing(rt.db) == 0


async def test_words_that_were_lost_are_written_by_the_nightly_scan(
    migrated_url: str, tmp_path: Path
) -> None:
    async with Product.running(settings_for(migrated_url, tmp_path)) as product:
        rt = product.runtime
        ann = contact("1", "07700 900123", display_name="Ann Bell")
        await put(rt.db, "books", ann, at=rt.clock() - timedelta(hours=1))
        await index_due(rt)
        async with rt.db.begin() as session:
            await session.execute(delete(TERMS))
        assert await index_changed(rt.db, rt.clock()) == 0
        assert await index_missing(rt.db) == 1
        async with rt.db.read() as session:
            assert (await search(session, "bell", None, 1, None)).customers


async def test_a_process_that_finds_another_at_it_leaves_it_alone(
    migrated_url: str, tmp_path: Path
) -> None:
    async with Product.running(settings_for(migrated_url, tmp_path)) as product:
        rt = product.runtime
        await put(rt.db, "books", contact("1", "07700 900123"))
        assert await hold(rt.db, "customers", "another", rt.clock(), timedelta(minutes=5))
        await scan_due(rt)
        assert await last_scan(rt.db) is None
