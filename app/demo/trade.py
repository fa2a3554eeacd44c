"""How the demo's customers buy: regulars on a cycle, now and then a pump with what goes with it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from app.demo.catalogue import BY_SKU, FREIGHT, ITEMS, price
from app.demo.names import Segment
from app.demo.records import Customer, Item, Line, OrderStatus

HISTORY_DAYS = 730
# Customers of the cast bought nothing else lately, so that their open items are as told.
_QUIET_DAYS = 45
_FREE_CARRIAGE_FROM = 250

Habit = Literal["on time", "late", "very late", "by card"]

_INTERESTS: dict[Segment, tuple[str, ...]] = {
    "garden centre": ("Soil", "Feed", "Tools", "Hose", "Pond", "Protection"),
    "landscaper": ("Irrigation", "Soil", "Hose", "Feed", "Tools", "Pond"),
    "pump engineer": ("Pumps", "Pump parts", "Hose"),
    "grower": ("Irrigation", "Soil", "Protection", "Feed"),
    "estate": ("Feed", "Irrigation", "Pond", "Tools", "Soil"),
    "household": ("Pond", "Soil", "Feed"),
}


@dataclass(frozen=True, slots=True)
class KnownSale:
    """A sale of the cast, told item by item; `invoiced_days_ago` None = not yet invoiced.

    It is open, apart from `paid` of it.
    """

    items: tuple[tuple[str, int], ...]
    invoiced_days_ago: int | None
    paid: Decimal = Decimal()
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A customer and how they trade. With `known_sales`, these alone are open.

    `gap_days` is the usual time between orders, None = buys nothing any more; `size` multiplies
    the usual quantities.
    """

    customer: Customer
    segment: Segment
    gap_days: int | None
    size: int = 1
    habit: Habit = "on time"
    known_sales: tuple[KnownSale, ...] | None = None


@dataclass(frozen=True, slots=True)
class Sale:
    """An order before it has a number. `open_but_for` None = it is paid as the customer does."""

    plan: Plan
    placed_on: date
    invoiced_on: date | None
    status: OrderStatus
    currency: str
    lines: tuple[Line, ...]
    open_but_for: Decimal | None = None


def sales(plan: Plan, today: date, rng: random.Random) -> list[Sale]:
    """Return two years of a customer's sales, oldest first."""
    regular = [] if plan.gap_days is None else _regular_sales(plan, plan.gap_days, today, rng)
    return regular + [_known_sale(plan, known, today) for known in plan.known_sales or ()]


def _regular_sales(plan: Plan, gap_days: int, today: date, rng: random.Random) -> list[Sale]:
    interests = [i for i in ITEMS if i.category in _INTERESTS[plan.segment]]
    consumables = [i for i in interests if i.cycle_days is not None]
    durables = [i for i in interests if i.cycle_days is None]
    habits = {
        item: (item.cycle_days or 0) * rng.uniform(0.8, 1.5)
        for item in rng.sample(consumables, rng.randint(3, min(8, len(consumables))))
    }
    last_bought: dict[Item, date] = {}
    start = max(plan.customer.since, today - timedelta(days=HISTORY_DAYS))
    end = today if plan.known_sales is None else today - timedelta(days=_QUIET_DAYS)
    day = start + timedelta(days=rng.randint(0, gap_days))
    found: list[Sale] = []
    while day <= end:
        if day.weekday() < 5 or plan.segment == "household":
            basket = [
                item
                for item, cycle in habits.items()
                if item not in last_bought or (day - last_bought[item]).days >= cycle * 0.85
            ]
            basket = basket[:5] or [rng.choice(list(habits))]
            if durables and rng.random() < 0.3:
                basket.append(rng.choice(durables))
            wanted = [BY_SKU[sku] for item in basket for sku in item.goes_with]
            basket += [item for item in wanted if rng.random() < 0.35]
            last_bought.update(dict.fromkeys(basket, day))
            found.append(_regular_sale(plan, day, basket, today, rng))
        season = 0.75 if day.month in (3, 4, 5, 6) else 1.5 if day.month in (11, 12, 1) else 1.0
        day += timedelta(days=max(1, round(gap_days * season * rng.uniform(0.6, 1.4))))
    return found


def _regular_sale(
    plan: Plan, day: date, basket: list[Item], today: date, rng: random.Random
) -> Sale:
    currency = plan.customer.currency
    quantities = {
        i: max(1, round(i.usual_quantity * plan.size * rng.uniform(0.5, 1.3))) for i in basket
    }
    if plan.segment == "household":
        quantities = {i: max(1, q // 6) for i, q in quantities.items()}
    lines = [Line(i, q, price(i, currency)) for i, q in quantities.items()]
    if sum(line.total for line in lines) < _FREE_CARRIAGE_FROM:
        carriage = next(i for i in ITEMS if i.category == FREIGHT)
        lines.append(Line(carriage, 1, price(carriage, currency)))
    age = (today - day).days
    status: OrderStatus
    if age <= 2:
        status = "processing"
    elif rng.random() < 0.02:
        status = "cancelled"
    else:
        status = "dispatched" if age <= 6 else "completed"
    shipped = status in ("dispatched", "completed")
    invoiced_on = day + timedelta(days=rng.randint(1, 2)) if shipped else None
    return Sale(plan, day, invoiced_on, status, currency, tuple(lines))


def _known_sale(plan: Plan, known: KnownSale, today: date) -> Sale:
    currency = known.currency or plan.customer.currency
    lines = tuple(Line(BY_SKU[s], q, price(BY_SKU[s], currency)) for s, q in known.items)
    if known.invoiced_days_ago is None:
        return Sale(plan, today - timedelta(days=1), None, "processing", currency, lines)
    invoiced_on = today - timedelta(days=known.invoiced_days_ago)
    status: OrderStatus = "dispatched" if known.invoiced_days_ago <= 5 else "completed"
    placed_on = invoiced_on - timedelta(days=1)
    return Sale(plan, placed_on, invoiced_on, status, currency, lines, open_but_for=known.paid)
