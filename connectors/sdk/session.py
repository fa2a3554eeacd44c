"""Signing in to a service that gives a session, and again when it has ended."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Protocol

from pydantic import SecretStr

from connectors.sdk.answers import Answer, raise_for_status, read_json
from connectors.sdk.auth import check_headers
from connectors.sdk.http import HttpClient
from connectors.sdk.mapping import pick
from connectors.sdk.types import ErrorKind, SourceError

# A wrong password is not tried again for so long: services lock accounts that are guessed at.
_NOT_AGAIN_FOR_S = 60.0
# In a joined Set-Cookie header; a comma inside of an expiry date is followed by no name.
_COOKIE = re.compile(r"(?:^|,\s*)([^=;,\s]+)=([^;,]*)")


class Login(Protocol):
    """How to sign in (settings of the REST connector)."""

    @property
    def path(self) -> str: ...  # noqa: D102 - the settings say what each is
    @property
    def username(self) -> str: ...  # noqa: D102
    @property
    def password(self) -> SecretStr: ...  # noqa: D102
    @property
    def username_field(self) -> str: ...  # noqa: D102
    @property
    def password_field(self) -> str: ...  # noqa: D102
    @property
    def fields(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def send_as(self) -> str: ...  # noqa: D102
    @property
    def token(self) -> str: ...  # noqa: D102
    @property
    def header(self) -> str: ...  # noqa: D102
    @property
    def token_prefix(self) -> str: ...  # noqa: D102


class SessionCredentials:
    """A session, opened when it is first needed and when the service has ended it."""

    def __init__(self, http: HttpClient, login: Login) -> None:
        self._http = http
        self._login = login
        self._lock = asyncio.Lock()
        self._headers: Mapping[str, str] | None = None
        self._refused: tuple[SourceError, float] | None = None

    async def headers(self) -> Mapping[str, str]:
        """Return the session's cookie or token.

        Raises:
            SourceError: AUTH_EXPIRED, the account is not accepted.
        """
        async with self._lock:
            if self._headers is None:
                self._headers = await self._opened()
            return self._headers

    async def renew(self, used: Mapping[str, str]) -> bool:
        """Open another session, unless somebody has done so meanwhile."""
        async with self._lock:
            if self._headers == used:
                self._headers = None
        await self.headers()
        return True

    async def aclose(self) -> None:
        """The service's own client is closed by its owner."""

    async def _opened(self) -> Mapping[str, str]:
        if self._refused is not None and time.monotonic() < self._refused[1]:
            raise self._refused[0]
        login = self._login
        form = {
            **login.fields,
            login.username_field: login.username,
            login.password_field: login.password.get_secret_value(),
        }
        if login.send_as == "form":
            answer = await self._http.post(login.path, form=form)
        else:
            answer = await self._http.post(login.path, json=form)
        if answer.status in {400, 401, 403, 422}:
            error = SourceError(
                ErrorKind.AUTH_EXPIRED,
                f"the login refuses the user name or password: correct them (HTTP {answer.status})",
            )
            self._refused = (error, time.monotonic() + _NOT_AGAIN_FOR_S)
            raise error
        raise_for_status(answer)
        headers = await self._token(answer) if login.token else _cookies(answer)
        try:
            check_headers(headers)
        except ValueError:
            raise SourceError(ErrorKind.BAD_DATA, "the login gave no usable token") from None
        return headers

    async def _token(self, answer: Answer) -> Mapping[str, str]:
        token = pick(self._login.token, await read_json(answer))
        if not isinstance(token, str) or not token:
            raise SourceError(
                ErrorKind.BAD_DATA, f"`{self._login.token}` (token) is not in the login's answer"
            )
        return {self._login.header: f"{self._login.token_prefix} {token}".strip()}


def _cookies(answer: Answer) -> Mapping[str, str]:
    given = answer.headers.get("set-cookie", "")
    # Attributes (Path, Expires) stand after a semicolon, never after a comma.
    cookies = dict(_COOKIE.findall(given))
    if not cookies:
        raise SourceError(
            ErrorKind.BAD_DATA, "the login gave no cookie: is its token in the answer?"
        )
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
