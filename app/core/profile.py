"""Sections of a profile and what each source said about them. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from app.core.values import value
from connectors.sdk.types import SectionFacts

Status = Literal[
    "loading",
    "ok",
    "empty",
    "stale",
    "partial",
    "timeout",
    "failed",
    "not_configured",
    "hidden",
]
SourceStatus = Literal["loading", "ok", "empty", "stale", "partial", "timeout", "failed"]

SECTION_NAMES = (
    "balance",
    "purchases",
    "credit_terms",
    "suggestions",
    "interactions",
    "tickets",
)


@value(frozen=True, slots=True)
class SourceOutcome:
    """What one source said about one section; `facts` may be old ones when it is down.

    `connector` is its slug, `name` what people call it.
    """

    connector: str
    status: SourceStatus = "loading"
    name: str | None = None
    priority: int = 0
    facts: SectionFacts | None = None
    as_of: datetime | None = None
    remote_url: str | None = None
    elapsed_ms: float | None = None
    error_code: str | None = None
    error_text: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return the contract's `sources[]` entry."""
        error = None
        if self.error_code is not None:
            error = {"code": self.error_code, "text": self.error_text}
        return {
            "connector": self.connector,
            "name": self.name or self.connector,
            "status": self.status,
            "remote_url": self.remote_url,
            "as_of": self.as_of,
            "elapsed_ms": self.elapsed_ms,
            "error": error,
        }


@value(frozen=True, slots=True)
class ConflictValue:
    """What one source gives for a field that another gives differently."""

    connector: str
    value: Any
    as_of: datetime | None


@value(frozen=True, slots=True)
class Conflict:
    """Two sources disagree; `chosen` is the connector whose value is shown."""

    field: str
    values: tuple[ConflictValue, ...]
    chosen: str


@value(frozen=True, slots=True)
class Section:
    """One block of the pop (contract section 5)."""

    status: Status
    data: Mapping[str, Any] | list[Any] | None = None
    as_of: datetime | None = None
    conflicts: tuple[Conflict, ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()


NOT_CONFIGURED = Section("not_configured")
EMPTY = Section("empty")
HIDDEN = Section("hidden")
LOADING = Section("loading")
