"""What must catch the eye before the agent answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from app.core.call import Attestation
from app.core.profile import Section
from app.core.values import value

Level = Literal["info", "warning", "critical"]
_ORDER = {"critical": 0, "warning": 1, "info": 2}
_VIP = frozenset({"vip", "key account", "platinum"})
_COMPLAINT = "complaint"


@value(frozen=True, slots=True)
class Alert:
    """One thing to know at once; `code` is stable, `text` is for the agent."""

    level: Level
    code: str
    text: str


def alerts_for(
    attestation: Attestation,
    customer: Mapping[str, Any] | None,
    sections: Mapping[str, Section],
    today: date,
) -> tuple[Alert, ...]:
    """Return the alerts, gravest first."""
    found = [
        *_trust(attestation),
        *_credit(section_data(sections, "credit_terms")),
        *_owed(section_data(sections, "balance"), today),
        *_history(sections, today),
        *_standing(customer),
        *_several_records(customer),
    ]
    return tuple(sorted(found, key=lambda a: _ORDER[a.level]))


def section_data(sections: Mapping[str, Section], name: str) -> Mapping[str, Any]:
    """Return what a section holds, empty when that is nothing or a list."""
    section = sections.get(name)
    return section.data if section and isinstance(section.data, Mapping) else {}


def _trust(attestation: Attestation) -> list[Alert]:
    if attestation.verdict == "failed":
        return [Alert("warning", "low_attestation", "The calling number failed verification")]
    if attestation.level in ("B", "C"):
        text = f"The carrier does not vouch for this number (attestation {attestation.level})"
        return [Alert("warning", "low_attestation", text)]
    return []


def _credit(terms: Mapping[str, Any]) -> list[Alert]:
    found = []
    if terms.get("on_hold"):
        reason = terms.get("hold_reason")
        text = f"On credit hold: {reason}" if reason else "On credit hold"
        found.append(Alert("critical", "credit_hold", text))
    available = terms.get("credit_available")
    if available is not None and Decimal(available) < 0:
        over = f"{-Decimal(available):.2f} {terms.get('currency') or ''}".strip()
        found.append(Alert("critical", "over_limit", f"{over} over the credit limit"))
    return found


def _owed(balance: Mapping[str, Any], today: date) -> list[Alert]:
    overdue = balance.get("overdue_amount")
    if overdue is None or Decimal(overdue) <= 0:
        return []
    text = f"{overdue} {balance['currency']} overdue"
    oldest = balance.get("oldest_due_date")
    if oldest is not None:
        days = (today - date.fromisoformat(oldest)).days
        if days > 0:
            text += f" {days} day{'' if days == 1 else 's'}"
    return [Alert("warning", "overdue", text)]


def last_call_was_a_complaint(sections: Mapping[str, Section]) -> bool:
    """Say whether the newest call with an outcome was a complaint, and nobody has settled it."""
    latest = next((i for i in _interactions(sections) if i["disposition"]), None)
    settled = latest is not None and (latest["follow_up"] or {}).get("done")
    return latest is not None and latest["disposition"].casefold() == _COMPLAINT and not settled


def _interactions(sections: Mapping[str, Section]) -> list[Any]:
    section = sections.get("interactions")
    return section.data if section and isinstance(section.data, list) else []


def _history(sections: Mapping[str, Section], today: date) -> list[Alert]:
    found = []
    if last_call_was_a_complaint(sections):
        found.append(Alert("warning", "open_complaint", "The last call was a complaint"))
    for interaction in _interactions(sections):
        follow_up = interaction["follow_up"]
        if follow_up and not follow_up.get("done") and follow_up["due_on"] <= today.isoformat():
            who = interaction["agent"]["name"] if interaction["agent"] else "We"
            what = f": {follow_up['text']}" if follow_up.get("text") else ""
            due = date.fromisoformat(follow_up["due_on"])
            text = f"{who} promised a call back by {due.day} {due:%b}{what}"
            found.append(Alert("warning", "follow_up_due", text))
    return found


def _standing(customer: Mapping[str, Any] | None) -> list[Alert]:
    if customer is None:
        return []
    marks = {str(t).casefold() for t in (*customer["tags"], customer["tier"] or "")}
    return [Alert("info", "vip", "VIP customer")] if marks & _VIP else []


def _several_records(customer: Mapping[str, Any] | None) -> list[Alert]:
    """Say whose amounts are shown where persons merged customers of one source."""
    records: dict[str, list[str]] = {}
    for link in customer["links"] if customer else ():
        records.setdefault(link["connector"], []).append(link["remote_id"])
    return [
        Alert(
            "warning",
            "several_records",
            f"{len(ids)} records in {connector}: amounts are of {ids[0]} alone, not of "
            f"{', '.join(ids[1:4])}{' and more' if len(ids) > 4 else ''}",
        )
        for connector, ids in records.items()
        if len(ids) > 1
    ]
