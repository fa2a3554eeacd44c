"""The hot path: from a phone system's event to the agents' screens, top to bottom.

    receive ─┬─ on disk (group commit) ──────────────────────────────▶ the webhook is answered
             └─ fold ▶ identify ▶ FIRST PUSH ▶ gather ▶ merge ▶ patch ▶ patch ▶ complete

The events on disk are the truth; everything in memory can be folded from them again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import structlog

from app.core.call import Call, CallEvent, EventKind, fold
from app.core.identity import account_keys
from app.core.match import Choice, Match, phone_keys, rank
from app.core.merge import merge
from app.core.phone import normalise
from app.core.profile import EMPTY, HIDDEN, NOT_CONFIGURED, Section, SourceOutcome, SourceStatus
from app.core.routing import audience
from app.core.values import replace
from app.live import LiveCall, new_live_call
from app.pacing import note_identified
from app.runtime import Runtime
from app.screens import update, view
from app.sources.find import find_everywhere
from app.sources.sync import upsert_found
from app.suggestions import news, start_suggesting, to_suggest
from connectors.sdk.types import SECTIONS, CustomerRef, Number, SectionName

log = structlog.get_logger("screenpop")


async def receive(rt: Runtime, event: CallEvent) -> bool:
    """Take an event; returns when it is on disk: True if it was seen before.

    Raises:
        Exception: it could not be written; nothing was promised and it may be sent again.
    """
    return await finish(rt, event, *await begin(rt, event))


async def receive_all(rt: Runtime, events: Sequence[CallEvent]) -> list[bool]:
    """`receive` events that came together: in their order, with one flush of the disk for all."""
    if len(events) == 1:
        return [await receive(rt, events[0])]
    begun = []
    try:
        for event in events:
            begun.append((event, *await begin(rt, event)))  # noqa: PERF401 - one by one
    finally:  # What has begun is finished, even if the next one could not be.
        seen = await asyncio.gather(*(finish(rt, *each) for each in begun))
    return seen


async def begin(rt: Runtime, event: CallEvent) -> tuple[LiveCall, asyncio.Future[bool] | None]:
    """Show an event and start to write it; None instead of the write if it was seen before."""
    event = await with_number(rt, event)
    live = await find_call(rt, event)
    if live is not None and live.call.knows(event):
        first_copy = next((live.writing[n] for n in names_of(event) if n in live.writing), None)
        if first_copy is None or await _written(first_copy):
            await awaken(rt, live)
            return live, None
    writing = rt.hot.append(event)  # The disk and the screen do not wait for each other.
    live = (
        live
        or rt.calls.get(event.call_id)
        or rt.calls.add(new_live_call(Call(event.call_id, event.phone_system), event.received_at))
    )
    live.mine = True
    live.writing.update(dict.fromkeys(names_of(event), writing))
    try:
        await show(rt, live, event)
    except Exception:
        log.exception("show_failed", call_id=event.call_id)
    return live, writing


async def finish(
    rt: Runtime, event: CallEvent, live: LiveCall, writing: asyncio.Future[bool] | None
) -> bool:
    """Wait until the event is on disk, and tell the other processes; True if it was seen before."""
    if writing is None:
        return True
    new = await writing
    for name in names_of(event):
        live.writing.pop(name, None)
    if new:
        await rt.bus.publish({"call": event.call_id})
    return not new


def names_of(event: CallEvent) -> list[str]:
    """Return what a repeat of the event is recognised by."""
    return [name for name in (event.event_key, event.event_id) if name is not None]


async def _written(writing: asyncio.Future[bool]) -> bool:
    try:
        await asyncio.shield(writing)
    except Exception:  # noqa: BLE001 - the first copy was not written, so this one must be
        return False
    return True


async def with_number(rt: Runtime, event: CallEvent) -> CallEvent:
    """Normalise the calling number with the phone system's region, once, on the way in."""
    if event.withheld:
        return replace(event, number=Number(raw=event.ani, withheld=True))
    if not event.ani:
        return await with_parents_number(rt, event)
    return replace(event, number=normalise(event.ani, rt.regions.get(event.phone_system)))


async def with_parents_number(rt: Runtime, event: CallEvent) -> CallEvent:
    """Take the parent's caller: a transfer's second call often says only where it comes from."""
    known = rt.calls.get(event.call_id)
    if event.parent_call_id is None or (known is not None and known.call.ani is not None):
        return event
    parent = rt.calls.get(event.parent_call_id)
    if parent is not None:
        return replace(event, number=parent.call.ani)
    # Another process has it, or it was before a restart.
    told = await rt.hot.events_of(event.parent_call_id)
    return replace(event, number=next((e.number for e in told if e.number is not None), None))


async def find_call(rt: Runtime, event: CallEvent) -> LiveCall | None:
    """Return the event's call: from memory, else folded from what is on disk."""
    live = rt.calls.get(event.call_id)
    if live is not None:
        return live
    events = await rt.hot.events_of(event.call_id)
    return rt.calls.get(event.call_id) or (restore(rt, events) if events else None)


