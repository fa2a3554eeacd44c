"""From the rows of a source to its purchase history and catalogue. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.sdk.contacts import later
from connectors.sdk.facts import LINE, ORDER, order_of
from connectors.sdk.types import (
    ErrorKind,
    Item,
    Purchase,
    RejectedRow,
    SourceError,
    Tombstone,
)
from connectors.sdk.values import Row, web_link

HISTORY = ("remote_id", *ORDER, *LINE, "updated_at", "deleted")
CATALOGUE = (
    "item_id",
    "sku",
    "name",
    "category",
    "unit_price",
    "currency",
    "inventory_quantity",
    "is_active",
    "remote_url",
    "updated_at",
    "deleted",
)


def purchase(
    rows: Sequence[Row], currency: str | None, lines: Sequence[Row] | None = None
) -> Purchase | Tombstone | RejectedRow:
    """Make one order of the rows of its lines, or of its one row and `lines`.

    A true `deleted` makes a tombstone. `currency` is that of amounts whose row names none.
    """
    first = rows[0]
    try:
        number = first.needed_text("order_number")
        if any(row.flag("deleted") for row in rows):
            return Tombstone(number)
        return Purchase(
            first.needed_text("remote_id"),
            order_of(first, rows if lines is None else lines, currency),
        )
    except SourceError as error:
        return RejectedRow(first.where, error.text)


def item(row: Row, currency: str | None) -> Item | Tombstone | RejectedRow:
    """Make one thing that is sold of its row. A true `deleted` makes a tombstone."""
    try:
        item_id = row.needed_text("item_id")
        if row.flag("deleted"):
            return Tombstone(item_id)
        active = row.flag("is_active")
        return Item(
            item_id=item_id,
            sku=row.text("sku"),
            name=row.needed_text("name"),
            category=row.text("category"),
            unit_price=row.amount("unit_price"),
            currency=row.currency(currency) if currency or row.text("currency") else None,
            inventory_quantity=row.amount("inventory_quantity"),
            is_active=True if active is None else active,
            remote_url=web_link(row.text("remote_url")),
        )
    except SourceError as error:
        return RejectedRow(row.where, error.text)


class Newest:
    """The greatest `updated_at` that went by, which is the cursor of the next read."""

    def __init__(self, since: str | None) -> None:
        self._since = since
        self._value: Any = None

    def see(self, row: Row) -> None:
        """Take a row."""
        self._value = later(self._value, row.values.get("updated_at"))

    @property
    def cursor(self) -> str | None:
        """The point from which to read the next time."""
        return self._since if self._value is None else str(self._value)


@dataclass(slots=True)
class Groups:
    """Gathers rows that stand together: those of one customer, or of one order.

    Keeps hashes only of what went by: a million customers must not sit in memory.
    """

    what: str
    column: str
    cure: str
    _seen: set[int] = field(default_factory=set)
    _group: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> list[Row] | None:
        """Take a row; return the group that it ends, if it begins another.

        Raises:
            SourceError: BAD_CONFIG, its group was ended by rows of others.
        """
        key = row.values.get(self.column)
        if self._group and key == self._group[0].values.get(self.column):
            self._group.append(row)
            return None
        self._refuse_if_seen(key, row)
        done, self._group = self._group, [row]
        return done or None

    def rest(self) -> list[list[Row]]:
        """Return the last group, if there is one."""
        done, self._group = self._group, []
        return [done] if done else []

    def _refuse_if_seen(self, key: Any, row: Row) -> None:
        mark = hash(key)
        if mark in self._seen and key is not None:
            raise SourceError(
                ErrorKind.BAD_CONFIG,
                f"{row.where} is of {self.what} whose other rows came earlier: {self.cure}",
            )
        self._seen.add(mark)
