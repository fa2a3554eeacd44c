"""What a connector author implements. The host owns deadlines, cache, breaker and bulkhead."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    ContactRow,
    CustomerRef,
    Empty,
    Found,
    Number,
    RejectedRow,
    SectionName,
    Tombstone,
)

Capability = Literal["contacts", "find", "balance", "purchases", "credit_terms", "tickets"]
ContactItem = ContactRow | Tombstone | Checkpoint | RejectedRow


class ConnectorConfig(BaseModel):
    """Base of a connector's settings: unknown keys are refused, secrets are `SecretStr`.

    Errors do not repeat what was given: it may be a secret.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What the host tells a connector about its surroundings.

    `region` is the ISO 3166 region of numbers without a country code in this source,
    `data_dir` the folder that relative file names are relative to.
    """

    slug: str
    region: str | None = None
    data_dir: Path = Path()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def today(self) -> date:
        """Return today's date, for days overdue."""
        return self.now().date()


C = TypeVar("C", bound=ConnectorConfig)


class Connector(ABC, Generic[C]):
    """A link to a system that holds data about customers.

    Subclasses set `kind`, `title`, `summary` and `Config`, and override what they can bring.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[Any]]

    def __init__(self, config: C, context: Context) -> None:
        self.config = config
        self.context = context

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
