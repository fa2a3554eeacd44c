"""`create_app`: the web application, with the hot paths in front of FastAPI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from app.api import (
    calls,
    checks,
    connectors,
    customers,
    explaining,
    health,
    health_overview,
    lookup,
    mending,
    oauth,
    people_import,
    phone_systems,
    phone_tests,
    profiles,
    rules,
    session,
    setup,
    source_health,
    suggestions,
    syncs,
    uploads,
    users,
    versions,
)
from app.api.body_limit import BodyLimit
from app.api.hooks import Hooks
from app.api.inward import Inward
from app.api.problems import answer_problems
from app.api.socket import Sockets
from app.garbage import spare_the_collector
from app.jobs import LOGINS_EVERY_S, every, finish, recover, start_jobs
from app.runtime import Clock, open_runtime, utc_now
from app.settings import Settings, load_settings
from app.setup_code import tell_setup_code

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {ancestors}; object-src 'none'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_PAGES = {
    "/": "index.html",
    "/widget": "widget.html",
    "/admin": "admin.html",
    "/admin/{page:path}": "admin.html",
}
_NO_UI = (
    "The pages are not built. Run `make` in the checkout (it needs Node 20 or later), or install "
    "the wheel, which carries them. The API works without them."
)
_NO_PAGE = "This page is not there yet; configure with `screenpop apply` and the API."


class ScreenPop:
    """The ASGI application: `/hooks` and `/ws` go straight to their handlers."""

    def __init__(self, settings: Settings, clock: Clock, *, run_migrations: bool) -> None:
        self._settings = settings
        self._clock = clock
        self._run_migrations = run_migrations
        self._hooks: Hooks | None = None
        self._sockets: Sockets | None = None
        self.api = _api(self._lifespan)
        self._served = SecurityHeaders(self.api, settings)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Dispatch one connection."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith("/hooks/") and self._hooks is not None:
            await self._hooks(scope, receive, send)
        elif scope["type"] == "websocket":
            if path == "/ws" and self._sockets is not None:
                await self._sockets(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
        else:
            await self._served(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        runtime = await open_runtime(
            self._settings, clock=self._clock, run_migrations=self._run_migrations
        )
        try:
            app.state.runtime = runtime
            sockets = Sockets(runtime)
            self._hooks, self._sockets = Hooks(runtime), sockets
            app.state.inward = Inward(self._hooks)
            await recover(runtime)
            await tell_setup_code(runtime)
            start_jobs(runtime)
            runtime.spawn(every(LOGINS_EVERY_S, sockets.close_ended_logins))
            spare_the_collector()
            yield
            await sockets.close_all()
            await finish(runtime)
        finally:
            await runtime.close()


class SecurityHeaders:
    """Adds the security headers to every answer, errors and files included."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app = app
        https = (settings.public_url or "").startswith("https://")
        self._hsts = ((b"strict-transport-security", b"max-age=31536000"),) if https else ()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request with the headers added."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        ancestors = "'self'" if path == "/widget" else "'none'"
        extra = [
            (b"content-security-policy", _CSP.format(ancestors=ancestors).encode()),
            *_HEADERS,
            *self._hsts,
        ]
        if not path.startswith("/assets/"):
            extra.append((b"cache-control", b"no-store"))

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in extra}
                kept = [h for h in message["headers"] if h[0].lower() not in given]
                message = {**message, "headers": [*kept, *extra]}
            await send(message)

        await self._app(scope, receive, with_headers)


def _api(lifespan: Any) -> FastAPI:
    app = FastAPI(title="screenpop", version="1", docs_url=None, redoc_url=None, lifespan=lifespan)
    answer_problems(app)
    app.add_middleware(BodyLimit)
    for module in (
        session,
        setup,
        users,
        people_import,
        phone_tests,
        phone_systems,
        uploads,
        connectors,
        versions,
        checks,
        mending,
        customers,
        oauth,
        source_health,
        syncs,
        calls,
        profiles,
        lookup,
        suggestions,
        explaining,
        rules,
        health_overview,
        health,
    ):
        app.include_router(module.router)
    _add_pages(app)
    return app


def ui_folder() -> Path | None:
    """Return the built pages: in the wheel, else in the checkout; None when not built."""
    here = Path(__file__).parent
    for folder in (here / "_ui", here.parent / "screenpop_ui" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None


def _add_pages(app: FastAPI) -> None:
    folder = ui_folder()
    for path, name in _PAGES.items():
        file = folder / name if folder else None

        def page(asked: str, file: Path | None = file) -> Response:
            if file is None:
                return PlainTextResponse(_NO_UI, status_code=503)
            if not file.is_file():
                return PlainTextResponse(_NO_PAGE, status_code=404)
            return HTMLResponse(_addressed_from(asked, file.read_text("utf-8")))

        app.add_route(path, _endpoint(page), include_in_schema=False)
    if folder is not None and (folder / "assets").is_dir():
        app.mount("/assets", StaticFiles(directory=folder / "assets"))


def _addressed_from(path: str, html: str) -> str:
    """Return the page with its addresses, relative to the root, made relative to this path."""
    return (
        html.replace('="./', '="' + "../" * (path.count("/") - 1)) if path.count("/") > 1 else html
    )


def _endpoint(page: Any) -> Any:
    async def endpoint(request: Any) -> Response:
        return page(request.url.path)  # type: ignore[no-any-return]

    return endpoint


def create_app(
    settings: Settings | None = None, *, clock: Clock = utc_now, run_migrations: bool = True
) -> ScreenPop:
    """Make the application; nothing is opened before it starts serving.

    Raises:
        UserError: a setting is wrong.
    """
    return ScreenPop(settings or load_settings(), clock, run_migrations=run_migrations)


def served_by_worker() -> ScreenPop:
    """Make the application in a worker process, whose parent has migrated the database."""
    return create_app(run_migrations=False)
