"""What the channels of a PBX that are open now tell of its calls, after a (re)connect. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.stream import Picture


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call by its open channels: who is talking and whose phone rings, by extension."""

    call_id: str
    direction: Direction
    ani: str | None = None
    withheld: bool = False
    cnam: str | None = None
    dnis: str | None = None
    ringing: tuple[str, ...] = ()
    talking: tuple[str, ...] = ()


def resynchronise(
    slug: str, known: Picture, found: Collection[OpenCall], at: datetime
) -> Iterator[CallEvent]:
    """Bring our picture of the calls up to date, as far as the channels tell.

    `known`: the calls that were live for us before the channels were asked for.
    """
    open_ids = {call.call_id for call in found}
    for call_id in known.keys() - open_ids:
        yield CallEvent(
            EventKind.ENDED,
            call_id,
            slug,
            at,
            event_key=f"resync:{call_id}:{at.isoformat()}",
            ended_reason="resync",
        )
    for call in found:
        yield from _present(slug, call, known.get(call.call_id, frozenset()), at)


def _present(slug: str, call: OpenCall, had: frozenset[str], at: datetime) -> Iterator[CallEvent]:
    def event(kind: EventKind, *extensions: str) -> CallEvent:
        return CallEvent(
            kind,
            call.call_id,
            slug,
            at,
            event_key=f"resync:{kind}:{','.join(extensions)}:{at.isoformat()}",
            direction=call.direction,
            ani=call.ani,
            withheld=call.withheld,
            cnam=call.cnam,
            dnis=call.dnis,
            extensions=extensions,
            call_goes_on=True,
        )

    yield event(EventKind.INCOMING)
    if ringing := [e for e in call.ringing if e not in had]:
        yield event(EventKind.RINGING, *ringing)
    if call.talking:
        yield event(EventKind.ANSWERED, *call.talking)
    if gone := sorted(had.difference(call.ringing, call.talking)):
        yield event(EventKind.MISSED, *gone)
