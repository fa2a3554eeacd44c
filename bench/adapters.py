"""What reading a phone system's fullest message costs, beside the bare work on the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import inf
from time import process_time
from typing import Any

import orjson

from app.core.call import CallEvent
from app.telephony.parties import with_plus
from app.telephony.registry import kinds, webhook_kinds
from app.telephony.stream import Conversation, Picture, StreamPhoneSystem
from bench.payloads import streams
from bench.payloads.largest import SECRET, largest
from bench.payloads.made_up import DIALLED

GOAL_US = 150.0


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time in µs: verify and parse, and the floor. `events`: how many calls' events it told."""

    kind: str
    bytes: int
    events: int
    us: float
    floor_us: float

    def row(self) -> dict[str, Any]:
        """Return it for `results.json`."""
        return {**asdict(self), "us": round(self.us, 1), "floor_us": round(self.floor_us, 1)}


def measure(repeats: int) -> list[Cost]:
    """Measure every kind: a webhook's fullest message, or the fullest event of a stream."""
    webhooks = webhook_kinds()
    return [
        _webhook(kind, repeats) if kind in webhooks else _stream(kind, repeats) for kind in kinds()
    ]


def least_us(
    work: Callable[[], object], repeats: int, before: Callable[[], object] = lambda: None
) -> float:
    """Return the CPU time of one run: the least of many, as other programs can only add to it."""
    least = inf
    for _ in range(repeats):
        before()
        began = process_time()
        work()
        least = min(least, process_time() - began)
    return least * 1e6


def _webhook(kind: str, repeats: int) -> Cost:
    given = largest(kind, datetime.now(UTC))

    def new_caller() -> None:
        with_plus.cache_clear()
        with_plus(DIALLED.removeprefix("+"))  # Our own number is no news.

    def work() -> list[CallEvent]:
        given.system.verify(given.request)
        return given.system.parse(given.request)

    size = len(given.request.body or given.request.query)
    us = least_us(work, repeats, new_caller)
    return Cost(kind, size, len(work()), us, least_us(given.floor, repeats))


class _Host:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def picture(self) -> Picture:
        return {}

    async def connected(self, warning: str | None) -> None: ...

    async def take(self, events: Sequence[CallEvent]) -> None: ...


def _stream(kind: str, repeats: int) -> Cost:
    """Measure one event of a connection that has logged in; its floor reads the bare bytes."""
    system_of = kinds()[kind]
    system = system_of("pbx", system_of.Config.model_validate({"secret": SECRET}))
    if not isinstance(system, StreamPhoneSystem) or kind not in _STREAMS:
        raise RuntimeError(f"{kind}: say in bench/adapters.py what it sends")
    greeting, event, bare = _STREAMS[kind]
    now = datetime.now(UTC)
    talk: Conversation = system.converse(_Host())
    list(talk.take(greeting(now), now))
    sent: Iterator[bytes] = iter([event(now, i) for i in range(repeats + 1)])

    def work() -> list[CallEvent]:
        return list(talk.take(next(sent), now))

    whole = event(now, 0)
    return Cost(
        kind,
        len(whole),
        len(work()),
        least_us(work, repeats),
        least_us(lambda: bare(whole), repeats),
    )


def _bare_block(block: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in block.decode().split("\r\n") if line)


def _bare_json(message: bytes) -> Any:
    return orjson.loads(message.partition(b"\n\n")[2])


_STREAMS: Mapping[
    str,
    tuple[
        Callable[[datetime], bytes],
        Callable[[datetime, int], bytes],
        Callable[[bytes], object],
    ],
] = {
    "asterisk": (
        lambda _: b"Asterisk Call Manager/11.0.0\r\n",
        streams.asterisk,
        _bare_block,
    ),
    "freeswitch": (streams.freeswitch_call, streams.freeswitch, _bare_json),
}
