"""What a vendor's OAuth 2 is like, and what it granted. Pure data; the host keeps the grants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class OAuthKind:
    """Where and how a vendor asks its user, and gives tokens (RFC 6749, PKCE: RFC 7636).

    `token_auth` is how the token endpoint takes client id and secret: HTTP Basic, or in the form.
    `uses_callback` are values of the callback's query (QuickBooks `realmId`) and `keeps` fields
    of the token answer (Salesforce `instance_url`) that go into the grant's `extra`.
    """

    authorization_url: str
    token_url: str
    scopes: tuple[str, ...] = ()
    extra_authorize: Mapping[str, str] = field(default_factory=dict)
    token_auth: Literal["basic", "post"] = "basic"  # noqa: S105 - a manner, no secret
    pkce: bool = True
    uses_callback: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()


class ClientSettings(Protocol):
    """How a connector with OAuth is known to the vendor, as its settings say."""

    @property
    def client_id(self) -> str:
        """Public name of the application at the vendor."""

    @property
    def client_secret(self) -> SecretStr:
        """Its secret."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a vendor granted. `expires_at` is the access token's, None when it did not say.

    `refused_at` is when the vendor refused to renew it: from then on a person has to connect again.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    refused_at: datetime | None = None


class Grants(Protocol):
    """Where the grant of one connector is kept, for all processes."""

    async def read(self) -> Grant | None:
        """Return the grant, None before somebody connected."""

    def lock(self) -> AbstractAsyncContextManager[None]:
        """Let one of all processes at a time renew the grant."""

    async def write(self, grant: Grant) -> None:
        """Keep a grant; when this returns it is on disk."""


class NoGrants:
    """Keeps nothing: outside of a host nobody can be asked to connect."""

    async def read(self) -> Grant | None:
        """There is none."""
        return None

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Nothing to be locked."""
        yield

    async def write(self, grant: Grant) -> None:  # noqa: ARG002 - it is refused
        """Refuse: a refresh token that is not kept is lost.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("a grant cannot be kept here")
