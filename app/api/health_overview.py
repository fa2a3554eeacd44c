"""`/api/v1/health/overview`: how quickly pops come, how each system does, and what needs a hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.api.deps import Admin, RuntimeDep
from app.core.latency import Minute, class_ms, percentile_ms
from app.core.marks import ConnectorState, Mark, PhoneState, connector_marks, phone_marks, pop_marks
from app.core.pace import PARTS, PhoneMinute, by_span, summed
from app.core.pop import dumps
from app.core.spans import HOUR, MINUTE, Stretch, length_in, span_of, step_of
from app.store import configuration
from app.store.grants import grants_by_connector
from app.store.models import ConnectorRow, PhoneSystemRow
from app.store.phone_health import phone_points, phone_sums_since
from app.store.source_health import sums_since
from app.store.spans import LONGEST_WINDOW
from app.streams import stream_healths
from app.turns import in_turns

router = APIRouter(prefix="/api/v1", tags=["health"])
_LONGEST_HOURS = LONGEST_WINDOW // HOUR
_MOST_POINTS = 144
# Up to so many ms; the last one holds all above.
_BARS = (25, 50, 100, 200, 400, 800, 1600, 3200)


@router.get("/health/overview")
async def overview(
    rt: RuntimeDep,
    _admin: Admin,
    hours: Annotated[int, Query(ge=1, le=_LONGEST_HOURS)] = 24,
) -> Response:
    """Say how all has been in the last hours, over all processes.

    All counts are from `since` on, where a span of `step_minutes` starts: up to a span before the
    `hours` asked for. `breaker` and `budget_left` are those of the process that answers.
    """
    now = rt.clock()
    step = step_of(hours * HOUR, _MOST_POINTS)
    since = span_of(now - hours * HOUR, step)
    async with rt.db.read() as session:
        connectors = await configuration.rows_of(session, ConnectorRow)
        systems = await configuration.rows_of(session, PhoneSystemRow)
        syncs = await configuration.sync_states(session)
        grants = await grants_by_connector(session)
        streams = await stream_healths(session, rt)
        phones = await phone_sums_since(session, since)
        points = await phone_points(session, Stretch(length_in(step), since))
        sums = await sums_since(session, since)
    for unwritten in rt.health.minutes():
        slug = unwritten.connector
        sums.setdefault(slug, Minute(slug, "", since)).add(unwritten)
    by_system = summed([*phones, *rt.pace.minutes()])
    pops = PhoneMinute("", since)
    for each_system in by_system.values():
        pops.add(each_system)
    callers = sum(pops.matches.values())
    marks: list[Mark] = list(pop_marks({p: _ms(pops.sizes.get(p), 95) for p in PARTS}))
    shown_systems = []
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
    async for each in in_turns(connectors):
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
    spans = by_span([*points, *rt.pace.minutes()], step)
    shown_points = [_point(each) async for each in in_turns(spans)]
    return Response(
        dumps(
            {
                "as_of": now,
                "hours": hours,
                "since": since,
                "step_minutes": step // MINUTE,
                "marks": sorted(marks, key=lambda mark: (mark.level != "bad", mark.about)),
                "pops": {
                    "callers": callers,
                    "matches": dict(pops.matches),
                    "parts": [{"part": p, **_times(pops.sizes.get(p))} for p in PARTS],
                    "histogram": _histogram(pops.sizes),
                    "points": shown_points,
                },
                "phone_systems": shown_systems,
                "connectors": shown_connectors,
            }
        ),
        media_type="application/json",
    )


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
