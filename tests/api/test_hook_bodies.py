"""`/hooks`: what phone systems send, understood or not, in each format."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from twilio.request_validator import RequestValidator

from tests.api.phone_systems import (
    CALLER,
    PUBLIC_URL,
    TWILIO_TOKEN,
    bearer,
    event,
    refusals,
    three_systems,
)
from tests.product import TOKEN, Product

VALIDATOR: Any = RequestValidator(TWILIO_TOKEN)  # type: ignore[no-untyped-call]
module_wide = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    async with three_systems(migrated_sqlite, tmp_path_factory.mktemp("hooks")) as running:
        yield running


# What cannot be understood.


@module_wide
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"not json", ""),
        (b'{"event": "ringing", "call_id": "c-1", "ani": "+4420', ""),
        (b"\xff\xfe", ""),
        (b'{"event": "ringing", "call_id": "c-1", "ani": NaN}', ""),
        (b"[" * 40 + b"]" * 40, "/0"),
        (b"[" * 100_000, ""),
        (b"7", ""),
        (b"{}", "/event"),
        (b'{"event": "exploded", "call_id": "c-1"}', "/event"),
        (b'{"event": "ringing"}', "/call_id"),
        (b'{"event": "ringing", "call_id": 7}', "/call_id"),
        (b'{"event": "ringing", "call_id": "c-1", "extension": 101}', "/extension"),
        (b'{"event": "ringing", "call_id": "c-1", "occurred_at": "soon"}', "/occurred_at"),
        (
            b'{"event": "transferred", "call_id": "c-1", "transfer": {"kind": "x"}}',
            "/transfer/kind",
        ),
    ],
)
async def test_what_cannot_be_understood_is_said_with_where_it_is(
    product: Product, body: bytes, pointer: str
) -> None:
    answer = await product.client.post("/hooks/pbx", content=body, headers=bearer())
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (422, "not_understood")
    assert [e["pointer"] for e in problem["errors"]] == [pointer]
    assert problem["detail"]
    assert problem["errors"][0]["detail"]


@module_wide
async def test_what_was_not_understood_is_kept_for_the_admin_without_secrets(
    product: Product,
) -> None:
    body = {"event": "exploded", "call_id": "c-kept", "ani": CALLER, "password": "canary-word"}
    for number in range(3):
        await product.client.post("/hooks/pbx", json={**body, "n": number}, headers=bearer())
    kept = [r for r in await refusals(product) if "c-kept" in r["body"]]
    assert len(kept) == 3
    assert kept[0]["status"] == 422
    assert "exploded" in kept[0]["reason"]
    for each in kept:
        assert "canary-word" not in each["body"]
        assert CALLER.removeprefix("+") not in each["body"]
    for email, status in (("ada@example.com", 403), ("sue@example.com", 403)):
        async with await product.as_user(email) as other:
            answer = await other.get("/api/v1/phone-systems/pbx/events")
            assert answer.status_code == status


@module_wide
async def test_a_flood_of_refused_requests_is_not_a_flood_of_writes(product: Product) -> None:
    before = len(await refusals(product, "desk"))
    answers = await asyncio.gather(
        *(product.client.post("/hooks/desk", content=b"x" * 100) for _ in range(100))
    )
    assert {a.status_code for a in answers} == {401}
    assert 0 < len(await refusals(product, "desk")) - before <= 25


@module_wide
async def test_a_batch_is_answered_with_a_list_or_refused_whole(product: Product) -> None:
    def envelope(number: int, **data: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "type": "call",
            "source": "/pbx",
            "id": f"b-{number}",
            "data": event(f"c-batch{number}", **data),
        }

    headers = bearer(**{"content-type": "application/cloudevents-batch+json"})
    bad = [envelope(1), envelope(2, event="exploded")]
    answer = await product.client.post("/hooks/pbx", content=json.dumps(bad), headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/1/data/event"
    good = [envelope(1), envelope(2)]
    for duplicate in (False, True):
        answer = await product.client.post("/hooks/pbx", content=json.dumps(good), headers=headers)
        assert answer.status_code == 202
        assert answer.json() == [
            {"call_id": "pbx:c-batch1", "duplicate": duplicate},
            {"call_id": "pbx:c-batch2", "duplicate": duplicate},
        ]


def commits(database: Path) -> int:
    """Count the transactions in SQLite's write-ahead log: frames that say the database's size."""
    wal = database.with_name(f"{database.name}-wal").read_bytes()
    frame = 24 + int.from_bytes(wal[8:12], "big")
    return sum(wal[at + 4 : at + 8] != bytes(4) for at in range(32, len(wal) - frame + 1, frame))


@module_wide
async def test_a_batch_is_on_disk_in_one_flush_and_in_its_order(product: Product) -> None:
    database = Path((product.settings.database_url or "").removeprefix("sqlite:///"))
    kinds = ["incoming", "queued", "ringing", "answered", "held", "resumed"] * 5
    batch = [
        {
            "specversion": "1.0",
            "type": "call",
            "source": "/pbx",
            "id": f"flush-{i}",
            "data": event("c-flush", event=kind, extension="101"),
        }
        for i, kind in enumerate(kinds)
    ]
    headers = bearer(**{"content-type": "application/cloudevents-batch+json"})
    before = commits(database)
    body = json.dumps([*batch, batch[0]])
    answer = await product.client.post("/hooks/pbx", content=body, headers=headers)
    assert answer.status_code == 202
    # The events, and what the lists show of the call.
    assert 1 <= commits(database) - before <= 5
    assert [each["duplicate"] for each in answer.json()] == [False] * len(batch) + [True]
    stored = await product.runtime.hot.events_of("pbx:c-flush")
    assert [each.event_id for each in stored] == [f"/pbx flush-{i}" for i in range(len(batch))]
    await product.event("ended", "c-flush")


@module_wide
async def test_the_clock_of_a_phone_system_may_be_ahead(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        call_id = await product.event(
            "ringing", "c-ahead", ani=CALLER, extension="101", occurred_at=ahead
        )
        await ada.pop(call_id)
        await product.event("ended", "c-ahead")


@module_wide
async def test_disorder_and_repeats_end_in_no_pop(product: Product) -> None:
    at = datetime.now(UTC)
    times = {kind: (at + timedelta(seconds=n)).isoformat() for n, kind in
             enumerate(("ringing", "answered", "ended"))}  # fmt: skip
    async with product.screen("ada@example.com") as ada:
        for kind in ("ended", "ringing", "answered", "ringing", "ended"):
            answer = await product.send(
                **event("c-disorder", event=kind, occurred_at=times[kind], event_id=f"d-{kind}")
            )
            assert answer.status_code == 202
        assert "pbx:c-disorder" not in ada.pops
    async with product.screen("ada@example.com") as again:
        assert "pbx:c-disorder" not in again.pops


# Other formats.


@module_wide
@pytest.mark.parametrize("form", [True, False])
async def test_zammads_form_is_answered_as_zammad_does(product: Product, form: bool) -> None:
    call = {"event": "newCall", "from": "442079460958", "to": "448005550100", "direction": "in",
            "callId": f"z-{form}", "user[]" if form else "user": ["101"]}  # fmt: skip
    sent: dict[str, Any] = {"data": call} if form else {"json": call}
    async with product.screen("ada@example.com") as ada:
        answer = await product.client.post(f"/hooks/desk?token={TOKEN}", **sent)
        assert (answer.status_code, answer.content) == (200, b"{}")
        pop = await ada.pop(f"desk:z-{form}")
        assert pop["call"]["ani"]["e164"] == CALLER
        assert pop["call"]["phone_system"] == "desk"


@module_wide
async def test_twilios_callbacks_are_verified_over_the_public_address(product: Product) -> None:
    def callback(sid: str, **more: str) -> dict[str, str]:
        return {
            "AccountSid": "AC" + "0" * 32,
            "CallSid": sid,
            "From": CALLER,
            "To": "client:101",
            "CallStatus": "ringing",
            "Direction": "inbound",
            **more,
        }

    async def post(fields: dict[str, str], address: str = f"{PUBLIC_URL}/hooks/tw?a=b%20c") -> Any:
        signature = VALIDATOR.compute_signature(address, fields)
        return await product.client.post(
            "/hooks/tw?a=b%20c",
            content=urlencode(fields),
            headers={
                "content-type": "application/x-www-form-urlencoded",
                "x-twilio-signature": signature,
            },
        )

    leg = callback(
        "CA" + "2" * 32,
        ParentCallSid="CA" + "1" * 32,
        CallbackSource="call-progress-events",
        Direction="outbound-dial",
        StirVerstat="TN-Validation-Passed-A",
    )
    async with product.screen("ada@example.com") as ada:
        answer = await post(leg)
        assert (answer.status_code, answer.content) == (204, b"")
        pop = await ada.pop("tw:CA" + "1" * 32)
        assert pop["call"]["ani"]["e164"] == CALLER
    waiting = await post(callback("CA" + "3" * 32, To="+448005550100"))
    assert waiting.status_code == 200
    assert waiting.headers["content-type"] == "text/xml"
    assert b"<Response>" in waiting.content
    assert (await post(leg, f"{product.url}/hooks/tw?a=b%20c")).status_code == 401
