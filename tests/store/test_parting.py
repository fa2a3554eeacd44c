"""Records that the rules joined to the wrong customer, taken out by a person and put back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.identity import Ref
from app.store import merging, parting
from app.store.calls import remember_choice
from app.store.customers import customer
from app.store.engine import Database
from app.store.merging import CannotMerge, NoSuchCustomer
from app.store.models import CallRow, NumberChoice
from app.store.parting import PutBack, TakenOut
from app.store.scan import scan
from tests.store.contacts_world import NOW, call, contact, customers, document, owners_of, put

BOOKS, SHOP, CRM = Ref("books", "1"), Ref("shop", "7"), Ref("crm", "x")
BOOKS_PHONE, SHOP_PHONE, CRM_PHONE = "020 7946 0958", "07700 900123", "020 7946 0001"
BOOKS_E164, SHOP_E164, CRM_E164 = "+442079460958", "+447700900123", "+442079460001"
# Two firms of one group that file under one tax number.
GROUP: dict[str, Any] = {"tax_number": "GB 123 4567 89"}
DAY = timedelta(days=1)
LATER = NOW + 10 * DAY


@pytest.fixture
async def db(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.dispose()


@asynccontextmanager
async def writing(db: Database) -> AsyncIterator[AsyncConnection]:
    async with db.begin() as session:
        yield await session.connection()


async def take_out(db: Database, of: str, ref: Ref, why: str = "two firms") -> TakenOut:
    async with writing(db) as conn:
        return await parting.take_out(conn, of, ref, user_id="sue", at=LATER, reasons=[why])


async def put_back(db: Database, parting_id: int) -> PutBack:
    async with writing(db) as conn:
        return await parting.put_back(conn, parting_id, user_id="sue", at=LATER + DAY)


async def calls(db: Database) -> dict[str, str | None]:
    async with db.read() as session:
        rows = await session.execute(select(CallRow.call_id, CallRow.customer_id))
        return {row[0]: row[1] for row in rows}


async def choices(db: Database) -> dict[str, str]:
    async with db.read() as session:
        rows = select(NumberChoice.e164, NumberChoice.customer_id)
        return {row[0]: row[1] for row in await session.execute(rows)}


async def merges(db: Database, of: str) -> list[dict[str, Any]]:
    async with db.read() as session:
        found = await customer(session, of)
    assert found is not None
    told: list[dict[str, Any]] = found["merges"]
    return told


async def wrongly_joined(db: Database) -> str:
    """Let a tax number join two firms, of which the books' was first."""
    await put(db, "books", contact("1", BOOKS_PHONE, **GROUP))
    await put(db, "shop", contact("7", SHOP_PHONE, **GROUP), at=NOW + DAY)
    ours = await customers(db)
    assert ours[BOOKS] == ours[SHOP]
    return ours[BOOKS]


async def test_a_record_taken_out_is_a_customer_of_its_own(db: Database) -> None:
    joint = await wrongly_joined(db)
    taken = await take_out(db, joint, SHOP)
    assert await customers(db) == {BOOKS: joint, SHOP: taken.parted_id}
    assert (taken.customer_id, await owners_of(db, SHOP_E164)) == (joint, {taken.parted_id})
    ours, theirs = await document(db, joint), await document(db, taken.parted_id)
    assert ours is not None
    assert theirs is not None
    assert [link["connector"] for link in ours["links"]] == ["books"]
    assert [link["connector"] for link in theirs["links"]] == ["shop"]
    assert [n["e164"] for n in theirs["phone_numbers"]] == [SHOP_E164]


async def test_the_customer_keeps_its_id_also_when_its_first_record_is_taken_out(
    db: Database,
) -> None:
    joint = await wrongly_joined(db)
    taken = await take_out(db, joint, BOOKS)
    assert await customers(db) == {BOOKS: taken.parted_id, SHOP: joint}
    assert taken.parted_id != joint


@pytest.mark.parametrize("out", [BOOKS, SHOP])
async def test_no_later_sync_joins_them_again(db: Database, out: Ref) -> None:
    joint = await wrongly_joined(db)
    taken = await take_out(db, joint, out)
    apart = await customers(db)
    both: dict[str, Any] = {**GROUP, "external_id": "C-1"}
    await put(db, "shop", contact("7", SHOP_PHONE, BOOKS_PHONE, **both), at=LATER)
    await put(db, "books", contact("1", BOOKS_PHONE, display_name="Name 7", **both), at=LATER)
    assert await customers(db) == apart
    await put(db, out.connector, gone=[out.remote_id], at=LATER)
    await put(db, out.connector, contact(out.remote_id, **GROUP), at=LATER)
    assert (await customers(db))[out] == taken.parted_id


