"""Several sources' facts become one section: precedence, age, conflicts kept visible. Pure.

The result depends on what was said and by whom, not on who answered first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, TypeVar

from pydantic import BaseModel

from app.core.profile import (
    NOT_CONFIGURED,
    Conflict,
    ConflictValue,
    Section,
    SourceOutcome,
    Status,
)
from connectors.sdk.types import (
    Balance,
    CreditTerms,
    Order,
    Purchases,
    SectionName,
    Tickets,
    money_text,
)

_HAS_FACTS = ("ok", "partial", "stale")
_B = TypeVar("_B", bound=BaseModel)
_Merged = tuple[BaseModel, tuple[Conflict, ...]]


def merge(name: SectionName, outcomes: Iterable[SourceOutcome]) -> Section:
    """Merge what every source of a section said so far.

    The source with the highest priority wins, then the one whose slug comes first.
    """
    ranked = sorted(outcomes, key=lambda o: (-o.priority, o.connector))
    if not ranked:
        return NOT_CONFIGURED
    said = [o for o in ranked if o.facts is not None]
    data: dict[str, Any] | list[Any] | None = None
    conflicts: tuple[Conflict, ...] = ()
    if said:
        merged, conflicts = _MERGERS[name](said)
        data = merged.model_dump(mode="json")
        if name == "tickets":
            data = data["tickets"]
    known = [o.as_of for o in said if o.as_of is not None]
    return Section(
        status=_status(ranked),
        data=data,
        as_of=min(known) if known else None,
        conflicts=conflicts,
        sources=tuple(o.shown() for o in ranked),
    )


def _status(outcomes: Sequence[SourceOutcome]) -> Status:
    said: set[str] = {o.status for o in outcomes}
    if "loading" in said:
        return "loading"
    if len(said) == 1:
        return outcomes[0].status
    silent = said & {"failed", "timeout"}
    if said & set(_HAS_FACTS):
        if silent or "partial" in said:
            return "partial"
        return "stale" if "stale" in said else "ok"
    # Some have nothing on record and some did not answer: what is missing is not known.
    return "timeout" if silent == {"timeout"} else "failed"


def _conflict(
    field: str, said: Sequence[SourceOutcome], value: Callable[[Any], Any], chosen: str
) -> tuple[Conflict, ...]:
    given = [(o, value(o.facts)) for o in said]
    given = [(o, v) for o, v in given if v is not None]
    if len({v for _, v in given}) < 2:
        return ()
    values = tuple(ConflictValue(o.connector, _plain(v), o.as_of) for o, v in given)
    return (Conflict(field, values, chosen),)


def _plain(value: Any) -> Any:
    return money_text(value) if isinstance(value, Decimal) else value


def _balance(said: Sequence[SourceOutcome]) -> _Merged:
    # Totals, buckets and invoices of one source belong together: they are never mixed.
    first = said[0]
    conflicts: list[Conflict] = []
    for field in ("currency", "balance", "overdue_amount"):
        conflicts += _conflict(field, said, attrgetter(field), first.connector)
    assert isinstance(first.facts, Balance)  # noqa: S101 - narrows the type; gather checks it
    return first.facts, tuple(conflicts)


_TERMS = (
    "credit_limit",
    "credit_used",
    "exposure_includes_orders",
    "payment_terms",
    "days_until_due",
    "on_hold",
    "hold_reason",
    "risk_rating",
)
_TERM_MONEY = ("credit_limit", "credit_used")


def _credit_terms(said: Sequence[SourceOutcome]) -> _Merged:
    terms = [(o, o.facts) for o in said if isinstance(o.facts, CreditTerms)]
    currency = next((t.currency for _, t in terms if t.currency), None)
    chosen: dict[str, Any] = {"currency": currency}
    conflicts: list[Conflict] = list(
        _conflict("currency", said, attrgetter("currency"), terms[0][0].connector)
    )
    for field in _TERMS:
        givers = [
            (o, getattr(t, field))
            for o, t in terms
            if getattr(t, field) is not None
            and (field not in _TERM_MONEY or t.currency in (None, currency))
        ]
        if givers:
            chosen[field] = givers[0][1]
            if field == "days_until_due" and any(c.field == "payment_terms" for c in conflicts):
                continue  # The same disagreement in other words.
            conflicts += _conflict(
                field,
                [o for o, _ in givers],
                attrgetter(field),
                givers[0][0].connector,
            )
    limit, used = chosen.get("credit_limit"), chosen.get("credit_used")
    if limit is not None:
        chosen["credit_available"] = (
            limit - used
            if used is not None
            else next((t.credit_available for _, t in terms if t.credit_limit == limit), None)
        )
    return CreditTerms(**chosen), tuple(conflicts)


def _purchases(said: Sequence[SourceOutcome]) -> _Merged:
    all_of = [o.facts for o in said if isinstance(o.facts, Purchases)]
    if len(all_of) == 1:
        return all_of[0], ()
    orders: dict[str, Order] = {}
    repeats: list[Order] = []
    for purchases in all_of:
        for order in purchases.orders:
            if order.order_number in orders:
                repeats.append(order)
            else:
                orders[order.order_number] = order
    newest = sorted(
        orders.values(),
        key=lambda o: (o.order_date is not None, o.order_date, o.order_number),
        reverse=True,
    )
    currency = next((p.currency for p in all_of if p.currency), None)
    counts = [p.order_count for p in all_of]
    amounts = [p.lifetime_amount for p in all_of if p.currency == currency]
    firsts = [p.first_order_date for p in all_of if p.first_order_date]
    lifetime = _sum(amounts)
    if lifetime is not None:
        lifetime -= sum(
            (o.total_amount or Decimal(0) for o in repeats if o.currency in (None, currency)),
            Decimal(0),
        )
    total = None if None in counts else sum(c for c in counts if c is not None) - len(repeats)
    return Purchases(
        currency=currency,
        orders=tuple(newest),
        order_count=total,
        lifetime_amount=lifetime,
        first_order_date=min(firsts) if firsts else None,
    ), ()


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    if not amounts or None in amounts:
        return None
    return sum((a for a in amounts if a is not None), Decimal(0))


def _tickets(said: Sequence[SourceOutcome]) -> _Merged:
    tickets = [
        ticket if ticket.source else ticket.model_copy(update={"source": o.connector})
        for o in said
        if isinstance(o.facts, Tickets)
        for ticket in o.facts.tickets
    ]
    tickets.sort(key=lambda t: (t.updated_at is not None, t.updated_at or _EPOCH), reverse=True)
    return Tickets(tickets=tuple(tickets)), ()


_EPOCH = datetime.fromtimestamp(0).astimezone()
_MERGERS: dict[SectionName, Callable[[Sequence[SourceOutcome]], _Merged]] = {
    "balance": _balance,
    "credit_terms": _credit_terms,
    "purchases": _purchases,
    "tickets": _tickets,
}
