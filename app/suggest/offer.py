"""From what a customer is likely to want to what an agent may offer. Pure.

What is left out is returned too, each with the reason, for who asks why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from app.core.purchases import parts_of_key
from connectors.sdk.types import money_text

ListName = Literal["next", "goes_with"]
AnswerWord = Literal["accepted", "declined", "snoozed"]
Why = Literal[
    "out_of_stock",
    "inactive",
    "not_in_catalogue",
    "excluded_category",
    "owned",
    "same_category",
    "declined",
    "snoozed",
    "shown_above",
]

LISTED = 5
ANSWERED_DAYS = 90
NEVER_AGAIN_DAYS = 180
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Rules:
    """What an admin decided. An item is never of `excluded_categories` (in any case of letters).

    What was bought in the last `never_again_days` is not in `goes_with`.
    """

    excluded_categories: frozenset[str] = frozenset()
    never_again_days: int = NEVER_AGAIN_DAYS

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Rules:
        """Read rules as they are kept."""
        names = written.get("excluded_categories", ())
        days = written.get("never_again_days", NEVER_AGAIN_DAYS)
        return cls(frozenset(name.casefold() for name in names), days)


class Sold(NamedTuple):
    """An item as its source has it. `stock` None = not counted, which is not 0."""

    name: str | None
    sku: str | None = None
    category: str | None = None
    unit_price: Decimal | None = None
    currency: str | None = None
    stock: Decimal | None = None
    is_active: bool = True
    remote_url: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the customer said of an item before; `until` is the day a snoozed one comes back."""

    answer: AnswerWord
    at: datetime
    by: str | None = None
    until: date | None = None
    call_id: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return the answer as the pop shows it."""
        until = self.until and self.until.isoformat()
        return {"answer": self.answer, "by": self.by, "at": self.at, "until": until}


@dataclass(frozen=True, slots=True)
class Credit:
    """The customer's credit, as far as it is known."""

    on_hold: bool = False
    available: Decimal | None = None
    currency: str | None = None

    @classmethod
    def of(cls, terms: Mapping[str, Any] | None) -> Credit:
        """Read the data of the section `credit_terms`."""
        if not terms:
            return cls()
        available = amount(terms.get("credit_available"))
        return cls(terms.get("on_hold") is True, available, terms.get("currency"))


