"""What an administrator decides of the pop: alerts that show, blocks and their order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from app.core.alerts import Alert, section_data
from app.core.profile import Section

ALERT_CODES = (
    "credit_hold",
    "over_limit",
    "overdue",
    "open_complaint",
    "follow_up_due",
    "low_attestation",
    "vip",
    "priority",
)
DISPOSITIONS = ("order", "question", "complaint", "payment", "delivery", "call back", "other")
USUAL_ORDER = (
    "balance",
    "credit_terms",
    "interactions",
    "purchases",
    "suggestions",
    "tickets",
)
HIDDEN_BY_RULE = Section(
    "hidden",
    sources=(
        {
            "connector": "screenpop",
            "name": "our rules",
            "status": "hidden",
            "remote_url": None,
            "as_of": None,
            "elapsed_ms": None,
            "error": {"code": "hidden_by_rule", "text": "not shown for this queue"},
        },
    ),
)


@dataclass(frozen=True, slots=True)
class AlertRules:
    """Which alerts stay away: by code, and what is owed below an amount or an age in days."""

    off: frozenset[str] = frozenset()
    overdue_over: Decimal | None = None
    overdue_days: int | None = None
    over_limit_over: Decimal | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> AlertRules:
        """Read the rules as they are stored: a checked entry of the file."""
        amounts = {
            name: None if entry.get(name) is None else Decimal(entry[name])
            for name in ("overdue_over", "over_limit_over")
        }
        days = entry.get("overdue_days")
        return cls(frozenset(entry.get("off", ())), overdue_days=days, **amounts)


@dataclass(frozen=True, slots=True)
class Layout:
    """The blocks of the pop for a queue, None for every other one; `hidden` are not sent at all."""

    queue: str | None = None
    order: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Layout:
        """Read a layout as it is stored: a checked entry of the file."""
        order, hidden = entry.get("order", ()), entry.get("hidden", ())
        return cls(entry.get("queue"), tuple(order), frozenset(hidden))

    def blocks(self) -> list[str] | None:
        """Return the blocks in their order, the unnamed ones last; None for the usual order."""
        if not self.order:
            return None
        return [*self.order, *(name for name in USUAL_ORDER if name not in self.order)]


USUAL = Layout()


def layout_for(layouts: Iterable[Layout], queue: str | None) -> Layout:
    """Return the layout of a queue, else the one for all queues, else the usual one."""
    by_queue = {layout.queue: layout for layout in layouts}
    return by_queue.get(queue) or by_queue.get(None) or USUAL


def without_hidden(sections: Mapping[str, Section], layout: Layout) -> Mapping[str, Section]:
    """Return the sections as the agents of the queue may have them."""
    if not layout.hidden:
        return sections
    return {
        name: HIDDEN_BY_RULE if name in layout.hidden else section
        for name, section in sections.items()
    }


def wanted(
    alerts: Iterable[Alert], rules: AlertRules, sections: Mapping[str, Section], today: date
) -> tuple[Alert, ...]:
    """Return the alerts that the rules let through."""
    return tuple(
        alert
        for alert in alerts
        if alert.code not in rules.off and not _is_too_little(alert.code, rules, sections, today)
    )


def _is_too_little(
    code: str, rules: AlertRules, sections: Mapping[str, Section], today: date
) -> bool:
    if code == "over_limit" and rules.over_limit_over is not None:
        available = section_data(sections, "credit_terms").get("credit_available")
        return available is not None and -Decimal(available) <= rules.over_limit_over
    if code != "overdue":
        return False
    balance = section_data(sections, "balance")
    amount, oldest = balance.get("overdue_amount"), balance.get("oldest_due_date")
    least = rules.overdue_over
    if least is not None and amount is not None and Decimal(amount) <= least:
        return True
    if rules.overdue_days is None or oldest is None:
        return False
    return (today - date.fromisoformat(oldest)).days < rules.overdue_days
