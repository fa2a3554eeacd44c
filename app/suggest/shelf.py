"""The tables in use: one file, read by a thread of its own, changed for another at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from app.suggest.ranking import prepared
from app.suggest.scoring import Prepared
from app.suggest.table_file import POPULAR, TableFile

Result = TypeVar("Result")
# So few that a caller's lists, made by the same thread, do not wait long.
_AT_ONCE = 20


class Shelf:
    """Where the files of the fits lie, and the one that is used; `number` None = not fitted yet.

    `fallback` are the tables until then, as counted at `fallback_at`; `catalogued` the connectors
    whose whole catalogue is known. `looked_at` is when all this was last compared with the
    database.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number: int | None = None
        self.catalogued: frozenset[str] = frozenset()
        self.looked_at: datetime | None = None
        self.fallback: Prepared | None = None
        self.fallback_at: datetime | None = None
        self._file: TableFile | None = None
        self._tables: Prepared | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="suggest")

    def file(self, number: int) -> Path:
        """Return where the file of a fit is or will be."""
        return self.folder / f"{number}.tables"

    @property
    def tables(self) -> Prepared | None:
        """The fitted tables, else the popular items; only for work in the shelf's thread."""
        return self._tables or self.fallback

    async def use(self, number: int | None) -> None:
        """Use the tables of a fit; those before are closed once nobody reads them.

        Raises:
            ValueError: its file is not there or is broken.
        """
        if number is None:
            await self.run(self._replace, None)
        else:
            await self.run(self._replace, self.file(number))
            for first in range(0, POPULAR, _AT_ONCE):
                await self.run(self._keep_at_hand, first)
        self.number = number

    def _replace(self, path: Path | None) -> None:
        new = TableFile(path) if path is not None else None
        old, self._file = self._file, new
        self._tables = None if new is None else prepared(new)
        if old is not None:
            old.close()

    def _keep_at_hand(self, first: int) -> None:
        """Have some of the popular items at hand: most callers bought them."""
        if self._tables is not None:
            popular = self._tables.tables.popular()[first : first + _AT_ONCE]
            self._tables.keep_at_hand([item for item, _ in popular])

    async def run(self, work: Callable[..., Result], *args: object) -> Result:
        """Do some work in the thread that reads the tables."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self.run(self._replace, None)
        self._thread.shutdown()
