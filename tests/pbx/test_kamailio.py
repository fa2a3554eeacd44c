"""A real PBX, the shipped recipe unchanged, real SIP: the right pops on the agents' screens."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from tests.pbx import kamailio, sip
from tests.pbx.kamailio import Pbx
from tests.pbx.receiver import receiving
from tests.product import SECRET, Product, Screen, settings_for

# Of which most is for a first installation.
pytestmark = pytest.mark.timeout(600)

CALLER = "+442079460958"
SALES = "+448005550100"


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure()
        yield running


@pytest_asyncio.fixture
async def pbx(product: Product, tmp_path: Path) -> AsyncIterator[Pbx]:
    async with kamailio.running(tmp_path, f"{product.url}/hooks/pbx", SECRET) as running:
        yield running


@pytest_asyncio.fixture
async def ada(product: Product) -> AsyncIterator[Screen]:
    async with product.screen("ada@example.com") as screen:
        yield screen


def caller(pbx: Pbx, number: str = SALES, withheld: bool = False) -> dict[str, str]:
    """Return who calls which number."""
    shown = f'"Kestrel Garden" <sip:{CALLER}@trunk.example>'
    return {
        "from": "Anonymous <sip:anonymous@anonymous.invalid>" if withheld else shown,
        "asserted": CALLER,
        "privacy": "id" if withheld else "none",
        "uri": f"{number}@127.0.0.1:{pbx.port}",
    }


async def first_pop(screen: Screen) -> dict[str, Any]:
    """Return the first pop there is."""
    pop: dict[str, Any] = await screen.until(lambda s: next(iter(s.pops.values()), None))
    return pop


PICK_UP = (
    sip.expect("INVITE", more=sip.REMEMBER_THE_CALLER)
    + sip.answer("180 Ringing")
    + sip.pause(300)
    + sip.answer("200 OK", "sendrecv")
    + sip.expect("ACK")
)
IS_HUNG_UP = sip.expect("BYE") + sip.answer_within("200 OK")
REACH = (
    sip.call() + sip.got(100, optional=True) + sip.got(180, optional=True) + sip.got(200)
) + sip.caller_says("ACK", 1)
HANG_UP = sip.pause(300) + sip.caller_says("BYE", 2) + sip.got(200)


REFUSED = sip.got(100, optional=True) + sip.got(180, optional=True)
IS_REFERRED = sip.expect("REFER", more=sip.LOG_REFER_TO) + sip.answer_within("202 Accepted")
# Between two messages that one side sends, time passes: over UDP the later may come first.
A_MOMENT = sip.pause(200)
IS_MOVED = (
    IS_REFERRED
    + A_MOMENT
    + sip.caller_says("NOTIFY", 2, sip.SIPFRAG, "SIP/2.0 200 OK")
    + sip.got(200)
    + sip.expect("BYE")
    + sip.answer_within("200 OK")
)
NOBODY_THERE = REFUSED + sip.got(480) + sip.ACK_OF_REFUSAL
# The call of the agent who asks a colleague, as a Replaces header names it.
CONSULTATION = "consultation-1@phone;to-tag=ben;from-tag=ada"
QUOTE, ESCAPED = '"', '\\"'


async def test_an_answered_call_pops_and_ends_with_the_call(pbx: Pbx, ada: Screen) -> None:
    async with pbx.phone("101", PICK_UP, IS_HUNG_UP):
        calling = asyncio.create_task(pbx.play(REACH, HANG_UP, **caller(pbx)))
        pop = await first_pop(ada)
        call = pop["call"]
        assert call["ani"]["e164"] == CALLER
        assert (call["dnis"], call["cnam"]) == (SALES, "Kestrel Garden")
        assert (call["queue"], call["direction"]) == ("sales", "inbound")
        call_id = call["call_id"]
        assert (await ada.in_state(call_id, "answered"))["call"]["extension"] == "101"
        assert await ada.close_of(call_id) == "ended"
        await calling


@pytest.mark.parametrize("by", ["agent", "caller"])
async def test_the_end_says_who_hung_up(pbx: Pbx, product: Product, ada: Screen, by: str) -> None:
    phone_hangs_up = sip.pause(200) + sip.phone_says("BYE", 1) + sip.got(200)
    agent, other = phone_hangs_up, IS_HUNG_UP
    if by == "caller":
        agent, other = IS_HUNG_UP, HANG_UP
    async with pbx.phone("101", PICK_UP, agent):
        await pbx.play(REACH, other, **caller(pbx))
        call_id = (await first_pop(ada))["call"]["call_id"]
        await ada.close_of(call_id)
    async with await product.as_user("ada@example.com") as client:
        call = (await client.get(f"/api/v1/calls/{call_id}")).json()
    assert call["ended_reason"] == f"{by}_hung_up"


async def test_a_busy_phone_leaves_a_missed_call(pbx: Pbx, product: Product, ada: Screen) -> None:
    busy = sip.answer("180 Ringing") + sip.pause(200) + sip.answer("486 Busy Here")
    async with pbx.phone("101", sip.expect("INVITE"), busy, sip.expect("ACK")):
        refused = REFUSED + sip.got(486) + sip.ACK_OF_REFUSAL
        calling = asyncio.create_task(pbx.play(sip.call(), refused, **caller(pbx)))
        call_id = (await first_pop(ada))["call"]["call_id"]
        assert await ada.close_of(call_id) == "missed"
        await calling
    async with await product.as_user("ada@example.com") as client:
        call = (await client.get(f"/api/v1/calls/{call_id}")).json()
    assert (call["state"], call["ended_reason"]) == ("missed", "busy")


async def test_a_caller_who_gives_up_closes_the_pop(
    pbx: Pbx, product: Product, ada: Screen
) -> None:
    rings = (
        sip.expect("INVITE", more=sip.REMEMBER_THE_WAY)
        + sip.answer("180 Ringing")
        + sip.expect("CANCEL")
        + sip.answer_within("200 OK")
        + sip.ANSWER_487
        + sip.expect("ACK")
    )
    gives_up = (
        sip.got(100, optional=True)
        + sip.got(180)
        + sip.pause(300)
        + sip.CANCEL
        + sip.got(200)
        + sip.got(487)
        + sip.ACK_OF_REFUSAL
    )
    async with pbx.phone("101", rings):
        calling = asyncio.create_task(pbx.play(sip.call(), gives_up, **caller(pbx)))
        call_id = (await first_pop(ada))["call"]["call_id"]
        assert await ada.close_of(call_id) == "missed"
        await calling
    async with await product.as_user("ada@example.com") as client:
        call = (await client.get(f"/api/v1/calls/{call_id}")).json()
    assert call["ended_reason"] == "cancelled"


async def test_a_call_to_a_phone_that_is_not_there_is_missed(pbx: Pbx, product: Product) -> None:
    await pbx.play(sip.call(), NOBODY_THERE, **caller(pbx))
    async with await product.as_user("sue@example.com") as client, asyncio.timeout(10):
        missed: list[Any] = []
        while not missed:
            answer = await client.get("/api/v1/calls", params={"state": "missed"})
            missed = answer.json()["calls"]
    call = missed[0]
    assert call["ani"]["e164"] == CALLER
    assert (call["dnis"], call["ended_reason"]) == (SALES, "not_registered")


async def test_a_withheld_caller_has_no_number_and_no_name(pbx: Pbx, ada: Screen) -> None:
    async with pbx.phone("101", PICK_UP, IS_HUNG_UP):
        who = caller(pbx, withheld=True)
        calling = asyncio.create_task(pbx.play(REACH, HANG_UP, **who))
        pop = await first_pop(ada)
        await calling
    assert pop["call"]["ani"]["withheld"]
    assert CALLER not in str(ada.messages)
    assert pop["call"]["cnam"] is None


async def test_hold_and_resume_show_on_the_screen(pbx: Pbx, ada: Screen) -> None:
    def agent_offers(mode: str, cseq: int) -> str:
        offer = sip.phone_says("INVITE", cseq, mode)
        return offer + sip.got(100, optional=True) + sip.got(200) + sip.phone_says("ACK", cseq)

    def caller_accepts(mode: str) -> str:
        return sip.expect("INVITE") + sip.answer_within("200 OK", mode) + sip.expect("ACK")

    agent = agent_offers("sendonly", 1) + sip.pause(300) + agent_offers("sendrecv", 2)
    async with pbx.phone("101", PICK_UP, agent, IS_HUNG_UP):
        is_held = caller_accepts("recvonly") + caller_accepts("sendrecv")
        calling = asyncio.create_task(pbx.play(REACH, is_held, HANG_UP, **caller(pbx)))
        call_id = (await first_pop(ada))["call"]["call_id"]
        for state in ("answered", "held", "answered"):
            await ada.in_state(call_id, state)
        assert await ada.close_of(call_id) == "ended"
        await calling


async def test_a_transfer_moves_the_pop_to_the_next_agent(
    pbx: Pbx, product: Product, ada: Screen
) -> None:
    async with product.screen("ben@example.com") as ben, pbx.phone("102", PICK_UP, IS_HUNG_UP):
        async with pbx.phone("101", PICK_UP, transfer_to(pbx, "102")):
            referred_to = await pbx.play(REACH, IS_MOVED, **caller(pbx))
            call_id = (await first_pop(ada))["call"]["call_id"]
            assert await ada.close_of(call_id) == "transferred"
        shown = (await ben.pop(call_id))["call"]
        assert (shown["ani"]["e164"], shown["extension"]) == (CALLER, "102")
        moved_at = datetime.now(UTC)
        await pbx.play(REACH, HANG_UP, **caller(pbx) | {"uri": sip.address(referred_to)})
        assert await ben.close_of(call_id) == "ended"
    async with await product.as_user("ben@example.com") as client:
        call = (await client.get(f"/api/v1/calls/{call_id}")).json()
        every = (await client.get("/api/v1/calls")).json()["calls"]
    assert call["ended_reason"] == "caller_hung_up"
    # Not when the first agent hung up.
    assert datetime.fromisoformat(call["ended_at"]) > moved_at
    assert [each["call_id"] for each in every] == [call_id]


async def test_an_attended_transfer_moves_the_pop_to_who_was_asked(
    pbx: Pbx, product: Product, ada: Screen
) -> None:
    # Ben's phone takes the caller in place of the call from Ada, which Ada then hangs up.
    rings = sip.answer("180 Ringing") + A_MOMENT
    asked = rings + sip.answer("200 OK", "sendrecv") + sip.expect("ACK")
    takes = sip.answer("200 OK", "sendrecv") + sip.expect("ACK") + IS_HUNG_UP
    bens = sip.if_it_replaces_a_call(asked + IS_HUNG_UP, takes)
    async with product.screen("ben@example.com") as ben, pbx.phone("102", bens, calls=2):
        async with pbx.phone("101", PICK_UP, transfer_to(pbx, "102", CONSULTATION)):
            ring = asyncio.create_task(pbx.play(REACH, IS_MOVED, **caller(pbx)))
            call_id = (await first_pop(ada))["call"]["call_id"]
            await ada.in_state(call_id, "answered")
            who = caller(pbx, "102") | {"from": "Ada <sip:101@127.0.0.1>", "asserted": "101"}
            asking = asyncio.create_task(
                pbx.play(REACH, sip.pause(3000), HANG_UP, service="101", **who)
            )
            consultation = (await first_pop(ben))["call"]
            assert (consultation["direction"], consultation["ani"]["raw"]) == ("internal", "101")
            refer_to = sip.address(await ring)
            assert await ada.close_of(call_id) == "transferred"
        shown = (await ben.pop(call_id))["call"]
        assert (shown["ani"]["e164"], shown["extension"]) == (CALLER, "102")
        uri, _, replaces = refer_to.partition("?Replaces=")
        assert unquote(replaces) == CONSULTATION
        # It does not ring: the INVITE that came to Ben's phone had its Replaces.
        no_ring = sip.got(100, optional=True) + sip.got(200) + sip.caller_says("ACK", 1)
        takes_over = sip.call(f"Replaces: {CONSULTATION}\n") + no_ring
        talking = asyncio.create_task(
            pbx.play(takes_over, sip.pause(3000), HANG_UP, **caller(pbx) | {"uri": uri})
        )
        assert (await ben.in_state(call_id, "answered"))["call"]["extension"] == "102"
        assert await ben.close_of(consultation["call_id"]) == "ended"
        await asking
        assert call_id in ben.pops
        assert await ben.close_of(call_id) == "ended"
        await talking
    async with await product.as_user("ben@example.com") as client:
        every = (await client.get("/api/v1/calls")).json()["calls"]
    assert {each["call_id"] for each in every} == {call_id, consultation["call_id"]}


async def test_a_transfer_to_a_busy_phone_gives_the_pop_back(
    pbx: Pbx, product: Product, ada: Screen
) -> None:
    is_busy = sip.expect("INVITE") + sip.answer("486 Busy Here") + sip.expect("ACK")
    # Meanwhile the caller's second call is refused.
    notify = sip.pause(1500) + sip.caller_says("NOTIFY", 2, sip.SIPFRAG, "SIP/2.0 486 Busy")
    hang_up = sip.pause(300) + sip.caller_says("BYE", 3) + sip.got(200)
    async with (
        product.screen("ben@example.com") as ben,
        pbx.phone("102", is_busy),
        pbx.phone("101", PICK_UP, ask_for_transfer(pbx, "102"), IS_HUNG_UP),
    ):
        steps = (REACH, IS_REFERRED, notify, sip.got(200), hang_up)
        calling = asyncio.create_task(pbx.play(*steps, **caller(pbx)))
        call_id = (await first_pop(ada))["call"]["call_id"]
        assert await ada.close_of(call_id) == "transferred"
        who = caller(pbx) | {"uri": sip.address(await pbx.logged())}
        await pbx.play(sip.call(), REFUSED, sip.got(486), sip.ACK_OF_REFUSAL, **who)
        assert (await ada.in_state(call_id, "answered"))["call"]["extension"] == "101"
        assert await ben.close_of(call_id) == "answered_elsewhere"
        await ada.until(lambda s: s.closed[call_id] == "ended")
        await calling


async def test_a_transfer_that_nobody_follows_up_ends_the_call(
    product: Product, tmp_path: Path
) -> None:
    url = f"{product.url}/hooks/pbx"
    async with (
        kamailio.running(tmp_path, url, SECRET, TRANSFER_S="2") as pbx,
        product.screen("ada@example.com") as ada,
        product.screen("ben@example.com") as ben,
        pbx.phone("101", PICK_UP, transfer_to(pbx, "102")),
    ):
        await pbx.play(REACH, IS_MOVED, **caller(pbx))
        call_id = (await first_pop(ada))["call"]["call_id"]
        assert await ada.close_of(call_id) == "transferred"
        assert await ben.close_of(call_id) == "ended"


async def test_what_a_caller_writes_into_the_name_stays_text(pbx: Pbx, ada: Screen) -> None:
    name = """O'Hara {"ani": null}, {] $var(body) \u2603"""
    who = caller(pbx) | {"from": f'"{name.replace(QUOTE, ESCAPED)}" <sip:{CALLER}@trunk.example>'}
    async with pbx.phone("101", PICK_UP, IS_HUNG_UP):
        calling = asyncio.create_task(pbx.play(REACH, HANG_UP, **who))
        call = (await first_pop(ada))["call"]
        await calling
    assert call["ani"]["e164"] == CALLER
    assert call["cnam"].replace(ESCAPED, QUOTE) == name


