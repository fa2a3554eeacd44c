"""What is kept about suggestions: the fits, the answers of customers, and what was offered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, and_, case, delete, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.calls import upsert
from app.store.engine import Database
from app.store.history import LINES, ORDERS, day_number
from app.store.models import CustomerLink, Meta, SyncState
from app.store.suggestion_models import (
    SuggestionAnswer,
    SuggestionFit,
    SuggestionFitPart,
    SuggestionOffer,
)
from app.store.version import bump_config_version

# Bought so many days after it was offered counts as bought upon it.
BOUGHT_WITHIN_DAYS = 30
KEEP_OFFERS = timedelta(days=400)
_KEPT_FITS = 100
_PART_BYTES = 1_000_000
_RULES = "suggestions"
_PROGRESS = "suggestions_fit"
# What is popular is counted over this many of the newest orders: a bounded cost.
_POPULAR_ORDERS = 5_000


class PopularItem(NamedTuple):
    """An item, in how many of the newest orders it is, and of how many customers."""

    connector: str
    item: str
    orders: int
    buyers: int


class Offered(NamedTuple):
    """An item that was shown to an agent: in which call's pop, list and place of it."""

    call_id: str
    customer_id: str
    list: str
    connector: str
    item: str
    place: int


async def suggestion_rules(session: AsyncSession) -> dict[str, Any]:
    """Return the rules of suggestions as they were written."""
    row = await session.get(Meta, _RULES)
    rules: dict[str, Any] = orjson.loads(row.value) if row else {}
    return rules


async def set_suggestion_rules(session: AsyncSession, rules: dict[str, Any]) -> None:
    """Replace the rules of suggestions."""
    await session.execute(delete(Meta).where(Meta.key == _RULES))
    session.add(Meta(key=_RULES, value=orjson.dumps(rules).decode()))
    await bump_config_version(session)


async def fits(session: AsyncSession, limit: int = _KEPT_FITS) -> Sequence[SuggestionFit]:
    """Return the fits, newest first."""
    rows = select(SuggestionFit).order_by(SuggestionFit.number.desc()).limit(limit)
    return (await session.scalars(rows)).all()


async def live_fit(session: AsyncSession) -> int | None:
    """Return the number of the fit in use."""
    rows = select(SuggestionFit.number).where(SuggestionFit.state == "live")
    return await session.scalar(rows.order_by(SuggestionFit.number.desc()).limit(1))


async def next_number(session: AsyncSession) -> int:
    """Return the number of the fit to come."""
    return (await session.scalar(select(func.max(SuggestionFit.number))) or 0) + 1


async def save_fit(db: Database, values: dict[str, Any], parts: Iterable[bytes] = ()) -> None:
    """Write a fit; a live one takes the place of the one before, whose row and file stay."""
    async with db.begin() as session:
        if values["state"] == "live":
            await _step_down(session)
        await session.execute(insert(SuggestionFit).values(**values))
        for position, data in enumerate(parts):
            part = {"number": values["number"], "position": position, "data": data}
            await session.execute(insert(SuggestionFitPart).values(**part))


async def use_fit(db: Database, number: int) -> bool:
    """Put a former fit back in use; False when there is none of this number that can be used."""
    async with db.begin() as session:
        fit = await session.get(SuggestionFit, number)
        if fit is None or fit.state == "failed":
            return False
        await _step_down(session)
        fit.state = "live"
        return True


async def _step_down(session: AsyncSession) -> None:
    live = update(SuggestionFit).where(SuggestionFit.state == "live")
    await session.execute(live.values(state="former"))


async def forget_fits(db: Database, kept: int) -> list[int]:
    """Forget all usable fits but the newest ones and the live one; returns those that are left.

    Failed ones are forgotten when they are older than the last of these.
    """
    async with db.begin() as session:
        rows = (await session.scalars(select(SuggestionFit).order_by(SuggestionFit.number))).all()
        usable = [row.number for row in rows if row.state != "failed"]
        keep = {*usable[-kept:], *(row.number for row in rows if row.state == "live")}
        oldest = min(keep, default=0)
        gone = [
            row.number
            for row in rows
            if row.number not in keep and (row.state != "failed" or row.number < oldest)
        ]
        for table in (SuggestionFitPart, SuggestionFit):
            await session.execute(delete(table).where(table.number.in_(gone)))
    return sorted(keep)


