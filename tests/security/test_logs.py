"""What a running product writes to its log: no secret, no whole number, no line of a stranger's."""

from __future__ import annotations

import json
import logging
import re
from io import StringIO
from pathlib import Path

import pytest
import structlog
from websockets.asyncio.client import connect

from app.logs import configure_logging
from app.store import accounts, logins
from tests.connectors.web import reply, web_server
from tests.faults.server import Served, served
from tests.product import SECRET, TOKEN, USERS, settings_for

CALLER = "+442079460958"
CANARY = "canary7f3a"
HOSTILE = "\n\x1b[31mforged\u202e line"
CONFIGURATION = """
  - {{slug: desk, kind: zammad, settings: {{token: {{env: PBX_TOKEN}}}}}}
connectors:
  - slug: shop
    kind: rest
    name: Shop
    settings:
      base_url: {shop}
      allow_private_network: true
      currency: EUR
      auth: {{kind: bearer, token: {{env: CANARY}}}}
      find: {{path: /search, query: {{phone: "{{e164}}"}}}}
      purchases: {{path: "/orders/{{remote_id}}"}}
  - slug: ledger
    kind: sql
    settings:
      url: {{env: LEDGER_URL}}
      currency: EUR
      queries: {{balance: "SELECT 1 AS balance WHERE :remote_id = '1'"}}
"""


async def ask_everything(product: Served) -> None:
    """Do what should work and what should not, with canaries in every place."""
    post, get = product.client.post, product.client.get
    async with product.screen("ada@example.com") as ada:
        for n, cnam in enumerate(("KESTREL", HOSTILE)):
            call_id = await product.event(
                "ringing", f"c-{n}", ani=CALLER, extension="101", cnam=cnam,
                collected={"pin": f"{CANARY}-pin"},
            )  # fmt: skip
            await ada.whole(call_id)
        await ada.socket.send(json.dumps({"type": HOSTILE}))
        await ada.until(lambda s: s.messages[-1]["type"] == "error")
    await product.send(event=HOSTILE, call_id="c-1", ani=CALLER, event_id="e-1")
    await product.send(event="ringing", call_id=CALLER, occurred_at=HOSTILE, event_id="e-2")
    await product.send(slug="pbx", sign=False, event="ringing", call_id="c-1", ani=CALLER)
    await post(f"/hooks/desk?token={CANARY}", json={"event": "newCall", "from": CALLER})
    await post(f"/hooks/desk?token={TOKEN}", json={"event": HOSTILE, "from": CALLER})
    await post("/hooks/pbx", content=b"{", headers={"authorization": f"Bearer {TOKEN}"})
    await post("/hooks/pbx", content=b"{", headers={"authorization": f"Bearer {CANARY}"})
    await post("/api/v1/session", json={"email": "ada@example.com", "password": CANARY})
    await get(f"/api/v1/calls?token={CANARY}", headers={"authorization": f"Bearer {CANARY}"})
    await get(f"/{CANARY}/%0aforged")
    async with await product.as_user("sue@example.com") as sue:
        assert (await sue.get(f"/api/v1/profiles?phone=%2B{CALLER[1:]}")).status_code == 200
    async with connect(f"{product.ws_url}?token={CANARY}") as socket:
        await socket.wait_closed()


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_the_log_holds_no_secret_no_number_and_no_forged_line(
    migrated_sqlite_url: str, tmp_path: Path, log_format: str
) -> None:
    settings = settings_for(migrated_sqlite_url, tmp_path)
    chatty = {"SCREENPOP_LOG_FORMAT": log_format, "SCREENPOP_LOG_LEVEL": "debug"}
    ledger_url = f"postgresql://reader:{CANARY}@127.0.0.1:1/ledger"
    async with web_server() as web, served(settings, environment=chatty) as product:
        shopper = {"remote_id": 1, "display_name": HOSTILE, "phone": CALLER}
        web.answers |= {
            "/search": reply([shopper]),
            "/orders/1": reply({"error": f"{HOSTILE} {CANARY}"}, 500),
        }
        text = USERS + CONFIGURATION.format(shop=web.url)
        await product.configure(text, CANARY=CANARY, LEDGER_URL=ledger_url)
        token, cookie = await product.token("ada@example.com"), await session_of(product)
        program = {"authorization": f"Bearer {token}"}
        assert (await product.client.get("/api/v1/session", headers=program)).is_success
        browser = {"cookie": f"screenpop_session={cookie}"}
        assert (await product.client.get("/api/v1/session", headers=browser)).is_success
        await ask_everything(product)
    log = product.log.read_text()
    assert "hook_refused" in log
    secrets = [CANARY, TOKEN, SECRET, SECRET.removeprefix("whsec_"), token, cookie]
    for secret in [*secrets, str(settings.secret_keys)]:
        assert secret not in log
    for number in (CALLER[1:], "2079460958", "020 7946 0958"):
        assert number not in log
    assert "\x1b[31m" not in log
    assert "\u202e" not in log
    if log_format == "json":
        for line in log.splitlines():
            assert line.startswith(("{", "screenpop serves on"))
    assert not re.search(r"^\W*(\[31m)?forged", log, re.MULTILINE)


async def session_of(product: Served) -> str:
    rt = product.runtime
    async with rt.db.begin() as session:
        user = await accounts.user_by_email(session, "ada@example.com")
        assert user is not None
        return await logins.start_session(session, user.id, rt.clock())


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_stranger_can_neither_begin_a_line_nor_colour_one(
    log_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = StringIO()
    monkeypatch.setattr("sys.stderr", written)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        configure_logging(log_format, "info")
        structlog.get_logger("test").warning("said", words=HOSTILE, number=f"from {CALLER}")
        logging.getLogger("library").warning("said %s from %s", HOSTILE, CALLER)
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            structlog.get_logger("test").exception("failed")
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
    log = written.getvalue()
    assert "\x1b" not in log
    assert "\u202e" not in log
    assert CALLER not in log
    before_the_traceback = log.split("Traceback")[0].splitlines()
    assert len(before_the_traceback) == 3
