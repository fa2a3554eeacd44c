"""One request to a web service: where to ask, where the records are, what their fields mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import Field, field_validator, model_validator

from connectors.sdk.connector import ConnectorConfig
from connectors.sdk.contacts import CONTACT, is_contact_column, missing_contact_columns
from connectors.sdk.facts import COLUMNS, LINE, missing_columns
from connectors.sdk.mapping import (
    check_names,
    compiled,
    map_record,
    pick,
    pick_records,
    placeholders,
)
from connectors.sdk.values import Row, numbered

BY_CUSTOMER = frozenset({"remote_id", "external_id"})
PLACEHOLDERS = {
    "contacts": frozenset({"since"}),
    "find": frozenset({"e164", "national", "digits"}),
}


class Operation(ConnectorConfig):
    """One GET request; without a path it is not used."""

    path: str = Field(
        "",
        title="Path",
        description="Below the base URL, with placeholders: /customers/{remote_id}/invoices.",
    )
    query: dict[str, str] = Field(
        default_factory=dict,
        title="Query",
        description="Query parameters; values may hold placeholders.",
    )
    records: str = Field(
        "@",
        title="Records",
        description="JMESPath of the list of records in the answer; @ is the whole answer.",
    )
    fields: dict[str, str] = Field(
        default_factory=dict,
        title="Fields",
        description="Our name: JMESPath in a record. Empty: the record uses our names already.",
    )

    @cached_property
    def placeholders(self) -> set[str]:
        """Every placeholder in path and query."""
        return set().union(*map(placeholders, (self.path, *self.query.values())))

    @field_validator("path")
    @classmethod
    def _path_is_only_a_path(cls, path: str) -> str:
        if re.search(r"[?#\s\\]|://", path):
            raise ValueError("holds only the path: parameters belong under query")
        return path

    @field_validator("records")
    @classmethod
    def _records_are_jmespath(cls, expression: str) -> str:
        compiled(expression)
        return expression

    @field_validator("fields", "line_fields", check_fields=False)
    @classmethod
    def _fields_are_jmespath(cls, fields: dict[str, str]) -> dict[str, str]:
        for expression in fields.values():
            compiled(expression)
        return fields


class OrdersOperation(Operation):
    """The request for orders, whose lines may be inside each order."""

    lines: str = Field(
        "",
        title="Lines",
        description="JMESPath of the lines inside an order. Empty: each record is an order line.",
    )
    line_fields: dict[str, str] = Field(
        default_factory=dict,
        title="Line fields",
        description="Our name: JMESPath in a line. item_id, sku, name, quantity, unit_price,"
        " total_amount.",
    )

    @model_validator(mode="after")
    def _lines_are_jmespath(self) -> OrdersOperation:
        if self.lines:
            compiled(self.lines)
        check_names(self.line_fields, {*LINE, "total_amount"}, "line field")
        return self


def check_operation(name: str, operation: Operation) -> None:
    """Check that an operation asks for and maps what its name brings.

    Raises:
        ValueError: in words for the admin.
    """
    if not operation.path:
        return
    known = PLACEHOLDERS.get(name, BY_CUSTOMER)
    check_names(sorted(operation.placeholders), known, "placeholder")
    if name != "contacts" and not operation.placeholders:
        names = " or ".join(f"{{{one}}}" for one in sorted(known))
        raise ValueError(f"must use {names}, else it asks for every customer's data")
    if name in PLACEHOLDERS:
        wrong = [field for field in operation.fields if not is_contact_column(field)]
        check_names(wrong, {*CONTACT, "phone", "mobile", "email"}, "field")
        missing = missing_contact_columns(tuple(operation.fields))
    else:
        lines = {*LINE, "total_amount"} if name == "purchases" else set()
        check_names(operation.fields, {*COLUMNS[name], *lines}, "field")
        missing = missing_columns(name, operation.fields)
    if operation.fields and missing:
        raise ValueError(missing)


@dataclass(frozen=True, slots=True)
class Page:
    """Records of one answer with our names, and the lines of each if they are nested."""

    records: list[dict[str, Any]]
    lines: list[list[Row]] | None


def map_page(operation: Operation, records: Sequence[Mapping[str, Any]]) -> Page:
    """Give the records of an answer our names.

    Raises:
        SourceError: BAD_DATA, the lines of an order are neither list nor object.
    """
    mapped = [map_record(operation.fields, record) for record in records]
    if not isinstance(operation, OrdersOperation) or not operation.lines:
        return Page(mapped, None)
    return Page(mapped, [_lines(operation, record) for record in records])


def _lines(operation: OrdersOperation, order: Mapping[str, Any]) -> list[Row]:
    # None at all is an order without lines.
    if pick(operation.lines, order) is None:
        return []
    found = pick_records(operation.lines, order)
    return numbered([map_record(operation.line_fields, line) for line in found], "order line")
