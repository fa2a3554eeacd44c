"""The pop's suggestions: computed beside the other sections, and again when something is news.

history + answers ▶ ranked in a thread ▶ looked up in the catalogue ▶ what may be offered
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import structlog

from app.core.contact import clean
from app.core.match import Match
from app.core.profile import EMPTY, HIDDEN, NOT_CONFIGURED, Section, SourceOutcome, SourceStatus
from app.core.purchases import HISTORY_LINES, Line, Ordered, item_key, parts_of_key
from app.live import LiveCall, Suggesting
from app.runtime import Runtime
from app.screens import update
from app.store.history import day_number
from app.store.hot import GivenAnswer, SoldItem
from app.store.suggestions import (
    Offered,
    catalogued,
    fit_parts,
    live_fit,
    popular_items,
    save_offers,
)
from app.suggest.offer import Answer, Credit, Customer, Offer, Sold, amount, offer
from app.suggest.ranking import (
    HISTORY_DAYS,
    PopularTables,
    Ranked,
    prepared,
    rank,
    shop_of,
)
from app.suggest.shelf import Shelf
from app.suggest.tables import ItemCounts
from connectors.sdk.types import Purchases

# Candidates of each list that are looked up at first; more when too many are left out.
WINDOW = 12
_POPULAR = 200
_POPULAR_FOR = timedelta(minutes=5)
log = structlog.get_logger("suggestions")


def to_suggest(rt: Runtime, live: LiveCall, match: Match) -> Section:
    """Drop the suggestions for whom was shown before; return the section as it begins."""
    stop_suggesting(live)
    if not rt.sources.providing("history"):
        return NOT_CONFIGURED
    if match.customer is None:
        return HIDDEN if match.outcome == "multiple" else EMPTY
    return _section(rt, "loading", None)


def stop_suggesting(live: LiveCall) -> None:
    """Stop what is being computed."""
    if live.suggesting is not None and live.suggesting.task is not None:
        live.suggesting.task.cancel()
    live.suggesting = None


def start_suggesting(rt: Runtime, live: LiveCall) -> None:
    """Compute the suggestions of the customer who is shown, unless it has begun."""
    customer = live.pop.customer
    waits = live.whole["suggestions"].status == "loading"
    if customer is None or live.suggesting is not None or not waits:
        return
    mine = live.suggesting = Suggesting(customer["customer_id"])
    mine.task = rt.start(_suggest(rt, live, mine))


async def settled(live: LiveCall) -> None:
    """Wait until nothing is being computed any more."""
    waited = None
    while (mine := live.suggesting) and mine.task is not None and mine.task is not waited:
        waited = mine.task
        await waited


def news(rt: Runtime, live: LiveCall, name: str, said: Section) -> dict[str, Section]:
    """Return what the answer of a source changes about the suggestions, to be shown with it."""
    mine = live.suggesting
    if mine is None or mine.ranked is None:
        return {}
    if name == "credit_terms":
        mine.offer = _offer(rt, live, mine, mine.ranked, said)
        return {"suggestions": _offered(rt, live, mine)}
    if name == "purchases" and _live_lines(rt, live) != mine.live_lines:
        mine.task = rt.start(_again(rt, live, mine))
        return {"suggestions": replace(live.whole["suggestions"], status="loading")}
    return {}


async def answered(rt: Runtime, customer_id: str) -> None:
    """Take what a customer said of a suggestion to the pops that show the customer."""
    for live in rt.calls:
        mine = live.suggesting
        if mine is None or mine.customer_id != customer_id or mine.ranked is None:
            continue
        mine.answers = answers_of(await rt.hot.answers(customer_id))
        if live.suggesting is mine:
            mine.offer = _offer(rt, live, mine, mine.ranked)
            update(rt, live, sections={"suggestions": _offered(rt, live, mine)})


async def _suggest(rt: Runtime, live: LiveCall, mine: Suggesting) -> None:
    try:
        if rt.shelf.looked_at is None:
            await follow_tables(rt)
        today = day_number(rt.clock().date())
        mine.lines = await rt.hot.bought(mine.customer_id, today - HISTORY_DAYS, HISTORY_LINES)
        mine.answers = answers_of(await rt.hot.answers(mine.customer_id))
        await _rank(rt, live, mine)
    except Exception:
        log.exception("suggestions_failed", call_id=live.call.call_id)
        _show(rt, live, mine, _section(rt, "failed", None))
    else:
        _show(rt, live, mine, _offered(rt, live, mine))


async def _again(rt: Runtime, live: LiveCall, mine: Suggesting) -> None:
    try:
        await _rank(rt, live, mine)
    except Exception:
        # What was computed without the newest orders is still right.
        log.exception("suggestions_failed", call_id=live.call.call_id)
    _show(rt, live, mine, _offered(rt, live, mine))


async def _rank(rt: Runtime, live: LiveCall, mine: Suggesting) -> None:
    """Rank until no order came in meanwhile, then choose what may be offered."""
    today = day_number(rt.clock().date())
    while True:
        mine.live_lines = _live_lines(rt, live)
        lines = mine.all_lines()
        ranked = await rt.shelf.run(rank_on, rt.shelf, lines, today)
        if mine.live_lines == _live_lines(rt, live):
            break
    fresh = {line[:2] for line in lines[: len(lines) - len(mine.lines)]}
    said = {line[1]: sold for line, sold in reversed(mine.live_lines) if line[:2] in fresh}
    size = WINDOW
    while True:
        wanted = ranked.keys(size) - mine.items.keys()
        mine.items.update(await looked_up(rt, wanted))
        wanted -= mine.items.keys() | said.keys()
        said |= await ordered(rt, mine.customer_id, mine.lines, wanted)
        mine.ranked, mine.ordered, mine.size = ranked, said, size
        mine.offer = _offer(rt, live, mine, ranked)
        if mine.offer.is_full() or not ranked.has_more_than(size):
            return
        size *= 4


def rank_on(shelf: Shelf, lines: Sequence[Line], today: int) -> Ranked:
    """Rank with the tables of a shelf; for the shelf's thread."""
    return rank(lines, today, shelf.tables or PopularTables((), 0))


