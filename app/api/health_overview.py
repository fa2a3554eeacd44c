"""`/api/v1/health/overview`: how quickly pops come, how each system does, and what needs a hand."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Query, Response

from app.api.deps import Admin, RuntimeDep
from app.core.latency import Minute, class_ms, latest, percentile_ms
from app.core.marks import ConnectorState, Mark, PhoneState, connector_marks, phone_marks, pop_marks
from app.core.pace import PARTS, PhoneMinute, by_span, summed
from app.core.pop import dumps
from app.runtime import Runtime
from app.store import configuration
from app.store.grants import grants_by_connector
from app.store.models import ConnectorRow, PhoneSystemRow
from app.store.phone_health import phone_minutes_since
from app.store.source_health import KEEP_FOR, minutes_since
from app.streams import stream_healths

router = APIRouter(prefix="/api/v1", tags=["health"])
_LONGEST_HOURS = int(KEEP_FOR.total_seconds() // 3_600)
_MOST_POINTS = 120
# Two weeks of many connectors take a while to add up: a twentieth of the time at most.
_KEPT_TIMES = 20
_PAGE = 500
# Up to so many ms; the last one holds all above.
_BARS = (25, 50, 100, 200, 400, 800, 1600, 3200)


@dataclass(frozen=True, slots=True)
class _Sum:
    """What a connector did in the time asked for."""

    answers: int
    cache_hits: int
    errors: Mapping[str, int]
    sizes: Mapping[int, int]
    last_success_at: datetime | None


class _Kept:
    """The connectors' sums by hours asked for, as long as they are fresh."""

    def __init__(self) -> None:
        self._sums: dict[int, tuple[float, dict[str, _Sum]]] = {}
        self._lock = asyncio.Lock()

    async def sums(self, rt: Runtime, hours: int, slugs: Iterable[str]) -> dict[str, _Sum]:
        async with self._lock:
            clock = asyncio.get_running_loop().time
            began = clock()
            kept = self._sums.get(hours)
            if kept is None or began > kept[0]:
                sums = await _connector_sums(rt, hours, slugs)
                until = clock() + (clock() - began) * _KEPT_TIMES
                kept = self._sums[hours] = (until, sums)
            return kept[1]


async def _connector_sums(rt: Runtime, hours: int, slugs: Iterable[str]) -> dict[str, _Sum]:
    since = rt.clock() - timedelta(hours=hours)
    sums: dict[str, Minute] = {}
    # One by one: calls come first, and what is read at once is waited for by all.
    for slug in slugs:
        async with rt.db.read() as session:
            minutes = await minutes_since(session, since, slug)
        minutes += rt.health.minutes(slug)
        total = sums[slug] = Minute(slug, "", since)
        for number, minute in enumerate(minutes):
            if number % _PAGE == _PAGE - 1:
                await asyncio.sleep(0)
            total.answers += minute.answers
            total.cache_hits += minute.cache_hits
            total.errors.update(minute.errors)
            total.sizes.update(minute.sizes)
            total.last_success_at = latest(total.last_success_at, minute.last_success_at)
    return {
        slug: _Sum(m.answers, m.cache_hits, m.errors, m.sizes, m.last_success_at)
        for slug, m in sums.items()
    }


