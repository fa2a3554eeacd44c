"""Asking the sources live who has a number, when the phone index has nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

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


async def find_everywhere(instances: Instances, number: Number) -> list[FoundContacts]:
    """Ask every source that can search, at once; one that fails brings nothing."""

    async def one(instance: Instance) -> FoundContacts | None:
        connector = instance.connector
        if connector is None:
            return None
        try:
            contacts = await instance.guard.call(lambda: connector.find(number))
        except (SourceError, TimeoutError) as error:
            log.warning("find_failed", connector=instance.slug, error=type(error).__name__)
            return None
        except Exception:
            log.exception("connector_fault", connector=instance.slug, section="find")
            return None
        if not contacts:
            return None
        config = instance.config
        return FoundContacts(instance.slug, config.region, config.priority, contacts)

    found = await asyncio.gather(*(one(each) for each in instances.providing("find")))
    return [each for each in found if each is not None]
