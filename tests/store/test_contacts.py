"""Contacts on disk: the phone index, the customers they are joined into, and their history."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from app.core.contact import Reading, read_contact
from app.core.identity import Record, Ref, customer_id, join
from app.store.contacts import Contacts, ContactWriter
from app.store.engine import Database
from app.store.linking import Batch, write_batch
from app.store.migrations import migrate
from app.store.models import (
    CallRow,
    ConnectorRow,
    Customer,
    CustomerKey,
    CustomerLink,
    NumberChoice,
    PhoneIndex,
)
from app.store.sync_state import SyncTakenOver
from connectors.sdk.types import ContactRow, PhoneRow

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ACCOUNT = {"external_id": "C-100"}
TAX = {"tax_number": "GB123456789"}


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url)
    database = Database(database_url)
    yield database
    await database.dispose()


def contact(remote_id: str, *phones: str, **fields: Any) -> Reading:
    row = {"remote_id": remote_id, "display_name": f"Name {remote_id}", **fields}
    row["phone_numbers"] = [PhoneRow(raw=phone) for phone in phones]
    read = read_contact(ContactRow.model_validate(row), "GB")
    assert isinstance(read, Reading)
    return read


async def put(
    db: Database, connector: str, *readings: Reading, gone: Iterable[str] = (), priority: int = 0
) -> None:
    changes: dict[str, Reading | None] = {r.contact["remote_id"]: r for r in readings}
    changes.update(dict.fromkeys(gone))
    async with db.begin() as session:
        batch = Batch(connector, priority, "s1", NOW, changes)
        await write_batch(await session.connection(), batch)


async def customers(db: Database) -> dict[Ref, str]:
    async with db.read() as session:
        columns = CustomerLink.connector, CustomerLink.remote_id, CustomerLink.customer_id
        return {Ref(row[0], row[1]): row[2] for row in await session.execute(select(*columns))}


async def everything(db: Database) -> list[tuple[Any, ...]]:
    async with db.read() as session:
        return [
            tuple(row)
            for table in (Customer, CustomerLink, CustomerKey, PhoneIndex)
            for row in await session.execute(select(table.__table__).order_by(text("1, 2, 3")))
        ]


async def owners_of(db: Database, key: str) -> set[str]:
    async with db.read() as session:
        query = select(PhoneIndex.customer_id).where(PhoneIndex.key == key)
        return set(await session.scalars(query))


async def document(db: Database, customer: str) -> dict[str, Any] | None:
    async with db.read() as session:
        found: dict[str, Any] | None = await session.scalar(
            select(Customer.doc).where(Customer.id == customer)
        )
        return found


def a_call(call_id: str, customer: str) -> CallRow:
    return CallRow(
        call_id=call_id,
        phone_system="pbx",
        live=False,
        state="ended",
        customer_id=customer,
        user_ids=[],
        started_at=NOW,
        doc={},
        summary={},
    )


async def test_a_contact_is_found_by_each_of_its_numbers(db: Database) -> None:
    await put(db, "books", contact("1", "020 7946 0958", "07700 900123", "204"))
    (customer,) = (await customers(db)).values()
    for key in ("+442079460958", "+447700900123", "~204"):
        assert await owners_of(db, key) == {customer}
    doc = await document(db, customer)
    assert doc is not None
    assert doc["customer_id"] == customer
    assert [p["e164"] for p in doc["phone_numbers"]] == ["+442079460958", "+447700900123", None]


async def test_the_same_contacts_again_change_nothing(db: Database) -> None:
    books = [contact(str(i), f"020 7946 0{i:03}", external_id=f"C-{i}") for i in range(20)]
    shop = [contact(f"s{i}", external_id=f"C-{i}") for i in range(20)]
    await put(db, "books", *books)
    await put(db, "shop", *shop)
    before = await everything(db)
    await put(db, "books", *books)
    await put(db, "shop", *shop)
    assert await everything(db) == before


async def test_a_changed_number_replaces_the_old_one(db: Database) -> None:
    await put(db, "books", contact("1", "020 7946 0958"))
    await put(db, "books", contact("1", "020 7946 0001"))
    assert not await owners_of(db, "+442079460958")
    assert await owners_of(db, "+442079460001") == set((await customers(db)).values())


async def test_records_of_two_sources_become_one_customer_with_the_better_sources_fields(
    db: Database,
) -> None:
    await put(db, "books", contact("1", "020 7946 0958", **ACCOUNT), priority=10)
    await put(db, "shop", contact("7", "07700 900123", tier="gold", **ACCOUNT), priority=5)
    (customer,) = set((await customers(db)).values())
    assert await owners_of(db, "+447700900123") == {customer}
    doc = await document(db, customer)
    assert doc is not None
    assert (doc["display_name"], doc["tier"]) == ("Name 7", "gold")
    assert {k["connector"]: k["external_id"] for k in doc["links"]} == dict.fromkeys(
        ("books", "shop"), "C-100"
    )


async def test_a_record_that_proves_two_customers_to_be_one_joins_their_history(
    db: Database,
) -> None:
    await put(db, "books", contact("1", "020 7946 0958", **ACCOUNT))
    await put(db, "shop", contact("7", "07700 900123", **TAX))
    ours = await customers(db)
    books, shop = ours[Ref("books", "1")], ours[Ref("shop", "7")]
    assert books != shop
    async with db.begin() as session:
        session.add_all([a_call("pbx:1", books), a_call("pbx:2", shop)])
        for e164, customer in (("+442079460958", books), ("+447700900123", shop)):
            session.add(NumberChoice(e164=e164, customer_id=customer, user_id="u1", chosen_at=NOW))
    await put(db, "crm", contact("x", **ACCOUNT, **TAX))

    (customer,) = set((await customers(db)).values())
    async with db.read() as session:
        assert set(await session.scalars(select(CallRow.customer_id))) == {customer}
        assert set(await session.scalars(select(NumberChoice.customer_id))) == {customer}
        assert list(await session.scalars(select(Customer.id))) == [customer]
    assert await owners_of(db, "+442079460958") == {customer}
    assert await owners_of(db, "+447700900123") == {customer}


async def test_customers_part_when_what_joined_them_is_corrected(db: Database) -> None:
    await put(db, "books", contact("1", "020 7946 0958", **ACCOUNT))
    await put(db, "shop", contact("7", "07700 900123", **ACCOUNT))
    await put(db, "shop", contact("7", "07700 900123", external_id="C-7"))
    ours = await customers(db)
    assert ours[Ref("books", "1")] != ours[Ref("shop", "7")]
    assert await owners_of(db, "+442079460958") == {ours[Ref("books", "1")]}
    assert await owners_of(db, "+447700900123") == {ours[Ref("shop", "7")]}


async def test_a_second_holder_of_an_account_number_in_a_source_undoes_the_link(
    db: Database,
) -> None:
    await put(db, "books", contact("1", **ACCOUNT))
    await put(db, "shop", contact("7", **ACCOUNT))
    await put(db, "books", contact("2", **ACCOUNT))
    assert len(set((await customers(db)).values())) == 3
    await put(db, "books", gone=["2"])
    assert len(set((await customers(db)).values())) == 1


async def test_a_record_that_is_gone_stops_matching(db: Database) -> None:
    await put(db, "books", contact("1", "020 7946 0958", **ACCOUNT))
    await put(db, "shop", contact("7", "020 7946 0958", **ACCOUNT))
    await put(db, "books", gone=["1", "never-known"])
    (customer,) = (await customers(db)).values()
    doc = await document(db, customer)
    assert doc is not None
    assert doc["display_name"] == "Name 7"
    await put(db, "shop", gone=["7"])
    assert await everything(db) == []


async def test_a_customer_of_earlier_calls_outlives_its_records_and_is_found_again(
    db: Database,
) -> None:
    await put(db, "books", contact("1", "020 7946 0958"))
    (customer,) = (await customers(db)).values()
    async with db.begin() as session:
        session.add(a_call("pbx:1", customer))
    await put(db, "books", gone=["1"])
    doc = await document(db, customer)
    assert doc is not None
    assert (doc["display_name"], doc["links"]) == ("Name 1", [])
    assert not await owners_of(db, "+442079460958")
    await put(db, "books", contact("1", "020 7946 0958"))
    assert await owners_of(db, "+442079460958") == {customer}


async def test_a_record_that_left_its_customer_to_another_comes_back_as_a_new_one(
    db: Database,
) -> None:
    await put(db, "books", contact("1", **ACCOUNT))
    await put(db, "shop", contact("7", **ACCOUNT))
    await put(db, "books", gone=["1"])
    await put(db, "books", contact("1", "020 7946 0958", external_id="C-1"))
    ours = await customers(db)
    assert ours[Ref("shop", "7")] == customer_id(Ref("books", "1"))
    assert ours[Ref("books", "1")] != ours[Ref("shop", "7")]


async def test_a_thousand_people_on_one_switchboard_stay_themselves(db: Database) -> None:
    number = "020 7946 0958"
    await put(db, "books", *(contact(str(i), number) for i in range(1000)))
    await put(db, "shop", *(contact(str(i), number) for i in range(1000)))
    assert len(await owners_of(db, "+442079460958")) == 2000


async def test_priorities_that_change_are_seen_after_a_refresh(db: Database) -> None:
    await put(db, "books", contact("1", **ACCOUNT), priority=10)
    await put(db, "shop", contact("7", **ACCOUNT), priority=0)
    async with db.begin() as session:
        for slug, priority in (("books", 1), ("shop", 2)):
            row = {"slug": slug, "priority": priority, "position": 0, "kind": "sql"}
            row |= {"settings": b"", "timeout_ms": 1, "cache_s": {}, "updated_at": NOW}
            await session.execute(insert(ConnectorRow).values(enabled=True, **row))
    await Contacts(db).refresh_documents(at=NOW)
    (customer,) = set((await customers(db)).values())
    doc = await document(db, customer)
    assert doc is not None
    assert doc["display_name"] == "Name 7"


async def test_a_connector_that_leaves_the_configuration_takes_its_records_along(
    db: Database,
) -> None:
    await put(db, "books", contact("1"), contact("2"))
    await put(db, "shop", contact("7"))
    assert await Contacts(db).forget_connector("books", at=NOW) == 2
    assert set(await customers(db)) == {Ref("shop", "7")}


async def test_two_connectors_written_at_the_same_time_are_joined(db: Database) -> None:
    some = [contact(str(i), external_id=f"C-{i}") for i in range(50)]
    await asyncio.gather(put(db, "books", *some), put(db, "shop", *some))
    assert len(set((await customers(db)).values())) == 50


async def test_a_sync_that_another_has_replaced_writes_nothing_more(db: Database) -> None:
    writer = ContactWriter(db, "GB", 0)
    first = await writer.start_sync("books", full=True, at=NOW)
    await writer.start_sync("books", full=True, at=NOW)
    row = ContactRow(remote_id="1", display_name="Ann")
    with pytest.raises(SyncTakenOver, match="another sync of books"):
        await writer.write(first, {"1": row}, at=NOW)
    assert await customers(db) == {}


# One indexed read gives a pop its candidates: the customer's document stands by itself.
CANDIDATES = """
SELECT p.key, p.connector, p.remote_id, p.type, p.is_primary, c.doc
  FROM phone_index p JOIN customers c ON c.id = p.customer_id WHERE p.key IN (:exact, :ending)
