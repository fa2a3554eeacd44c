"""`/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.deps import Public, RuntimeDep
from app.api.security import authenticate
from app.errors import AppError, UserError

router = APIRouter()
_HERE = frozenset(("127.0.0.1", "::1"))


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
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