async def looked_up(rt: Runtime, keys: Iterable[str]) -> dict[str, Sold]:
    """Return what the catalogues say of items."""
    wanted: dict[str, list[str]] = {}
    for key in keys:
        connector, item = parts_of_key(key)
        if connector in rt.shelf.catalogued:
            wanted.setdefault(connector, []).append(item)
    found = await rt.hot.sold(wanted) if wanted else []
    return {item_key(each.connector, each.item_id): sold_of(each) for each in found}


async def ordered(
    rt: Runtime, customer_id: str, lines: Sequence[Line], keys: Set[str]
) -> dict[str, Sold]:
    """Return what the newest of a customer's lines say of items, as far as they have them."""
    own = keys & {key for _, key, _ in lines} if keys else keys
    if not own:
        return {}
    since = day_number(rt.clock().date()) - HISTORY_DAYS
    found = await rt.hot.ordered(customer_id, since, HISTORY_LINES, own)
    return {each.key: _ordered_as(each) for each in found}


def _offer(
    rt: Runtime, live: LiveCall, mine: Suggesting, ranked: Ranked, terms: Section | None = None
) -> Offer:
    terms = terms or live.whole["credit_terms"]
    shop = shop_of(mine.items, mine.ordered, rt.shelf.catalogued)
    following, beside = ranked.candidates(mine.size, shop)
    customer = Customer(
        day_number(rt.clock().date()),
        ranked.last_bought,
        mine.answers,
        Credit.of(terms.data if isinstance(terms.data, Mapping) else None),
        live.call.call_id,
    )
    return offer(following, beside, customer, shop, rt.suggestion_rules)


def _offered(rt: Runtime, live: LiveCall, mine: Suggesting) -> Section:
    made = mine.offer
    mine.is_seen = mine.is_seen or _is_seen(rt, live)
    if not (made.next or made.goes_with or made.blocked):
        return _section(rt, "empty", None)
    data = {
        "next": list(made.next),
        "goes_with": list(made.goes_with),
        "blocked": made.blocked,
        "popular": bool(made.next) and all(each["popular"] for each in made.next),
    }
    return _section(rt, "ok", data)


def _show(rt: Runtime, live: LiveCall, mine: Suggesting, section: Section) -> None:
    if live.suggesting is mine:  # Else another customer was chosen meanwhile.
        update(rt, live, sections={"suggestions": section})


def _section(rt: Runtime, status: SourceStatus, data: dict[str, Any] | None) -> Section:
    source = SourceOutcome("screenpop", status, name="purchase history", as_of=rt.clock())
    if status == "failed":
        why = "they could not be worked out; the server's log says why"
        source = replace(source, error_code="bad_data", error_text=why)
    return Section(status, data, source.as_of, sources=(source.shown(),))


