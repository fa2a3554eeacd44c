"""What on the health page is marked, in plain words, with what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Level = Literal["bad", "warn"]
About = Literal["pops", "phone_system", "connector"]

_MANY = 0.1
_SOME = 0.01
_SLOW_MS = 1_500.0
_LATE_MS = 2_000.0
_SLOW_POP_MS = 1_000.0
_OLD_SYNC = timedelta(hours=48)
_FEW_MATCHED = 0.02
_ENOUGH_CALLS = 50

_ERRORS: Mapping[str, tuple[str, str]] = {
    "timeout": (
        "did not answer in time",
        "Look at the source's own load, or give it more time in its settings.",
    ),
    "unavailable": (
        "could not be reached",
        "See that the source runs and that this server may reach its address.",
    ),
    "rate_limited": (
        "was asked more often than it allows",
        "Keep its answers longer (cache), or ask the vendor for a higher limit.",
    ),
    "auth_expired": (
        "no longer accepts its log-in",
        "Open it and connect it again, or enter a new key.",
    ),
    "auth_denied": (
        "refuses the log-in or lacks a right",
        "Open it, press Test the connection, and give the account the rights that it names.",
    ),
    "bad_config": (
        "was asked a question that it does not understand",
        "Open it, try a phone number, and mend the setting that the answer names.",
    ),
    "bad_data": (
        "gave answers that could not be read",
        "Open it, try a phone number, and compare its raw answer with the fields set there.",
    ),
    "busy": (
        "had too many questions waiting",
        "Keep its answers longer (cache), or look why it answers slowly.",
    ),
}
_PARTS = {
    "identified": "finding the caller: look at the load of the database",
    "first_push": "finding who the call is for: look at the load of this server",
    "painted": "the way to the browser and drawing: look at the network and the agents' computers",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that needs a hand: what is wrong, and what to do."""

    level: Level
    about: About
    slug: str | None
    text: str
    advice: str


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """What marks of a connector are drawn from; None = not known or not asked."""

    slug: str
    name: str
    fault: str | None
    breaker: str | None
    is_granted: bool
    answers: int
    errors: Mapping[str, int]
    p95_ms: float | None
    budget_left: int | None
    sync_error: str | None
    synced_at: datetime | None
    has_contacts: bool
    matched: int
    callers: int


@dataclass(frozen=True, slots=True)
class PhoneState:
    """What marks of a phone system are drawn from."""

    slug: str
    name: str
    fault: str | None
    stream_error: str | None
    is_connected: bool | None
    answers: Mapping[str, int]
    delay_p95_ms: float | None
    has_heard: bool


def connector_marks(state: ConnectorState, now: datetime) -> Iterator[Mark]:
    """Yield what is wrong with a connector."""

    def mark(level: Level, text: str, advice: str) -> Mark:
        return Mark(level, "connector", state.slug, f"{state.name} {text}", advice)

    if state.fault:
        yield mark("bad", f"does not run: {state.fault}", "Open it and mend its settings.")
    if not state.is_granted:
        yield mark("bad", "no longer lets us in", "Open it and press Connect.")
    if state.breaker == "open":
        yield mark(
            "bad",
            "is left alone after failures in a row",
            "It is tried again by itself every few seconds; the failures below say why.",
        )
    asked = state.answers + sum(state.errors.values())
    for code, count in sorted(state.errors.items(), key=lambda each: -each[1]):
        share = count / asked
        if code in _ERRORS and share >= _SOME:
            said, advice = _ERRORS[code]
            times = f"{count:,} of {asked:,} times"
            yield mark("bad" if share >= _MANY else "warn", f"{said}, {times}", advice)
    if state.p95_ms is not None and state.p95_ms > _SLOW_MS:
        yield mark(
            "warn",
            f"is slow: one answer in twenty takes more than {state.p95_ms / 1000:.1f} s",
            "Its block comes late. Keep its answers longer (cache), or look at its load.",
        )
    if state.budget_left == 0:
        yield mark(
            "warn",
            "has no requests left for now",
            "Its blocks show older answers until its limit is filled up again.",
        )
    if state.sync_error:
        advice = "Customers keep the numbers known before. Open it and begin the sync again."
        yield mark("bad", f"was not read to the end: {state.sync_error}", advice)
    elif state.has_contacts and state.synced_at is None:
        yield mark("warn", "was never read", "Open it and begin a sync.")
    elif state.synced_at is not None and now - state.synced_at > _OLD_SYNC:
        days = (now - state.synced_at).days
        advice = "New numbers are not known. Open it and begin a sync."
        yield mark("warn", f"was last read {days} days ago", advice)
    few = state.matched < state.callers * _FEW_MATCHED
    if state.has_contacts and state.callers >= _ENOUGH_CALLS and few:
        yield mark(
            "warn",
            f"knew {state.matched:,} of {state.callers:,} callers",
            "See that its numbers are read with the right country (region).",
        )


def phone_marks(state: PhoneState) -> Iterator[Mark]:
    """Yield what is wrong with a phone system."""

    def mark(level: Level, text: str, advice: str) -> Mark:
        return Mark(level, "phone_system", state.slug, f"{state.name} {text}", advice)

    if state.fault:
        yield mark("bad", f"does not run: {state.fault}", "Open it and mend its settings.")
    if state.is_connected is False:
        why = state.stream_error or "the reason is not known"
        yield mark(
            "bad", f"is not connected: {why}", "It is tried again by itself; see its settings."
        )
    elif state.stream_error:
        yield mark("warn", f"is connected, but: {state.stream_error}", "See its guide.")
    refused = sum(n for status, n in state.answers.items() if status in ("401", "403"))
    if refused:
        advice = "Its secret or signature does not fit: compare it with the one set there."
        yield mark("bad", f"sent {_count(refused, 'webhook')} that we refused", advice)
    unread = sum(n for status, n in state.answers.items() if status in ("413", "422"))
    if unread:
        advice = "Open it: the feed shows what came and what was not understood."
        yield mark("warn", f"sent {_count(unread, 'webhook')} that we did not understand", advice)
    failed = sum(n for status, n in state.answers.items() if status.startswith("5"))
    if failed:
        advice = "They were asked for again. See the database's health and the server's log."
        yield mark("bad", f"sent {_count(failed, 'event')} that we could not write down", advice)
    if state.delay_p95_ms is not None and state.delay_p95_ms > _LATE_MS:
        yield mark(
            "warn",
            f"sends late: one event in twenty is {state.delay_p95_ms / 1000:.1f} s old",
            "Look at the provider's status page, and at the clocks of both sides.",
        )
    if not state.has_heard and not state.is_connected:
        yield mark("warn", "has sent nothing yet", "Open it and ring a test call.")


def pop_marks(p95_ms: Mapping[str, float | None]) -> Iterator[Mark]:
    """Yield what is wrong with the pace of pops; `p95_ms` by part, from the webhook."""
    painted = p95_ms.get("painted")
    if painted is None or painted <= _SLOW_POP_MS:
        return
    before, longest, part = 0.0, -1.0, "painted"
    for name in _PARTS:
        until = p95_ms.get(name) or before
        if until - before > longest:
            longest, part = until - before, name
        before = max(before, until)
    text = f"one pop in twenty is on the screen only after {painted / 1000:.1f} s"
    yield Mark("warn", "pops", None, text, f"Most of it goes into {_PARTS[part]}.")


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"
