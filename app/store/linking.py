"""Writes contacts into the phone index and joins them into customers, a batch at a time.

Joining depends on the records alone (`core.identity`), so a batch first reads every record that
could change its customer because of the batch, decides for all of them at once, and writes what
is different. All statements are bulk statements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Select, Table, Text, func, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.contact import Reading, StoredContact, reading_of
from app.core.golden import Link, golden
from app.core.identity import Assignment, Record, Ref, assign, customer_id, join
from app.store.engine import Database
from app.store.homes import (
    any_merge,
    follow,
    founding_ids,
    hold_customers,
    homes,
    keep_homes,
    new_id,
    settle,
    with_bars,
)
from app.store.models import Base
from app.store.records import (
    INDEX,
    KEYS,
    LINKS,
    by_connector,
    chunks,
    delete_evidence,
    delete_links,
    drop_empty,
    move_records,
    write_customers,
    write_evidence,
    write_links,
)

_CONNECTORS = Base.metadata.tables["connectors"]
_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """What one connector says has changed: a reading for each record, None where it is gone."""

    connector: str
    priority: int
    sync_id: str
    at: datetime
    changes: Mapping[str, Reading | None]


@dataclass(slots=True)
class _Around:
    """The records that the batch may join or part, without those of the batch itself."""

    records: list[Record] = field(default_factory=list)
    contacts: dict[Ref, StoredContact] = field(default_factory=dict)
    customers: dict[Ref, str] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)


async def write_batch(conn: AsyncConnection, batch: Batch, *, anew: bool = False) -> None:
    """Make the index, the links and the customers as the batch says. Repeats change nothing.

    `anew` writes also what is stored already as it is said.
    """
    await hold_customers(conn)
    stored = await _stored_links(conn, batch.connector, batch.changes)
    changes = {
        remote_id: reading
        for remote_id, reading in batch.changes.items()
        if (
            remote_id in stored
            if reading is None
            else anew or _differs(reading, stored.get(remote_id))
        )
    }
    await _mark_seen(conn, batch, stored.keys() - changes.keys())
    if changes:
        before = {Ref(batch.connector, r): stored[r] for r in changes if r in stored}
        await _apply(conn, batch, changes, before)


async def write_anew(
    db: Database, connector: str, priority: int, sync_id: str, ids: Iterable[str], at: datetime
) -> None:
    """Write records, numbers, keys and all, from what is stored of them."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), _AT_A_TIME):
        some = LINKS.c.remote_id.in_(wanted[start : start + _AT_A_TIME])
        stored = select(LINKS.c.remote_id, LINKS.c.data).where(LINKS.c.connector == connector, some)
        async with db.begin() as session:
            conn = await session.connection()
            changes = {row[0]: reading_of(row[1]) for row in await conn.execute(stored)}
            await write_batch(conn, Batch(connector, priority, sync_id, at, changes), anew=True)


async def decide_again(
    conn: AsyncConnection, records: Iterable[Record], at: datetime, customers: Iterable[str] = ()
) -> None:
    """Join or part records that are as they were, after a person's word on them.

    `customers`: whose records are decided too, whether or not evidence leads to them.
    """
    await hold_customers(conn)
    await _apply(conn, Batch("", 0, "", at, {}), {}, {}, records, customers)


