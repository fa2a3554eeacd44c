"""The customers are looked through on demand: once at a time, and everybody sees how it stands."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import httpx

from app.scans import scan_due
from app.store.leases import hold
from app.store.scan import last_scan, next_due, tell_read
from tests.api.conftest import Site
from tests.api.test_customers import ANN
from tests.api.test_session import problem
from tests.store.contacts_world import NOW, contact, put

SCAN, DUPLICATES = "/api/v1/customers/scan", "/api/v1/customers/duplicates"


async def fill(site: Site) -> None:
    """Put a likely duplicate into the books and the shop."""
    site.clock.now = NOW
    await put(site.runtime.db, "books", contact("2", "07700 900123", **ANN))
    await put(site.runtime.db, "shop", contact("7", "07700 900123", display_name="Anne Bell"))


async def begin(site: Site, who: httpx.AsyncClient) -> None:
    """Begin a look and wait for its end."""
    before = set(site.runtime.tasks)
    answer = await who.post(SCAN)
    assert (answer.status_code, answer.json()) == (202, {"started": True}), answer.text
    await asyncio.wait_for(asyncio.gather(*(site.runtime.tasks - before)), 60)


async def test_a_supervisor_has_the_customers_looked_through_at_once(either_site: Site) -> None:
    site = either_site
    sue = await site.program("sue@example.com")
    nobody = (await sue.get(SCAN)).json()
    assert nobody == {
        "running": False,
        "read": None,
        "looked_at": None,
        "next_at": None,
        "any_customer": False,
    }
    assert problem(await sue.post(SCAN)) == (409, "conflict")
    await fill(site)
    assert (await sue.get(SCAN)).json() == {**nobody, "any_customer": True}
    assert (await sue.get(DUPLICATES)).json()["open"] == 0
    await begin(site, sue)
    told = (await sue.get(SCAN)).json()
    assert datetime.fromisoformat(told["looked_at"]) == NOW
    assert (told["running"], told["read"]) == (False, None)
    assert datetime.fromisoformat(told["next_at"]) == next_due(NOW)
    assert (await sue.get(DUPLICATES)).json()["open"] == 1
    # Another one may follow at once.
    site.clock.move(minutes=1)
    await begin(site, sue)
    assert await last_scan(site.runtime.db) == NOW + timedelta(minutes=1)


async def test_only_one_look_goes_on_and_says_how_far_it_is(either_site: Site) -> None:
    site = either_site
    await fill(site)
    db = site.runtime.db
    sue = await site.program("sue@example.com")
    assert await hold(db, "customers", "another process", NOW, timedelta(minutes=5))
    await tell_read(db, 4000)
    told = (await sue.get(SCAN)).json()
    assert (told["running"], told["read"]) == (True, 4000)
    assert problem(await sue.post(SCAN)) == (409, "conflict")
    await scan_due(site.runtime)
    assert await last_scan(db) is None


async def test_two_who_ask_at_the_same_moment_begin_one_look(either_site: Site) -> None:
    site = either_site
    await fill(site)
    sue = await site.program("sue@example.com")
    before = set(site.runtime.tasks)
    answers = await asyncio.gather(sue.post(SCAN), sue.post(SCAN))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    await asyncio.wait_for(asyncio.gather(*(site.runtime.tasks - before)), 60)


async def test_agents_have_no_part_in_it(site: Site) -> None:
    ada = await site.program("ada@example.com")
    assert (await ada.get(SCAN)).status_code == 403
    assert (await ada.post(SCAN)).status_code == 403
