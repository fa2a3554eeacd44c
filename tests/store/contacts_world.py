"""Contacts put into a database as syncs do, and what has become of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.core.contact import Reading, read_contact
from app.core.identity import Ref
from app.store.engine import Database
from app.store.linking import Batch, write_batch
from app.store.models import CallRow, Customer, CustomerLink, PhoneIndex
from connectors.sdk.types import ContactRow, PhoneRow

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def contact(remote_id: str, *phones: str, **fields: Any) -> Reading:
    """Read a contact as a source gives it."""
    row = {"remote_id": remote_id, "display_name": f"Name {remote_id}", **fields}
    row["phone_numbers"] = [PhoneRow(raw=phone) for phone in phones]
    read = read_contact(ContactRow.model_validate(row), "GB")
    assert isinstance(read, Reading)
    return read


async def put(
    db: Database,
    connector: str,
    *readings: Reading,
    gone: Iterable[str] = (),
    priority: int = 0,
    at: datetime = NOW,
) -> None:
    """Write a batch of a connector's contacts."""
    changes: dict[str, Reading | None] = {r.contact["remote_id"]: r for r in readings}
    changes.update(dict.fromkeys(gone))
    async with db.begin() as session:
        batch = Batch(connector, priority, "s1", at, changes)
        await write_batch(await session.connection(), batch)


async def customers(db: Database) -> dict[Ref, str]:
    """Return the customer of each record."""
    async with db.read() as session:
        columns = CustomerLink.connector, CustomerLink.remote_id, CustomerLink.customer_id
        return {Ref(row[0], row[1]): row[2] for row in await session.execute(select(*columns))}


async def owners_of(db: Database, key: str) -> set[str]:
    """Return the customers that have a number."""
    async with db.read() as session:
        query = select(PhoneIndex.customer_id).where(PhoneIndex.key == key)
        return set(await session.scalars(query))


async def document(db: Database, customer: str) -> dict[str, Any] | None:
    """Return a customer's golden record."""
    async with db.read() as session:
        found: dict[str, Any] | None = await session.scalar(
            select(Customer.doc).where(Customer.id == customer)
        )
        return found


async def call(
    db: Database, call_id: str, customer: str | None, e164: str | None, at: datetime
) -> None:
    """Write down a call that is over."""
    async with db.begin() as session:
        session.add(
            CallRow(
                call_id=call_id,
                phone_system="pbx",
                live=False,
                state="ended",
                e164=e164,
                customer_id=customer,
                user_ids=[],
                started_at=at,
                doc={"call_id": call_id, "started_at": at},
                summary={},
            )
        )
