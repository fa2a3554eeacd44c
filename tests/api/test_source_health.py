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
from app.core.spans import DAY, HOUR, LENGTHS, MINUTE, Stretch
from app.jobs import write_source_health
from app.store.source_health import forget_minutes, points_of, sums_since, write_minutes
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
    assert (day["step_minutes"], day["since"]) == (10, "2026-11-20T10:00:00Z")
    assert len(day["points"]) == 144
    assert sum(point["answers"] for point in day["points"]) == len(minutes)
    hour = await health(admin, hours=1)
    assert hour["step_minutes"] == 1
    assert sum(point["answers"] for point in hour["points"]) == sum(
        each.at >= rt.clock() - timedelta(hours=1) for each in minutes
    )


async def test_a_window_starts_with_a_whole_span_and_the_answer_says_when(
    either_site: Site, admin: httpx.AsyncClient
) -> None:
    rt = either_site.runtime
    start = rt.clock() - timedelta(hours=24)
    minutes = [Minute("books", "balance", start + n * MINUTE, 1) for n in (-11, -10, -1, 0, 5)]
    await write_minutes(rt.db, "one", minutes)
    either_site.clock.move(minutes=-3)
    day = await health(admin)
    assert (day["since"], day["sections"][0]["answers"]) == ("2026-11-20T09:50:00Z", 4)
    two_weeks = await health(admin, hours=336)
    assert (two_weeks["since"], two_weeks["step_minutes"]) == ("2026-11-07T09:00:00Z", 60)
    assert [each["answers"] for each in two_weeks["points"]] == [3, 2]
    overview = (await admin.get("/api/v1/health/overview", params={"hours": 24})).json()
    assert (overview["since"], overview["connectors"][0]["answers"]) == (day["since"], 4)


async def test_what_a_process_wrote_before_its_restart_counts_with_what_it_writes_after(
    either_site: Site, admin: httpx.AsyncClient
) -> None:
    rt = either_site.runtime
    hour = rt.clock()
    for process, minute in (("before", 1), ("before", 2), ("after", 2), ("after", 14)):
        counted = Minute("books", "balance", hour + minute * MINUTE, 1, 0, Counter(busy=1))
        await write_minutes(rt.db, process, [counted])
    either_site.clock.move(minutes=30)
    for hours in (1, 24, 336):
        shown = await health(admin, hours)
        assert sum(point["answers"] for point in shown["points"]) == 4
        (books,) = (await admin.get("/api/v1/health/overview", params={"hours": hours})).json()[
            "connectors"
        ]
        assert (books["answers"], books["errors"]) == (4, {"busy": 4})


async def test_a_minute_that_is_written_after_midnight_counts_in_its_own_hour_and_day(
    either_site: Site,
) -> None:
    rt = either_site.runtime
    midnight = rt.clock().replace(hour=0)
    early = Minute("books", "balance", midnight + MINUTE, 10)
    late = [Minute("books", "balance", midnight - n * MINUTE, n) for n in (1, 59)]
    for minutes in ([late[1], early], [late[0]]):
        await write_minutes(rt.db, "one", minutes)
    async with rt.db.read() as session:
        for length in (HOUR, DAY):
            points = await points_of(session, "books", Stretch(length, midnight - length))
            assert [(each.at, each.answers) for each in points] == [
                (midnight - length, 60),
                (midnight, 10),
            ]
        assert (await sums_since(session, midnight))["books"].answers == 10


async def test_minutes_are_forgotten_after_a_day_and_their_sums_after_two_weeks(
    either_site: Site,
) -> None:
    rt = either_site.runtime
    days_ago = (0, 2, 10, 16)
    counted = [Minute("books", "balance", rt.clock() - n * DAY, 1) for n in days_ago]
    await write_minutes(rt.db, "one", counted)
    await forget_minutes(rt.db, rt.clock())
    left = []
    async with rt.db.read() as session:
        for length in LENGTHS:
            points = await points_of(session, "books", Stretch(length, rt.clock() - 20 * DAY))
            left.append(len(points))
    assert left == [1, 2, 3, 3, 3]


async def test_what_cannot_be_written_down_is_kept_for_the_next_time(site: Site) -> None:
    rt = site.runtime
    answered(site)
    site.clock.move(minutes=1)
    async with rt.db.begin() as session:
        await session.execute(text("ALTER TABLE connector_spans RENAME TO x"))
    with pytest.raises(Exception, match="connector_spans"):
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
