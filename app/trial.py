"""Trying a connector's settings on a number, beside what is live: whom it finds, what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from app.core.match import phone_keys
from app.core.merge import merge
from app.core.phone import normalise
from app.core.profile import Section, SourceOutcome
from app.core.redact import redacted
from app.kinds import settings_schema
from app.runtime import Runtime
from app.secret_fields import at, secret_paths
from app.sources.cache import Cache
from app.sources.gather import Gatherer, Question
from app.sources.health import Health
from app.sources.instances import Instance, SourceConfig
from connectors import registry
from connectors.sdk.trace import TraceEntry, listening
from connectors.sdk.types import SECTIONS, ContactRow, CustomerRef, Number, SectionName, SourceError

# How far a source that cannot search is read for a number that nobody has yet.
_SCANNED = 20_000
_SCAN_S = 10.0
MOST_TRACED = 40


@dataclass(slots=True)
class Trial:
    """What some settings brought for a number or a customer.

    `indexed` is the customer as the phone index of the live connectors knows it, if that found it;
    `trace` is what the source was asked and said, without secrets.
    """

    fault: str | None = None
    contacts: list[ContactRow] = field(default_factory=list)
    contacts_error: str | None = None
    contacts_ms: float | None = None
    asked: CustomerRef | None = None
    sections: dict[str, Section] = field(default_factory=dict)
    trace: list[TraceEntry] = field(default_factory=list)
    indexed: Mapping[str, Any] | None = None


class _Unheard(Health):
    """Keeps a trial's answers out of the numbers of what is live."""

    def answered(self, section: str, outcome: SourceOutcome) -> None:
        """Count nothing."""

    def cached(self, connector: str, section: str) -> None:
        """Count nothing."""


@asynccontextmanager
async def started(rt: Runtime, config: SourceConfig) -> AsyncIterator[Instance]:
    """Run a connector with these settings beside the live one."""
    instance = rt.sources.make(config)
    try:
        yield instance
    finally:
        if instance.connector is not None:
            with suppress(Exception):
                await instance.connector.aclose()


async def try_settings(
    rt: Runtime, config: SourceConfig, phone: str | None, remote_id: str | None
) -> Trial:
    """Ask a connector with these settings as a call would, cache and live state left alone."""
    heard: list[TraceEntry] = []
    with listening(heard.append):
        async with started(rt, config) as instance:
            trial = await ask(rt, instance, phone, remote_id)
    hidden = secrets_of(config.kind, config.settings)
    trial.trace = [
        TraceEntry(
            redacted(each.asked, hidden),
            redacted(each.said, hidden),
            each.elapsed_ms,
            redacted(each.values, hidden),
            redacted(each.content, hidden),
            each.cut,
        )
        for each in heard[:MOST_TRACED]
    ]
    return trial


async def ask(rt: Runtime, instance: Instance, phone: str | None, remote_id: str | None) -> Trial:
    """Ask a connector that runs.

    The customer is the one with `remote_id`, else the first that the number finds: live where the
    source can search, else in the phone index of the connector that is live, else among the
    source's own contacts.
    """
    trial = Trial(fault=instance.fault)
    if instance.connector is None:
        return trial
    region = instance.config.region or rt.default_region
    number = normalise(phone, region) if phone else Number(None)
    trial.asked = CustomerRef(remote_id, remote_id) if remote_id else None
    if trial.asked is None:
        await _search(rt, instance, number, trial)
    if trial.asked is not None:
        trial.sections = await _sections(rt, instance, trial.asked)
    return trial


