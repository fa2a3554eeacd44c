"""A fit of the suggestion tables is begun over HTTP, one at a time."""

from __future__ import annotations

from datetime import timedelta

from app.fitting import fit_running
from app.store import suggestions as store
from tests.api.conftest import Site
from tests.api.test_session import problem

URL = "/api/v1/suggestions/fits"
IDLE = {"running": False, "step": None, "share": None}


async def test_a_fit_is_begun_by_an_admin_and_only_one_at_a_time(site: Site) -> None:
    sue = await site.program("sue@example.com")
    zoe = await site.program("zoe@example.com")
    assert (await sue.post(URL, json={})).status_code == 403
    assert (await sue.get(f"{URL}/running")).json() == IDLE
    assert (await zoe.post(URL, json={})).status_code == 202
    assert problem(await zoe.post(URL, json={})) == (409, "fit_running")
    told = (await sue.get(f"{URL}/running")).json()
    assert told == {"running": True, "step": "starting", "share": 0.0}


async def test_a_fit_that_never_began_is_not_waited_for(site: Site) -> None:
    rt = site.runtime
    await store.tell_progress(rt.db, "starting", 0.0, rt.clock())
    assert await fit_running(rt) == ("starting", 0.0)
    site.clock.move(seconds=timedelta(minutes=1).total_seconds())
    assert await fit_running(rt) is None
