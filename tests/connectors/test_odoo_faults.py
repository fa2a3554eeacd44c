"""What goes wrong with Odoo: wrong settings, missing rights, answers that changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.odoo import OdooConfig, OdooConnector
from connectors.sdk.types import (
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    ErrorKind,
    Purchase,
    RejectedRow,
    SourceError,
)
from tests.connectors.asking import checked, everything
from tests.connectors.fakes.odoo import LEGACY, FakeOdoo, OdooError, connector
from tests.connectors.web import WebServer, reply

KESTREL = CustomerRef("12")


@pytest.fixture
def vendor() -> FakeOdoo:
    return FakeOdoo()


@pytest.fixture(params=["json2", "jsonrpc"])
async def books(request: pytest.FixtureRequest, web: WebServer) -> AsyncIterator[OdooConnector]:
    source = connector(web, **(LEGACY if request.param == "jsonrpc" else {}))
    yield source
    await source.aclose()


@pytest.fixture
async def source(web: WebServer) -> AsyncIterator[OdooConnector]:
    made = connector(web)
    yield made
    await made.aclose()


async def test_an_id_that_is_no_number_is_not_asked_for(
    source: OdooConnector, vendor: FakeOdoo
) -> None:
    for hostile in ("12) or (1=1", "", "١٢", "9" * 30):
        assert isinstance(await source.fetch("balance", CustomerRef(hostile)), Empty)
    assert vendor.asked == []


async def test_the_connection_test_says_what_it_proved(books: OdooConnector) -> None:
    assert (await books.check()).proved == (
        "sign-in: company Meadow Ltd (EUR), days of Europe/Berlin",
        "contacts: 1 read of 4",
        "find: by Odoo's own search",
        "accounting: open entries can be read, credit limits are on in Odoo",
        "sales: orders: 1 read, products can be read",
        "helpdesk: tickets can be read",
    )


@pytest.mark.parametrize(
    ("changes", "gone", "status", "said"),
    [
        ({"api_key": "old"}, "", CheckStatus.INVALID_AUTH, "make a new one"),
        ({**LEGACY, "api_key": "old"}, "", CheckStatus.INVALID_AUTH, "login as well"),
        ({**LEGACY, "login": "x"}, "", CheckStatus.INVALID_AUTH, "login as well"),
        ({"database": "other"}, "", CheckStatus.BAD_CONFIG, "check base_url and `database`"),
        ({**LEGACY, "database": "other"}, "", CheckStatus.BAD_CONFIG, "no such database"),
        ({"company": "Meadow"}, "", CheckStatus.BAD_CONFIG, "check `company`"),
        ({}, "json2", CheckStatus.BAD_CONFIG, "set `protocol` to jsonrpc"),
        (LEGACY, "jsonrpc", CheckStatus.BAD_CONFIG, "set `protocol` to json2"),
    ],
)
async def test_wrong_settings_are_told_apart(
    web: WebServer, vendor: FakeOdoo, changes: Any, gone: str, status: CheckStatus, said: str
) -> None:
    vendor.gone = gone
    result = await checked(connector(web, **changes))
    assert (result.status, said in result.text) == (status, True), result


async def test_missing_rights_and_apps_are_named(web: WebServer, vendor: FakeOdoo) -> None:
    vendor.hidden = {"credit", "credit_limit"}
    del vendor.tables["helpdesk.ticket"]
    source = connector(web)
    result = await source.check()
    assert result.status == CheckStatus.MISSING_PERMISSION
    assert "role in Accounting" in result.text
    with pytest.raises(SourceError, match="the group that may") as caught:
        await source.fetch("balance", KESTREL)
    assert caught.value.kind is ErrorKind.AUTH_DENIED
    with pytest.raises(SourceError, match="does not have this app"):
        await source.fetch("tickets", KESTREL)
    await source.aclose()


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (reply([]), ErrorKind.BAD_DATA, "no object"),
        (reply({"uid": "7"}), ErrorKind.BAD_DATA, "whose key"),
        (reply(b"<html>", 200, "text/html"), ErrorKind.BAD_DATA, "web page"),
        (reply({"x": 1}, 429, retry_after="90"), ErrorKind.RATE_LIMITED, "less often"),
        (reply(OdooError("builtins.ValueError", "raw", 500).body, 500), ErrorKind.BAD_DATA,
         "does not know a field"),
    ],
)  # fmt: skip
async def test_a_changed_answer_is_named_and_not_read_as_nothing(
    source: OdooConnector, vendor: FakeOdoo, answer: bytes, kind: ErrorKind, said: str
) -> None:
    vendor.next = [answer]
    with pytest.raises(SourceError, match=said) as caught:
        await source.fetch("balance", KESTREL)
    assert caught.value.kind is kind
    assert "raw" not in caught.value.text


async def test_a_record_that_changed_its_form_is_rejected_alone(
    source: OdooConnector, vendor: FakeOdoo
) -> None:
    vendor.tables["res.partner"][0]["phone"] = {"number": "020"}
    vendor.tables["res.partner"][1]["user_id"] = 7
    items = await everything(source.contacts(None))
    assert [i for i in items if isinstance(i, RejectedRow)] == [
        RejectedRow("contact 1", "column `phone` of contact 1 is an object, not text"),
        RejectedRow("contact 2", "field `user_id` is no link of Odoo"),
    ]
    assert len([i for i in items if isinstance(i, ContactRow)]) == 2
    vendor.tables["sale.order"][0]["currency_id"] = "EUR"
    vendor.tables["product.product"][0]["lst_price"] = None
    history = await everything(source.purchases(None))
    assert RejectedRow("order 1", "field `currency_id` is no link of Odoo") in history
    assert len([i for i in history if isinstance(i, Purchase)]) == 2
    catalogue = await everything(source.catalogue(None))
    assert RejectedRow("product 1", "Odoo's answer has no field `lst_price`") in catalogue


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": "jsonrpc"}, "needs `database` and `login`"),
        ({"base_url": "acme.odoo.com"}, "https://"),
        ({"time_zone": "Berlin"}, "not a time zone"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], said: str) -> None:
    given = {"base_url": "https://acme.odoo.com", "api_key": "x", **changes}
    with pytest.raises(ValidationError, match=said):
        OdooConfig.model_validate(given)
