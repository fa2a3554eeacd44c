"""The calls that are going on, as this process knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter

from app.core.call import Call
from app.core.match import Choice, IndexHit, Match
from app.core.pop import Pop, Timing
from app.core.profile import NOT_CONFIGURED, SECTION_NAMES, Section, SourceOutcome
from app.core.purchases import Line
from app.suggest.offer import Answer, Offer, Sold
from app.suggest.ranking import Ranked, merged
from connectors.sdk.types import Number, SectionName

# A late event of a call that is over is common for about this long (telephony.md section 3).
KEEP_OVER = timedelta(minutes=2)


@dataclass(eq=False)
class Suggesting:
    """What a call's suggestions are made of, so that news change them without asking again.

    `lines`: the purchases that were synchronised; `live_lines`: those of this call's sources, and
    what they say of their items; `items` and `ordered`: what the catalogues and the customer's
    orders say of items; `size`: how many candidates were looked up; `is_seen`: an agent had them
    on the screen; `told`: what was written down as offered.
    """

    customer_id: str
    task: asyncio.Task[None] | None = None
    lines: Sequence[Line] = ()
    live_lines: Sequence[tuple[Line, Sold]] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    ranked: Ranked | None = None
    items: dict[str, Sold] = field(default_factory=dict)
    ordered: dict[str, Sold] = field(default_factory=dict)
    size: int = 0
    offer: Offer = field(default_factory=Offer)
    is_seen: bool = False
    told: set[tuple[str, str, str]] = field(default_factory=set)

    def all_lines(self) -> list[Line]:
        """Return what was bought, newest first, each line once."""
        return merged(self.lines, [line for line, _ in self.live_lines])


@dataclass(eq=False)
class LiveCall:
    """One call: its pop, who has it on the screen, and what is being asked about it.

    `asked_for` and `accounts`: the number and account numbers that it was identified by.
    `holders`: how many customers have the number, of which `hits` may be only the first.
    `unpainted`: whose browsers were sent the pop and have not drawn it yet.
    `whole`: all the sections, also those that the rules hide from the agents.
    `mine`: this process received an event of it, so it writes the call down.
    """

    pop: Pop
    started: float = field(default_factory=perf_counter)
    seats: dict[str, str | None] = field(default_factory=dict)
    dismissed: set[str] = field(default_factory=set)
    unpainted: set[str] = field(default_factory=set)
    asked_for: Number | None = None
    accounts: tuple[str, ...] = ()
    hits: list[IndexHit] = field(default_factory=list)
    holders: int = 0
    choice: Choice | None = None
    outcomes: dict[SectionName, dict[str, SourceOutcome]] = field(default_factory=dict)
    gathering: asyncio.Task[None] | None = None
    suggesting: Suggesting | None = None
    writing: dict[str, asyncio.Future[bool]] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    mine: bool = False
    whole: Mapping[str, Section] = field(default_factory=dict)

    @property
    def call(self) -> Call:
        """The call as folded so far."""
        return self.pop.call

    @property
    def heard_at(self) -> datetime:
        """When its last event was received."""
        events = self.call.events
        return events[-1].received_at if events else self.pop.timing.received_at

    def elapsed_ms(self) -> float:
        """Milliseconds since the first event was received."""
        return round((perf_counter() - self.started) * 1000, 3)


def new_live_call(call: Call, received_at: datetime) -> LiveCall:
    """Start a call: nobody has it yet and nothing is known of the caller."""
    sections = dict.fromkeys(SECTION_NAMES, NOT_CONFIGURED)
    return LiveCall(Pop(call, 0, Match(), sections, (), Timing(received_at)), whole=sections)


class LiveCalls:
    """The calls by id; those that are over stay a little for late events."""

    def __init__(self) -> None:
        self._calls: dict[str, LiveCall] = {}
        self.dirty: set[LiveCall] = set()
        self.writing = asyncio.Lock()

    def get(self, call_id: str) -> LiveCall | None:
        """Return a call that is going on or has just ended."""
        return self._calls.get(call_id)

    def add(self, live: LiveCall) -> LiveCall:
        """Register a call; if it is there already, that one is returned."""
        return self._calls.setdefault(live.call.call_id, live)

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(tuple(self._calls.values()))

    def of(self, user_id: str) -> list[LiveCall]:
        """Return the calls on an agent's screen, oldest first."""
        mine = [c for c in self if user_id in c.seats and user_id not in c.dismissed]
        return sorted(mine, key=lambda c: c.pop.timing.received_at)

    def forget_over(self, now: datetime) -> None:
        """Drop the calls that ended a while ago and are written down."""
        for live in self:
            if live.call.over and now - live.heard_at > KEEP_OVER and live not in self.dirty:
                del self._calls[live.call.call_id]