"""


async def test_candidates_are_read_through_indexes_alone(sqlite_url: str) -> None:
    await migrate(sqlite_url)
    db = Database(sqlite_url)
    async with db.read() as session:
        keys = {"exact": "+442079460958", "ending": "~079460958"}
        plan = await session.execute(text("EXPLAIN QUERY PLAN " + CANDIDATES), keys)
        assert all(row[3].startswith("SEARCH") for row in plan)
    await db.dispose()


_PHONES = ("020 7946 0958", "07700 900123")
_FIELDS = st.fixed_dictionaries(
    {
        "display_name": st.sampled_from(["Ann", "Bell"]),
        "external_id": st.sampled_from([None, "C-1", "C-2"]),
        "tax_number": st.sampled_from([None, "GB123456789"]),
        "email_addresses": st.sampled_from([(), ("ann@example.com",)]),
        "phones": st.sampled_from([(), *((p,) for p in _PHONES), _PHONES]),
    }
)
# Steps of a life: a connector gives (or takes back) one record.
_STEPS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2"]), st.none() | _FIELDS),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file to copy: migrating takes longer than an example."""
    path = tmp_path_factory.mktemp("empty") / "db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    return path


@settings(max_examples=40)
@given(_STEPS, st.integers(1, 4))
def test_customers_depend_on_the_records_alone_whatever_came_before(
    empty_file: Path, steps: list[tuple[str, str, dict[str, Any] | None]], size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(empty_file, Path(folder) / "db"))
        asyncio.run(_live_through(steps, size, f"sqlite:///{path}"))


