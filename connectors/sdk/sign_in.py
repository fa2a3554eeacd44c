"""The ways to sign in that the REST connector offers, and the credentials made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator

from connectors.sdk.auth import (
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    NoAuth,
    StaticCredentials,
    auth_headers,
)
from connectors.sdk.connector import ConnectorConfig, Context
from connectors.sdk.grants import OAuthKind
from connectors.sdk.http import HttpClient
from connectors.sdk.mapping import compiled
from connectors.sdk.oauth import ClientCredentials, CodeCredentials, token_http
from connectors.sdk.service import Credentials
from connectors.sdk.session import SessionCredentials

_WORD = r"[A-Za-z][A-Za-z0-9_.-]*"
_BEARER = "Bearer"


class _OAuth(ConnectorConfig):
    token_url: str = Field(
        title="Token URL", description="Where tokens come from: https://…/oauth2/token."
    )
    client_id: str = Field(title="Client id", description="Name of the application there.")
    client_secret: SecretStr = Field(title="Client secret", description="Its secret.")
    scope: str = Field("", title="Scope", description="The rights to ask for, if any.")
    token_auth: Literal["basic", "post"] = Field(
        "basic",
        title="Client authentication",
        description="How the service takes client id and secret: basic (a header) or post (the"
        " form).",
    )
    token_prefix: str = Field(
        _BEARER,
        title="Token prefix",
        description="What stands before the token in the Authorization header.",
        pattern=f"^{_WORD}$",
    )

    @field_validator("token_url", "authorization_url", check_fields=False)
    @classmethod
    def _is_a_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must start with https:// and name a host")
        return url


class ClientAuth(_OAuth):
    """OAuth 2 client credentials: the application's own account."""

    model_config = ConfigDict(title="OAuth 2: the application itself")

    kind: Literal["oauth_client"] = "oauth_client"
    extra: dict[str, str] = Field(
        default_factory=dict,
        title="Further fields",
        description="What else the token request needs, such as an audience. Not for secrets.",
    )


class CodeAuth(_OAuth):
    """OAuth 2 with a person's consent: someone connects it once."""

    model_config = ConfigDict(title="OAuth 2: a person says yes")

    kind: Literal["oauth_code"] = "oauth_code"
    authorization_url: str = Field(
        title="Authorisation URL", description="The page where the person is asked."
    )
    pkce: bool = Field(True, title="PKCE", description="Off only if the service refuses it.")
    extra: dict[str, str] = Field(
        default_factory=dict,
        title="Further parameters",
        description="What else that page needs, such as access_type: offline.",
    )


class SessionAuth(ConnectorConfig):
    """A login that gives a session: a cookie, or a token in its answer."""

    model_config = ConfigDict(title="Login that gives a session")

    kind: Literal["session"] = "session"
    path: str = Field(title="Login path", description="Below the base URL: /login.")
    username: str = Field(title="User name", description="Name of the account.")
    password: SecretStr = Field(title="Password", description="Its password.")
    username_field: str = Field(
        "username", title="User name field", description="What the login calls the user name."
    )
    password_field: str = Field(
        "password", title="Password field", description="What the login calls the password."
    )
    fields: dict[str, str] = Field(
        default_factory=dict,
        title="Further fields",
        description="What else the login needs, such as CompanyDB. Not for secrets.",
    )
    send_as: Literal["json", "form"] = Field(
        "json", title="Sent as", description="JSON, or a form."
    )
    token: str = Field(
        "",
        title="Token",
        description="JMESPath of the token in the login's answer. Empty: its cookies are sent.",
    )
    header: str = Field(
        "Authorization", title="Token header", description="Header that carries the token."
    )
    token_prefix: str = Field(
        _BEARER, title="Token prefix", description="What stands before the token; may be empty."
    )

    @field_validator("token")
    @classmethod
    def _is_jmespath(cls, expression: str) -> str:
        if expression:
            compiled(expression)
        return expression

    @field_validator("path")
    @classmethod
    def _is_only_a_path(cls, path: str) -> str:
        if not path or re.search(r"[?#\s\\]|://", path):
            raise ValueError("must be a path below the base URL, such as /login")
        return path


SignIn = Annotated[
    NoAuth | HeaderAuth | BearerAuth | BasicAuth | ClientAuth | CodeAuth | SessionAuth,
    Field(discriminator="kind"),
]


def oauth_kind(auth: SignIn) -> OAuthKind | None:
    """Return where a person is asked, None where nobody is."""
    if not isinstance(auth, CodeAuth):
        return None
    return OAuthKind(
        auth.authorization_url,
        auth.token_url,
        (auth.scope,) if auth.scope else (),
        auth.extra,
        auth.token_auth,
        auth.pkce,
    )


def credentials(
    auth: SignIn, http: HttpClient, context: Context, *, allow_private_network: bool
) -> Credentials:
    """Make the credentials; `http` is the service's own client, where a session is opened."""
    if isinstance(auth, SessionAuth):
        return SessionCredentials(http, auth)
    if not isinstance(auth, ClientAuth | CodeAuth):
        return StaticCredentials(auth_headers(auth))
    tokens = token_http(auth.token_url, allow_private_network=allow_private_network)
    kind = oauth_kind(auth)
    made: Credentials
    if isinstance(auth, ClientAuth):
        made = ClientCredentials(
            tokens,
            auth.token_url,
            auth.client_id,
            auth.client_secret,
            auth.scope,
            token_auth=auth.token_auth,
            extra=auth.extra,
            now=context.now,
        )
    else:
        assert kind is not None  # noqa: S101 - for mypy
        made = CodeCredentials(
            tokens, kind, auth, context.grants, name=context.slug, now=context.now
        )
    return made if auth.token_prefix == _BEARER else _Prefixed(made, auth.token_prefix)


class _Prefixed:
    """Credentials whose token stands after another word than Bearer."""

    def __init__(self, tokens: Credentials, prefix: str) -> None:
        self._tokens = tokens
        self._prefix = prefix

    async def headers(self) -> Mapping[str, str]:
        return _with_prefix(await self._tokens.headers(), _BEARER, self._prefix)

    async def renew(self, used: Mapping[str, str]) -> bool:
        return await self._tokens.renew(_with_prefix(used, self._prefix, _BEARER))

    async def aclose(self) -> None:
        await self._tokens.aclose()


def _with_prefix(headers: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    given = headers.get("Authorization", "")
    return {**headers, "Authorization": f"{new} {given.removeprefix(old).lstrip()}"}
