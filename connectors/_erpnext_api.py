"""How a Frappe site is asked: lists over POST, since a list of names outgrows a URL.

https://docs.frappe.io/framework/user/en/api/rest; `frappe.client.get_list` of frappe/client.py.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any

from connectors.sdk.answers import Answer
from connectors.sdk.service import Service
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.vendor import Record, records

Filters = Sequence[list[Any]]

_NOT_ACCEPTED = "ERPNext does not accept API key and secret: generate new ones for the user"
_NO_RIGHT = (
    "the user of the API key may not read this: give it the roles that may (Sales User for"
    " customers and orders, Accounts User for invoices and payments, Stock User for stock)"
)
_NOTHING = "there is no ERPNext site at this address, or not this part of it: check base_url"
_NOT_KNOWN = "ERPNext does not know a field that was asked for: is it older than version 14?"


def refused(answer: Answer, data: Any) -> SourceError | None:
    """Say what an error of Frappe means: `{exc_type, exception, _server_messages}`, or a page."""
    if 200 <= answer.status < 300:
        return None
    said = str(data.get("exc_type") or "") if isinstance(data, Mapping) else ""
    kind, text = {
        401: (ErrorKind.AUTH_EXPIRED, _NOT_ACCEPTED),
        403: (ErrorKind.AUTH_DENIED, _NO_RIGHT),
        404: (ErrorKind.BAD_CONFIG, _NOTHING),
        417: (ErrorKind.BAD_CONFIG, "ERPNext refuses the request (HTTP 417)"),
    }.get(answer.status, (None, ""))
    if said == "AuthenticationError":
        kind, text = ErrorKind.AUTH_EXPIRED, _NOT_ACCEPTED
    elif said == "DoesNotExistError":
        kind, text = ErrorKind.NOT_FOUND, "ERPNext has no such record or document type"
    elif said in ("DataError", "OperationalError", "ProgrammingError"):
        kind, text = ErrorKind.BAD_DATA, _NOT_KNOWN
    elif said == "SessionStopped":
        kind, text = ErrorKind.UNAVAILABLE, "ERPNext is being updated"
    return SourceError(kind, text) if kind else None


class ErpNextApi:
    """One site, asked as one user."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def method(self, name: str, **named: Any) -> Any:
        """Call a method that may be called from outside.

        Raises:
            SourceError: the site could not or would not answer.
        """
        data = (await self._service.post(f"/api/method/{name}", json=named)).data
        if not isinstance(data, Mapping):
            raise SourceError(ErrorKind.BAD_DATA, "the answer is no object: check base_url")
        return data.get("message")

    async def rows(
        self,
        kind: str,
        fields: Sequence[str],
        filters: Filters,
        limit: int,
        order: str = "name asc",
        parent: str | None = None,
    ) -> list[Record]:
        """Read the first records of a document type; `parent` is that of a child table.

        Raises:
            SourceError: as `method`, or BAD_DATA, the answer is no list of records.
        """
        more = {"parent": parent} if parent else {}
        found = await self.method(
            "frappe.client.get_list",
            doctype=kind,
            fields=list(fields),
            filters=list(filters),
            limit_start=0,
            limit_page_length=limit,
            order_by=order,
            **more,
        )
        return records({kind: found}, kind)

    async def pages(
        self, kind: str, fields: Sequence[str], filters: Filters, size: int, after: str = ""
    ) -> AsyncGenerator[list[Record]]:
        """Read all that match, by name: what is written meanwhile shifts no page."""
        while True:
            where = [*filters, *([["name", ">", after]] if after else [])]
            page = await self.rows(kind, ["name", *fields], where, size)
            if page:
                yield page
            if len(page) < size:
                return
            after = name_of(page[-1])

    async def children(
        self, parent: str, kind: str, fields: Sequence[str], of: Iterable[str], *more: list[Any]
    ) -> dict[str, list[Record]]:
        """Read the rows of a child table of some documents, by document.

        Raises:
            SourceError: as `rows`.
        """
        names = sorted(set(of))
        found: dict[str, list[Record]] = {}
        if not names:
            return found
        where: Filters = [["parenttype", "=", parent], ["parent", "in", names], *more]
        # 0 is without a limit.
        rows = await self.rows(kind, ["parent", *fields], where, 0, "parent asc, idx asc", parent)
        for row in rows:
            found.setdefault(str(row.get("parent")), []).append(row)
        return found

    async def named(
        self, kind: str, fields: Sequence[str], names: Iterable[str]
    ) -> dict[str, Record]:
        """Read some documents by name.

        Raises:
            SourceError: as `rows`.
        """
        wanted = sorted(set(names))
        if not wanted:
            return {}
        found = await self.rows(kind, ["name", *fields], [["name", "in", wanted]], 0)
        return {name_of(record): record for record in found}

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


def name_of(record: Record) -> str:
    """Return a document's name, which is its id.

    Raises:
        SourceError: BAD_DATA, it has none.
    """
    found = record.get("name")
    if not isinstance(found, str) or not found:
        raise SourceError(ErrorKind.BAD_DATA, "a record of ERPNext has no text `name`")
    return found
