"""What RingCentral's telephony session notifications mean: the parties of one to `CallEvent`s.

A session is a call, a party somebody in it; only parties of the account are told, so never the
customer's. How states map, and why:

- An inbound party is somebody who is called: the queue or menu (`Setup`), then each agent, whose
  phone rings at `Proceeding`. `queueCall` with the agent's own `extensionId` is a queue's offer.
- `Answered` is said at the pick-up and again after a hold, so it is `answered` and `resumed`.
- `Disconnected` says that this party has left. The session may go on with others: a queue's party
  leaves when an agent answers, and an agent's when the call is handed over (`reason`). So the call
  ends with the party that leaves nobody behind, unless the reason says that it moved on.
- `Gone` is an attended transfer: the call goes on in the session of `peerId`, which names this
  one as its parent.
- `eventTime` is the call's start, so the notification's `timestamp` is when it happened;
  `sequence` orders what happened at one moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind, TransferKind
from app.telephony.base import NotUnderstood
from app.telephony.body import json_type, required_text, text
from app.telephony.provider_json import event_key, part, required_word, word, words
from app.telephony.times import iso_time

MAX_PARTIES = 100

_INBOUND = {
    "setup": EventKind.INCOMING,
    "proceeding": EventKind.RINGING,
    "answered": EventKind.ANSWERED,
    "hold": EventKind.HELD,
    "parked": EventKind.HELD,
    "voicemail": EventKind.MISSED,
    "vmscreening": EventKind.MISSED,
    "voicemailscreening": EventKind.MISSED,
    "disconnected": EventKind.MISSED,
    "gone": EventKind.TRANSFERRED,
}
# Who dials out has the call from the start.
_OUTBOUND = {**_INBOUND, "setup": EventKind.RINGING}
_TRANSFERS: dict[str, TransferKind | None] = {
    "BlindTransfer": "blind",
    "DtmfTransfer": "blind",
    "RccTransfer": None,
    "AttendedTransfer": "attended",
    "CallFlip": None,
    "ParkLocation": None,
    "TakeOver": None,
}
# The party is over, the call is somewhere else: a menu's choice, another agent.
_MOVED_ON = ("AgentAnswered", "CallerInputRedirect", "CallRedirected", "CallReplied", "Pickup")
_REASONS = {
    "CallFinished": "completed",
    "CallDropped": "failed",
    "Cancelled": "cancelled",
    "NoAnswer": "no_answer",
    "Timeout": "no_answer",
    "Rejected": "declined",
    "TargetBusy": "busy",
    "Voicemail": "voicemail",
    "InternalError": "failed",
    "InvalidNumber": "failed",
    "NoSuchUser": "failed",
}
_WITHHELD_NAMES = ("anonymous", "restricted", "private", "unavailable", "unknown", "blocked")


def read_events(notice: Mapping[str, Any], *, slug: str, received_at: datetime) -> list[CallEvent]:
    """Read a notification; empty when it is about something else than a telephony session.

    Raises:
        NotUnderstood: not RingCentral's envelope, or a value cannot be kept.
    """
    # A subscription for phone apps wraps the notification once more.
    notice = part(notice, "pn_apns") or notice
    session = part(notice, "body")
    if "telephonySessionId" not in session:
        if any(notice.get(key) for key in ("event", "subscriptionId", "body")):
            return []
        raise NotUnderstood("is missing: this is not a RingCentral notification", "/event")
    session_id = required_word(session, "telephonySessionId", "/body", "the session's id")
    parties = session.get("parties")
    if not isinstance(parties, list):
        raise NotUnderstood(f"must be a list, not {json_type(parties)}", "/body/parties")
    if len(parties) > MAX_PARTIES:
        raise NotUnderstood(
            f"has {len(parties)} parties, the limit is {MAX_PARTIES}", "/body/parties"
        )
    sequence = session.get("sequence")
    # Retried as it was, or sent again under a new uuid, it is the same step of the session.
    key = event_key("ringcentral", word(notice, "uuid") or f"{session_id} {sequence}")
    base = CallEvent(
        kind=EventKind.INCOMING,
        call_id=f"{slug}:{session_id}",
        phone_system=slug,
        received_at=received_at,
        occurred_at=iso_time(notice.get("timestamp")),
        seq=sequence if type(sequence) is int and abs(sequence) < 2**31 else None,
    )
    events = []
    for index, party in enumerate(parties):
        at = f"/body/parties/{index}"
        if not isinstance(party, dict):
            raise NotUnderstood(f"must be an object, not {json_type(party)}", at)
        for step, event in enumerate(_party(party, at, base)):
            events.append(replace(event, event_key=f"{key}:{index}:{step}"))
    return events


def _party(party: Mapping[str, Any], at: str, base: CallEvent) -> list[CallEvent]:
    status, caller, called = part(party, "status"), part(party, "from"), part(party, "to")
    code = required_text(status, "code", f"{at}/status", "the party's state").lower()
    reason = text(status, "reason", f"{at}/status") or ""
    outbound = party.get("direction") == "Outbound"
    kind = (_OUTBOUND if outbound else _INBOUND).get(code)
    if kind is None:
        return []
    direction = _direction(outbound, caller, called)
    caller_number = word(caller, "phoneNumber", f"{at}/from")
    name = _info(party, "CallerIdName", at) or text(caller, "name", f"{at}/from")
    side = "from" if outbound else "to"
    own = word(party, "extensionId", at) or word(part(party, side), "extensionId", f"{at}/{side}")
    queue = _queue(party, called, at)
    over = kind in (EventKind.MISSED, EventKind.TRANSFERRED)
    event = replace(
        base,
        kind=kind,
        direction=direction,
        ani=caller_number or word(caller, "extensionId", f"{at}/from"),
        withheld=not over and direction == "inbound" and _hidden(caller_number, name),
        cnam=name,
        dnis=word(called, "phoneNumber", f"{at}/to"),
        extensions=words(own),
        queue=queue,
    )
    if outbound and direction == "internal":
        # The other party tells it all; what this one adds is where a consultation came from.
        peer = word(part(status, "peerId"), "telephonySessionId", f"{at}/status/peerId")
        if code != "gone" or peer is None:
            return []
        parent = f"{base.phone_system}:{peer}"
        return [replace(event, kind=EventKind.INCOMING, extensions=(), parent_call_id=parent)]
    in_queue = queue is not None and _is_queue(own, queue, called)
    if in_queue and not over:
        return [replace(event, kind=EventKind.QUEUED, extensions=())]
    match kind:
        case EventKind.INCOMING:
            waiting = EventKind.INCOMING if queue is None else EventKind.QUEUED
            return [replace(event, kind=waiting, extensions=())]
        case EventKind.ANSWERED:
            return [event, replace(event, kind=EventKind.RESUMED)]
        case EventKind.TRANSFERRED:
            return _gone(event, status, reason, at)
        case EventKind.MISSED:
            return [_left(event, party, code, reason, in_queue=in_queue)]
        case _:
            return [event]


def _gone(event: CallEvent, status: Mapping[str, Any], reason: str, at: str) -> list[CallEvent]:
    """The agent has left for another session; if nobody else is in this one, it is over."""
    moved = replace(event, transfer_kind=_TRANSFERS.get(reason))
    peer = word(part(status, "peerId"), "telephonySessionId", f"{at}/status/peerId")
    if peer is None or event.call_id == f"{event.phone_system}:{peer}":
        return [moved]
    return [moved, replace(event, kind=EventKind.MISSED, ended_reason="forwarded")]


def _left(
    event: CallEvent, party: Mapping[str, Any], code: str, reason: str, *, in_queue: bool
) -> CallEvent:
    if code != "disconnected":
        return replace(event, ended_reason="voicemail", call_goes_on=True)
    if reason in _TRANSFERS:
        return replace(event, kind=EventKind.TRANSFERRED, transfer_kind=_TRANSFERS[reason])
    missed = party.get("missedCall") is True
    return replace(
        event,
        ended_reason=_REASONS.get(reason, reason) or ("no_answer" if missed else "completed"),
        # The queue rings somebody else, and says itself when it gives up.
        call_goes_on=reason in _MOVED_ON or (missed and event.queue is not None and not in_queue),
    )


def _direction(outbound: bool, caller: Mapping[str, Any], called: Mapping[str, Any]) -> Direction:
    if caller.get("extensionId") and called.get("extensionId"):
        return "internal"
    return "outbound" if outbound else "inbound"


def _queue(party: Mapping[str, Any], called: Mapping[str, Any], at: str) -> str | None:
    if party.get("queueCall") is not True:
        return None
    return _info(party, "QueueName", at) or text(called, "name", f"{at}/to")


def _is_queue(own: str | None, queue: str, called: Mapping[str, Any]) -> bool:
    """Is this party the queue itself, and not an agent whom it offers the call to?"""
    return own == called.get("extensionId") and queue == called.get("name")


def _info(party: Mapping[str, Any], type_: str, at: str) -> str | None:
    """Return what RingCentral's own phones show of a party, by its type."""
    shown = part(party, "uiCallInfo")
    for place in ("primary", "additional"):
        entry = part(shown, place)
        if entry.get("type") == type_:
            return text(entry, "value", f"{at}/uiCallInfo/{place}")
    return None


def _hidden(number: str | None, name: str | None) -> bool:
    return number is None or (name or "").lower() in _WITHHELD_NAMES