def restore(rt: Runtime, events: list[CallEvent]) -> LiveCall:
    """Fold a call from its stored events; nobody has it on the screen yet."""
    call = fold(None, events[0])
    for event in events[1:]:
        call = fold(call, event)
    return rt.calls.add(new_live_call(call, events[0].received_at))


async def replicate(rt: Runtime, call_id: str, *, again: bool = False) -> None:
    """Take over what another process received for a call; `again`: the caller was chosen."""
    events = await rt.hot.events_of(call_id)
    if not events:
        return
    live = rt.calls.get(call_id) or rt.calls.add(
        new_live_call(Call(call_id, events[0].phone_system), events[0].received_at)
    )
    async with live.lock:
        call = live.call
        for event in events:
            call = fold(call if call.events else None, event)
        here = any(rt.hub.connected(user_id) for user_id in audience(call, rt.directory))
        if here and not call.over and (again or unasked(rt, live, call)):
            await identify(rt, live, call)
        else:
            await follow(rt, live, call)
    if here and live.gathering is None:
        gather(rt, live)


async def show(rt: Runtime, live: LiveCall, event: CallEvent) -> None:
    """Fold the event into the call and bring every screen up to date."""
    async with live.lock:
        call = fold(live.call if live.call.events else None, event)
        try:
            if unasked(rt, live, call):
                await identify(rt, live, call)
            else:
                await follow(rt, live, call)
        except Exception:
            # Whoever calls: the phone rings, and what comes next builds on this event.
            log.exception("caller_not_looked_up", call_id=event.call_id)
            update(rt, live, call=call)
    if live.gathering is None:
        gather(rt, live)


async def follow(rt: Runtime, live: LiveCall, call: Call) -> None:
    """Take how the call went on; when it was passed on, with what was written in it before."""
    if live.asked_for is not None and call.handed_over and transfers(call) > transfers(live.call):
        said = await what_was_said(rt, live, call, live.pop.match)
        update(rt, live, call=call, sections=said)
    else:
        update(rt, live, call=call)


def transfers(call: Call) -> int:
    """Count how often the call was passed on."""
    return sum(event.kind is EventKind.TRANSFERRED for event in call.events)


def other_party(rt: Runtime, call: Call) -> Number:
    """Return the customer's number: who calls, or on an outbound call who is called."""
    if call.direction == "outbound" and call.dnis:
        return normalise(call.dnis, rt.regions.get(call.phone_system))
    return call.caller


def unasked(rt: Runtime, live: LiveCall, call: Call) -> bool:
    """Say whether the call tells more about who calls than it was identified by."""
    asked = (live.asked_for, live.accounts)
    return not call.over and asked != (other_party(rt, call), accounts_of(call))


def accounts_of(call: Call) -> tuple[str, ...]:
    """Return the account numbers that the caller may have typed, as keys."""
    return account_keys(call.collected.values()) if call.collected else ()


async def identify(rt: Runtime, live: LiveCall, call: Call) -> None:
    """Match the number to customers, and put up what is known without asking anyone."""
    party = other_party(rt, call)
    said = live.choice if party == live.asked_for else None
    live.asked_for, live.accounts = party, accounts_of(call)
    keys = phone_keys(party)
    try:
        live.hits, kept, live.holders = (
            await rt.hot.identify(keys, party.e164) if keys else ([], None, 0)
        )
        live.choice = kept or said  # Without a number to keep it by, it holds for this call.
        if live.accounts:
            live.hits += await rt.hot.holders(live.accounts)
        match = rank_hits(rt, live)
        if live.pop.timing.identified_ms is None:
            timing = replace(live.pop.timing, identified_ms=live.elapsed_ms())
            live.pop = replace(live.pop, timing=timing)
            note_identified(rt, live, match)
        await recognise(rt, live, call, match)
    except Exception:
        live.asked_for = None  # Nothing was learnt: whatever comes next asks again.
        raise


def rank_hits(rt: Runtime, live: LiveCall) -> Match:
    """Rank the candidates found so far, with the sources by their names."""
    names = rt.sources.names()
    hits = [replace(hit, connector=names.get(hit.connector, hit.connector)) for hit in live.hits]
    return rank(live.asked_for or Number(None), hits, live.choice, live.holders)


async def recognise(rt: Runtime, live: LiveCall, call: Call, match: Match) -> None:
    """Take a match: the earlier calls and the cached sections of the customer it shows."""
    sections = {**live.whole, **await what_was_said(rt, live, call, match)}
    live.outcomes = {}
    timing = replace(live.pop.timing, sections={}, complete_ms=None)
    if live.gathering is not None:
        live.gathering.cancel()
        live.gathering = None
    if match.customer is None:
        blank = HIDDEN if match.outcome == "multiple" else EMPTY
        for name in SECTIONS:
            sections[name] = blank if rt.sources.providing(name) else NOT_CONFIGURED
    else:
        for question in rt.gatherer.questions(refs(match)):
            told = live.outcomes.setdefault(question.section, {})
            told[question.instance.slug] = rt.gatherer.first(question)
        for name in SECTIONS:
            sections[name] = merge(name, live.outcomes.get(name, {}).values())
    sections["suggestions"] = to_suggest(rt, live, match)
    update(rt, live, call=call, match=match, sections=sections, timing=timing)


