"""A call and the events that make it. Pure: the same events in any order give the same call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from app.core.values import replace, value
from connectors.sdk.types import Number

Direction = Literal["inbound", "outbound", "internal"]
AttestationLevel = Literal["A", "B", "C"]
Verdict = Literal["passed", "failed", "none"]
TransferKind = Literal["blind", "attended"]


class EventKind(StrEnum):
    """What happened, in the contract's words. `incoming` is not `ringing`."""

    INCOMING = "incoming"
    QUEUED = "queued"
    RINGING = "ringing"
    ANSWERED = "answered"
    HELD = "held"
    RESUMED = "resumed"
    TRANSFERRED = "transferred"
    MISSED = "missed"
    ENDED = "ended"


@value(frozen=True, slots=True)
class Attestation:
    """What the carrier says about the calling number (STIR/SHAKEN)."""

    level: AttestationLevel | None = None
    verdict: Verdict | None = None


@value(frozen=True, slots=True)
class CallEvent:
    """One event of a call, as an adapter understood it.

    `call_id` is the full id (`PhoneSystem.full_id`). `event_key` recognises a repeat: None when
    the provider gives nothing to recognise it by. `ani` is the raw caller text: None or "" when
    the event does not say, `withheld` is True when the provider says that the caller hid it;
    the host fills `number` from them. `extensions` are whose the event is (extension, e-mail,
    client name, as configured for the agents). `occurred_at` None = at its receipt.
    `call_goes_on`: a `missed` that is only one leg's; the phone system says itself when the call
    ends, and may ring somebody else first.
    """

    kind: EventKind
    call_id: str
    phone_system: str
    received_at: datetime
    event_key: str | None = None
    event_id: str | None = None
    occurred_at: datetime | None = None
    seq: int | None = None
    direction: Direction | None = None
    ani: str | None = None
    withheld: bool = False
    number: Number | None = None
    cnam: str | None = None
    dnis: str | None = None
    extensions: tuple[str, ...] = ()
    queue: str | None = None
    attestation: Attestation | None = None
    collected: Mapping[str, str] = field(default_factory=dict)
    attached_data: Mapping[str, str] = field(default_factory=dict)
    parent_call_id: str | None = None
    transfer_to: str | None = None
    transfer_kind: TransferKind | None = None
    ended_reason: str | None = None
    call_goes_on: bool = False


CallState = Literal["incoming", "queued", "ringing", "answered", "held", "ended", "missed"]
CloseReason = Literal["ended", "answered_elsewhere", "transferred", "missed", "dismissed"]

_RANK = {
    EventKind.INCOMING: 0,
    EventKind.QUEUED: 1,
    EventKind.RINGING: 2,
    EventKind.ANSWERED: 3,
    EventKind.HELD: 4,
    EventKind.RESUMED: 4,
    EventKind.TRANSFERRED: 5,
    EventKind.MISSED: 6,
    EventKind.ENDED: 7,
}
_STATE_RANK: dict[CallState, int] = {
    "incoming": 0,
    "queued": 1,
    "ringing": 2,
    "answered": 3,
    "held": 3,
    "ended": 4,
    "missed": 4,
}
_LIVE_STATE: dict[EventKind, CallState] = {
    EventKind.INCOMING: "incoming",
    EventKind.QUEUED: "queued",
    EventKind.RINGING: "ringing",
    EventKind.ANSWERED: "answered",
    EventKind.HELD: "held",
    EventKind.RESUMED: "answered",
    EventKind.TRANSFERRED: "answered",
}
STALE_AFTER = timedelta(seconds=120)
WITHHELD = Number(raw=None, withheld=True)


@value(frozen=True, slots=True)
class Leg:
    """One agent's part of a call, by extension; `left` says why it is over."""

    extension: str
    opened: bool = False
    answered: bool = False
    left: CloseReason | None = None

    @property
    def live(self) -> bool:
        """The agent has this call now: it rings or they talk."""
        return self.opened and self.left is None


