"""Phone systems that we connect to, through the running product."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from app.commands.doctor import stream_text
from app.streams import stream_healths
from app.telephony.asterisk import Asterisk
from app.telephony.freeswitch import Freeswitch
from app.telephony.stream import QUIET_S, StreamLost, StreamPhoneSystem
from tests.clock import skip
from tests.product import USERS, Product, settings_for
from tests.stream_servers import SECRET, WAIT_S, AsteriskServer, Fields, FreeswitchServer, Pbx
from tests.telephony.streams import Host

CALLER, LINKED = "+442079460958", "1795302301.0"
TRUNK = {"Channel": "PJSIP/trunk-00000000", "CallerIDNum": CALLER, "Uniqueid": LINKED}
TRUNK |= {"Linkedid": LINKED, "Exten": "+448005550100"}


@pytest_asyncio.fixture
async def product(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        yield running


@pytest_asyncio.fixture
async def asterisk() -> AsyncIterator[AsteriskServer]:
    async with AsteriskServer.listening() as pbx:
        yield pbx


async def connect(product: Product, pbx: Pbx, kind: str = "asterisk", secret: str = SECRET) -> None:
    settings = f"port: {pbx.port}, secret: {{env: AMI}}"
    if kind == "asterisk":
        settings += ", trunks: [trunk]"
    line = f"  - {{slug: desk, kind: {kind}, settings: {{{settings}}}}}\n"
    await product.configure(USERS + line, AMI=secret)


LEG = {"Unique-ID": "a", "Call-Direction": "inbound", "Caller-Context": "public"}


def rings(extension: str, linked: str = LINKED) -> list[Fields]:
    first = TRUNK | {"Uniqueid": linked, "Linkedid": linked}
    phone = {"DestChannel": f"PJSIP/{extension}-00000001", "DestUniqueid": f"{linked}1"}
    return [{"Event": "Newchannel", **first}, {"Event": "DialBegin", **first, **phone}]


def answered(extension: str) -> Fields:
    phone = {"DestChannel": f"PJSIP/{extension}-00000001", "DialStatus": "ANSWER"}
    return {"Event": "DialEnd", **TRUNK, **phone}


async def connected(product: Product) -> dict[str, Any]:
    """Return the health of the stream as soon as it is connected."""
    return await health(product, lambda said: said["connected"])


async def not_connected(product: Product, why: str) -> str:
    """Return what is wrong with the stream, as soon as it is this."""
    said = await health(product, lambda said: not said["connected"] and why in said["error"])
    error: str = said["error"]
    return error


async def health(product: Product, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_S), await product.as_user("root@example.com") as root:
        while True:
            answer = await root.get("/api/v1/phone-systems/desk")
            said: dict[str, Any] = answer.json()["health"]
            if wanted(said):
                return said
            await asyncio.sleep(0.02)


async def test_a_call_of_the_pbx_is_on_its_agents_screen(
    product: Product, asterisk: AsteriskServer
) -> None:
    await connect(product, asterisk)
    await asterisk.until(1)
    async with product.screen("ada@example.com") as ada, product.screen("ben@example.com") as ben:
        await asterisk.tell(*rings("101"))
        pop = await ada.pop(f"desk:{LINKED}")
        assert pop["call"]["ani"]["e164"] == CALLER
        await asterisk.tell(answered("101"))
        await ada.in_state(f"desk:{LINKED}", "answered")
        await asterisk.tell({"Event": "Hangup", **TRUNK, "Cause": "16"})
        assert await ada.close_of(f"desk:{LINKED}") == "ended"
        await ben.quiet()


async def test_after_a_broken_connection_the_screens_agree_with_the_pbx_again(
    product: Product, asterisk: AsteriskServer
) -> None:
    await connect(product, asterisk)
    await asterisk.until(1)
    async with product.screen("ada@example.com") as ada, product.screen("ben@example.com") as ben:
        await asterisk.tell(*rings("101"), *rings("102", "2.0"))
        await ada.pop(f"desk:{LINKED}")
        await ben.pop("desk:2.0")
        # While nobody listens the first call ends, the second is answered, a third comes in.
        phone = {"Uniqueid": "2.1", "Linkedid": "2.0", "CallerIDNum": "102"}
        asterisk.channels = [
            TRUNK | {"Uniqueid": "2.0", "Linkedid": "2.0", "ChannelStateDesc": "Up"},
            phone | {"Channel": "PJSIP/102-00000001", "ChannelStateDesc": "Up"},
            TRUNK | {"Uniqueid": "3.0", "Linkedid": "3.0", "ChannelStateDesc": "Ring"},
            {"Channel": "PJSIP/101-00000007", "ChannelStateDesc": "Ringing"}
            | {"Uniqueid": "3.1", "Linkedid": "3.0"},
        ]
        await asterisk.hang_up()
        assert await ada.close_of(f"desk:{LINKED}") == "missed"
        await ben.in_state("desk:2.0", "answered")
        assert (await ada.pop("desk:3.0"))["call"]["ani"]["e164"] == CALLER
        await asterisk.tell({"Event": "Hangup", **TRUNK, "Uniqueid": "3.0", "Linkedid": "3.0"})
        await ada.close_of("desk:3.0")


async def test_the_health_of_the_connection_is_shown(
    product: Product, asterisk: AsteriskServer
) -> None:
    await connect(product, asterisk)
    up = await connected(product)
    assert (up["error"], up["since"] is not None) == (None, True)
    async with await product.as_user("root@example.com") as root:
        items = (await root.get("/api/v1/phone-systems")).json()["items"]
    assert {item["slug"]: item["health"] for item in items} == {"pbx": None, "desk": up}
    async with product.runtime.db.read() as session:
        found = (await stream_healths(session, product.runtime))["desk"]
    assert stream_text("asterisk", found).startswith("asterisk, connected since 20")


async def test_a_wrong_secret_is_said_and_a_right_one_connects_at_once(
    product: Product, asterisk: AsteriskServer
) -> None:
    await connect(product, asterisk, secret="wrong")
    said = await not_connected(product, "refuses the manager user or its secret")
    assert "wrong" not in said
    await connect(product, asterisk)
    await asterisk.until(1)
    assert (await connected(product))["error"] is None


async def test_a_phone_system_that_is_removed_is_left_alone(
    product: Product, asterisk: AsteriskServer
) -> None:
    await connect(product, asterisk)
    await asterisk.until(1)
    await product.configure()
    await asterisk.until(0)


async def test_a_pbx_that_cannot_be_reached_says_so(product: Product) -> None:
    async with AsteriskServer.listening() as gone:
        pass
    await connect(product, gone)
    assert f"127.0.0.1:{gone.port}" in await not_connected(product, "cannot be reached")


async def test_of_two_processes_one_is_connected_and_the_other_takes_over(
    migrated_postgres_url: str, tmp_path: Path, asterisk: AsteriskServer
) -> None:
    keys = Fernet.generate_key().decode()
    settings = settings_for(migrated_postgres_url, tmp_path, secret_keys=keys)
    async with Product.running(settings) as second:
        async with Product.running(settings) as first:
            await connect(first, asterisk)
            await asterisk.until(1)
            async with first.screen("ada@example.com") as a, second.screen("ada@example.com") as b:
                await asterisk.tell(*rings("101"))
                await a.pop(f"desk:{LINKED}")
                await b.pop(f"desk:{LINKED}")
            assert (asterisk.connections, asterisk.logins) == (1, 1)
            assert await connected(first) == await connected(second)
        await asterisk.until(1)
        async with second.screen("ada@example.com") as ada:
            await asterisk.tell(*rings("101", "9.0"))
            await ada.pop("desk:9.0")


async def test_freeswitch_is_followed_too(product: Product) -> None:
    first = {"Unique-ID": "a", "Channel-Call-UUID": "a", "Call-Direction": "inbound"}
    first |= {"Caller-Context": "public", "Caller-Caller-ID-Number": CALLER}
    phone = {"Unique-ID": "b", "Channel-Call-UUID": "a", "Call-Direction": "outbound"}
    phone |= {"Channel-Presence-ID": "101@pbx.example", "Caller-Caller-ID-Number": CALLER}
    async with FreeswitchServer.listening() as pbx:
        await connect(product, pbx, "freeswitch")
        await pbx.until(1)
        async with product.screen("ada@example.com") as ada:
            created = {"Event-Name": "CHANNEL_CREATE"}
            await pbx.tell(created | first, created | phone)
            assert (await ada.pop("desk:a"))["call"]["ani"]["e164"] == CALLER
            await pbx.hang_up()
            assert await ada.close_of("desk:a") == "missed"


@pytest.mark.parametrize("kind", ["asterisk", "freeswitch"])
async def test_a_webhook_for_a_stream_is_refused(product: Product, kind: str) -> None:
    async with AsteriskServer.listening() as pbx:
        await connect(product, pbx, kind)
        assert (await product.client.post("/hooks/desk", content=b"{}")).status_code == 401


@pytest.mark.parametrize(
    ("server", "system"), [(AsteriskServer, Asterisk), (FreeswitchServer, Freeswitch)]
)
async def test_a_pbx_that_falls_silent_is_given_up(
    server: type[Pbx], system: type[StreamPhoneSystem[Any]]
) -> None:
    host = Host()
    async with server.listening() as pbx:
        config = system.Config.model_validate({"port": pbx.port, "secret": SECRET})
        running = asyncio.create_task(system("desk", config).run(host))
        await pbx.until(1)
        await host.is_connected.wait()
        skip(QUIET_S)
        await pbx.pinged(1)
        # It is heard again, so that the next silence is not yet the end.
        await pbx.tell({"Event": "Newchannel", "Event-Name": "CHANNEL_CREATE", **TRUNK, **LEG})
        await host.heard.wait()
        pbx.silent = True
        skip(QUIET_S)
        await pbx.pinged(2)
        skip(QUIET_S)
        with pytest.raises(StreamLost, match="silent"):
            await asyncio.wait_for(running, WAIT_S)
