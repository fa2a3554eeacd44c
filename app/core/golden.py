"""What a customer looks like of whom several sources have a record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from app.core.contact import StoredContact, StoredPhone


class Link(NamedTuple):
    """A record of a customer; where two give the same field the higher `priority` wins."""

    connector: str
    priority: int
    contact: StoredContact


def golden(customer: str, links: Iterable[Link]) -> dict[str, Any]:
    """Return the contract's Customer: the best source's value of each field, lists united.

    Each link also has its `external_id`, by which connectors without contacts are asked.
    """
    ordered = list(links)
    best: Mapping[str, Any] = ordered[0].contact if ordered else {}
    if len(ordered) > 1:
        ordered.sort(key=lambda k: (-k.priority, k.connector, k.contact["remote_id"]))
        best = _best_of([link.contact for link in ordered])
    return {
        "customer_id": customer,
        "display_name": best.get("display_name"),
        "company_name": best.get("company_name"),
        "tier": best.get("tier"),
        "tags": _united(best.get("tags", [])),
        "language": best.get("language"),
        "phone_numbers": _phones(best.get("phone_numbers", [])),
        "email_addresses": _united(best.get("email_addresses", [])),
        "owner": best.get("owner"),
        "links": [
            {
                "connector": link.connector,
                "remote_id": link.contact["remote_id"],
                "remote_url": link.contact.get("remote_url"),
                "external_id": link.contact.get("external_id"),
            }
            for link in ordered
        ],
    }


def _best_of(contacts: Sequence[StoredContact]) -> dict[str, Any]:
    best: dict[str, Any] = {k: v for c in reversed(contacts) for k, v in c.items() if v}
    for name in ("tags", "phone_numbers", "email_addresses"):
        best[name] = [each for contact in contacts for each in contact.get(name, ())]  # type: ignore[attr-defined]
    return best


def _united(values: list[str]) -> list[str]:
    if len(values) < 2:
        return values
    first: dict[str, str] = {}
    for value in values:
        first.setdefault(value.casefold(), value)
    return list(first.values())


def _phones(phones: list[StoredPhone]) -> list[StoredPhone]:
    if len(phones) < 2:
        return phones
    united: dict[str, StoredPhone] = {}
    primary: str | None = None
    for phone in phones:
        key = phone["e164"] or phone["raw"]
        seen = united.get(key)
        if seen is None:
            united[key] = {**phone, "is_primary": False}
        elif seen["type"] is None:
            seen["type"] = phone["type"]
        if phone["is_primary"] and primary is None:
            primary = key
    if primary is not None:
        united[primary]["is_primary"] = True
    return list(united.values())
