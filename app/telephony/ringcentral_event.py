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
- A group's parties that ring together, alike but for whose they are, are one event.
- `eventTime` is the call's start, so the notification's `timestamp` is when it happened;
  `sequence` orders what happened at one moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.call import CallEvent, Direction, EventKind, TransferKind
from app.telephony.base import NotUnderstood
from app.telephony.body import json_type, required_text, text
from app.telephony.provider_json import event_key, part, required_word, word
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
    said_of_all: dict[str, Any] = {
        "call_id": f"{slug}:{session_id}",
        "phone_system": slug,
        "received_at": received_at,
        "occurred_at": iso_time(notice.get("timestamp")),
        "seq": sequence if type(sequence) is int and abs(sequence) < 2**31 else None,
    }
    found: list[tuple[str, dict[str, Any]]] = []
    before = None
    for index, party in enumerate(parties):
        at = f"/body/parties/{index}"
        if not isinstance(party, dict):
            raise NotUnderstood(f"must be an object, not {json_type(party)}", at)
        alike = {**party, "id": None, "extensionId": None}
        own = word(party, "extensionId", at)
        if own and alike == before:
            found[-1][1]["extensions"] += (own,)
            continue
        try:
            told = _party(party, own, slug, session_id)
        except NotUnderstood as wrong:
            error = wrong.errors[0]
            raise NotUnderstood(error["detail"], at + error["pointer"]) from None
        found += [(f"{key}:{index}:{step}", said) for step, said in enumerate(told)]
        # Of a group that rings together the parties differ in nothing else: one event for all.
        before = alike if own and [said["kind"] for said in told] == [EventKind.RINGING] else None
    return [CallEvent(event_key=each, **said_of_all, **said) for each, said in found]


def _party(
    party: Mapping[str, Any], own: str | None, slug: str, session_id: str
) -> list[dict[str, Any]]:
    """Return what a party's state says, as the fields of `CallEvent`s; `own`: its extension.

    Raises:
        NotUnderstood: a value cannot be kept; the pointer begins at the party.
    """
    status, caller, called = part(party, "status"), part(party, "from"), part(party, "to")
    code = required_text(status, "code", "/status", "the party's state").lower()
    reason = text(status, "reason", "/status") or ""
    outbound = party.get("direction") == "Outbound"
    kind = (_OUTBOUND if outbound else _INBOUND).get(code)
    if kind is None:
        return []
    direction = _direction(outbound, caller, called)
    caller_number = word(caller, "phoneNumber", "/from")
    queue_name, caller_name = _shown(party)
    name = caller_name or text(caller, "name", "/from")
    side, own_side = ("/from", caller) if outbound else ("/to", called)
    own = own or word(own_side, "extensionId", side)
    queue = None
    if party.get("queueCall") is True:
        queue = queue_name or text(called, "name", "/to")
    over = kind in (EventKind.MISSED, EventKind.TRANSFERRED)
    said: dict[str, Any] = {
        "kind": kind,
        "direction": direction,
        "ani": caller_number or word(caller, "extensionId", "/from"),
        "withheld": not over and direction == "inbound" and _hidden(caller_number, name),
        "cnam": name,
        "dnis": word(called, "phoneNumber", "/to"),
        "extensions": (own,) if own else (),
        "queue": queue,
    }
    if outbound and direction == "internal":
        # The other party tells it all; what this one adds is where a consultation came from.
        peer = _peer(status)
        if code != "gone" or peer is None:
            return []
        came_from = {"extensions": (), "parent_call_id": f"{slug}:{peer}"}
        return [{**said, "kind": EventKind.INCOMING, **came_from}]
    in_queue = queue is not None and _is_queue(own, queue, called)
    if in_queue and not over:
        return [{**said, "kind": EventKind.QUEUED, "extensions": ()}]
    match kind:
        case EventKind.INCOMING:
            waiting = EventKind.INCOMING if queue is None else EventKind.QUEUED
            return [{**said, "kind": waiting, "extensions": ()}]
        case EventKind.ANSWERED:
            return [said, {**said, "kind": EventKind.RESUMED}]
        case EventKind.TRANSFERRED:
            return _gone(said, _peer(status), session_id, reason)
        case EventKind.MISSED:
            missed = party.get("missedCall") is True
            offered = queue is not None and not in_queue
            return [{**said, **_left(code, reason, missed=missed, offered=offered)}]
        case _:
            return [said]


def _gone(
    said: dict[str, Any], peer: str | None, session_id: str, reason: str
) -> list[dict[str, Any]]:
    """The agent has left for another session; if nobody else is in this one, it is over."""
    moved = {**said, "transfer_kind": _TRANSFERS.get(reason)}
    if peer is None or peer == session_id:
        return [moved]
    return [moved, {**said, "kind": EventKind.MISSED, "ended_reason": "forwarded"}]


def _left(code: str, reason: str, *, missed: bool, offered: bool) -> dict[str, Any]:
    if code != "disconnected":
        return {"ended_reason": "voicemail", "call_goes_on": True}
    if reason in _TRANSFERS:
        return {"kind": EventKind.TRANSFERRED, "transfer_kind": _TRANSFERS[reason]}
    return {
        "ended_reason": _REASONS.get(reason, reason) or ("no_answer" if missed else "completed"),
        # The queue rings somebody else, and says itself when it gives up.
        "call_goes_on": reason in _MOVED_ON or (missed and offered),
    }


def _peer(status: Mapping[str, Any]) -> str | None:
    """Return the session that the party has left for."""
    return word(part(status, "peerId"), "telephonySessionId", "/status/peerId")


def _direction(outbound: bool, caller: Mapping[str, Any], called: Mapping[str, Any]) -> Direction:
    if caller.get("extensionId") and called.get("extensionId"):
        return "internal"
    return "outbound" if outbound else "inbound"


def _is_queue(own: str | None, queue: str, called: Mapping[str, Any]) -> bool:
    """Is this party the queue itself, and not an agent whom it offers the call to?"""
    return own == called.get("extensionId") and queue == called.get("name")


def _shown(party: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the queue's and the caller's name as RingCentral's own phones show them."""
    queue = caller = None
    shown = party.get("uiCallInfo")
    if isinstance(shown, dict):
        for place in ("additional", "primary"):
            entry = part(shown, place)
            if entry.get("type") == "QueueName":
                queue = text(entry, "value", "/uiCallInfo/" + place)
            elif entry.get("type") == "CallerIdName":
                caller = text(entry, "value", "/uiCallInfo/" + place)
    return queue, caller


def _hidden(number: str | None, name: str | None) -> bool:
    return number is None or (name or "").lower() in _WITHHELD_NAMES
