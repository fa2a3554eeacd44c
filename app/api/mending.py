"""`/api/v1/customers`: look through them now; what was decided about what it found, taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.customers import Decider, RowId, as_json, plain_errors, tell_pops
from app.api.deps import Limit, RuntimeDep
from app.core.identity import Ref
from app.core.quality import Kind
from app.errors import AppError
from app.scans import CannotScan, scan_state, start_scan
from app.store import mending
from app.store.merging import Parted

router = APIRouter(prefix="/api/v1/customers", tags=["customers"])
IssueKind = Annotated[Kind, Path()]


class RecordIn(BaseModel):
    """A source's record; `connector` is "" for a customer that no source has any more."""

    model_config = ConfigDict(extra="forbid")
    connector: str = Field(max_length=100)
    remote_id: str = Field(max_length=1000)


@router.get("/scan")
async def get_scan(rt: RuntimeDep, _me: Decider) -> Response:
    """Say when the customers were looked through, when they will be, and how far that is."""
    return as_json(await scan_state(rt))


@router.post("/scan", status_code=202)
async def begin_scan(rt: RuntimeDep, _me: Decider) -> Response:
    """Begin to look through the customers now, beside the calls."""
    try:
        await start_scan(rt)
    except CannotScan as error:
        raise AppError(409, "conflict", str(error)) from None
    return as_json({"started": True}, 202)


@router.get("/duplicates/decided")
async def list_decided(rt: RuntimeDep, _me: Decider, limit: Limit = 20) -> Response:
    """List what was decided last about likely duplicates."""
    async with rt.db.read() as session:
        return as_json({"items": await mending.decided(session, limit)})


@router.post("/duplicates/{proposal_id}/undo")
async def reopen(rt: RuntimeDep, me: Decider, proposal_id: RowId) -> Response:
    """Take a decision back: merged ones are parted, and the pair waits again."""
    async with rt.db.begin() as session:
        with plain_errors():
            conn = await session.connection()
            done = await mending.reopen(conn, proposal_id, user_id=me.user.user_id, at=rt.clock())
    if done is False:
        raise AppError(404, "not_found", "there is no such decided proposal")
    parted = done if isinstance(done, Parted) else None
    if parted is not None:
        await tell_pops(rt, {parted.survivor_id, parted.gone_id})
    return as_json({"parted": parted})


@router.get("/quality/aside")
async def list_aside(rt: RuntimeDep, _me: Decider, limit: Limit = 20) -> Response:
    """List the issues that were set aside last."""
    async with rt.db.read() as session:
        return as_json({"items": await mending.aside(session, limit)})


@router.post("/quality/{kind}/aside", status_code=204)
async def set_aside(rt: RuntimeDep, me: Decider, kind: IssueKind, body: RecordIn) -> None:
    """Leave an issue as it is: it is no longer listed."""
    async with rt.db.begin() as session:
        found = await mending.set_aside(
            await session.connection(),
            kind,
            Ref(body.connector, body.remote_id),
            user_id=me.user.user_id,
            at=rt.clock(),
        )
    if not found:
        raise AppError(404, "not_found", "there is no such issue any more")


@router.post("/quality/{kind}/aside/undo", status_code=204)
async def take_up(rt: RuntimeDep, _me: Decider, kind: IssueKind, body: RecordIn) -> None:
    """List an issue again that was set aside."""
    async with rt.db.begin() as session:
        conn = await session.connection()
        found = await mending.take_up(conn, kind, Ref(body.connector, body.remote_id))
    if not found:
        raise AppError(404, "not_found", "this issue was not set aside")
