"""Secrets that are put in never come out: not in an answer, an export, or the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from io import StringIO
from logging import getLogger
from pathlib import Path
from typing import Any

import pytest
import structlog

from app.configure import export
from app.logs import configure_logging
from tests.api.conftest import Site, open_site

CANARY = "canary7f3a"
SECRETS = {
    "secret": f"whsec_{CANARY}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "token": f"{CANARY}-token-0123456789",
    "url": f"postgresql://reader:{CANARY}@127.0.0.1:1/ledger",
    "password": f"{CANARY} pumps in a row",
}


@pytest.fixture(params=["console", "json"])
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    root = getLogger()
    handlers, level = root.handlers, root.level
    written = StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logging(request.param, "debug")
    yield written
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
async def site(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(sqlite_url, tmp_path) as site:
        yield site


def bodies() -> list[tuple[str, str, Any]]:
    """Requests that hold secrets: right ones, and wrong ones that are answered with errors."""
    generic = {"secret": SECRETS["secret"], "token": SECRETS["token"]}
    sql = {"url": SECRETS["url"], "queries": {"balance": "SELECT :remote_id"}}
    pbx, books = "/api/v1/phone-systems/pbx", "/api/v1/connectors/books"
    return [
        ("PUT", pbx, {"kind": "generic", "settings": generic}),
        ("PUT", pbx, {"kind": "generic", "settings": {**generic, "secret": CANARY}}),
        ("PUT", pbx, {"kind": "generic", "settings": {**generic, "secret": {CANARY: CANARY}}}),
        ("PUT", pbx, {"kind": "generic", "settings": {**generic, "tokn": CANARY}}),
        ("PUT", pbx, {"kind": "zammad", "settings": generic}),
        ("PUT", books, {"kind": "sql", "settings": sql}),
        ("PUT", books, {"kind": "sql", "settings": {**sql, "url": f"nope:{CANARY}"}}),
        ("PUT", books, {"kind": "sql", "settings": {**sql, "url": [CANARY]}}),
        ("POST", "/api/v1/connectors/check", {"kind": "sql", "settings": sql}),
        (
            "POST",
            "/api/v1/connectors/check",
            {"kind": "sql", "settings": {**sql, "url": f"postgresql://{CANARY}"}},
        ),
        ("POST", f"{books}/check", {}),
        (
            "POST",
            "/api/v1/users",
            {"email": "c@x.org", "name": "C", "role": "agent", "password": SECRETS["password"]},
        ),
        ("POST", "/api/v1/users", {"email": "c", "password": CANARY}),
        ("POST", "/api/v1/session", {"email": "c@x.org", "password": f"{CANARY} wrong"}),
        ("POST", "/api/v1/session", {"email": "c@x.org", "password": SECRETS["password"]}),
        ("POST", "/api/v1/session", {"email": 5, "password": [CANARY]}),
    ]


async def test_secrets_never_come_out(site: Site, log: StringIO) -> None:
    admin = await site.browser("zoe@example.com")
    answers = [await admin.request(method, url, json=body) for method, url, body in bodies()]
    assert {answer.status_code for answer in answers} == {200, 201, 401, 422}
    admin = await site.browser("zoe@example.com")
    for url in (
        "/api/v1/phone-systems",
        "/api/v1/phone-systems/pbx",
        "/api/v1/phone-systems/pbx/events",
        "/api/v1/connectors",
        "/api/v1/connectors/books",
        "/api/v1/users",
        "/api/v1/connector-kinds",
        "/api/v1/phone-system-kinds",
        "/openapi.json",
        "/api/v1/profiles?phone=%2B442079460958",
    ):
        answers.append(await admin.get(url))
        assert answers[-1].status_code == 200, url
    assert site.runtime.sources.get("books") is not None
    for answer in answers:
        # The name of an unknown field is told; nothing that stands in a value is.
        assert CANARY not in answer.text.replace(f"/{CANARY}", ""), answer.request.url
        assert CANARY not in str(answer.headers)
    assert CANARY not in await export(site.runtime.db, site.runtime.secrets)
    assert CANARY not in log.getvalue()


async def test_secrets_are_not_readable_in_the_database_files(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    for method, url, body in bodies():
        await admin.request(method, url, json=body)
    folder = Path(site.runtime.settings.data_dir)
    kept = b"".join(file.read_bytes() for file in folder.glob("screenpop.db*"))
    assert b"zoe@example.com" in kept
    assert CANARY.encode() not in kept
