"""`/ws`: the agents' websocket (contract section 4). A plain ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import structlog

from app import metrics
from app.api.security import Principal, allowed_origin, authenticate, still_valid
from app.core.match import Choice
from app.live import LiveCall
from app.pacing import note_painted
from app.push.hub import Client
from app.push.protocol import (
    ACCOUNT_CHANGED,
    NOT_LOGGED_IN,
    PONG,
    SUBPROTOCOL,
    TOO_SLOW,
    BadMessage,
    Choose,
    Dismiss,
    Get,
    Painted,
    Ping,
    frame,
    read,
)
from app.runtime import Runtime
from app.screenpop import choose, hello
from app.screens import dismiss, view
from app.store.calls import remember_choice

log = structlog.get_logger("socket")


class Sockets:
    """The ASGI application behind `/ws`, and the watch over who may keep a socket."""

    def __init__(self, runtime: Runtime) -> None:
        self._rt = runtime
        self._open: dict[Client, Principal] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket from handshake to close."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        await receive()  # websocket.connect
        if not self._may_upgrade(headers):
            # Closing before accepting is answered as 403, without an upgrade (ASGI).
            await send({"type": "websocket.close", "code": 1008})
            return
        principal = await authenticate(headers, self._rt)
        offered = scope.get("subprotocols") or []
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        if principal is None:
            await send({"type": "websocket.close", "code": NOT_LOGGED_IN})
            return
        now = asyncio.get_running_loop().time()
        client = Client(send, principal.user.user_id, now)
        try:
            if await self._welcome(client, principal):
                await self._listen(client, receive)
            else:
                text = frame("error", code="too_many_sockets", detail="close another window")
                await send({"type": "websocket.send", "text": text})
                await send({"type": "websocket.close", "code": TOO_SLOW})
        finally:
            self._open.pop(client, None)
            self._rt.hub.leave(client)
            metrics.sockets.set(self._rt.hub.sockets)

    def _may_upgrade(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin")
        if origin is None:
            # Only browsers send an Origin, and only they send a cookie by themselves.
            return "authorization" in headers or "cookie" not in headers
        return allowed_origin(origin, headers.get("host"), self._rt.settings.public_url)

    async def _welcome(self, client: Client, principal: Principal) -> bool:
        user = principal.user
        pops = await hello(self._rt, user.user_id)
        if not self._rt.hub.join(client):
            return False
        self._open[client] = principal
        metrics.sockets.set(self._rt.hub.sockets)
        agent = {
            "user_id": user.user_id,
            "name": user.name,
            "email": user.email,
            "role": user.role,
            "extension": user.extension,
            "extensions": user.extensions,
            "queues": user.queues,
        }
        client.push(frame("hello", agent=agent, server_time=self._rt.clock(), pops=pops))
        return True

    async def _listen(self, client: Client, receive: Any) -> None:
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            client.heard_at = asyncio.get_running_loop().time()
            text = event.get("text")
            try:
                await self._answer(client, text if text is not None else event.get("bytes") or b"")
            except BadMessage as error:
                client.push(frame("error", code=error.code, detail=error.detail))
            except Exception:
                log.exception("message_failed")
                client.push(frame("error", code="failed", detail="it did not work; try again"))

    async def _answer(self, client: Client, text: str | bytes) -> None:
        message = read(text)
        match message:
            case Ping():
                client.push(PONG)
            case Painted():
                live = self._mine(client, message.call_id)
                note_painted(self._rt, live, client.user_id, message.since_received_ms)
            case Get():
                live = self._mine(client, message.call_id)
                client.push(frame("pop", pop=view(self._rt, live, client.user_id)))
            case Dismiss():
                live = self._mine(client, message.call_id)
                dismiss(self._rt, live, client.user_id)
                await self._rt.bus.publish({"dismiss": message.call_id, "user": client.user_id})
            case Choose():
                await self._choose(client, message)

    async def _choose(self, client: Client, message: Choose) -> None:
        live = self._mine(client, message.call_id)
        agent = self._rt.directory.by_id.get(client.user_id)
        choice = Choice(message.customer_id, agent.name if agent else None, self._rt.clock())
        if not any(c.customer_id == choice.customer_id for c in live.pop.match.candidates):
            raise BadMessage("not_a_candidate", "choose one of the candidates of this call")
        if live.asked_for is not None and live.asked_for.e164 is not None:
            await remember_choice(
                self._rt.db, live.asked_for.e164, choice.customer_id, client.user_id, choice.at
            )
        await choose(self._rt, live, choice)
        await self._rt.bus.publish({"choice": message.call_id})

    def _mine(self, client: Client, call_id: str) -> LiveCall:
        live = self._rt.calls.get(call_id)
        if live is None or client.user_id not in live.seats or client.user_id in live.dismissed:
            raise BadMessage("unknown_call", "this call is not on your screen")
        return live

    async def close_ended_logins(self) -> None:
        """Close the sockets of log-ins that ended and of accounts that changed."""
        open_now = tuple(self._open.items())
        if not open_now:
            return
        roles = await still_valid({principal.login for _, principal in open_now}, self._rt)
        for client, principal in open_now:
            role = roles.get(principal.login)
            if role is None:
                gone = principal.user.user_id not in self._rt.directory.by_id
                client.close(ACCOUNT_CHANGED if gone else NOT_LOGGED_IN)
            elif role != principal.user.role:
                client.close(ACCOUNT_CHANGED)

    async def close_all(self) -> None:
        """Tell every browser to come back (the server stops)."""
        clients = tuple(self._open)
        for client in clients:
            client.close(1012)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                for client in clients:
                    await client.settled()
