"""Asks a web service for an operation's records, page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from connectors.sdk.mapping import fill_json, fill_path, fill_text, pick_records
from connectors.sdk.operation import (
    BY_CUSTOMER,
    ONE_RECORD,
    PLACEHOLDERS,
    Operation,
    Page,
    map_page,
)
from connectors.sdk.paging import NoPaging, Paging, Step, first_step, next_step
from connectors.sdk.sections import Reading
from connectors.sdk.service import Document, Service
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row, TextFormat

_MOST_PAGES = 100_000
_ONE_OBJECT = frozenset({"credit_terms", "purchase_totals"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the operations of a service, which are known by name.

    `query` goes with each request.
    """

    service: Service
    operations: Mapping[str, Operation]
    paging: Paging
    form: TextFormat
    query: Mapping[str, str]

    async def read(self, name: str, values: Mapping[str, str | None], limit: int) -> Reading:
        """Read an operation's records, at most `limit`.

        Raises:
            SourceError: the service cannot be read, or answers with something else.
        """
        rows: list[Row] = []
        lines: list[list[Row]] | None = None
        absent: tuple[str, ...] = ()
        async with aclosing(self.pages(name, values)) as pages:
            async for page in pages:
                for record in page.records:
                    if name not in PLACEHOLDERS:
                        _refuse_another(name, record, values)
                    rows.append(Row(record, len(rows) + 1, f"{name} record", self.form))
                if page.lines is not None:
                    lines = [*(lines or []), *page.lines]
                absent = page.absent
                if len(rows) > limit:
                    break
        nothing = absent if name in ONE_RECORD else ()
        return Reading(rows[:limit], len(rows) > limit, lines[:limit] if lines else lines, nothing)

    async def pages(self, name: str, values: Mapping[str, str | None]) -> AsyncGenerator[Page]:
        """Read page after page, as far as they go.

        Raises:
            SourceError: as `read`.
        """
        operation = self.operations[name]
        known = {key: value for key, value in values.items() if value is not None}
        if not operation.placeholders <= known.keys():
            # The customer has no such id: the service has nothing under it.
            return
        paging = NoPaging() if name in _ONE_OBJECT else self.paging
        step = first_step(paging)
        last: Document | None = None
        for number in range(_MOST_PAGES):
            try:
                got = await self._ask(operation, known, step, last)
            except SourceError as error:
                # Past the last page some services answer 404; for a customer it means unknown.
                if error.kind is ErrorKind.NOT_FOUND and (number > 0 or name not in PLACEHOLDERS):
                    return
                raise
            records = pick_records(operation.records, got.data)
            if records and last and got.answer.body == last.answer.body:
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    f"{name}: two pages are the same, the setting `paging` does not fit",
                )
            yield map_page(operation, records, self.form)
            link = got.headers.get("link")
            following = next_step(paging, step, len(records), got.data, link)
            if following is None:
                return
            step, last = following, got
        raise SourceError(ErrorKind.BAD_DATA, f"{name}: more than {_MOST_PAGES} pages")

    async def _ask(
        self, operation: Operation, known: Mapping[str, str], step: Step, last: Document | None
    ) -> Document:
        if step.link and last:
            return await self.service.follow(last, step.link)
        path = fill_path(operation.path, known)
        own = {key: fill_text(value, known) for key, value in operation.query.items()}
        query = {**self.query, **own}
        if operation.method == "GET":
            return await self.service.get(path, {**query, **step.params})
        body: Any = fill_json(operation.document, known)
        if isinstance(body, dict):
            # Page numbers are numbers in JSON, where a cursor is whatever the service gave.
            body |= {k: int(v) if v.isdecimal() else v for k, v in step.params.items()}
        return await self.service.post(path, json=body, params=query)


def _refuse_another(name: str, record: Mapping[str, Any], values: Mapping[str, str | None]) -> None:
    """Refuse another customer's record: services answer with all when they miss the parameter."""
    for key in BY_CUSTOMER & values.keys():
        given, wanted = record.get(key), values[key]
        if given is not None and wanted is not None and str(given) != wanted:
            raise SourceError(
                ErrorKind.BAD_DATA,
                f"{name}: the answer holds another customer's records: does the service know the"
                " parameter that names the customer?",
            )
