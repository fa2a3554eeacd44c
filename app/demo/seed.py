"""Writes the demo's earlier calls, notes and promises into the store."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from app.core.call import CallEvent, EventKind, fold
from app.core.phone import normalise
from app.core.pop import call_json, dumps
from app.core.routing import Agent
from app.demo.history import EarlierCall, history
from app.demo.people import PHONE_SYSTEM
from app.demo.records import Business
from app.runtime import Runtime
from app.store.calls import save_note, save_wrap_up
from app.store.hot import CallRecord, documents
from app.store.models import CustomerLink


async def seed_history(rt: Runtime, business: Business) -> None:
    """Write the calls of the past, as if this product had been there."""
    agents = {agent.email: agent for agent in rt.directory.by_id.values()}
    async with rt.db.read() as session:
        rows = await session.execute(select(CustomerLink.data, CustomerLink.customer_id))
        customers = {
            key: id_
            for data, id_ in rows
            for key in (data.get("external_id"), data["remote_id"])
            if key is not None
        }
    earlier = history(business)
    await rt.hot.save_calls([_record(each, agents, customers) for each in earlier])
    for each in earlier:
        agent = agents[each.agent.email]
        call_id = f"{PHONE_SYSTEM}:{each.call_id}"
        async with rt.db.begin() as session:
            await save_note(session, each.call_id, call_id, agent.user_id, each.note, each.ended_at)
        promise = each.follow_up
        await save_wrap_up(
            rt.db,
            call_id,
            agent.user_id,
            disposition=each.disposition,
            sentiment=each.sentiment,
            due_on=promise.due_on if promise else None,
            text=promise.text if promise else None,
            now=each.ended_at,
            done=promise is not None and promise.done,
        )


def _record(
    earlier: EarlierCall,
    agents: Mapping[str, Agent],
    customers: Mapping[str, str],
) -> CallRecord:
    agent = agents[earlier.agent.email]
    call_id = f"{PHONE_SYSTEM}:{earlier.call_id}"
    number = normalise(earlier.ani, None)
    call = None
    for kind, at in (
        (EventKind.RINGING, earlier.started_at),
        (EventKind.ANSWERED, earlier.answered_at),
        (EventKind.ENDED, earlier.ended_at),
    ):
        event = CallEvent(
            kind,
            call_id,
            PHONE_SYSTEM,
            at,
            direction="inbound",
            ani=earlier.ani,
            number=number,
            dnis=earlier.dnis,
            extensions=agent.extensions[:1],
        )
        call = fold(call, event)
    if call is None:
        raise AssertionError("a call has events")
    customer = earlier.customer
    customer_id = customers.get(str(customer.account)) or customers.get(str(customer.shop_id))
    return CallRecord(
        call_id=call_id,
        phone_system=PHONE_SYSTEM,
        live=False,
        state=call.state,
        e164=number.e164,
        customer_id=customer_id,
        agent_id=agent.user_id,
        user_ids=dumps([agent.user_id]).decode(),
        started_at=earlier.started_at,
        **documents(call_json(call, agent, agent.extension)),
        timing=None,
    )
