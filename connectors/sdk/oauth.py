"""OAuth 2: the code grant with PKCE, client credentials, and renewal (RFC 6749, 7636).

A refresh token may be good for one use only. So one process at a time renews, what comes is
written before it is used, and a renewal under way is never given up with the caller that asked.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from connectors.sdk.answers import raise_for_status, read_json
from connectors.sdk.grants import ClientSettings, Grant, Grants, OAuthKind
from connectors.sdk.http import HttpClient
from connectors.sdk.types import ErrorKind, SourceError

# Renewed that long before its end while still used; once over, callers wait for the new one.
_AHEAD = timedelta(minutes=2)
_OVER = timedelta(seconds=10)
# A token that never lives for longer is not renewed at every use.
_NOT_AGAIN_FOR = timedelta(minutes=1)
_LONGEST_TOKEN = 16_384
Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where tokens come from. `http` is a client of the URL's host (`token_http`)."""

    http: HttpClient
    url: str
    client_id: str
    client_secret: SecretStr
    auth: Literal["basic", "post"] = "basic"

    async def ask(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Ask for a token.

        Raises:
            SourceError: AUTH_EXPIRED for `invalid_grant`, AUTH_DENIED for a wrong client, else
                as the HTTP status means.
        """
        secret = self.client_secret.get_secret_value()
        headers: dict[str, str] = {}
        if self.auth == "basic":
            # RFC 6749 section 2.3.1: each half form-encoded before they are joined.
            pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}".encode()
            headers["authorization"] = "Basic " + base64.b64encode(pair).decode()
        else:
            form = {**form, "client_id": self.client_id, "client_secret": secret}
        parts = urlsplit(self.url)
        answer = await self.http.post(
            parts.path, form=form, params=dict(parse_qsl(parts.query)), headers=headers
        )
        try:
            document = await read_json(answer)
        except SourceError:
            raise_for_status(answer)
            raise
        # Some vendors refuse with HTTP 200 (Zoho).
        error = document.get("error") if isinstance(document, dict) else None
        if isinstance(error, str):
            _raise_refusal(error)
        raise_for_status(answer)
        if not isinstance(document, dict) or not _is_token(document.get("access_token")):
            raise SourceError(ErrorKind.BAD_DATA, "the token endpoint gave no access token")
        return document


def _is_token(value: Any) -> bool:
    """Say whether it can be sent in a header."""
    text = isinstance(value, str) and 0 < len(value) <= _LONGEST_TOKEN
    return bool(text and value.isascii() and value.isprintable())


def _raise_refusal(error: str) -> None:
    """Raise what an OAuth error code means (RFC 6749 section 5.2); an unknown one passes."""
    if error in {"invalid_grant", "invalid_code"}:
        raise SourceError(ErrorKind.AUTH_EXPIRED, "the authorisation has expired or was withdrawn")
    if error in {
        "invalid_client",
        "invalid_client_id",
        "invalid_client_credentials",
        "invalid_client_secret",
        "unauthorized_client",
    }:
        raise SourceError(
            ErrorKind.AUTH_DENIED,
            "the vendor does not know this client id and secret: check both, and that the"
            " application is active",
        )
    if error == "invalid_scope":
        raise SourceError(
            ErrorKind.AUTH_DENIED, "the application may not have these rights (scope): allow them"
        )
    if error == "redirect_uri_mismatch":
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            "the vendor does not know our redirect address: register it with the application",
        )


def token_http(
    token_url: str,
    *,
    allow_private_network: bool = False,
    timeout_s: float = 10.0,
) -> HttpClient:
    """Return the client for the host of a token endpoint."""
    parts = urlsplit(token_url)
    origin = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    return HttpClient(
        origin,
        allow_private_network=allow_private_network,
        timeout_s=timeout_s,
        max_bytes=64 * 1024,
        max_connections=1,
    )


def authorize_url(
    kind: OAuthKind, client_id: str, redirect_uri: str, state: str, verifier: str
) -> str:
    """Return the page where the vendor asks its user. `verifier` is PKCE's secret."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    if kind.scopes:
        query["scope"] = " ".join(kind.scopes)
    if kind.pkce:
        digest = hashlib.sha256(verifier.encode()).digest()
        query["code_challenge"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        query["code_challenge_method"] = "S256"
    parts = urlsplit(kind.authorization_url)
    given = dict(parse_qsl(parts.query))
    return urlunsplit(parts._replace(query=urlencode({**given, **kind.extra_authorize, **query})))


async def exchange_code(
    endpoint: TokenEndpoint,
    kind: OAuthKind,
    callback: Mapping[str, str],
    redirect_uri: str,
    verifier: str,
    now: datetime,
) -> Grant:
    """Turn the callback's code into a grant.

    Raises:
        SourceError: the vendor refused, or did not answer.
    """
    form = {
        "grant_type": "authorization_code",
        "code": callback["code"],
        "redirect_uri": redirect_uri,
    }
    if kind.pkce:
        form["code_verifier"] = verifier
    document = await endpoint.ask(form)
    kept = {name: callback[name] for name in kind.uses_callback if name in callback}
    return read_grant(document, kind, Grant("", extra=kept), now)


def read_grant(document: Mapping[str, Any], kind: OAuthKind, before: Grant, now: datetime) -> Grant:
    """Read a token answer; what it leaves out stays as it was."""
    kept = {name: str(document[name]) for name in kind.keeps if document.get(name) is not None}
    refresh_token = document.get("refresh_token")
    return Grant(
        document["access_token"],
        refresh_token if _is_token(refresh_token) else before.refresh_token,
        _expiry(document.get("expires_in"), now),
        {**before.extra, **kept},
    )


def _expiry(seconds: Any, now: datetime) -> datetime | None:
    try:
        lifetime = min(max(0.0, float(seconds)), 10 * 365 * 86_400.0)
    except (TypeError, ValueError):
        return None
    return now + timedelta(seconds=lifetime)


class _Tokens(ABC):
    """An access token that is renewed when it has to be, once for all who wait for it."""

    def __init__(self, http: HttpClient, now: Clock) -> None:
        self._http = http
        self._now = now
        self._grant: Grant | None = None
        self._renewing: asyncio.Task[Grant] | None = None
        self._asked_at: datetime | None = None

    async def headers(self) -> Mapping[str, str]:
        """Return the access token as `Authorization: Bearer`.

        Raises:
            SourceError: AUTH_EXPIRED when a person has to connect (again).
        """
        return {"Authorization": f"Bearer {(await self.grant()).access_token}"}

    async def grant(self) -> Grant:
        """Return the grant, renewed if it is over, for what a connector kept in its `extra`.

        Raises:
            SourceError: AUTH_EXPIRED when a person has to connect (again).
        """
        grant = self._grant
        if grant is None or self._ends_within(grant, _OVER):
            return await self._renewed(grant)
        asked_at = self._asked_at
        if self._ends_within(grant, _AHEAD) and (
            asked_at is None or self._now() - asked_at > _NOT_AGAIN_FOR
        ):
            self._renewing = self._start(grant)
        return grant

    async def renew(self, used: Mapping[str, str]) -> bool:
        """Get another token than the one that was refused.

        Raises:
            SourceError: AUTH_EXPIRED when a person has to connect (again).
        """
        grant = self._grant
        if grant is not None and used.get("Authorization") == f"Bearer {grant.access_token}":
            await self._renewed(grant)
        return True

    async def aclose(self) -> None:
        """Let a renewal under way come to its end, then close the connection."""
        if self._renewing is not None:
            await asyncio.wait([self._renewing])
        await self._http.aclose()

    def _ends_within(self, grant: Grant, time: timedelta) -> bool:
        return grant.expires_at is not None and grant.expires_at - self._now() <= time

    async def _renewed(self, unusable: Grant | None) -> Grant:
        # The caller's deadline must not end a renewal whose answer is on the way.
        return await asyncio.shield(self._start(unusable))

    def _start(self, unusable: Grant | None) -> asyncio.Task[Grant]:
        if self._renewing is None:
            self._asked_at = self._now()
            self._renewing = asyncio.create_task(self._replace(unusable))
            self._renewing.add_done_callback(self._done)
        return self._renewing

    def _done(self, task: asyncio.Task[Grant]) -> None:
        self._renewing = None
        # Read here, as nobody may be waiting for it any more.
        if not task.cancelled() and task.exception() is None:
            self._grant = task.result()

    @abstractmethod
    async def _replace(self, unusable: Grant | None) -> Grant:
        """Return a grant that is not the unusable one."""


class ClientCredentials(_Tokens):
    """The application's own account (RFC 6749 section 4.4): nobody is asked."""

    def __init__(
        self,
        http: HttpClient,
        token_url: str,
        client_id: str,
        client_secret: SecretStr,
        scope: str = "",
        *,
        token_auth: Literal["basic", "post"] = "basic",  # noqa: S107 - a manner, no secret
        extra: Mapping[str, str] | None = None,
        keeps: tuple[str, ...] = (),
        now: Clock = _utc_now,
    ) -> None:
        """Take the account; `extra` are further fields of the form (an audience, a resource)."""
        super().__init__(http, now)
        self._endpoint = TokenEndpoint(http, token_url, client_id, client_secret, token_auth)
        self._kind = OAuthKind("", token_url, keeps=keeps)
        self._form = {"grant_type": "client_credentials", **(extra or {})}
        if scope:
            self._form["scope"] = scope

    async def _replace(self, unusable: Grant | None) -> Grant:  # noqa: ARG002 - always a new one
        return read_grant(await self._endpoint.ask(self._form), self._kind, Grant(""), self._now())


class CodeCredentials(_Tokens):
    """What a person granted; renewed by one process at a time."""

    def __init__(
        self,
        http: HttpClient,
        kind: OAuthKind,
        config: ClientSettings,
        grants: Grants,
        *,
        name: str = "the source",
        now: Clock = _utc_now,
    ) -> None:
        """Take `context.grants`; `name` is the connector's slug, for what a person is told."""
        super().__init__(http, now)
        self._kind = kind
        self._grants = grants
        self._name = name
        self._endpoint = TokenEndpoint(
            http, kind.token_url, config.client_id, config.client_secret, kind.token_auth
        )

    async def _replace(self, unusable: Grant | None) -> Grant:
        grant = await self._usable(unusable)
        if grant is not None:
            return grant
        async with self._grants.lock():
            grant = await self._usable(unusable)
            return grant or await self._refresh()

    async def _usable(self, unusable: Grant | None) -> Grant | None:
        """Return the grant on disk if another process has renewed it, or somebody connected."""
        grant = await self._grants.read()
        if grant is None:
            raise SourceError(
                ErrorKind.AUTH_EXPIRED, f"nobody has connected {self._name} yet: connect it"
            )
        if grant.refused_at is not None:
            raise self._to_be_connected()
        other = unusable is None or grant.access_token != unusable.access_token
        return grant if other and not self._ends_within(grant, _OVER) else None

    async def _refresh(self) -> Grant:
        grant = await self._grants.read()
        if grant is None or grant.refresh_token is None:
            if grant is not None:
                await self._grants.write(replace(grant, refused_at=self._now()))
            raise self._to_be_connected()
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        try:
            document = await self._endpoint.ask(form)
        except SourceError as error:
            if error.kind is not ErrorKind.AUTH_EXPIRED:
                raise
            await self._grants.write(replace(grant, refused_at=self._now()))
            raise self._to_be_connected() from None
        renewed = read_grant(document, self._kind, grant, self._now())
        # On disk before anybody uses it: the token that it replaces may be good for nothing now.
        await self._grants.write(renewed)
        return renewed

    def _to_be_connected(self) -> SourceError:
        return SourceError(
            ErrorKind.AUTH_EXPIRED,
            f"the authorisation has expired or was withdrawn: connect {self._name} again",
        )
