"""How a connector shows a web service who it is."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, SecretStr

from connectors.sdk.connector import ConnectorConfig

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class NoAuth(ConnectorConfig):
    """The service asks for no credentials."""

    model_config = ConfigDict(title="None")

    kind: Literal["none"] = "none"


class HeaderAuth(ConnectorConfig):
    """A key in a header."""

    model_config = ConfigDict(title="Key in a header")

    kind: Literal["header"] = "header"
    name: str = Field(title="Header", description="Name of the header, such as X-Api-Key.")
    value: SecretStr = Field(title="Key", description="What the header holds.")


class BearerAuth(ConnectorConfig):
    """A token as `Authorization: Bearer`."""

    model_config = ConfigDict(title="Bearer token")

    kind: Literal["bearer"] = "bearer"
    token: SecretStr = Field(title="Token", description="The access token.")


class BasicAuth(ConnectorConfig):
    """User name and password."""

    model_config = ConfigDict(title="User name and password")

    kind: Literal["basic"] = "basic"
    username: str = Field(title="User name", description="Name of the account.")
    password: SecretStr = Field(title="Password", description="Its password.")


Auth = Annotated[NoAuth | HeaderAuth | BearerAuth | BasicAuth, Field(discriminator="kind")]


def auth_headers(auth: Auth) -> dict[str, str]:
    """Return the headers that carry the credentials.

    Raises:
        ValueError: they cannot be sent in a header.
    """
    headers: dict[str, str] = {}
    if isinstance(auth, HeaderAuth):
        headers = {auth.name: auth.value.get_secret_value()}
    elif isinstance(auth, BearerAuth):
        headers = {"Authorization": "Bearer " + auth.token.get_secret_value()}
    elif isinstance(auth, BasicAuth):
        pair = f"{auth.username}:{auth.password.get_secret_value()}".encode()
        headers = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    check_headers(headers)
    return headers


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that cannot be sent; the text does not repeat a value.

    Raises:
        ValueError: in words for the admin.
    """
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("a header's name holds letters, digits and - only")
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"{name} must be plain printable characters without a line break")


class StaticCredentials:
    """Headers that stay the same: a key, a token, a user name with its password."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Take the headers.

        Raises:
            ValueError: they cannot be sent in a header.
        """
        check_headers(headers)
        self._headers = dict(headers)

    async def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self._headers

    async def renew(self, used: Mapping[str, str]) -> bool:  # noqa: ARG002 - there is one set
        """There are no others."""
        return False

    async def aclose(self) -> None:
        """Nothing to give back."""