async def test_a_record_that_comes_back_without_the_evidence_is_still_its_own_customer(
    db: Database,
) -> None:
    joint = await wrongly_joined(db)
    await put(db, "crm", contact("x", CRM_PHONE))
    other = (await customers(db))[CRM]
    async with writing(db) as conn:
        await merging.merge(conn, other, joint, user_id="sue", at=LATER)
    taken = await take_out(db, other, BOOKS)
    await put(db, "books", gone=["1"], at=LATER)
    await put(db, "books", contact("1", BOOKS_PHONE), at=LATER)
    assert await customers(db) == {BOOKS: taken.parted_id, SHOP: other, CRM: other}


async def test_they_are_not_proposed_as_duplicates(db: Database) -> None:
    await put(db, "books", contact("1", BOOKS_PHONE, display_name="Ann Bell", **GROUP))
    await put(db, "shop", contact("7", BOOKS_PHONE, display_name="Ann Bell", **GROUP))
    joint = (await customers(db))[BOOKS]
    await take_out(db, joint, SHOP)
    assert (await scan(db, LATER)).proposals == 0


async def test_calls_go_with_the_number_and_the_time_that_only_one_of_them_had(
    db: Database,
) -> None:
    joint = await wrongly_joined(db)
    for call_id, e164, at in (
        ("before-the-shop-came", None, NOW + DAY / 2),
        ("from-shop", SHOP_E164, NOW + 2 * DAY),
        ("from-books", BOOKS_E164, NOW + 2 * DAY),
        ("from-nowhere", "+442079469999", NOW + 2 * DAY),
        ("withheld", None, NOW + 2 * DAY),
    ):
        await call(db, call_id, joint, e164, at)
    await remember_choice(db, SHOP_E164, joint, "ada", NOW + 2 * DAY)
    taken = await take_out(db, joint, SHOP)
    assert (taken.calls, taken.calls_kept) == (1, 2)
    parted = {i for i, owner in (await calls(db)).items() if owner == taken.parted_id}
    assert parted == {"from-shop"}
    assert await choices(db) == {SHOP_E164: taken.parted_id}


async def test_the_first_record_takes_the_calls_of_the_time_when_it_was_alone(
    db: Database,
) -> None:
    joint = await wrongly_joined(db)
    await call(db, "alone", joint, None, NOW + DAY / 2)
    await call(db, "withheld", joint, None, NOW + 2 * DAY)
    await call(db, "from-books", joint, BOOKS_E164, NOW + 2 * DAY)
    taken = await take_out(db, joint, BOOKS)
    assert (taken.calls, taken.calls_kept) == (2, 1)
    assert await calls(db) == {
        "alone": taken.parted_id,
        "withheld": joint,
        "from-books": taken.parted_id,
    }


async def test_a_record_that_was_a_customer_before_gets_that_history_back(db: Database) -> None:
    await put(db, "books", contact("1", BOOKS_PHONE))
    await put(db, "shop", contact("7", SHOP_PHONE))
    before = await customers(db)
    for ref in (BOOKS, SHOP):
        await call(db, f"{ref.connector}-withheld", before[ref], None, NOW + DAY / 2)
    await put(db, "books", contact("1", BOOKS_PHONE, **GROUP), at=NOW + DAY)
    await put(db, "shop", contact("7", SHOP_PHONE, **GROUP), at=NOW + DAY)
    joint = min(before.values())
    assert set((await calls(db)).values()) == {joint}
    later = next(ref for ref, owner in before.items() if owner != joint)
    taken = await take_out(db, joint, later)
    assert await customers(db) == before
    assert taken.parted_id == before[later]
    assert await calls(db) == {f"{ref.connector}-withheld": before[ref] for ref in (BOOKS, SHOP)}


async def test_what_a_person_merged_stays_with_the_customer(db: Database) -> None:
    joint = await wrongly_joined(db)
    await put(db, "crm", contact("x", CRM_PHONE))
    other = (await customers(db))[CRM]
    await call(db, "crm-before", other, None, NOW)
    async with writing(db) as conn:
        await merging.merge(conn, joint, other, user_id="sue", at=LATER)
    await call(db, "crm-since", joint, CRM_E164, LATER + DAY)
    await call(db, "shop-since", joint, SHOP_E164, LATER + DAY)
    taken = await take_out(db, joint, SHOP)
    assert await customers(db) == {BOOKS: joint, CRM: joint, SHOP: taken.parted_id}
    assert await calls(db) == {
        "crm-before": joint,
        "crm-since": joint,
        "shop-since": taken.parted_id,
    }


