"""The LDAP connector against a real slapd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.ldap import LdapConfig, LdapConnector
from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Checkpoint,
    CheckStatus,
    ContactRow,
    CustomerRef,
    ErrorKind,
    Number,
    PhoneRow,
    SourceError,
)
from tests.connectors.fakes.ldap import ACCOUNT, BASE, BLIND, LIMITED, PASSWORD, Slapd, slapd

ADA = Number("+442079460958", "+442079460958", "020 7946 0958")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("ldap")) as server:
        yield server


def config(directory: Slapd, **changes: Any) -> LdapConfig:
    settings: dict[str, Any] = {
        "url": directory.url,
        "bind_dn": ACCOUNT,
        "password": PASSWORD,
        "base_dn": f"ou=people,{BASE}",
        "ca_file": "cert.pem",
        "allow_private_network": True,
        "tag": "colleague",
        "timeout_s": 5,
    }
    return LdapConfig.model_validate({**settings, **changes})


def connector(directory: Slapd, **changes: Any) -> LdapConnector:
    context = Context("people", "GB", directory.folder)
    return LdapConnector(config(directory, **changes), context)


@pytest.fixture
async def people(directory: Slapd) -> AsyncIterator[LdapConnector]:
    source = connector(directory)
    yield source
    await source.aclose()


async def everybody(source: LdapConnector) -> dict[str, ContactRow]:
    items = [item async for item in source.contacts(None)]
    assert items[-1] == Checkpoint(None)
    rows = [item for item in items if isinstance(item, ContactRow)]
    return {row.display_name: row for row in rows}


class TestContract(ConnectorContract):
    known = CustomerRef("0b1e7e5c-7c2e-4a51-9e52-3f0f6f3f2a01")
    unknown = CustomerRef("no-such")
    secrets = (PASSWORD,)

    @pytest.fixture
    def working(self, directory: Slapd) -> LdapConnector:
        return connector(directory)

    @pytest.fixture
    def broken(self, directory: Slapd) -> LdapConnector:
        return connector(directory, url="ldap://127.0.0.1:1")


async def test_everybody_with_a_number_is_read_page_by_page(directory: Slapd) -> None:
    found = await everybody(connector(directory, page_size=2))
    assert set(found) == {"Ada L.", "Abe Maine", "Bob (Stores)", "Zoë Müller"}
    assert found["Zoë Müller"].company_name == "Paper & Co"
    assert [p.raw for p in found["Bob (Stores)"].phone_numbers] == [
        "(020) 7946-0959",
        "+44 20 7946 0960",
        "020 7946 0961",
    ]


async def test_a_person_has_an_id_that_outlives_a_new_name(people: LdapConnector) -> None:
    ada = (await everybody(people))["Ada L."]
    assert ada.remote_id == "0b1e7e5c-7c2e-4a51-9e52-3f0f6f3f2a01"
    assert ada.phone_numbers == (
        PhoneRow(raw="+44 (0)20 7946 0958"),
        PhoneRow(raw="07700 900123", type="mobile"),
    )
    assert ada.email_addresses == ("ada@example.com",)
    assert ada.tags == ("colleague", "Accounts")
    assert ada.language == "en"


async def test_only_a_web_address_is_a_link(people: LdapConnector) -> None:
    found = await everybody(people)
    assert found["Ada L."].remote_url == "https://people.example.com/ada"
    assert found["Bob (Stores)"].remote_url is None


async def test_a_number_is_found_however_it_is_written(people: LdapConnector) -> None:
    for e164, name in [
        ("+442079460958", "Ada L."),
        ("+447700900123", "Ada L."),
        ("+442079460959", "Bob (Stores)"),
        ("+442079460961", "Bob (Stores)"),
        ("+49305557160", "Zoë Müller"),
    ]:
        assert [c.display_name for c in await people.find(Number(e164, e164))] == [name], e164


async def test_the_same_digits_of_another_country_are_not_found(people: LdapConnector) -> None:
    assert [c.display_name for c in await people.find(ADA)] == ["Ada L."]
    maine = await people.find(Number("+12079460958", "+12079460958"))
    assert [c.display_name for c in maine] == ["Abe Maine"]
    assert await people.find(Number("+442079460000", "+442079460000")) == []


async def test_a_caller_cannot_put_words_into_the_filter(people: LdapConnector) -> None:
    assert await people.find(Number("*)(cn=*", "+*)(cn=*")) == []


@pytest.mark.parametrize("secure", ["ldaps", "starttls", "plain"])
async def test_the_connection_test_says_how_it_is_encrypted(directory: Slapd, secure: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "ldaps": {"url": directory.tls_url},
        "starttls": {},
        "plain": {"start_tls": False},
    }
    changes = ways[secure]
    result = await connector(directory, **changes).check()
    assert result.status == CheckStatus.OK, result.text
    channel = "not encrypted" if secure == "plain" else "TLSv1.3"
    assert result.proved == (
        f"connected, {channel}", "signed in", "contacts: 4 people with a number"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"password": "wrong"}, CheckStatus.INVALID_AUTH, "bind_dn and password"),
        ({"bind_dn": "", "password": ""}, CheckStatus.INVALID_AUTH, "wants an account"),
        ({"bind_dn": BLIND}, CheckStatus.BAD_CONFIG, "may not see it"),
        ({"bind_dn": LIMITED}, CheckStatus.BAD_CONFIG, "raise its limit"),
        ({"base_dn": "ou=nobody,dc=example,dc=com"}, CheckStatus.BAD_CONFIG, "base_dn is not in"),
        ({"base_dn": "people"}, CheckStatus.BAD_CONFIG, "written as a DN"),
        ({"person_filter": "(cn=Silent)"}, CheckStatus.BAD_CONFIG, "nobody with a name"),
        ({"ca_file": ""}, CheckStatus.CANNOT_CONNECT, "certificate"),
        ({"ca_file": "key.pem"}, CheckStatus.BAD_CONFIG, "ca_file cannot be read"),
        ({"url": "ldap://no-such-host.invalid"}, CheckStatus.CANNOT_CONNECT, "host name"),
        ({"url": "ldap://127.0.0.1:1"}, CheckStatus.CANNOT_CONNECT, "nothing answers"),
        (
            {"url": "ldaps://127.0.0.1", "allow_private_network": False},
            CheckStatus.BAD_CONFIG,
            "allow_private_network: true",
        ),
        ({"url": "ldaps://169.254.169.254"}, CheckStatus.BAD_CONFIG, "can never have"),
    ],
)
async def test_each_fault_has_its_words(
    directory: Slapd, changes: dict[str, Any], status: CheckStatus, said: str
) -> None:
    source = connector(directory, **changes)
    result = await source.check()
    assert (result.status, said in result.text) == (status, True), result
    assert "wrong" not in result.text


async def test_a_certificate_of_another_host_is_refused(directory: Slapd) -> None:
    source = connector(directory, url=f"ldaps://localhost:{directory.tls_port}")
    with pytest.raises(SourceError) as caught:
        await source.find(ADA)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert "of another host" in caught.value.text


async def test_a_directory_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    source = connector(Slapd(port, port, tmp_path), start_tls=False, timeout_s=1, ca_file="")
    with pytest.raises(SourceError) as caught:
        await source.find(ADA)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    server.close()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "https://directory.example.com"}, "ldaps://host"),
        ({"url": "ldap://host/dc=example"}, "no path"),
        ({"url": "ldap://ada:pw@host"}, "ldaps://host"),
        ({"url": "ldap://host", "start_tls": False, "allow_private_network": False}, "can be read"),
        ({"bind_dn": "cn=me", "password": ""}, "password is missing"),
        ({"person_filter": "(cn=*"}, "LDAP filter"),
        ({"phone_attributes": ["mobile)(cn=*"]}, "attribute is a name"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], said: str) -> None:
    settings = {"url": "ldaps://host", "base_dn": BASE, "allow_private_network": True, **changes}
    with pytest.raises(ValidationError, match=said):
        LdapConfig.model_validate(settings)


async def test_a_file_outside_the_directory_is_no_directory(tmp_path: Path) -> None:
    gone = Slapd(1, 1, tmp_path)
    result = await connector(gone, url=gone.tls_url, ca_file="none.pem").check()
    assert result.text == "ca_file cannot be read as PEM"
