"""Contacts made ready to be written in bulk, each as if it were a customer of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from app.core.contact import Reading, read_contact
from app.core.golden import Link, golden
from app.core.identity import Ref, customer_id, keys_of
from connectors.sdk.types import ContactRow, RejectedRow

# Of a contact: remote_id, customer_id, display_name, doc, data; of a number: key, remote_id,
# customer_id, raw, type, is_primary; of a key: key, remote_id.
ContactValues = tuple[str, str, str, str, str]
NumberValues = tuple[str, str, str, str, str | None, bool]
KeyValues = tuple[str, str]


@dataclass(slots=True)
class Prepared:
    """The rows of some contacts, and what of them cannot be used."""

    contacts: list[ContactValues] = field(default_factory=list)
    numbers: list[NumberValues] = field(default_factory=list)
    keys: list[KeyValues] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)


def prepare(connector: str, rows: Iterable[ContactRow], region: str | None) -> Prepared:
    """Read contacts and make their rows; `region` is for contacts that have none."""
    ready = Prepared()
    for row in rows:
        reading = read_contact(row, region)
        if isinstance(reading, Reading):
            ready.rejected += reading.rejected
            _add(ready, connector, reading)
        else:
            ready.rejected.append(reading)
    return ready


def _add(ready: Prepared, connector: str, reading: Reading) -> None:
    contact = reading.contact
    remote_id = contact["remote_id"]
    customer = customer_id(Ref(connector, remote_id))
    doc = golden(customer, (Link(connector, 0, contact),))
    ready.contacts.append(
        (
            remote_id,
            customer,
            doc["display_name"],
            orjson.dumps(doc).decode(),
            orjson.dumps(contact).decode(),
        )
    )
    for row in reading.index:
        ready.numbers.append((row.key, remote_id, customer, row.raw, row.type, row.is_primary))
    for key in keys_of(contact):
        ready.keys.append((key, remote_id))
