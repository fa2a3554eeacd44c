"""One block of Asterisk's manager interface, read for what it says of a call. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from app.core.call import EventKind
from app.telephony.body import MAX_DATA_FIELDS, MAX_DATA_KEY, MAX_TEXT
from app.telephony.stream import clean
from app.telephony.times import epoch_time

Block = dict[str, str]

NOBODY = ("", "<unknown>")
_END_OF_CHANNEL = re.compile(r"-[0-9a-f]{8}(;[12])?$")
_END_OF_NAME = re.compile(r"[@/]")
# ISDN causes (Q.850) in our words.
_CAUSES = {"16": "completed", "17": "busy", "18": "no_answer", "19": "no_answer", "21": "declined"}


def extension_of(channel: str) -> str:
    """Return whose a channel is: 201 of `PJSIP/201-0000001f` and `Local/201@from-queue-0a;2`."""
    name = _END_OF_CHANNEL.sub("", channel.partition("/")[2])
    return clean(_END_OF_NAME.split(name, maxsplit=1)[0], MAX_TEXT)


def reason(block: Block) -> str:
    """Return why a channel was hung up."""
    return _CAUSES.get(block.get("Cause", ""), "failed")


def turned(block: Block) -> Block:
    """See a call from the phone that was called: who is connected to it is the caller."""
    return {
        "CallerIDNum": block.get("ConnectedLineNum", ""),
        "CallerIDName": block.get("ConnectedLineName", ""),
        "ChanVariable": block.get("ChanVariable", ""),
    }


def variables(block: Mapping[str, str]) -> dict[str, str]:
    """Return the channel variables that manager.conf's `channelvars` adds to each event."""
    found = {}
    for line in block.get("ChanVariable", "").split("\n")[:MAX_DATA_FIELDS]:
        name, equals, value = line.partition("=")
        if equals and name:
            found[name[:MAX_DATA_KEY]] = value
    return found


def member(block: Block) -> str:
    """Return the queue member's extension."""
    return extension_of(block.get("Interface", "")) or extension_of(block.get("DestChannel", ""))


def extensions(extension: str) -> tuple[str, ...]:
    """Return the extension alone, or nobody's."""
    return (extension,) if extension else ()


def text(block: Block, key: str) -> str | None:
    """Return a value, None when it is not given."""
    return clean(block.get(key, ""), MAX_TEXT) or None


def moment(block: Block) -> datetime | None:
    """Return when it happened, which `timestampevents=yes` makes Asterisk say."""
    try:
        return epoch_time(float(block["Timestamp"]))
    except (KeyError, ValueError):
        return None


def key_of(block: Block, kind: EventKind) -> str | None:
    """Recognise a repeat; without times two events may look the same and be two."""
    if "Timestamp" not in block:
        return None
    ids = (block.get(key, "") for key in ("Event", "Uniqueid", "DestUniqueid", "Timestamp"))
    return f"ami:{kind}:{':'.join(ids)}"[:MAX_TEXT]