@value(frozen=True, slots=True)
class Call:
    """A call as its events so far tell it. Times are None until known.

    `queue_ring`: it rings for the queue's agents, nobody being named; `queue_rang`: it ever did.
    `events` are in their true order and are not shown to anyone.
    """

    call_id: str
    phone_system: str
    events: tuple[CallEvent, ...] = ()
    direction: Direction | None = None
    state: CallState = "incoming"
    ani: Number | None = None
    dnis: str | None = None
    cnam: str | None = None
    queue: str | None = None
    attestation: Attestation = Attestation()
    collected: Mapping[str, str] = field(default_factory=dict)
    attached_data: Mapping[str, str] = field(default_factory=dict)
    parent_call_id: str | None = None
    started_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str | None = None
    legs: tuple[Leg, ...] = ()
    queue_ring: bool = False
    queue_rang: bool = False

    @property
    def over(self) -> bool:
        """The call has ended, answered or not."""
        return self.state in ("ended", "missed")

    @property
    def handed_over(self) -> bool:
        """An agent passed the call on, and what they wrote is for the next one."""
        return any(leg.left == "transferred" for leg in self.legs)

    @property
    def caller(self) -> Number:
        """The calling number; a call that never said one is withheld (contract section 3)."""
        return self.ani or WITHHELD

    def knows(self, event: CallEvent) -> bool:
        """The event is a repeat of one this call already has."""
        return any(
            (event.event_key is not None and e.event_key == event.event_key)
            or (event.event_id is not None and e.event_id == event.event_id)
            for e in self.events
        )


def is_stale(event: CallEvent) -> bool:
    """The event reached us too late to pop: more than 120 s after it happened."""
    return event.occurred_at is not None and event.received_at - event.occurred_at > STALE_AFTER


def fold(call: Call | None, event: CallEvent) -> Call:
    """Return the call with the event added; a repeat changes nothing.

    Any order of the same events gives the same call, as far as the events say when they happened.
    """
    if call is None:
        return _step(Call(event.call_id, event.phone_system), event)
    if call.knows(event):
        return call
    if _order(event) >= _order(call.events[-1]):
        return _step(call, event)
    fresh = Call(call.call_id, call.phone_system)
    for each in sorted((*call.events, event), key=_order):
        fresh = _step(fresh, each)
    return fresh


def _happened(event: CallEvent) -> datetime:
    return event.occurred_at or event.received_at


def _order(event: CallEvent) -> tuple[datetime, int, int, str]:
    return (
        _happened(event),
        _RANK[event.kind],
        event.seq or 0,
        event.event_id or event.event_key or "",
    )


def _step(call: Call, event: CallEvent) -> Call:
    at = _happened(event)
    changes: dict[str, Any] = {
        "events": (*call.events, event),
        "direction": call.direction or event.direction,
        "ani": call.ani or event.number,
        "dnis": call.dnis or event.dnis,
        "cnam": call.cnam or event.cnam,
        "queue": event.queue or call.queue,
        "attestation": event.attestation or call.attestation,
        "parent_call_id": call.parent_call_id or event.parent_call_id,
        "started_at": call.started_at or at,
    }
    if event.collected:
        changes["collected"] = {**call.collected, **event.collected}
    if event.attached_data:
        changes["attached_data"] = {**call.attached_data, **event.attached_data}
    match event.kind:
        case EventKind.RINGING:
            changes["ringing_at"] = call.ringing_at or at
        case EventKind.ANSWERED | EventKind.HELD | EventKind.RESUMED | EventKind.TRANSFERRED:
            changes["answered_at"] = call.answered_at or at
        case EventKind.ENDED:
            changes |= _end(call, event, at)
        case EventKind.MISSED if not event.extensions:
            changes |= _end(call, event, at)
    return _settle(_move(replace(call, **changes), event), event, at)


def _end(call: Call, event: CallEvent, at: datetime) -> dict[str, Any]:
    return {
        "ended_at": call.ended_at or at,
        "ended_reason": event.ended_reason or call.ended_reason,
    }


def _move(call: Call, event: CallEvent) -> Call:
    """Ring, give or take the call, as the event says."""
    match event.kind:
        case EventKind.INCOMING | EventKind.QUEUED if not event.extensions:
            return call  # The queue alone does not tell for whom it will ring.
        case EventKind.INCOMING | EventKind.QUEUED | EventKind.RINGING:
            return _offer(call, event)
        case EventKind.ANSWERED | EventKind.HELD | EventKind.RESUMED:
            return _answer(call, event)
        case EventKind.TRANSFERRED:
            return _transfer(call, event)
        case EventKind.MISSED if event.extensions:
            return _miss(call, event)
    return call


