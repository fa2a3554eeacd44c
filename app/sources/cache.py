"""What sources said last, for a short while fresh and for a day as a fall-back with its age."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.sdk.types import Empty, Found, SectionName

KEEP_FOR = timedelta(days=1)
LARGEST = 20_000
Key = tuple[Hashable, SectionName, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and when it was given."""

    answer: Found | Empty
    fetched_at: datetime

    def age(self, now: datetime) -> timedelta:
        """Return how old the answer is."""
        return now - self.fetched_at


class Cache:
    """The most recently used answers by (running connector, section, customer's id there)."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._largest = largest

    def get(self, key: Key, now: datetime) -> Kept | None:
        """Return the last answer, however old up to a day."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.age(now) > KEEP_FOR:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept

    def put(self, key: Key, answer: Found | Empty, now: datetime) -> None:
        """Keep an answer, forgetting the least used one when full."""
        self._kept[key] = Kept(answer, now)
        self._kept.move_to_end(key)
        if len(self._kept) > self._largest:
            self._kept.popitem(last=False)
