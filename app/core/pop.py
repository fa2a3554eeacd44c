"""The pop as JSON, and patches between two of its versions. Pure.

`apply(pop, diff(old, new))` equals the new pop: the page's reducer keeps the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

import orjson

from app.core.alerts import Alert
from app.core.call import Call
from app.core.match import Match
from app.core.profile import Section
from app.core.routing import Agent
from app.core.values import value

_PATCHED = ("call", "match", "customer", "alerts", "timing")


@value(frozen=True, slots=True)
class Timing:
    """How long each part took after the first event was received, in milliseconds."""

    received_at: datetime
    identified_ms: float | None = None
    first_push_ms: float | None = None
    complete_ms: float | None = None
    sections: Mapping[str, float] = field(default_factory=dict)


@value(frozen=True, slots=True)
class Pop:
    """Everything on the screen for one call, the same for all agents it is for."""

    call: Call
    version: int
    match: Match
    sections: Mapping[str, Section]
    alerts: tuple[Alert, ...]
    timing: Timing

    @property
    def customer(self) -> Mapping[str, Any] | None:
        """The customer shown; None until there is no doubt who it is."""
        return self.match.customer


def call_json(call: Call, agent: Agent | None, extension: str | None) -> dict[str, Any]:
    """Return the contract's Call as the agent at `extension` sees it."""
    return {
        "call_id": call.call_id,
        "phone_system": call.phone_system,
        "direction": call.direction,
        "state": call.state,
        "ani": call.caller,
        "dnis": call.dnis,
        "cnam": call.cnam,
        "queue": call.queue,
        "agent": agent and {"user_id": agent.user_id, "name": agent.name, "extension": extension},
        "extension": extension,
        "attestation": call.attestation,
        "collected": call.collected,
        "attached_data": call.attached_data,
        "started_at": call.started_at,
        "ringing_at": call.ringing_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "ended_reason": call.ended_reason,
        "parent_call_id": call.parent_call_id,
    }


def pop_json(pop: Pop, agent: Agent | None, extension: str | None) -> dict[str, Any]:
    """Return the contract's Pop as the agent at `extension` sees it."""
    return {
        "call": call_json(pop.call, agent, extension),
        "version": pop.version,
        "match": pop.match.shown(),
        "customer": pop.customer,
        "sections": pop.sections,
        "alerts": pop.alerts,
        "timing": pop.timing,
    }


_shown_of_call = attrgetter(
    "state",
    "caller",
    "direction",
    "dnis",
    "cnam",
    "queue",
    "attestation",
    "collected",
    "attached_data",
    "started_at",
    "ringing_at",
    "answered_at",
    "ended_at",
    "ended_reason",
    "parent_call_id",
)


def changed(old: Pop, new: Pop) -> set[str]:
    """Return the top-level keys that differ, besides `version`."""
    keys = {
        key
        for key in ("customer", "alerts", "timing")
        if (before := getattr(old, key)) is not (after := getattr(new, key)) and before != after
    }
    if old.match is not new.match and old.match.shown() != new.match.shown():
        keys.add("match")
    if old.call is not new.call and _shown_of_call(old.call) != _shown_of_call(new.call):
        keys.add("call")
    if old.sections is not new.sections and changed_sections(old, new):
        keys.add("sections")
    return keys


def changed_sections(old: Pop, new: Pop) -> dict[str, Section]:
    """Return the sections that differ, as they are now."""
    return {
        name: section
        for name, section in new.sections.items()
        if section is not (before := old.sections.get(name)) and section != before
    }


def diff(
    old: Pop, new: Pop, keys: set[str], agent: Agent | None, extension: str | None
) -> dict[str, Any]:
    """Return the patch that replaces these `changed` keys on an agent's screen."""
    patch: dict[str, Any] = {"call_id": new.call.call_id, "version": new.version}
    if "call" in keys:
        patch["call"] = call_json(new.call, agent, extension)
    if "match" in keys:
        patch["match"] = new.match.shown()
    for key in ("customer", "alerts", "timing"):
        if key in keys:
            patch[key] = getattr(new, key)
    if "sections" in keys:
        patch["sections"] = changed_sections(old, new)
    return patch


def apply(pop: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a patch to a pop, both as JSON; an old or repeated patch changes nothing.

    Raises:
        LookupError: a version is missing in between: ask for the whole pop.
    """
    if patch["version"] <= pop["version"]:
        return dict(pop)
    if patch["version"] != pop["version"] + 1:
        raise LookupError(f"version {pop['version'] + 1} is missing")
    out = {**pop, **{k: patch[k] for k in _PATCHED if k in patch}, "version": patch["version"]}
    out["sections"] = {**pop["sections"], **patch.get("sections", {})}
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dumps(value: Any) -> bytes:
    """Write JSON: dataclasses as objects, times in UTC with Z."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)