async def _live_through(
    steps: list[tuple[str, str, dict[str, Any] | None]], size: int, url: str
) -> None:
    db = Database(url)
    now: dict[Ref, Reading] = {}
    for start in range(0, len(steps), size):
        by_connector: dict[str, dict[str, Reading | None]] = {}
        for connector, remote_id, fields in steps[start : start + size]:
            read = None
            if fields is not None:
                rest = {k: v for k, v in fields.items() if k != "phones"}
                read = contact(remote_id, *fields["phones"], **rest)
                now[Ref(connector, remote_id)] = read
            else:
                now.pop(Ref(connector, remote_id), None)
            by_connector.setdefault(connector, {})[remote_id] = read
        for connector, changes in by_connector.items():
            read_again = [r for r in changes.values() if r is not None]
            gone = [r for r, reading in changes.items() if reading is None]
            await put(db, connector, *read_again, gone=gone)
    expected = join(Record.of(ref.connector, r.contact) for ref, r in now.items())
    stored: dict[str, set[Ref]] = {}
    for ref, customer in (await customers(db)).items():
        stored.setdefault(customer, set()).add(ref)
    assert {frozenset(refs) for refs in stored.values()} == {
        frozenset(r.ref for r in group) for group in expected
    }
    async with db.read() as session:
        documents = {d["customer_id"]: d for d in await session.scalars(select(Customer.doc))}
        assert documents.keys() == stored.keys()
        rows = await session.execute(select(PhoneIndex.__table__))
        assert {(r.key, Ref(r.connector, r.remote_id)) for r in rows} == {
            (row.key, ref) for ref, r in now.items() for row in r.index
        }
    for customer, refs in stored.items():
        links = documents[customer]["links"]
        assert {Ref(k["connector"], k["remote_id"]) for k in links} == refs
    await db.dispose()
