"""How a connector has been answering, over processes, minutes and restarts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.core.latency import Minute, size_class
from app.core.profile import SourceOutcome
from app.jobs import write_source_health
from app.store.source_health import KEEP_FOR, forget_minutes, minutes_since, write_minutes
from tests.api.conftest import Site
from tests.api.test_session import problem

URL = "/api/v1/connectors/books"


@pytest.fixture
async def admin(either_site: Site) -> httpx.AsyncClient:
    browser = await either_site.browser("zoe@example.com")
    settings = {"base_url": "https://books.example", "balance": {"path": "/b/{remote_id}"}}
    answer = await browser.put(URL, json={"kind": "rest", "settings": settings})
    assert answer.status_code == 200, answer.text
    return browser


def answered(site: Site, status: Any = "ok", ms: float = 100, **more: Any) -> None:
    outcome = SourceOutcome("books", status, elapsed_ms=ms, **more)
    site.runtime.health.answered("balance", outcome)


async def health(admin: httpx.AsyncClient, hours: int = 24) -> dict[str, Any]:
    answer = await admin.get(f"{URL}/health", params={"hours": hours})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_a_connector_that_was_never_asked_has_nothing_to_show(
    either_site: Site, admin: httpx.AsyncClient
) -> None:
    shown = await health(admin)
    assert (shown["sections"], shown["points"], shown["faults"]) == ([], [], [])
    assert (shown["last_success_at"], shown["budget_left"], shown["authorisation"]) == (None,) * 3
    assert shown["breaker"] == "closed"


async def test_answers_times_failures_and_cache_hits_are_counted(
    either_site: Site, admin: httpx.AsyncClient
) -> None:
    for ms in [*[100] * 98, 900, 900]:
        answered(either_site, ms=ms)
    either_site.runtime.health.cached("books", "balance")
    either_site.clock.move(minutes=2)
    answered(
        either_site, "failed", error_code="rate_limited", error_text="asks to be called less often"
    )
    answered(either_site, "timeout", ms=1500, error_code="timeout")
    shown = await health(admin)
    (section,) = shown["sections"]
    assert section["answers"] == 100
    assert section["cache_hits"] == 1
    assert section["errors"] == {"rate_limited": 1, "timeout": 1}
    assert section["p50_ms"] == pytest.approx(100, rel=0.06)
    assert section["p99_ms"] == pytest.approx(900, rel=0.06)
    assert shown["last_success_at"] == "2026-11-21T10:00:00Z"
    assert [fault["code"] for fault in shown["faults"]] == ["timeout", "rate_limited"]
    assert shown["faults"][1]["text"] == "asks to be called less often"


async def test_what_several_processes_wrote_down_adds_up_with_what_is_not_written_yet(
    either_site: Site, admin: httpx.AsyncClient
) -> None:
    rt = either_site.runtime
    for process in ("one", "two"):
        minute = Minute("books", "balance", rt.clock(), 2, 1, Counter({"timeout": 1}))
        minute.sizes[size_class(50)] = 2
        await write_minutes(rt.db, process, [minute])
        await write_minutes(rt.db, process, [minute])  # Once more after a failure in between.
    answered(either_site)
    await write_source_health(rt)
    assert rt.health.minutes("books"), "the minute that still runs is not written"
    either_site.clock.move(minutes=1)
    await write_source_health(rt)
    assert rt.health.minutes("books") == []
    answered(either_site)
    (section,) = (await health(admin))["sections"]
    assert (section["answers"], section["cache_hits"]) == (6, 2)
    assert section["errors"] == {"timeout": 2}


async def test_charts_have_a_bounded_number_of_points(
    either_site: Site, admin: httpx.AsyncClient
) -> None:
    rt = either_site.runtime
    start = rt.clock() - timedelta(hours=24)
    minutes = [
        Minute("books", "balance", start + timedelta(minutes=number), 1)
        for number in range(1, 1440, 7)
    ]
    await write_minutes(rt.db, "one", minutes)
    day = await health(admin)
    assert day["step_minutes"] == 4
    assert len(day["points"]) <= 361
    assert sum(point["answers"] for point in day["points"]) == len(minutes)
    hour = await health(admin, hours=1)
    assert hour["step_minutes"] == 1
    assert sum(point["answers"] for point in hour["points"]) == sum(
        each.at >= rt.clock() - timedelta(hours=1) for each in minutes
    )


async def test_after_two_weeks_minutes_are_forgotten(either_site: Site) -> None:
    rt = either_site.runtime
    old, new = rt.clock() - KEEP_FOR - timedelta(minutes=1), rt.clock()
    await write_minutes(rt.db, "one", [Minute("books", "balance", at, 1) for at in (old, new)])
    await forget_minutes(rt.db, rt.clock() - KEEP_FOR)
    async with rt.db.read() as session:
        assert [each.at for each in await minutes_since(session, old)] == [new]


async def test_what_cannot_be_written_down_is_kept_for_the_next_time(site: Site) -> None:
    rt = site.runtime
    answered(site)
    site.clock.move(minutes=1)
    async with rt.db.begin() as session:
        await session.execute(text("ALTER TABLE connector_minutes RENAME TO x"))
    with pytest.raises(Exception, match="connector_minutes"):
        await write_source_health(rt)
    assert [each.answers for each in rt.health.minutes("books")] == [1]


async def test_prometheus_is_told_of_breakers_errors_and_cache_hits(
    site: Site,
) -> None:
    admin = await site.browser("zoe@example.com")
    settings = {"base_url": "https://books.example", "balance": {"path": "/b/{remote_id}"}}
    await admin.put(URL, json={"kind": "rest", "settings": settings})
    answered(site, "failed", error_code="auth_expired")
    site.runtime.health.cached("books", "balance")
    told = (await admin.get("/metrics")).text
    assert 'screenpop_source_breaker{connector="books"} 0.0' in told
    labels = 'code="auth_expired",connector="books",section="balance"'
    assert f"screenpop_source_errors_total{{{labels}}}" in told
    assert 'screenpop_source_cache_hits_total{connector="books",section="balance"}' in told


async def test_health_is_asked_for_by_the_hour_and_of_connectors_that_are_there(
    site: Site,
) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.get("/api/v1/connectors/none/health")
    assert problem(answer) == (404, "connector_not_found")
    for hours in (0, 337, "x"):
        answer = await admin.get(f"{URL}/health", params={"hours": hours})
        assert answer.status_code == 422
