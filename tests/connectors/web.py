"""A web server on loopback whose answers a test writes by hand, down to the bytes."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    target: str
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body.decode()).items()}

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(urlsplit(self.target).query).items()}


Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def reply(
    body: bytes | Any, status: int = 200, content_type: str = "application/json", **headers: str
) -> bytes:
    """Write a complete answer; what is not bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"content-length: {len(content)}", "", ""]).encode() + content


DOWN = reply(b"<html>down</html>", 503, "text/html")


async def hang_up(_: Request, writer: asyncio.StreamWriter) -> None:
    """End the connection without an answer."""
    writer.close()


@dataclass(slots=True)
class WebServer:
    """`answers` maps a path to an answer, a function of the request, or a handler of the stream.

    The path `*` stands for every other.
    """

    port: int = 0
    scheme: str = "http"
    answers: dict[str, bytes | Callable[[Request], bytes] | Handler] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                pairs = (line.split(": ", 1) for line in lines)
                headers = {k.lower(): v for k, v in pairs}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, target, _ = first.split(" ")
                request = Request(target, headers, method, body)
                self.requests.append(request)
                await self._answer(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        nothing = reply({"error": "no such page"}, 404)
        found = self.answers.get(request.path, self.answers.get("*", nothing))
        if isinstance(found, bytes):
            writer.write(found)
        elif asyncio.iscoroutinefunction(found):
            await found(request, writer)
        else:
            writer.write(found(request))  # type: ignore[call-arg, arg-type]
        await writer.drain()


@asynccontextmanager
async def web_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[WebServer]:
    """Serve until the block ends."""
    web = WebServer(scheme="https" if tls else "http")
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=tls)
    web.port = server.sockets[0].getsockname()[1]
    tasks = asyncio.all_tasks()
    try:
        yield web
    finally:
        server.close()
        for task in asyncio.all_tasks() - tasks - {asyncio.current_task()}:
            if getattr(task.get_coro(), "__qualname__", "").startswith("WebServer"):
                task.cancel()
        await asyncio.sleep(0)
