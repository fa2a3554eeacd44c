"""`/api/v1/customers/{id}/suggestions/explain`: why these items, and why not others."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.api.deps import Allow, RuntimeDep
from app.api.security import Principal
from app.core.pop import dumps
from app.explaining import explain_customer

router = APIRouter(prefix="/api/v1/customers", tags=["suggestions"])


@router.get("/{customer_id}/suggestions/explain")
async def explain(
    rt: RuntimeDep,
    _me: Annotated[Principal, Depends(Allow("supervisor", "admin"))],
    customer_id: Annotated[str, Path(max_length=64)],
) -> Response:
    """Return what a call would suggest now, the numbers behind it, and what was left out."""
    return Response(dumps(await explain_customer(rt, customer_id)), media_type="application/json")
