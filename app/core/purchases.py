"""What a customer bought, line by line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

APART = "\x1f"


class Line(NamedTuple):
    """What a customer bought on a day (from 1970-01-01); `quantity` None = unknown.

    `key` names the item (`item_key`); the price is an exact decimal as text.
    """

    day: int
    key: str
    quantity: float | None
    sku: str | None = None
    name: str | None = None
    unit_price: str | None = None
    currency: str | None = None


# A row of these seven values as a line, without `_make`'s look at their number: a caller has 300.
as_line: Callable[[Iterable[Any]], Line] = partial(tuple.__new__, Line)


def item_key(connector: str, item: str) -> str:
    """Return what an item is called in the tables: two connectors may have the same id."""
    return f"{connector}{APART}{item}"


def parts_of_key(key: str) -> tuple[str, str]:
    """Return the connector and the item of a key."""
    connector, _, item = key.partition(APART)
    return connector, item


def newest(histories: Sequence[Iterable[Line]], limit: int) -> list[Line]:
    """Return the newest lines of several histories, each of which begins with its newest."""
    if len(histories) == 1:
        return list(islice(histories[0], limit))
    return list(islice(merge(*histories, key=lambda line: -line.day), limit))
