"""One request to a web service: where to ask, where the records are, what their fields mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from connectors.sdk import columns
from connectors.sdk.connector import ConnectorConfig
from connectors.sdk.contacts import is_contact_column
from connectors.sdk.facts import LINE
from connectors.sdk.mapping import (
    check_names,
    compiled,
    is_absent,
    json_placeholders,
    map_record,
    pick,
    pick_records,
    placeholders,
)
from connectors.sdk.values import PLAIN_TEXT, Row, TextFormat

BY_CUSTOMER = frozenset({"remote_id", "external_id"})
_SINCE = frozenset({"since"})
PLACEHOLDERS = {
    "contacts": _SINCE,
    "find": frozenset({"e164", "national", "digits"}),
    "history": _SINCE,
    "catalogue": _SINCE,
}
# Answers of one record, in which a field that is gone would read as "none set".
ONE_RECORD = frozenset({"balance", "credit_terms", "purchase_totals"})


class Operation(ConnectorConfig):
    """One request; without a path it is not used."""

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
    method: Literal["GET", "POST"] = Field(
        "GET",
        title="Method",
        description="POST only for a search that changes nothing: it may be sent twice.",
    )
    body: str = Field(
        "",
        title="Body",
        description='JSON to send with POST; its texts may hold placeholders: {"phone": "{e164}"}.',
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
        """Every placeholder in path, query and body."""
        texts = map(placeholders, (self.path, *self.query.values()))
        return set().union(*texts, json_placeholders(self.document))

    @cached_property
    def document(self) -> Any:
        """The body as JSON, None if there is none."""
        return json.loads(self.body) if self.body.strip() else None

    @field_validator("path")
    @classmethod
    def _path_is_only_a_path(cls, path: str) -> str:
        if re.search(r"[?#\s\\]|://", path):
            raise ValueError("holds only the path: parameters belong under query")
        return path

    @field_validator("body")
    @classmethod
    def _body_is_json(cls, body: str) -> str:
        try:
            document = json.loads(body) if body.strip() else {}
        except ValueError as error:
            where = getattr(error, "pos", 0) + 1
            raise ValueError(f"is not JSON at character {where}") from None
        if not isinstance(document, dict | list):
            raise ValueError("must be a JSON object or list")
        return body

    @model_validator(mode="after")
    def _a_body_is_posted(self) -> Operation:
        if self.body.strip() and self.method == "GET":
            raise ValueError("a body is only sent with method: POST")
        return self

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

    One of a single customer may map the customer's id, so that another's record is noticed.

    Raises:
        ValueError: in words for the admin.
    """
    if not operation.path:
        return
    known = PLACEHOLDERS.get(name, BY_CUSTOMER)
    check_names(sorted(operation.placeholders), known, "placeholder")
    if known is not _SINCE and not operation.placeholders:
        names = " or ".join(f"{{{one}}}" for one in sorted(known))
        raise ValueError(f"must use {names}, else it asks for every customer's data")
    wanted = set(columns.known(name))
    if name in {"contacts", "find"}:
        wanted |= {field for field in operation.fields if is_contact_column(field)}
    if known is BY_CUSTOMER:
        wanted |= BY_CUSTOMER
    check_names(operation.fields, wanted, "field")
    missing = columns.missing(name, tuple(operation.fields))
    if operation.fields and missing:
        raise ValueError(missing)


@dataclass(frozen=True, slots=True)
class Page:
    """Records of one answer with our names, and the lines of each if they are nested.

    `absent` are our names of fields that no record of the answer has.
    """

    records: list[dict[str, Any]]
    lines: list[list[Row]] | None
    absent: tuple[str, ...] = ()


def map_page(
    operation: Operation, records: Sequence[Mapping[str, Any]], form: TextFormat = PLAIN_TEXT
) -> Page:
    """Give the records of an answer our names.

    Raises:
        SourceError: BAD_DATA, the lines of an order are neither list nor object.
    """
    mapped = [map_record(operation.fields, record) for record in records]
    absent = tuple(
        name
        for name, expression in operation.fields.items()
        if records and all(is_absent(expression, record) for record in records)
    )
    if not isinstance(operation, OrdersOperation) or not operation.lines:
        return Page(mapped, None, absent)
    return Page(mapped, [_lines(operation, record, form) for record in records], absent)


def _lines(operation: OrdersOperation, order: Mapping[str, Any], form: TextFormat) -> list[Row]:
    # None at all is an order without lines.
    if pick(operation.lines, order) is None:
        return []
    found = pick_records(operation.lines, order)
    mapped = [map_record(operation.line_fields, line) for line in found]
    return [Row(line, number, "order line", form) for number, line in enumerate(mapped, 1)]
