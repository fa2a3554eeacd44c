"""The product as its users meet it: a real server on loopback, signed webhooks, websockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import uvicorn
from cryptography.fernet import Fernet
from standardwebhooks import Webhook
from websockets.asyncio.client import ClientConnection, connect

from app.commands.serve import server_config
from app.configuration_file import plan_text
from app.configure import apply_plan
from app.core.pop import apply as apply_patch
from app.main import ScreenPop, create_app
from app.runtime import Runtime
from app.settings import Settings
from app.store import accounts, logins
from app.syncs import sync_source

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
WAIT_S = 30.0
USERS = """
default_region: GB
users:
  - {email: ada@example.com, name: Ada, role: agent, extensions: ["101"], queues: [sales]}
  - {email: ben@example.com, name: Ben, role: agent, extensions: ["102"], queues: [sales]}
  - {email: cyd@example.com, name: Cyd, role: agent, extensions: ["103"], queues: [service]}
  - {email: sue@example.com, name: Sue, role: supervisor}
  - {email: root@example.com, name: Root, role: admin}
phone_systems:
  - {slug: pbx, kind: generic, settings: {secret: {env: PBX_SECRET}, token: {env: PBX_TOKEN}}}
"""
TOKEN = "a-bearer-token-of-the-phone-system"


@dataclass
class Screen:
    """An agent's websocket, keeping the pops as a browser does."""

    socket: ClientConnection
    hello: dict[str, Any] = field(default_factory=dict)
    pops: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def next(self) -> dict[str, Any]:
        """Receive one message and apply it."""
        async with asyncio.timeout(WAIT_S):
            message: dict[str, Any] = json.loads(await self.socket.recv())
        self.messages.append(message)
        match message["type"]:
            case "hello":
                self.hello = message
                self.pops = {pop["call"]["call_id"]: pop for pop in message["pops"]}
            case "pop":
                self.pops[message["pop"]["call"]["call_id"]] = message["pop"]
            case "patch":
                call_id = message["call_id"]
                self.pops[call_id] = apply_patch(self.pops[call_id], message)
            case "close":
                self.pops.pop(message["call_id"], None)
                self.closed[message["call_id"]] = message["reason"]
        return message

    async def until(self, seen: Callable[[Screen], Any]) -> Any:
        """Receive until `seen` says something true, and return that."""
        while not (found := seen(self)):
            await self.next()
        return found

    async def pop(self, call_id: str) -> dict[str, Any]:
        """Return the pop of a call as soon as there is one."""
        found: dict[str, Any] = await self.until(lambda s: s.pops.get(call_id))
        return found

    async def whole(self, call_id: str) -> dict[str, Any]:
        """Return the pop of a call when every source has answered."""
        found: dict[str, Any] = await self.until(
            lambda s: (p := s.pops.get(call_id)) and p["timing"]["complete_ms"] is not None and p
        )
        return found

    async def in_state(self, call_id: str, state: str) -> dict[str, Any]:
        """Return the pop of a call as soon as the call is in this state."""
        found: dict[str, Any] = await self.until(
            lambda s: (p := s.pops.get(call_id)) and p["call"]["state"] == state and p
        )
        return found

    async def close_of(self, call_id: str) -> str:
        """Return why the pop of a call was closed."""
        found: str = await self.until(lambda s: s.closed.get(call_id))
        return found

    async def say(self, kind: str, **content: Any) -> None:
        """Send a message."""
        await self.socket.send(json.dumps({"type": kind, **content}))

    async def quiet(self) -> None:
        """Prove that nothing else was sent: the answer to a ping is the next message."""
        await self.say("ping")
        message = await self.next()
        assert message["type"] == "pong", message


@dataclass
class Product:
    """A running product and what a test does with it."""

    app: ScreenPop
    url: str
    client: httpx.AsyncClient
    settings: Settings

    @property
    def runtime(self) -> Runtime:
        """The objects behind it."""
        runtime: Runtime = self.app.api.state.runtime
        return runtime

    async def configure(self, text: str = USERS, **secrets: str) -> None:
        """Apply a configuration and sync its contacts."""
        rt = self.runtime
        env = {"PBX_SECRET": SECRET, "PBX_TOKEN": TOKEN, **secrets}
        await apply_plan(rt.db, rt.secrets, plan_text(text, env, "test.yaml", Path()))
        await rt.reload()
        for instance in rt.sources:
            if instance.connector is not None:
                await sync_source(rt, instance, full=True)

    async def send(self, slug: str = "pbx", *, sign: bool = True, **event: Any) -> httpx.Response:
        """Post one event of the generic phone system, signed by the official library."""
        body = json.dumps(event)
        headers = {"content-type": "application/json"}
        if sign:
            now = datetime.now(UTC)
            event_id = event.get("event_id") or f"{event['call_id']}-{event['event']}-{now:%f}"
            headers |= {
                "webhook-id": event_id,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(SECRET).sign(event_id, now, body),
            }
        return await self.client.post(f"/hooks/{slug}", content=body, headers=headers)

    async def event(self, kind: str, call_id: str = "c-1", **more: Any) -> str:
        """Post an event that must be accepted; return the full call id."""
        answer = await self.send(event=kind, call_id=call_id, **more)
        assert answer.status_code == 202, answer.text
        full_id: str = answer.json()["call_id"]
        return full_id

    async def token(self, email: str) -> str:
        """Make an API token for a user."""
        rt = self.runtime
        async with rt.db.begin() as session:
            user = await accounts.user_by_email(session, email)
            assert user is not None
            return (await logins.create_token(session, user.id, "test", None, rt.clock()))[1]

    @contextlib.asynccontextmanager
    async def screen(self, email: str) -> AsyncIterator[Screen]:
        """Open an agent's websocket; its `hello` has been received."""
        headers = {"Authorization": f"Bearer {await self.token(email)}"}
        async with connect(self.ws_url, additional_headers=headers) as socket:
            screen = Screen(socket)
            await screen.next()
            assert screen.hello, screen.messages
            yield screen

    @property
    def ws_url(self) -> str:
        """The websocket's address."""
        return self.url.replace("http://", "ws://") + "/ws"

    async def as_user(self, email: str) -> httpx.AsyncClient:
        """Return an HTTP client with a user's token."""
        headers = {"Authorization": f"Bearer {await self.token(email)}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers)

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, settings: Settings) -> AsyncIterator[Self]:
        """Serve until the end of the block."""
        app = create_app(settings)
        server = uvicorn.Server(server_config(app, "127.0.0.1", 0))
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(WAIT_S):
            while not server.started:
                assert not serving.done(), "the server did not start"
                await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=WAIT_S) as client:
                yield cls(app, url, client, settings)
        finally:
            server.should_exit = True
            await serving


def settings_for(database_url: str, data_dir: Path, **more: Any) -> Settings:
    """Return settings for a database, with a key of their own."""
    return Settings.model_construct(
        **{
            **Settings.model_construct().model_dump(),
            "data_dir": data_dir,
            "database_url": database_url,
            "secret_keys": Fernet.generate_key().decode(),
            **more,
        }
    )
