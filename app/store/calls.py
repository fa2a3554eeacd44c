"""Calls as lists and history: notes, wrap-ups, follow-ups, an agent's choice of caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, Text, func, select, type_coerce, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.call import CallEvent
from app.store.engine import Database
from app.store.hot import load_event
from app.store.models import (
    CallEventRow,
    CallRow,
    Customer,
    Note,
    NumberChoice,
    User,
    WrapUp,
)

LARGEST_PAGE = 200


def upsert(db: Database, model: type[Any], values: dict[str, Any], keys: Sequence[str]) -> Any:
    """Return an INSERT that replaces the row with the same keys."""
    insert = sqlite_insert if db.dialect == "sqlite" else postgresql_insert
    statement = insert(model).values(**values)
    changes = {name: statement.excluded[name] for name in values if name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=changes)


async def remember_choice(
    db: Database, e164: str, customer_id: str, user_id: str, at: datetime
) -> None:
    """Keep which customer an agent says is calling from a number."""
    values = {
        "e164": e164,
        "customer_id": customer_id,
        "user_id": user_id,
        "chosen_at": at,
        "origin_id": None,
    }
    async with db.begin() as session:
        await session.execute(upsert(db, NumberChoice, values, ("e164",)))


async def unfinished_calls(db: Database, since: datetime, fresh: datetime) -> list[list[CallEvent]]:
    """Return the events of calls that may be going on, for a process that starts.

    A call's row is written a moment after its events, so calls with an event since `fresh` are
    looked at whatever their row says; calls that began before `since` are over.
    """
    live = select(CallRow.call_id).where(CallRow.live, CallRow.started_at >= since)
    recent = select(CallEventRow.call_id).where(CallEventRow.received_at >= fresh)
    rows = (
        select(CallEventRow.call_id, CallEventRow.payload)
        .where(CallEventRow.call_id.in_(live.union(recent)))
        .order_by(CallEventRow.id)
    )
    calls: dict[str, list[CallEvent]] = {}
    async with db.read() as session:
        for call_id, payload in await session.execute(rows):
            calls.setdefault(call_id, []).append(load_event(payload))
    return list(calls.values())


async def events_since(db: Database, since: datetime) -> dict[str, int]:
    """Return how many events each call has had since then."""
    rows = (
        select(CallEventRow.call_id, func.count())
        .where(CallEventRow.received_at >= since)
        .group_by(CallEventRow.call_id)
    )
    async with db.read() as session:
        return {row[0]: row[1] for row in await session.execute(rows)}


def _visible(rows: Select[Any], user_id: str | None) -> Select[Any]:
    """Limit to the calls that were for a user; None sees all."""
    if user_id is None:
        return rows
    written = type_coerce(CallRow.user_ids, Text())
    return rows.where(written.contains(f'"{user_id}"', autoescape=True))


async def list_calls(
    session: AsyncSession,
    *,
    user_id: str | None,
    state: str | None,
    since: datetime | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return calls newest first, each with its customer, notes and wrap-up."""
    rows = select(CallRow).order_by(CallRow.started_at.desc()).limit(min(limit, LARGEST_PAGE))
    if state == "live":
        rows = rows.where(CallRow.live)
    elif state is not None:
        rows = rows.where(CallRow.state == state)
    if since is not None:
        rows = rows.where(CallRow.started_at >= since)
    return await _with_details(session, (await session.scalars(_visible(rows, user_id))).all())


async def calls_of(session: AsyncSession, customer_id: str, limit: int) -> list[dict[str, Any]]:
    """Return a customer's calls newest first, each with its notes and wrap-up."""
    rows = select(CallRow).where(CallRow.customer_id == customer_id)
    rows = rows.order_by(CallRow.started_at.desc()).limit(min(limit, LARGEST_PAGE))
    return await _with_details(session, (await session.scalars(rows)).all())


async def get_call(
    session: AsyncSession, call_id: str, user_id: str | None
) -> dict[str, Any] | None:
    """Return one call with its customer, notes and wrap-up; None if it is not to be seen."""
    rows = _visible(select(CallRow).where(CallRow.call_id == call_id), user_id)
    found = await _with_details(session, (await session.scalars(rows)).all())
    return found[0] if found else None


