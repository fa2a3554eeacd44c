"""`/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import contextlib

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.deps import Public, RuntimeDep
from app.api.security import authenticate
from app.errors import AppError, UserError
from app.metrics import last_sync, source_breaker, source_budget_left, stream_up
from app.runtime import Runtime
from app.sources.guard import BreakerState
from app.store.configuration import sync_states
from app.streams import stream_healths

router = APIRouter()
_HERE = frozenset(("127.0.0.1", "::1"))
_BREAKER = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


@router.get("/healthz", dependencies=[Depends(Public())])
async def healthz() -> dict[str, str]:
    """Say that the process is up."""
    return {"status": "ok"}


@router.get("/readyz", dependencies=[Depends(Public())])
async def readyz(runtime: RuntimeDep, response: Response) -> dict[str, str]:
    """Say whether the database and the bus answer."""
    found = {"database": "ok", "bus": "ok"}
    try:
        await runtime.db.ping()
    except UserError:
        found["database"] = "does not answer"
    if not await runtime.bus.healthy():
        found["bus"] = "does not answer"
    ready = set(found.values()) == {"ok"}
    response.status_code = 200 if ready else 503
    return {"status": "ok" if ready else "not ready", **found}


@router.get("/metrics", dependencies=[Depends(Public())], response_class=Response)
async def metrics(request: Request, runtime: RuntimeDep) -> Response:
    """Give the figures to Prometheus: from this machine, else with an admin's token."""
    local = request.client is not None and request.client.host in _HERE
    if not local or "x-forwarded-for" in request.headers:
        principal = await authenticate(request.headers, runtime)
        if principal is None or principal.user.role == "agent":
            raise AppError(401, "unauthorized", "metrics need a supervisor's or admin's token")
    runtime.pace.count_up()
    _show_sources(runtime)
    with contextlib.suppress(Exception):  # The rest is told without the database too.
        await _show_stored(runtime)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _show_sources(runtime: Runtime) -> None:
    source_breaker.clear()
    source_budget_left.clear()
    for instance in runtime.sources:
        source_breaker.labels(instance.slug).set(_BREAKER[instance.guard.state])
        if instance.budget_left is not None:
            source_budget_left.labels(instance.slug).set(instance.budget_left)


async def _show_stored(runtime: Runtime) -> None:
    last_sync.clear()
    stream_up.clear()
    async with runtime.db.read() as session:
        syncs = await sync_states(session)
        streams = await stream_healths(session, runtime)
    for instance in runtime.sources:
        state = syncs.get(instance.slug, {}).get("contacts")
        if state is not None and state.finished_at is not None and state.error is None:
            last_sync.labels(instance.slug).set(state.finished_at.timestamp())
    for slug, stream in streams.items():
        stream_up.labels(slug).set(stream.connected)
