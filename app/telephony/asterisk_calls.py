"""The events of Asterisk's manager, understood as calls. No input or output.

A call is its Linkedid, which all its channels share. An agent is the name in a channel's name:
`PJSIP/201-0000001f` is extension 201.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.asterisk_block import (
    NOBODY,
    Block,
    extension_of,
    extensions,
    key_of,
    member,
    moment,
    reason,
    text,
    turned,
    variables,
)
from app.telephony.body import MAX_TEXT
from app.telephony.live_channels import OpenCall
from app.telephony.stream import clean

_Reader = Callable[[Block, datetime], Iterator[CallEvent]]
_MAX_CALLS = 20_000
# How a ring ended without an answer. CANCEL is not here: another phone was quicker, which the
# answer tells, or the caller hung up, which the hang-up tells.
_NOT_ANSWERED = {
    "NOANSWER": "no_answer",
    "BUSY": "busy",
    "CHANUNAVAIL": "failed",
    "CONGESTION": "failed",
}


@dataclass(slots=True)
class _Call:
    """What later events of a call are understood by."""

    direction: Direction
    caller: str  # Extension of our own phone that calls, "" for a call from outside.
    dnis: str | None = None
    channels: set[str] = field(default_factory=set)
    answered: bool = False
    moved: bool = False
    told: bool = False


class AsteriskCalls:
    """Reads the events of one connection, in their order."""

    def __init__(
        self,
        slug: str,
        *,
        trunks: Sequence[str] = (),
        presentation_variable: str = "",
        system_name: str = "",
        known: Collection[str] = (),
    ) -> None:
        self._slug = slug
        self._trunks = frozenset(trunks)
        self._presentation = presentation_variable
        self._prefix = f"{system_name}-" if system_name else ""
        self._known = known
        self._calls: dict[str, _Call] = {}
        self._hung_up: set[str] = set()
        self._readers: dict[str, _Reader] = {
            "Newchannel": self._newchannel,
            "NewCallerid": self._newcallerid,
            "DialBegin": self._dial,
            "DialState": self._dial,
            "DialEnd": self._dial,
            "QueueCallerJoin": self._queued,
            "AgentCalled": self._offered,
            "AgentConnect": self._taken,
            "AgentRingNoAnswer": self._let_ring,
            "QueueCallerAbandon": self._abandoned,
            "Hold": self._hold,
            "Unhold": self._hold,
            "BlindTransfer": self._blind_transfer,
            "AttendedTransfer": self._attended_transfer,
            "Hangup": self._hangup,
        }

    def read(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        """Yield what an event means for calls; most mean nothing."""
        read = self._readers.get(block.get("Event", ""))
        if read is not None:
            yield from read(block, at)

    def open_calls(self, channels: Sequence[Block]) -> list[OpenCall]:
        """Return the calls that channels, as `CoreShowChannels` lists them, are of."""
        by_call: dict[str, list[Block]] = {}
        for block in channels:
            if block.get("Linkedid") and block.get("Uniqueid") not in self._hung_up:
                by_call.setdefault(block["Linkedid"], []).append(block)
        self._hung_up.clear()
        return [self._open_call(linked, blocks) for linked, blocks in by_call.items()]

    def _open_call(self, linked: str, blocks: Sequence[Block]) -> OpenCall:
        first = next((b for b in blocks if b.get("Uniqueid") == linked), None)
        # A call that was transferred may have lost its first channel; a phone knows who is on it.
        seen = first or turned(next((b for b in blocks if not self._is_trunk(b)), blocks[0]))
        call = self._calls.get(linked) or self._begin(linked, seen)
        call.told = True
        call.channels.update(block.get("Uniqueid", "") for block in blocks)
        if call.caller and any(self._is_trunk(block) for block in blocks):
            call.direction = "outbound"
        states: dict[str, list[str]] = {"Up": [], "Ringing": [], "Ring": []}
        for block in blocks:
            ours = (block is first) == (call.direction == "outbound")
            state = block.get("ChannelStateDesc", "")
            extension = extension_of(block.get("Channel", ""))
            if ours and not self._is_trunk(block) and extension and state in states:
                states[state].append(extension)
        talking = tuple(dict.fromkeys(states["Up"]))
        calls = states["Ring"] if call.direction == "outbound" else []
        call.answered = bool(talking)
        return OpenCall(
            self._id(linked),
            call.direction,
            dnis=call.dnis,
            ringing=tuple(e for e in dict.fromkeys(states["Ringing"] + calls) if e not in talking),
            talking=talking,
            **self._caller(seen),
        )

    def _newchannel(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        linked, unique = block.get("Linkedid", ""), block.get("Uniqueid", "")
        if not linked:
            return
        if linked == unique:
            call = self._begin(linked, block)
            if call.direction == "inbound":
                yield self._event(EventKind.INCOMING, block, at, dnis=call.dnis)
        if linked in self._calls:
            self._calls[linked].channels.add(unique)

    def _newcallerid(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        """Hear who calls, where a line tells that only after the call began."""
        linked = block.get("Linkedid", "")
        call = self._calls.get(linked)
        if call is not None and call.direction == "inbound" and linked == block.get("Uniqueid"):
            yield self._event(EventKind.INCOMING, block, at)

    def _dial(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        whose, call = self._rung(block)
        status = block.get("DialStatus", "RINGING")  # DialBegin has none.
        if not whose:
            return
        if status == "RINGING":
            yield self._event(EventKind.RINGING, block, at, extensions=(whose,), dnis=call.dnis)
        elif status == "ANSWER":
            call.answered = True
            yield self._event(EventKind.ANSWERED, block, at, extensions=(whose,))
        elif status in _NOT_ANSWERED and whose != call.caller:
            yield self._missed(block, at, whose, _NOT_ANSWERED[status])

    def _rung(self, block: Block) -> tuple[str, _Call]:
        """Return whose phone a dial event is about, and the call: our own phone on the way out."""
        linked = block.get("DestLinkedid") or block.get("Linkedid") or ""
        call = self._calls.get(linked)
        if call is None:
            if not linked or not block.get("Channel"):
                return "", _Call("inbound", "")
            call = self._begin(linked, block)
        dest = {"Channel": block.get("DestChannel", "")}
        if not self._is_trunk(dest):
            return extension_of(dest["Channel"]), call
        if call.caller:
            call.direction = "outbound"
        return call.caller, call

    def _queued(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        yield self._event(EventKind.QUEUED, block, at, queue=text(block, "Queue"))

    def _offered(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        if extension := member(block):
            yield self._event(
                EventKind.RINGING, block, at, extensions=(extension,), queue=text(block, "Queue")
            )

    def _taken(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        if extension := member(block):
            if call := self._calls.get(block.get("Linkedid", "")):
                call.answered = True
            yield self._event(
                EventKind.ANSWERED, block, at, extensions=(extension,), queue=text(block, "Queue")
            )

    def _let_ring(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        if extension := member(block):
            yield self._missed(block, at, extension, "no_answer")

    def _abandoned(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        yield self._event(EventKind.MISSED, block, at, ended_reason="cancelled")

    def _hold(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        extension, linked = extension_of(block.get("Channel", "")), block.get("Linkedid", "")
        call = self._calls.get(linked)
        theirs = call is not None and not call.caller and block.get("Uniqueid") == linked
        if self._is_trunk(block) or theirs or not extension:
            return  # The customer holds: the agent is still on the line.
        kind = EventKind.HELD if block["Event"] == "Hold" else EventKind.RESUMED
        yield self._event(kind, block, at, extensions=(extension,))

    def _blind_transfer(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        if block.get("Result") != "Success":
            return
        linked = block.get("TransfereeLinkedid") or block.get("TransfererLinkedid") or ""
        if call := self._calls.get(linked):
            call.moved = True
        yield self._event(
            EventKind.TRANSFERRED,
            {**block, "Linkedid": linked},
            at,
            extensions=extensions(extension_of(block.get("TransfererChannel", ""))),
            transfer_to=text(block, "Extension"),
            transfer_kind="blind",
        )

    def _attended_transfer(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        if block.get("Result") != "Success":
            return
        # Both calls have become one, which goes on under the older Linkedid: the customer's.
        linked = block.get("TransfereeLinkedid") or block.get("OrigTransfererLinkedid") or ""
        target = {"Channel": block.get("TransferTargetChannel", "")}
        to = "" if self._is_trunk(target) else extension_of(target["Channel"])
        if call := self._calls.get(linked):
            call.moved = True
        moved = {**block, "Linkedid": linked}
        yield self._event(
            EventKind.TRANSFERRED,
            moved,
            at,
            extensions=extensions(extension_of(block.get("OrigTransfererChannel", ""))),
            transfer_to=to or None,
            transfer_kind="attended",
        )
        if to and block.get("TransferTargetChannelStateDesc") == "Up":
            yield self._event(EventKind.ANSWERED, moved, at, extensions=(to,))

    def _hangup(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        unique, linked = block.get("Uniqueid", ""), block.get("Linkedid", "")
        self._hung_up.add(unique)
        if len(self._hung_up) > _MAX_CALLS:
            self._hung_up.clear()
        for each in {linked, unique} & self._calls.keys():
            self._calls[each].channels.discard(unique)
        # A consultation's first channel may by now be linked to the call that was transferred.
        over = unique if unique in self._calls else linked
        call = self._calls.get(over)
        if call is None:
            # It began before this connection, and its channels could not be asked for.
            if unique == linked and self._id(linked) in self._known:
                yield self._event(EventKind.ENDED, block, at, ended_reason=reason(block))
            return
        first_goes = unique == over and not (call.moved and call.direction != "inbound")
        if call.channels and not first_goes:
            return
        why = reason(block)
        if why == "completed" and not call.answered:
            why = "cancelled"
        if call.told:
            yield self._event(EventKind.ENDED, {**block, "Linkedid": over}, at, ended_reason=why)
        del self._calls[over]

    def _missed(self, block: Block, at: datetime, extension: str, why: str) -> CallEvent:
        return self._event(
            EventKind.MISSED,
            block,
            at,
            extensions=(extension,),
            ended_reason=why,
            call_goes_on=True,
        )

    def _begin(self, linked: str, block: Mapping[str, str]) -> _Call:
        caller = self._own_phone(block)
        dialled = clean(block.get("Exten", ""), MAX_TEXT)
        dnis = dialled if len(dialled) > 1 else None  # `s` is where a call starts, not a number.
        if len(self._calls) >= _MAX_CALLS:
            del self._calls[next(iter(self._calls))]
        call = self._calls[linked] = _Call("internal" if caller else "inbound", caller, dnis)
        return call

    def _own_phone(self, block: Mapping[str, str]) -> str:
        """Return the extension of the phone that a call comes from, "" for one from outside."""
        name = extension_of(block.get("Channel", ""))
        if self._trunks:
            return "" if self._is_trunk(block) else name
        return name if name == block.get("CallerIDNum") else ""

    def _is_trunk(self, block: Mapping[str, str]) -> bool:
        return extension_of(block.get("Channel", "")) in self._trunks

    def _caller(self, block: Mapping[str, str]) -> dict[str, Any]:
        """Return what an event tells of the caller; nothing before it is known if it is hidden."""
        number, name = block.get("CallerIDNum", ""), block.get("CallerIDName", "")
        told = {
            "ani": None if number in NOBODY else clean(number, MAX_TEXT),
            "cnam": None if name in NOBODY else clean(name, MAX_TEXT),
            "withheld": False,
        }
        if not self._presentation:
            return told
        presentation = variables(block).get(self._presentation, "").lower()
        if not presentation:
            return {"ani": None, "cnam": None, "withheld": False}
        if presentation.startswith("prohib"):
            return {"ani": None, "cnam": None, "withheld": True}
        return told

    def _id(self, linked: str) -> str:
        return f"{self._slug}:{self._prefix}{clean(linked, MAX_TEXT)}"

    def _event(self, kind: EventKind, block: Block, at: datetime, **more: Any) -> CallEvent:
        linked = block.get("Linkedid") or block.get("DestLinkedid", "")
        call = self._calls.get(linked)
        if call is not None:
            call.told = True
        event = CallEvent(
            kind,
            self._id(linked),
            self._slug,
            at,
            event_key=key_of(block, kind),
            occurred_at=moment(block),
            direction=call.direction if call else None,
            **more,
        )
        # Only on the caller's own channel is the caller the CallerID.
        about_caller = "Channel" in block and block.get("Uniqueid") == linked
        if not about_caller:
            return event
        extra = {k: v for k, v in variables(block).items() if v and k != self._presentation}
        return replace(event, attached_data=extra, **self._caller(block))
