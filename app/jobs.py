"""Work that goes on beside the calls: writing them down, configuration, silence, sync."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from app import metrics
from app.checks import NIGHT_LOOK_S, check_nightly
from app.core.call import CallEvent, EventKind
from app.core.pop import call_json, dumps
from app.core.routing import addressed, audience, handler
from app.fitting import LOOK_EVERY_S, fit_due
from app.live import LiveCall
from app.runtime import Runtime
from app.scans import INDEX_EVERY_S, SCAN_LOOK_EVERY_S, index_due, scan_due
from app.screenpop import follow_customers, receive, replicate, restore, tell_note
from app.screens import dismiss, update
from app.store.calls import events_since, unfinished_calls
from app.store.history import History
from app.store.hot import CallRecord, documents
from app.store.phone_health import forget_phone_minutes, write_phone_minutes
from app.store.source_health import forget_minutes, write_minutes
from app.store.suggestions import forget_offers
from app.streams import Streams
from app.suggestions import answered, follow_tables, write_offers
from app.syncs import sync_due
from app.telephony.base import TEST_CALL

WRITE_EVERY_S = 0.25
CONFIGURATION_EVERY_S = 0.5
STREAMS_EVERY_S = 0.5
LOGINS_EVERY_S = 2.0
SILENCE_EVERY_S = 5.0
CATCH_UP_EVERY_S = 2.0
TIDY_EVERY_S = 30.0
SOURCE_HEALTH_EVERY_S = 60.0
FORGET_EVERY_S = 3_600.0
SYNC_LOOK_EVERY_S = 5.0
CHECKPOINT_EVERY_S = 1.0
TABLES_EVERY_S = 5.0
OFFERS_EVERY_S = 2.0
LONGEST_TEST = timedelta(minutes=2)
LONGEST_SILENCE = timedelta(hours=4)
_UNWRITTEN = timedelta(minutes=1)
_CATCH_UP = timedelta(seconds=10)
log = structlog.get_logger("jobs")


async def every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do the work again and again; a failure is logged and the next turn tries again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            log.exception("job_failed", job=getattr(work, "__name__", "job"))


def record(rt: Runtime, live: LiveCall) -> CallRecord:
    """Return the row that a call is written down as."""
    call, pop = live.call, live.pop
    agent = handler(call, rt.directory)
    return CallRecord(
        call_id=call.call_id,
        phone_system=call.phone_system,
        live=not call.over,
        state=call.state,
        e164=live.asked_for.e164 if live.asked_for else None,
        customer_id=pop.customer["customer_id"] if pop.customer else None,
        agent_id=agent.user_id if agent else None,
        user_ids=dumps(sorted(addressed(call, rt.directory))).decode(),
        started_at=call.started_at or pop.timing.received_at,
        **documents(call_json(call, agent, agent.extension if agent else None)),
        timing=dumps(pop.timing).decode(),
    )


async def write_calls(rt: Runtime) -> None:
    """Write down the calls that changed; when it returns, all of them are."""
    async with rt.calls.writing:
        changed = tuple(rt.calls.dirty)
        if not changed:
            return
        rt.calls.dirty.difference_update(changed)
        try:
            await rt.hot.save_calls([record(rt, live) for live in changed])
        except BaseException:
            rt.calls.dirty.update(changed)
            raise


async def take_configuration(rt: Runtime) -> None:
    """Follow a change of configuration: pops go to whom the calls are for now."""
    await rt.reload()
    version = rt.config_version
    # A webhook and the pages reload too: that nothing is new here does not say the pops know it.
    if version != rt.routed_version:
        for live in rt.calls:
            if not live.call.over:
                update(rt, live)
        rt.routed_version = version


async def recover(rt: Runtime) -> None:
    """Fold the calls that were going on when the process stopped; their agents get them back."""
    now = rt.clock()
    for events in await unfinished_calls(rt.db, now - LONGEST_SILENCE, now - _UNWRITTEN):
        live = restore(rt, events)
        live.mine = True
        live.seats = audience(live.call, rt.directory)
        rt.calls.dirty.add(live)


async def catch_up(rt: Runtime) -> None:
    """Take what other processes received and the bus did not tell: it may lose messages."""
    since = rt.clock() - _CATCH_UP
    for call_id, count in (await events_since(rt.db, since)).items():
        live = rt.calls.get(call_id)
        known = live.call.events if live else ()
        if sum(event.received_at >= since for event in known) < count:
            await replicate(rt, call_id)


async def tidy(rt: Runtime) -> None:
    """End calls that nothing was heard of for hours, and forget those that are over."""
    now = rt.clock()
    for live in rt.calls:
        call = live.call
        test = call.call_id.startswith(f"{call.phone_system}:{TEST_CALL}")
        longest = LONGEST_TEST if test else LONGEST_SILENCE
        if not call.over and now - live.heard_at > longest:
            end = CallEvent(
                EventKind.ENDED,
                call.call_id,
                call.phone_system,
                now,
                event_key=f"timeout:{call.call_id}",
                ended_reason="timeout",
            )
            await receive(rt, end)
    rt.calls.forget_over(now)
    metrics.live_calls.set(sum(not live.call.over for live in rt.calls))


async def write_source_health(rt: Runtime, *, whole_minutes: bool = True) -> None:
    """Write down how the sources answered, without the minute that still runs."""
    minutes = rt.health.take(whole_minutes=whole_minutes)
    try:
        if minutes:
            await write_minutes(rt.db, rt.process_id, minutes)
    except BaseException:
        rt.health.give_back(minutes)
        raise


async def write_pace(rt: Runtime, *, whole_minutes: bool = True) -> None:
    """Write down what came of the phone systems' events, without the minute that still runs."""
    minutes = rt.pace.take(whole_minutes=whole_minutes)
    try:
        if minutes:
            await write_phone_minutes(rt.db, rt.process_id, minutes)
    except BaseException:
        rt.pace.give_back(minutes)
        raise


