"""A process that makes contacts ready to be written, so that a sync does not hold up pops.

Run as `python -m app.store.contact_reader`: each message on the standard input (its length, then
connector, region and contacts) is answered on the standard output. It ends with its input, so it
never outlives the process that began it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import struct
import sys
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import orjson
from pydantic import TypeAdapter

from app.core.loading import Prepared, prepare
from connectors.sdk.types import ContactRow

_ROWS = TypeAdapter(list[ContactRow])
_LENGTH = struct.Struct("!I")
_END_S = 5.0
_BUFFER = 2**22


class ContactReader:
    """The process, seen from the one that began it. Answers come in the order of the questions.

    `waiting`: how many answers have not been fetched.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        questions: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
    ) -> None:
        self._process = process
        self._questions = questions
        self._answers = answers
        self.waiting = 0

    @classmethod
    async def start(cls) -> ContactReader:
        """Start the process."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.store.contact_reader",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=_BUFFER,
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        return cls(process, process.stdin, process.stdout)

    async def ask(self, connector: str, region: str | None, rows: Sequence[ContactRow]) -> None:
        """Hand over contacts."""
        asked = pickle.dumps((connector, region, _ROWS.dump_json(list(rows))))
        self._questions.write(_LENGTH.pack(len(asked)) + asked)
        self.waiting += 1
        await self._questions.drain()

    async def answer(self) -> Prepared:
        """Return the rows of the contacts that were handed over first."""
        (length,) = _LENGTH.unpack(await self._answers.readexactly(_LENGTH.size))
        answer = await self._answers.readexactly(length)
        self.waiting -= 1
        ready: Prepared = pickle.loads(answer)  # noqa: S301 - our own process wrote it
        return ready

    async def aclose(self) -> None:
        """End the process."""
        self._questions.close()
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _contact(values: dict[str, Any]) -> ContactRow:
    """Make a contact without checking again what was one on the other side of the pipe."""
    values["phone_numbers"] = [SimpleNamespace(**phone) for phone in values["phone_numbers"]]
    if values["owner"] is not None:
        values["owner"] = SimpleNamespace(**values["owner"])
    if values["updated_at"] is not None:
        values["updated_at"] = datetime.fromisoformat(values["updated_at"])
    return cast(ContactRow, SimpleNamespace(**values))


def main(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the input ends."""
    while len(header := source.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(header)
        asked: Any = source.read(length)
        if len(asked) < length:
            return
        connector, region, rows = pickle.loads(asked)  # noqa: S301 - our own process wrote it
        contacts = map(_contact, orjson.loads(rows))
        answer = pickle.dumps(prepare(connector, contacts, region), protocol=5)
        sink.write(_LENGTH.pack(len(answer)) + answer)
        sink.flush()


if __name__ == "__main__":
    # Nothing here is in a cycle; looking for cycles would take a tenth of the time.
    gc.disable()
    main(sys.stdin.buffer, sys.stdout.buffer)