@pytest.mark.parametrize(
    "key",
    [bytes(24), bytes(range(32)), bytes(range(192, 256))],
    ids=["shortest", "usual", "longest"],
)
async def test_every_post_is_signed_as_the_official_library_wants_it(
    tmp_path: Path, key: bytes
) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    async with receiving() as receiver, kamailio.running(tmp_path, receiver.url, secret) as pbx:
        await pbx.play(sip.call(), NOBODY_THERE, **caller(pbx))
        for event in ("incoming", "missed"):
            post = await receiver.next()
            assert Webhook(secret).verify(post.body, post.headers)["event"] == event
            assert post.headers["content-type"] == "application/json"


async def test_an_event_that_did_not_arrive_is_posted_again_as_the_same(tmp_path: Path) -> None:
    async with (
        receiving(503) as receiver,
        kamailio.running(tmp_path, receiver.url, SECRET) as pbx,
    ):
        await pbx.play(sip.call(), NOBODY_THERE, **caller(pbx))
        first, *others = [await receiver.next() for _ in range(3)]
        again = next(post for post in others if post.body == first.body)
        assert again.headers["webhook-id"] == first.headers["webhook-id"]
        assert Webhook(SECRET).verify(again.body, again.headers)["event"] == "incoming"
        assert {json.loads(post.body)["event"] for post in others} == {"incoming", "missed"}


