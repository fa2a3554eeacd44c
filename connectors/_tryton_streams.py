"""Reading many records of Tryton: page by page, all of them or what has changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors._tryton_session import Rpc
from connectors._tryton_wire import Domain, marked
from connectors.sdk.types import Checkpoint

# What was being written while the last read began has an earlier time than it was seen at.
_OVERLAP = timedelta(minutes=5)
_TIMES = ("create_date", "write_date")
Page = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a stream stands: `changed` is what the next read begins from, `after` the last id.

    `since` is what this read began from, None for a read in full; `after` None: it is complete.
    """

    changed: str | None = None
    since: str | None = None
    after: int | None = None

    def text(self) -> str:
        """Write the cursor."""
        return json.dumps([self.changed, self.since, self.after])

    @classmethod
    def of(cls, cursor: str | None) -> Mark:
        """Read a cursor; one of another version of this connector means a read in full."""
        if cursor is None:
            return cls()
        try:
            changed, since, after = json.loads(cursor)
            for time in (changed, since):
                if time is not None:
                    datetime.fromisoformat(time)
            return cls(changed, since, None if after is None else int(after))
        except (ValueError, TypeError):
            return cls()


class Streams:
    """Reads of more than one page."""

    def __init__(self, rpc: Rpc, page_size: int) -> None:
        self._rpc = rpc
        self._page_size = page_size

    async def changed(
        self,
        model: str,
        links: Mapping[str, str],
        since: str | None,
        fields: tuple[str, ...],
        *,
        domain: Domain = (),
        wanted: Domain = (),
    ) -> AsyncGenerator[tuple[Page, Checkpoint]]:
        """Read a model page by page, each with where it stands then.

        A change of a linked record is one of the model's own: `links` names the field that leads
        to each linked model. `wanted` narrows a read in full only: what no longer belongs to it
        must be seen as a change.
        """
        mark = Mark.of(since)
        total = None
        if mark.after is None:
            began = await self._latest((model, *links.values()))
            mark = Mark(began, mark.changed, 0)
        if mark.since is None:
            domain = [*domain, *wanted]
            total = await self._rpc.count(model, domain)
        else:
            moment = marked(datetime.fromisoformat(mark.since) - _OVERLAP)
            ways = ("", *(f"{field}." for field in links))
            times = [[way + time, ">=", moment] for way in ways for time in _TIMES]
            domain = [*domain, ["OR", *times]]
        reading = self.pages(model, domain, fields, after=mark.after or 0, active_test=False)
        async with aclosing(reading) as pages:
            async for page in pages:
                reached = Mark(mark.changed, mark.since, page[-1]["id"])
                yield page, Checkpoint(reached.text(), total)
        yield [], Checkpoint(Mark(mark.changed).text(), total)

    async def _latest(self, models: Sequence[str]) -> str | None:
        """Return when anything was last written, by Tryton's clock; None: nothing ever was."""
        asked = [
            self._rpc.search_read(
                model, [], [time], most=1, order=[(time, "DESC NULLS LAST")], active_test=False
            )
            for model in models
            for time in _TIMES
        ]
        records = [record for page in await asyncio.gather(*asked) for record in page]
        times = (value for record in records for value in record.values())
        return max((t.isoformat() for t in times if isinstance(t, datetime)), default=None)

    async def pages(
        self, model: str, domain: Domain, fields: tuple[str, ...], after: int = 0, **context: Any
    ) -> AsyncGenerator[Page]:
        """Read by id, so that what is written meanwhile moves nothing from page to page."""
        size = self._page_size
        while True:
            page = await self._rpc.search_read(
                model, [*domain, ["id", ">", after]], fields, most=size, **context
            )
            if page:
                yield page
            if len(page) < size:
                return
            after = page[-1]["id"]

    async def all(self, model: str, domain: Domain, fields: tuple[str, ...], limit: int) -> Page:
        """Read up to one record more than the limit: a sum of some would be wrong."""
        found: Page = []
        async with aclosing(self.pages(model, domain, fields)) as pages:
            async for page in pages:
                found += page
                if len(found) > limit:
                    break
        return found
