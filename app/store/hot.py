"""The few prepared statements of the hot path, asked of the driver directly.

SQLAlchemy costs 50-100 times an indexed SQLite read (docs/adr/0002); everything that is not on
the path from a webhook to the first push goes through it all the same.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson
from sqlalchemy.engine import make_url

from app.core.call import Attestation, CallEvent, EventKind
from app.core.match import Choice, IndexHit
from app.core.pop import dumps
from app.core.purchases import Line, Ordered
from connectors.sdk.types import Number

INTERACTIONS = 10
MOST_HITS = 50


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it is stored."""

    phone_system: str
    event_key: str
    call_id: str
    received_at: datetime
    payload: str

    @classmethod
    def of(cls, event: CallEvent) -> EventRow:
        """Make the row; an event that cannot be recognised again gets a key of its own."""
        key = event.event_key or f"!{uuid.uuid4().hex}"
        return cls(event.phone_system, key, event.call_id, event.received_at, dumps(event).decode())


class SoldItem(NamedTuple):
    """An item of a source's catalogue; amounts are exact decimals as text."""

    connector: str
    item_id: str
    sku: str | None
    name: str
    category: str | None
    unit_price: str | None
    currency: str | None
    inventory_quantity: str | None
    is_active: bool
    remote_url: str | None


class GivenAnswer(NamedTuple):
    """What an agent wrote that a customer said of a suggested item; `until` is a date's text."""

    connector: str
    item: str
    answer: str
    until: str | None
    by: str | None
    call_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call's row in `calls`."""

    call_id: str
    phone_system: str
    live: bool
    state: str
    e164: str | None
    customer_id: str | None
    agent_id: str | None
    user_ids: str
    started_at: datetime
    doc: str
    summary: str
    timing: str | None


class Identified(NamedTuple):
    """The hits of the phone index, at most `MOST_HITS`, and how many customers there are in all.

    Where they are cut, who an agent chose before is among them, then exact and main numbers.
    """

    hits: list[IndexHit]
    choice: Choice | None
    customers: int


class HotStore(Protocol):
    """What the hot path asks of the database."""

    def append(self, event: CallEvent) -> asyncio.Future[bool]:
        """Start to put the event on disk; done when it is: False if it was there already."""

    async def events_of(self, call_id: str) -> list[CallEvent]:
        """Read all events of a call, oldest first."""

    async def identify(self, keys: Sequence[str], e164: str | None) -> Identified:
        """Read the phone index and an agent's earlier choice."""

    async def holders(self, account_keys: Sequence[str]) -> list[IndexHit]:
        """Read whose account numbers these are."""

    async def interactions(
        self, customer_id: str | None, e164: str | None, except_call: str
    ) -> list[dict[str, Any]]:
        """Read the earlier calls of a customer (else of a number), newest first."""

    async def bought(self, customer_id: str, since_day: int, limit: int) -> Sequence[Line]:
        """Read the newest lines of a customer's orders, by all its records."""

    async def ordered(
        self, customer_id: str, since_day: int, limit: int, keys: Collection[str]
    ) -> list[Ordered]:
        """Read what the newest of these lines say of each of these items."""

    async def sold(self, items: Mapping[str, Sequence[str]]) -> list[SoldItem]:
        """Read the items with these ids, by connector, that are in its catalogue."""

    async def answers(self, customer_id: str) -> list[GivenAnswer]:
        """Read what a customer said of suggestions, oldest first, by all its records."""

    async def save_calls(self, records: Sequence[CallRecord]) -> None:
        """Write calls for lists and history."""

    async def config_version(self) -> int:
        """Read the number that grows with every change of configuration."""

    async def checkpoint(self) -> None:
        """Tidy up what the writing of events leaves behind, beside the calls."""

    async def close(self) -> None:
        """Finish what is queued and give the connections back."""


async def connect(url: str) -> HotStore:
    """Open the hot statements on the database at `url`."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        from app.store.hot_sqlite import SqliteHot

        return SqliteHot(Path(parsed.database or ":memory:"))
    from app.store.hot_postgresql import PostgresHot

    plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    return await PostgresHot.connect(plain)


def documents(call: Mapping[str, Any]) -> dict[str, str]:
    """Return the `doc` and `summary` columns of a contract's Call."""
    shown = ("call_id", "started_at", "direction", "agent")
    summary = {name: call[name] for name in shown}
    return {"doc": dumps(call).decode(), "summary": dumps(summary).decode()}


def load_event(payload: str | bytes) -> CallEvent:
    """Read back an event that `EventRow.of` stored."""
    raw = orjson.loads(payload)
    number, attestation = raw["number"], raw["attestation"]
    return CallEvent(
        **{
            **raw,
            "kind": EventKind(raw["kind"]),
            "received_at": datetime.fromisoformat(raw["received_at"]),
            "occurred_at": raw["occurred_at"] and datetime.fromisoformat(raw["occurred_at"]),
            "number": number and Number(**number),
            "attestation": attestation and Attestation(**attestation),
            "extensions": tuple(raw["extensions"]),
        }
    )


def index_hit(
    key: str, connector: str, remote_id: str, kind: str | None, primary: bool, doc: str
) -> IndexHit:
    """Make a hit of a phone index row joined with its customer."""
    return IndexHit(key, connector, remote_id, orjson.loads(doc), kind, bool(primary))


def identified(
    rows: Sequence[Sequence[Any]], choice: Choice | None, customers: int | None = None
) -> Identified:
    """Make the hits of phone index rows; `customers` where there are more than were read."""
    hits = [index_hit(*row) for row in rows]
    if customers is None:
        customers = len({hit.customer["customer_id"] for hit in hits})
    return Identified(hits, choice, customers)


