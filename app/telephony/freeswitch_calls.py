"""FreeSWITCH's events, understood as calls. No input or output.

A call is its first leg's id, which the legs made for it carry as Channel-Call-UUID. An agent's
leg is one that was made to a user of the directory: it has a presence id, `1001@domain`.
`Call-Direction` is FreeSWITCH's own view: what it dials is outbound, an agent's phone included.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.body import MAX_TEXT
from app.telephony.freeswitch_event import (
    Fields,
    caller_of,
    calling_phone,
    calls,
    key_of,
    moment,
    number,
    phone_of,
    phone_of_other_leg,
    text,
    user_of,
    with_callers,
)
from app.telephony.live_channels import OpenCall
from app.telephony.stream import clean

_Reader = Callable[[Fields, datetime], Iterator[CallEvent]]
_MAX_CALLS = 20_000
_REASONS = {
    "NORMAL_CLEARING": "completed",
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "USER_BUSY": "busy",
    "CALL_REJECTED": "declined",
    "ORIGINATOR_CANCEL": "cancelled",
}
# The ring of a leg stopped because another was quicker, or the caller hung up; both are told.
_TOLD_ELSEWHERE = ("LOSE_RACE", "PICKED_OFF", "ORIGINATOR_CANCEL")
_TRANSFERS = ("BLIND_TRANSFER", "ATTENDED_TRANSFER")

_QUEUE = {
    "member-queue-start": EventKind.QUEUED,
    "agent-offering": EventKind.RINGING,
    "bridge-agent-start": EventKind.ANSWERED,
    "bridge-agent-fail": EventKind.MISSED,
}


@dataclass(slots=True)
class _Call:
    """What later events of a call are understood by. `talking`: the extension that has it."""

    direction: Direction
    caller: str  # Extension of our own phone that calls, "" for a call from outside.
    legs: set[str] = field(default_factory=set)
    talking: str = ""
    moved: bool = False
    told: bool = False


class FreeswitchCalls:
    """Reads the events of one connection, in their order."""

    def __init__(
        self, slug: str, outside_contexts: Collection[str], known: Collection[str] = ()
    ) -> None:
        self._slug = slug
        self._outside = frozenset(outside_contexts)
        self._known = known
        self._calls: dict[str, _Call] = {}
        self._call_of: dict[str, str] = {}  # By leg: after a transfer it says another one.
        self._hung_up: set[str] = set()
        self._readers: dict[str, _Reader] = {
            "CHANNEL_CREATE": self._create,
            "CHANNEL_PROGRESS": self._ring,
            "CHANNEL_PROGRESS_MEDIA": self._ring,
            "CHANNEL_ANSWER": self._answer,
            "CHANNEL_BRIDGE": self._bridge,
            "CHANNEL_HOLD": self._hold,
            "CHANNEL_UNHOLD": self._hold,
            "CHANNEL_HANGUP_COMPLETE": self._hangup,
        }

    def read(self, event: Fields, at: datetime) -> Iterator[CallEvent]:
        """Yield what an event means for calls; most mean nothing."""
        name = event.get("Event-Name", "")
        if name == "CUSTOM" and event.get("Event-Subclass") == "callcenter::info":
            yield from self._queue(event, at)
        elif name in self._readers and event.get("Unique-ID"):
            yield from self._readers[name](event, at)

    def open_calls(self, rows: Sequence[Fields]) -> list[OpenCall]:
        """Return the calls that channels, as `show channels` lists them, are of."""
        by_call: dict[str, list[Fields]] = {}
        for row in rows:
            if row.get("uuid") and row["uuid"] not in self._hung_up:
                by_call.setdefault(row.get("call_uuid") or row["uuid"], []).append(row)
        self._hung_up.clear()
        return [self._open_call(call_id, found) for call_id, found in with_callers(by_call)]

    def _open_call(self, call_id: str, rows: Sequence[Fields]) -> OpenCall:
        first = next(row for row in rows if calls(row))
        own = "" if first.get("context") in self._outside else user_of(first.get("presence_id", ""))
        call = self._calls.get(call_id) or self._begin(call_id, own)
        call.told = True
        legs = [row for row in rows if row is not first]
        if own and any(not user_of(row.get("presence_id", "")) for row in legs):
            call.direction = "outbound"
        ringing: list[str] = []
        talking: list[str] = []
        for row in [first] if call.direction == "outbound" else legs:
            self._join(call_id, call, row["uuid"])
            extension = user_of(row.get("presence_id", ""))
            if extension:
                up = row.get("callstate") in ("ACTIVE", "HELD", "UNHELD")
                (talking if up else ringing).append(extension)
        self._join(call_id, call, first["uuid"])
        call.talking = talking[0] if talking else ""
        return OpenCall(
            self._id(call_id),
            call.direction,
            ani=text(first, "cid_num"),
            cnam=text(first, "cid_name"),
            dnis=text(first, "dest"),
            ringing=tuple(dict.fromkeys(ringing)),
            talking=tuple(dict.fromkeys(talking)),
        )

    def _create(self, event: Fields, at: datetime) -> Iterator[CallEvent]:
        unique = event["Unique-ID"]
        call_id = self._call_id(event)
        if unique == call_id and event.get("Call-Direction") == "inbound":
            outside = event.get("Caller-Context", "") in self._outside
            call = self._begin(call_id, "" if outside else calling_phone(event))
            self._join(call_id, call, unique)
            if call.direction == "inbound":
                yield self._event(EventKind.INCOMING, event, at)
        elif call_id in self._calls:
            self._join(call_id, self._calls[call_id], unique)
            yield from self._ring(event, at)

    def _ring(self, event: Fields, at: datetime) -> Iterator[CallEvent]:
        if extension := self._rung(event):
            yield self._event(EventKind.RINGING, event, at, extensions=(extension,))

    def _answer(self, event: Fields, at: datetime) -> Iterator[CallEvent]:
        if extension := self._rung(event):
            call = self._calls[self._call_id(event)]
            if not call.moved:
                call.talking = extension
            yield self._event(EventKind.ANSWERED, event, at, extensions=(extension,))

    def _rung(self, event: Fields) -> str:
        """Return whose phone a leg is about; on the way out it is the phone that calls."""
        call = self._calls.get(self._call_id(event))
        if call is None or event.get("Call-Direction") != "outbound":
            return ""
        extension = phone_of(event)
        if not extension and call.caller:
            call.direction = "outbound"
            return call.caller
        return extension

    def _bridge(self, event: Fields, at: datetime) -> Iterator[CallEvent]:
        """Hear that a caller now talks with another phone: an attended transfer came to its end."""
        a = event.get("Bridge-A-Unique-ID") or event["Unique-ID"]
        b = event.get("Bridge-B-Unique-ID") or event.get("Other-Leg-Unique-ID", "")
        call_id = self._call_of.get(a, "")
        call = self._calls.get(call_id)
        extension = user_of(event.get("Other-Leg-Presence-ID", "")) or phone_of_other_leg(event)
        if call is not None and b and b not in self._call_of:
            self._join(call_id, call, b)
        joins = call is not None and self._call_of.get(b, call_id) != call_id
        if call is None or not joins or not extension or extension == call.talking:
            return
        self._join(call_id, call, b)
        call.moved = True
        before, call.talking = call.talking, extension
        if before:
            yield self._event(
                EventKind.TRANSFERRED,
                event,
                at,
                call_id,
                extensions=(before,),
                transfer_to=extension,
                transfer_kind="attended",
            )
        yield self._event(EventKind.ANSWERED, event, at, call_id, extensions=(extension,))

    def _hold(self, event: Fields, at: datetime) -> Iterator[CallEvent]:
        call = self._calls.get(self._call_id(event))
        first = event["Unique-ID"] == self._call_id(event)
        if call is None:
            return
        extension = call.caller if first else phone_of(event)
        if extension:  # Else the customer holds: the agent is still on the line.
            held = event["Event-Name"] == "CHANNEL_HOLD"
            kind = EventKind.HELD if held else EventKind.RESUMED
            yield self._event(kind, event, at, extensions=(extension,))

    def _hangup(self, event: Fields, at: datetime) -> Iterator[CallEvent]:
        unique, call_id = event["Unique-ID"], self._call_id(event)
        self._call_of.pop(unique, None)
        self._hung_up.add(unique)
        if len(self._hung_up) > _MAX_CALLS:
            self._hung_up.clear()
        call = self._calls.get(call_id)
        reason = event.get("Hangup-Cause", "")
        if call is None:
            if unique == call_id and self._id(call_id) in self._known:
                yield self._ended(event, at, call_id)
            return
        call.legs.discard(unique)
        first_goes = unique == call_id and not (call.moved and call.direction != "inbound")
        if first_goes or not call.legs:
            if call.told:
                yield self._ended(event, at, call_id)
            del self._calls[call_id]
            return
        extension = phone_of(event)
        if unique == call_id or not extension or reason in _TOLD_ELSEWHERE:
            return
        if reason in _TRANSFERS:
            call.moved = True
            if call.talking == extension:
                call.talking = ""
                yield self._event(EventKind.TRANSFERRED, event, at, extensions=(extension,))
            return
        yield self._event(
            EventKind.MISSED,
            event,
            at,
            extensions=(extension,),
            ended_reason=_REASONS.get(reason, "failed"),
            call_goes_on=True,
        )

    def _queue(self, event: Fields, at: datetime) -> Iterator[CallEvent]:
        call_id, action = event.get("CC-Member-Session-UUID", ""), event.get("CC-Action", "")
        kind = _QUEUE.get(action)
        if not call_id or kind is None:
            return
        call = self._calls.get(call_id) or self._begin(call_id, "")
        extension = "" if action == "member-queue-start" else user_of(event.get("CC-Agent", ""))
        if action == "bridge-agent-start" and not call.moved:
            call.talking = extension
        yield self._event(
            kind,
            event,
            at,
            call_id,
            extensions=(extension,) if extension else (),
            queue=user_of(event.get("CC-Queue", "")) or None,
            ani=text(event, "CC-Member-CID-Number"),
            cnam=text(event, "CC-Member-CID-Name"),
            ended_reason="no_answer" if kind is EventKind.MISSED else None,
            call_goes_on=kind is EventKind.MISSED,
        )

    def _ended(self, event: Fields, at: datetime, call_id: str) -> CallEvent:
        reason = _REASONS.get(event.get("Hangup-Cause", ""), "failed")
        return self._event(EventKind.ENDED, event, at, call_id, ended_reason=reason)

    def _begin(self, call_id: str, caller: str) -> _Call:
        if len(self._calls) >= _MAX_CALLS:
            oldest = next(iter(self._calls))
            for leg in self._calls.pop(oldest).legs:
                self._call_of.pop(leg, None)
        call = self._calls[call_id] = _Call("internal" if caller else "inbound", caller)
        return call

    def _join(self, call_id: str, call: _Call, leg: str) -> None:
        call.legs.add(leg)
        self._call_of[leg] = call_id

    def _call_id(self, event: Fields) -> str:
        unique = event["Unique-ID"]
        return (
            self._call_of.get(unique)
            or event.get("variable_cc_member_session_uuid")
            or event.get("Channel-Call-UUID")
            or unique
        )

    def _id(self, call_id: str) -> str:
        return f"{self._slug}:{clean(call_id, MAX_TEXT)}"

    def _event(
        self, kind: EventKind, event: Fields, at: datetime, call_id: str = "", **more: Any
    ) -> CallEvent:
        call_id = call_id or self._call_id(event)
        call = self._calls.get(call_id)
        if call is not None:
            call.told = True
        about = caller_of(event) if "Caller-Caller-ID-Number" in event else {}
        return CallEvent(
            kind,
            self._id(call_id),
            self._slug,
            at,
            event_key=key_of(event, kind),
            occurred_at=moment(event),
            seq=number(event, "Event-Sequence"),
            direction=call.direction if call else None,
            **{**about, **more},
        )