async def tell_progress(db: Database, step: str, share: float, at: datetime) -> None:
    """Keep how far the present fit is."""
    said = orjson.dumps([step, round(share, 3), at.isoformat()]).decode()
    async with db.begin() as session:
        await session.execute(upsert(db, Meta, {"key": _PROGRESS, "value": said}, ("key",)))


async def fit_progress(db: Database) -> tuple[str, float, datetime] | None:
    """Return the step that was told last, how much of it was done, and when."""
    async with db.read() as session:
        said = await session.scalar(select(Meta.value).where(Meta.key == _PROGRESS))
    if said is None:
        return None
    step, share, at = orjson.loads(said)
    return step, share, datetime.fromisoformat(at)


async def forget_progress(db: Database) -> None:
    """Forget it: no fit goes on."""
    async with db.begin() as session:
        await session.execute(delete(Meta).where(Meta.key == _PROGRESS))


def parts_of(data: bytes) -> list[bytes]:
    """Cut a file into the pieces that it is kept in."""
    return [data[at : at + _PART_BYTES] for at in range(0, len(data), _PART_BYTES)]


async def fit_parts(db: Database, number: int) -> AsyncIterator[bytes]:
    """Read the pieces of a fit's file, in their order; none when they are not kept."""
    position = 0
    while True:
        async with db.read() as session:
            part = await session.get(SuggestionFitPart, (number, position))
        if part is None:
            return
        yield part.data
        position += 1


async def known_orders(session: AsyncSession) -> int:
    """Return how many orders the connectors' last syncs kept."""
    rows = select(func.coalesce(func.sum(SyncState.kept), 0)).where(SyncState.part == "history")
    return int(await session.scalar(rows) or 0)


async def catalogued(session: AsyncSession) -> frozenset[str]:
    """Return the connectors of which a whole catalogue is known."""
    rows = select(SyncState.connector).where(
        SyncState.part == "catalogue", SyncState.kept > 0, SyncState.full_at.is_not(None)
    )
    return frozenset(await session.scalars(rows))


async def popular_items(session: AsyncSession, limit: int) -> tuple[int, list[PopularItem]]:
    """Count the newest orders: how many they are, and the items that are in most of them."""
    newest = select(ORDERS.c.id).order_by(ORDERS.c.id.desc()).limit(_POPULAR_ORDERS).subquery()
    orders = await session.scalar(select(func.count()).select_from(newest)) or 0
    count = func.count(func.distinct(LINES.c.order_id))
    rows = await session.execute(
        select(
            ORDERS.c.connector, LINES.c.item, count, func.count(func.distinct(ORDERS.c.remote_id))
        )
        .select_from(newest)
        .join(ORDERS, ORDERS.c.id == newest.c.id)
        .join(LINES, LINES.c.order_id == ORDERS.c.id)
        .where(func.coalesce(LINES.c.thousandths, 1) > 0)
        .group_by(ORDERS.c.connector, LINES.c.item)
        .order_by(count.desc(), ORDERS.c.connector, LINES.c.item)
        .limit(limit)
    )
    return orders, [PopularItem(*row) for row in rows]


async def save_answer(
    db: Database,
    customer_id: str,
    *,
    connector: str,
    item: str,
    list_: str,
    answer: str,
    until: date | None,
    user_id: str,
    call_id: str,
    at: datetime,
) -> bool:
    """Keep what a customer said of an item; False when the customer has no record any more."""
    async with db.begin() as session:
        records = await _records(session, customer_id)
        if not records:
            return False
        await _forget_answer(session, records, connector, item)
        values = {
            "record_connector": records[0][0],
            "record_id": records[0][1],
            "connector": connector,
            "item": item,
            "list": list_,
            "answer": answer,
            "until": until and until.isoformat(),
            "user_id": user_id,
            "call_id": call_id,
            "answered_at": at,
        }
        keys = ("record_connector", "record_id", "connector", "item")
        await session.execute(upsert(db, SuggestionAnswer, values, keys))
        return True


async def take_back_answer(db: Database, customer_id: str, connector: str, item: str) -> bool:
    """Forget what a customer said of an item; False when nothing was kept."""
    async with db.begin() as session:
        records = await _records(session, customer_id)
        return await _forget_answer(session, records, connector, item)


async def _records(session: AsyncSession, customer_id: str) -> list[tuple[str, str]]:
    rows = (
        select(CustomerLink.connector, CustomerLink.remote_id)
        .where(CustomerLink.customer_id == customer_id)
        .order_by(CustomerLink.connector, CustomerLink.remote_id)
    )
    return [(row[0], row[1]) for row in await session.execute(rows)]


