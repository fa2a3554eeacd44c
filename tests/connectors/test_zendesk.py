"""The Zendesk connector against a fake of its API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Checkpoint,
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    ErrorKind,
    Number,
    RejectedRow,
    SourceError,
    Tickets,
    Tombstone,
)
from connectors.zendesk import ZendeskConfig, ZendeskConnector
from tests.connectors.asking import ask, checked, everything
from tests.connectors.fakes.zendesk import (
    EMAIL,
    FORBIDDEN,
    NO_ACCOUNT,
    THROTTLED,
    TOKEN,
    FakeZendesk,
)
from tests.connectors.web import WebServer, hang_up, reply

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ADA = Number("+442079460958", "+442079460958", "020 7946 0958")


@pytest.fixture
def vendor() -> FakeZendesk:
    return FakeZendesk()


def connector(web: WebServer, **changes: Any) -> ZendeskConnector:
    settings = {
        "base_url": web.url,
        "email": EMAIL,
        "api_token": TOKEN,
        "allow_private_network": True,
        **changes,
    }
    config = ZendeskConfig.model_validate(settings)
    return ZendeskConnector(config, Context("desk", "GB", Path(), lambda: NOW))


@pytest.fixture
async def desk(web: WebServer) -> AsyncIterator[ZendeskConnector]:
    source = connector(web)
    yield source
    await source.aclose()


class TestContract(ConnectorContract):
    known = CustomerRef("51")
    unknown = CustomerRef("999")
    secrets = (TOKEN,)

    @pytest.fixture
    def working(self, web: WebServer) -> ZendeskConnector:
        return connector(web)

    @pytest.fixture
    def broken(self, web: WebServer) -> ZendeskConnector:
        web.answers["*"] = hang_up
        return connector(web)


async def test_end_users_are_read_and_agents_and_deleted_ones_are_not(
    desk: ZendeskConnector, web: WebServer
) -> None:
    items = await everything(desk.contacts(None))
    ada, abe = (item for item in items if isinstance(item, ContactRow))
    assert (ada.remote_id, ada.display_name, ada.company_name) == (
        "51",
        "Ada Kestrel",
        "Kestrel Garden",
    )
    assert (ada.external_id, ada.tags, ada.language) == ("C-100", ("vip",), "en-GB")
    assert ada.remote_url == f"{web.url}/agent/users/51"
    assert (abe.display_name, abe.company_name) == ("Abe Maine", None)
    assert [i for i in items if isinstance(i, Tombstone)] == [Tombstone("53"), Tombstone("54")]
    assert [i.where for i in items if isinstance(i, RejectedRow)] == ["user 5"]


async def test_a_read_goes_on_from_any_page_and_later_brings_changes_only(
    desk: ZendeskConnector,
) -> None:
    items = await everything(desk.contacts(None))
    marks = [item.cursor for item in items if isinstance(item, Checkpoint)]
    assert marks == ["2", "4", "end-1"]
    rest = await everything(desk.contacts("4"))
    assert [type(item) for item in rest] == [RejectedRow, Checkpoint]
    later = await everything(desk.contacts("end-1"))
    assert [item.display_name for item in later if isinstance(item, ContactRow)] == ["Abe M."]
    assert later[-1] == Checkpoint("end-2")


async def test_an_export_that_does_not_get_on_comes_to_an_end(
    desk: ZendeskConnector, vendor: FakeZendesk
) -> None:
    vendor.next = [reply({"users": [], "after_cursor": "7", "end_of_stream": False})]
    assert await everything(desk.contacts("7")) == [Checkpoint("7")]


async def test_a_number_is_found_and_the_same_digits_elsewhere_are_not(
    desk: ZendeskConnector,
) -> None:
    found = await desk.find(ADA)
    assert [(c.remote_id, c.company_name) for c in found] == [("51", "Kestrel Garden")]
    maine = await desk.find(Number("x", "+12079460958"))
    assert [(c.remote_id, c.company_name) for c in maine] == [("52", None)]
    assert await desk.find(Number("x", "+442079460001")) == []
    assert await desk.find(Number("x", "+1) type:ticket")) == []


async def test_tickets_are_those_that_the_user_asked_for(
    desk: ZendeskConnector, web: WebServer
) -> None:
    facts, found = await ask(desk, Tickets, CustomerRef("51"))
    assert [(t.number, t.status, t.priority) for t in facts.tickets] == [
        ("902", "solved", None),
        ("901", "open", "high"),
    ]
    assert facts.tickets[1].url == f"{web.url}/agent/tickets/901"
    assert found.remote_url == f"{web.url}/agent/users/51"
    assert isinstance(await desk.fetch("tickets", CustomerRef("52")), Empty)


async def test_an_id_that_is_no_number_is_not_asked_for(
    desk: ZendeskConnector, vendor: FakeZendesk
) -> None:
    assert isinstance(await desk.fetch("tickets", CustomerRef("../me")), Empty)
    assert isinstance(await desk.fetch("tickets", CustomerRef("٥١")), Empty)
    assert vendor.asked == []


async def test_the_connection_test_says_what_it_proved(desk: ZendeskConnector) -> None:
    result = await desk.check()
    assert result.proved == (
        "signed in as an admin",
        "contacts: 2 users in a sample",
        "find: the search answers",
        "tickets: can be read",
    )


@pytest.mark.parametrize(
    ("changes", "answers", "status", "said"),
    [
        ({"api_token": "old"}, [], CheckStatus.INVALID_AUTH, "e-mail and API token"),
        ({}, [FORBIDDEN], CheckStatus.MISSING_PERMISSION, "use an admin's"),
        ({}, [NO_ACCOUNT], CheckStatus.BAD_CONFIG, "no Zendesk account at this address"),
        ({}, [THROTTLED], CheckStatus.CANNOT_CONNECT, "less often"),
        ({}, [reply(b"", 503)], CheckStatus.OK, ""),
        ({}, [reply(b"<html>", 200, "text/html")], CheckStatus.BAD_CONFIG, "a web page"),
    ],
)
async def test_each_fault_has_its_words(
    web: WebServer,
    vendor: FakeZendesk,
    changes: dict[str, Any],
    answers: list[bytes],
    status: CheckStatus,
    said: str,
) -> None:
    vendor.next = answers
    result = await checked(connector(web, **changes))
    assert (result.status, said in result.text) == (status, True), result


async def test_an_agent_who_is_no_admin_is_told(web: WebServer, vendor: FakeZendesk) -> None:
    vendor.role = "agent"
    result = await checked(connector(web))
    assert result.status == CheckStatus.MISSING_PERMISSION
    assert "only admins" in result.text


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (THROTTLED, ErrorKind.RATE_LIMITED, "less often"),
        (reply({"error": "Couldn't authenticate you"}, 401), ErrorKind.AUTH_EXPIRED, "API token"),
        (reply({"rows": []}), ErrorKind.BAD_DATA, "no list of objects `tickets`"),
        (reply({"tickets": [{"id": {}}]}), ErrorKind.BAD_DATA, "column `number` of ticket 1"),
    ],
)
async def test_a_refusal_is_told_in_our_words(
    desk: ZendeskConnector, vendor: FakeZendesk, answer: bytes, kind: ErrorKind, said: str
) -> None:
    vendor.next = [answer]
    with pytest.raises(SourceError, match=said) as caught:
        await desk.fetch("tickets", CustomerRef("51"))
    assert caught.value.kind is kind
    if kind is ErrorKind.RATE_LIMITED:
        assert caught.value.retry_after_s == 93


async def test_a_user_without_an_id_stops_the_read(
    desk: ZendeskConnector, vendor: FakeZendesk
) -> None:
    vendor.next = [reply({"users": [{"active": False}], "end_of_stream": True})]
    with pytest.raises(SourceError, match="column `remote_id` of user 1"):
        await everything(desk.contacts(None))


def test_an_email_with_a_colon_would_end_the_name() -> None:
    settings = {"base_url": "https://acme.zendesk.com", "email": "a:b", "api_token": "x"}
    with pytest.raises(ValidationError, match="pattern"):
        ZendeskConfig.model_validate(settings)
