"""Why a customer gets these suggestions: as a call of theirs would get them now, with numbers."""

from __future__ import annotations

import uuid
from typing import Any

from app.core.call import Call
from app.core.match import Match
from app.core.phone import normalise
from app.errors import AppError
from app.live import LiveCall, new_live_call
from app.lookup import whole_profile
from app.runtime import Runtime
from app.screenpop import gather, recognise
from app.store import customers
from app.store.history import day_number
from app.suggest.explain import Explanation
from app.suggest.ranking import shop_of
from app.suggest.shelf import Shelf
from app.suggest.tables import Learned
from app.suggestions import settled
from connectors.sdk.types import Number


async def explain_customer(rt: Runtime, customer_id: str) -> dict[str, Any]:
    """Say why each item is suggested to a customer, and why others are not.

    Raises:
        AppError: 404, there is no such customer.
    """
    async with rt.db.read() as session:
        document = await customers.customer(session, customer_id)
    if document is None:
        raise AppError(404, "not_found", f"there is no customer {customer_id}")
    call = Call(f"lookup:{uuid.uuid4().hex}", "lookup", ani=Number(None))
    live = new_live_call(call, rt.clock())
    async with live.lock:
        live.asked_for = call.ani
        await recognise(rt, live, call, Match("single", customer=document))
    gather(rt, live)
    if live.gathering is not None:
        await live.gathering
    await settled(live)
    return await _explained(rt, live)


async def explain_number(rt: Runtime, phone: str) -> dict[str, Any]:
    """Do the same for the customer who has a phone number.

    Raises:
        AppError: 404, nobody has it; 409, several customers do.
    """
    number = normalise(phone, rt.default_region)
    if number.e164 is None:
        raise AppError(404, "not_found", f"{phone!r} is neither a customer nor a phone number")
    live = await whole_profile(rt, phone)
    if live.pop.match.outcome == "multiple":
        ids = ", ".join(each.customer_id for each in live.pop.match.candidates)
        raise AppError(409, "conflict", f"{phone} is of several customers, name one: {ids}")
    if live.pop.customer is None:
        raise AppError(404, "not_found", f"no customer has the number {number.e164}")
    return await _explained(rt, live)


async def _explained(rt: Runtime, live: LiveCall) -> dict[str, Any]:
    customer, mine = live.pop.customer or {}, live.suggesting
    about = {
        "customer_id": customer["customer_id"],
        "display_name": customer["display_name"],
        "as_of": rt.clock(),
        "status": live.whole["suggestions"].status,
        "fit": rt.shelf.number,
    }
    if mine is None or mine.ranked is None:
        return {
            **about,
            "history": None,
            "blocked": None,
            "next": [],
            "goes_with": [],
            "left_out": [],
        }
    learned = await rt.shelf.run(_learned, rt.shelf)
    shop = shop_of(mine.items, mine.ordered, rt.shelf.catalogued)
    day = day_number(rt.clock().date())
    said = Explanation(mine.ranked, mine.all_lines(), learned, day, shop)
    return {**about, **said.of(mine.offer, rt.suggestion_rules, mine.answers)}


def _learned(shelf: Shelf) -> Learned:
    return shelf.tables.tables.learned if shelf.tables else Learned()