def secrets_of(kind: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the secrets of some settings, and those inside a URL of theirs."""
    cls = registry.kinds().get(kind)
    if cls is None:
        return []
    found: list[str] = []
    for path in secret_paths(settings_schema(cls.Config), settings):
        value = at(settings, path)
        for text in value if isinstance(value, list) else [value]:
            found.append(str(text))
            # What stands between the colon and the @ of a URL.
            login = str(text).partition("://")[2].rpartition("@")[0]
            if ":" in login:
                found.append(login.partition(":")[2])
    return found


async def _search(rt: Runtime, instance: Instance, number: Number, trial: Trial) -> None:
    connector = instance.connector
    started_at = perf_counter()
    if connector is not None and instance.provides("find") and number.e164 is not None:
        try:
            trial.contacts = await instance.guard.call(lambda: connector.find(number))
        except TimeoutError:
            trial.contacts_error = f"no answer within {instance.config.timeout_ms} ms"
        except SourceError as error:
            trial.contacts_error = error.text
        trial.contacts_ms = _since(started_at)
        if trial.contacts:
            trial.asked = _ref(trial.contacts[0])
            return
    await _look_up(rt, instance, number, trial)
    if trial.asked is None and instance.provides("contacts") and number.e164 is not None:
        await _scan(rt, instance, number, trial)
        trial.contacts_ms = _since(started_at)


async def _look_up(rt: Runtime, instance: Instance, number: Number, trial: Trial) -> None:
    """Find the customer in the phone index, as the live connectors have filled it."""
    keys = phone_keys(number)
    hits = (await rt.hot.identify(keys, number.e164))[0] if keys else []
    own = [hit for hit in hits if hit.connector == instance.slug]
    for hit in own or hits:
        links: list[Mapping[str, Any]] = list(hit.customer.get("links", ()))
        account = next((each["external_id"] for each in links if each.get("external_id")), None)
        of_it = next((each for each in links if each["connector"] == instance.slug), None)
        if of_it is not None:
            trial.asked = CustomerRef(of_it["remote_id"], of_it.get("external_id") or account)
        elif account is not None and not instance.provides("contacts"):
            trial.asked = CustomerRef(account, account)
        if trial.asked is not None:
            trial.indexed = hit.customer
            return


async def _scan(rt: Runtime, instance: Instance, number: Number, trial: Trial) -> None:
    """Read the source's contacts until one has the number: it may never have been synchronised."""
    connector = instance.connector
    if connector is None:
        return
    read = 0
    try:
        async with asyncio.timeout(_SCAN_S), aclosing(_stream(connector.contacts(None))) as items:
            async for item in items:
                read += 1
                if isinstance(item, ContactRow) and _has(rt, instance, item, number):
                    trial.contacts = [item]
                    trial.asked = _ref(item)
                    return
                if read >= _SCANNED:
                    trial.contacts_error = f"nobody among the first {_SCANNED} contacts"
                    return
    except TimeoutError:
        trial.contacts_error = f"nobody among the {read} contacts read in {_SCAN_S:.0f} s"
    except SourceError as error:
        trial.contacts_error = error.text


async def _stream(items: Any) -> Any:
    # What a connector gives need not be a generator that can be closed.
    async for item in items:
        yield item


def _has(rt: Runtime, instance: Instance, row: ContactRow, number: Number) -> bool:
    region = row.region or instance.config.region or rt.default_region
    return any(normalise(each.raw, region).e164 == number.e164 for each in row.phone_numbers)


def _ref(row: ContactRow) -> CustomerRef:
    return CustomerRef(row.remote_id, row.external_id)


def _since(began: float) -> float:
    return round((perf_counter() - began) * 1000, 3)


async def _sections(rt: Runtime, instance: Instance, ref: CustomerRef) -> dict[str, Section]:
    gatherer = Gatherer(rt.sources, Cache(), rt.clock, _Unheard(rt.clock))
    outcomes: dict[SectionName, SourceOutcome] = {}

    def heard(section: SectionName, outcome: SourceOutcome) -> None:
        outcomes[section] = outcome

    asked = [Question(instance, name, ref) for name in SECTIONS if instance.provides(name)]
    await gatherer.ask(asked, heard)
    return {name: merge(name, [outcome]) for name, outcome in outcomes.items()}
