"""`/api/v1/customers`: find and read customers, merge and part them, mend the sources' records."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from time import perf_counter
from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Allow, AnyUser, Limit, RuntimeDep
from app.api.security import Principal
from app.core.cells import safe_cells
from app.core.identity import Ref
from app.core.pop import dumps
from app.core.quality import Kind
from app.errors import AppError
from app.runtime import Runtime
from app.screenpop import follow_customers
from app.store import customers, merging, parting, search
from app.store.scan import last_scan

router = APIRouter(prefix="/api/v1/customers", tags=["customers"])
Decider = Annotated[Principal, Depends(Allow("supervisor", "admin"))]
CustomerId = Annotated[str, Path(max_length=64)]
RowId = Annotated[int, Path(ge=1, le=2**62)]
After = Annotated[str | None, Query(max_length=1000)]
Search = Annotated[str, Query(max_length=200)]
_MOST_FOUND = 200
_LONG_S = 0.04
_COUNTS: WeakKeyDictionary[Runtime, tuple[datetime | None, customers.Counts]] = WeakKeyDictionary()


class DecisionIn(BaseModel):
    """Are the two the same customer? `survivor_id` is whose id stays (default: the left one's)."""

    model_config = ConfigDict(extra="forbid")
    decision: Literal["same", "different"]
    survivor_id: str | None = Field(None, max_length=64)


class MergeIn(BaseModel):
    """`gone_id` becomes part of `survivor_id`."""

    model_config = ConfigDict(extra="forbid")
    survivor_id: str = Field(max_length=64)
    gone_id: str = Field(max_length=64)
    reason: str | None = Field(None, max_length=200)


class PartIn(BaseModel):
    """A record that is not this customer's, and why a person says so."""

    model_config = ConfigDict(extra="forbid")
    connector: str = Field(max_length=100)
    remote_id: str = Field(max_length=1000)
    reason: str | None = Field(None, max_length=200)


def as_json(content: Any, status: int = 200) -> Response:
    """Return an answer with decimals and times as the contract has them."""
    return Response(dumps(content), status, media_type="application/json")


@contextmanager
def plain_errors() -> Iterator[None]:
    """Answer what cannot be merged or undone as problems."""
    try:
        yield
    except merging.NoSuchCustomer as error:
        raise AppError(404, "not_found", str(error)) from None
    except merging.CannotMerge as error:
        raise AppError(409, "conflict", str(error)) from None


async def _found(session: AsyncSession, rt: Runtime, asked: str) -> list[str] | None:
    """Return the first customers that are found by what was typed; None when nothing was."""
    if not asked.strip():
        return None
    page = await search.search(session, asked, None, _MOST_FOUND, rt.default_region)
    return [each["customer_id"] for each in page.customers]


async def _every_issue(rt: Runtime, session: AsyncSession) -> customers.Counts:
    """Return the counts of the last scan; where counting takes long, it is done once a scan."""
    looked_at = await last_scan(rt.db)
    kept = _COUNTS.get(rt)
    if kept is not None and kept[0] == looked_at:
        return kept[1]
    began = perf_counter()
    counts = await customers.every_issue(session)
    if perf_counter() - began > _LONG_S:
        _COUNTS[rt] = (looked_at, counts)
    return counts


async def tell_pops(rt: Runtime, ids: set[str]) -> None:
    """Bring the pops of these customers up to date, in every process."""
    await follow_customers(rt, ids)
    await rt.bus.publish({"customers": sorted(ids)})


def _place(after: str | None, kinds: tuple[type, ...]) -> Any:
    """Read where a page begins, which is what the page before gave as `next`."""
    if after is None:
        return None
    try:
        place = orjson.loads(after)
    except orjson.JSONDecodeError:
        place = None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds):
        raise _bad_after("`after` must be the `next` of the page before")
    return tuple(place)


def _bad_after(why: object) -> AppError:
    return AppError(422, "invalid", str(why), [{"pointer": "/after", "detail": str(why)}])


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


