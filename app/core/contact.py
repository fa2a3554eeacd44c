"""A source's contact, read once on the way in: cleaned, bounded, its numbers normalised. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple, NotRequired, TypedDict
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS

from app.core.match import phone_keys
from app.core.phone import normalise_for_index
from app.core.values import value
from connectors.sdk.types import ContactRow, Number, Owner, PhoneRow, RejectedRow

# Sources are hostile: what is longer is cut, so that no record can bloat a pop or an index row.
_TEXT = 200
_SHORT = 64
_URL = 2000
_ENTRIES = 50
_QUOTED = 40
_TEXTS = (
    ("company_name", _TEXT),
    ("external_id", _TEXT),
    ("tax_number", _SHORT),
    ("tier", _SHORT),
    ("language", _SHORT),
    ("region", _SHORT),
    ("postal_address", _TEXT),
)
# Formatting characters that are part of how names are written in Persian and Indic scripts.
_JOINERS = "\u200c\u200d"


class StoredPhone(TypedDict):
    """A number of a contact; `e164` is None when it could not be read."""

    e164: str | None
    raw: str
    type: str | None
    is_primary: bool


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
    postal_address: NotRequired[str]
    marketing_consent: NotRequired[bool]
    updated_at: NotRequired[str]
    owner: NotRequired[dict[str, str | None]]
    tags: NotRequired[list[str]]
    email_addresses: NotRequired[list[str]]
    phone_numbers: NotRequired[list[StoredPhone]]


class IndexRow(NamedTuple):
    """A row that the contact has in the phone index."""

    key: str
    raw: str
    type: str | None
    is_primary: bool


@value(frozen=True, slots=True)
class Reading:
    """What was understood of a contact, and which of its numbers were not."""

    contact: StoredContact
    index: tuple[IndexRow, ...]
    rejected: tuple[RejectedRow, ...] = ()


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
    if row.region and (own_region := row.region.strip().upper()) in SUPPORTED_REGIONS:
        region = own_region
    phones, rejected = _numbers(row, region)
    name = clean(row.display_name) or clean(row.company_name) or row.remote_id
    contact = StoredContact(remote_id=row.remote_id, display_name=name)
    for field, limit in _TEXTS:
        # Most have a few of them: a million contacts are read at a time.
        if (given := getattr(row, field)) and (text := clean(given, limit)):
            contact[field] = text  # type: ignore[literal-required]
    if row.remote_url and (address := web_address(row.remote_url)):
        contact["remote_url"] = address
    if row.marketing_consent is not None:
        contact["marketing_consent"] = row.marketing_consent
    if row.updated_at is not None:
        contact["updated_at"] = row.updated_at.isoformat()
    if row.owner is not None and (owner := _owner(row.owner)):
        contact["owner"] = owner
    if row.tags and (tags := _cleaned(row.tags, _SHORT)):
        contact["tags"] = tags
    if row.email_addresses and (addresses := _cleaned(row.email_addresses, _TEXT)):
        contact["email_addresses"] = addresses
    if phones:
        contact["phone_numbers"] = phones
    return Reading(contact, _index(phones), rejected)


def web_address(url: str | None) -> str | None:
    """Return the URL if a browser may safely follow it (http or https), else None."""
    if not url or len(url) > _URL or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def reading_of(contact: StoredContact) -> Reading:
    """Return the reading that a stored contact came from."""
    return Reading(contact, _index(contact.get("phone_numbers", ())))


def _numbers(
    row: ContactRow, region: str | None
) -> tuple[list[StoredPhone], tuple[RejectedRow, ...]]:
    phones: list[StoredPhone] = []
    rejected: list[RejectedRow] = []
    for phone in row.phone_numbers[:_ENTRIES]:
        raw = clean(phone.raw, _SHORT)
        if raw is None:
            continue
        e164, withheld = normalise_for_index(raw, region)
        if e164 is None:
            if not _is_extension(raw):
                where = f"contact {_quoted(row.remote_id)}"
                rejected.append(RejectedRow(where, _why(phone, withheld, region)))
            if withheld or not phone_keys(Number(raw=raw)):
                continue
        kind = clean(phone.type, _SHORT)
        # In the order of the contract: the golden record has it as it is.
        phones.append({"e164": e164, "raw": raw, "type": kind, "is_primary": phone.is_primary})
    if (more := len(row.phone_numbers) - _ENTRIES) > 0:
        where = f"contact {_quoted(row.remote_id)}"
        rejected.append(RejectedRow(where, f"{more} numbers after the first {_ENTRIES} left out"))
    return phones, tuple(rejected)


def _index(phones: Iterable[StoredPhone]) -> tuple[IndexRow, ...]:
    index: dict[str, IndexRow] = {}
    for phone in phones:
        key = phone["e164"] or phone_keys(Number(raw=phone["raw"]))[0]
        row = IndexRow(key, phone["raw"], phone["type"], phone["is_primary"])
        if (seen := index.get(key)) is not None:
            is_primary = seen.is_primary or row.is_primary
            row = IndexRow(key, seen.raw, seen.type or row.type, is_primary)
        index[key] = row
    return tuple(index.values())


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


def _owner(given: Owner) -> dict[str, str | None] | None:
    owner = {"name": clean(given.name), "email": clean(given.email)}
    return owner if any(owner.values()) else None


def _cleaned(values: Sequence[str], limit: int) -> list[str]:
    return [text for value in values[:_ENTRIES] if (text := clean(value, limit))]


def clean(value: str | None, limit: int = _TEXT) -> str | None:
    """Return a source's text without control characters, cut to `limit`; None if empty."""
    if not value:
        return None
    if len(value) <= limit and value.isascii() and value.isprintable() and "  " not in value:
        return value.strip(" ") or None
    value = value[: 4 * limit]
    if not value.isprintable():
        value = "".join(map(_visible, value))
    return " ".join(value.split())[:limit].strip() or None


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


def _quoted(text: str) -> str:
    shown = clean(text, _QUOTED) or ""
    return f"{shown!r}" if len(text) <= _QUOTED else f"{shown + '…'!r}"