class Candidate(NamedTuple):
    """An item that a scorer ranked; `with_key` is the item that it goes with.

    `is_popular`: it is there because everybody buys it, not for what this customer bought.
    """

    key: str
    score: float
    reason: str
    with_key: str | None = None
    is_popular: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """What the rules ask of a customer: when each item was last bought, and what was answered.

    Days count from 1970-01-01. `call_id`: what was answered in this call stays in sight.
    """

    day: int
    last_bought: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    credit: Credit = Credit()
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Shop:
    """What is sold, by key; of the connectors in `catalogued` that is everything.

    `ordered` is what the customer's orders say of items.
    """

    items: Mapping[str, Sold] = field(default_factory=dict)
    catalogued: Collection[str] = ()
    ordered: Mapping[str, Sold] = field(default_factory=dict)

    def name(self, key: str) -> str:
        """Return what an item is called: its id, where nothing else is known."""
        sold = self.items.get(key) or self.ordered.get(key)
        return (sold.name if sold else None) or parts_of_key(key)[1]

    def category(self, key: str | None) -> str | None:
        """Return an item's category, to be compared."""
        sold = self.items.get(key or "")
        return sold.category.casefold() if sold and sold.category else None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate that is not offered, and why."""

    list: ListName
    key: str
    why: Why


@dataclass(frozen=True, slots=True)
class Offer:
    """The two lists as the pop shows them, and what was left out on the way to them."""

    next: tuple[dict[str, Any], ...] = ()
    goes_with: tuple[dict[str, Any], ...] = ()
    blocked: Literal["credit_hold"] | None = None
    left_out: tuple[LeftOut, ...] = ()

    def is_full(self) -> bool:
        """Say whether more candidates could not change anything."""
        return self.blocked is not None or (len(self.next) == len(self.goes_with) == LISTED)


def offer(
    next_: Iterable[Candidate],
    goes_with: Iterable[Candidate],
    customer: Customer,
    shop: Shop,
    rules: Rules,
    listed: int = LISTED,
) -> Offer:
    """Choose what may be offered, in the order of the candidates; at most `listed` a list."""
    if customer.credit.on_hold:
        return Offer(blocked="credit_hold")
    left_out: list[LeftOut] = []
    chosen: set[str] = set()

    def choose(name: ListName, candidates: Iterable[Candidate]) -> Iterator[dict[str, Any]]:
        count = 0
        for each in candidates:
            if count == listed:
                return
            why = _why_not(name, each, customer, shop, rules)
            if why is None and each.key in chosen:
                why = "shown_above"
            if why is not None:
                left_out.append(LeftOut(name, each.key, why))
                continue
            chosen.add(each.key)
            count += 1
            yield _shown(each, customer, shop)

    first = tuple(choose("next", next_))
    second = tuple(choose("goes_with", goes_with))
    return Offer(first, second, left_out=tuple(left_out))


def _why_not(
    name: ListName, each: Candidate, customer: Customer, shop: Shop, rules: Rules
) -> Why | None:
    sold = shop.items.get(each.key)
    if sold is None:
        if parts_of_key(each.key)[0] in shop.catalogued:
            return "not_in_catalogue"
    else:
        if not sold.is_active:
            return "inactive"
        if sold.stock is not None and sold.stock <= 0:
            return "out_of_stock"
        if shop.category(each.key) in rules.excluded_categories:
            return "excluded_category"
    if name == "goes_with":
        last = customer.last_bought.get(each.key)
        if last is not None and customer.day - last <= rules.never_again_days:
            return "owned"
        category = shop.category(each.key)
        if category is not None and category == shop.category(each.with_key):
            return "same_category"
    answer = customer.answers.get(each.key)
    if answer is None or (answer.call_id is not None and answer.call_id == customer.call_id):
        return None
    return _waits(answer, _EPOCH + timedelta(days=customer.day))


def _waits(answer: Answer, today: date) -> Why | None:
    if answer.answer == "declined" and not _is_old(answer, today):
        return "declined"
    if answer.answer == "snoozed" and answer.until is not None and today < answer.until:
        return "snoozed"
    return None


def _is_old(answer: Answer, today: date) -> bool:
    return (today - answer.at.date()).days >= ANSWERED_DAYS


def _shown(each: Candidate, customer: Customer, shop: Shop) -> dict[str, Any]:
    connector, item = parts_of_key(each.key)
    sold = shop.items.get(each.key) or Sold(None)
    answer = customer.answers.get(each.key)
    if answer is not None and answer.call_id != customer.call_id:
        # One that was declined or snoozed and may come back is offered anew.
        old = _is_old(answer, _EPOCH + timedelta(days=customer.day))
        answer = None if old or answer.answer != "accepted" else answer
    return {
        "item_id": item,
        "connector": connector,
        "sku": sold.sku,
        "name": sold.name,
        "score": round(min(1.0, each.score), 6),
        "reason": each.reason,
        "popular": each.is_popular,
        "unit_price": None
        if sold.unit_price is None
        else money_text(sold.unit_price, sold.currency),
        "currency": sold.currency,
        "inventory_quantity": None if sold.stock is None else f"{sold.stock.normalize():f}",
        "remote_url": sold.remote_url,
        "above_credit": _above_credit(sold, customer.credit),
        "answer": answer and answer.shown(),
    }


def _above_credit(sold: Sold, credit: Credit) -> bool:
    """Say whether one of it costs more than may be owed; of another currency nothing is said."""
    return (
        sold.unit_price is not None
        and credit.available is not None
        and sold.currency is not None
        and sold.currency == credit.currency
        and sold.unit_price > credit.available
    )


# The same items are looked up for one caller after the other.
@lru_cache(maxsize=10_000)
def amount(text: str | None) -> Decimal | None:
    """Read a decimal number; None when it is none."""
    try:
        value = Decimal(text) if text is not None else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() else None
