"""What a connector author implements. The host owns deadlines, cache, breaker and bulkhead."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict

from connectors.sdk.budget import Budget
from connectors.sdk.grants import ClientSettings, Grants, NoGrants, OAuthKind
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    ContactRow,
    CustomerRef,
    Empty,
    Found,
    Item,
    Number,
    Purchase,
    RejectedRow,
    SectionName,
    Tombstone,
)

Capability = Literal[
    "contacts", "find", "balance", "purchases", "credit_terms", "tickets", "history", "catalogue"
]
# Everything that some connector can bring.
ALL: frozenset[Capability] = frozenset(get_args(Capability))
ContactItem = ContactRow | Tombstone | Checkpoint | RejectedRow
PurchaseItem = Purchase | Tombstone | Checkpoint | RejectedRow
CatalogueItem = Item | Tombstone | Checkpoint | RejectedRow


class ConnectorConfig(BaseModel):
    """Base of a connector's settings: unknown keys are refused, secrets are `SecretStr`.

    Errors do not repeat what was given: it may be a secret.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What the host tells a connector about its surroundings.

    `region` is the ISO 3166 region of numbers without a country code in this source,
    `data_dir` the folder that relative file names are relative to, `grants` where what a vendor
    granted by OAuth is kept.
    """

    slug: str
    region: str | None = None
    data_dir: Path = Path()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    grants: Grants = field(default_factory=NoGrants)

    def today(self, zone: tzinfo | None = None) -> date:
        """Return today's date in the company's time zone (None: UTC), for days overdue."""
        return self.now().astimezone(zone or UTC).date()


C = TypeVar("C", bound=ConnectorConfig)


class Connector(ABC, Generic[C]):
    """A link to a system that holds data about customers.

    Subclasses set `kind`, `title`, `summary` and `Config`, and override what they can bring.
    `brings` is what it can bring with the right settings, for who has to choose a kind.
    `oauth` is set by those that a person connects by OAuth: their `Config` has a `client_id` and
    a `client_secret`. `budget` is what the source's limit leaves, for the pages that show it.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[Any]]
    brings: ClassVar[frozenset[Capability] | None] = None
    oauth: ClassVar[OAuthKind | None] = None
    budget: Budget | None = None

    def __init__(self, config: C, context: Context) -> None:
        self.config = config
        self.context = context

    @classmethod
    def oauth_kind(cls, config: C) -> OAuthKind | None:  # noqa: ARG003 - for those that need it
        """Return where to ask for a grant with these settings; None when nothing is to be asked."""
        return cls.oauth

    @classmethod
    def may_ask_a_person(cls) -> bool:
        """Say whether there are settings with which a person has to say yes at the vendor."""
        own = (vars(each) for each in cls.__mro__ if each is not Connector)
        return cls.oauth is not None or any("oauth_kind" in names for names in own)

    @classmethod
    def oauth_client(cls, config: C) -> ClientSettings:
        """Return the settings that hold client id and secret, where `oauth_kind` asks for them."""
        return cast("ClientSettings", config)

    @property
    @abstractmethod
    def provides(self) -> frozenset[Capability]:
        """What this instance can bring, given its settings."""

    @abstractmethod
    async def check(self) -> CheckResult:
        """Test the connection and every configured query; a fault of the source is no exception."""

    def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all contacts, or those changed since a checkpoint's cursor.

        Raises:
            SourceError: the source cannot be read; what was yielded before stays good.
        """
        raise NotImplementedError(f"{self.kind} brings no contacts")

    def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read the orders of all customers, or those changed since a checkpoint's cursor.

        Provided as `history`. Returns and credit notes are orders with negative quantities.

        Raises:
            SourceError: the source cannot be read; what was yielded before stays good.
        """
        raise NotImplementedError(f"{self.kind} brings no purchase history")

    def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:
        """Read all items, or those changed since a checkpoint's cursor.

        Raises:
            SourceError: the source cannot be read; what was yielded before stays good.
        """
        raise NotImplementedError(f"{self.kind} brings no catalogue")

    async def find(self, number: Number) -> list[ContactRow]:
        """Ask the source live who has this number. `number.e164` is never None.

        Raises:
            SourceError: the source could not answer.
        """
        raise NotImplementedError(f"{self.kind} cannot search by number")

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read one section of one customer.

        Raises:
            SourceError: the source could not answer.
        """
        raise NotImplementedError(f"{self.kind} brings no {section}")

    async def aclose(self) -> None:
        """Give back connections and threads. Called once, after the last use."""
        return
