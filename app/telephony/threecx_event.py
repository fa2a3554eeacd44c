"""What 3CX's call report and an add-on's event mean, as `CallEvent`s.

The report (scenario `ReportCall` of a CRM template) comes after the call and has no call id: the
same number, agent, type and time are the same call. It says how long the call took, not when it
ended, so it ended when the report came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.core.call import CallEvent, Direction, EventKind
from app.telephony.base import NotUnderstood
from app.telephony.body import required_text, text
from app.telephony.provider_json import event_key, required_word, word, words
from app.telephony.times import epoch_time, iso_time

# What an add-on calls them if nothing else is configured.
FIELDS = {
    "event": "event",
    "call_id": "id",
    "caller": "callerid",
    "called": "did",
    "agent": "user",
    "agent_type": "usertype",
    "caller_name": "callername",
    "time": "occurred_at",
}
_TYPE = "CallType"
_REPORTS: dict[str, tuple[Direction, bool]] = {
    "inbound": ("inbound", True),
    "outbound": ("outbound", True),
    "missed": ("inbound", False),
    "notanswered": ("outbound", False),
}
_ARRIVES = (EventKind.INCOMING, EventKind.QUEUED, EventKind.RINGING)
_DURATION = re.compile(r"(?:(\d{1,3}):(\d\d):)?(\d{1,6})(?:\.\d+)?", re.ASCII)
_LEG = re.compile(r"-\d{1,3}\Z", re.ASCII)


def is_report(data: Mapping[str, Any]) -> bool:
    """Is it a call report of the CRM template?"""
    return _TYPE in data


def read_report(data: Mapping[str, Any], *, slug: str, received_at: datetime) -> list[CallEvent]:
    """Read the report of a call that is over: history, which opens no pop.

    Raises:
        NotUnderstood: another call type, or no time or number to know the call by.
    """
    what = required_text(data, _TYPE, "", "use the template that comes with screenpop")
    if what.lower() not in _REPORTS:
        raise NotUnderstood(
            f'"{what[:40]}" is not Inbound, Outbound, Missed or Notanswered', "/" + _TYPE
        )
    direction, answered = _REPORTS[what.lower()]
    number, agent = word(data, "Number"), word(data, "Agent")
    when = required_text(data, "DateTime", "", "it tells this call from the next one")
    key = event_key("3cx", number, agent, what.lower(), when)
    inbound = direction == "inbound"
    arrived = CallEvent(
        kind=EventKind.INCOMING,
        call_id=f"{slug}:report-{key.partition(':')[2]}",
        phone_system=slug,
        received_at=received_at,
        event_key=f"{key}:incoming",
        occurred_at=received_at - _duration(data),
        direction=direction,
        ani=number if inbound else None,
        dnis=None if inbound else number,
        withheld=inbound and number is None,
    )
    ended = replace(
        arrived,
        kind=EventKind.ENDED,
        event_key=f"{key}:ended",
        occurred_at=received_at,
        ended_reason="completed" if answered else "no_answer",
    )
    if not answered:
        return [arrived, ended]
    # The end is told first, so that nobody gets the pop of a call that is over.
    talked = replace(arrived, kind=EventKind.ANSWERED, event_key=f"{key}:answered")
    # Who talked is told as of now: an old event gives a call to nobody.
    by = replace(
        talked,
        event_key=f"{key}:agent",
        occurred_at=received_at,
        extensions=words(agent),
    )
    return [arrived, ended, talked, by]


def read_addon_event(
    data: Mapping[str, Any],
    names: Mapping[str, str],
    kinds: Mapping[str, EventKind | None],
    *,
    slug: str,
    received_at: datetime,
    id_ends_in_leg: bool,
) -> list[CallEvent]:
    """Read an add-on's event; `names` are its fields by ours, `kinds` what its events are.

    Raises:
        NotUnderstood: an event that is not in the settings, or no call id.
    """
    name = required_word(data, names["event"], "", "the setting `fields` may name another one")
    if name not in kinds:
        raise NotUnderstood(
            f'"{name[:40]}" is not in the setting `events`: say there what it is, or ignore',
            f"/{names['event']}",
        )
    kind = kinds[name]
    if kind is None:
        return []
    call_id = required_word(data, names["call_id"], "", "the setting `fields` may name another one")
    call_id = (_LEG.sub("", call_id) if id_ends_in_leg else call_id) or call_id
    caller, agent = word(data, names["caller"]), word(data, names["agent"])
    agent_type = (text(data, names["agent_type"]) or "ext").lower()
    at = iso_time(data.get(names["time"])) or epoch_time(data.get(names["time"]))
    over = kind is EventKind.ENDED
    return [
        CallEvent(
            kind=kind,
            call_id=f"{slug}:{call_id}",
            phone_system=slug,
            received_at=received_at,
            # Without a time, a second ring or hold cannot be told from a repeat.
            event_key=event_key("3cx", name, call_id, agent, at) if at else None,
            occurred_at=at,
            direction="inbound",
            ani=caller,
            withheld=caller is None and kind in _ARRIVES and names["caller"] in data,
            dnis=word(data, names["called"]),
            cnam=text(data, names["caller_name"]),
            extensions=words(agent) if agent_type == "ext" and not over else (),
            queue=agent if agent_type == "queue" else None,
            # Where the add-on tells the end itself, a phone that was not answered is not the end:
            # a queue rings the next one under the same id.
            call_goes_on=kind is EventKind.MISSED and EventKind.ENDED in kinds.values(),
        )
    ]


def _duration(data: Mapping[str, Any]) -> timedelta:
    """Read `hh:mm:ss` or seconds; nothing that can be read is no time."""
    given = data.get("Duration")
    match = _DURATION.fullmatch(given if isinstance(given, str) else str(given))
    hours, minutes, seconds = match.groups() if match else (None, None, "0")
    return timedelta(hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds))
