"""Who has a number: the merged profile, a pop without a call; and the short answer for IVRs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from app.core.call import Call
from app.core.match import Match
from app.core.merge import merge
from app.core.phone import normalise
from app.core.pop import pop_json
from app.core.priority import Priority, priority
from app.core.profile import Section, SourceOutcome
from app.live import LiveCall, new_live_call
from app.runtime import Runtime
from app.screenpop import gather, identify, own_section, refs
from app.suggestions import settled
from connectors.sdk.types import SectionName


async def profile_of(rt: Runtime, phone: str) -> dict[str, Any]:
    """Return the profile (contract section 5 without `call`), every source asked."""
    live = await whole_profile(rt, phone)
    profile = pop_json(live.pop, None, None)
    profile.pop("call")
    return {"number": live.call.ani, **profile}


async def whole_profile(rt: Runtime, phone: str) -> LiveCall:
    """Match a number as if it called, and wait until every source has answered."""
    live = await _identified(rt, phone)
    gather(rt, live)
    waited = None
    while live.gathering is not None and live.gathering is not waited:
        waited = live.gathering
        await waited
    await settled(live)
    return live


async def who_calls(rt: Runtime, phone: str) -> dict[str, Any]:
    """Return who has a number and which service they get; no source is asked.

    Several known customers are `multiple`: none is named, and the best of their levels counts.
    """
    live = await _identified(rt, phone)
    match = live.pop.match
    customer = match.customer or {}
    if match.customer is None:
        found = await _best_priority(rt, live)
    else:
        found = priority(rt.priorities, customer, live.whole)
    return {
        "outcome": match.outcome,
        "customer_id": customer.get("customer_id"),
        "display_name": customer.get("display_name"),
        "company_name": customer.get("company_name"),
        "tier": customer.get("tier"),
        "priority": found.level if found else None,
        "queue": found.queue if found else None,
        "language": customer.get("language"),
    }


async def _identified(rt: Runtime, phone: str) -> LiveCall:
    """Match a number as if it called; only our own database is read."""
    number = normalise(phone, rt.default_region)
    call = Call(f"lookup:{uuid.uuid4().hex}", "lookup", ani=number)
    live = new_live_call(call, rt.clock())
    async with live.lock:
        await identify(rt, live, call)
    return live


async def _best_priority(rt: Runtime, live: LiveCall) -> Priority | None:
    """Return the best service that any of several candidates gets; surely known ones count."""
    candidates = live.pop.match.candidates
    known = {c.customer_id for c in candidates if c.level == "known"}
    wanted = known or {c.customer_id for c in candidates}
    customers = {hit.customer["customer_id"]: hit.customer for hit in live.hits}
    found = []
    for customer_id in wanted if rt.priorities else ():
        sections = await _remembered(rt, live, customers[customer_id])
        each = priority(rt.priorities, customers[customer_id], sections)
        found += [each] if each else []
    return max(found, key=lambda each: (each.level, each.name), default=None)


async def _remembered(
    rt: Runtime, live: LiveCall, customer: Mapping[str, Any]
) -> dict[str, Section]:
    """Return what sources said of a customer last, and the calls before, without asking."""
    told: dict[SectionName, list[SourceOutcome]] = {}
    for question in rt.gatherer.questions(refs(Match("single", customer=customer))):
        told.setdefault(question.section, []).append(rt.gatherer.first(question))
    sections: dict[str, Section] = {name: merge(name, said) for name, said in told.items()}
    earlier = await rt.hot.interactions(customer["customer_id"], None, live.call.call_id)
    sections["interactions"] = own_section(earlier, rt.clock())
    return sections
