"""`screenpop demo`: the whole product on embedded data, in a throw-away folder."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
import uvicorn
from websockets.asyncio.client import connect

from app.commands.common import console, prepare, run
from app.commands.serve import server_config
from app.configuration_file import plan_text
from app.configure import apply_plan
from app.core.pop import apply as apply_patch
from app.core.pop import dumps
from app.demo.books import write_books
from app.demo.business import make_business
from app.demo.config import BOOKS_FILE, CREDIT_FILE, PHONE_SECRET, configuration
from app.demo.credit_file import write_credit_file
from app.demo.people import PEOPLE, PHONE_SYSTEM
from app.demo.phone import play, ring_once
from app.demo.records import Business
from app.demo.sales import SalesServer
from app.demo.seed import seed_history
from app.errors import UserError
from app.fitting import fit_in_a_process
from app.push.protocol import SUBPROTOCOL
from app.runtime import Runtime, open_runtime, utc_now
from app.settings import Settings
from app.store import accounts, logins
from app.syncs import sync_source

if TYPE_CHECKING:
    from app.main import ScreenPop

_ONCE_S = 30


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    once: Annotated[
        bool, typer.Option("--once", help="Ring one call, print its pop, end.")
    ] = False,
) -> None:
    """Run the product on a made-up business whose phones keep ringing."""
    settings = prepare()
    with tempfile.TemporaryDirectory(prefix="screenpop-demo-") as folder:
        own = Settings.model_construct(
            **{
                **settings.model_dump(),
                "data_dir": Path(folder),
                "database_url": None,
                "bus_url": None,
                "secret_keys": None,
                "public_url": None,
            }
        )
        if once:
            typer.echo(dumps(run(_once(own))).decode())
        else:
            run(_ring_on(own, port))


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo."""

    address: str
    secret: str
    business: Business
    passwords: dict[str, str]
    app: ScreenPop

    @property
    def hook(self) -> str:
        """Where the simulated phone system posts."""
        return f"{self.address}/hooks/{PHONE_SYSTEM}"


@contextlib.asynccontextmanager
async def _running(settings: Settings, port: int) -> AsyncIterator[Demo]:
    from app.main import create_app  # As in `serve`.

    business = make_business(utc_now().date())
    write_books(business, settings.data_dir / BOOKS_FILE)
    write_credit_file(business, settings.data_dir / CREDIT_FILE)
    async with SalesServer(business) as sales:
        text, secrets = configuration(settings.data_dir, sales.url, sales.api_key)
        await _prepare(settings, business, text, secrets)
        app = create_app(settings, run_migrations=False)
        server = uvicorn.Server(server_config(app, "127.0.0.1", port))
        serving = asyncio.create_task(server.serve())
        try:
            while not server.started:
                if serving.done():
                    raise UserError(f"port {port} is taken; choose another one with --port")
                await asyncio.sleep(0.01)
            bound = server.servers[0].sockets[0].getsockname()[1]
            passwords = {p.email: secrets[p.password_variable] for p in PEOPLE}
            yield Demo(f"http://127.0.0.1:{bound}", secrets[PHONE_SECRET], business, passwords, app)
        finally:
            server.should_exit = True
            with contextlib.suppress(SystemExit):
                await serving


async def _prepare(
    settings: Settings, business: Business, text: str, secrets: dict[str, str]
) -> None:
    rt = await open_runtime(settings)
    try:
        plan = plan_text(text, secrets, "demo", settings.data_dir)
        await apply_plan(rt.db, rt.secrets, plan)
        await rt.reload()
        for instance in rt.sources:
            if instance.connector is not None:
                await sync_source(rt, instance, full=True)
        await fit_in_a_process(rt)
        await seed_history(rt, business)
    finally:
        await rt.close()


async def _ring_on(settings: Settings, port: int) -> None:
    async with _running(settings, port) as running:
        console.print(f"\n  Open {running.address} and log in as", markup=False)
        for person in PEOPLE:
            where = f"extension {person.extension}, " if person.extension else ""
            password = running.passwords[person.email]
            console.print(f"    {person.email}  {password}  ({where}{person.role})", markup=False)
        console.print("\n  The phones ring until you press Ctrl-C.\n")
        with contextlib.suppress(asyncio.CancelledError):
            await play(
                running.hook,
                running.secret,
                running.business,
                1.0,
                lambda line: console.print(f"  {line}", markup=False),
            )


async def _once(settings: Settings) -> dict[str, Any]:
    async with _running(settings, 0) as running:
        token = await _token(running.app.api.state.runtime)
        try:
            async with asyncio.timeout(_ONCE_S):
                return await _receive(running, token)
        except TimeoutError:
            raise UserError(f"no whole pop within {_ONCE_S} s") from None


async def _receive(running: Demo, token: str) -> dict[str, Any]:
    """Ring one call and follow it on the agent's websocket until every source has answered."""
    url = running.address.replace("http://", "ws://") + "/ws"
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(url, subprotocols=[SUBPROTOCOL], additional_headers=headers) as socket:  # type: ignore[list-item]
        await socket.recv()  # hello
        call_id = await ring_once(running.hook, running.secret, running.business)
        pop: dict[str, Any] = {}
        async for text in socket:
            message = orjson.loads(text)
            if message["type"] == "pop" and message["pop"]["call"]["call_id"] == call_id:
                pop = message["pop"]
            elif message["type"] == "patch" and pop and message["call_id"] == call_id:
                pop = apply_patch(pop, message)
            if pop and pop["timing"]["complete_ms"] is not None:
                return pop
    raise UserError("the websocket was closed before the pop was whole")


async def _token(rt: Runtime) -> str:
    async with rt.db.begin() as session:
        agent = await accounts.user_by_email(session, PEOPLE[0].email)
        if agent is None:
            raise UserError("the demo's agent is missing")
        _row, token = await logins.create_token(session, agent.id, "demo", None, rt.clock())
        return token
