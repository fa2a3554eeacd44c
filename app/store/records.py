"""The bulk statements that keep customers, their links and the phone index."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    Delete,
    Table,
    Text,
    Update,
    bindparam,
    delete,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.contact import Reading, StoredContact, reading_of
from app.core.identity import Record, Ref, keys_of
from app.store.models import Base

_TABLES = Base.metadata.tables
CUSTOMERS = _TABLES["customers"]
LINKS = _TABLES["customer_links"]
KEYS = _TABLES["customer_keys"]
INDEX = _TABLES["phone_index"]
_CALLS = _TABLES["calls"]

# Drivers take some 32,000 parameters a statement.
_PARAMETERS = 8000

T = TypeVar("T")
W = TypeVar("W", Update, Delete)


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """Split values into lists that a statement can take as parameters."""
    rest = iter(values)
    while some := list(islice(rest, _PARAMETERS)):
        yield some


def by_connector(refs: Iterable[Ref]) -> Iterator[tuple[str, list[str]]]:
    """Group records by connector, in lists that a statement can take as parameters."""
    grouped: dict[str, list[str]] = {}
    for connector, remote_id in refs:
        grouped.setdefault(connector, []).append(remote_id)
    for connector, ids in grouped.items():
        for some in chunks(ids):
            yield connector, some


async def delete_links(conn: AsyncConnection, refs: Iterable[Ref]) -> None:
    """Delete the links of these records."""
    for connector, ids in by_connector(refs):
        await conn.execute(
            delete(LINKS).where(LINKS.c.connector == connector, LINKS.c.remote_id.in_(ids))
        )


async def delete_evidence(conn: AsyncConnection, stored: Mapping[Ref, StoredContact]) -> None:
    """Delete the phone index and keys of records, of which this is stored."""
    for table, keys_of_contact in ((INDEX, _index_keys), (KEYS, keys_of)):
        rows = [
            {"b_key": key, "b_connector": ref.connector, "b_remote_id": ref.remote_id}
            for ref, contact in stored.items()
            for key in keys_of_contact(contact)
        ]
        if rows:
            await conn.execute(_of_key(delete(table), table), rows)


def _index_keys(contact: StoredContact) -> Iterable[str]:
    return (row.key for row in reading_of(contact).index)


async def write_customers(
    conn: AsyncConnection, documents: Mapping[str, dict[str, Any]], at: datetime
) -> None:
    """Write the golden records that are new or different."""
    query = select(CUSTOMERS.c.id, type_coerce(CUSTOMERS.c.doc, Text))
    known = {
        row[0]: row[1]
        for ids in chunks(documents)
        for row in await conn.execute(query.where(CUSTOMERS.c.id.in_(ids)))
    }
    new = [d for i, d in documents.items() if i not in known]
    changed = [
        d for i, d in documents.items() if i in known and known[i] != orjson.dumps(d).decode()
    ]
    if new:
        rows = [{"id": d["customer_id"], **_customer_values(d, at)} for d in new]
        await conn.execute(insert(CUSTOMERS), rows)
    if changed:
        rows = [{"b_id": d["customer_id"], **_customer_values(d, at)} for d in changed]
        await conn.execute(update(CUSTOMERS).where(CUSTOMERS.c.id == bindparam("b_id")), rows)


def _customer_values(doc: dict[str, Any], at: datetime) -> dict[str, Any]:
    return {"display_name": doc["display_name"], "doc": doc, "updated_at": at}


async def write_links(
    conn: AsyncConnection,
    readings: Mapping[Ref, Reading],
    customer_of: Mapping[Ref, str],
    known: Collection[Ref],
    sync_id: str,
    at: datetime,
) -> None:
    """Write the links of records, of which some are `known`."""
    links = [
        {
            "connector": ref.connector,
            "remote_id": ref.remote_id,
            "customer_id": customer_of[ref],
            "data": reading.contact,
            "sync_id": sync_id,
            "linked_at": at,
        }
        for ref, reading in readings.items()
        if ref not in known
    ]
    if links:
        await conn.execute(insert(LINKS), links)
    changed = [
        {
            "b_connector": ref.connector,
            "b_remote_id": ref.remote_id,
            "customer_id": customer_of[ref],
            "data": reading.contact,
            "sync_id": sync_id,
        }
        for ref, reading in readings.items()
        if ref in known
    ]
    if changed:
        await conn.execute(_of_record(update(LINKS)), changed)


async def write_evidence(
    conn: AsyncConnection,
    readings: Mapping[Ref, Reading],
    customer_of: Mapping[Ref, str],
    records: Iterable[Record],
) -> None:
    """Write phone index and keys of records that have none there."""
    numbers = [
        {
            "key": row.key,
            "connector": ref.connector,
            "remote_id": ref.remote_id,
            "customer_id": customer_of[ref],
            "raw": row.raw,
            "type": row.type,
            "is_primary": row.is_primary,
        }
        for ref, reading in readings.items()
        for row in reading.index
    ]
    if numbers:
        await conn.execute(insert(INDEX), numbers)
    keys = [
        {"key": key, "connector": record.ref.connector, "remote_id": record.ref.remote_id}
        for record in records
        for key in record.keys
    ]
    if keys:
        await conn.execute(insert(KEYS), keys)


async def move_records(
    conn: AsyncConnection,
    before: Mapping[Ref, str],
    after: Mapping[Ref, str],
    contacts: Mapping[Ref, StoredContact],
    at: datetime,
) -> None:
    """Give records that did not change themselves to the customer they belong to now."""
    moved = [ref for ref, customer in before.items() if after[ref] != customer]
    rows = [
        {"b_connector": ref.connector, "b_remote_id": ref.remote_id, "customer_id": after[ref]}
        for ref in moved
    ]
    if rows:
        await conn.execute(_of_record(update(LINKS)).values(linked_at=at), rows)
        await give_numbers(conn, {ref: contacts[ref] for ref in moved}, after)


async def give_numbers(
    conn: AsyncConnection, contacts: Mapping[Ref, StoredContact], after: Mapping[Ref, str]
) -> None:
    """Give the numbers of records to the customers that the records belong to now."""
    rows = [
        {
            "b_key": key,
            "b_connector": ref.connector,
            "b_remote_id": ref.remote_id,
            "customer_id": after[ref],
        }
        for ref, contact in contacts.items()
        for key in _index_keys(contact)
    ]
    if rows:
        await conn.execute(_of_key(update(INDEX), INDEX), rows)


def _of_record(statement: Update) -> Update:
    return statement.where(
        LINKS.c.connector == bindparam("b_connector"),
        LINKS.c.remote_id == bindparam("b_remote_id"),
    )


def _of_key(statement: W, table: Table) -> W:
    return statement.where(
        table.c.key == bindparam("b_key"),
        table.c.connector == bindparam("b_connector"),
        table.c.remote_id == bindparam("b_remote_id"),
    )


async def drop_empty(conn: AsyncConnection, customers: Collection[str], at: datetime) -> None:
    """Delete customers without records, except those that earlier calls speak of."""
    for ids in chunks(customers):
        spoken_of = set(
            await conn.scalars(select(_CALLS.c.customer_id).where(_CALLS.c.customer_id.in_(ids)))
        )
        await conn.execute(delete(CUSTOMERS).where(CUSTOMERS.c.id.in_(set(ids) - spoken_of)))
        kept = await conn.scalars(select(CUSTOMERS.c.doc).where(CUSTOMERS.c.id.in_(spoken_of)))
        documents = {doc["customer_id"]: {**doc, "links": []} for doc in kept}
        await write_customers(conn, documents, at)