async def finish(rt: Runtime) -> None:
    """Write down what is only in memory, as the process ends."""
    try:
        await write_source_health(rt, whole_minutes=False)
        await write_pace(rt, whole_minutes=False)
        await write_offers(rt)
    except Exception:
        log.exception("not_written_down")


def heard_on_bus(rt: Runtime, message: dict[str, object]) -> None:
    """Follow what another process did."""
    if "dismiss" in message:
        live = rt.calls.get(str(message["dismiss"]))
        if live is not None:
            dismiss(rt, live, str(message["user"]))
        return
    if "customers" in message:
        ids = message["customers"]
        rt.spawn(follow_customers(rt, [str(i) for i in ids] if isinstance(ids, list) else []))
        return
    if "suggestions" in message:
        rt.spawn(answered(rt, str(message["suggestions"])))
        return
    if "note" in message:
        rt.spawn(tell_note(rt, str(message["note"]), str(message["author"])))
        return
    call_id = str(message.get("call") or message.get("choice") or "")
    if call_id:
        rt.spawn(replicate(rt, call_id, again="choice" in message))


def start_jobs(rt: Runtime) -> None:
    """Start everything that runs until the process ends."""

    async def close_silent() -> None:
        rt.hub.close_silent(asyncio.get_running_loop().time())

    async def count_up() -> None:
        rt.pace.count_up()

    rt.bus.subscribe(lambda message: heard_on_bus(rt, message))
    rt.spawn(every(WRITE_EVERY_S, lambda: write_calls(rt)))
    rt.spawn(every(WRITE_EVERY_S, count_up))
    rt.spawn(every(CONFIGURATION_EVERY_S, lambda: take_configuration(rt)))
    rt.spawn(every(STREAMS_EVERY_S, Streams(rt).follow_configuration))
    rt.spawn(every(SILENCE_EVERY_S, close_silent))
    rt.spawn(every(TIDY_EVERY_S, lambda: tidy(rt)))
    if not rt.settings.embedded:
        rt.spawn(every(CATCH_UP_EVERY_S, lambda: catch_up(rt)))
    rt.spawn(every(SOURCE_HEALTH_EVERY_S, lambda: write_source_health(rt)))
    rt.spawn(every(SOURCE_HEALTH_EVERY_S, lambda: write_pace(rt)))
    rt.spawn(every(SOURCE_HEALTH_EVERY_S, lambda: forget_minutes(rt.db, rt.clock())))
    rt.spawn(every(SOURCE_HEALTH_EVERY_S, lambda: forget_phone_minutes(rt.db, rt.clock())))
    rt.spawn(every(SYNC_LOOK_EVERY_S, lambda: sync_due(rt)))
    rt.spawn(every(CHECKPOINT_EVERY_S, rt.hot.checkpoint))
    rt.spawn(every(FORGET_EVERY_S, lambda: History(rt.db).forget_old(rt.clock().date())))
    rt.spawn(every(INDEX_EVERY_S, lambda: index_due(rt)))
    rt.spawn(every(SCAN_LOOK_EVERY_S, lambda: scan_due(rt)))
    rt.spawn(follow_tables(rt))
    rt.spawn(every(TABLES_EVERY_S, lambda: follow_tables(rt)))
    rt.spawn(every(OFFERS_EVERY_S, lambda: write_offers(rt)))
    rt.spawn(every(LOOK_EVERY_S, lambda: fit_due(rt)))
    rt.spawn(every(NIGHT_LOOK_S, lambda: check_nightly(rt)))
    rt.spawn(every(FORGET_EVERY_S, lambda: forget_offers(rt.db, rt.clock())))