async def test_an_event_that_is_refused_for_good_does_not_stop_the_others(tmp_path: Path) -> None:
    async with (
        receiving(422) as receiver,
        kamailio.running(tmp_path, receiver.url, SECRET) as pbx,
    ):
        await pbx.play(sip.call(), NOBODY_THERE, **caller(pbx))
        await pbx.play(sip.call(), NOBODY_THERE, **caller(pbx))
        posts = [await receiver.next() for _ in range(4)]
        assert len({post.headers["webhook-id"] for post in posts}) == 4


def transfer_to(pbx: Pbx, extension: str, replaces: str = "") -> str:
    """Transfer, and hang up when it is said to have worked."""
    bye = A_MOMENT + sip.phone_says("BYE", 2) + sip.got(200)
    return ask_for_transfer(pbx, extension, replaces) + bye


def ask_for_transfer(pbx: Pbx, extension: str, replaces: str = "") -> str:
    """Ask for a transfer, attended if a call is to be replaced; stay until told how it went."""
    consulted = f"?Replaces={quote(replaces)}" if replaces else ""
    to = f"Refer-To: <sip:{extension}@127.0.0.1:{pbx.port}{consulted}>\n"
    to += "Referred-By: <sip:[service]@pbx>\n"
    refer = (
        sip.pause(2000 if replaces else 200) + sip.phone_says("REFER", 1, more=to) + sip.got(202)
    )
    return refer + sip.expect("NOTIFY") + sip.answer_within("200 OK")
