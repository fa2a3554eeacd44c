"""The purchase history that suggestions are made from: orders and their lines, as syncs bring them.

Whose an order is follows from `customer_links` when it is read: customers join and part.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.contact import clean
from app.core.purchases import HISTORY_LINES, item_key, lines_text
from app.core.sync import Part, SyncRun
from app.store.engine import Database
from app.store.records import chunks
from app.store.source_models import PurchaseOrder
from app.store.sync_state import finish_sync, save_progress, start_sync
from connectors.sdk.types import LineItem, Purchase, RejectedRow

RETENTION = timedelta(days=3 * 365)
_TABLES = PurchaseOrder.metadata.tables
ORDERS = _TABLES["purchase_orders"]
LINES = _TABLES["purchase_lines"]
_LINKS = _TABLES["customer_links"]
_EPOCH = date(1970, 1, 1)
_AT_A_TIME = 500
_LINES_OF_AN_ORDER = 10_000
_TEXT = 200
# Beyond these a quantity is a mistake of the source's.
_LARGEST = Decimal(10) ** 12
_ORDERS_A_CHUNK = 20_000


class HistoryLine(NamedTuple):
    """A line that was bought: by whom, in which order (`basket`), when (`day`: from 1970-01-01).

    `customer_id` is None where no record of the customer is known. `thousandths` is the quantity
    times 1000, negative in a return, None = unknown.
    """

    customer_id: str | None
    connector: str
    remote_id: str
    basket: int
    day: int
    item: str
    thousandths: int | None
    unit_price: str | None
    currency: str | None


class _Order(NamedTuple):
    values: dict[str, Any]
    lines: list[dict[str, Any]]


class History:
    """Orders and their lines, as a sync writes them (`sources.sync.PartStore`)."""

    part: Part = "history"

    def __init__(self, db: Database) -> None:
        self._db = db

    async def start_sync(self, connector: str, *, full: bool, at: datetime) -> SyncRun:
        """Begin a full read, or go on where the last one was."""
        return await start_sync(self._db, connector, self.part, full=full, at=at)

    async def write(
        self, run: SyncRun, changes: Mapping[str, Purchase | None], *, at: datetime
    ) -> None:
        """Write a batch of orders by number and the checkpoint it reaches; None = it is gone.

        An order replaces the one with its number, lines and all; one older than the retention or
        without lines is not kept.
        """
        oldest = at.date() - RETENTION
        orders: dict[str, _Order] = {}
        unusable: set[str] = set()
        for number, purchase in changes.items():
            if purchase is None:
                continue
            day = purchase.order.order_date
            if day is not None and day < oldest:
                run.records += 1
                unusable.add(number)
                continue
            order = _order(number, purchase, run)
            if order is not None:
                run.records += 1
            if order is None or not order.lines:
                unusable.add(number)
            else:
                orders[number] = order
        gone = {number for number, purchase in changes.items() if purchase is None} | unusable
        async with self._db.begin() as session:
            conn = await session.connection()
            await _write_orders(conn, run, orders, gone)
            await save_progress(conn, run)

    async def remove_unseen(self, run: SyncRun, *, at: datetime) -> int:  # noqa: ARG002
        """Remove the orders that a full read did not come across, and say how many."""
        unseen = and_(ORDERS.c.connector == run.connector, ORDERS.c.sync_id != run.sync_id)
        return await self._remove(unseen)

    async def kept(self, connector: str) -> int:
        """Return how many orders of a connector are known."""
        async with self._db.read() as session:
            query = select(func.count()).where(ORDERS.c.connector == connector)
            return await session.scalar(query) or 0

    async def finish_sync(
        self, run: SyncRun, *, at: datetime, error: str | None, settled: bool = True
    ) -> None:
        """Write how the sync ended."""
        kept = await self.kept(run.connector)
        await finish_sync(self._db, run, kept=kept, at=at, error=error, settled=settled)

    async def settle(self, run: SyncRun) -> None:
        """Nothing waits: each batch is written as it comes."""

    async def aclose(self) -> None:
        """Nothing is held."""

    async def forget_connector(self, connector: str) -> int:
        """Remove everything that came from a connector, when it leaves the configuration."""
        return await self._remove(ORDERS.c.connector == connector)

    async def forget_old(self, today: date) -> int:
        """Remove the orders that are older than the retention, and say how many."""
        return await self._remove(ORDERS.c.order_day < day_number(today - RETENTION))

    async def lines(self, after: int = 0) -> AsyncIterator[list[HistoryLine]]:
        """Read all lines in chunks, those of an order together, by the customers of today.

        `after` is the last order (`basket`) of those that are not wanted.
        """
        last = after
        while True:
            async with self._db.read() as session:
                conn = await session.connection()
                end = await conn.scalar(
                    select(
                        func.max(
                            select(ORDERS.c.id)
                            .where(ORDERS.c.id > last)
                            .order_by(ORDERS.c.id)
                            .limit(_ORDERS_A_CHUNK)
                            .subquery()
                            .c.id
                        )
                    )
                )
                if end is None:
                    return
                rows = await conn.execute(_lines_between(last, end))
                yield [HistoryLine(*row) for row in rows]
            last = end

    async def _remove(self, condition: Any) -> int:
        removed, last = 0, 0
        while True:
            # Looked for without the write lock: millions may have to be looked through.
            some = select(ORDERS.c.id).where(condition, ORDERS.c.id > last).order_by(ORDERS.c.id)
            async with self._db.read() as session:
                ids = list(await session.scalars(some.limit(_AT_A_TIME)))
            if not ids:
                return removed
            async with self._db.begin() as session:
                await _delete_orders(await session.connection(), ids)
            removed, last = removed + len(ids), ids[-1]


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to `day`."""
    return (day - _EPOCH).days


