"""Puts SQLite's write-ahead log on the disk: one flush for all that was written before it.

A commit costs 50 µs, the flush that makes it durable 100 to 10,000. So the event loop commits by
itself (`synchronous=NORMAL`: without a flush), and a thread flushes: neither fights the other for
the interpreter, and the loop goes on with the screens meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from pathlib import Path

# Where the file's times need not be written too.
_flush = getattr(os, "fdatasync", os.fsync)

Waiter = tuple[asyncio.Future[bool], bool]


class LogFlusher:
    """Flushes the log at `path`, which must exist as long as this is open."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR)
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[Waiter | None] = queue.SimpleQueue()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="log-flusher", daemon=True)
        self._thread.start()

    def on_disk(self, told: bool) -> asyncio.Future[bool]:
        """Return a future that is `told` when all that was written so far is on disk.

        It fails with an OSError if that could not be flushed, or something before it.
        """
        done: asyncio.Future[bool] = self._loop.create_future()
        self._waiting.put((done, told))
        return done

    @property
    def failed(self) -> bool:
        """A flush failed, and nothing is promised until all of the log is in the database."""
        return self._failure is not None

    def all_copied(self) -> None:
        """Hear that all of the log is in the database, whatever could not be flushed before."""
        self._failure = None

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            last = False
            while not self._waiting.empty() and not last:
                more = self._waiting.get()
                if more is None:
                    last = True
                else:
                    batch.append(more)
            self._loop.call_soon_threadsafe(_tell, batch, self._flushed())
            if last:
                return

    def _flushed(self) -> OSError | None:
        # The system tells of a lost page once: that the next flush succeeds proves nothing.
        if self._failure is None:
            try:
                _flush(self._file)
            except OSError as error:
                self._failure = error
        return self._failure

    async def close(self) -> None:
        """Flush what is queued and stop."""
        self._waiting.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        os.close(self._file)


def _tell(batch: list[Waiter], failure: OSError | None) -> None:
    for done, told in batch:
        if done.done():
            continue
        if failure is not None:
            done.set_exception(failure)
        else:
            done.set_result(told)
