"""How all has been: over processes, minutes and restarts, in one answer and in /metrics."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from app.core.latency import size_class
from app.core.pace import PhoneMinute
from app.core.spans import DAY, HOUR, MINUTE, Stretch
from app.jobs import write_pace
from app.store.phone_health import forget_phone_minutes, phone_points, write_phone_minutes
from tests.api.conftest import Site
from tests.ledger import WITH_BOOKS, write_books
from tests.product import SECRET, Product, settings_for

URL = "/api/v1/health/overview"
CALLER = "+442079460958"
DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "screenpop.json"


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(WITH_BOOKS, BOOKS_URL=write_books(tmp_path))
        yield running


async def overview(client: httpx.AsyncClient, hours: int = 24) -> dict[str, Any]:
    answer = await client.get(URL, params={"hours": hours})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def parts(shown: dict[str, Any]) -> dict[str, int]:
    return {part["part"]: part["count"] for part in shown["pops"]["parts"]}


async def painted(product: Product, call_id: str, screen: Any, drawn: float) -> None:
    pop = await screen.whole(call_id)
    await screen.say("painted", call_id=call_id, version=pop["version"], since_received_ms=drawn)
    await screen.say("ping")
    await screen.until(lambda s: s.messages[-1]["type"] == "pong")


async def test_a_call_is_followed_from_the_webhook_to_the_screen(product: Product) -> None:
    root = await product.as_user("root@example.com")
    shown = await overview(root, 1)
    assert (shown["pops"]["callers"], set(parts(shown).values())) == (0, {0})
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        await painted(product, call_id, ada, 0.1)
        # What is drawn again, or was there before the window, says nothing of the pace.
        await ada.say("painted", call_id=call_id, version=9, since_received_ms=0.1)
    async with product.screen("ada@example.com") as again:
        await painted(product, call_id, again, 0.1)
    await product.send(sign=False, event="ringing", call_id="forged", ani=CALLER)
    shown = await overview(root)
    assert parts(shown) == {
        "delay": 0, "identified": 1, "first_push": 1, "complete": 1, "drawn": 1, "painted": 1
    }  # fmt: skip
    assert shown["pops"]["matches"] == {"single": 1}
    assert sum(bar["painted"] for bar in shown["pops"]["histogram"]) == 1
    whole = {part["part"]: part["p50_ms"] for part in shown["pops"]["parts"]}
    assert whole["identified"] <= whole["painted"] * 1.1
    (pbx,) = shown["phone_systems"]
    assert (pbx["events"], pbx["answers"], pbx["level"]) == (1, {"202": 1, "401": 1}, "bad")
    assert pbx["last_event_at"] is not None
    (books,) = shown["connectors"]
    assert (books["matched"], books["answers"] > 0, books["level"]) == (1, True, None)
    assert books["last_sync"]["records"] == 3
    (mark,) = shown["marks"]
    assert mark["text"] == "pbx sent 1 webhook that we refused"
    await root.aclose()


async def test_the_delay_counts_from_what_the_phone_system_says(product: Product) -> None:
    at = product.runtime.clock() - timedelta(seconds=3)
    await product.event("ringing", ani=CALLER, extension="101", occurred_at=at.isoformat())
    root = await product.as_user("root@example.com")
    shown = await overview(root)
    (pbx,) = shown["phone_systems"]
    assert pbx["delay"]["p50_ms"] == pytest.approx(3000, rel=0.15)
    assert [mark["level"] for mark in shown["marks"]] == ["warn"]
    await root.aclose()


async def test_what_several_processes_wrote_down_adds_up(either_site: Site) -> None:
    rt = either_site.runtime
    admin = await either_site.browser("zoe@example.com")
    for process in ("one", "two"):
        minute = PhoneMinute("pbx", rt.clock(), 2, matches=Counter(single=1, none=1))
        minute.sizes["painted"] = Counter({size_class(90): 2})
        await write_phone_minutes(rt.db, process, [minute])
        await write_phone_minutes(rt.db, process, [minute])  # Again after a failure in between.
    rt.pace.recognised("pbx", "single", ["books", "books"])
    rt.pace.took("pbx", "painted", 3300)
    await write_pace(rt)
    assert rt.pace.minutes(), "the minute that still runs is not written"
    shown = await overview(admin)
    assert shown["pops"]["matches"] == {"single": 3, "none": 2}
    counts = {bar["up_to_ms"]: bar["painted"] for bar in shown["pops"]["histogram"]}
    assert {up_to: n for up_to, n in counts.items() if n} == {100: 4, None: 1}
    either_site.clock.move(minutes=1)
    await write_pace(rt)
    assert rt.pace.minutes() == []
    assert (await overview(admin))["pops"]["matches"] == {"single": 3, "none": 2}


async def test_phone_systems_are_told_apart_and_drawn_together_up_to_two_weeks_back(
    either_site: Site,
) -> None:
    rt = either_site.runtime
    admin = await either_site.browser("zoe@example.com")
    for slug in ("pbx", "desk"):
        system = {"kind": "generic", "settings": {"secret": SECRET}}
        answer = await admin.put(f"/api/v1/phone-systems/{slug}", json=system)
        assert answer.status_code == 200, answer.text
    at = rt.clock() - 13 * DAY
    minutes = [PhoneMinute("pbx", at + n * HOUR, 1, Counter({"202": 1})) for n in range(6)]
    minutes.append(PhoneMinute("desk", at, 5, Counter({"401": 5}), last_event_at=at))
    await write_phone_minutes(rt.db, "one", minutes)
    shown = await overview(admin, 336)
    told = {each["slug"]: (each["events"], each["answers"]) for each in shown["phone_systems"]}
    assert told == {"pbx": (6, {"202": 6}), "desk": (5, {"401": 5})}
    assert shown["step_minutes"] == 180
    assert [(point["at"], point["events"]) for point in shown["pops"]["points"]] == [
        ("2026-11-08T09:00:00Z", 7),
        ("2026-11-08T12:00:00Z", 3),
        ("2026-11-08T15:00:00Z", 1),
    ]


async def test_minutes_are_forgotten_after_a_day_and_kept_when_they_cannot_be_written(
    site: Site,
) -> None:
    rt = site.runtime
    old, new = rt.clock() - DAY - MINUTE, rt.clock()
    await write_phone_minutes(rt.db, "one", [PhoneMinute("pbx", at, 1) for at in (old, new)])
    await forget_phone_minutes(rt.db, rt.clock())
    async with rt.db.read() as session:
        minutes = await phone_points(session, Stretch(MINUTE, old))
        hours = await phone_points(session, Stretch(HOUR, old - HOUR))
    assert ([each.at for each in minutes], len(hours)) == ([new], 2)
    rt.pace.answered("pbx", 202)
    site.clock.move(minutes=1)
    async with rt.db.begin() as session:
        await session.execute(text("ALTER TABLE phone_spans RENAME TO x"))
    with pytest.raises(Exception, match="phone_spans"):
        await write_pace(rt)
    assert [each.answers for each in rt.pace.minutes()] == [{"202": 1}]


async def test_only_an_admin_reads_the_overview(site: Site) -> None:
    sue = await site.program("sue@example.com")
    assert (await sue.get(URL)).status_code == 403
    zoe = await site.program("zoe@example.com")
    for hours in (0, 337, "x"):
        assert (await zoe.get(URL, params={"hours": hours})).status_code == 422


async def test_every_metric_of_the_dashboard_is_told(product: Product) -> None:
    told = set(
        re.findall(r"^# TYPE (\S+)", (await product.client.get("/metrics")).text, re.MULTILINE)
    )
    told |= {f"{name}{end}" for name in told for end in ("_bucket", "_sum", "_count", "_total")}
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    asked = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", ())]
    named = {name for expr in asked for name in re.findall(r"screenpop_\w+", expr)}
    assert len(named) > 10
    assert named <= told, named - told
