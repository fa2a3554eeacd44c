"""A source that is slow, down, wrong or lying costs its own section and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest

from app.store.configuration import put_row
from app.store.models import ConnectorRow
from tests.clock import skip
from tests.connectors.web import Handler, Request, reply
from tests.faults.world import KESTREL, ORDERS, OWL, SHARED, Gate, World

INSIDE = "psycopg.errors.UndefinedTable at 10.1.2.3"


def without_length(*chunks: bytes, end: bytes = b"") -> Handler:
    """Answer in chunks; without an end the answer is cut off."""

    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"transfer-encoding: chunked\r\n\r\n")
        for chunk in chunks:
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        writer.write(end)
        await writer.drain()
        if not end:
            writer.close()

    return answer


async def endless(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


ANSWERS: dict[str, tuple[Any, str, str]] = {
    "a fault of its own": (reply({"error": INSIDE}, 500), "unavailable", "HTTP 500"),
    "a web page": (reply(f"<html>{INSIDE}".encode(), content_type="text/html"), "bad_data", "page"),
    "not JSON": (reply(INSIDE.encode()), "bad_data", "not JSON"),
    "nothing": (reply(b""), "bad_data", "not JSON"),
    "NaN": (reply(b'[{"order_number": "1", "order_total": NaN}]'), "bad_data", "not JSON"),
    "another type": (reply([{"order_number": "1", "order_total": {}}]), "bad_data", "order_total"),
    "no list": (reply(b'"words"'), "bad_data", "record"),
    "an amount of a thousand digits": (
        reply([{"order_number": "1", "order_total": "9" * 1000}]),
        "bad_data",
        "order_total",
    ),
    "a text of a million characters": (
        reply([{"order_number": "x" * 1_000_000, "order_total": "1"}]),
        "bad_data",
        "order_number",
    ),
    "deep": (reply(b"[" * 100_000), "bad_data", "not JSON"),
    "a redirect": (
        reply(b"", 302, location="http://169.254.169.254/"),
        "bad_config",
        "redirect",
    ),
    "a refusal": (reply({"error": INSIDE}, 403), "auth_denied", "HTTP 403"),
    "cut off": (without_length(b'[{"order'), "unavailable", ""),
    "endless": (endless, "bad_data", "larger than 1 MiB"),
    "a gzip bomb": (
        reply(gzip.compress(b" " * 50_000_000), content_encoding="gzip"),
        "bad_data",
        "larger than 1 MiB",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_that_cannot_be_used_costs_its_own_section(world: World, name: str) -> None:
    answer, code, words = ANSWERS[name]
    world.configuration["shop"]["settings"]["max_answer_mib"] = 1
    await world.configure()
    world.shop("/orders/7", answer)
    async with world.product.screen("ada@example.com") as ada:
        pop = await world.whole(ada, "c-1")
        purchases, balance = pop["sections"]["purchases"], pop["sections"]["balance"]
        assert (purchases["status"], purchases["data"]) == ("failed", None)
        (source,) = [s for s in purchases["sources"] if s["connector"] == "shop"]
        assert source["status"] == "failed"
        assert source["error"]["code"] == code
        assert words in source["error"]["text"]
        assert (balance["status"], balance["data"]["balance"]) == ("ok", "456.00")
        assert INSIDE not in json.dumps(ada.messages)


async def test_the_pop_is_there_before_a_slow_source_and_grows_by_patches(world: World) -> None:
    gate = Gate(reply(ORDERS))
    world.shop("/orders/7", gate.handler())
    async with world.product.screen("ada@example.com") as ada:
        call_id = await world.ring("c-1")
        pop = await ada.pop(call_id)
        assert pop["customer"]["display_name"] == "Kestrel Garden"
        assert pop["sections"]["purchases"]["status"] == "loading"
        await ada.until(lambda s: s.pops[call_id]["sections"]["balance"]["status"] == "ok")
        await ada.until(lambda s: s.pops[call_id]["sections"]["credit_terms"]["status"] == "ok")
        pop = ada.pops[call_id]
        assert pop["sections"]["purchases"]["status"] == "loading"
        assert pop["timing"]["complete_ms"] is None
        gate.opened.set()
        pop = await ada.whole(call_id)
        assert pop["sections"]["purchases"]["data"]["orders"][0]["order_number"] == "O-1"
        assert pop["timing"]["first_push_ms"] < pop["timing"]["complete_ms"]
        assert set(pop["timing"]["sections"]) == {"balance", "purchases", "credit_terms"}


async def test_a_source_that_hangs_is_given_up_at_its_own_deadline(world: World) -> None:
    world.configuration["shop"]["timeout_ms"] = 150
    await world.configure()
    gate = Gate(reply(ORDERS))
    world.shop("/orders/7", gate.handler())
    async with world.product.screen("ada@example.com") as ada:
        pop = await world.whole(ada, "c-1")
        purchases = pop["sections"]["purchases"]
        assert (purchases["status"], purchases["data"]) == ("timeout", None)
        error = {"code": "timeout", "text": "no answer within 150 ms"}
        assert purchases["sources"][0]["error"] == error
        assert pop["sections"]["balance"]["status"] == "ok"
        assert 150 <= pop["timing"]["complete_ms"] < 1000
        assert pop["timing"]["sections"]["balance"] < 150
    gate.opened.set()


async def test_a_source_that_is_gone_shows_what_it_said_before_with_its_age(world: World) -> None:
    async with world.product.screen("ada@example.com") as ada:
        before = (await world.whole(ada, "c-1"))["sections"]["purchases"]
        asked_at = datetime.now(UTC).isoformat()
        world.shop("/orders/7", reply({}, 503))
        world.ledger.rename(world.ledger.with_suffix(".gone"))
        pop = await world.whole(ada, "c-2")
        stale = pop["sections"]["purchases"]
        assert stale["status"] == "stale"
        assert stale["data"] == before["data"]
        assert stale["as_of"] == before["as_of"]
        assert stale["as_of"] < asked_at
        assert stale["sources"][0]["status"] == "stale"
        assert stale["sources"][0]["error"]["code"] == "unavailable"
        shutil.move(world.ledger.with_suffix(".gone"), world.ledger)
        world.shop("/orders/7", reply(ORDERS))
        healed = (await world.whole(ada, "c-3"))["sections"]["purchases"]
        assert (healed["status"], healed["as_of"] > stale["as_of"]) == ("ok", True)


async def test_what_a_source_marks_as_cut_is_partial_and_not_old(world: World) -> None:
    world.configuration["shop"]["settings"]["row_limit"] = 1
    world.shop("/orders/7", reply([*ORDERS, {**ORDERS[0], "order_number": "O-2"}]))
    await world.configure()
    async with world.product.screen("ada@example.com") as ada:
        purchases = (await world.whole(ada, "c-1"))["sections"]["purchases"]
        assert purchases["status"] == "partial"
        assert purchases["sources"][0]["status"] == "partial"
        assert "row_limit" in purchases["sources"][0]["error"]["text"]


async def test_all_sources_down_still_says_who_is_calling(world: World) -> None:
    world.web.answers.clear()
    world.shop("/orders/7", reply({}, 503))
    with sqlite3.connect(world.ledger) as file:
        file.executescript("DROP TABLE items; DROP TABLE customers;")
    file.close()
    async with world.product.screen("ada@example.com") as ada:
        pop = await world.whole(ada, "c-1")
        assert pop["match"]["outcome"] == "single"
        assert pop["customer"]["display_name"] == "Kestrel Garden"
        for name in ("balance", "purchases", "credit_terms"):
            assert pop["sections"][name]["status"] == "failed", name
            assert pop["sections"][name]["sources"][0]["error"]["text"]


async def test_a_source_that_keeps_failing_is_left_alone_and_tried_again(world: World) -> None:
    world.shop("/orders/7", reply({}, 503))
    async with world.product.screen("ada@example.com") as ada:
        for number in range(7):
            pop = await world.whole(ada, f"c-{number}")
            assert pop["sections"]["purchases"]["status"] == "failed"
        assert world.asked("/orders/7") == 5 * 2  # Each question is tried twice.
        assert "asked again" in pop["sections"]["purchases"]["sources"][0]["error"]["text"]
        world.shop("/orders/7", reply(ORDERS))
        skip(6)
        healed = await world.whole(ada, "c-8")
        assert healed["sections"]["purchases"]["status"] == "ok"
        await world.whole(ada, "c-9")
        assert world.asked("/orders/7") == 5 * 2 + 2


async def test_a_source_that_asks_for_rest_gets_it(world: World) -> None:
    world.shop("/orders/7", reply({}, 429, retry_after="60"))
    async with world.product.screen("ada@example.com") as ada:
        first = await world.whole(ada, "c-1")
        assert first["sections"]["purchases"]["sources"][0]["error"]["code"] == "rate_limited"
        world.shop("/orders/7", reply(ORDERS))
        skip(50)
        await world.whole(ada, "c-2")
        assert world.asked("/orders/7") == 1
        skip(11)
        healed = await world.whole(ada, "c-3")
        assert healed["sections"]["purchases"]["status"] == "ok"


async def test_two_sources_that_disagree_are_both_shown(world: World) -> None:
    world.configuration["shop"]["settings"]["balance"] = {"path": "/balance/{remote_id}"}
    world.shop("/balance/7", reply({"balance": "460.10", "overdue_amount": "456.00"}))
    await world.configure()
    async with world.product.screen("ada@example.com") as ada:
        section = (await world.whole(ada, "c-1"))["sections"]["balance"]
        assert section["data"]["balance"] == "456.00"
        (conflict,) = section["conflicts"]
        assert (conflict["field"], conflict["chosen"]) == ("balance", "ledger")
        values = [(v["connector"], v["value"]) for v in conflict["values"]]
        assert values == [("ledger", "456.00"), ("shop", "460.10")]


def shows(pop: dict[str, Any], name: str) -> bool:
    """Say whether all of this customer is on the screen."""
    sections = pop["sections"].values()
    customer = pop["customer"] or {"display_name": None}
    return customer["display_name"] == name and all(s["status"] != "loading" for s in sections)


async def test_two_customers_on_one_number_are_never_added(world: World) -> None:
    async with world.product.screen("ada@example.com") as ada:
        call_id = await world.ring("c-1", SHARED)
        pop = await ada.pop(call_id)
        assert (pop["match"]["outcome"], pop["customer"]) == ("multiple", None)
        assert {s["status"] for n, s in pop["sections"].items() if n in ("balance", "purchases")} \
            == {"hidden"}  # fmt: skip
        assert {s["data"] for n, s in pop["sections"].items() if n == "balance"} == {None}
        wren = next(c for c in pop["match"]["candidates"] if c["display_name"] == "Wren & Co")
        await ada.say("choose", call_id=call_id, customer_id=wren["customer_id"])
        await ada.until(lambda s: shows(s.pops[call_id], "Wren & Co"))
        pop = ada.pops[call_id]
        assert pop["sections"]["balance"]["data"]["balance"] == "11.50"
        assert pop["sections"]["credit_terms"]["data"]["credit_limit"] == "70.00"


async def test_a_late_answer_about_one_candidate_is_not_shown_for_the_other(world: World) -> None:
    shoppers = [
        {"remote_id": n, "external_id": f"C-{n}", "display_name": "x", "phone": SHARED}
        for n in (300, 400)
    ]
    world.shop("/customers", reply(shoppers))
    await world.configure()
    finch, wren = Gate(reply(ORDERS)), Gate(reply([]))
    world.shop("/orders/300", finch.handler())
    world.shop("/orders/400", wren.handler())
    async with world.product.screen("ada@example.com") as ada:
        call_id = await world.ring("c-1", SHARED)
        found = (await ada.pop(call_id))["match"]["candidates"]
        ids = {c["display_name"]: c["customer_id"] for c in found}
        await ada.say("choose", call_id=call_id, customer_id=ids["Finch & Co"])
        await finch.asked.wait()
        await ada.say("choose", call_id=call_id, customer_id=ids["Wren & Co"])
        await wren.asked.wait()
        finch.opened.set()
        wren.opened.set()
        await ada.until(lambda s: shows(s.pops[call_id], "Wren & Co"))
        pop = ada.pops[call_id]
        assert pop["customer"]["display_name"] == "Wren & Co"
        assert pop["sections"]["purchases"]["status"] == "empty"
        assert pop["sections"]["balance"]["data"]["balance"] == "11.50"
        await ada.quiet()


async def test_an_answer_after_the_call_is_over_is_shown_to_nobody(world: World) -> None:
    gate = Gate(reply(ORDERS))
    world.shop("/orders/7", gate.handler())
    async with world.product.screen("ada@example.com") as ada:
        ended = await world.ring("c-1", KESTREL)
        await gate.asked.wait()
        await world.product.event("ended", "c-1")
        assert await ada.close_of(ended) == "missed"
        pop = await world.whole(ada, "c-2", OWL)
        gate.opened.set()
        assert pop["sections"]["purchases"]["status"] == "empty"
        await ada.quiet()


async def test_a_source_whose_connector_is_not_installed_says_so_in_its_sections(
    world: World,
) -> None:
    rt = world.product.runtime
    fields = {"kind": "gone", "name": "Old system", "settings": {}, "timeout_ms": 1500}
    fields |= {"cache_s": {}, "priority": 0, "enabled": True, "region": None}
    async with rt.db.begin() as session:
        await put_row(session, ConnectorRow, "old", fields, rt.secrets, rt.clock(), "a test")
    await rt.reload()
    async with world.product.screen("ada@example.com") as ada:
        pop = await world.whole(ada, "c-1")
        balance = pop["sections"]["balance"]
        assert (balance["status"], balance["data"]["balance"]) == ("partial", "456.00")
        (old,) = [s for s in balance["sources"] if s["connector"] == "old"]
        assert old["error"] == {
            "code": "bad_config",
            "text": "there is no connector of kind gone",
        }


def searching(shop: dict[str, Any]) -> None:
    shop["settings"]["find"] = {"path": "/search", "query": {"phone": "{e164}"}}


async def test_a_number_that_no_index_has_is_searched_live_after_the_first_push(
    world: World,
) -> None:
    searching(world.configuration["shop"])
    await world.configure()
    crane = {"remote_id": 9, "display_name": "Crane", "phone": "+442079460111"}
    gate = Gate(reply([crane]))
    world.shop("/search", gate.handler())
    world.shop("/orders/9", reply(ORDERS))
    async with world.product.screen("ada@example.com") as ada:
        call_id = await world.ring("c-1", "+442079460111")
        pop = await ada.pop(call_id)
        assert pop["match"]["outcome"] == "none"
        gate.opened.set()
        pop = await ada.whole(call_id)
        assert pop["customer"]["display_name"] == "Crane"
        assert pop["sections"]["purchases"]["status"] == "ok"
        again = await ada.pop(await world.ring("c-2", "+442079460111"))
        assert again["match"]["outcome"] == "single"
    assert world.asked("/search") == 1


@pytest.mark.parametrize(
    "answer", [reply({}, 500), reply(b"<html>"), reply([{"display_name": "no id"}])]
)
async def test_a_search_that_fails_leaves_the_caller_unknown(world: World, answer: bytes) -> None:
    searching(world.configuration["shop"])
    await world.configure()
    searched = Gate(answer)
    world.shop("/search", searched.handler())
    searched.opened.set()
    async with world.product.screen("ada@example.com") as ada:
        call_id = await world.ring("c-1", "+442079460111")
        pop = await ada.pop(call_id)
        await searched.asked.wait()
        assert (pop["match"]["outcome"], pop["customer"]) == ("none", None)
        assert await ada.pop(await world.ring("c-2", KESTREL))


async def test_the_same_customer_on_two_phones_is_asked_for_once(world: World) -> None:
    gate = Gate(reply(ORDERS))
    world.shop("/orders/7", gate.handler())
    async with (
        world.product.screen("ada@example.com") as ada,
        world.product.screen("ben@example.com") as ben,
    ):
        one, two = await world.ring("c-1"), await world.ring("c-2", extension="102")
        await ada.pop(one)
        await ben.pop(two)
        gate.opened.set()
        for screen, call_id in ((ada, one), (ben, two)):
            pop = await screen.whole(call_id)
            assert pop["sections"]["purchases"]["status"] == "ok"
    assert world.asked("/orders/7") == 1


async def test_a_search_that_finds_other_numbers_is_not_asked_again(world: World) -> None:
    searching(world.configuration["shop"])
    await world.configure()
    crane = {"remote_id": 9, "display_name": "Crane", "phone": "+442079460222"}
    world.shop("/search", reply([crane]))
    async with await world.product.as_user("ada@example.com") as http:
        answer = await http.get("/api/v1/profiles", params={"phone": "+442079460111"})
    assert answer.json()["match"]["outcome"] == "none"
    assert world.asked("/search") == 1


async def test_a_choice_for_a_withheld_caller_holds_when_more_is_typed(world: World) -> None:
    alpha = {"remote_id": 20, "external_id": "K-1", "display_name": "Alpha", "phone": OWL}
    beta = {"remote_id": 21, "external_id": "K-2", "display_name": "Beta", "phone": SHARED}
    world.shop("/customers", reply([alpha, beta]))
    await world.configure()
    async with world.product.screen("ada@example.com") as ada:
        typed = {"account": "K-1", "other": "K-2"}
        call_id = await world.product.event("ringing", extension="101", collected=typed)
        candidates = (await ada.pop(call_id))["match"]["candidates"]
        chosen = next(c["customer_id"] for c in candidates if c["display_name"] == "Beta")
        await ada.say("choose", call_id=call_id, customer_id=chosen)
        await ada.whole(call_id)
        await world.product.event("answered", extension="101", collected={"pin": "77881"})
        pop = await ada.in_state(call_id, "answered")
        assert pop["customer"]["display_name"] == "Beta"
