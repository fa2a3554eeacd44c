"""A source's contact, read once on the way in: cleaned, bounded, its numbers normalised. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS

from app.core.match import phone_keys
from app.core.phone import normalise_for_index
from connectors.sdk.types import ContactRow, PhoneRow, RejectedRow

# Sources are hostile: what is longer is cut, so that no record can bloat a pop or an index row.
_TEXT = 200
_SHORT = 64
_URL = 2000
_ENTRIES = 50
_QUOTED = 40
# Formatting characters that are part of how names are written in Persian and Indic scripts.
_JOINERS = "\u200c\u200d"


class StoredPhone(TypedDict):
    """A number of a contact; `e164` is None when it could not be read."""

    raw: str
    type: str | None
    is_primary: bool
    e164: str | None


class StoredContact(TypedDict):
    """A contact as kept in `customer_links.data`: a `ContactRow` without its unknown fields."""

    remote_id: str
    display_name: str
    company_name: NotRequired[str]
    external_id: NotRequired[str]
    tax_number: NotRequired[str]
    tier: NotRequired[str]
    language: NotRequired[str]
    region: NotRequired[str]
    remote_url: NotRequired[str]
    owner: NotRequired[dict[str, str | None]]
    tags: NotRequired[list[str]]
    email_addresses: NotRequired[list[str]]
    phone_numbers: NotRequired[list[StoredPhone]]


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A row that the contact has in the phone index."""

    key: str
    raw: str
    type: str | None
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of a contact, and which of its numbers were not."""

    contact: StoredContact
    index: tuple[IndexRow, ...]
    rejected: tuple[RejectedRow, ...] = ()


@dataclass(slots=True)
class SyncRun:
    """How far a sync is. `full` reads start at no cursor and end by removing what they missed.

    `saved` is the checkpoint as last written, by which a run notices that another took over.
    """

    connector: str
    sync_id: str
    full: bool
    cursor: str | None = None
    contacts: int = 0
    numbers: int = 0
    rejected_count: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    saved: str = ""


def read_contact(row: ContactRow, region: str | None) -> Reading | RejectedRow:
    """Clean a contact and normalise its numbers; `region` is for records that have none.

    A record whose id cannot serve as one is refused; a number that cannot be read is only
    reported, and still found by its last digits.
    """
    if not row.remote_id or len(row.remote_id) > _TEXT or not row.remote_id.isprintable():
        return RejectedRow(
            f"contact {_quoted(row.remote_id)}",
            f"the remote_id must have 1 to {_TEXT} characters, none of them a control character",
        )
    own_region = (row.region or "").strip().upper()
    phones, index, rejected = _numbers(
        row, own_region if own_region in SUPPORTED_REGIONS else region
    )
    company = _clean(row.company_name)
    name = _clean(row.display_name) or company or row.remote_id
    fields: dict[str, Any] = {
        "company_name": company,
        "external_id": _clean(row.external_id),
        "tax_number": _clean(row.tax_number, _SHORT),
        "tier": _clean(row.tier, _SHORT),
        "language": _clean(row.language, _SHORT),
        "region": _clean(row.region, _SHORT),
        "remote_url": web_address(row.remote_url),
        "owner": _owner(row),
        "tags": _cleaned(row.tags, _SHORT),
        "email_addresses": _cleaned(row.email_addresses, _TEXT),
        "phone_numbers": phones,
    }
    contact = StoredContact(remote_id=row.remote_id, display_name=name)
    contact.update({key: value for key, value in fields.items() if value})  # type: ignore[typeddict-item]
    return Reading(contact, index, rejected)


def web_address(url: str | None) -> str | None:
    """Return the URL if a browser may safely follow it (http or https), else None."""
    if not url or len(url) > _URL or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def _numbers(
    row: ContactRow, region: str | None
) -> tuple[list[StoredPhone], tuple[IndexRow, ...], tuple[RejectedRow, ...]]:
    phones: list[StoredPhone] = []
    index: dict[str, IndexRow] = {}
    rejected: list[RejectedRow] = []
    where = f"contact {_quoted(row.remote_id)}"
    for phone in row.phone_numbers[:_ENTRIES]:
        raw = _clean(phone.raw, _SHORT)
        if raw is None:
            continue
        number = normalise_for_index(raw, region)
        kind = _clean(phone.type, _SHORT)
        keys = phone_keys(number)
        if number.e164 is None and not _is_extension(raw):
            rejected.append(RejectedRow(where, _why(phone, number.withheld, region)))
        if not keys:
            continue
        phones.append(
            StoredPhone(raw=raw, type=kind, is_primary=phone.is_primary, e164=number.e164)
        )
        seen = index.get(keys[0])
        index[keys[0]] = IndexRow(
            keys[0],
            seen.raw if seen else raw,
            (seen.type if seen else None) or kind,
            phone.is_primary or (seen is not None and seen.is_primary),
        )
    if (more := len(row.phone_numbers) - _ENTRIES) > 0:
        rejected.append(RejectedRow(where, f"{more} numbers after the first {_ENTRIES} left out"))
    return phones, tuple(index.values()), tuple(rejected)


def _is_extension(raw: str) -> bool:
    # Internal numbers are no fault of the source's; they are indexed as they are.
    return raw.isascii() and raw.isdigit() and 2 <= len(raw) < 6


def _why(phone: PhoneRow, withheld: bool, region: str | None) -> str:
    quoted = _quoted(phone.raw)
    if withheld:
        return f"{quoted} stands for a hidden number: leave the field empty"
    if region is None:
        return f"number {quoted} cannot be read: give it a country code, or the connector a region"
    return f"number {quoted} cannot be read as one of region {region}"


def _owner(row: ContactRow) -> dict[str, str | None] | None:
    if row.owner is None:
        return None
    owner = {"name": _clean(row.owner.name), "email": _clean(row.owner.email)}
    return owner if any(owner.values()) else None


def _cleaned(values: Sequence[str], limit: int) -> list[str]:
    return [text for value in values[:_ENTRIES] if (text := _clean(value, limit))]


def _clean(value: str | None, limit: int = _TEXT) -> str | None:
    if not value:
        return None
    value = value[: 4 * limit]
    if not value.isprintable():
        value = "".join(map(_visible, value))
    return " ".join(value.split())[:limit].strip() or None


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


def _quoted(text: str) -> str:
    shown = _clean(text, _QUOTED) or ""
    return f"{shown!r}" if len(text) <= _QUOTED else f"{shown + '…'!r}"
