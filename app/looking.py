"""Looking at a source while its fields are mapped: its tables, an answer, a file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.core.redact import redacted
from app.errors import AppError
from app.runtime import Runtime
from app.trial import secrets_of
from connectors import registry
from connectors.sdk.connector import Connector, Context
from connectors.sdk.look import Look, Wanted
from connectors.sdk.look_rest import look_at_service
from connectors.sdk.look_sql import look_at_database
from connectors.sdk.look_table import look_at_file
from connectors.sdk.types import SourceError
from connectors.table import KNOWN

LOOK_S = 20.0
# The kinds whose fields an admin maps; all others know their own.
MAPPED = frozenset({"sql", "rest", "table"})


async def look_at(
    rt: Runtime,
    slug: str,
    kind: str,
    settings: Mapping[str, Any],
    region: str | None,
    wanted: Wanted,
) -> dict[str, Any]:
    """Look at a source with these settings, of which the mapping may be missing. No secret is told.

    Raises:
        AppError: 409 where there is nothing to map; 422 where it cannot be looked at, with why.
    """
    if kind not in MAPPED:
        detail = f"nothing is to be mapped: {kind} knows its own fields"
        raise AppError(409, "nothing_to_map", detail)
    context = rt.sources.context(slug, kind, region or rt.default_region)
    filled = rt.sources.with_currency(registry.kinds()[kind].Config.model_fields, settings)
    try:
        async with asyncio.timeout(LOOK_S):
            look = await _look(kind, filled, context, wanted)
    except TimeoutError:
        detail = f"the source did not answer within {LOOK_S:.0f} s"
        raise AppError(422, "cannot_look", detail) from None
    except SourceError as error:
        hidden = secrets_of(kind, settings)
        raise AppError(422, "cannot_look", redacted(error.text, hidden)) from None
    shown: dict[str, Any] = redacted(asdict(look), secrets_of(kind, settings))
    return shown


async def _look(kind: str, settings: Mapping[str, Any], context: Context, wanted: Wanted) -> Look:
    def make(given: dict[str, Any], context: Context) -> Connector[Any]:
        cls = registry.kinds()[kind]
        return cls(cls.Config.model_validate(given), context)

    if kind == "sql":
        return await look_at_database(settings, context, wanted)
    if kind == "rest":
        return await look_at_service(make, settings, context, wanted)
    return await look_at_file(make, tuple(dict.fromkeys(KNOWN_IN_ORDER)), settings, context)


# Ids first: without them nothing else is of use.
KNOWN_IN_ORDER = ("remote_id", "external_id", "display_name", "phone", *sorted(KNOWN))
