"""Merges of customers by a person's word, years of syncs after them, and their undo."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.identity import Ref
from app.store import merging
from app.store.calls import remember_choice
from app.store.engine import Database
from app.store.merging import CannotMerge, Merged, NoSuchCustomer, Parted
from app.store.models import (
    CallRow,
    Customer,
    CustomerKey,
    CustomerLink,
    NumberChoice,
    PhoneIndex,
)
from tests.store.contacts_world import (
    NOW,
    call,
    contact,
    customers,
    document,
    owners_of,
    put,
)

BOOKS, SHOP = "020 7946 0958", "07700 900123"
BOOKS_E164, SHOP_E164 = "+442079460958", "+447700900123"
LATER = NOW + timedelta(days=1)
YEARS_LATER = datetime(2029, 5, 1, tzinfo=UTC)


@pytest.fixture
async def db(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.dispose()


@asynccontextmanager
async def writing(db: Database) -> AsyncIterator[AsyncConnection]:
    async with db.begin() as session:
        yield await session.connection()


async def merge(db: Database, survivor: str, gone: str, at: datetime = NOW) -> Merged:
    async with writing(db) as conn:
        return await merging.merge(conn, survivor, gone, user_id="sue", at=at)


async def undo(db: Database, merge_id: int) -> Parted:
    async with writing(db) as conn:
        return await merging.undo(conn, merge_id, user_id="sue", at=YEARS_LATER)


async def calls(db: Database) -> dict[str, str | None]:
    async with db.read() as session:
        rows = await session.execute(select(CallRow.call_id, CallRow.customer_id))
        return {row[0]: row[1] for row in rows}


async def choices(db: Database) -> dict[str, str]:
    async with db.read() as session:
        rows = select(NumberChoice.e164, NumberChoice.customer_id)
        return {row[0]: row[1] for row in await session.execute(rows)}


async def two(db: Database) -> tuple[str, str]:
    """Put a customer into the books and another into the shop, with a call each."""
    await put(db, "books", contact("1", BOOKS))
    await put(db, "shop", contact("7", SHOP))
    ours = await customers(db)
    books, shop = ours[Ref("books", "1")], ours[Ref("shop", "7")]
    await call(db, "books-before", books, BOOKS_E164, NOW - timedelta(days=1))
    await call(db, "shop-before", shop, SHOP_E164, NOW - timedelta(days=1))
    return books, shop


async def whole_state(db: Database) -> list[tuple[Any, ...]]:
    """Return everything about customers but the merges themselves and times of writing."""
    unlike = {"updated_at", "linked_at", "sync_id"}
    async with db.read() as session:
        return [
            (table.__tablename__, *map(repr, row))
            for table in (Customer, CustomerLink, CustomerKey, PhoneIndex, CallRow, NumberChoice)
            for row in sorted(
                await session.execute(
                    select(*(c for c in table.__table__.c if c.name not in unlike))
                ),
                key=repr,
            )
        ]


async def test_a_merged_customer_has_the_records_numbers_calls_and_choices_of_both(
    db: Database,
) -> None:
    books, shop = await two(db)
    await remember_choice(db, SHOP_E164, shop, "ada", NOW)
    merged = await merge(db, books, shop)
    assert (merged.survivor_id, merged.gone_id, merged.records, merged.calls) == (books, shop, 1, 1)
    assert set((await customers(db)).values()) == {books}
    assert await owners_of(db, SHOP_E164) == {books}
    assert await calls(db) == {"books-before": books, "shop-before": books}
    assert await choices(db) == {SHOP_E164: books}
    doc = await document(db, books)
    assert doc is not None
    assert [link["connector"] for link in doc["links"]] == ["books", "shop"]
    assert await document(db, shop) is None


async def test_a_merge_that_is_undone_leaves_everything_as_it_was(db: Database) -> None:
    books, shop = await two(db)
    await remember_choice(db, SHOP_E164, shop, "ada", NOW)
    before = await whole_state(db)
    merged = await merge(db, books, shop)
    parted = await undo(db, merged.merge_id)
    assert await whole_state(db) == before
    assert (parted.calls, parted.calls_since, parted.calls_kept) == (1, 0, 0)


async def test_later_syncs_do_not_split_what_was_merged(db: Database) -> None:
    books, shop = await two(db)
    await merge(db, books, shop)
    await put(db, "shop", contact("7", SHOP, display_name="Renamed"))
    await put(db, "books", contact("1", BOOKS, "020 7946 0001"))
    await put(db, "crm", contact("x", external_id="C-1"))
    ours = await customers(db)
    assert ours[Ref("books", "1")] == ours[Ref("shop", "7")] == books
    doc = await document(db, books)
    assert doc is not None
    assert len(doc["links"]) == 2


async def test_a_record_that_was_gone_for_a_while_comes_back_to_the_merged_customer(
    db: Database,
) -> None:
    books, shop = await two(db)
    await merge(db, books, shop)
    await put(db, "shop", gone=["7"])
    await put(db, "shop", contact("7", SHOP))
    assert set((await customers(db)).values()) == {books}
    doc = await document(db, books)
    assert doc is not None
    assert len(doc["links"]) == 2


async def test_what_the_rules_join_to_a_side_later_goes_with_that_side(db: Database) -> None:
    await put(db, "books", contact("1", BOOKS))
    await put(db, "shop", contact("7", SHOP, external_id="S-7"))
    ours = await customers(db)
    books, shop = ours[Ref("books", "1")], ours[Ref("shop", "7")]
    merged = await merge(db, books, shop)
    await put(db, "crm", contact("x", "020 7946 0123", external_id="S-7"))
    assert set((await customers(db)).values()) == {books}
    await undo(db, merged.merge_id)
    ours = await customers(db)
    assert ours[Ref("crm", "x")] == ours[Ref("shop", "7")] == shop
    assert await owners_of(db, "+442079460123") == {shop}


async def test_calls_since_a_merge_go_with_their_number_else_stay(db: Database) -> None:
    books, shop = await two(db)
    merged = await merge(db, books, shop)
    for call_id, e164 in (
        ("from-shop", SHOP_E164),
        ("from-books", BOOKS_E164),
        ("from-nowhere", "+442079469999"),
        ("withheld", None),
    ):
        await call(db, call_id, books, e164, LATER)
    await remember_choice(db, SHOP_E164, books, "ada", LATER)
    parted = await undo(db, merged.merge_id)
    assert (parted.calls_since, parted.calls_kept, parted.calls) == (1, 2, 2)
    assert await calls(db) == {
        "books-before": books,
        "shop-before": shop,
        "from-shop": shop,
        "from-books": books,
        "from-nowhere": books,
        "withheld": books,
    }
    assert await choices(db) == {SHOP_E164: shop}


async def test_what_was_parted_by_a_person_is_not_joined_again_by_the_rules(db: Database) -> None:
    books, shop = await two(db)
    merged = await merge(db, books, shop)
    await undo(db, merged.merge_id)
    await put(db, "books", contact("1", BOOKS, external_id="C-1"))
    await put(db, "shop", contact("7", SHOP, external_id="C-1"))
    assert await customers(db) == {Ref("books", "1"): books, Ref("shop", "7"): shop}


async def test_a_person_may_merge_again_what_a_person_parted(db: Database) -> None:
    books, shop = await two(db)
    await undo(db, (await merge(db, books, shop)).merge_id)
    await merge(db, shop, books)
    assert set((await customers(db)).values()) == {shop}


async def test_an_undo_parts_even_what_the_rules_have_joined_as_well_since(db: Database) -> None:
    books, shop = await two(db)
    merged = await merge(db, books, shop)
    await put(db, "books", contact("1", BOOKS, external_id="C-1"))
    await put(db, "shop", contact("7", SHOP, external_id="C-1"))
    assert set((await customers(db)).values()) == {books}
    await undo(db, merged.merge_id)
    assert await customers(db) == {Ref("books", "1"): books, Ref("shop", "7"): shop}
    assert await calls(db) == {"books-before": books, "shop-before": shop}
    await put(db, "shop", contact("7", SHOP, "020 7946 0001", external_id="C-1"))
    assert await customers(db) == {Ref("books", "1"): books, Ref("shop", "7"): shop}


async def test_merges_are_undone_in_any_order(db: Database) -> None:
    books, shop = await two(db)
    await put(db, "crm", contact("x", "020 7946 0123"))
    crm = (await customers(db))[Ref("crm", "x")]
    await call(db, "crm-before", crm, "+442079460123", NOW)
    before = await whole_state(db)
    first = await merge(db, books, shop)
    second = await merge(db, crm, books, LATER)
    assert set((await customers(db)).values()) == {crm}
    await undo(db, first.merge_id)
    ours = await customers(db)
    assert (ours[Ref("books", "1")], ours[Ref("shop", "7")]) == (crm, shop)
    assert await calls(db) == {"books-before": crm, "shop-before": shop, "crm-before": crm}
    await undo(db, second.merge_id)
    assert await whole_state(db) == before


async def test_a_side_whose_records_are_all_gone_comes_back_with_its_calls(db: Database) -> None:
    books, shop = await two(db)
    merged = await merge(db, books, shop)
    await put(db, "shop", gone=["7"])
    await undo(db, merged.merge_id)
    doc = await document(db, shop)
    assert doc is not None
    assert (doc["display_name"], doc["links"]) == ("Name 7", [])
    assert (await calls(db))["shop-before"] == shop


async def test_customers_of_the_same_source_can_be_merged(db: Database) -> None:
    await put(db, "books", contact("1", BOOKS), contact("2", SHOP))
    ours = await customers(db)
    await merge(db, ours[Ref("books", "1")], ours[Ref("books", "2")])
    await put(db, "books", contact("1", BOOKS, display_name="A"), contact("2", SHOP))
    assert set((await customers(db)).values()) == {ours[Ref("books", "1")]}


async def test_what_cannot_be_merged_or_undone_is_refused(db: Database) -> None:
    books, shop = await two(db)
    with pytest.raises(NoSuchCustomer, match="there is no customer c-nobody"):
        await merge(db, books, "c-nobody")
    with pytest.raises(NoSuchCustomer, match="there is no merge 12345"):
        await undo(db, 12345)
    merged = await merge(db, books, shop)
    with pytest.raises(CannotMerge, match="one customer already"):
        await merge(db, shop, books)
    await undo(db, merged.merge_id)
    with pytest.raises(CannotMerge, match="undone already"):
        await undo(db, merged.merge_id)


async def test_when_the_rules_part_what_they_had_joined_each_gets_its_calls_back(
    db: Database,
) -> None:
    account: dict[str, Any] = {"external_id": "C-1"}
    books, shop = await two(db)
    await put(db, "books", contact("1", BOOKS, **account))
    await put(db, "shop", contact("7", SHOP, **account))
    assert set((await calls(db)).values()) == {min(books, shop)}
    await put(db, "shop", contact("7", SHOP))
    assert await calls(db) == {"books-before": books, "shop-before": shop}


# Steps of a life: two customers are merged, or a merge is undone, or a source changes a record.
_WHO = st.sampled_from([("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1")])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("merge"), _WHO, _WHO),
        st.tuples(st.just("undo"), st.integers(0, 5)),
        st.tuples(st.just("call"), _WHO),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def prepared(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with five customers, to copy."""
    path = Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("five") / "db"))

    async def fill() -> None:
        db = Database(f"sqlite:///{path}")
        for slug, ids in (("a", "12"), ("b", "12"), ("c", "1")):
            await put(db, slug, *(contact(i, f"020 7946 0{ord(slug)}{i}"[:14]) for i in ids))
        await db.dispose()

    asyncio.run(fill())
    return path


