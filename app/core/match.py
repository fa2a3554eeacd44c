"""Who is calling: candidates for a number, ranked, with reasons. Pure.

A number is not an identity: every candidate is kept, none is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from app.core.values import value
from connectors.sdk.types import Number

Outcome = Literal["none", "single", "multiple", "withheld"]
Level = Literal["known", "maybe"]
_MINIMUM_SUFFIX = 6
_SUFFIX = 9


@value(frozen=True, slots=True)
class IndexHit:
    """A row of the phone index that fits the caller, with its customer as the pop shows it."""

    key: str
    connector: str
    remote_id: str
    customer: Mapping[str, Any]
    type: str | None = None
    is_primary: bool = False
    by_account: bool = False


@value(frozen=True, slots=True)
class Choice:
    """What an agent said before about who calls from this number."""

    customer_id: str
    by: str | None
    at: datetime


@value(frozen=True, slots=True)
class Candidate:
    """Somebody who may be calling; `score` is 0..1."""

    customer_id: str
    display_name: str
    company_name: str | None
    tier: str | None
    level: Level
    score: float
    reasons: tuple[str, ...]


@value(frozen=True, slots=True)
class Match:
    """The candidates, best first. `customer` is the one shown, None until there is no doubt.

    `candidates_total` is how many there are, which is more than `candidates` for a number of
    very many.
    """

    outcome: Outcome = "none"
    shared_number: bool = False
    candidates: tuple[Candidate, ...] = ()
    customer: Mapping[str, Any] | None = field(default=None)
    candidates_total: int = 0

    def shown(self) -> dict[str, Any]:
        """Return the contract's Match."""
        return {
            "outcome": self.outcome,
            "shared_number": self.shared_number,
            "candidates": self.candidates,
            "candidates_total": self.candidates_total,
        }


def phone_keys(number: Number) -> tuple[str, ...]:
    """Return the phone index keys to ask for, surest first; none for a withheld caller."""
    if number.withheld:
        return ()
    digits = "".join(c for c in number.raw or "" if c.isdecimal() and c.isascii())
    if number.e164 is not None:
        return (number.e164, f"~{number.e164[-_SUFFIX:]}")
    return (f"~{digits[-_SUFFIX:]}",) if digits else ()


def rank(
    number: Number, hits: Sequence[IndexHit], choice: Choice | None = None, customers: int = 0
) -> Match:
    """Rank the customers that a number, or an account number the caller gave, may belong to.

    An exact number or account is `known`, a number that only ends the same is `maybe`. An
    agent's earlier choice decides among them, then a given account; without these, several known
    customers stay several. `customers` is how many have the number, where `hits` are only the
    first of them.
    """
    if number.withheld and not hits:
        return Match("withheld")
    by_customer: dict[str, list[IndexHit]] = {}
    for hit in hits:
        by_customer.setdefault(hit.customer["customer_id"], []).append(hit)
    candidates = sorted(
        (_candidate(number, rows, choice) for rows in by_customer.values()),
        key=lambda c: (-c.score, c.display_name.casefold(), c.customer_id),
    )
    if not candidates:
        return Match()
    known = [c for c in candidates if c.level == "known"]
    chosen = choice is not None and choice.customer_id in by_customer
    gave_account = {h.customer["customer_id"] for h in hits if h.by_account}
    total = max(customers, len(candidates))
    alone = total == len(candidates) and 1 in (len(candidates), len(known))
    single = chosen or len(gave_account) == 1 or alone
    return Match(
        outcome="single" if single else "multiple",
        shared_number=len(known or candidates) > 1 or total > len(candidates),
        candidates_total=total,
        candidates=tuple(candidates),
        customer=by_customer[candidates[0].customer_id][0].customer if single else None,
    )


def _candidate(number: Number, hits: list[IndexHit], choice: Choice | None) -> Candidate:
    customer = hits[0].customer
    score, reasons = 0.0, []
    exact = [h for h in hits if h.key == number.e164]
    by_account = any(h.by_account for h in hits)
    sources = ", ".join(dict.fromkeys(h.connector for h in exact or hits))
    if exact:
        kind = next((h.type for h in exact if h.type), None)
        reasons = [f"exact {kind} number in {sources}" if kind else f"exact number in {sources}"]
        primary = any(h.is_primary for h in exact)
        if primary:
            reasons.append("main number")
        score = 0.9 + 0.04 * primary + 0.01 * min(len({h.connector for h in exact}), 4)
    elif not by_account:
        score = 0.4
        reasons = [f"number ends the same in {sources}"]
    if by_account:
        score = 0.99  # Above every number: the caller said it.
        reasons.insert(0, "gave the account number")
    if choice is not None and choice.customer_id == customer["customer_id"]:
        score = 1.0
        who = f" by {choice.by}" if choice.by else ""
        reasons.insert(0, f"chosen{who} on {choice.at:%Y-%m-%d}")
    return Candidate(
        customer_id=customer["customer_id"],
        display_name=customer["display_name"],
        company_name=customer["company_name"],
        tier=customer["tier"],
        level="known" if exact or score > 0.9 else "maybe",
        score=round(score, 3),
        reasons=tuple(reasons),
    )