async def _with_details(session: AsyncSession, calls: Sequence[CallRow]) -> list[dict[str, Any]]:
    ids = [call.call_id for call in calls]
    names = await _names(session, [c.customer_id for c in calls if c.customer_id])
    notes: dict[str, list[dict[str, Any]]] = {}
    written = (
        select(Note, User.name)
        .outerjoin(User, User.id == Note.user_id)
        .where(Note.call_id.in_(ids))
        .order_by(Note.created_at)
    )
    for note, author in await session.execute(written):
        notes.setdefault(note.call_id, []).append(note_json(note, author))
    wrap_ups = await session.scalars(select(WrapUp).where(WrapUp.call_id.in_(ids)))
    wrapped = {w.call_id: wrap_up_json(w) for w in wrap_ups}
    return [
        {
            **call.doc,
            "customer": names.get(call.customer_id or ""),
            "notes": notes.get(call.call_id, []),
            "wrap_up": wrapped.get(call.call_id),
        }
        for call in calls
    ]


async def _names(session: AsyncSession, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    rows = await session.execute(
        select(Customer.id, Customer.display_name).where(Customer.id.in_(ids))
    )
    return {id_: {"customer_id": id_, "display_name": name} for id_, name in rows}


def note_json(note: Note, author: str | None) -> dict[str, Any]:
    """Return a note as the API shows it."""
    return {
        "note_id": note.id,
        "text": note.text,
        "author": {"user_id": note.user_id, "name": author},
        "updated_at": note.updated_at,
    }


def wrap_up_json(wrap_up: WrapUp) -> dict[str, Any]:
    """Return a wrap-up as the API shows it."""
    follow_up = None
    if wrap_up.follow_up_due is not None:
        follow_up = {
            "due_on": wrap_up.follow_up_due,
            "text": wrap_up.follow_up_text,
            "done": wrap_up.follow_up_done_at is not None,
        }
    return {
        "disposition": wrap_up.disposition,
        "sentiment": wrap_up.sentiment,
        "follow_up": follow_up,
    }


async def save_note(
    session: AsyncSession, note_id: str, call_id: str, user_id: str, text: str, now: datetime
) -> tuple[Note, bool] | None:
    """Write or replace an agent's own note; also whether it is new. None: it is another's."""
    note = await session.get(Note, note_id)
    if note is None:
        note = Note(
            id=note_id,
            call_id=call_id,
            user_id=user_id,
            text=text,
            created_at=now,
            updated_at=now,
        )
        session.add(note)
        return note, True
    if note.user_id != user_id or note.call_id != call_id:
        return None
    note.text, note.updated_at = text, now
    return note, False


async def save_wrap_up(
    db: Database,
    call_id: str,
    user_id: str,
    *,
    disposition: str | None,
    sentiment: str | None,
    due_on: date | None,
    text: str | None,
    now: datetime,
    done: bool = False,
) -> None:
    """Write or replace how a call came out; a follow-up is open unless it is `done`."""
    values = {
        "call_id": call_id,
        "user_id": user_id,
        "disposition": disposition,
        "sentiment": sentiment,
        "follow_up_due": due_on and due_on.isoformat(),
        "follow_up_text": text,
        "follow_up_done_at": now if done else None,
        "updated_at": now,
    }
    async with db.begin() as session:
        await session.execute(upsert(db, WrapUp, values, ("call_id",)))


async def open_follow_ups(
    session: AsyncSession, user_id: str | None, limit: int
) -> list[dict[str, Any]]:
    """Return what was promised and not done, the earliest first; None is everybody's."""
    rows = (
        select(WrapUp, CallRow.customer_id)
        .outerjoin(CallRow, CallRow.call_id == WrapUp.call_id)
        .where(WrapUp.follow_up_due.is_not(None), WrapUp.follow_up_done_at.is_(None))
        .order_by(WrapUp.follow_up_due)
        .limit(min(limit, LARGEST_PAGE))
    )
    if user_id is not None:
        rows = rows.where(WrapUp.user_id == user_id)
    found = list(await session.execute(rows))
    names = await _names(session, [customer for _, customer in found if customer])
    return [
        {
            "call_id": wrap_up.call_id,
            "due_on": wrap_up.follow_up_due,
            "text": wrap_up.follow_up_text,
            "customer": names.get(customer or ""),
        }
        for wrap_up, customer in found
    ]


async def finish_follow_up(
    session: AsyncSession, call_id: str, user_id: str | None, now: datetime
) -> bool:
    """Mark a follow-up as done; False when there is none that the user may finish."""
    rows = update(WrapUp).where(
        WrapUp.call_id == call_id,
        WrapUp.follow_up_due.is_not(None),
        WrapUp.follow_up_done_at.is_(None),
    )
    if user_id is not None:
        rows = rows.where(WrapUp.user_id == user_id)
    result = await session.execute(rows.values(follow_up_done_at=now).returning(WrapUp.call_id))
    return result.first() is not None