@settings(max_examples=30)
@given(_STEPS)
def test_when_all_merges_are_undone_everything_is_as_if_there_had_been_none(
    prepared: Path, steps: list[Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(prepared, Path(folder) / "db"))
        asyncio.run(_merge_and_undo(steps, f"sqlite:///{path}"))


async def _merge_and_undo(steps: list[Any], url: str) -> None:
    db = Database(url)
    homes = await customers(db)
    made: list[int] = []
    expected: dict[str, str] = {}
    for number, step in enumerate(steps):
        match step:
            case ("merge", one, other):
                try:
                    merged = await merge(db, homes[Ref(*one)], homes[Ref(*other)])
                except CannotMerge:
                    continue
                made.append(merged.merge_id)
            case ("undo", index) if made:
                await undo(db, made.pop(index % len(made)))
            case ("call", who):
                ref = Ref(*who)
                async with db.read() as session:
                    query = select(PhoneIndex.key).where(
                        PhoneIndex.connector == ref.connector, PhoneIndex.remote_id == ref.remote_id
                    )
                    key = await session.scalar(query)
                customer = (await customers(db))[ref]
                expected[f"call-{number}"] = homes[ref]
                await call(db, f"call-{number}", customer, key, NOW + timedelta(hours=number))
    for merge_id in made:
        await undo(db, merge_id)
    assert await customers(db) == homes
    assert await calls(db) == expected
    await db.dispose()
