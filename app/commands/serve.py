"""`screenpop serve` and `screenpop migrate`."""

from __future__ import annotations

import os
import socket
from typing import Annotated, Any

import typer
import uvicorn
from uvicorn.supervisors import Multiprocess

from app.commands.common import NoMigrate, errors, fail, prepare, run
from app.errors import UserError
from app.runtime import open_secrets
from app.settings import Settings
from app.store.migrations import migrate as migrate_database

# A phone system keeps its connection open between calls: 5 s, uvicorn's own, would cut it.
_KEEP_ALIVE_S = 75
_LARGEST_FRAME = 64 * 1024


def server_config(app: Any, host: str, port: int, **more: Any) -> uvicorn.Config:
    """Return how the product is served (docs/adr/0001).

    Websockets speak uvicorn's sans-I/O implementation, without compression (memory, CPU); agents'
    own pings find dead connections.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        ws_max_size=_LARGEST_FRAME,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        **more,
    )


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    workers: Annotated[
        int, typer.Option(help="Processes; more than one needs PostgreSQL.", min=1, max=128)
    ] = 1,
    no_migrate: NoMigrate = False,
) -> None:
    """Migrate the database, then serve."""
    # Here, because it takes a third of the start of every other command.
    from app.main import create_app

    settings = prepare()
    if workers > 1 and settings.embedded:
        fail(
            UserError(
                "SQLite serves one process; set SCREENPOP_DATABASE_URL=postgresql://… "
                "for more than one worker"
            )
        )
    run(_ready(settings, migrations=not no_migrate))
    sock = run(_bind(host, port))
    port = sock.getsockname()[1]
    errors.print(f"screenpop serves on http://{host}:{port}", soft_wrap=True)
    try:
        if workers == 1:
            config = server_config(create_app(settings, run_migrations=False), host, port)
            uvicorn.Server(config).run(sockets=[sock])
            return
        config = server_config(
            "app.main:served_by_worker", host, port, workers=workers, factory=True
        )
        os.environ.setdefault("SCREENPOP_LOG_FORMAT", settings.log_format or "json")
        Multiprocess(config, sockets=[sock]).run()
    except UserError as error:
        fail(error)
    except SystemExit as error:
        if error.code:
            fail(UserError(f"it could not serve on {host}:{port}; see the lines above"))


async def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    # For each connection: asyncio does not set it on those of a socket that it is handed.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise UserError(
            f"{host}:{port} cannot be listened on ({error.strerror}); "
            "choose another --port or --host"
        ) from None
    sock.set_inheritable(True)
    return sock


async def _ready(settings: Settings, *, migrations: bool) -> None:
    open_secrets(settings)
    if migrations:
        await migrate_database(settings.database)


def migrate() -> None:
    """Bring the database's schema up to date."""
    settings = prepare()
    run(_ready(settings, migrations=True))
    errors.print("The database is up to date.")
