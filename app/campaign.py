"""What chosen customers will likely buy next, for a campaign: from the synchronised history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from app.core.purchases import HISTORY_LINES
from app.errors import UserError
from app.runtime import Runtime
from app.store.audience import Audience, choose, count_customers
from app.store.history import day_number
from app.store.suggestions import known_orders
from app.suggest.offer import Customer, offer
from app.suggest.ranking import HISTORY_DAYS, Ranked, shop_of
from app.suggestions import answers_of, follow_tables, looked_up, ordered, rank_on

COLUMNS = (
    "customer_id",
    "item_id",
    "rank",
    "score",
    "reason",
    "connector",
    "sku",
    "item_name",
    "unit_price",
    "currency",
    "display_name",
    "phone_number",
    "email_address",
    "last_purchase",
)
# For each item that is asked for, so many candidates: some are out of stock or declined.
_CANDIDATES = 5
_EPOCH = date(1970, 1, 1)
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class LastPurchase:
    """When a customer must have bought last: on or after, and before, these days."""

    after: date | None = None
    before: date | None = None

    def has(self, day: date | None) -> bool:
        """Say whether a day of a last purchase fits; who never bought anything never does."""
        if self.after is None and self.before is None:
            return True
        return (
            day is not None
            and (self.after is None or day >= self.after)
            and (self.before is None or day < self.before)
        )


async def campaign(
    rt: Runtime,
    wanted: Audience,
    last_purchase: LastPurchase,
    rows: int,
    progress: Progress = lambda _step, _share: None,
) -> AsyncIterator[dict[str, Any]]:
    """Return each chosen customer's items, best first, as an agent would be offered them now.

    Credit is not asked for: that is the sources' to say, of one customer at a time.

    Raises:
        UserError: no purchase history was synchronised.
    """
    await follow_tables(rt)
    async with rt.db.read() as session:
        if not await known_orders(session):
            raise UserError("no purchase history is synchronised yet: screenpop connectors sync")
    total, seen = await count_customers(rt.db), 0
    async for looked_at, customers in choose(rt.db, wanted):
        for customer in customers:
            async for row in _suggested(rt, customer, last_purchase, rows):
                yield row
        seen += looked_at
        progress("customers", min(1.0, seen / total) if total else 1.0)


async def _suggested(
    rt: Runtime, customer: dict[str, Any], last_purchase: LastPurchase, rows: int
) -> AsyncIterator[dict[str, Any]]:
    today, customer_id = day_number(rt.clock().date()), customer["customer_id"]
    bought = await rt.hot.bought(customer_id, today - HISTORY_DAYS, HISTORY_LINES)
    ranked: Ranked = await rt.shelf.run(rank_on, rt.shelf, bought, today)
    last = max(ranked.last_bought.values(), default=None)
    last_day = None if last is None else _EPOCH + timedelta(days=last)
    if not last_purchase.has(last_day):
        return
    size = rows * _CANDIDATES
    items = await looked_up(rt, ranked.keys(size))
    said = await ordered(rt, customer_id, bought, ranked.keys(size) - items.keys())
    shop = shop_of(items, said, rt.shelf.catalogued)
    following, _ = ranked.candidates(size, shop)
    answers = answers_of(await rt.hot.answers(customer_id))
    asked = Customer(today, ranked.last_bought, answers)
    chosen = offer(following, (), asked, shop, rt.suggestion_rules, rows).next
    for place, each in enumerate(chosen, 1):
        yield {
            "customer_id": customer_id,
            "item_id": each["item_id"],
            "rank": place,
            "score": f"{each['score']:.6f}",
            "reason": each["reason"],
            "connector": each["connector"],
            "sku": each["sku"],
            "item_name": each["name"],
            "unit_price": each["unit_price"],
            "currency": each["currency"],
            "display_name": customer["display_name"],
            "phone_number": _first_number(customer),
            "email_address": next(iter(customer["email_addresses"]), None),
            "last_purchase": last_day and last_day.isoformat(),
        }


def _first_number(customer: dict[str, Any]) -> str | None:
    numbers = [n for n in customer["phone_numbers"] if n["e164"]]
    best = sorted(numbers, key=lambda number: not number["is_primary"])
    return best[0]["e164"] if best else None