async def _forget_answer(
    session: AsyncSession, records: Iterable[tuple[str, str]], connector: str, item: str
) -> bool:
    found = False
    for record_connector, record_id in records:
        mine = delete(SuggestionAnswer).where(
            SuggestionAnswer.record_connector == record_connector,
            SuggestionAnswer.record_id == record_id,
            SuggestionAnswer.connector == connector,
            SuggestionAnswer.item == item,
        )
        gone = await session.execute(mine.returning(SuggestionAnswer.item))
        found = bool(gone.all()) or found
    return found


async def save_offers(db: Database, offers: Sequence[Offered], at: datetime) -> None:
    """Write what was shown; what was written before stays as it is."""
    new = sqlite_insert if db.dialect == "sqlite" else postgresql_insert
    async with db.begin() as session:
        records = {
            customer: found[0]
            for customer in {each.customer_id for each in offers}
            if (found := await _records(session, customer))
        }
        rows = [
            {
                "call_id": each.call_id,
                "list": each.list,
                "connector": each.connector,
                "item": each.item,
                "record_connector": record[0],
                "record_id": record[1],
                "place": each.place,
                "day": day_number(at.date()),
            }
            for each in offers
            if (record := records.get(each.customer_id)) is not None
        ]
        if rows:
            await session.execute(new(SuggestionOffer).on_conflict_do_nothing(), rows)


async def offered_in(session: AsyncSession, call_id: str, item: str) -> list[tuple[str, str]]:
    """Return the lists and connectors with which an item was offered in a call."""
    rows = select(SuggestionOffer.list, SuggestionOffer.connector).where(
        SuggestionOffer.call_id == call_id, SuggestionOffer.item == item
    )
    return [(row[0], row[1]) for row in await session.execute(rows)]


async def forget_offers(db: Database, now: datetime) -> None:
    """Forget what was offered long ago."""
    oldest = day_number((now - KEEP_OFFERS).date())
    async with db.begin() as session:
        await session.execute(delete(SuggestionOffer).where(SuggestionOffer.day < oldest))


async def report(session: AsyncSession, since: date) -> list[dict[str, Any]]:
    """Count by list what was offered since a day, and what came of it.

    An item offered to one customer several times counts once, from its first day.
    """
    offer, answer = SuggestionOffer, SuggestionAnswer
    given = (offer.record_connector, offer.record_id, offer.connector, offer.item)
    first = (
        select(offer.list, *given, func.min(offer.day).label("day"))
        .where(offer.day >= day_number(since))
        .group_by(offer.list, *given)
        .subquery()
    )
    answered = and_(
        answer.record_connector == first.c.record_connector,
        answer.record_id == first.c.record_id,
        answer.connector == first.c.connector,
        answer.item == first.c.item,
        answer.list == first.c.list,
    )
    rows = await session.execute(
        select(
            first.c.list,
            func.count(),
            *(_times(answer.answer == said) for said in ("accepted", "declined", "snoozed")),
            _times(_bought_after(first)),
        )
        .select_from(first)
        .outerjoin(answer, answered)
        .group_by(first.c.list)
    )
    found = {row[0]: row[1:] for row in rows}
    names = ("offered", "accepted", "declined", "snoozed", "bought")
    return [
        {"list": name, **dict(zip(names, map(int, found.get(name, (0,) * 5)), strict=True))}
        for name in ("next", "goes_with")
    ]


def _times(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _bought_after(first: Any) -> ColumnElement[bool]:
    """Say whether the customer, by any of its records, bought the item in the days after."""
    theirs, shown = CustomerLink.__table__.alias("theirs"), CustomerLink.__table__.alias("shown")
    return exists(
        select(1)
        .select_from(shown)
        .join(theirs, theirs.c.customer_id == shown.c.customer_id)
        .join(
            ORDERS,
            and_(
                ORDERS.c.connector == theirs.c.connector, ORDERS.c.remote_id == theirs.c.remote_id
            ),
        )
        .join(LINES, LINES.c.order_id == ORDERS.c.id)
        .where(
            shown.c.connector == first.c.record_connector,
            shown.c.remote_id == first.c.record_id,
            ORDERS.c.connector == first.c.connector,
            LINES.c.item == first.c.item,
            func.coalesce(LINES.c.thousandths, 1) > 0,
            ORDERS.c.order_day >= first.c.day,
            ORDERS.c.order_day <= first.c.day + BOUGHT_WITHIN_DAYS,
        )
    )
