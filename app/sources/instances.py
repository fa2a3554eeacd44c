"""The configured connectors as running objects, replaced when their configuration changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from app.sources.guard import Guard
from connectors.registry import kinds
from connectors.sdk.connector import Connector, Context
from connectors.sdk.faults import plain_detail
from connectors.sdk.grants import Grants
from connectors.sdk.types import SECTIONS, SectionName

DEFAULT_TIMEOUT_MS = 1500
DEFAULT_CACHE_S: Mapping[SectionName, float] = {
    "balance": 60,
    "purchases": 300,
    "credit_terms": 900,
    "tickets": 60,
}
_GRACE_S = 30.0
log = structlog.get_logger("sources")


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A connector as configured, settings decrypted.

    `connected_at` is when a person connected it by OAuth: another grant is another connector.
    """

    slug: str
    kind: str
    name: str
    settings: Mapping[str, Any]
    region: str | None = None
    timeout_ms: int = DEFAULT_TIMEOUT_MS
    cache_s: Mapping[str, float] = field(default_factory=dict)
    priority: int = 0
    connected_at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A running connector, or the reason why it cannot run."""

    config: SourceConfig
    guard: Guard
    connector: Connector[Any] | None = None
    fault: str | None = None

    @property
    def slug(self) -> str:
        """The connector's slug."""
        return self.config.slug

    def provides(self, capability: str) -> bool:
        """Say whether it brings this; a broken one is counted for all, so that it is seen."""
        if self.connector is None:
            return capability in SECTIONS[:3]
        return capability in self.connector.provides

    @property
    def budget_left(self) -> int | None:
        """Requests that the source allows now; None when no limit is known."""
        budget = self.connector.budget if self.connector else None
        return budget.left if budget else None

    def fresh_s(self, section: SectionName) -> float:
        """Return for how long an answer is shown without asking again."""
        return float(self.config.cache_s.get(section, DEFAULT_CACHE_S[section]))


class Instances:
    """All connectors by slug, highest priority first.

    `grants` says where the OAuth grant of a connector, by slug and kind, is kept.
    """

    def __init__(
        self,
        data_dir: Path,
        now: Callable[[], datetime],
        grants: Callable[[str, str], Grants] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._now = now
        self._grants = grants
        self._currency: str | None = None
        self._by_slug: dict[str, Instance] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Instance]:
        return iter(self._by_slug.values())

    def get(self, slug: str) -> Instance | None:
        """Return the connector with this slug."""
        return self._by_slug.get(slug)

    def names(self) -> dict[str, str]:
        """Return the connectors' names by slug."""
        return {slug: each.config.name for slug, each in self._by_slug.items()}

    def providing(self, capability: str) -> list[Instance]:
        """Return the connectors that bring a section or can search."""
        return [each for each in self._by_slug.values() if each.provides(capability)]

    def replace(self, configs: Iterable[SourceConfig], currency: str | None = None) -> list[str]:
        """Run these connectors; unchanged ones go on. Returns the slugs that changed.

        `currency` is of amounts for which neither a source nor its settings name one.
        """
        same_currency, self._currency = currency == self._currency, currency
        old, self._by_slug = self._by_slug, {}
        fresh: list[str] = []
        for config in sorted(configs, key=lambda c: (-c.priority, c.slug)):
            same = old.get(config.slug)
            if same is not None and same.config == config and same_currency:
                self._by_slug[config.slug] = old.pop(config.slug)
            else:
                self._by_slug[config.slug] = self.make(config)
                fresh.append(config.slug)
        for gone in old.values():
            self._retire(gone)
        return fresh + [slug for slug in old if slug not in self._by_slug]

    def context(self, slug: str, kind: str, region: str | None) -> Context:
        """Return the surroundings of a connector."""
        context = Context(slug, region, self._data_dir, self._now)
        return replace(context, grants=self._grants(slug, kind)) if self._grants else context

    def make(self, config: SourceConfig) -> Instance:
        """Start one connector."""
        guard = Guard(config.name, config.timeout_ms / 1000)
        kind = kinds().get(config.kind)
        if kind is None:
            return Instance(config, guard, fault=f"there is no connector of kind {config.kind}")
        context = self.context(config.slug, config.kind, config.region)
        try:
            settings = self.with_currency(kind.Config.model_fields, config.settings)
            connector = kind(kind.Config.model_validate(settings), context)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            return Instance(config, guard, fault=f"settings.{where}: {plain_detail(first)}")
        except Exception as error:  # noqa: BLE001 - one bad plug-in must not stop the others
            log.warning("connector_broken", connector=config.slug, error=type(error).__name__)
            return Instance(config, guard, fault=f"it failed to start: {type(error).__name__}")
        return Instance(config, guard, connector)

    def with_currency(
        self, fields: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Fill in the currency of amounts for which the source gives none, where none is set."""
        if self._currency is None or "currency" not in fields or settings.get("currency"):
            return settings
        return {**settings, "currency": self._currency}

    def _retire(self, instance: Instance) -> None:
        async def later() -> None:
            try:
                await asyncio.sleep(_GRACE_S)  # Calls in flight may still be asking it.
            finally:
                await _aclose(instance)

        task = asyncio.create_task(later())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all connectors."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        for instance in self._by_slug.values():
            await _aclose(instance)


async def _aclose(instance: Instance) -> None:
    if instance.connector is None:
        return
    try:
        await instance.connector.aclose()
    except Exception as error:  # noqa: BLE001 - closing goes on with the others
        log.warning("connector_close", connector=instance.slug, error=type(error).__name__)
