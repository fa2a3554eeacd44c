"""What a customer bought, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import islice
from typing import NamedTuple

import orjson

APART = "\x1f"
# What is read of a customer: so many of the newest lines.
HISTORY_LINES = 300

# What a customer bought: the day (from 1970-01-01), the item (`item_key`), and how many of it, None
# = unknown. Plain tuples: a caller has 300 of them.
Line = tuple[int, str, float | None]


class Ordered(NamedTuple):
    """What an order says of an item (`item_key`); the price is an exact decimal as text."""

    key: str
    sku: str | None
    name: str | None
    unit_price: str | None
    currency: str | None


def item_key(connector: str, item: str) -> str:
    """Return what an item is called in the tables: two connectors may have the same id."""
    return f"{connector}{APART}{item}"


def parts_of_key(key: str) -> tuple[str, str]:
    """Return the connector and the item of a key."""
    connector, _, item = key.partition(APART)
    return connector, item


def lines_text(lines: Sequence[Line]) -> str:
    """Write the lines of an order as JSON without brackets: those of many are read at once."""
    return orjson.dumps(lines).decode()[1:-1]


def read_lines(texts: Iterable[str]) -> list[Line]:
    """Read what `lines_text` wrote of several orders."""
    return list(map(tuple, orjson.loads(f"[{','.join(texts)}]")))


def newest(histories: Sequence[Sequence[Line]], limit: int) -> Sequence[Line]:
    """Return the newest lines of several histories, each of which begins with its newest."""
    if len(histories) == 1:
        return histories[0][:limit]
    return list(islice(merge(*histories, key=lambda line: -line[0]), limit))
