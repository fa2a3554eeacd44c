"""From the rows of a source to contacts: one customer with all numbers and addresses. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from connectors.sdk.types import (
    ContactRow,
    CustomerRef,
    Owner,
    RejectedRow,
    SourceError,
    Tombstone,
)
from connectors.sdk.values import Row, web_link

CONTACT = (
    "remote_id",
    "display_name",
    "company_name",
    "external_id",
    "tax_number",
    "tier",
    "tags",
    "language",
    "region",
    "owner_name",
    "owner_email",
    "remote_url",
    "postal_address",
    "marketing_consent",
    "updated_at",
    "deleted",
    "is_primary",
)
_TEXTS = (
    "display_name",
    "company_name",
    "external_id",
    "tax_number",
    "tier",
    "language",
    "region",
    "owner_name",
    "owner_email",
    "remote_url",
    "postal_address",
)
# Most sources have none of these: a million rows are read at a time.
_RARE = frozenset(
    ("deleted", "tags", "marketing_consent", "updated_at", "phone_type", "is_primary")
)
_PHONE = re.compile(r"(phone|mobile)(?!.*_type)\w*")
_EMAIL = re.compile(r"email\w*")

PhoneReader = Callable[[Row, str], tuple[str, ...]]


def is_contact_column(name: str) -> bool:
    """Say whether a contact has this column: those of `CONTACT`, phone*, mobile* and email*."""
    return name in CONTACT or bool(re.fullmatch(r"(phone|mobile|email)\w*", name))


def phone_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that hold phone numbers: phone*, mobile*, but not phone_type."""
    return [name for name in columns if _PHONE.fullmatch(name)]


class _Columns(NamedTuple):
    """Which of a row's columns hold what: looked at once for all rows of a query.

    `phones`: each with the kind of number that its name says.
    """

    texts: tuple[str, ...]
    phones: tuple[tuple[str, str | None], ...]
    emails: tuple[str, ...]
    rare: frozenset[str]


@lru_cache(maxsize=64)
def _sorted_out(columns: tuple[str, ...]) -> _Columns:
    return _Columns(
        tuple(name for name in _TEXTS if name in columns),
        tuple(
            (name, "mobile" if name.startswith("mobile") else None)
            for name in phone_columns(columns)
        ),
        tuple(name for name in columns if _EMAIL.fullmatch(name)),
        _RARE.intersection(columns),
    )


def missing_contact_columns(columns: Sequence[str]) -> str | None:
    """Say which column contacts cannot do without, or None when all are there."""
    if "remote_id" not in columns:
        return "contacts need the column `remote_id`"
    if "display_name" not in columns and "company_name" not in columns:
        return "contacts need the column `display_name` (or `company_name`)"
    if not phone_columns(columns):
        return "contacts need a column with numbers: `phone`, or any `phone...` or `mobile...`"
    return None


def plain_phones(row: Row, column: str) -> tuple[str, ...]:
    """Read the numbers of a column as the source stores them: one, or a list."""
    value = row.values.get(column)
    if isinstance(value, list | tuple):
        return row.texts(column)
    number = row.text(column)
    return (number,) if number else ()


def customer_link(template: str, ref: CustomerRef) -> str | None:
    """Fill `{remote_id}` and `{external_id}` into the address of a customer's page."""
    if not template or ("{external_id}" in template and ref.external_id is None):
        return None
    filled = template.replace("{remote_id}", quote(ref.remote_id, safe=""))
    return web_link(filled.replace("{external_id}", quote(ref.external_id or "", safe="")))


def contact(
    rows: Sequence[Row], customer_url: str = "", phones: PhoneReader = plain_phones
) -> ContactRow | Tombstone | RejectedRow:
    """Make one contact of the rows of one customer, which repeat it once for each number.

    The customer's own columns are those of the first row that has them. `customer_url` is the
    template of a link for a source that gives none. A true `deleted` makes a tombstone.
    """
    first = rows[0]
    try:
        remote_id = first.needed_text("remote_id")
        if any("deleted" in row.values and row.flag("deleted") for row in rows):
            return Tombstone(remote_id)
        return _contact(remote_id, rows, customer_url, phones)
    except SourceError as error:
        return RejectedRow(first.where, error.text)


def _contact(
    remote_id: str, rows: Sequence[Row], customer_url: str, phones: PhoneReader
) -> ContactRow:
    said: dict[str, Any] = {"remote_id": remote_id}
    numbers: dict[str, dict[str, Any]] = {}
    emails: dict[str, None] = {}
    rare: frozenset[str] = frozenset()
    for row in rows:
        columns = _sorted_out(tuple(row.values))
        if columns.rare:
            rare |= columns.rare
        values = row.values
        for column in columns.texts:
            if values[column] is None or column in said:
                continue
            if (text := row.text(column)) is not None:
                said[column] = text
        for column, kind in columns.phones:
            for raw in phones(row, column) if values[column] is not None else ():
                if raw not in numbers:
                    numbers[raw] = {"raw": raw, "type": kind}
                    if columns.rare:
                        numbers[raw] |= _about_number(row, kind, columns.rare)
        for column in columns.emails:
            emails.update(dict.fromkeys(row.texts(column)))
    if "display_name" not in said:
        said["display_name"] = said.get("company_name") or rows[0].needed_text("display_name")
    owner_name, owner_email = said.pop("owner_name", None), said.pop("owner_email", None)
    if owner_name or owner_email:
        said["owner"] = Owner(name=owner_name, email=owner_email)
    if "remote_url" in said:
        said["remote_url"] = web_link(said["remote_url"])
    if customer_url and said.get("remote_url") is None:
        ref = CustomerRef(remote_id, said.get("external_id"))
        said["remote_url"] = customer_link(customer_url, ref)
    if "tags" in rare:
        said["tags"] = _tags(rows)
    if "marketing_consent" in rare:
        said["marketing_consent"] = _consent(rows)
    if "updated_at" in rare:
        said["updated_at"] = _updated_at(rows[0])
    # All at once: making the numbers one by one takes twice the time.
    said["email_addresses"] = tuple(emails)
    said["phone_numbers"] = tuple(numbers.values())
    return ContactRow.model_validate(said)


def _about_number(row: Row, kind: str | None, rare: frozenset[str]) -> dict[str, Any]:
    own_kind = row.text("phone_type") if "phone_type" in rare else None
    primary = row.flag("is_primary") if "is_primary" in rare else None
    return {"type": own_kind or kind, "is_primary": primary or False}


def _tags(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for row in rows for tag in row.texts("tags")))


def _consent(rows: Sequence[Row]) -> bool | None:
    """Return whether the customer agreed; one row's no counts, and an odd word says nothing."""
    try:
        said = {row.flag("marketing_consent") for row in rows}
    except SourceError:
        return None
    return False if False in said else True in said or None


def _updated_at(row: Row) -> datetime | None:
    # A source may count its changes by a number instead: good as a cursor, but no time.
    if row.values.get("updated_at") is None:
        return None
    try:
        return row.instant("updated_at")
    except SourceError:
        return None


def later(newest: Any, value: Any) -> Any:
    """Return the later of two `updated_at` values as the source writes them."""
    if newest is None or value is None:
        return newest if value is None else value
    try:
        return max(newest, value)
    except TypeError:
        return newest
