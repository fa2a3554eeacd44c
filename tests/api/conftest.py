"""The whole application on a database of the test's own, and people who use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from app.main import ScreenPop, create_app
from app.passwords import hash_password
from app.runtime import Runtime
from app.settings import Settings
from app.store import accounts, logins

PASSWORD = "seven pumps in a row"


class Clock:
    """The time, which only a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Site:
    """A running application."""

    app: ScreenPop
    clock: Clock
    url: str
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.app.api.state.runtime
        return runtime

    def client(self, address: str = "192.0.2.1", **headers: str) -> httpx.AsyncClient:
        """A program or browser at this address."""
        transport = httpx.ASGITransport(
            app=self.app, client=(address, 50000), raise_app_exceptions=False
        )
        client = httpx.AsyncClient(transport=transport, base_url=self.url, headers=headers)
        self._clients.append(client)
        return client

    async def browser(self, email: str, password: str = PASSWORD) -> httpx.AsyncClient:
        """A browser of our own pages in which somebody is logged in."""
        browser = self.client(origin=self.url)
        answer = await browser.post("/api/v1/session", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return browser

    async def program(self, email: str) -> httpx.AsyncClient:
        """A program with a token of this user."""
        async with self.runtime.db.begin() as session:
            user = await accounts.user_by_email(session, email)
            assert user is not None
            _, token = await logins.create_token(session, user.id, None, None, self.clock())
        return self.client(authorization=f"Bearer {token}")

    async def user_id(self, email: str) -> str:
        async with self.runtime.db.read() as session:
            user = await accounts.user_by_email(session, email)
        assert user is not None
        return user.id

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


PEOPLE: tuple[tuple[str, str, list[str]], ...] = (
    ("ada", "agent", ["101"]),
    ("sue", "supervisor", []),
    ("zoe", "admin", []),
)


@asynccontextmanager
async def open_site(database_url: str, data: Path, public_url: str | None = None) -> Any:
    clock = Clock()
    settings = Settings(
        data_dir=data,
        database_url=database_url,
        secret_keys=Fernet.generate_key().decode(),
        public_url=public_url,
    )
    app = create_app(settings, clock=clock)
    async with app.api.router.lifespan_context(app.api):
        site = Site(app, clock, public_url or "http://pop.test")
        hashed = await hash_password(PASSWORD)
        async with site.runtime.db.begin() as session:
            for name, role, extensions in PEOPLE:
                fields = {
                    "email": f"{name}@example.com",
                    "name": name.title(),
                    "role": role,
                    "extensions": extensions,
                    "queues": [],
                }
                await accounts.create_user(session, fields, clock(), hashed)
        await site.runtime.reload()
        yield site
        await site.close()


@pytest.fixture
async def site(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(sqlite_url, tmp_path) as site:
        yield site


@pytest.fixture
async def either_site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(database_url, tmp_path) as site:
        yield site


@pytest.fixture
async def secure_site(tmp_path: Path) -> AsyncIterator[Site]:
    url = f"sqlite:///{tmp_path / 'secure.db'}"
    async with open_site(url, tmp_path, "https://pop.example.com") as site:
        yield site