async def what_was_said(
    rt: Runtime, live: LiveCall, call: Call, match: Match
) -> dict[str, Section]:
    """Return the earlier calls of who calls, and what was written in this one before a transfer."""
    e164 = live.asked_for.e164 if live.asked_for else None
    customer_id = match.customer["customer_id"] if match.customer else None
    if customer_id is None and (e164 is None or match.outcome == "multiple"):
        return {"interactions": own_section([], rt.clock())}
    hidden = "" if call.handed_over else call.call_id
    earlier = await rt.hot.interactions(customer_id, e164, hidden)
    said = [i for i in earlier if i["call_id"] != call.call_id or i["note"] is not None]
    return {"interactions": own_section(said, rt.clock())}


async def tell_note(rt: Runtime, call_id: str, author_id: str) -> None:
    """Show a note at once to whom the call was passed on while its author still wrote."""
    live = rt.calls.get(call_id)
    if live is None or live.call.over or not live.call.handed_over or author_id in live.seats:
        return
    async with live.lock:
        said = await what_was_said(rt, live, live.call, live.pop.match)
        update(rt, live, sections=said)


def own_section(earlier: list[dict[str, Any]], now: datetime) -> Section:
    """Return the earlier calls, which are our own: live, and from no connector."""
    status: SourceStatus = "ok" if earlier else "empty"
    source = SourceOutcome("screenpop", status, name="our notes", as_of=now, elapsed_ms=0.0)
    return Section(status, earlier or None, now, sources=(source.shown(),))


def refs(match: Match) -> dict[str, CustomerRef]:
    """Return the shown customer's ids by connector; of several in one, the first."""
    links = match.customer["links"] if match.customer else ()
    return {
        link["connector"]: CustomerRef(link["remote_id"], link.get("external_id"))
        for link in reversed(links)
    }


def gather(rt: Runtime, live: LiveCall) -> None:
    """Ask every source at once; each answer becomes a patch when it comes."""
    if live.call.over or live.asked_for is None:
        return
    match = live.pop.match
    if match.customer is None:
        if match.outcome == "none" and live.asked_for.e164 and rt.sources.providing("find"):
            live.gathering = rt.start(search(rt, live, live.asked_for))
        return
    questions = [
        question
        for question in rt.gatherer.questions(refs(match))
        if live.outcomes[question.section][question.instance.slug].status == "loading"
    ]
    asked = live.outcomes
    start_suggesting(rt, live)

    def heard(section: SectionName, outcome: SourceOutcome) -> None:
        if live.outcomes is asked:  # Else another customer was chosen meanwhile.
            asked[section][outcome.connector] = outcome
            said: Section = merge(section, asked[section].values())
            update(rt, live, sections={section: said, **news(rt, live, section, said)})

    live.gathering = rt.start(rt.gatherer.ask(questions, heard))


async def search(rt: Runtime, live: LiveCall, number: Number) -> None:
    """Ask the sources that can search by number, because the phone index has nobody."""
    found = await find_everywhere(rt.sources, number, rt.health)
    if not found:
        return
    for each in found:
        await upsert_found(
            each.connector,
            each.contacts,
            each.region,
            each.priority,
            rt.contacts,
            at=rt.clock(),
        )
    async with live.lock:
        if live.asked_for == number and not live.call.over:
            # Identifying ends what is being gathered, and that is this search.
            searching, live.gathering = live.gathering, None
            await identify(rt, live, live.call)
            if live.pop.match.outcome == "none":
                live.gathering = searching  # They found other numbers: once asked is enough.
    if live.gathering is None:
        gather(rt, live)


async def hello(rt: Runtime, user_id: str) -> list[dict[str, Any]]:
    """Return every live pop of an agent, whole; look-ups that wait for somebody start now."""
    mine = rt.calls.of(user_id)
    for live in mine:
        await awaken(rt, live)
    return [view(rt, live, user_id) for live in rt.calls.of(user_id)]


async def awaken(rt: Runtime, live: LiveCall) -> None:
    """Identify and gather for a call that was folded from disk and not looked at since."""
    async with live.lock:
        if unasked(rt, live, live.call):
            await identify(rt, live, live.call)
    if live.gathering is None:
        gather(rt, live)


async def choose(rt: Runtime, live: LiveCall, choice: Choice) -> None:
    """Take an agent's word for which of the candidates is calling."""
    async with live.lock:
        live.choice = choice
        await recognise(rt, live, live.call, rank_hits(rt, live))
    gather(rt, live)


async def follow_customers(rt: Runtime, customers: Collection[str]) -> None:
    """Bring the pops of customers that were merged or parted up to date."""
    for live in rt.calls:
        shown = {hit.customer["customer_id"] for hit in live.hits}
        if live.call.over or live.asked_for is None or not shown & set(customers):
            continue
        async with live.lock:
            await identify(rt, live, live.call)
        gather(rt, live)