def _live_lines(rt: Runtime, live: LiveCall) -> list[tuple[Line, Sold]]:
    """Return the lines of the orders that this call's sources gave, if they bring the history."""
    today = rt.clock().date()
    lines: list[tuple[Line, Sold]] = []
    for slug, outcome in live.outcomes.get("purchases", {}).items():
        source = rt.sources.get(slug)
        if not isinstance(outcome.facts, Purchases) or not (source and source.provides("history")):
            continue
        for order in outcome.facts.orders:
            if order.order_date is None or (today - order.order_date).days > HISTORY_DAYS:
                continue
            day = day_number(order.order_date)
            for each in order.line_items:
                item = clean(each.item_id) or clean(each.sku) or clean(each.name)
                if item is not None:
                    quantity = None if each.quantity is None else float(each.quantity)
                    price = None if each.unit_price is None else f"{each.unit_price:f}"
                    said = Ordered(item_key(slug, item), each.sku, each.name, price, order.currency)
                    lines.append(((day, said.key, quantity), _ordered_as(said)))
    return lines


def _ordered_as(said: Ordered) -> Sold:
    """Read what an order says of an item."""
    price = amount(said.unit_price)
    return Sold(said.name, said.sku, unit_price=price, currency=said.currency)


def sold_of(item: SoldItem) -> Sold:
    """Read an item of a catalogue."""
    return Sold(
        item.name,
        item.sku,
        item.category,
        amount(item.unit_price),
        item.currency,
        amount(item.inventory_quantity),
        bool(item.is_active),
        item.remote_url,
    )


def answers_of(given: Iterable[GivenAnswer]) -> dict[str, Answer]:
    """Return the newest answer for each item."""
    return {
        item_key(each.connector, each.item): Answer(
            each.answer,  # type: ignore[arg-type]  # the API lets in no other word
            each.at,
            each.by,
            date.fromisoformat(each.until) if each.until else None,
            each.call_id,
        )
        for each in given
    }


async def follow_tables(rt: Runtime) -> None:
    """Use the tables of the fit that is live; before the first one, what is popular lately."""
    shelf, now = rt.shelf, rt.clock()
    async with rt.db.read() as session:
        number = await live_fit(session)
        shelf.catalogued = await catalogued(session)
    if number is not None and number != shelf.number:
        await _fetch(rt, number)
        await shelf.use(number)
        log.info("suggestion_tables", fit=number)
    stale = shelf.fallback_at is None or now - shelf.fallback_at > _POPULAR_FOR
    if shelf.number is None and stale:
        async with rt.db.read() as session:
            orders, popular = await popular_items(session, _POPULAR)
        counts = [
            (item_key(p.connector, p.item), ItemCounts(p.buyers, 0, p.orders, 0, p.orders))
            for p in popular
        ]
        shelf.fallback = prepared(PopularTables(counts, orders))
        shelf.fallback_at = now if orders else None  # The first sync brings some.
    shelf.looked_at = now


async def _fetch(rt: Runtime, number: int) -> None:
    """Bring the file of a fit that another host made."""
    path = rt.shelf.file(number)
    if await asyncio.to_thread(path.is_file):
        return
    partial = path.with_suffix(f".{os.getpid()}.partial")
    await asyncio.to_thread(_begin_file, partial)
    async for part in fit_parts(rt.db, number):
        await asyncio.to_thread(_append, partial, part)
    await asyncio.to_thread(partial.replace, path)


def _begin_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _is_seen(rt: Runtime, live: LiveCall) -> bool:
    if live.pop.sections["suggestions"].status == "hidden":
        return False
    return any(
        user_id not in live.dismissed and rt.hub.connected(user_id) for user_id in live.seats
    )


async def write_offers(rt: Runtime) -> None:
    """Write down what agents had on their screens, once for each call."""
    fresh: list[tuple[Suggesting, Offered]] = []
    for live in rt.calls:
        mine = live.suggesting
        if mine is None:
            continue
        mine.is_seen = mine.is_seen or _is_seen(rt, live)
        if not mine.is_seen:
            continue
        for name, shown in (("next", mine.offer.next), ("goes_with", mine.offer.goes_with)):
            for place, each in enumerate(shown, 1):
                key = (name, each["connector"], each["item_id"])
                if key not in mine.told:
                    row = Offered(live.call.call_id, mine.customer_id, *key, place)
                    fresh.append((mine, row))
    if fresh:
        await save_offers(rt.db, [row for _, row in fresh], rt.clock())
        for mine, row in fresh:
            mine.told.add((row.list, row.connector, row.item))
