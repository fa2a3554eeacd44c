"""The process that makes contacts ready and writes them, so that a sync does not hold up pops.

Run as `python -m app.store.contact_loader` by `store.loader`: each message on the standard input
is answered on the standard output. While one load is written the next is made ready. It ends with
its input, whatever it does then, so it never outlives the process that began it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, cast

import orjson
from pydantic import BaseModel

from app.core.contact import reading_of
from app.core.loading import prepare
from app.core.sync import SyncRun
from app.garbage import spare_the_collector
from app.store.engine import Database
from app.store.linking import Batch, write_anew, write_batch
from app.store.loader import LENGTH
from app.store.loading import Load
from app.store.loading_postgresql import PostgresqlLoad
from app.store.loading_sqlite import SqliteLoad
from app.store.sync_state import SyncTakenOver, mark_loading, save_progress
from connectors.sdk.types import ContactRow, Owner, PhoneRow, RejectedRow

_AT_A_TIME = 500
# The thread that writes needs the interpreter for a moment after each statement.
_SWITCH_S = 0.0005


class ContactLoader:
    """Stages contacts and writes them a load at a time, and the checkpoint that a load reaches."""

    def __init__(
        self,
        db: Database,
        run: SyncRun,
        region: str | None,
        priority: int,
        clock: Callable[[], datetime],
    ) -> None:
        self.run = run
        self._db = db
        self._region = region
        self._priority = priority
        self._clock = clock
        self._loads = 0
        self._load: Load | None = None
        self._mark = ""
        self._moving: asyncio.Task[None] | None = None

    async def stage(self, rows: Iterable[ContactRow]) -> list[RejectedRow]:
        """Take contacts, none of which is staged; return what of them cannot be used."""
        if self._load is None:
            self._loads += 1
            self._mark = f"{self.run.sync_id}.{self._loads}"
            self._load = await self._new_load().__aenter__()
        ready = prepare(self.run.connector, rows, self._region)
        await self._load.stage(ready)
        self.run.records += len(ready.contacts)
        self.run.numbers += len(ready.numbers)
        self.run.reject(*ready.rejected)
        return ready.rejected

    async def move(self) -> None:
        """Let what is staged be written, up to where the source has been read now."""
        await self.moved()
        load, self._load = self._load, None
        if load is not None:
            reached = replace(self.run, rejected=list(self.run.rejected))
            self._moving = asyncio.create_task(self._move(load, self._mark, reached))

    async def moved(self) -> None:
        """Wait until what is on its way is written."""
        moving, self._moving = self._moving, None
        if moving is not None:
            await moving

    def _new_load(self) -> Load:
        named = self.run.connector, self._mark, self._clock
        if self._db.dialect == "sqlite":
            return SqliteLoad(str(self._db.url.database), *named)
        return PostgresqlLoad(self._db, *named)

    async def _move(self, load: Load, mark: str, reached: SyncRun) -> None:
        """Write a load, and the checkpoint that it reaches."""
        run = self.run
        try:
            async with self._db.begin() as session:
                await mark_loading(await session.connection(), run, mark)
            rest = await load.move(run.saved)
            await self._decide(reached, rest.undecided)
            named = run.connector, self._priority, reached.sync_id
            await write_anew(self._db, *named, rest.half_written, self._clock())
        finally:
            await load.__aexit__()
        reached.saved = run.saved
        async with self._db.begin() as session:
            await save_progress(await session.connection(), reached)
        run.saved = reached.saved
        gc.collect()

    async def _decide(self, run: SyncRun, data: Mapping[str, str]) -> None:
        """Let `linking` write records that are not simply new."""
        ids = list(data)
        for start in range(0, len(ids), _AT_A_TIME):
            some = ids[start : start + _AT_A_TIME]
            changes = {remote_id: reading_of(orjson.loads(data[remote_id])) for remote_id in some}
            batch = Batch(run.connector, self._priority, run.sync_id, self._clock(), changes)
            async with self._db.begin() as session:
                await write_batch(await session.connection(), batch)


class _Given:
    """What was a contact, a number or an owner on the other side of the pipe: not checked again.

    What is not said of it is what it is by default.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__ = values


