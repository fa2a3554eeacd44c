"""Asking the sources live who has a number, when the phone index has nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter

import structlog

from app.core.profile import SourceOutcome, SourceStatus
from app.sources.health import Health
from app.sources.instances import Instance, Instances
from connectors.sdk.types import ContactRow, Number, SourceError

log = structlog.get_logger("sources")


@dataclass(frozen=True, slots=True)
class FoundContacts:
    """What one source found: its contacts with the number."""

    connector: str
    region: str | None
    priority: int
    contacts: list[ContactRow]


async def find_everywhere(
    instances: Instances, number: Number, health: Health
) -> list[FoundContacts]:
    """Ask every source that can search, at once; one that fails brings nothing."""

    async def one(instance: Instance) -> FoundContacts | None:
        connector = instance.connector
        if connector is None:
            return None
        started = perf_counter()
        status: SourceStatus = "failed"
        code: str | None = None
        contacts: list[ContactRow] = []
        try:
            contacts = await instance.guard.call(lambda: connector.find(number))
            status = "ok" if contacts else "empty"
        except TimeoutError:
            status, code = "timeout", "timeout"
            log.warning("find_failed", connector=instance.slug, error=code)
        except SourceError as error:
            code = error.kind.value
            log.warning("find_failed", connector=instance.slug, error=code)
        except Exception:
            code = "bad_data"
            log.exception("connector_fault", connector=instance.slug, section="find")
        elapsed_ms = (perf_counter() - started) * 1000
        outcome = SourceOutcome(instance.slug, status, elapsed_ms=elapsed_ms, error_code=code)
        health.answered("find", outcome)
        if not contacts:
            return None
        config = instance.config
        return FoundContacts(instance.slug, config.region, config.priority, contacts)

    found = await asyncio.gather(*(one(each) for each in instances.providing("find")))
    return [each for each in found if each is not None]