def _lines_between(after: int, until: int) -> Any:
    return (
        select(
            _LINKS.c.customer_id,
            ORDERS.c.connector,
            ORDERS.c.remote_id,
            ORDERS.c.id,
            ORDERS.c.order_day,
            LINES.c.item,
            LINES.c.thousandths,
            LINES.c.unit_price,
            ORDERS.c.currency,
        )
        .select_from(ORDERS)
        .join(LINES, LINES.c.order_id == ORDERS.c.id)
        .outerjoin(
            _LINKS,
            and_(
                _LINKS.c.connector == ORDERS.c.connector, _LINKS.c.remote_id == ORDERS.c.remote_id
            ),
        )
        .where(ORDERS.c.id > after, ORDERS.c.id <= until)
        .order_by(ORDERS.c.id, LINES.c.position)
    )


def _order(number: str, purchase: Purchase, run: SyncRun) -> _Order | None:
    """Make the rows of an order; None, counted as rejected, if it cannot serve."""
    order = purchase.order
    where = f"order {(clean(number, 40) or '')!r}"
    if not number.isprintable() or len(number) > _TEXT:
        why = f"the order number must have 1 to {_TEXT} characters, none a control character"
        run.reject(RejectedRow(where, why))
        return None
    if order.order_date is None:
        run.reject(RejectedRow(where, "it has no date: give it an order_date"))
        return None
    if (more := len(order.line_items) - _LINES_OF_AN_ORDER) > 0:
        why = f"{more} lines after the first {_LINES_OF_AN_ORDER} left out"
        run.reject(RejectedRow(where, why))
    lines = [
        line
        for position, item in enumerate(order.line_items[:_LINES_OF_AN_ORDER])
        if (line := _line(position, item)) is not None
    ]
    values: dict[str, Any] = {
        "connector": run.connector,
        "order_number": number,
        "remote_id": purchase.remote_id[:_TEXT],
        "order_day": day_number(order.order_date),
        "currency": clean(order.currency, 8),
    }
    first = [
        (values["order_day"], item_key(run.connector, line["item"]), _quantity(line["thousandths"]))
        for line in lines[:HISTORY_LINES]
    ]
    digest = hashlib.blake2b(orjson.dumps([values, lines]), digest_size=12).hexdigest()
    kept = {"digest": digest, "lines": lines_text(first), "line_count": len(first)}
    return _Order({**values, **kept, "sync_id": run.sync_id}, lines)


def _quantity(thousandths: int | None) -> float | None:
    return None if thousandths is None else thousandths / 1000.0


def _line(position: int, item: LineItem) -> dict[str, Any] | None:
    """Make a row; what names no item (a discount, postage) says nothing about what is bought."""
    sku, name = clean(item.sku, _TEXT), clean(item.name, _TEXT)
    key = clean(item.item_id, _TEXT) or sku or name
    if key is None:
        return None
    quantity = item.quantity
    known = quantity is not None and quantity.is_finite() and abs(quantity) < _LARGEST
    return {
        "position": position,
        "item": key,
        "sku": sku,
        "name": name,
        "thousandths": int(quantity * 1000) if quantity is not None and known else None,
        "unit_price": None if item.unit_price is None else f"{item.unit_price:f}",
    }


async def _write_orders(
    conn: AsyncConnection, run: SyncRun, orders: Mapping[str, _Order], gone: Iterable[str]
) -> None:
    """Make the orders as given; those that are the same are only marked as seen."""
    known = {
        row[1]: row
        for numbers in chunks([*orders, *gone])
        for row in await conn.execute(
            select(ORDERS.c.id, ORDERS.c.order_number, ORDERS.c.digest).where(
                ORDERS.c.connector == run.connector, ORDERS.c.order_number.in_(numbers)
            )
        )
    }
    same = [
        known[number][0]
        for number, order in orders.items()
        if number in known and known[number][2] == order.values["digest"]
    ]
    for ids in chunks(same):
        await conn.execute(update(ORDERS).where(ORDERS.c.id.in_(ids)).values(sync_id=run.sync_id))
    unchanged = set(same)
    await _delete_orders(conn, [row[0] for row in known.values() if row[0] not in unchanged])
    fresh = {
        number: order
        for number, order in orders.items()
        if number not in known or known[number][0] not in unchanged
    }
    if fresh:
        await _insert_orders(conn, run.connector, fresh)


async def _insert_orders(
    conn: AsyncConnection, connector: str, orders: Mapping[str, _Order]
) -> None:
    await conn.execute(insert(ORDERS), [order.values for order in orders.values()])
    ids = {
        row[0]: row[1]
        for numbers in chunks(orders)
        for row in await conn.execute(
            select(ORDERS.c.order_number, ORDERS.c.id).where(
                ORDERS.c.connector == connector, ORDERS.c.order_number.in_(numbers)
            )
        )
    }
    lines = [
        {"order_id": ids[number], **line}
        for number, order in orders.items()
        for line in order.lines
    ]
    # An order may have thousands of lines: each statement takes some.
    for some in chunks(lines):
        await conn.execute(insert(LINES), some)


async def _delete_orders(conn: AsyncConnection, ids: Iterable[int]) -> None:
    for some in chunks(ids):
        await conn.execute(delete(LINES).where(LINES.c.order_id.in_(some)))
        await conn.execute(delete(ORDERS).where(ORDERS.c.id.in_(some)))
