"""Settings that several connectors share."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from connectors.sdk.contacts import customer_link
from connectors.sdk.mapping import check_names, placeholders
from connectors.sdk.types import CustomerRef


def _is_a_link(template: str) -> str:
    check_names(sorted(placeholders(template)), {"remote_id", "external_id"}, "placeholder")
    if template and customer_link(template, CustomerRef("1", "1")) is None:
        raise ValueError("must start with https:// (or http://) and hold no spaces")
    return template


def zone_of(name: str) -> ZoneInfo | None:
    """Return the time zone that a setting names, None for UTC.

    Raises:
        ValueError: there is none of this name.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError("is not a time zone: write it like Europe/Berlin") from None


def _is_a_zone(name: str) -> str:
    zone_of(name)
    return name


TimeZone = Annotated[
    str,
    AfterValidator(_is_a_zone),
    Field(
        title="Time zone",
        description="Of the company, such as Europe/Berlin: when its day begins decides what is"
        " overdue. UTC if empty.",
    ),
]
Currency = Annotated[
    str,
    Field(
        title="Currency",
        description="Currency of amounts for which the source gives none, such as EUR.",
        pattern="^([A-Z]{3})?$",
    ),
]
CustomerUrl = Annotated[
    str,
    AfterValidator(_is_a_link),
    Field(
        title="Link to a customer",
        description="Address of a customer's page for agents, with {remote_id} or {external_id}.",
    ),
]
