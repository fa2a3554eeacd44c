"""The wired object graph of a process: opened and closed in order."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from cryptography.fernet import Fernet

from app import bus
from app.core.priority import Rule
from app.core.routing import Directory
from app.core.rules import AlertRules, Layout
from app.errors import UserError
from app.live import LiveCalls
from app.push.hub import Hub
from app.settings import Settings
from app.sources.cache import Cache
from app.sources.gather import Gatherer
from app.sources.health import Health
from app.sources.instances import Instances, SourceConfig
from app.store import hot
from app.store.accounts import agents
from app.store.configuration import (
    default_currency,
    default_region,
    open_settings,
    rows_of,
)
from app.store.contacts import Contacts
from app.store.engine import Database
from app.store.grants import StoredGrants, grants_by_connector
from app.store.migrations import migrate
from app.store.models import ConnectorRow, PhoneSystemRow
from app.store.rules import alert_rules, pop_layouts, priorities
from app.store.suggestions import suggestion_rules
from app.store.types import SecretBox
from app.suggest.offer import Rules
from app.suggest.shelf import Shelf
from app.telephony.base import PhoneSystem
from app.telephony.pace import Pace
from app.telephony.registry import kinds

log = structlog.get_logger("runtime")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(eq=False)
class Runtime:
    """Everything a process works with. `reload` brings the configuration up to date.

    `routed_version`: the configuration by which the pops are on the agents' screens.
    """

    settings: Settings
    db: Database
    secrets: SecretBox
    contacts: Contacts
    hot: hot.HotStore
    bus: bus.Bus
    sources: Instances
    gatherer: Gatherer
    health: Health
    pace: Pace
    shelf: Shelf
    clock: Clock = utc_now
    hub: Hub = field(default_factory=Hub)
    calls: LiveCalls = field(default_factory=LiveCalls)
    directory: Directory = field(default_factory=Directory)
    phone_systems: dict[str, PhoneSystem[Any]] = field(default_factory=dict)
    regions: dict[str, str | None] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    priorities: tuple[Rule, ...] = ()
    suggestion_rules: Rules = field(default_factory=Rules)
    alert_rules: AlertRules = field(default_factory=AlertRules)
    layouts: tuple[Layout, ...] = ()
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    default_region: str | None = None
    config_version: int = -1
    routed_version: int = -1
    process_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the background; it is cancelled when the process ends."""
        self.start(work).add_done_callback(lambda _: None)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Like `spawn`, for who waits for it or cancels it."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background_task_failed", exc_info=task.exception())

    async def reload(self) -> bool:
        """Read the configuration again if it changed; True when it did."""
        async with self._loading:
            version = await self.hot.config_version()
            if version == self.config_version:
                return False
            async with self.db.read() as session:
                region = await default_region(session) or self.settings.default_region
                currency = await default_currency(session)
                people = await agents(session)
                systems = await rows_of(session, PhoneSystemRow)
                connectors = await rows_of(session, ConnectorRow)
                rules = await priorities(session)
                offering = await suggestion_rules(session)
                alerts, layouts = await alert_rules(session), await pop_layouts(session)
                grants = await grants_by_connector(session)
            self.directory = await asyncio.to_thread(Directory.of, people)
            self.default_region = region
            self.priorities = tuple(Rule.of(rule) for rule in rules)
            self.suggestion_rules = Rules.of(offering)
            self.alert_rules = AlertRules.of(alerts)
            self.layouts = tuple(Layout.of(layout) for layout in layouts)
            self._take_phone_systems(systems, region)
            connected = {slug: grant.connected_at for slug, grant in grants.items()}
            self._take_connectors(connectors, region, connected, currency)
            self.config_version = version
            return True

    def _take_phone_systems(self, rows: Sequence[PhoneSystemRow], region: str | None) -> None:
        self.phone_systems, self.regions, self.faults = {}, {}, {}
        for row in rows:
            kind = kinds().get(row.kind)
            if kind is None:
                self.faults[row.slug] = f"there is no phone system of kind {row.kind}"
                continue
            try:
                config = kind.Config.model_validate(open_settings(row, self.secrets))
            except ValueError as error:
                self.faults[row.slug] = str(error)
                log.error("phone_system_broken", phone_system=row.slug)
                continue
            self.phone_systems[row.slug] = kind(row.slug, config)
            self.regions[row.slug] = row.region or region

    def _take_connectors(
        self,
        rows: Sequence[ConnectorRow],
        region: str | None,
        connected: Mapping[str, datetime],
        currency: str | None,
    ) -> None:
        configs = [
            SourceConfig(
                slug=row.slug,
                kind=row.kind,
                name=row.name or row.slug,
                settings=open_settings(row, self.secrets),
                region=row.region or region,
                timeout_ms=row.timeout_ms,
                cache_s=row.cache_s,
                priority=row.priority,
                connected_at=connected.get(row.slug),
            )
            for row in rows
            if row.enabled
        ]
        self.sources.replace(configs, currency)

    async def close(self) -> None:
        """Stop background work, finish writing, close connections."""
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.hot.close()
        await self.bus.close()
        await self.sources.close()
        await self.shelf.close()
        await self.db.dispose()


async def open_runtime(
    settings: Settings, *, clock: Clock = utc_now, run_migrations: bool = True
) -> Runtime:
    """Open everything.

    Raises:
        UserError: the surroundings are not fit; says why and what to do.
    """
    secrets = open_secrets(settings)
    if run_migrations:
        await migrate(settings.database)
    db = Database(settings.database)
    await db.ping()

    def grants(slug: str, kind: str) -> StoredGrants:
        return StoredGrants(db, secrets, slug, kind, clock)

    sources = Instances(settings.data_dir, clock, grants)
    health = Health(clock)
    runtime = Runtime(
        settings=settings,
        db=db,
        secrets=secrets,
        contacts=Contacts(db),
        hot=await hot.connect(settings.database),
        bus=await bus.connect(settings.bus_url, settings.database),
        sources=sources,
        gatherer=Gatherer(sources, Cache(), clock, health),
        health=health,
        pace=Pace(clock),
        shelf=Shelf(settings.data_dir / "suggestions"),
        clock=clock,
    )
    await runtime.reload()
    return runtime


def open_secrets(settings: Settings) -> SecretBox:
    """Take the keys from the settings, else (embedded only) from the data folder.

    Raises:
        UserError: keys are missing or not usable, or the folder cannot be written.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the data folder {settings.data_dir} cannot be made ({error.strerror}); "
            "set SCREENPOP_DATA_DIR to a folder that can be written"
        ) from None
    keys = settings.secret_keys
    if keys is None:
        if not settings.embedded:
            raise UserError(
                "SCREENPOP_SECRET_KEYS must be given with PostgreSQL; make one with: "
                'python -c "from cryptography.fernet import Fernet; '
                'print(Fernet.generate_key().decode())"'
            )
        keys = _kept_key(settings)
    try:
        return SecretBox([key.strip() for key in keys.split(",") if key.strip()])
    except ValueError:
        raise UserError(
            "SCREENPOP_SECRET_KEYS: each key is 44 characters of URL-safe base64 (a Fernet key)"
        ) from None


def _kept_key(settings: Settings) -> str:
    path = settings.data_dir / "secret.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    except OSError as error:
        raise UserError(
            f"the key file {path} cannot be written ({error.strerror}); "
            "set SCREENPOP_DATA_DIR to a folder that can be written"
        ) from None
    with os.fdopen(handle, "w") as file:
        key = Fernet.generate_key().decode()
        file.write(key)
    return key
