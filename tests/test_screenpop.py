"""From a phone system's event to the right agents' screens, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.jobs import LONGEST_SILENCE, tidy, write_calls
from tests.ledger import WITH_BOOKS, write_books
from tests.product import USERS, Product, settings_for

CALLER = "+442079460958"


@pytest_asyncio.fixture
async def product(migrated_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_url, tmp_path)) as running:
        await running.configure()
        yield running


async def test_a_ringing_phone_puts_the_call_on_its_agents_screen_alone(product: Product) -> None:
    async with product.screen("ada@example.com") as ada, product.screen("ben@example.com") as ben:
        call_id = await product.event("ringing", ani=CALLER, extension="101", attestation="A")
        pop = await ada.pop(call_id)
        assert call_id == "pbx:c-1"
        assert pop["call"]["ani"]["e164"] == CALLER
        assert pop["call"]["agent"]["name"] == "Ada"
        assert pop["call"]["extension"] == "101"
        assert pop["match"]["outcome"] == "none"
        assert pop["sections"]["balance"]["status"] == "not_configured"
        await ben.quiet()


async def test_a_reconnect_finds_every_live_pop_whole(product: Product) -> None:
    call_id = await product.event("ringing", ani=CALLER, extension="101")
    async with product.screen("ada@example.com") as first:
        assert call_id in first.pops
    await product.event("answered", extension="101")
    async with product.screen("ada@example.com") as again:
        assert again.pops[call_id]["call"]["state"] == "answered"


async def test_every_tab_of_an_agent_shows_the_same(product: Product) -> None:
    async with product.screen("ada@example.com") as one, product.screen("ada@example.com") as two:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        await product.event("answered", extension="101")
        for tab in (one, two):
            await tab.until(lambda s: s.pops.get(call_id, {}).get("version") == 2)
        assert one.pops == two.pops


async def test_answering_closes_the_pop_for_the_others_of_a_group(product: Product) -> None:
    async with product.screen("ada@example.com") as ada, product.screen("ben@example.com") as ben:
        call_id = await product.event("ringing", ani=CALLER, extension=["101", "102"])
        await ben.pop(call_id)
        await product.event("answered", extension="101")
        assert await ben.close_of(call_id) == "answered_elsewhere"
        await ada.in_state(call_id, "answered")


async def test_a_queue_call_rings_for_the_agents_of_the_queue(product: Product) -> None:
    async with product.screen("ben@example.com") as ben, product.screen("cyd@example.com") as cyd:
        call_id = await product.event("ringing", ani=CALLER, queue="sales")
        await ben.pop(call_id)
        await cyd.quiet()


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ([("answered", {"extension": "101"}), ("ended", {})], "ended"),
        ([("ended", {"ended": {"reason": "cancelled"}})], "missed"),
        ([("missed", {"extension": "101"})], "missed"),
        ([("missed", {})], "missed"),
    ],
)
async def test_a_hang_up_closes_the_pop(
    product: Product, last: list[tuple[str, dict[str, Any]]], reason: str
) -> None:
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        for kind, more in last:
            await product.event(kind, **more)
        assert await ada.close_of(call_id) == reason


async def test_a_transfer_moves_the_pop(product: Product) -> None:
    async with product.screen("ada@example.com") as ada, product.screen("cyd@example.com") as cyd:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        await product.event("answered", extension="101")
        transfer = {"to_extension": "103", "kind": "blind"}
        await product.event("transferred", extension="101", transfer=transfer)
        assert await ada.close_of(call_id) == "transferred"
        pop = await cyd.pop(call_id)
        assert pop["call"]["extension"] == "103"
        assert pop["call"]["ani"]["e164"] == CALLER


async def test_a_repeat_is_answered_alike_and_changes_nothing(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        event: dict[str, Any] = {
            "event": "ringing",
            "call_id": "c-1",
            "ani": CALLER,
            "extension": "101",
        }
        answers = await asyncio.gather(*(product.send(event_id="e-1", **event) for _ in range(10)))
        assert {a.status_code for a in answers} == {202}
        assert sorted(a.json()["duplicate"] for a in answers) == [False] + [True] * 9
        await ada.pop("pbx:c-1")
        await ada.quiet()


async def test_a_late_ring_is_kept_and_opens_no_pop(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        occurred_at = (datetime.now(UTC) - timedelta(seconds=130)).isoformat()
        call_id = await product.event(
            "ringing", ani=CALLER, extension="101", occurred_at=occurred_at
        )
        await ada.quiet()
        async with await product.as_user("sue@example.com") as sue:
            call = await sue.get(f"/api/v1/calls/{call_id}")
            assert call.json()["state"] == "ringing"


async def test_a_dismissed_pop_goes_from_all_tabs_and_does_not_come_back(product: Product) -> None:
    async with product.screen("ada@example.com") as one, product.screen("ada@example.com") as two:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        await one.pop(call_id)
        await one.say("dismiss", call_id=call_id)
        for tab in (one, two):
            assert await tab.close_of(call_id) == "dismissed"
        await product.event("answered", extension="101")
        await one.quiet()
    async with product.screen("ada@example.com") as again:
        assert again.pops == {}


async def test_a_call_that_comes_back_to_who_dismissed_it_is_shown_again(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        await product.event("answered", extension="101")
        await ada.in_state(call_id, "answered")
        await ada.say("dismiss", call_id=call_id)
        assert await ada.close_of(call_id) == "dismissed"
        for leaves, next_one in (("101", "102"), ("102", "101")):
            transfer = {"to_extension": next_one, "kind": "attended"}
            await product.event("transferred", extension=leaves, transfer=transfer)
        assert (await ada.pop(call_id))["call"]["extension"] == "101"


async def test_a_pop_leaves_an_agent_who_loses_the_extension_whoever_reads_that_first(
    product: Product,
) -> None:
    async with product.screen("ben@example.com") as ben, product.screen("cyd@example.com") as cyd:
        call_id = await product.event("ringing", ani=CALLER, extension="102")
        await ben.pop(call_id)
        swapped = USERS.replace('"102"', '"109"').replace('"103"', '"102"')
        await product.configure(swapped)  # Reads the configuration itself, as the pages do.
        await ben.close_of(call_id)
        await cyd.pop(call_id)


async def test_another_agents_call_can_be_neither_fetched_nor_dismissed(product: Product) -> None:
    call_id = await product.event("ringing", ani=CALLER, extension="101")
    async with product.screen("ben@example.com") as ben:
        for kind in ("get", "dismiss"):
            await ben.say(kind, call_id=call_id)
            assert (await ben.next())["code"] == "unknown_call"
    async with product.screen("ada@example.com") as ada:
        assert call_id in ada.pops


async def test_get_answers_with_the_whole_pop(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        await ada.pop(call_id)
        await ada.say("get", call_id=call_id)
        message = await ada.next()
        assert message["type"] == "pop"
        assert message["pop"]["call"]["call_id"] == call_id


async def test_a_restart_loses_no_pop(migrated_url: str, tmp_path: Path) -> None:
    settings = settings_for(migrated_url, tmp_path)
    async with Product.running(settings) as before:
        await before.configure()
        call_id = await before.event("ringing", ani=CALLER, extension="101")
    async with Product.running(settings) as after, after.screen("ada@example.com") as ada:
        assert ada.pops[call_id]["call"]["state"] == "ringing"
        await after.event("answered", extension="101")
        await ada.in_state(call_id, "answered")


async def test_a_note_is_the_first_thing_the_next_agent_sees(product: Product) -> None:
    call_id = await product.event("ringing", "c-1", ani=CALLER, extension="101")
    await product.event("answered", "c-1", extension="101")
    async with await product.as_user("ada@example.com") as ada:
        written = await ada.post(
            f"/api/v1/calls/{call_id}/notes", json={"text": "wants a replacement by Friday"}
        )
        assert written.status_code == 201, written.text
    await product.event("ended", "c-1")
    async with product.screen("ben@example.com") as ben:
        again = await product.event("ringing", "c-2", ani=CALLER, extension="102")
        pop = await ben.pop(again)
        latest = pop["sections"]["interactions"]["data"][0]
        assert latest["note"] == "wants a replacement by Friday"
        assert latest["agent"]["name"] == "Ada"


async def test_an_agent_may_not_read_or_note_anothers_call(product: Product) -> None:
    call_id = await product.event("ringing", ani=CALLER, extension="101")
    async with await product.as_user("ben@example.com") as ben:
        assert (await ben.get(f"/api/v1/calls/{call_id}")).status_code == 404
        note = await ben.post(f"/api/v1/calls/{call_id}/notes", json={"text": "x"})
        assert note.status_code == 404
        assert (await ben.get("/api/v1/calls")).json() == {"calls": []}


@pytest_asyncio.fixture
async def with_books(product: Product, tmp_path: Path) -> Product:
    await product.configure(WITH_BOOKS, BOOKS_URL=write_books(tmp_path))
    return product


async def test_the_callers_debt_arrives_with_its_source_and_age(with_books: Product) -> None:
    async with with_books.screen("ada@example.com") as ada:
        call_id = await with_books.event("ringing", ani=CALLER, extension="101")
        pop = await ada.whole(call_id)
        assert pop["match"]["outcome"] == "single"
        assert pop["customer"]["display_name"] == "Kestrel Garden"
        balance = pop["sections"]["balance"]
        assert (balance["status"], balance["data"]["overdue_amount"]) == ("ok", "456.00")
        assert balance["sources"][0]["connector"] == "books"
        assert balance["as_of"].endswith("Z")
        assert [a["code"] for a in pop["alerts"]] == ["overdue"]


async def test_the_first_push_names_the_caller_before_any_source_is_asked(
    with_books: Product,
) -> None:
    async with with_books.screen("ada@example.com") as ada:
        call_id = await with_books.event("ringing", ani=CALLER, extension="101")
        pop = await ada.pop(call_id)
        assert pop["customer"]["display_name"] == "Kestrel Garden"
        assert pop["sections"]["balance"]["status"] == "loading"


async def test_look_ups_start_before_a_phone_rings(with_books: Product) -> None:
    call_id = await with_books.event("queued", ani=CALLER, queue="sales")
    prefetched = with_books.runtime.calls.get(call_id)
    assert prefetched is not None
    assert prefetched.gathering is not None
    await prefetched.gathering
    async with with_books.screen("ada@example.com") as ada:
        await with_books.event("ringing", extension="101", queue="sales")
        pop = await ada.pop(call_id)
        assert pop["sections"]["balance"]["status"] == "ok"


async def test_of_several_callers_on_a_number_the_agent_chooses_and_it_is_remembered(
    with_books: Product,
) -> None:
    async with with_books.screen("ada@example.com") as ada:
        call_id = await with_books.event("ringing", ani="+442079460111", extension="101")
        pop = await ada.pop(call_id)
        assert (pop["match"]["outcome"], pop["match"]["shared_number"]) == ("multiple", True)
        assert pop["customer"] is None
        assert pop["sections"]["balance"]["data"] is None
        wanted = next(c for c in pop["match"]["candidates"] if c["display_name"] == "Marlowe Hire")
        await ada.say("choose", call_id=call_id, customer_id=wanted["customer_id"])
        pop = await ada.until(
            lambda s: (p := s.pops[call_id])["sections"]["balance"]["status"] == "ok" and p
        )
        assert pop["customer"]["display_name"] == "Marlowe Hire"
        assert pop["sections"]["balance"]["data"]["balance"] == "5.00"
        other = next(c for c in pop["match"]["candidates"] if c["display_name"] == "Marlowe Pumps")
        await ada.say("choose", call_id=call_id, customer_id=other["customer_id"])
        pop = await ada.until(
            lambda s: (p := s.pops[call_id])["customer"]["display_name"] == "Marlowe Pumps" and p
        )
        pop = await ada.whole(call_id)
        assert pop["sections"]["balance"]["data"]["balance"] == "10.00"
        again = await with_books.event("ringing", "c-2", ani="+442079460111", extension="101")
        pop = await ada.pop(again)
        assert pop["customer"]["display_name"] == "Marlowe Pumps"
        assert "chosen by Ada" in pop["match"]["candidates"][0]["reasons"][0]


async def test_an_account_number_typed_in_the_menu_names_a_withheld_caller(
    with_books: Product,
) -> None:
    async with with_books.screen("ada@example.com") as ada:
        call_id = await with_books.event("ringing", extension="101", collected={"account": "C-200"})
        pop = await ada.pop(call_id)
        assert pop["call"]["ani"]["withheld"] is True
        assert pop["customer"]["display_name"] == "Marlowe Pumps"
        assert pop["match"]["candidates"][0]["reasons"] == ["gave the account number"]


async def test_a_profile_is_the_pop_without_its_call(with_books: Product) -> None:
    async with await with_books.as_user("ada@example.com") as ada:
        profile = (await ada.get("/api/v1/profiles", params={"phone": "020 7946 0958"})).json()
        assert profile["customer"]["display_name"] == "Kestrel Garden"
        assert profile["sections"]["balance"]["data"]["balance"] == "456.00"
        assert "call" not in profile
        unknown = await ada.get("/api/v1/profiles", params={"phone": "+442079469999"})
        assert (unknown.status_code, unknown.json()["match"]["outcome"]) == (200, "none")


async def test_a_ring_that_moves_to_the_agents_other_phone_says_so(product: Product) -> None:
    await product.configure(USERS.replace('["101"]', '["101", "199"]'))
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=CALLER, extension=["101", "102"])
        assert (await ada.pop(call_id))["call"]["extension"] == "101"
        transfer = {"to_extension": "199", "kind": "blind"}
        await product.event("transferred", extension=["101", "102"], transfer=transfer)
        await ada.until(lambda s: s.pops[call_id]["call"]["extension"] == "199")


async def test_a_consult_without_a_number_has_the_caller_of_its_parent(product: Product) -> None:
    async with product.screen("cyd@example.com") as cyd:
        parent = await product.event("ringing", "c-1", ani=CALLER, extension="101")
        consult = await product.event("ringing", "c-2", extension="103", parent_call_id="c-1")
        pop = await cyd.pop(consult)
        assert pop["call"]["ani"]["e164"] == CALLER
        assert pop["call"]["parent_call_id"] == parent


async def test_a_parent_that_only_the_database_knows_still_tells_the_caller(
    product: Product,
) -> None:
    parent = await product.event("ringing", "c-1", ani=CALLER, extension="101")
    await product.event("ended", "c-1")
    rt = product.runtime
    await write_calls(rt)
    rt.calls.forget_over(rt.clock() + timedelta(minutes=5))
    assert rt.calls.get(parent) is None
    async with product.screen("cyd@example.com") as cyd:
        consult = await product.event("ringing", "c-2", extension="103", parent_call_id="c-1")
        assert (await cyd.pop(consult))["call"]["ani"]["e164"] == CALLER


async def test_what_the_first_agent_wrote_goes_with_the_transfer(product: Product) -> None:
    async with product.screen("cyd@example.com") as cyd:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        await product.event("answered", extension="101")
        async with await product.as_user("ada@example.com") as ada:
            notes = f"/api/v1/calls/{call_id}/notes"
            first = (await ada.post(notes, json={"text": "leaking pump"})).json()
            transfer = {"to_extension": "103", "kind": "blind"}
            await product.event("transferred", extension="101", transfer=transfer)
            pop = await cyd.pop(call_id)
            said = pop["sections"]["interactions"]["data"]
            assert [(i["call_id"], i["note"]) for i in said] == [(call_id, "leaking pump")]
            late = {"text": "leaking pump, third one", "note_id": first["note_id"]}
            assert (await ada.post(notes, json=late)).status_code == 200
            await cyd.until(
                lambda s: (
                    s.pops[call_id]["sections"]["interactions"]["data"][0]["note"]
                    == "leaking pump, third one"
                )
            )


async def test_an_abandoned_call_is_in_the_missed_list_of_whom_it_rang(product: Product) -> None:
    call_id = await product.event("ringing", ani=CALLER, queue="sales")
    await product.event("ended", ended={"reason": "cancelled"})
    for email, expected in (("ben@example.com", [call_id]), ("cyd@example.com", [])):
        async with await product.as_user(email) as agent:
            missed = (await agent.get("/api/v1/calls", params={"state": "missed"})).json()
            assert [call["call_id"] for call in missed["calls"]] == expected


async def test_a_call_that_nobody_ends_times_out(product: Product) -> None:
    async with product.screen("ada@example.com") as ada:
        call_id = await product.event("ringing", ani=CALLER, extension="101")
        await ada.pop(call_id)
        rt = product.runtime
        later = datetime.now(UTC) + LONGEST_SILENCE + timedelta(seconds=1)
        rt.clock = lambda: later
        await tidy(rt)
        assert await ada.close_of(call_id) == "missed"
        ended = rt.calls.get(call_id)
        assert ended is not None
        assert ended.call.ended_reason == "timeout"
