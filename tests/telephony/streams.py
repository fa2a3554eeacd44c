"""What the tests of streams share: a host that remembers, and bytes in any pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from app.core.call import CallEvent
from app.telephony.stream import Conversation, Picture

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@dataclass
class Host:
    """A `StreamHost` whose clock goes on by a millisecond with each look."""

    known: Picture = field(default_factory=dict)
    events: list[CallEvent] = field(default_factory=list)
    warning: str | None = None
    at: datetime = NOW
    is_connected: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def picture(self) -> Picture:
        return self.known

    async def connected(self, warning: str | None) -> None:
        self.warning = warning
        self.is_connected.set()

    async def take(self, events: Sequence[CallEvent]) -> None:
        self.events += events
        self.heard.set()


def heard(talk: Conversation, host: Host, received: bytes, cuts: Sequence[int] = ()) -> list[str]:
    """Receive the bytes in pieces; return what was sent in answer, without its last empty line."""
    sent = [talk.outgoing()]
    edges = [0, *sorted(cut % (len(received) + 1) for cut in cuts), len(received)]
    for start, end in pairwise(edges):
        host.events += talk.take(received[start:end], host.now())
        sent.append(talk.outgoing())
    return [text.decode() for text in sent if text]
