"""The floor: the least that a server must do for the same promise, written without a framework.

It verifies a Standard Webhooks signature, writes one durable row by group commit, reads the
caller's number (`phonenumbers`: is it valid, its E.164), looks it up among all numbers, pushes a
pop of fixed size to the agent's socket beside that write, and answers when the row is on disk. It
knows no other format, no fold, no access rules.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import queue
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import phonenumbers
import uvicorn

# How the product is served (app.commands.serve); a test holds the two together.
OPTIONS: dict[str, Any] = {
    "ws": "websockets-sansio",
    "ws_per_message_deflate": False,
    "ws_ping_interval": None,
    "ws_max_size": 64 * 1024,
    "timeout_keep_alive": 75,
    "timeout_graceful_shutdown": 5,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    "log_config": None,
}
KEY = b"s" * 32
POP_BYTES = 4600
_TOLERANCE_S = 300

Send = Callable[[dict[str, Any]], Awaitable[None]]
Row = tuple[str, str, float, bytes]


def server_config(app: Any, host: str, port: int) -> uvicorn.Config:
    """Return how the floor is served: as the product is."""
    return uvicorn.Config(app, host=host, port=port, **OPTIONS)


def create(database: Path, numbers: list[str]) -> None:
    """Make the floor's database with these numbers."""
    db = sqlite3.connect(database)
    db.executescript("""
        PRAGMA journal_mode = WAL;
        CREATE TABLE events (key TEXT PRIMARY KEY, call_id TEXT, received_at REAL, body BLOB)
            WITHOUT ROWID;
        CREATE TABLE phone_index (e164 TEXT PRIMARY KEY, customer TEXT) WITHOUT ROWID;
    """)
    db.executemany("INSERT INTO phone_index VALUES (?, ?)", ((n, f"c-{n[1:]}") for n in numbers))
    db.commit()
    db.close()


class Log:
    """Durable rows: one thread writes all that arrived during one flush with the next."""

    def __init__(self, database: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._rows: queue.SimpleQueue[tuple[Row, asyncio.Future[bool]] | None] = queue.SimpleQueue()
        self._db = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA synchronous = FULL")
        self._thread = threading.Thread(target=self._run, name="writer")
        self._thread.start()

    def append(self, row: Row) -> asyncio.Future[bool]:
        """Queue a row; the future tells when it is on disk, and whether it was new."""
        written: asyncio.Future[bool] = self._loop.create_future()
        self._rows.put((row, written))
        return written

    def _run(self) -> None:
        while (first := self._rows.get()) is not None:
            batch = [first]
            for _ in range(self._rows.qsize()):
                if (row := self._rows.get()) is None:
                    self._rows.put(None)
                    break
                batch.append(row)
            self._db.execute("BEGIN IMMEDIATE")
            insert = "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)"
            new = [self._db.execute(insert, row).rowcount == 1 for row, _ in batch]
            self._db.execute("COMMIT")
            self._loop.call_soon_threadsafe(_tell, batch, new)

    def close(self) -> None:
        """Write what is queued and stop."""
        self._rows.put(None)
        self._thread.join()
        self._db.close()


def _tell(batch: list[tuple[Row, asyncio.Future[bool]]], new: list[bool]) -> None:
    for (_, written), is_new in zip(batch, new, strict=True):
        if not written.done():
            written.set_result(is_new)


@lru_cache(maxsize=32_768)
def normalised(number: str) -> str:
    """Return the E.164 of a number as a phone system sends it; "" if there is no such number."""
    parsed = phonenumbers.parse(number, "GB")
    if not phonenumbers.is_valid_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


class Floor:
    """The ASGI application."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._reader = sqlite3.connect(database, isolation_level=None)
        self._reader.execute("PRAGMA query_only = ON")
        self._log: Log
        self._sockets: dict[str, Send] = {}
        self._calls: dict[str, str] = {}
        self._filler = "x" * POP_BYTES

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._hook(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await receive()
            self._log = Log(self._database)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._log.close()
            await send({"type": "lifespan.shutdown.complete"})

    async def _hook(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body: bytes = message["body"]
        while message.get("more_body", False):
            message = await receive()
            body += message["body"]
        headers = dict(scope["headers"])
        message_id, sent_at = headers[b"webhook-id"], headers[b"webhook-timestamp"]
        mac = hmac.digest(KEY, b"%b.%b.%b" % (message_id, sent_at, body), "sha256")
        now = time.time()
        signed = hmac.compare_digest(
            headers[b"webhook-signature"], b"v1," + base64.b64encode(mac)
        ) and (abs(now - int(sent_at)) <= _TOLERANCE_S)
        if not signed:
            await _answer(send, 401, b"{}")
            return
        event = orjson.loads(body)
        call_id: str = "pbx:" + event["call_id"]
        written = self._log.append((message_id.decode(), call_id, now, body))
        if event["event"] == "ringing":
            await self._ring(call_id, event["ani"], event["extension"])
        else:
            await self._close(call_id)
        new = await written
        await _answer(send, 202, orjson.dumps({"call_id": call_id, "duplicate": not new}))

    async def _ring(self, call_id: str, ani: str, extension: str) -> None:
        found = self._reader.execute(
            "SELECT customer FROM phone_index WHERE e164 = ?", (normalised(ani),)
        )
        row = found.fetchone()
        self._calls[call_id] = extension
        if push := self._sockets.get(extension):
            customer = row[0] if row else ""
            frame = (
                f'{{"type":"pop","call_id":"{call_id}","customer":"{customer}",'
                f'"pop":"{self._filler}"}}'
            )
            await push({"type": "websocket.send", "text": frame})

    async def _close(self, call_id: str) -> None:
        extension = self._calls.pop(call_id, "")
        if push := self._sockets.get(extension):
            frame = f'{{"type":"close","call_id":"{call_id}","reason":"missed"}}'
            await push({"type": "websocket.send", "text": frame})

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        extension = scope["query_string"].decode().removeprefix("extension=")
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "screenpop.v1"})
        await send({"type": "websocket.send", "text": '{"type":"hello","pops":[]}'})
        self._sockets[extension] = send
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            self._sockets.pop(extension, None)


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve the floor on a database that `create` made."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--database", type=Path, required=True)
    given = arguments.parse_args()
    uvicorn.Server(server_config(Floor(given.database), "127.0.0.1", given.port)).run()


if __name__ == "__main__":
    main()
