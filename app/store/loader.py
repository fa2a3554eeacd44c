"""Loads many contacts by a process of their own, seen from the process that reads the source."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from pydantic import TypeAdapter

from app.core.sync import SyncRun
from app.store.engine import Database
from app.store.sync_state import SyncTakenOver
from connectors.sdk.types import ContactRow, RejectedRow

# More are moved with fewer pages written, but wait longer to be found, and are lost by a crash.
LOAD = {"sqlite": 50_000, "postgresql": 20_000}
LENGTH = struct.Struct("!I")
_ROWS = TypeAdapter(list[ContactRow])
_AHEAD = 4
# Rows on a line of the message: so few are made ready while they are in the processor's cache.
_PART = 100
_END_S = 5.0
_BUFFER = 2**22


class LoaderFailed(RuntimeError):
    """The process that writes contacts has failed; says why."""


class Loader:
    """Takes contacts of a run; `settle` makes sure that all of them are written.

    `app.store.contact_loader` is what it starts. Answers come in the order of the questions.
    """

    def __init__(
        self,
        run: SyncRun,
        size: int,
        process: asyncio.subprocess.Process,
        questions: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
    ) -> None:
        self._run = run
        self._size = size
        self._process = process
        self._questions = questions
        self._answers = answers
        self._waiting = 0
        self._held: set[str] = set()
        # How many refused rows of the source the process has been told of.
        self._told = len(run.rejected), run.rejected_count

    @classmethod
    async def start(
        cls, db: Database, run: SyncRun, region: str | None, priority: int, at: datetime
    ) -> Loader:
        """Start the process; `at` is the time now."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.store.contact_loader",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=_BUFFER,
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        loader = cls(run, LOAD[db.dialect], process, process.stdin, process.stdout)
        # Through the pipe, because arguments can be read by other users: the URL has a password.
        url = db.url.render_as_string(hide_password=False)
        given = {"url": url, "region": region, "priority": priority, "at": at, "run": asdict(run)}
        await loader._send(orjson.dumps(given))
        return loader

    def holds(self, ids: Iterable[str]) -> bool:
        """Say whether one of these was taken and is not on its way into the tables yet."""
        return not self._held.isdisjoint(ids)

    async def take(self, rows: Sequence[ContactRow]) -> None:
        """Take contacts, none of which it holds."""
        if rows:
            self._held.update(row.remote_id for row in rows)
            await self._ask("move" if len(self._held) >= self._size else "stage", rows)
            while self._waiting > _AHEAD:
                await self._answer()

    async def settle(self) -> None:
        """Write everything that was taken."""
        await self._ask("settle")
        while self._waiting:
            await self._answer()

    async def aclose(self) -> None:
        """Stop at once; what was not settled is lost, and what is half-written is marked so."""
        self._questions.close()
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, what: str, rows: Sequence[ContactRow] = ()) -> None:
        if what != "stage":
            self._held = set()
        run = self._run
        kept, count = self._told
        told = {
            "do": what,
            "cursor": run.cursor,
            "total": run.total,
            "rejected": [asdict(row) for row in run.rejected[kept:]],
            "rejected_count": run.rejected_count - count,
        }
        self._told = len(run.rejected), run.rejected_count
        starts = range(0, len(rows), _PART)
        parts = (_ROWS.dump_json(list(rows[a : a + _PART]), exclude_defaults=True) for a in starts)
        await self._send(b"\n".join((orjson.dumps(told), *parts)))
        self._waiting += 1

    async def _send(self, message: bytes) -> None:
        self._questions.write(LENGTH.pack(len(message)) + message)
        await self._questions.drain()

    async def _answer(self) -> None:
        """Take what the process has understood of the rows that it was given first.

        Raises:
            SyncTakenOver: another process has begun a sync of this connector.
            LoaderFailed: anything else.
        """
        try:
            (length,) = LENGTH.unpack(await self._answers.readexactly(LENGTH.size))
            answer: dict[str, Any] = orjson.loads(await self._answers.readexactly(length))
        except asyncio.IncompleteReadError:
            raise LoaderFailed("the process that writes contacts has ended") from None
        self._waiting -= 1
        if answer["taken_over"]:
            raise SyncTakenOver(answer["taken_over"])
        if answer["failed"]:
            raise LoaderFailed(answer["failed"])
        run = self._run
        run.records += answer["records"]
        run.numbers += answer["numbers"]
        run.saved = answer["saved"]
        run.reject(*(RejectedRow(**row) for row in answer["rejected"]))
        self._told = len(run.rejected), self._told[1] + len(answer["rejected"])
