"""The agents' screens: every change of a pop goes out as `pop`, `patch` or `close`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core.alerts import Alert, alerts_for
from app.core.call import Call
from app.core.match import Match
from app.core.pop import Pop, Timing, changed, diff, pop_json
from app.core.priority import priority
from app.core.profile import Section
from app.core.routing import audience, close_reason
from app.core.rules import USUAL, layout_for, wanted, without_hidden
from app.core.values import replace
from app.live import LiveCall
from app.pacing import note_part
from app.push.protocol import frame
from app.runtime import Runtime


def update(rt: Runtime, live: LiveCall, **changes: Any) -> None:
    """Change the pop and send each agent what that changes on the screen."""
    old = live.pop
    if "sections" in changes:
        live.whole = {**live.whole, **changes["sections"]}
    call: Call = changes.get("call", old.call)
    match: Match = changes.get("match", old.match)
    layout = layout_for(rt.layouts, call.queue) if rt.layouts else USUAL
    sections = without_hidden(live.whole, layout)
    alerts, timing = old.alerts, changes.get("timing", old.timing)
    if sections is not old.sections or call.attestation is not old.call.attestation:
        alerts = alerts_of(rt, call, match, live.whole, sections)
        timing = clocked(rt, live, timing, live.whole)
    new = Pop(call, old.version + 1, match, sections, alerts, timing)
    keys = changed(old, new)
    live.pop = new if keys else replace(old, call=call)
    push(rt, live, old, keys)
    if live.mine and (call is not old.call or match.customer is not old.customer):
        rt.calls.dirty.add(live)


def alerts_of(
    rt: Runtime,
    call: Call,
    match: Match,
    whole: Mapping[str, Section],
    shown: Mapping[str, Section],
) -> tuple[Alert, ...]:
    """Return what must catch the eye: of what is shown, but the service follows from the whole."""
    today = rt.clock().date()
    alerts = alerts_for(call.attestation, match.customer, shown, today)
    found = priority(rt.priorities, match.customer, whole)
    return wanted((*alerts, *([found.alert()] if found else [])), rt.alert_rules, shown, today)


def clocked(rt: Runtime, live: LiveCall, timing: Timing, sections: Mapping[str, Section]) -> Timing:
    """Note when each section, and the whole, came to rest."""
    if timing.complete_ms is not None or not live.outcomes:
        return timing
    now = live.elapsed_ms()
    done = dict(timing.sections)
    for name in live.outcomes:
        if name not in done and sections[name].status != "loading":
            done[name] = now
    if sections["suggestions"].status not in ("loading", "not_configured"):
        done.setdefault("suggestions", now)
    asked = {*live.outcomes, *(["suggestions"] if live.suggesting is not None else [])}
    waits = sections["suggestions"].status == "loading"
    complete = now if asked <= done.keys() and not waits else None
    if complete is not None:
        note_part(rt, live, "complete", complete)
    return replace(timing, sections=done, complete_ms=complete)


def push(rt: Runtime, live: LiveCall, old: Pop, keys: set[str]) -> None:
    """Send `close`, the whole pop or a patch to each agent, as the call is now theirs or not."""
    new, before = live.pop, live.seats
    live.seats = audience(new.call, rt.directory)
    for user_id in before:
        if user_id not in live.seats and user_id not in live.dismissed:
            reason = close_reason(new.call, rt.directory.by_id.get(user_id))
            rt.hub.push(user_id, frame("close", call_id=new.call.call_id, reason=reason))
    live.dismissed.intersection_update(live.seats)  # A call that comes back is a new one to them.
    shared: str | None = None
    for user_id, extension in live.seats.items():
        if user_id in live.dismissed:
            continue
        moved = user_id in before and before[user_id] != extension
        if user_id not in before or (moved and not keys):
            if new.timing.first_push_ms is None:
                first = live.elapsed_ms()
                live.pop = new = replace(new, timing=replace(new.timing, first_push_ms=first))
                note_part(rt, live, "first_push", first)
            if rt.hub.connected(user_id):
                live.unpainted.add(user_id)
                rt.hub.push(user_id, frame("pop", pop=view(rt, live, user_id)))
        elif keys and rt.hub.connected(user_id):
            # Only `call` differs from agent to agent: without it one frame serves all.
            own = keys | {"call"} if moved else keys
            patch = shared
            if patch is None or "call" in own:
                agent = rt.directory.by_id.get(user_id)
                patch = frame("patch", **diff(old, new, own, agent, extension))
            shared = patch if "call" not in own else shared
            rt.hub.push(user_id, patch)


def view(rt: Runtime, live: LiveCall, user_id: str) -> dict[str, Any]:
    """Return the pop as one agent sees it."""
    pop = pop_json(live.pop, rt.directory.by_id.get(user_id), live.seats.get(user_id))
    return pop | {"blocks": layout_for(rt.layouts, live.call.queue).blocks()}


def dismiss(rt: Runtime, live: LiveCall, user_id: str) -> None:
    """Put the pop away on all screens of one agent."""
    if user_id in live.seats and user_id not in live.dismissed:
        live.dismissed.add(user_id)
        rt.hub.push(user_id, frame("close", call_id=live.call.call_id, reason="dismissed"))