@router.get("/health/overview")
async def overview(
    rt: RuntimeDep,
    _admin: Admin,
    hours: Annotated[int, Query(ge=1, le=_LONGEST_HOURS)] = 24,
) -> Response:
    """Say how all has been in the last hours, over all processes.

    `breaker` and `budget_left` are those of the process that answers.
    """
    now = rt.clock()
    async with rt.db.read() as session:
        connectors = await configuration.rows_of(session, ConnectorRow)
        systems = await configuration.rows_of(session, PhoneSystemRow)
        syncs = await configuration.sync_states(session)
        grants = await grants_by_connector(session)
        streams = await stream_healths(session, rt)
        minutes = await phone_minutes_since(session, now - timedelta(hours=hours))
    minutes += rt.pace.minutes()
    pops = PhoneMinute("", now)
    for minute in minutes:
        pops.add(minute)
    callers = sum(pops.matches.values())
    marks: list[Mark] = list(pop_marks({p: _ms(pops.sizes.get(p), 95) for p in PARTS}))
    shown_systems = []
    by_system = summed(minutes)
    for row in systems:
        told = by_system.get(row.slug, PhoneMinute(row.slug, now))
        stream = streams.get(row.slug)
        state = PhoneState(
            row.slug,
            row.name or row.slug,
            rt.faults.get(row.slug),
            stream.error if stream else None,
            stream.connected if stream else None,
            told.answers,
            _ms(told.sizes.get("delay"), 95),
            told.last_event_at is not None,
        )
        found = list(phone_marks(state))
        marks += found
        shown_systems.append(
            {
                "slug": row.slug,
                "name": state.name,
                "kind": row.kind,
                "fault": state.fault,
                "stream": stream,
                "events": told.events,
                "answers": dict(told.answers),
                "delay": _times(told.sizes.get("delay")),
                "last_event_at": told.last_event_at,
                "level": _level(found),
            }
        )
    shown_connectors = []
    sums = await _kept(rt).sums(rt, hours, [each.slug for each in connectors])
    for each in connectors:
        instance, total = rt.sources.get(each.slug), sums.get(each.slug)
        contacts = syncs.get(each.slug, {}).get("contacts")
        grant = grants.get(each.slug)
        mine = ConnectorState(
            slug=each.slug,
            name=each.name or each.slug,
            fault=instance.fault if instance else None,
            breaker=str(instance.guard.state) if instance else None,
            is_granted=grant is None or grant.refused_at is None,
            answers=total.answers if total else 0,
            errors=total.errors if total else {},
            p95_ms=_ms(total.sizes, 95) if total else None,
            budget_left=instance.budget_left if instance else None,
            sync_error=contacts.error if contacts else None,
            synced_at=contacts.finished_at if contacts else None,
            has_contacts=instance.provides("contacts") if instance else False,
            matched=pops.matched.get(each.slug, 0),
            callers=callers,
        )
        found = list(connector_marks(mine, now)) if each.enabled else []
        marks += found
        shown_connectors.append(
            {
                "slug": mine.slug,
                "name": mine.name,
                "kind": each.kind,
                "enabled": each.enabled,
                "fault": mine.fault,
                "breaker": mine.breaker,
                "budget_left": mine.budget_left,
                "answers": mine.answers,
                "cache_hits": total.cache_hits if total else 0,
                "errors": dict(mine.errors),
                **_times(total.sizes if total else None),
                "last_success_at": total.last_success_at if total else None,
                "last_sync": {
                    "finished_at": contacts.finished_at,
                    "error": contacts.error,
                    "records": contacts.kept,
                }
                if contacts
                else None,
                "matched": mine.matched if mine.has_contacts else None,
                "level": _level(found),
            }
        )
    step = timedelta(minutes=-(-hours * 60 // _MOST_POINTS))
    return Response(
        dumps(
            {
                "as_of": now,
                "hours": hours,
                "step_minutes": int(step.total_seconds() // 60),
                "marks": sorted(marks, key=lambda mark: (mark.level != "bad", mark.about)),
                "pops": {
                    "callers": callers,
                    "matches": dict(pops.matches),
                    "parts": [{"part": p, **_times(pops.sizes.get(p))} for p in PARTS],
                    "histogram": _histogram(pops.sizes),
                    "points": [_point(each) for each in by_span(minutes, step)],
                },
                "phone_systems": shown_systems,
                "connectors": shown_connectors,
            }
        ),
        media_type="application/json",
    )


_SUMS: WeakKeyDictionary[Runtime, _Kept] = WeakKeyDictionary()


def _kept(rt: Runtime) -> _Kept:
    return _SUMS.setdefault(rt, _Kept())


def _level(marks: Iterable[Mark]) -> str | None:
    levels = {mark.level for mark in marks}
    return "bad" if "bad" in levels else "warn" if levels else None


def _ms(sizes: Mapping[int, int] | None, percent: float) -> float | None:
    return percentile_ms(sizes, percent) if sizes else None


def _times(sizes: Mapping[int, int] | None) -> dict[str, Any]:
    return {
        "count": sum(sizes.values()) if sizes else 0,
        "p50_ms": _ms(sizes, 50),
        "p95_ms": _ms(sizes, 95),
        "p99_ms": _ms(sizes, 99),
    }


def _point(minute: PhoneMinute) -> dict[str, Any]:
    return {
        "at": minute.at,
        "events": minute.events,
        "callers": sum(minute.matches.values()),
        **{f"{part}_p95_ms": _ms(minute.sizes.get(part), 95) for part in PARTS},
    }


def _histogram(sizes: Mapping[str, Mapping[int, int]]) -> list[dict[str, Any]]:
    """Count the pops by time to the screen, and to being whole; `up_to_ms` None: all above."""
    bars: list[dict[str, Any]] = []
    for up_to in (*_BARS, None):
        counts = {
            part: sum(
                count
                for size, count in sizes.get(part, Counter()).items()
                if _bar(class_ms(size)) == up_to
            )
            for part in ("painted", "complete")
        }
        bars.append({"up_to_ms": up_to, **counts})
    return bars


def _bar(ms: float) -> int | None:
    return next((up_to for up_to in _BARS if ms <= up_to), None)