async def test_a_taken_out_record_is_put_back_with_its_calls(db: Database) -> None:
    joint = await wrongly_joined(db)
    await call(db, "from-shop", joint, SHOP_E164, NOW + 2 * DAY)
    taken = await take_out(db, joint, SHOP)
    await call(db, "since", taken.parted_id, SHOP_E164, LATER + DAY / 2)
    back = await put_back(db, taken.parting_id)
    assert back.joined
    assert set((await customers(db)).values()) == {back.customer_id}
    assert set((await calls(db)).values()) == {back.customer_id}
    with pytest.raises(CannotMerge, match="taken back already"):
        await put_back(db, taken.parting_id)
    again = await take_out(db, back.customer_id, SHOP)
    assert again.calls == 2


async def test_what_is_put_back_without_evidence_stays_apart_and_says_so(db: Database) -> None:
    joint = await wrongly_joined(db)
    taken = await take_out(db, joint, SHOP)
    await put(db, "shop", contact("7", SHOP_PHONE), at=LATER)
    back = await put_back(db, taken.parting_id)
    assert (back.joined, back.customer_id, back.parted_id) == (False, joint, taken.parted_id)
    await put(db, "shop", contact("7", SHOP_PHONE, **GROUP), at=LATER)
    assert len(set((await customers(db)).values())) == 1


async def test_history_says_who_took_what_out_when_and_why(db: Database) -> None:
    joint = await wrongly_joined(db)
    taken = await take_out(db, joint, SHOP, "Alder Ltd and Alder Inc")
    for of in (joint, taken.parted_id):
        [told] = await merges(db, of)
        assert (told["merge_id"], told["gone_name"]) == (taken.parting_id, "Name 7")
        assert (told["survivor_id"], told["gone_id"]) == (joint, taken.parted_id)
        assert told["reasons"] == ["Alder Ltd and Alder Inc"]
        assert (told["made_by"], told["merged_at"]) == ("rule", NOW + DAY)
        assert (told["undone_at"], told["undone_by"]["user_id"]) == (LATER, "sue")
        assert told["kept_apart"]
    back = await put_back(db, taken.parting_id)
    rejoined, parted = await merges(db, back.customer_id)
    assert not parted["kept_apart"]
    assert (rejoined["undone_at"], rejoined["user"]["user_id"]) == (None, "sue")


async def test_a_person_may_merge_what_was_taken_out(db: Database) -> None:
    joint = await wrongly_joined(db)
    taken = await take_out(db, joint, SHOP)
    async with writing(db) as conn:
        merged = await merging.merge(conn, joint, taken.parted_id, user_id="sue", at=LATER)
    assert set((await customers(db)).values()) == {joint}
    with pytest.raises(CannotMerge, match="merged since"):
        await put_back(db, taken.parting_id)
    async with writing(db) as conn:
        await merging.undo(conn, merged.merge_id, user_id="sue", at=LATER)
    assert await customers(db) == {BOOKS: joint, SHOP: taken.parted_id}


async def test_of_three_records_those_that_belong_together_stay_together(db: Database) -> None:
    joint = await wrongly_joined(db)
    await put(db, "crm", contact("x", CRM_PHONE, **GROUP))
    taken = await take_out(db, joint, SHOP)
    assert await customers(db) == {BOOKS: joint, CRM: joint, SHOP: taken.parted_id}


async def test_what_cannot_be_taken_out_is_refused_with_the_reason(db: Database) -> None:
    joint = await wrongly_joined(db)
    with pytest.raises(NoSuchCustomer, match="there is no customer c-nobody"):
        await take_out(db, "c-nobody", SHOP)
    with pytest.raises(CannotMerge, match=r"crm x is no record of this customer any more: read it"):
        await take_out(db, joint, CRM)
    taken = await take_out(db, joint, SHOP)
    with pytest.raises(CannotMerge, match="the customer's only record"):
        await take_out(db, joint, BOOKS)
    with pytest.raises(NoSuchCustomer, match="no record that was taken out as 12345"):
        await put_back(db, 12345)
    async with writing(db) as conn:
        merged = await merging.merge(conn, joint, taken.parted_id, user_id="sue", at=LATER)
    with pytest.raises(CannotMerge, match=f"came by a merge, .*: undo merge {merged.merge_id}"):
        await take_out(db, joint, SHOP)
    with pytest.raises(NoSuchCustomer):
        await put_back(db, merged.merge_id)


async def test_no_rule_joins_a_record_to_what_a_person_merged_with_what_it_is_not(
    db: Database,
) -> None:
    joint = await wrongly_joined(db)
    taken = await take_out(db, joint, SHOP)
    await put(db, "crm", contact("x", CRM_PHONE, external_id="C-9"))
    other = (await customers(db))[CRM]
    async with writing(db) as conn:
        await merging.merge(conn, other, taken.parted_id, user_id="sue", at=LATER)
    await put(db, "books", contact("1", BOOKS_PHONE, external_id="C-9", **GROUP), at=LATER)
    assert await customers(db) == {BOOKS: joint, CRM: other, SHOP: other}
