"""One event or channel of FreeSWITCH, read for what it says of a call. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from app.core.call import EventKind
from app.telephony.body import MAX_TEXT
from app.telephony.stream import clean
from app.telephony.times import epoch_time

Fields = Mapping[str, str]


def with_callers(by_call: Mapping[str, list[Fields]]) -> Iterator[tuple[str, list[Fields]]]:
    """Give the legs that a queue has made for a caller to that caller's call.

    Until they are bridged they stand alone, with nothing but the number in common. Legs that are
    nobody's are left out: nobody calls.
    """
    called = {c: rows for c, rows in by_call.items() if any(calls(row) for row in rows)}
    callers = [(next(row for row in rows if calls(row)), c) for c, rows in called.items()]
    for call_id, rows in by_call.items():
        if call_id in called:
            continue
        theirs = rows[0].get("cid_num")
        match = [c for row, c in callers if theirs and row.get("cid_num") == theirs]
        if len(match) == 1:
            called[match[0]] = [*called[match[0]], *rows]
    yield from called.items()


def calls(row: Fields) -> bool:
    """Say whether a channel is a caller's; FreeSWITCH dialled the others."""
    return row.get("direction") == "inbound"


def caller_of(event: Fields) -> dict[str, Any]:
    """Return who calls and what was dialled, as a `CallEvent` has it; nothing of who hides it."""
    hidden = event.get("Caller-Privacy-Hide-Number", "").lower() in ("true", "yes")
    return {
        "ani": None if hidden else text(event, "Caller-Caller-ID-Number"),
        "cnam": None if hidden else text(event, "Caller-Caller-ID-Name"),
        "dnis": text(event, "Caller-Destination-Number"),
        "withheld": hidden,
    }


def phone_of(event: Fields) -> str:
    """Return the extension of an agent's leg, "" for a leg to the outside."""
    return clean(event.get("variable_dialed_user", ""), MAX_TEXT) or user_of(
        event.get("Channel-Presence-ID", "")
    )


def phone_of_other_leg(event: Fields) -> str:
    """Return the extension at the other end of a bridge."""
    callee = event.get("Other-Leg-Callee-ID-Number") or event.get("Other-Leg-Destination-Number")
    return clean(callee or "", MAX_TEXT)


def calling_phone(event: Fields) -> str:
    """Return the extension of our own phone that calls."""
    return (
        clean(event.get("variable_user_name", ""), MAX_TEXT)
        or user_of(event.get("Channel-Presence-ID", ""))
        or clean(event.get("Caller-Username", ""), MAX_TEXT)
    )


def user_of(address: str) -> str:
    """Return 1001 of `1001@domain`."""
    return clean(address.partition("@")[0], MAX_TEXT)


def text(event: Fields, key: str) -> str | None:
    """Return a value, None when it is not given."""
    return clean(event.get(key, ""), MAX_TEXT) or None


def number(event: Fields, key: str) -> int | None:
    """Return a whole number, None for anything else."""
    value = event.get(key, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None


def moment(event: Fields) -> datetime | None:
    """Return when it happened."""
    micros = number(event, "Event-Date-Timestamp")
    return epoch_time(micros / 1_000_000) if micros else None


def key_of(event: Fields, kind: EventKind) -> str | None:
    """Recognise a repeat."""
    core, sequence = event.get("Core-UUID"), event.get("Event-Sequence")
    return clean(f"esl:{kind}:{core}:{sequence}", MAX_TEXT) if core and sequence else None