def account_hit(key: str, connector: str, remote_id: str, doc: str) -> IndexHit:
    """Make a hit of an account number joined with its customer."""
    return IndexHit(key, connector, remote_id, orjson.loads(doc), by_account=True)


def interaction(row: Mapping[str, Any]) -> dict[str, Any]:
    """Make the contract's interaction of a call joined with its wrap-up and notes."""
    follow_up = None
    if row["follow_up_due"] is not None:
        follow_up = {
            "due_on": row["follow_up_due"],
            "text": row["follow_up_text"],
            "done": row["follow_up_done_at"] is not None,
        }
    return {
        **orjson.loads(row["summary"]),
        "disposition": row["disposition"],
        "note": row["note"],
        "sentiment": row["sentiment"],
        "follow_up": follow_up,
    }


def record_values(record: CallRecord) -> tuple[Any, ...]:
    """Return a call's row in the order of `CALL_COLUMNS`."""
    values: tuple[Any, ...] = _values_of(record)
    return values


def newest_said(rows: Iterable[Sequence[Any]]) -> list[Ordered]:
    """Return the newest of the rows of `ORDERED_SQL` for each item; of one day, the first."""
    found: dict[str, Sequence[Any]] = {}
    for row in rows:
        known = found.get(row[0])
        if known is None or row[5] > known[5]:
            found[row[0]] = row
    return [Ordered(*row[:5]) for row in found.values()]


def utc(value: datetime | str) -> datetime:
    """Read a stored time as aware UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


INTERACTIONS_SQL = """
SELECT c.summary, w.disposition, w.sentiment,
       w.follow_up_due, w.follow_up_text, w.follow_up_done_at,
       (SELECT {join_notes} FROM notes n WHERE n.call_id = c.call_id) AS note
  FROM calls c LEFT JOIN wrap_ups w ON w.call_id = c.call_id
 WHERE (c.customer_id = {customer} OR (c.customer_id IS NULL AND c.e164 = {e164}))
   AND c.call_id <> {call}
 ORDER BY c.started_at DESC LIMIT 10
"""
IDENTIFY_SQL = """
SELECT p.key, p.connector, p.remote_id, p.type, p.is_primary, c.doc
  FROM phone_index p JOIN customers c ON c.id = p.customer_id WHERE p.key {keys} LIMIT 50
"""
# Only for a number of very many: sorting all its holders takes longer than reading the first.
SHARED_SQL = """
SELECT p.key, p.connector, p.remote_id, p.type, p.is_primary, c.doc
  FROM phone_index p JOIN customers c ON c.id = p.customer_id WHERE p.key {keys}
 ORDER BY CASE WHEN p.customer_id = {chosen} THEN 0 ELSE 1 END,
          CASE WHEN p.key = {e164} THEN 0 ELSE 1 END, p.is_primary DESC, p.customer_id
 LIMIT 50
"""
COUNT_SQL = "SELECT count(DISTINCT customer_id) FROM phone_index WHERE key {keys}"
CHOICE_SQL = """
SELECT n.customer_id, u.name, n.chosen_at
  FROM number_choices n LEFT JOIN users u ON u.id = n.user_id WHERE n.e164 = {e164}
"""
CALL_COLUMNS = (
    "call_id",
    "phone_system",
    "live",
    "state",
    "e164",
    "customer_id",
    "agent_id",
    "user_ids",
    "started_at",
    "doc",
    "summary",
    "timing",
)
HOLDERS_SQL = """
SELECT k.key, k.connector, k.remote_id, c.doc
  FROM customer_keys k
  JOIN customer_links l ON l.connector = k.connector AND l.remote_id = k.remote_id
  JOIN customers c ON c.id = l.customer_id WHERE k.key = {key} LIMIT 10
"""
LINKS_SQL = "SELECT connector, remote_id FROM customer_links WHERE customer_id = {customer}"
BOUGHT_SQL = """
SELECT lines, line_count, order_day, id FROM purchase_orders
 WHERE connector = {connector} AND remote_id = {remote_id} AND order_day >= {since}
 ORDER BY order_day DESC, id DESC LIMIT {limit}
"""
ORDERED_SQL = """
SELECT key, sku, name, unit_price, currency, order_day FROM (
  SELECT o.order_day, o.id, l.position, {prefix} || l.item AS key, l.sku, l.name, l.unit_price,
         o.currency
    FROM purchase_orders o JOIN purchase_lines l ON l.order_id = o.id
   WHERE o.connector = {connector} AND o.remote_id = {remote_id} AND o.order_day >= {since}
   ORDER BY o.order_day DESC, o.id DESC, l.position LIMIT {limit}
) AS line WHERE key IN ({keys}) ORDER BY order_day DESC, id DESC, position
"""
SOLD_SQL = """
SELECT connector, item_id, sku, name, category, unit_price, currency, inventory_quantity,
       is_active, remote_url
  FROM catalogue_items WHERE connector = {connector} AND item_id IN ({items})
"""
ANSWERS_SQL = """
SELECT a.connector, a.item, a.answer, a.until, u.name, a.call_id, a.answered_at
  FROM customer_links l
  JOIN suggestion_answers a ON a.record_connector = l.connector AND a.record_id = l.remote_id
  LEFT JOIN users u ON u.id = a.user_id
 WHERE l.customer_id = {customer} ORDER BY a.answered_at LIMIT 500
"""
EVENTS_SQL = "SELECT payload FROM call_events WHERE call_id = {call} ORDER BY id"
VERSION_SQL = "SELECT value FROM meta WHERE key = 'config_version'"
_values_of = attrgetter(*CALL_COLUMNS)
