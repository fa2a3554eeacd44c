"""A connector with OAuth as a plug-in brings it, and its vendor on loopback."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from connectors.sdk.auth import StaticCredentials
from connectors.sdk.budget import Budget, RateHeaders
from connectors.sdk.connector import Capability, Connector, ConnectorConfig, Context
from connectors.sdk.grants import OAuthKind
from connectors.sdk.http import HttpClient
from connectors.sdk.oauth import CodeCredentials, token_http
from connectors.sdk.service import Service
from connectors.sdk.types import (
    Balance,
    CheckResult,
    CheckStatus,
    CustomerRef,
    Empty,
    Found,
    SectionName,
)
from tests.connectors.web import Request, WebServer, reply


class AcmeConfig(ConnectorConfig):
    """With a key nobody has to be asked."""

    base_url: str
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    key: SecretStr | None = None
    allow_private_network: bool = True


class AcmeConnector(Connector[AcmeConfig]):
    kind: ClassVar[str] = "acme"
    title: ClassVar[str] = "Acme Books"
    summary: ClassVar[str] = "Balances of Acme Books."
    Config: ClassVar[type[AcmeConfig]] = AcmeConfig

    def __init__(self, config: AcmeConfig, context: Context) -> None:
        super().__init__(config, context)
        self.budget = Budget(rate_headers=[RateHeaders("x-left")])
        kind = self.oauth_kind(config)
        http = HttpClient(config.base_url, allow_private_network=True)
        if kind is None:
            self._service = Service(http, StaticCredentials({}), self.budget)
            return
        credentials = CodeCredentials(
            token_http(kind.token_url, allow_private_network=True),
            kind, config, context.grants, name=context.slug, now=context.now,
        )  # fmt: skip
        self._service = Service(http, credentials, self.budget)

    @classmethod
    def oauth_kind(cls, config: AcmeConfig) -> OAuthKind | None:
        if config.key is not None:
            return None
        base = config.base_url
        return OAuthKind(f"{base}/authorize", f"{base}/token", ("read",), uses_callback=("realm",))

    @property
    def provides(self) -> frozenset[Capability]:
        return frozenset({"balance"})

    async def check(self) -> CheckResult:
        await self._service.get("balance/1")
        return CheckResult(CheckStatus.OK, proved=("balance",))

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        document = await self._service.get(f"balance/{ref.remote_id}")
        return Found(Balance(currency="EUR", balance=document.data["balance"]))

    async def aclose(self) -> None:
        await self._service.aclose()


def install(folder: Path) -> None:
    """Lay down what `pip install acme` would, for importlib.metadata."""
    info = folder / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[screenpop.connectors]\nacme = tests.api.acme:AcmeConnector\n"
    )


@dataclass
class Vendor:
    """Gives a grant for the code `good`, renews each refresh token once."""

    web: WebServer
    number: int = 0
    codes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.web.answers |= {"/token": self.token, "/balance/1": self.balance}

    def token(self, request: Request) -> bytes:
        form = request.form
        good = form.get("code") == "good" or form.get("refresh_token") == f"r{self.number}"
        if not good:
            return reply({"error": "invalid_grant"}, 400)
        self.number += 1
        tokens = {"access_token": f"a{self.number}", "refresh_token": f"r{self.number}"}
        return reply({**tokens, "expires_in": 3600})

    def balance(self, request: Request) -> bytes:
        if request.headers.get("authorization") != f"Bearer a{self.number}":
            return reply({}, 401)
        return reply({"balance": "786.00"}, x_left="42")

    def withdraw(self) -> None:
        """The user of the vendor takes the authorisation back."""
        self.number += 100


def query_of(url: str) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