@router.get("")
async def find_customers(
    rt: RuntimeDep,
    _me: AnyUser,
    q: Search = "",
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """Find customers by name, number, e-mail address or id; `next` goes into `after`."""
    async with rt.db.read() as session:
        try:
            page = await search.search(session, q, after, limit, rt.default_region)
        except search.BadCursor as error:
            raise _bad_after(error) from None
    return as_json(asdict(page))


@router.get("/duplicates")
async def list_duplicates(
    rt: RuntimeDep, _me: Decider, q: Search = "", after: After = None, limit: Limit = 50
) -> Response:
    """List the pairs that are likely one customer and wait for a person's word.

    `q`: only those with one of the first customers that are found by it.
    """
    place = _place(after, (float, int))
    async with rt.db.read() as session:
        among = await _found(session, rt, q)
        found = await customers.proposals(session, place, limit + 1, among)
        count = await customers.open_proposals(session)
    last = found[limit - 1] if len(found) > limit else None
    return as_json(
        {
            "proposals": found[:limit],
            "next": dumps([last["score"], last["proposal_id"]]).decode() if last else None,
            "open": count,
            "looked_at": await last_scan(rt.db),
            "names": rt.sources.names(),
        }
    )


@router.post("/duplicates/{proposal_id}")
async def decide(rt: RuntimeDep, me: Decider, proposal_id: RowId, body: DecisionIn) -> Response:
    """Say whether two customers are the same; the same are merged."""
    async with rt.db.begin() as session:
        with plain_errors():
            decided = await customers.decide(
                await session.connection(),
                proposal_id,
                same=body.decision == "same",
                survivor=body.survivor_id,
                user_id=me.user.user_id,
                at=rt.clock(),
            )
    if decided is None:
        raise AppError(
            404, "not_found", "there is no such open proposal: it may be decided already"
        )
    if isinstance(decided, merging.Merged):
        await tell_pops(rt, {decided.survivor_id, decided.gone_id})
        return as_json({"decision": "same", "merge": decided})
    return as_json({"decision": "different", "merge": None})


@router.post("/merge", status_code=201)
async def merge(rt: RuntimeDep, me: Decider, body: MergeIn) -> Response:
    """Make two customers one."""
    async with rt.db.begin() as session:
        with plain_errors():
            merged = await merging.merge(
                await session.connection(),
                body.survivor_id,
                body.gone_id,
                user_id=me.user.user_id,
                at=rt.clock(),
                reasons=[body.reason] if body.reason else [],
            )
    await tell_pops(rt, {merged.survivor_id, merged.gone_id})
    return as_json(merged, 201)


@router.post("/merges/{merge_id}/undo")
async def undo(rt: RuntimeDep, me: Decider, merge_id: RowId) -> Response:
    """Take a merge back; the rules will not join the two again."""
    async with rt.db.begin() as session:
        with plain_errors():
            parted = await merging.undo(
                await session.connection(), merge_id, user_id=me.user.user_id, at=rt.clock()
            )
    await tell_pops(rt, {parted.survivor_id, parted.gone_id})
    return as_json(parted)


@router.post("/{customer_id}/take-out", status_code=201)
async def take_out(rt: RuntimeDep, me: Decider, customer_id: CustomerId, body: PartIn) -> Response:
    """Make a record that the rules joined to this customer one of its own; it stays apart."""
    async with rt.db.begin() as session:
        with plain_errors():
            taken = await parting.take_out(
                await session.connection(),
                customer_id,
                Ref(body.connector, body.remote_id),
                user_id=me.user.user_id,
                at=rt.clock(),
                reasons=[body.reason] if body.reason else [],
            )
    await tell_pops(rt, {customer_id, taken.customer_id, taken.parted_id})
    return as_json(taken, 201)


@router.post("/partings/{parting_id}/undo")
async def put_back(rt: RuntimeDep, me: Decider, parting_id: RowId) -> Response:
    """Take back that a record was taken out: the rules decide again whose it is."""
    async with rt.db.begin() as session:
        with plain_errors():
            back = await parting.put_back(
                await session.connection(), parting_id, user_id=me.user.user_id, at=rt.clock()
            )
    await tell_pops(rt, {back.customer_id, back.parted_id})
    return as_json(back)


@router.get("/quality")
async def list_issues(
    rt: RuntimeDep,
    _me: Decider,
    connector: Annotated[str | None, Query(max_length=100)] = None,
    kind: Kind | None = None,
    q: Search = "",
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """List what somebody should mend in a source's records; counts by connector and kind.

    `q`: only those of the first customers that are found by it.
    """
    place = _place(after, (str, str, str))
    async with rt.db.read() as session:
        among = await _found(session, rt, q)
        found = await customers.issues(session, connector, kind, place, limit + 1, among)
        counts = await customers.issue_counts(session, await _every_issue(rt, session))
    last = found[limit - 1] if len(found) > limit else None
    cursor = [last["kind"], last["connector"], last["remote_id"]] if last else None
    return as_json(
        {
            "issues": found[:limit],
            "next": dumps(cursor).decode() if cursor else None,
            "counts": counts,
            "looked_at": await last_scan(rt.db),
            "names": rt.sources.names(),
        }
    )


@router.get("/quality.csv")
async def export_issues(
    rt: RuntimeDep,
    _me: Decider,
    connector: Annotated[str | None, Query(max_length=100)] = None,
    kind: Kind | None = None,
) -> StreamingResponse:
    """Return the issues as a CSV file, for who looks after the source."""

    async def lines() -> AsyncIterator[str]:
        yield _csv_line(customers.ISSUE_COLUMNS)
        async for issue in customers.all_issues(rt.db, connector, kind):
            yield _csv_line(safe_cells(issue, customers.ISSUE_COLUMNS))

    name = f"quality-{connector}.csv" if connector and connector.isidentifier() else "quality.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/{customer_id}")
async def get_customer(rt: RuntimeDep, _me: AnyUser, customer_id: CustomerId) -> Response:
    """Return a customer: its records and what links them, numbers, calls, merges."""
    async with rt.db.read() as session:
        found = await customers.customer(session, customer_id)
    if found is None:
        raise AppError(404, "not_found", "there is no such customer")
    names = rt.sources.names()
    for record in found["records"]:
        record["connector_name"] = names.get(record["connector"], record["connector"])
    return as_json(found)
