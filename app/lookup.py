"""The merged profile of a number, for CRMs, IVRs and the command line: a pop without a call."""

from __future__ import annotations

import uuid
from typing import Any

from app.core.call import Call
from app.core.phone import normalise
from app.core.pop import pop_json
from app.live import new_live_call
from app.runtime import Runtime
from app.screenpop import gather, identify


async def profile_of(rt: Runtime, phone: str) -> dict[str, Any]:
    """Return the profile (contract section 5 without `call`), every source asked."""
    number = normalise(phone, rt.default_region)
    call = Call(f"lookup:{uuid.uuid4().hex}", "lookup", ani=number)
    live = new_live_call(call, rt.clock())
    async with live.lock:
        await identify(rt, live, call)
    gather(rt, live)
    waited = None
    while live.gathering is not None and live.gathering is not waited:
        waited = live.gathering
        await waited
    profile = pop_json(live.pop, None, None)
    profile.pop("call")
    return {"number": number, **profile}
