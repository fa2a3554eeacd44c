"""How a web service hands out long lists. Pure: the next request from the last answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from connectors.sdk.connector import ConnectorConfig
from connectors.sdk.mapping import compiled, pick
from connectors.sdk.types import ErrorKind, SourceError

_NEXT_LINK = re.compile(r"<([^<>]{1,2000})>\s*((?:;\s*[^;,<>]{1,200})*)")


class NoPaging(ConnectorConfig):
    """Everything comes in one answer."""

    kind: Literal["none"] = "none"


class PagePaging(ConnectorConfig):
    """Pages by number."""

    kind: Literal["page"] = "page"
    param: str = Field(
        "page", title="Page parameter", description="Query parameter for the page number."
    )
    start: int = Field(1, title="First page", description="Number of the first page, 1 or 0.")
    size_param: str = Field(
        "",
        title="Size parameter",
        description="Query parameter for the records on a page, if the service has one.",
    )
    size: int = Field(
        100, ge=1, title="Page size", description="Records on a page; fewer mean the last page."
    )
    more: str = Field(
        "",
        title="More pages",
        description="JMESPath of what says whether there are more pages, if the service says so:"
        " page_context.has_more_page.",
    )

    @field_validator("more")
    @classmethod
    def _is_jmespath(cls, expression: str) -> str:
        if expression:
            compiled(expression)
        return expression


class OffsetPaging(ConnectorConfig):
    """Pages by the number of records to skip."""

    kind: Literal["offset"] = "offset"
    param: str = Field(
        "offset", title="Offset parameter", description="Query parameter for records to skip."
    )
    size_param: str = Field(
        "limit", title="Size parameter", description="Query parameter for the records on a page."
    )
    size: int = Field(
        100, ge=1, title="Page size", description="Records on a page; fewer mean the last page."
    )


class CursorPaging(ConnectorConfig):
    """Each answer names the cursor of the next."""

    kind: Literal["cursor"] = "cursor"
    param: str = Field("cursor", title="Cursor parameter", description="Query parameter for it.")
    next: str = Field(
        title="Next cursor", description="JMESPath of the next cursor in the answer: meta.next."
    )

    @field_validator("next")
    @classmethod
    def _is_jmespath(cls, expression: str) -> str:
        compiled(expression)
        return expression


class LinkPaging(ConnectorConfig):
    """Each answer links to the next, in its Link header (RFC 8288) or in itself."""

    kind: Literal["link"] = "link"
    next: str = Field(
        "",
        title="Next link",
        description="JMESPath of the link in the answer: next. Empty: the Link header.",
    )

    @field_validator("next")
    @classmethod
    def _is_jmespath(cls, expression: str) -> str:
        if expression:
            compiled(expression)
        return expression


Paging = Annotated[
    NoPaging | PagePaging | OffsetPaging | CursorPaging | LinkPaging, Field(discriminator="kind")
]


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a list: parameters to add, or a link to follow from the last answer."""

    params: Mapping[str, str]
    link: str | None = None


def first_step(paging: Paging) -> Step:
    """Return the first request."""
    if isinstance(paging, PagePaging):
        return Step(_page(paging, paging.start))
    if isinstance(paging, OffsetPaging):
        return Step({paging.param: "0", paging.size_param: str(paging.size)})
    return Step({})


def next_step(
    paging: Paging, last: Step, count: int, document: Any, link: str | None
) -> Step | None:
    """Return the request after an answer that held `count` records, or None after the last.

    Raises:
        SourceError: BAD_DATA, the cursor or link is not one.
    """
    if isinstance(paging, PagePaging):
        number = int(last.params[paging.param]) + 1
        more = bool(pick(paging.more, document)) if paging.more else count >= paging.size
        return Step(_page(paging, number)) if more else None
    if isinstance(paging, OffsetPaging):
        skip = int(last.params[paging.param]) + count
        params = {**last.params, paging.param: str(skip)}
        return Step(params) if count >= paging.size else None
    if isinstance(paging, CursorPaging):
        cursor = pick(paging.next, document)
        if cursor in (None, "", False):
            return None
        if not isinstance(cursor, str | int):
            raise SourceError(ErrorKind.BAD_DATA, f"`{paging.next}` (next cursor) is not text")
        return Step({paging.param: str(cursor)})
    if isinstance(paging, LinkPaging):
        following = _link_in(paging.next, document) if paging.next else _next_link(link or "")
        return Step({}, following) if following else None
    return None


def _link_in(expression: str, document: Any) -> str | None:
    link = pick(expression, document)
    if link is not None and not isinstance(link, str):
        raise SourceError(ErrorKind.BAD_DATA, f"`{expression}` (next link) is not text")
    return link or None


def _page(paging: PagePaging, number: int) -> dict[str, str]:
    size = {paging.size_param: str(paging.size)} if paging.size_param else {}
    return {paging.param: str(number), **size}


def _next_link(header: str) -> str | None:
    for url, parameters in _NEXT_LINK.findall(header[:8_000]):
        if re.search(r';\s*rel\s*=\s*"?(?:[\w ]* )?next\b', parameters, re.IGNORECASE):
            return str(url)
    return None