async def _apply(
    conn: AsyncConnection,
    batch: Batch,
    changes: Mapping[str, Reading | None],
    before: Mapping[Ref, tuple[str, str]],
    seeds: Iterable[Record] = (),
    touched: Iterable[str] = (),
) -> None:
    stored = {ref: orjson.loads(data) for ref, (_, data) in before.items()}
    await delete_evidence(conn, stored)
    readings = {Ref(batch.connector, key): r for key, r in changes.items() if r is not None}
    new = [Record.of(batch.connector, reading.contact) for reading in readings.values()]
    old = [Record.of(ref.connector, contact) for ref, contact in stored.items()]
    owners = {*touched, *(customer for customer, _ in before.values())}
    around = await _read_around(conn, batch, [*new, *old, *seeds], before, owners)
    contacts = {**around.contacts, **{ref: r.contact for ref, r in readings.items()}}
    shown_before = {
        **around.customers,
        **{ref: customer for ref, (customer, _) in before.items() if ref in readings},
    }
    current = await homes(conn, shown_before)
    records = await with_bars(conn, [*new, *around.records], current)
    groups, assignment = await asyncio.to_thread(_decide, records, around.shared, current)
    ids = await _new_ids(conn, groups, assignment)
    settled = await settle(conn, ids, assignment.successors, current, batch.at)
    home_of = {r.ref: i for group, i in zip(groups, ids, strict=True) for r in group}
    customer_of = {ref: settled.customer(home) for ref, home in home_of.items()}
    # A person may have merged a home of this batch with customers that no evidence leads to.
    others = set(settled.roots.values()) - set(shown_before.values())
    for ref, customer, contact in await _links_of(conn, (), others):
        if ref not in before and contacts.setdefault(ref, contact) is contact:
            around.customers[ref] = customer_of[ref] = customer
    priorities = await _priorities(conn, batch)
    documents = await asyncio.to_thread(_documents, customer_of, contacts, priorities)
    await write_customers(conn, documents, batch.at)
    await write_links(conn, readings, customer_of, before.keys(), batch.sync_id, batch.at)
    await write_evidence(conn, readings, customer_of, new)
    await move_records(conn, around.customers, customer_of, contacts, batch.at)
    await keep_homes(conn, home_of, customer_of, current, shown_before)
    await delete_links(conn, before.keys() - readings.keys())
    await follow(conn, settled.families)
    left = {*(customer for customer, _ in before.values()), *around.customers.values()}
    await drop_empty(conn, left - documents.keys() - settled.roots.keys(), batch.at)


# Both run in a thread: deciding for a batch takes long enough to hold up a pop.
def _decide(
    records: list[Record], shared: set[str], current: Mapping[Ref, str]
) -> tuple[list[list[Record]], Assignment]:
    groups = join(records, shared)
    return groups, assign(groups, current)


def _documents(
    customer_of: Mapping[Ref, str],
    contacts: Mapping[Ref, StoredContact],
    priorities: Mapping[str, int],
) -> dict[str, dict[str, Any]]:
    links: dict[str, list[Link]] = {}
    for ref, customer in customer_of.items():
        link = Link(ref.connector, priorities.get(ref.connector, 0), contacts[ref])
        links.setdefault(customer, []).append(link)
    return {customer: golden(customer, of_it) for customer, of_it in links.items()}


def _differs(reading: Reading, stored: tuple[str, str] | None) -> bool:
    return stored is None or stored[1] != orjson.dumps(reading.contact).decode()


