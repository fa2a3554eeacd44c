"""Phone systems over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from app.store import configuration
from app.store.models import CallEventRow, HookRefusal, PhoneSystemRow
from tests.api.conftest import Site
from tests.api.test_session import problem

SECRET = "whsec_Y2FuYXJ5LXBieC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
TOKEN = "canary-token-0123456789"
PBX = {"kind": "generic", "name": "Main", "settings": {"secret": [SECRET], "token": TOKEN}}
URL = "/api/v1/phone-systems/pbx"


async def test_a_phone_system_is_saved_running_and_shown_without_its_secrets(
    either_site: Site,
) -> None:
    admin = await either_site.browser("zoe@example.com")
    answer = await admin.put(URL, json=PBX)
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["settings"] == {"secret": ["set"], "token": "set"}
    assert shown["url"] == "http://pop.test/hooks/pbx"
    assert shown["fault"] is None
    assert "pbx" in either_site.runtime.phone_systems
    for text in (answer.text, (await admin.get(URL)).text):
        assert SECRET not in text
        assert TOKEN not in text
    assert (await admin.get("/api/v1/phone-systems")).json()["items"] == [shown]


async def test_what_was_shown_can_be_sent_back_and_changes_nothing(either_site: Site) -> None:
    admin = await either_site.browser("zoe@example.com")
    settings = (await admin.put(URL, json=PBX)).json()["settings"]
    await admin.put(URL, json={**PBX, "name": "Other", "settings": settings})
    running = either_site.runtime.phone_systems["pbx"].config
    assert running.secret[0].get_secret_value() == SECRET
    assert running.token.get_secret_value() == TOKEN
    await admin.put(URL, json={**PBX, "settings": {**settings, "token": None}})
    running = either_site.runtime.phone_systems["pbx"].config
    assert running.secret[0].get_secret_value() == SECRET
    assert not running.token.get_secret_value()


async def test_a_secret_that_is_not_there_cannot_be_kept(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.put(URL, json={**PBX, "settings": {"token": "set"}})
    assert problem(answer) == (422, "invalid")
    assert answer.json()["errors"][0]["pointer"] == "/settings/token"


async def test_another_kind_does_not_inherit_secrets(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(URL, json=PBX)
    answer = await admin.put(URL, json={"kind": "zammad", "settings": {"token": "set"}})
    assert problem(answer) == (422, "invalid")


async def test_saved_settings_that_are_no_longer_valid_show_a_fault_and_no_secret(
    site: Site,
) -> None:
    admin = await site.browser("zoe@example.com")
    async with site.runtime.db.begin() as session:
        fields = {**PBX, "region": None, "settings": {"secret": TOKEN, "token": {TOKEN: TOKEN}}}
        await configuration.put_row(
            session, PhoneSystemRow, "pbx", fields, site.runtime.secrets, site.clock(), "a test"
        )
    await site.runtime.reload()
    answer = await admin.get(URL)
    assert answer.json()["fault"]
    assert TOKEN not in answer.text


async def test_settings_are_encrypted_in_the_database(either_site: Site) -> None:
    admin = await either_site.browser("zoe@example.com")
    await admin.put(URL, json=PBX)
    async with either_site.runtime.db.read() as session:
        kept = await session.scalar(select(PhoneSystemRow.settings))
    assert kept is not None
    assert TOKEN.encode() not in kept


@pytest.mark.parametrize(
    ("url", "body", "pointer", "why"),
    [
        (URL, {"kind": "genric", "settings": {}}, "/kind", "did you mean generic?"),
        (URL, {"kind": "generic", "settings": {"tokn": TOKEN}}, "/settings/tokn", "no such field"),
        (URL, {"kind": "generic", "settings": {}}, "/settings", "secret"),
        (URL, {**PBX, "region": "UK"}, "/region", "ISO 3166"),
        (URL, {**PBX, "slug": "x"}, "/slug", "no such field"),
        (URL, {**PBX, "settings": {"secret": [TOKEN]}}, "/settings/secret", ""),
        ("/api/v1/phone-systems/PBX", PBX, "/slug", "lower case"),
    ],
)
async def test_what_is_wrong_is_told_with_its_place_and_never_its_value(
    site: Site, url: str, body: dict[str, object], pointer: str, why: str
) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.put(url, json=body)
    assert answer.status_code == 422
    errors = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert why in errors[pointer]
    assert TOKEN not in answer.text


async def test_a_phone_system_is_removed(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    await admin.put(URL, json=PBX)
    assert (await admin.delete(URL)).status_code == 204
    assert site.runtime.phone_systems == {}
    assert problem(await admin.get(URL)) == (404, "phone_system_not_found")
    assert problem(await admin.delete(URL)) == (404, "phone_system_not_found")


async def test_each_kind_says_what_its_settings_are(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    items = (await admin.get("/api/v1/phone-system-kinds")).json()["items"]
    kinds = {item["kind"]: item for item in items}
    assert {"generic", "zammad", "twilio"} <= kinds.keys()
    assert kinds["generic"]["settings_schema"]["properties"]["token"]["writeOnly"] is True
    assert kinds["generic"]["title"]


async def test_the_last_events_and_refusals_are_listed_newest_first(either_site: Site) -> None:
    admin = await either_site.browser("zoe@example.com")
    await admin.put(URL, json=PBX)
    now = either_site.clock()
    async with either_site.runtime.db.begin() as session:
        for number in range(3):
            for system in ("pbx", "other"):
                await session.execute(
                    insert(CallEventRow).values(
                        phone_system=system,
                        event_key=f"e{number}",
                        call_id=f"{system}:c{number}",
                        received_at=now + timedelta(seconds=number),
                        payload='{"event":"ringing"}',
                    )
                )
            await session.execute(
                insert(HookRefusal).values(
                    phone_system="pbx",
                    received_at=now,
                    status=401,
                    reason=f"wrong signature {number}",
                    body="{}",
                )
            )
    page = (await admin.get(f"{URL}/events?limit=2")).json()
    assert [event["call_id"] for event in page["events"]] == ["pbx:c2", "pbx:c1"]
    assert page["events"][0]["event"] == {"event": "ringing"}
    assert [refusal["reason"][-1] for refusal in page["refused"]] == ["2", "1"]
    before = page["events"][-1]["id"]
    rest = (await admin.get(f"{URL}/events?limit=2&events_before={before}")).json()
    assert [event["call_id"] for event in rest["events"]] == ["pbx:c0"]
