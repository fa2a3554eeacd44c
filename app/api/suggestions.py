"""`/api/v1/…/suggestions`: what customers answered, what came of it, the fits, the rules."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import Admin, Allow, AnyUser, RuntimeDep
from app.api.security import Principal
from app.core.pop import dumps
from app.entries import SuggestionFields
from app.errors import AppError
from app.fitting import FitRunning, fit_running, start_fit
from app.jobs import write_calls
from app.runtime import Runtime
from app.store import calls
from app.store import suggestions as store
from app.suggestions import answered, follow_tables, write_offers

SNOOZED_DAYS = 14
LONGEST_SNOOZE = timedelta(days=730)
router = APIRouter(prefix="/api/v1", tags=["suggestions"])
Boss = Annotated[Principal, Depends(Allow("supervisor", "admin"))]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class AnswerIn(BaseModel):
    """What the customer said of a suggested item. `until` is for a snoozed one (else 14 days).

    `connector` is needed only where two connectors have an item of this id in the pop.
    """

    model_config = ConfigDict(extra="forbid")
    item_id: Text
    list: Literal["next", "goes_with"]
    answer: Literal["accepted", "declined", "snoozed"]
    until: date | None = None
    connector: Text | None = None


def _json(content: Any) -> Response:
    return Response(dumps(content), media_type="application/json")


async def _customer_of(rt: Runtime, call_id: str, me: Principal) -> str:
    """Return whose call it is; only an agent whose screen the pop was for may answer."""
    await write_calls(rt)
    async with rt.db.read() as session:
        call = await calls.get_call(session, call_id, me.user.user_id)
    if call is None:
        raise AppError(404, "not_found", "there is no such call among yours")
    if call["customer"] is None:
        raise AppError(409, "conflict", "the caller is not known: there is nobody to answer for")
    customer_id: str = call["customer"]["customer_id"]
    return customer_id


async def _connector_of(
    rt: Runtime, call_id: str, item: str, list_: str | None, connector: str | None
) -> str:
    """Return whose item it is that was offered in the call."""
    await write_offers(rt)
    async with rt.db.read() as session:
        offered = await store.offered_in(session, call_id, item)
    live = rt.calls.get(call_id)
    if live is not None and live.suggesting is not None:
        made = live.suggesting.offer
        for name, shown in (("next", made.next), ("goes_with", made.goes_with)):
            offered += [(name, each["connector"]) for each in shown if each["item_id"] == item]
    found = {slug for name, slug in offered if list_ in (None, name) and connector in (None, slug)}
    if not found:
        raise AppError(404, "not_found", "this item was not suggested in this call")
    if len(found) > 1:
        raise AppError(409, "conflict", f"say of which connector: {', '.join(sorted(found))}")
    return found.pop()


async def _tell(rt: Runtime, customer_id: str) -> None:
    await answered(rt, customer_id)
    await rt.bus.publish({"suggestions": customer_id})


@router.post("/calls/{call_id}/suggestions", status_code=204)
async def answer(rt: RuntimeDep, me: AnyUser, call_id: str, body: AnswerIn) -> None:
    """Write down what the customer said of a suggestion; it replaces what was said before."""
    customer_id = await _customer_of(rt, call_id, me)
    today, until = rt.clock().date(), None
    if body.answer == "snoozed":
        until = body.until or today + timedelta(days=SNOOZED_DAYS)
        if not today < until <= today + LONGEST_SNOOZE:
            raise AppError(422, "invalid", "until is a day to come, in two years at the latest")
    elif body.until is not None:
        raise AppError(422, "invalid", "until is only for snoozed")
    connector = await _connector_of(rt, call_id, body.item_id, body.list, body.connector)
    saved = await store.save_answer(
        rt.db,
        customer_id,
        connector=connector,
        item=body.item_id,
        list_=body.list,
        answer=body.answer,
        until=until,
        user_id=me.user.user_id,
        call_id=call_id,
        at=rt.clock(),
    )
    if not saved:
        raise AppError(409, "conflict", "the customer has no record in any source any more")
    await _tell(rt, customer_id)


@router.delete("/calls/{call_id}/suggestions", status_code=204)
async def take_back(
    rt: RuntimeDep,
    me: AnyUser,
    call_id: str,
    item_id: Annotated[str, Query(min_length=1, max_length=200)],
    connector: Annotated[str | None, Query(max_length=200)] = None,
) -> None:
    """Take an answer back: nothing is known of what the customer says of the item."""
    customer_id = await _customer_of(rt, call_id, me)
    slug = await _connector_of(rt, call_id, item_id, None, connector)
    if not await store.take_back_answer(rt.db, customer_id, slug, item_id):
        raise AppError(404, "not_found", "nothing was answered about this item")
    await _tell(rt, customer_id)


@router.get("/suggestions/report")
async def report(
    rt: RuntimeDep,
    _me: Boss,
    days: Annotated[int, Query(ge=1, le=365)] = 30,
    format: Literal["json", "csv"] = "json",  # noqa: A002 - the parameter's name
) -> Response:
    """Count what was offered in the last days, and what came of it, by list."""
    await write_offers(rt)
    since = rt.clock().date() - timedelta(days=days)
    async with rt.db.read() as session:
        rows = await store.report(session, since)
    if format == "csv":
        out = StringIO()
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        name = f"suggestions-{since}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(out.getvalue(), media_type="text/csv", headers=headers)
    within = store.BOUGHT_WITHIN_DAYS
    return _json({"since": since, "bought_within_days": within, "lists": rows})


@router.get("/suggestions/fits")
async def list_fits(rt: RuntimeDep, _me: Boss) -> Response:
    """List the fits of the tables, newest first."""
    async with rt.db.read() as session:
        found = await store.fits(session)
    names = (
        "number",
        "state",
        "started_at",
        "finished_at",
        "lines",
        "customers",
        "items",
        "error",
        "quality",
    )
    return _json({"fits": [{name: getattr(fit, name) for name in names} for fit in found]})


@router.get("/suggestions/fits/running")
async def running(rt: RuntimeDep, _me: Boss) -> Response:
    """Say how far the present fit is; `share` is of its step, null when none goes on."""
    found = await fit_running(rt)
    step, share = found or (None, None)
    return _json({"running": found is not None, "step": step, "share": share})


@router.post("/suggestions/fits", status_code=202)
async def begin_fit(rt: RuntimeDep, _me: Admin) -> Response:
    """Begin to fit the tables now, beside the calls."""
    try:
        await start_fit(rt)
    except FitRunning as error:
        raise AppError(409, "fit_running", str(error)) from None
    return Response(dumps({"started": True}), 202, media_type="application/json")


@router.post("/suggestions/fits/{number}/use", status_code=204)
async def use_fit(rt: RuntimeDep, _me: Admin, number: int) -> None:
    """Put a former fit back in use, until the next one."""
    if not await store.use_fit(rt.db, number):
        raise AppError(404, "not_found", "there is no fit of this number that can be used")
    await follow_tables(rt)


@router.get("/suggestions/settings")
async def get_settings(rt: RuntimeDep, _me: Boss) -> Response:
    """Return the rules of what may be suggested."""
    async with rt.db.read() as session:
        written = await store.suggestion_rules(session)
    return _json(SuggestionFields.model_validate(written).model_dump())


@router.put("/suggestions/settings")
async def put_settings(rt: RuntimeDep, _me: Admin, body: SuggestionFields) -> Response:
    """Replace the rules of what may be suggested."""
    async with rt.db.begin() as session:
        await store.set_suggestion_rules(session, body.model_dump(exclude_defaults=True))
    await rt.reload()
    return _json(body.model_dump())