def _given(kind: type[BaseModel]) -> type[_Given]:
    fields = kind.model_fields.items()
    defaults = {name: each.default for name, each in fields if not each.is_required()}
    return type(f"_Given{kind.__name__}", (_Given,), defaults)


_Contact, _Phone, _Owner = _given(ContactRow), _given(PhoneRow), _given(Owner)


def _contacts(rows: bytes) -> list[ContactRow]:
    return [_contact(values) for values in orjson.loads(rows)]


def _contact(values: dict[str, Any]) -> ContactRow:
    if "phone_numbers" in values:
        values["phone_numbers"] = [_Phone(phone) for phone in values["phone_numbers"]]
    if "owner" in values:
        values["owner"] = _Owner(values["owner"])
    if "updated_at" in values:
        values["updated_at"] = datetime.fromisoformat(values["updated_at"])
    return cast(ContactRow, _Contact(values))


async def _answer(loader: ContactLoader, message: bytes) -> dict[str, Any]:
    """Do what a message says, and say what was understood of its rows."""
    said, *parts = message.split(b"\n")
    asked: dict[str, Any] = orjson.loads(said)
    run = loader.run
    run.cursor, run.total = asked["cursor"], asked["total"]
    run.reject(*(RejectedRow(**row) for row in asked["rejected"]))
    run.rejected_count += asked["rejected_count"] - len(asked["rejected"])
    records, numbers = run.records, run.numbers
    rejected: list[RejectedRow] = []
    for part in parts:
        rejected += await loader.stage(_contacts(part))
    if asked["do"] in ("move", "settle"):
        await loader.move()
    if asked["do"] == "settle":
        await loader.moved()
    return {
        "records": run.records - records,
        "numbers": run.numbers - numbers,
        "rejected": [asdict(row) for row in rejected],
        "saved": run.saved,
        "failed": None,
        "taken_over": None,
    }


async def _read(source: asyncio.StreamReader, messages: asyncio.Queue[bytes]) -> None:
    try:
        while True:
            (length,) = LENGTH.unpack(await source.readexactly(LENGTH.size))
            messages.put_nowait(await source.readexactly(length))
    except asyncio.IncompleteReadError:
        # Nobody waits for what is being written; a transaction that is not committed is undone.
        os._exit(0)


async def main() -> None:
    """Answer until the input ends."""
    source = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(source), sys.stdin
    )
    messages: asyncio.Queue[bytes] = asyncio.Queue()
    reading = asyncio.create_task(_read(source, messages))
    given = orjson.loads(await messages.get())
    began, at = time.monotonic(), datetime.fromisoformat(given["at"])
    values = given["run"]
    run = SyncRun(**{**values, "rejected": [RejectedRow(**row) for row in values["rejected"]]})

    def clock() -> datetime:
        return at + timedelta(seconds=time.monotonic() - began)

    db = Database(given["url"])
    loader = ContactLoader(db, run, given["region"], given["priority"], clock)
    while not reading.done():
        message = await messages.get()
        try:
            answer = await _answer(loader, message)
        except SyncTakenOver as error:
            answer = {"failed": None, "taken_over": str(error)}
        except Exception as error:  # noqa: BLE001 - whoever asked says it
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {error}", "taken_over": None}
        text = orjson.dumps(answer)
        sys.stdout.buffer.write(LENGTH.pack(len(text)) + text)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    spare_the_collector()
    # Contacts are no cycles, and looking for some among them takes a tenth of the time: what
    # there is of them is collected after each load.
    gc.disable()
    sys.setswitchinterval(_SWITCH_S)
    asyncio.run(main())
