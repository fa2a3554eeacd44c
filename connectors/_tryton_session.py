"""Signing in to Tryton, and asking as the signed-in user.

As in trytond 8.2 (`protocols/dispatcher.py`, `security.py`, `res/user.py`).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors._tryton_wire import (
    Domain,
    Record,
    call,
    plain,
    records_of,
    refused,
    result_of,
    unlike_tryton,
)
from connectors.sdk.answers import Answer, raise_for_status, read_json
from connectors.sdk.connector import Context
from connectors.sdk.http import HttpClient
from connectors.sdk.service import Service
from connectors.sdk.settings import zone_of
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row
from connectors.sdk.vendor import at

# Tryton forgets wrong sign-ins after its `[session] timeout`, 300 s unless set otherwise. Until
# then it answers ever more slowly, then not at all: to the right password neither.
_FORGOTTEN_AFTER_S = 300.0
_ASK_AGAIN_AFTER = timedelta(seconds=60)
_SIGN_OUT_S = 1.0
_COMPANY = ("rec_name", "currency.code", "timezone")
# Above this, reading the values would hold up the event loop for longer than a push may take.
_READ_IN_THREAD = 128 * 1024


@dataclass(frozen=True, slots=True)
class Books:
    """Whose books the signed-in user works in, and what is activated there.

    `context` goes with every question: without it Tryton knows no company. `modules` is None when
    the user may not read which there are. `zone_name` is empty for UTC.
    """

    context: Record
    company_id: int
    company: str
    currency: str
    zone_name: str
    modules: frozenset[str] | None
    has_web_client: bool

    def may_have(self, module: str) -> bool:
        """Say whether a module is activated; if the user may not know, Tryton itself will say."""
        return self.modules is None or module in self.modules


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in where. `company` is the name that the user's company must have, if any."""

    database: str
    username: str
    password: str
    company: str = ""


class Session:
    """The signed-in user: `Credentials` of a `Service`, opened once and again when it expires."""

    def __init__(self, http: HttpClient, login: Login, context: Context) -> None:
        self.path = f"{login.database}/rpc/"
        self._http = http
        self._login = login
        self._context = context
        self._opening = asyncio.Lock()
        self._header: dict[str, str] | None = None
        self._books: Books | None = None
        self._refused: tuple[SourceError, datetime] | None = None

    async def headers(self) -> Mapping[str, str]:
        """Return the header of the session, signing in first if there is none.

        Raises:
            SourceError: AUTH_EXPIRED the password is wrong, RATE_LIMITED too many wrong ones,
                BAD_CONFIG no such database or company.
        """
        header, _ = await self._open()
        return header

    async def books(self) -> Books:
        """Return whose books these are, signing in first if need be.

        Raises:
            SourceError: as `headers`.
        """
        _, books = await self._open()
        return books

    async def renew(self, used: Mapping[str, str]) -> bool:
        """Forget a session that Tryton no longer accepts."""
        if self._header == used:
            self._header = None
        return True

    async def sign_out(self) -> None:
        """Tell Tryton that the session is over; it expires by itself if that fails."""
        header, self._header = self._header, None
        if header is not None:
            with suppress(SourceError, TimeoutError):
                async with asyncio.timeout(_SIGN_OUT_S):
                    await self._post("common.db.logout", [], header)

    async def aclose(self) -> None:
        """Nothing to give back: `sign_out` comes first, while there is a connection."""

    async def _open(self) -> tuple[Mapping[str, str], Books]:
        async with self._opening:
            if self._header is None or self._books is None:
                header = await self._sign_in()
                # Read again with each session: an expired one is when somebody changed the user.
                self._books = await self._read_books(header)
                self._header = header
            return self._header, self._books

    async def _sign_in(self) -> dict[str, str]:
        now = self._context.now()
        if self._refused is not None and now < self._refused[1]:
            # Each further try would keep the user locked out.
            raise self._refused[0]
        self._refused = None
        login = self._login
        parameters = [login.username, {"password": login.password}, "en"]
        answer = await self._post("common.db.login", parameters, {})
        error = _sign_in_error(answer, login)
        if error is not None:
            if error.kind in {ErrorKind.AUTH_EXPIRED, ErrorKind.RATE_LIMITED}:
                self._refused = (error, now + _ASK_AGAIN_AFTER)
            raise error
        raise_for_status(answer)
        found = result_of(await read_json(answer), "sign-in", ())
        if not isinstance(found, list) or len(found) < 2:
            raise unlike_tryton()
        key = f"{login.username}:{found[0]}:{found[1]}".encode()
        return {"authorization": "Session " + base64.b64encode(key).decode()}

    async def _read_books(self, header: Mapping[str, str]) -> Books:
        """Ask for the user's own context, and what it says about the company."""
        context = await self._ask(header, "res.user", "get_preferences", [True, {}])
        if not isinstance(context, Mapping):
            raise unlike_tryton()
        company_id = context.get("company")
        if not isinstance(company_id, int):
            raise SourceError(
                ErrorKind.BAD_CONFIG,
                "the user has no company in Tryton, without which no amount is right: choose one"
                " in the user's preferences",
            )
        company, modules, has_web_client = await asyncio.gather(
            self._ask(
                header, "company.company", "read", [[company_id], _COMPANY, context], _COMPANY
            ),
            self._modules(header, context),
            self._has_web_client(),
        )
        one = next(iter(records_of(company, "company.company", _COMPANY)), {})
        row = Row({**one, "currency": at(one, "currency.", "code")}, 1, "company.company")
        name, zone = row.needed_text("rec_name"), row.text("timezone") or ""
        if self._login.company not in {"", name}:
            raise SourceError(
                ErrorKind.BAD_CONFIG,
                "the user works in another company than the setting `company` names: choose it in"
                " the user's preferences in Tryton, or give each company a user of its own",
            )
        _check_zone(zone)
        return Books(context, company_id, name, row.currency(None), zone, modules, has_web_client)

    async def _modules(self, header: Mapping[str, str], context: Record) -> frozenset[str] | None:
        activated = [["state", "=", "activated"]]
        parameters = [activated, 0, None, None, ["name"], context]
        try:
            found = await self._ask(header, "ir.module", "search_read", parameters)
        except SourceError as error:
            if error.kind is ErrorKind.AUTH_DENIED:
                return None
            raise
        return frozenset(str(record["name"]) for record in records_of(found, "ir.module", ["name"]))

    async def _has_web_client(self) -> bool:
        """Say whether the page that links lead to is there: it is a package of its own."""
        try:
            page = await self._http.get("", headers={"accept": "text/html"})
        except SourceError:
            return False
        return page.status == 200 and "html" in page.headers.get("content-type", "")

    async def _ask(
        self,
        header: Mapping[str, str],
        model: str,
        method: str,
        parameters: Sequence[Any],
        fields: Sequence[str] = (),
    ) -> Any:
        answer = await self._post(f"model.{model}.{method}", parameters, header)
        raise_for_status(answer)
        return plain(result_of(await read_json(answer), model, (model, *fields)))

    async def _post(
        self, method: str, parameters: Sequence[Any], header: Mapping[str, str]
    ) -> Answer:
        return await self._http.post(self.path, json=call(method, parameters), headers=header)


