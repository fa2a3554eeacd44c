"""Settings that several connectors share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from connectors.sdk.contacts import customer_link
from connectors.sdk.mapping import check_names, placeholders
from connectors.sdk.types import CustomerRef


def _is_a_link(template: str) -> str:
    check_names(sorted(placeholders(template)), {"remote_id", "external_id"}, "placeholder")
    if template and customer_link(template, CustomerRef("1", "1")) is None:
        raise ValueError("must start with https:// (or http://) and hold no spaces")
    return template


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
