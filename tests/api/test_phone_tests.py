"""The feed of webhooks, test calls, replays, guides and unknown extensions over HTTP."""

from __future__ import annotations

import httpx
import pytest

from app.telephony.registry import kinds
from tests.api.conftest import Site
from tests.api.test_session import problem

TOKEN = "a token of the phone system"
EVENT = {"event": "ringing", "call_id": "c-1", "ani": "+442079460958", "extension": "900"}


@pytest.fixture
async def admin(site: Site) -> httpx.AsyncClient:
    admin = await site.program("zoe@example.com")
    body = {"kind": "generic", "settings": {"token": TOKEN}}
    assert (await admin.put("/api/v1/phone-systems/pbx", json=body)).status_code == 200
    return admin


async def post(site: Site, token: str, **event: str) -> int:
    phone = site.client(authorization=f"Bearer {token}")
    answer = await phone.post("/hooks/pbx", json={**EVENT, **event})
    for task in tuple(site.runtime.tasks):
        if "keep_body" in repr(task) or "_keep" in repr(task):
            await task
    return answer.status_code


async def test_the_feed_tells_what_was_understood_and_why_another_was_refused(
    site: Site, admin: httpx.AsyncClient
) -> None:
    assert await post(site, TOKEN) == 202
    assert await post(site, "wrong") == 401
    refused, accepted = (await admin.get("/api/v1/phone-systems/pbx/feed")).json()["items"]
    assert (accepted["accepted"], accepted["events"][0]["event"]) == (True, "ringing")
    assert "442079460958" not in accepted["raw"]
    assert TOKEN not in str(accepted)
    assert (refused["accepted"], refused["status"], refused["events"]) == (False, 401, [])
    assert "Bearer" in refused["why"]


async def test_a_refused_webhook_is_taken_again_after_the_secret_was_mended(
    site: Site, admin: httpx.AsyncClient
) -> None:
    await post(site, "the right one")
    kept = (await admin.get("/api/v1/phone-systems/pbx/feed")).json()["items"][0]
    replay = "/api/v1/phone-systems/pbx/replay"
    still = (await admin.post(replay, json={"body_id": kept["id"]})).json()
    assert (still["verified"], still["call_ids"]) == (False, [])
    body = {"kind": "generic", "settings": {"token": "the right one"}}
    await admin.put("/api/v1/phone-systems/pbx", json=body)
    now = (await admin.post(replay, json={"body_id": kept["id"]})).json()
    assert now["verified"] is True
    assert now["call_ids"][0].startswith("pbx:test-")
    assert site.runtime.calls.get(now["call_ids"][0]) is not None


async def test_a_webhook_that_is_no_longer_kept_cannot_be_taken_again(
    admin: httpx.AsyncClient,
) -> None:
    gone = await admin.post("/api/v1/phone-systems/pbx/replay", json={"body_id": 99})
    assert problem(gone) == (404, "not_found")


async def test_a_test_call_comes_through_the_real_webhook(
    site: Site, admin: httpx.AsyncClient
) -> None:
    body = {"ani": "+442079460958", "extension": "101"}
    rung = (await admin.post("/api/v1/phone-systems/pbx/test-call", json=body)).json()
    assert (rung["status"], rung["agents"], rung["connected"]) == (202, ["Ada"], 0)
    live = site.runtime.calls.get(rung["call_id"])
    assert live is not None
    assert list(live.seats.values()) == ["101"]


async def test_a_stream_is_rung_on_the_phone_and_says_so(
    site: Site, admin: httpx.AsyncClient
) -> None:
    settings = {"host": "127.0.0.1", "port": 9, "secret": "x"}
    await admin.put("/api/v1/phone-systems/ami", json={"kind": "asterisk", "settings": settings})
    body = {"ani": "1", "extension": "101"}
    refused = await admin.post("/api/v1/phone-systems/ami/test-call", json=body)
    assert problem(refused) == (409, "no_test_call")
    assert "on the PBX itself" in refused.json()["detail"]


async def test_extensions_that_nobody_has_are_learned_from_events(
    site: Site, admin: httpx.AsyncClient
) -> None:
    await post(site, TOKEN, queue="sales")
    await post(site, TOKEN, call_id="c-2", extension="101")
    seen = (await admin.get("/api/v1/phone-systems/extensions/seen")).json()["items"]
    assert [(each["extension"], each["queues"], each["events"]) for each in seen] == [
        ("900", ["sales"], 1)
    ]


async def test_every_kind_has_a_guide_and_nothing_else_is_read(admin: httpx.AsyncClient) -> None:
    for kind in kinds():
        guide = await admin.get(f"/api/v1/phone-system-kinds/{kind}/guide")
        assert guide.json()["text"].startswith("# "), kind
    for other in ("nothing", "..%2F..%2FREADME", "..%2Fphone-systems"):
        assert (await admin.get(f"/api/v1/phone-system-kinds/{other}/guide")).status_code == 404


async def test_what_another_admin_saved_is_not_overwritten(admin: httpx.AsyncClient) -> None:
    seen = (await admin.get("/api/v1/phone-systems/pbx")).json()
    body = {"kind": "generic", "name": "Theirs", "settings": seen["settings"]}
    await admin.put("/api/v1/phone-systems/pbx", json=body)
    late = await admin.put(
        "/api/v1/phone-systems/pbx", json=body, headers={"if-match": f'"{seen["version"]}"'}
    )
    assert problem(late) == (409, "changed_meanwhile")
    new = await admin.put("/api/v1/phone-systems/new", json=body, headers={"if-match": '"0"'})
    assert new.status_code == 422  # there is no secret that "set" could stand for
