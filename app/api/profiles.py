"""`/api/v1/profiles`: the merged profile of a number."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.api.deps import AnyUser, RuntimeDep
from app.core.pop import dumps
from app.lookup import profile_of

router = APIRouter(prefix="/api/v1/profiles", tags=["profiles"])


@router.get("")
async def get_profile(
    rt: RuntimeDep, _me: AnyUser, phone: Annotated[str, Query(min_length=1, max_length=200)]
) -> Response:
    """Return the pop of a number without its call; an unknown number is `match.outcome: none`."""
    profile = await profile_of(rt, phone)
    return Response(dumps(profile), media_type="application/json")
