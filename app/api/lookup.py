"""`/api/v1/lookup`: who calls, for machines that cannot wait."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.api.deps import AnyUser, RuntimeDep
from app.core.pop import dumps
from app.lookup import who_calls

router = APIRouter(prefix="/api/v1/lookup", tags=["lookup"])


@router.get("")
async def get_lookup(
    rt: RuntimeDep, _me: AnyUser, phone: Annotated[str, Query(min_length=1, max_length=200)]
) -> Response:
    """Return name, customer id and level of service of a number, no source asked.

    An unknown number is `outcome: none`; several known customers are `multiple`, without a name.
    """
    if phone.startswith(" ") and phone[1:2] not in ("", " ", "0"):
        phone = f"+{phone[1:]}"  # Phone systems often forget to encode it, and it arrives so.
    return Response(dumps(await who_calls(rt, phone)), media_type="application/json")
