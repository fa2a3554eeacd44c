"""Which level of service a customer gets, by the rules of the configuration. Pure.

What is not known meets no condition: a rule never rests on a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.core.alerts import Alert, last_call_was_a_complaint, section_data
from app.core.profile import Section

LOWEST, HIGHEST = 1, 9


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a rule asks for, all of it; None and () ask for nothing.

    Amounts are compared in the currency that the section shows, over the amount and not at it.
    """

    tier: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    overdue_over: Decimal | None = None
    lifetime_over: Decimal | None = None
    open_complaint: bool | None = None
    on_hold: bool | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A level of service, 1 to 9 with 9 the best, for who meets the conditions."""

    name: str
    level: int
    when: Conditions = Conditions()
    queue: str | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Rule:
        """Read a rule as it is stored: a checked entry of the file."""
        when = dict(entry.get("when", {}))
        for name in ("tier", "tags"):
            when[name] = tuple(when.get(name, ()))
        for name in ("overdue_over", "lifetime_over"):
            amount = when.get(name)
            when[name] = None if amount is None else Decimal(amount)
        return cls(entry["name"], entry["level"], Conditions(**when), entry.get("queue"))


@dataclass(frozen=True, slots=True)
class Priority:
    """The rule that applies: its level, its name, and the queue it hints at."""

    level: int
    name: str
    queue: str | None = None

    def alert(self) -> Alert:
        """Say it to the agent."""
        return Alert("info", "priority", self.name)


def priority(
    rules: Iterable[Rule], customer: Mapping[str, Any] | None, sections: Mapping[str, Section]
) -> Priority | None:
    """Return what the first rule that applies to a customer gives; nobody known gets nothing."""
    if customer is None:
        return None
    for rule in rules:
        if _applies(rule.when, customer, sections):
            return Priority(rule.level, rule.name, rule.queue)
    return None


def _applies(
    when: Conditions, customer: Mapping[str, Any], sections: Mapping[str, Section]
) -> bool:
    if when.tier and not _shares(when.tier, [customer["tier"] or ""]):
        return False
    if when.tags and not _shares(when.tags, customer["tags"]):
        return False
    balance, purchases = section_data(sections, "balance"), section_data(sections, "purchases")
    if not _is_over(balance.get("overdue_amount"), when.overdue_over):
        return False
    if not _is_over(purchases.get("lifetime_amount"), when.lifetime_over):
        return False
    complained = last_call_was_a_complaint(sections)
    if when.open_complaint is not None and complained is not when.open_complaint:
        return False
    on_hold = section_data(sections, "credit_terms").get("on_hold")
    return when.on_hold is None or on_hold is when.on_hold


def _shares(wanted: Iterable[str], given: Iterable[str]) -> bool:
    return not {w.casefold() for w in wanted}.isdisjoint(str(g).casefold() for g in given)


def _is_over(amount: str | None, limit: Decimal | None) -> bool:
    return limit is None or (amount is not None and Decimal(amount) > limit)
