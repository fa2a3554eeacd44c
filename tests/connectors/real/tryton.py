"""A real Tryton server (trytond from PyPI) on loopback, with a business entered by proteus.

Making the databases takes half a minute: they are kept in the folder of temporary files, and each
test process serves a copy of its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import pytest_asyncio

from connectors.sdk.connector import Context
from connectors.tryton import TrytonConfig, TrytonConnector
from tests.connectors.web import Request as HttpRequest
from tests.connectors.web import WebServer, reply, web_server
from tests.servers import free_port, running

PASSWORD = "long enough, harbour 7"
_SEED = "tests.connectors.real.tryton_seed"
_DATABASES = ("full.sqlite", "small.sqlite")


class Tryton:
    """The running server. `ask` acts as a person in the office: user `admin`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self._header: dict[str, str] = {}
        self._context: dict[str, Any] = {}

    def ask(self, model: str, method: str, *parameters: Any) -> Any:
        """Call a method in the office's context."""
        if not self._header:
            user, key, _ = self._post("common.db.login", "admin", {"password": PASSWORD}, "en")
            session = b64encode(f"admin:{user}:{key}".encode()).decode()
            self._header = {"Authorization": f"Session {session}"}
            self._context = self._post("model.res.user.get_preferences", True, {})
        return self._post(f"model.{model}.{method}", *parameters, self._context)

    def execute(self, statement: str, *values: Any) -> int:
        """Change the database behind Tryton's back; returns how many rows."""
        path = self._folder / "full.sqlite"
        with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            return connection.execute(statement, values).rowcount

    def _post(self, method: str, *parameters: Any) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": parameters}).encode()
        headers = {"Content-Type": "application/json", **self._header}
        with urlopen(Request(f"{self.url}/full/rpc/", body, headers), timeout=60) as answer:
            found = json.load(answer)
        if "error" in found:
            raise RuntimeError(found["error"])
        return found["result"]


NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def connector(
    url: str, now: Callable[[], datetime] = lambda: NOW, **settings: Any
) -> TrytonConnector:
    given = {
        "base_url": url,
        "database": "full",
        "username": "screenpop",
        "password": PASSWORD,
        "allow_private_network": True,
        **settings,
    }
    return TrytonConnector(TrytonConfig(**given), Context("erp", now=now))


Connect = Callable[..., TrytonConnector]


@pytest_asyncio.fixture
async def connect_tryton() -> AsyncIterator[Connect]:
    """Return `connector`, whose results are closed after the test."""
    made: list[TrytonConnector] = []

    def make(url: str, *given: Any, **settings: Any) -> TrytonConnector:
        made.append(connector(url, *given, **settings))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


@pytest.fixture(scope="session")
def tryton_databases() -> Path:
    """Return the folder of the databases, made by the first test process that needs them."""
    folder = Path(tempfile.gettempdir()) / f"screenpop-test-tryton-{os.getuid()}-{_edition()}"
    done = folder / "done"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _configure(folder)
            (folder / "password").write_text(PASSWORD)
            command = [sys.executable, "-m", _SEED, str(folder)]
            root = Path(__file__).parents[3]
            made = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
            assert made.returncode == 0, made.stderr[-3000:]
            done.touch()
    return folder


def _edition() -> str:
    """Name what the databases depend on: what enters them, and Tryton's own versions."""
    modules = [f"{d.name} {d.version}" for d in distributions() if d.name.startswith("trytond")]
    programs = [Path(__file__).with_name(f"tryton_{name}.py") for name in ("office", "seed")]
    texts = [PASSWORD, *sorted(modules), *(program.read_text() for program in programs)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


@pytest.fixture(scope="session")
def tryton(tryton_databases: Path) -> Iterator[Tryton]:
    """One Tryton for each test process, started when the first test needs it."""
    with running_tryton(tryton_databases) as server:
        yield server


@contextmanager
def running_tryton(databases: Path) -> Iterator[Tryton]:
    """Serve copies of the databases until the block ends."""
    with tempfile.TemporaryDirectory(prefix="screenpop-tryton-") as name:
        folder, port = Path(name), free_port()
        for database in _DATABASES:
            shutil.copy(databases / database, folder)
        # A stand-in for Tryton's web client, which is an npm package: only its address counts.
        (folder / "www").mkdir()
        (folder / "www/index.html").write_text("<!doctype html><title>Tryton</title>")
        configuration = _configure(folder, web=f"listen = 127.0.0.1:{port}\nroot = {folder}/www\n")
        command = [sys.executable, "-m", "trytond.cli", "-c", str(configuration)]
        command += ["-d", "full", "small"]

        def ready() -> None:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()

        with running(command, folder, ready):
            yield Tryton(f"http://127.0.0.1:{port}", folder)


def _configure(folder: Path, web: str = "") -> Path:
    path = folder / "trytond.conf"
    path.write_text(f"[database]\nuri = sqlite://\npath = {folder}\n[web]\n{web}")
    return path


class Between:
    """Stands between the connector and Tryton: counts the questions, and spoils what a test says.

    `instead` holds answers given in Tryton's place, the first for the first such question;
    `spoil` changes what Tryton answered to a question.
    """

    def __init__(self, web: WebServer, server: Tryton) -> None:
        self.web = web
        self.asked: list[str] = []
        self.instead: dict[str, list[bytes]] = {}
        self.spoil: Callable[[str, Any], Any] = lambda _method, document: document
        self._server = server
        web.answers["/full/rpc/"] = self._hand_on

    async def _hand_on(self, request: HttpRequest, writer: asyncio.StreamWriter) -> None:
        method = request.json["method"].removeprefix("model.")
        self.asked.append(method)
        if waiting := self.instead.get(method):
            writer.write(waiting.pop(0))
            return
        status, body = await asyncio.to_thread(self._ask, request)
        if status != 200:
            writer.write(reply(body, status, "text/html"))
            return
        spoiled = self.spoil(method, json.loads(body))
        writer.write(spoiled if isinstance(spoiled, bytes) else reply(spoiled))

    def _ask(self, request: HttpRequest) -> tuple[int, bytes]:
        names = ("content-type", "authorization")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        try:
            url = f"{self._server.url}{request.target}"
            with urlopen(Request(url, request.body, headers), timeout=60) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()


@asynccontextmanager
async def between(server: Tryton) -> AsyncIterator[Between]:
    """Stand between until the block ends."""
    async with web_server() as web:
        yield Between(web, server)
