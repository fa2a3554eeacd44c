"""How the tests ask a connector: for a section, for a whole reading, for its connection test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from connectors.sdk.connector import Connector
from connectors.sdk.types import (
    Balance,
    CheckResult,
    CreditTerms,
    CustomerRef,
    Found,
    Purchases,
    SectionName,
    Tickets,
)

_Facts = TypeVar("_Facts", Balance, Purchases, CreditTerms, Tickets)
_SECTIONS: dict[type, SectionName] = {
    Balance: "balance",
    Purchases: "purchases",
    CreditTerms: "credit_terms",
    Tickets: "tickets",
}


async def ask(source: Connector[Any], kind: type[_Facts], ref: CustomerRef) -> tuple[_Facts, Found]:
    """Return the facts of a section that the source has to have, and its answer around them."""
    found = await source.fetch(_SECTIONS[kind], ref)
    assert isinstance(found, Found)
    assert isinstance(found.facts, kind)
    return found.facts, found


async def facts_of(source: Connector[Any], kind: type[_Facts], ref: CustomerRef) -> _Facts:
    """Return the facts of a section that the source has to have."""
    facts, _ = await ask(source, kind, ref)
    return facts


async def everything(reading: AsyncIterator[Any]) -> list[Any]:
    """Read contacts, purchases or a catalogue to the end."""
    return [item async for item in reading]


async def checked(source: Connector[Any]) -> CheckResult:
    """Return what the connection test says, and close the source."""
    result = await source.check()
    await source.aclose()
    return result
