"""`/hooks`: who is believed, and what is too much or too slow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from app.api.hooks import SLOWEST_BODY_S
from app.configuration_file import plan_text
from app.configure import apply_plan
from app.store.engine import Database
from app.store.types import SecretBox
from tests.api.phone_systems import (
    OTHER_SYSTEMS,
    TWILIO_TOKEN,
    bearer,
    configure,
    event,
    refusals,
    three_systems,
)
from tests.clock import skip
from tests.product import SECRET, TOKEN, Product

LARGEST = 256 * 1024
module_wide = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    async with three_systems(migrated_sqlite, tmp_path_factory.mktemp("hooks")) as running:
        yield running


def signed(body: bytes, message_id: str = "msg_1", **changed: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(message_id, now, body.decode("utf-8")),
        **changed,
    }


@asynccontextmanager
async def connection(
    product: Product,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection on which a test sends what no HTTP library would."""
    address = urlsplit(product.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(length: int | None, **headers: str) -> bytes:
    lines = ["POST /hooks/pbx HTTP/1.1", "host: pop.example.com"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


# Who is believed.


@module_wide
async def test_an_unknown_slug_and_a_wrong_signature_cannot_be_told_apart(
    product: Product,
) -> None:
    body = json.dumps(event("c-401")).encode()
    attempts = [
        ("nobody", signed(body)),
        ("pbx", signed(body, **{"webhook-signature": "v1,AAAA"})),
        ("pbx", {"content-type": "application/json"}),
        ("pbx", bearer(authorization="Bearer wrong")),
        ("desk", {"content-type": "application/json"}),
        ("tw", {"x-twilio-signature": "AAAA"}),
        ("nobody", bearer()),
        ("", signed(body)),
        ("pbx/more", signed(body)),
        ("pbx%00", signed(body)),
        ("PBX", signed(body)),
    ]
    answers = [
        await product.client.post(f"/hooks/{slug}", content=body, headers=headers)
        for slug, headers in attempts
    ]
    assert {a.status_code for a in answers} == {401}
    assert len({a.content for a in answers}) == 1
    kept = {k: v for k, v in answers[0].headers.items() if k != "date"}
    assert all({k: v for k, v in a.headers.items() if k != "date"} == kept for a in answers)
    async with await product.as_user("sue@example.com") as sue:
        assert (await sue.get("/api/v1/calls/pbx:c-401")).status_code == 404


@module_wide
async def test_each_byte_of_body_and_headers_is_covered_by_the_signature(product: Product) -> None:
    body = json.dumps(event("c-flip")).encode()
    headers = signed(body)
    changed: list[tuple[bytes, dict[str, str]]] = [
        (body[:n] + bytes([body[n] ^ 1]) + body[n + 1 :], headers) for n in range(0, len(body), 7)
    ]
    for name in ("webhook-id", "webhook-timestamp"):
        flipped = headers[name][:-1] + chr(ord(headers[name][-1]) ^ 1)
        changed.append((body, {**headers, name: flipped}))
    for content, sent in changed:
        answer = await product.client.post("/hooks/pbx", content=content, headers=sent)
        assert answer.status_code == 401
    answer = await product.client.post("/hooks/pbx", content=body, headers=headers)
    assert answer.status_code == 202


@module_wide
@pytest.mark.parametrize("body", [b"not json", b"[" * 1000, b"\xff\xfe", b'{"event": "boom"}'])
async def test_nothing_is_parsed_before_the_sender_is_proved(product: Product, body: bytes) -> None:
    answer = await product.client.post("/hooks/pbx", content=body, headers={"webhook-id": "1"})
    assert answer.status_code == 401


@module_wide
@pytest.mark.parametrize(("age_s", "status"), [(290, 202), (310, 401), (-290, 202), (-310, 401)])
async def test_a_signature_holds_for_five_minutes(
    product: Product, age_s: int, status: int
) -> None:
    body = json.dumps(event(f"c-age{age_s}")).encode()
    then = datetime.now(UTC) - timedelta(seconds=age_s)
    headers = signed(body) | {
        "webhook-timestamp": str(int(then.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", then, body.decode()),
    }
    answer = await product.client.post("/hooks/pbx", content=body, headers=headers)
    assert answer.status_code == status


@module_wide
async def test_a_bearer_token_is_enough(product: Product) -> None:
    answer = await product.client.post("/hooks/pbx", json=event("c-token"), headers=bearer())
    assert answer.status_code == 202
    assert answer.json() == {"call_id": "pbx:c-token", "duplicate": False}
    assert answer.headers["content-type"] == "application/json"


@module_wide
async def test_a_slug_of_the_last_moment_works_at_once(product: Product, tmp_path: Path) -> None:
    settings = product.settings
    db = Database(settings.database)
    try:
        text = "phone_systems:\n" + "".join(
            f"  - {{slug: {slug}, kind: generic, settings: {{token: {{env: T}}}}}}\n"
            for slug in ("pbx", "fresh")
        )
        plan = plan_text(text + OTHER_SYSTEMS.lstrip("\n"), _env("brand-new"), "t.yaml", tmp_path)
        await apply_plan(db, SecretBox([str(settings.secret_keys)]), plan)
        headers = bearer(authorization="Bearer brand-new")
        answers = await asyncio.gather(
            *(
                product.client.post(f"/hooks/{slug}", json=event(f"c-{n}{slug}"), headers=headers)
                for slug in ("fresh", "pbx")
                for n in range(8)
            )
        )
        assert {a.status_code for a in answers} == {202}
    finally:
        await db.dispose()
        await configure(product)


def _env(token: str) -> dict[str, str]:
    return {"T": token, "PBX_TOKEN": TOKEN, "TWILIO_TOKEN": TWILIO_TOKEN}


# What is too much, too little or too slow.


@module_wide
async def test_a_body_of_256_kib_is_read_and_one_byte_more_is_not(product: Product) -> None:
    whole = json.dumps(event("c-large")).encode()
    fits = whole + b" " * (LARGEST - len(whole))
    answer = await product.client.post("/hooks/pbx", content=fits, headers=bearer())
    assert answer.status_code == 202
    answer = await product.client.post("/hooks/pbx", content=fits + b" ", headers=bearer())
    assert (answer.status_code, answer.json()["title"]) == (413, "too_large")
    assert answer.headers["content-type"] == "application/problem+json"


@module_wide
async def test_a_body_that_says_its_size_is_refused_unread(product: Product) -> None:
    async with connection(product) as (reader, writer):
        writer.write(head(10_000_000, authorization=f"Bearer {TOKEN}"))
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)


@module_wide
async def test_a_body_that_does_not_say_its_size_is_cut_at_the_limit(product: Product) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 65_536

    answer = await product.client.post("/hooks/pbx", content=stream(), headers=bearer())
    assert answer.status_code == 413
    async with asyncio.timeout(10):  # It is kept beside the answer.
        while not any(r["status"] == 413 for r in await refusals(product)):
            await asyncio.sleep(0.02)


@module_wide
async def test_a_body_that_is_cut_off_leaves_nothing_behind(product: Product) -> None:
    body = json.dumps(event("c-cut")).encode()
    async with connection(product) as (_, writer):
        writer.write(head(len(body), authorization=f"Bearer {TOKEN}") + body[:-5])
        await writer.drain()
    answer = await product.client.post("/hooks/pbx", content=body, headers=bearer())
    assert answer.json() == {"call_id": "pbx:c-cut", "duplicate": False}


@module_wide
async def test_a_slow_sender_holds_nobody_up_and_is_given_up(product: Product) -> None:
    async with connection(product) as (reader, writer):
        writer.write(head(100, authorization=f"Bearer {TOKEN}") + b'{"event"')
        await writer.drain()
        for number in range(5):
            answer = await product.client.post(
                "/hooks/pbx", json=event(f"c-quick{number}"), headers=bearer()
            )
            assert answer.status_code == 202
        skip(SLOWEST_BODY_S)
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
        rest = await asyncio.wait_for(reader.read(), 5)  # To the end: the connection is closed.
        assert b'"title":"timeout"' in rest


@module_wide
async def test_other_methods_are_told_how(product: Product) -> None:
    answer = await product.client.put("/hooks/pbx", content=b"{}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@module_wide
async def test_answers_are_no_pages(product: Product) -> None:
    for answer in (
        await product.client.post("/hooks/nobody"),
        await product.client.post("/hooks/pbx", json=event("c-headers"), headers=bearer()),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
