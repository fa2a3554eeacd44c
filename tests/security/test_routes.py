"""Every route declares who may call it, and every error says nothing about the inside."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from logging import getLogger
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi.routing import iter_route_contexts

from app.api.deps import Allow, Public
from app.logs import configure_logging
from app.main import create_app
from app.settings import Settings
from tests.api.conftest import Site, open_site
from tests.api.test_session import problem

# Read without logging in, and the same for everybody.
OPEN_PAGES = {"/", "/widget", "/admin", "/admin/{page:path}", "/assets", "/openapi.json"}

# Who may call what is not for administrators alone.
NOT_ADMIN_ONLY = {
    "/api/v1/session",
    "/api/v1/session/password",
    "/api/v1/setup/first-admin",
    "/api/v1/sessions",
    "/api/v1/users/{user_id}/tokens",
    "/api/v1/users/{user_id}/tokens/{token_id}",
}


@pytest.fixture
async def site(sqlite_url: str, tmp_path: Path) -> Any:
    async with open_site(sqlite_url, tmp_path) as site:
        yield site


def calls(dependant: Any) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def routes() -> list[tuple[str, set[str], list[Allow | Public]]]:
    app = create_app(Settings())
    found = []
    for route in iter_route_contexts(app.api.routes):
        if route.path in OPEN_PAGES:
            continue
        declared = [c for c in calls(route.dependant) if isinstance(c, Allow | Public)]
        found.append((str(route.path), set(route.methods or ()), declared))
    return found


def test_every_route_declares_who_may_call_it_exactly_once() -> None:
    assert len(routes()) > 20
    assert [path for path, _, declared in routes() if len(declared) != 1] == []


def test_only_the_expected_routes_are_open_to_everybody() -> None:
    public = {
        (path, *sorted(methods))
        for path, methods, declared in routes()
        if any(isinstance(each, Public) for each in declared)
    }
    assert {path for path, *_ in public if path.startswith("/api/")} == {
        "/api/v1/session",
        "/api/v1/setup/first-admin",
    }
    assert ("/api/v1/session", "POST") in public


def test_configuration_and_people_are_for_administrators() -> None:
    areas = ("users", "sessions", "session", "phone-system", "connector", "oauth", "setup", "rules")
    for path, _, declared in routes():
        area = path.removeprefix("/api/v1/").split("/")[0]
        if area.startswith(areas) and path not in NOT_ADMIN_ONLY:
            assert [each.roles for each in declared if isinstance(each, Allow)] == [{"admin"}], path


async def test_every_route_refuses_who_is_not_logged_in(site: Site) -> None:
    stranger = site.client()
    for path, methods, declared in routes():
        for method in methods - {"HEAD"} if isinstance(declared[0], Allow) else ():
            slug = path.replace("{slug}", "pbx").replace("{call_id}", "pbx:1")
            url = slug.replace("{user_id}", "0" * 32).replace("{token_id}", "0" * 32)
            answer = await stranger.request(method, url)
            assert problem(answer) == (401, "not_logged_in"), (method, path)


async def test_every_admin_route_refuses_an_agent(site: Site) -> None:
    agent = await site.program("ada@example.com")
    for path, methods, declared in routes():
        if not isinstance(declared[0], Allow) or "agent" in declared[0].roles:
            continue
        url = path.replace("{slug}", "pbx").replace("{user_id}", "0" * 32)
        for method in methods:
            answer = await agent.request(method, url)
            assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("DELETE", "/api/v1/users", 405, "method_not_allowed"),
    ],
)
async def test_errors_of_the_framework_are_problems_too(
    site: Site, method: str, path: str, status: int, code: str
) -> None:
    assert problem(await site.client().request(method, path)) == (status, code)


async def test_a_body_that_is_not_json_is_told_so(site: Site) -> None:
    json = {"content-type": "application/json"}
    answer = await site.client().post("/api/v1/session", content=b"{nope", headers=json)
    assert problem(answer) == (400, "not_json")
    for text in (b'{"email": "\\ud800", "password": "x"}', b"[" * 100_000):
        answer = await site.client().post("/api/v1/session", content=text, headers=json)
        assert answer.status_code in (400, 422)


async def test_a_large_body_is_refused_before_anybody_logs_in(site: Site) -> None:
    json = {"content-type": "application/json"}
    told = await site.client().post("/api/v1/session", content=b" " * 1_100_000, headers=json)
    assert problem(told) == (413, "too_large")

    async def endless() -> Any:
        while True:
            yield b" " * 65_536

    found = await site.client().post("/api/v1/session", content=endless(), headers=json)
    assert problem(found) == (413, "too_large")


@pytest.fixture(params=["console", "json"])
def logged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What is logged, in each of the formats."""
    root = getLogger()
    handlers, level = root.handlers, root.level
    log = StringIO()
    monkeypatch.setattr("sys.stderr", log)
    configure_logging(request.param, "debug")
    yield log
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


async def test_a_fault_of_ours_is_answered_with_an_id_and_nothing_else(
    site: Site, logged: StringIO
) -> None:
    program = await site.program("ada@example.com")
    await site.runtime.db.dispose()
    for path in Path(site.runtime.settings.database.removeprefix("sqlite:///")).parent.iterdir():
        if path.name.startswith("screenpop.db"):
            path.unlink()
    answer = await program.get("/api/v1/session")
    assert problem(answer) == (500, "unexpected")
    assert "the id" in answer.json()["detail"]
    for inside in ("Traceback", "sqlite", "SELECT", "session", "/"):
        assert inside not in answer.json()["detail"]
    log = logged.getvalue()
    assert answer.json()["detail"].split()[-1] in log
    assert "OperationalError" in log
    assert program.headers["authorization"].split()[1] not in log
