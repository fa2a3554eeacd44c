"""The columns of everything that a source can bring, by the name of its query or operation."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.sdk import facts
from connectors.sdk.contacts import CONTACT, is_contact_column, missing_contact_columns
from connectors.sdk.history import CATALOGUE, HISTORY

# What a source may give, and of which it must give one, by section (payments go with balance).
COLUMNS: dict[str, tuple[str, ...]] = {
    "balance": (*facts.OPEN_ITEM, *facts.SUMMARY),
    "payments": facts.PAYMENT,
    "credits": facts.CREDIT,
    "purchases": (*facts.ORDER, *facts.LINE),
    "purchase_totals": facts.TOTALS,
    "credit_terms": (*facts.TERMS, "currency"),
    "tickets": facts.TICKET,
}
ONE_OF: dict[str, tuple[str, ...]] = {
    "balance": ("amount_due", "balance"),
    "payments": ("total_amount",),
    "credits": ("amount",),
    "purchases": ("order_number",),
    "purchase_totals": facts.TOTALS[:-1],
    "credit_terms": facts.TERMS,
    "tickets": ("number",),
}
_ALL_OF = {"history": ("remote_id", "order_number"), "catalogue": ("item_id", "name")}
_STREAMS = {"history": HISTORY, "catalogue": CATALOGUE}


def missing(name: str, columns: Sequence[str]) -> str | None:
    """Say which column this cannot do without, or None when all are there."""
    if name in {"contacts", "find"}:
        return missing_contact_columns(columns)
    given = set(columns)
    if name in _ALL_OF:
        lacking = [f"`{column}`" for column in _ALL_OF[name] if column not in given]
        return f"{name} needs the column {' and '.join(lacking)}" if lacking else None
    if given.intersection(ONE_OF[name]):
        return None
    names = " or ".join(f"`{column}`" for column in ONE_OF[name])
    return f"{name} needs the column {names}"


def known(name: str) -> tuple[str, ...]:
    """Return the columns that this may have."""
    if name in {"contacts", "find"}:
        return (*CONTACT, "phone_type", "phone", "mobile", "email")
    return _STREAMS.get(name) or COLUMNS[name]


def unknown(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns that this has no use for."""
    contacts = name in {"contacts", "find"}
    usual = known(name)
    return [c for c in columns if c not in usual and not (contacts and is_contact_column(c))]