def _settle(call: Call, event: CallEvent, at: datetime) -> Call:
    """Derive the state; it never moves backwards."""
    missed = event.kind is EventKind.MISSED and not event.call_goes_on
    if call.ended_at is None and missed and not _anyone(call):
        call = replace(
            call, ended_at=at, ended_reason=event.ended_reason or call.ended_reason or "no_answer"
        )
    if call.ended_at is not None:
        return replace(call, state="missed" if call.answered_at is None else "ended")
    state = _LIVE_STATE.get(event.kind, call.state)
    if _STATE_RANK[state] < _STATE_RANK[call.state]:
        return call
    if event.kind in (EventKind.ANSWERED, EventKind.TRANSFERRED) and call.state == "held":
        return call if event.kind is EventKind.ANSWERED else replace(call, state="answered")
    return call if state == call.state else replace(call, state=state)


def _anyone(call: Call) -> bool:
    return call.queue_ring or any(leg.live for leg in call.legs)


def _set_legs(call: Call, *changed: Leg) -> Call:
    if not changed:
        return call
    legs = {leg.extension: leg for leg in call.legs}
    legs.update((leg.extension, leg) for leg in changed)
    return replace(call, legs=tuple(legs.values()))


def _leg(call: Call, extension: str) -> Leg:
    return next((leg for leg in call.legs if leg.extension == extension), Leg(extension))


def _offer(call: Call, event: CallEvent) -> Call:
    """Ring the named extensions, or the queue's agents."""
    if call.over or is_stale(event):
        return call
    # Without a time of its own, a ring that comes after the answer is a late one.
    late = call.answered_at is not None and event.occurred_at is None and _anyone(call)
    if not event.extensions:
        rings_queue = call.queue is not None and call.answered_at is None
        return replace(
            call,
            queue_ring=call.queue_ring or rings_queue,
            queue_rang=call.queue_rang or rings_queue,
        )
    legs = []
    for extension in event.extensions:
        leg = _leg(call, extension)
        if leg.left is not None and not leg.opened and event.occurred_at is None:
            legs.append(replace(leg, opened=True))  # The ring of a leg whose end came first.
        elif not leg.live and not late:
            legs.append(Leg(extension, opened=True))
    return _set_legs(call, *legs)


def _answer(call: Call, event: CallEvent) -> Call:
    """Give the call to who answered; it stops ringing for everybody else."""
    if call.over:
        return call
    ringing = [leg for leg in call.legs if leg.live and not leg.answered]
    extensions = event.extensions
    if not extensions:
        if len(ringing) != 1 or call.queue_ring:
            return call
        extensions = (ringing[0].extension,)
    legs = []
    for extension in extensions:
        leg = _leg(call, extension)
        if leg.left is not None and not leg.opened and event.occurred_at is None:
            legs.append(replace(leg, opened=True, answered=True))
        elif leg.live or not is_stale(event):
            legs.append(Leg(extension, opened=True, answered=True))
    if event.kind is EventKind.ANSWERED:
        legs += [
            replace(leg, left="answered_elsewhere")
            for leg in ringing
            if leg.extension not in extensions
        ]
    return replace(_set_legs(call, *legs), queue_ring=False)


def _transfer(call: Call, event: CallEvent) -> Call:
    """Take the call from the agent it leaves and ring the next one."""
    if call.over:
        return call
    leaving = event.extensions or tuple(
        leg.extension for leg in call.legs if leg.live and leg.extension != event.transfer_to
    )
    legs = [replace(_leg(call, ext), left="transferred") for ext in leaving]
    if event.transfer_to is not None:
        target = _leg(call, event.transfer_to)
        if not target.live and not is_stale(event):
            legs.append(Leg(event.transfer_to, opened=True))
    return replace(_set_legs(call, *legs), queue_ring=False)


def _miss(call: Call, event: CallEvent) -> Call:
    """Stop ringing for the named agents; for one who had answered, the call has ended."""
    legs = (_leg(call, extension) for extension in event.extensions)
    return _set_legs(
        call,
        *(replace(leg, left=leg.left or ("ended" if leg.answered else "missed")) for leg in legs),
    )
