"""How a connector asks a web service: signed in, within its limits, tried again where it helps.

For reads only: a request that is sent twice must do no harm.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from connectors.sdk import trace
from connectors.sdk.answers import Answer, raise_for_status, read_json
from connectors.sdk.budget import Budget, in_background, longest_wait_s
from connectors.sdk.http import HttpClient
from connectors.sdk.types import ErrorKind, SourceError

# Before each further try, unless the source says for how long; infinite: only if it says so.
_WAITS_S = {ErrorKind.UNAVAILABLE: (0.0,), ErrorKind.RATE_LIMITED: (math.inf,)}
_WAITS_IN_BACKGROUND_S = {
    ErrorKind.UNAVAILABLE: (0.5, 1.0, 2.0),
    ErrorKind.RATE_LIMITED: (2.0, 8.0, 30.0, 60.0, 60.0),
}
_SHORT_WAIT_S = 1.0
_NO_CONTENT = 204
Send = Callable[[Mapping[str, str]], Awaitable[Answer]]
Refused = Callable[[Answer, Any], SourceError | None]


class Credentials(Protocol):
    """How a service knows us."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers that carry the credentials, valid now.

        Raises:
            SourceError: AUTH_EXPIRED when a person has to act.
        """

    async def renew(self, used: Mapping[str, str]) -> bool:
        """Get new credentials, as the service refused these; False when there are none to get.

        Raises:
            SourceError: AUTH_EXPIRED when a person has to act.
        """

    async def aclose(self) -> None:
        """Give back connections."""


@dataclass(frozen=True, slots=True)
class Document:
    """An answer of 2xx with its JSON, fractions as Decimals; `data` is None for HTTP 204."""

    data: Any
    answer: Answer

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, names in small letters."""
        return self.answer.headers

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status

    @property
    def url(self) -> str:
        """What was asked."""
        return self.answer.url


def _never_refused(_answer: Answer, _data: Any) -> SourceError | None:
    return None


@dataclass(slots=True)
class Service:
    """One service, asked with one account.

    `headers` go with each request. `refused` reads a vendor's own error shapes, from the answer
    and its JSON (None if it has none): any answer, as some say no with HTTP 200; None leaves it
    to the HTTP status. An error of kind AUTH_EXPIRED renews the credentials once.
    """

    http: HttpClient
    credentials: Credentials
    budget: Budget | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    refused: Refused = _never_refused

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Document:
        """Read a path below the base URL.

        Raises:
            SourceError: in plain words, holding nothing that the service wrote.
        """
        return await self._read(lambda own: self.http.get(path, params, {**own, **(headers or {})}))

    async def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Document:
        """Read over POST (a search, GraphQL, RPC): nothing is changed, so it may be sent twice.

        Raises:
            SourceError: as `get`.
        """
        return await self._read(
            lambda own: self.http.post(
                path, json=json, form=form, params=params, headers={**own, **(headers or {})}
            )
        )

    async def follow(self, last: Document, link: str) -> Document:
        """Read what a document links to, on the same origin.

        Raises:
            SourceError: as `get`, or BAD_DATA for a link that leads elsewhere.
        """
        return await self._read(lambda own: self.http.follow(last.answer, link, own))

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self.http.aclose()
        await self.credentials.aclose()

    async def _read(self, send: Send) -> Document:
        renewed = False
        tries = 0
        while True:
            tries += 1
            began = time.monotonic()
            used: Mapping[str, str] | None = None
            try:
                used = await self.credentials.headers()
                return await self._once(send, used)
            except SourceError as error:
                expired = error.kind is ErrorKind.AUTH_EXPIRED and used is not None
                if expired and not renewed and await self.credentials.renew(used or {}):
                    renewed = True
                    continue
                # What took half of the time there is would not be there in time again.
                late = time.monotonic() - began > self.http.timeout_s / 2
                wait = None if late and not in_background() else _wait_s(error, tries)
                if wait is None:
                    raise
            await asyncio.sleep(wait)

    async def _once(self, send: Send, credentials: Mapping[str, str]) -> Document:
        budget = self.budget
        async with budget.place() if budget else nullcontext():
            began = time.perf_counter()
            try:
                answer = await send({**self.headers, **credentials})
            except SourceError as failed:
                trace.tell(trace.TraceEntry(self.http.base_url, failed.text, trace.since(began)))
                raise
        if trace.is_heard():
            content, cut = trace.body_content(answer.body)
            asked, said = f"{answer.method} {answer.url}", f"HTTP {answer.status}"
            trace.tell(trace.TraceEntry(asked, said, trace.since(began), content=content, cut=cut))
        if budget:
            budget.heard(answer.headers)
        data = await _data(answer)
        try:
            error = self.refused(answer, data)
            if error is not None:
                raise error
            raise_for_status(answer)
        except SourceError as said:
            if budget and said.kind is ErrorKind.RATE_LIMITED:
                budget.told(0, said.retry_after_s or _SHORT_WAIT_S, "retry-after")
            raise
        return Document(data, answer)


async def _data(answer: Answer) -> Any:
    """Read the JSON; an answer that is an error may hold anything."""
    if answer.status == _NO_CONTENT:
        return None
    try:
        return await read_json(answer)
    except SourceError:
        if 200 <= answer.status < 300:
            raise
        return None


def _wait_s(error: SourceError, tries: int) -> float | None:
    """Return how long to wait before another try, or None when none is worth it."""
    waits = (_WAITS_IN_BACKGROUND_S if in_background() else _WAITS_S).get(error.kind, ())
    if tries > len(waits):
        return None
    wait = waits[tries - 1] if error.retry_after_s is None else error.retry_after_s
    if wait > longest_wait_s():
        return None
    return wait + random.uniform(0.02, 0.08)  # noqa: S311 - spreads the tries of several