async def _stored_links(
    conn: AsyncConnection, connector: str, remote_ids: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Return customer and data (as text) of each record that is known."""
    data = type_coerce(LINKS.c.data, Text)
    query = select(LINKS.c.remote_id, LINKS.c.customer_id, data)
    query = query.where(LINKS.c.connector == connector)
    return {
        row[0]: (row[1], row[2])
        for ids in chunks(remote_ids)
        for row in await conn.execute(query.where(LINKS.c.remote_id.in_(ids)))
    }


async def _mark_seen(conn: AsyncConnection, batch: Batch, remote_ids: Iterable[str]) -> None:
    for ids in chunks(remote_ids):
        await conn.execute(
            update(LINKS)
            .where(LINKS.c.connector == batch.connector, LINKS.c.remote_id.in_(ids))
            .values(sync_id=batch.sync_id)
        )


async def _read_around(
    conn: AsyncConnection,
    batch: Batch,
    records: Iterable[Record],
    before: Mapping[Ref, tuple[str, str]],
    customers: set[str],
) -> _Around:
    """Follow the evidence from the batch's records, as they were and are, as far as it goes."""
    around = _Around()
    # Records of one connector are one customer only by a person's word.
    if not await _others_exist(conn, batch.connector) and not await any_merge(conn):
        return around
    asked: set[str] = set()
    keys: set[str] = set()
    numbers: set[str] = set()
    for record in records:
        keys |= record.keys
        numbers |= record.numbers
    while keys or numbers or customers:
        asked |= keys | numbers | customers
        refs = await _holders(conn, KEYS, keys, around.shared)
        refs |= await _holders(conn, INDEX, numbers, around.shared)
        found = await _links_of(conn, refs - around.contacts.keys(), customers)
        keys, numbers, customers = set(), set(), set()
        for ref, customer, contact in found:
            # Of the batch's own records counts what the batch says, not what is still stored.
            if ref in around.contacts or ref in before:
                continue
            around.contacts[ref] = contact
            around.customers[ref] = customer
            record = Record.of(ref.connector, contact)
            around.records.append(record)
            keys |= record.keys - asked
            numbers |= record.numbers - asked
            customers |= {customer} - asked
    return around


async def _others_exist(conn: AsyncConnection, connector: str) -> bool:
    # Least and greatest are each one step in the index, where "any other" would read it all.
    ends = [select(end(LINKS.c.connector)).scalar_subquery() for end in (func.min, func.max)]
    least, greatest = (await conn.execute(select(*ends))).one()
    return least is not None and (least, greatest) != (connector, connector)


async def _holders(
    conn: AsyncConnection, table: Table, keys: Iterable[str], shared: set[str]
) -> set[Ref]:
    """Return who holds each key; one held twice in a connector is put into `shared` instead."""
    held: dict[str, list[Ref]] = {}
    query = select(
        table.c.key, table.c.connector, func.min(table.c.remote_id), func.count()
    ).group_by(table.c.key, table.c.connector)
    for some in chunks(keys):
        for key, connector, remote_id, count in await conn.execute(
            query.where(table.c.key.in_(some))
        ):
            held.setdefault(key, []).append(Ref(connector, remote_id))
            if count > 1:
                shared.add(key)
    return {ref for key, refs in held.items() if key not in shared for ref in refs}


async def _links_of(
    conn: AsyncConnection, refs: Collection[Ref], customers: Iterable[str]
) -> list[tuple[Ref, str, StoredContact]]:
    query = select(LINKS.c.connector, LINKS.c.remote_id, LINKS.c.customer_id, LINKS.c.data)
    queries: list[Select[Any]] = [
        query.where(LINKS.c.connector == connector, LINKS.c.remote_id.in_(ids))
        for connector, ids in by_connector(refs)
    ]
    queries += [query.where(LINKS.c.customer_id.in_(ids)) for ids in chunks(customers)]
    return [
        (Ref(connector, remote_id), customer, contact)
        for one in queries
        for connector, remote_id, customer, contact in await conn.execute(one)
    ]


async def _new_ids(
    conn: AsyncConnection, groups: list[list[Record]], assignment: Assignment
) -> list[str]:
    """Return every group's customer id, with new ones where it has none yet."""
    pairs = list(zip(groups, assignment.ids, strict=True))
    new = [group[0] for group, known in pairs if known is None]
    given = await founding_ids(conn, new)
    own = {record.ref: given.get(record.ref) or customer_id(record.ref) for record in new}
    wanted = set(own.values())
    taken = {i for i in assignment.ids if i is not None} & wanted
    for ids in chunks(wanted):
        in_use = select(LINKS.c.customer_id).where(LINKS.c.customer_id.in_(ids))
        taken |= set(await conn.scalars(in_use))
    return [known or _free_id(own[group[0].ref], taken) for group, known in pairs]


def _free_id(own: str, taken: Collection[str]) -> str:
    # Taken by records that this one was parted from: they keep it.
    return own if own not in taken else new_id()


async def _priorities(conn: AsyncConnection, batch: Batch) -> dict[str, int]:
    rows = await conn.execute(select(_CONNECTORS.c.slug, _CONNECTORS.c.priority))
    return {**{row[0]: row[1] for row in rows}, batch.connector: batch.priority}
