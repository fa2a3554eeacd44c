"""`screenpop replay`: recorded webhooks, in order and out of it, through the real webhook."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UserError
from app.recording import Recorded, in_order, read_recording
from app.telephony.base import PhoneSystem, Refused, TestCall
from app.telephony.generic import Generic, GenericConfig
from app.telephony.twilio import Twilio, TwilioConfig
from app.telephony.zoom import Zoom, ZoomConfig
from tests.product import SECRET, USERS, Product, settings_for
from tests.telephony.hooks import received

CALLER = "+442079460958"
BRANCH = "  - {slug: branch, kind: zammad, settings: {token: {env: BRANCH_TOKEN}}}\n"
NAMES = [Recorded(phone_system=f"s-{n}") for n in range(6)]


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(USERS + BRANCH, BRANCH_TOKEN="of the branch")
        yield running


def generic(event: str, **more: Any) -> dict[str, Any]:
    body = {"event": event, "call_id": "c-1", "ani": CALLER, "extension": "101", **more}
    headers = {
        "Content-Type": "application/json",
        "Host": "elsewhere.example.com",
        "Webhook-Id": f"msg-{event}",
        "Webhook-Timestamp": "1600000000",
        "Webhook-Signature": "v1,b2xk",
    }
    return {"phone_system": "pbx", "headers": headers, "body": json.dumps(body)}


async def replay(
    product: Product, folder: Path, lines: list[dict[str, Any]], *options: str
) -> tuple[int, list[str], str]:
    """Run the command beside the server; returns its status, its lines, and what it says."""
    file = folder / "calls.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    environment = {
        "SCREENPOP_DATABASE_URL": product.settings.database_url or "",
        "SCREENPOP_SECRET_KEYS": product.settings.secret_keys or "",
        "SCREENPOP_DATA_DIR": str(folder),
    }
    command = [sys.executable, "-m", "app", "replay", str(file), "--url", product.url, *options]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        cwd=Path(__file__).parents[1],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode().splitlines(), err.decode()


async def test_a_recorded_call_is_signed_again_and_pops(product: Product, tmp_path: Path) -> None:
    lines = [generic("ringing"), generic("answered") | {"after_ms": 60_000}]
    async with product.screen("ada@example.com") as ada:
        status, out, said = await replay(product, tmp_path, lines, "--speed", "0")
        assert (status, said.strip()) == (0, "2 sent, 0 refused")
        assert out == ['pbx 202 {"call_id":"pbx:c-1","duplicate":false}'] * 2
        assert (await ada.in_state("pbx:c-1", "answered"))["call"]["ani"]["e164"] == CALLER


async def test_disorder_and_repeats_end_in_the_same_screen(
    product: Product, tmp_path: Path
) -> None:
    lines = [generic("incoming"), generic("ringing"), generic("answered")]
    options = ("--duplicates", "--shuffle", "7")
    async with product.screen("ada@example.com") as ada:
        status, out, _ = await replay(product, tmp_path, lines, *options)
        assert status == 0
        assert sum('"duplicate":true' in line for line in out) == 3
        await ada.in_state("pbx:c-1", "answered")


async def test_what_cannot_be_signed_again_is_sent_as_recorded_and_said_so(
    product: Product, tmp_path: Path
) -> None:
    form = b"event=newCall&direction=in&callId=z-1&from=442079460958&to=49305550100&user[]=101"
    line = {
        "phone_system": "branch",
        "query": "token=of%20the%20branch",
        "headers": {"content-type": "application/x-www-form-urlencoded"},
        "body_base64": base64.b64encode(form).decode(),
    }
    status, out, said = await replay(product, tmp_path, [line, line | {"query": "token=x"}])
    assert status == 1
    assert [line.split()[1] for line in out] == ["200", "401"]
    assert "branch (zammad) cannot be signed again: it is sent as recorded" in said
    assert "2 sent, 1 refused" in said


async def test_nothing_is_sent_for_a_phone_system_that_is_not_there(
    product: Product, tmp_path: Path
) -> None:
    lines = [generic("ringing"), generic("ringing") | {"phone_system": "pxb"}]
    status, out, said = await replay(product, tmp_path, lines)
    assert (status, out) == (1, [])
    assert said.strip() == "there is no phone system pxb (branch, pbx)"


OLD = datetime(2020, 1, 1, tzinfo=UTC)
SIGNING: list[PhoneSystem[Any]] = [
    Generic("pbx", GenericConfig.model_validate({"secret": SECRET})),
    Twilio("pbx", TwilioConfig.model_validate({"auth_token": "t"})),
    Zoom("pbx", ZoomConfig.model_validate({"secret_token": "t"})),
]


@pytest.mark.parametrize("system", SIGNING, ids=lambda system: system.kind)
def test_what_was_signed_long_ago_for_another_address_is_signed_for_now(
    system: PhoneSystem[Any],
) -> None:
    elsewhere = "https://elsewhere.example.com/hooks/pbx?site=1"
    old = received(system.ring(TestCall("c-1", CALLER, "101", OLD, elsewhere)))
    here = replace(old, url="http://127.0.0.1:8000/hooks/pbx?site=1")
    with pytest.raises(Refused):
        system.verify(here)
    again = replace(here, headers={**here.headers, **(system.signed_again(here) or {})})
    system.verify(again)
    assert [e.call_id for e in system.parse(again)] == [e.call_id for e in system.parse(old)]


# --- the file ---


def read(*lines: str) -> list[Recorded]:
    return read_recording([line.encode() for line in lines], "calls.jsonl")


def test_a_line_is_read_with_its_bytes_and_without_what_belongs_to_its_connection() -> None:
    [found] = read(
        "",
        '{"phone_system": "pbx", "method": "GET", "query": "a=%2B1", "body_base64": "AP8=",'
        ' "headers": {"X-Token": "t", "Host": "h", "Content-Length": "2"}, "after_ms": 250}',
    )
    assert (found.method, found.query, found.after_ms) == ("GET", "a=%2B1", 250)
    assert found.content == b"\x00\xff"
    assert found.headers == {"x-token": "t"}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", r"calls\.jsonl:1: .*JSON"),
        ("[]", r"calls\.jsonl:1: "),
        ("{}", r"calls\.jsonl:1: phone_system: is missing"),
        ('{"phone_system": "P"}', "phone_system: use lower case letters"),
        ('{"phone_system": "p", "metod": "GET"}', "metod: there is no such field"),
        ('{"phone_system": "p", "method": "PUT"}', "method: should be 'GET' or 'POST'"),
        ('{"phone_system": "p", "query": "a b"}', "query: "),
        ('{"phone_system": "p", "headers": {"a": "b\\r\\nc"}}', "headers: 'a' is not a header"),
        ('{"phone_system": "p", "headers": {"é": "b"}}', "headers: 'é' is not a header"),
        ('{"phone_system": "p", "body": "a", "body_base64": "YQ=="}', "one of them is enough"),
        ('{"phone_system": "p", "body": {}}', "body: should be text"),
        ('{"phone_system": "p", "body_base64": "?"}', "body_base64: "),
        ('{"phone_system": "p", "after_ms": -1}', "after_ms: should be greater"),
        ("", "calls.jsonl: holds no recorded webhook"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(line: str, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        read(line)


@given(st.none() | st.integers(), st.booleans())
def test_every_webhook_is_sent_as_often_as_asked_and_by_a_seed_always_alike(
    seed: int | None, duplicates: bool
) -> None:
    order = in_order(NAMES, duplicates=duplicates, seed=seed)
    sent = Counter(each.phone_system for each in order)
    assert sent == {each.phone_system: 2 if duplicates else 1 for each in NAMES}
    assert order == in_order(NAMES, duplicates=duplicates, seed=seed)


def test_without_a_seed_the_order_is_that_of_the_file() -> None:
    assert in_order(NAMES, duplicates=False, seed=None) == NAMES
    assert in_order(NAMES, duplicates=False, seed=1) != NAMES