class Rpc:
    """Reads records of a Tryton database as its signed-in user."""

    def __init__(self, service: Service, session: Session) -> None:
        self._service = service
        self._session = session

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        most: int,
        order: Sequence[Sequence[str]] = (("id", "ASC"),),
        **context: Any,
    ) -> list[dict[str, Any]]:
        """Read the first `most` records of a domain; `a.b` reads the field of a linked record.

        Raises:
            SourceError: AUTH_DENIED the user may not read this, BAD_CONFIG a module or field is
                not there, BAD_DATA an answer without the fields asked for.
        """
        books = await self._session.books()
        parameters = [domain, 0, most, order, fields, {**books.context, **context}]
        found = await self._ask(model, "search_read", parameters, fields)
        return records_of(found, model, fields)

    async def count(self, model: str, domain: Domain) -> int:
        """Count the records of a domain.

        Raises:
            SourceError: as `search_read`.
        """
        books = await self._session.books()
        found = await self._ask(model, "search_count", [domain, 0, None, books.context], ())
        if not isinstance(found, int):
            raise unlike_tryton()
        return found

    async def _ask(
        self, model: str, method: str, parameters: Sequence[Any], fields: Sequence[str]
    ) -> Any:
        document = await self._service.post(
            self._session.path, json=call(f"model.{model}.{method}", parameters)
        )
        result = result_of(document.data, model, (model, *fields))
        if len(document.answer.body) < _READ_IN_THREAD:
            return plain(result)
        return await asyncio.to_thread(plain, result)


def _check_zone(name: str) -> None:
    try:
        zone_of(name)
    except ValueError:
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            "the company's time zone in Tryton is not known to this machine: install its time"
            " zone data (package tzdata)",
        ) from None


def _sign_in_error(answer: Answer, login: Login) -> SourceError | None:
    if answer.status == 401:
        return SourceError(
            ErrorKind.AUTH_EXPIRED,
            f"Tryton does not accept the password of {login.username}, or has no such user",
        )
    if answer.status == 429:
        return SourceError(
            ErrorKind.RATE_LIMITED,
            f"{login.username} was signed in with a wrong password too often: correct it and wait"
            f" {_FORGOTTEN_AFTER_S / 60:.0f} minutes",
            retry_after_s=_FORGOTTEN_AFTER_S,
        )
    return refused(answer, None)
