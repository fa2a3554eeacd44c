"""The same security headers on everything: pages, files, answers and errors."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.main import ui_folder
from tests.product import Product, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")
CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "form-action": "'self'",
}
PATHS = {
    "/": 200,
    "/widget": 200,
    "/assets/nothing.js": 404,
    "/assets/../pyproject.toml": 404,
    "/nothing": 404,
    "/openapi.json": 200,
    "/healthz": 200,
    "/readyz": 200,
    "/metrics": 200,
    "/api/v1/nothing": 404,
    "/api/v1/session": 401,
    "/api/v1/users": 401,
    "/api/v1/profiles": 401,
    "/docs": 404,
    "/redoc": 404,
    "/debug": 404,
    "/.env": 404,
    "/assets/%2e%2e/%2e%2e/app/main.py": 404,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    folder = tmp_path_factory.mktemp("headers")
    database = folder / "screenpop.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    settings = settings_for(f"sqlite:///{database}", folder, public_url="https://pop.example.com")
    async with Product.running(settings) as running:
        await running.configure()
        yield running


def policy_of(answer: httpx.Response) -> dict[str, str]:
    rules = (rule.strip().split(" ", 1) for rule in answer.headers[CSP_HEADER].split(";"))
    return {name: value for name, value in rules}  # noqa: C416 - two-element lists


CSP_HEADER = "content-security-policy"


def check(answer: httpx.Response) -> None:
    headers = answer.headers
    policy = policy_of(answer)
    assert {name: policy[name] for name in CSP} == CSP
    assert "unsafe" not in headers[CSP_HEADER]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert int(headers["strict-transport-security"].removeprefix("max-age=")) >= 31_536_000
    assert "server" not in headers
    assert "x-powered-by" not in headers
    assert "access-control-allow-origin" not in headers
    for name in (CSP_HEADER, "x-content-type-options", "cache-control"):
        assert len(headers.get_list(name)) <= 1, name


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_the_headers(product: Product, path: str) -> None:
    answer = await product.client.get(path, headers={"origin": "https://evil.example"})
    expected = PATHS[path]
    if path in ("/", "/widget") and ui_folder() is None:
        expected = 503
    assert answer.status_code == expected
    check(answer)
    if not path.startswith("/assets/"):
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/session", b"{", 400),
        ("POST", "/api/v1/session", b"{}", 422),
        ("POST", "/api/v1/session", b" " * 1_100_000, 413),
        ("DELETE", "/api/v1/users", b"", 405),
        ("OPTIONS", "/api/v1/users", b"", 405),
        ("POST", "/", b"", 405),
    ],
)
async def test_errors_have_them_too(
    product: Product, method: str, path: str, body: bytes, status: int
) -> None:
    json = {"content-type": "application/json"}
    answer = await product.client.request(method, path, content=body, headers=json)
    assert answer.status_code == status
    check(answer)


async def test_files_of_the_pages_have_them_and_may_be_kept(product: Product) -> None:
    folder = ui_folder()
    if folder is None:
        pytest.skip("the pages are not built")
    for file in (folder / "assets").iterdir():
        answer = await product.client.get(f"/assets/{file.name}")
        assert answer.status_code == 200
        check(answer)
        assert "no-store" not in answer.headers.get("cache-control", "")


async def test_only_the_widget_may_stand_in_a_frame(product: Product) -> None:
    ancestors = {
        path: policy_of(await product.client.get(path))["frame-ancestors"]
        for path in ("/", "/widget", "/admin", "/api/v1/session")
    }
    assert ancestors.pop("/widget") == "'self'"
    assert set(ancestors.values()) == {"'none'"}


async def test_the_pages_obey_the_policy(product: Product) -> None:
    if ui_folder() is None:
        pytest.skip("the pages are not built")
    for path in ("/", "/widget"):
        page = (await product.client.get(path)).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        for address in re.findall(r'(?:src|href)="([^"]*)"', page):
            assert address.startswith(("/", "./", "data:")), address


async def test_figures_are_not_for_strangers(product: Product) -> None:
    figures = await product.client.get("/metrics", headers={"x-forwarded-for": "192.0.2.1"})
    assert figures.status_code == 401
    async with await product.as_user("ada@example.com") as agent:
        answer = await agent.get("/metrics", headers={"x-forwarded-for": "192.0.2.1"})
        assert answer.status_code == 401
    async with await product.as_user("root@example.com") as admin:
        answer = await admin.get("/metrics", headers={"x-forwarded-for": "192.0.2.1"})
        assert answer.status_code == 200


async def test_figures_hold_nothing_personal(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", "c-m", ani="+442079460958", extension="101")
        await ada.pop(call_id)
        await product.client.post("/hooks/442079460958", content=b"{}")
    figures = (await product.client.get("/metrics")).text
    assert 'screenpop_hooks_total{phone_system="pbx",status="202"}' in figures
    for personal in ("2079460958", "c-m", "ada@example.com", "Ada"):
        assert personal not in figures
