"""The Zoho Books preset against a fake from Zoho's documentation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.presets import presets, with_preset
from connectors.rest import RestConfig, RestConnector
from connectors.sdk.connector import Context
from connectors.sdk.grants import Grant
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    CheckStatus,
    ContactRow,
    CreditTerms,
    CustomerRef,
    ErrorKind,
    Found,
    Item,
    Purchases,
    SourceError,
    Tombstone,
)
from tests.connectors.asking import ask, checked, everything, facts_of
from tests.connectors.fakes.zoho_books import CUSTOMERS, ORGANISATION, ZohoBooks
from tests.connectors.grants import MemoryGrants
from tests.connectors.web import WebServer, web_server

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HARBOUR = CustomerRef(CUSTOMERS[0]["contact_id"])
SECRET = "s3cret"


def grant(*, age_h: float = 0.5, refresh_token: str = "1000.refresh") -> Grant:
    expires = NOW + timedelta(hours=1 - age_h)
    return Grant("1000.first", refresh_token, expires)


def connector(web: WebServer, given: Grant | None = None, **settings: Any) -> RestConnector:
    own = {
        "base_url": f"{web.url}/books/v3",
        "allow_private_network": True,
        "auth": {
            "client_id": "1000.APP",
            "client_secret": SECRET,
            "token_url": f"{web.url}/oauth/v2/token",
        },
        "query": {"organization_id": ORGANISATION},
        **settings,
    }
    config = RestConfig.model_validate(with_preset(presets()["zoho-books"], own))
    grants = MemoryGrants(given or grant())
    return RestConnector(config, Context("zoho", "GB", now=lambda: NOW, grants=grants))


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    async with web_server() as server:
        yield server


@pytest.fixture
async def zoho(web: WebServer) -> ZohoBooks:
    return ZohoBooks(web)


@pytest.fixture
async def source(web: WebServer, zoho: ZohoBooks) -> AsyncIterator[RestConnector]:
    made = connector(web)
    yield made
    await made.aclose()


class TestContract(ConnectorContract):
    known = HARBOUR
    unknown = CustomerRef("999")
    secrets = (SECRET, "1000.refresh")

    @pytest.fixture
    def working(self, web: WebServer, zoho: ZohoBooks) -> RestConnector:
        return connector(web)

    @pytest.fixture
    def broken(self, web: WebServer) -> RestConnector:
        return connector(web, base_url="http://127.0.0.1:1/books/v3")


async def failure(source: RestConnector) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.fetch("balance", HARBOUR)
    await source.aclose()
    assert "<b>" not in caught.value.text
    return caught.value


async def test_open_invoices_less_unused_credits_are_the_balance(source: RestConnector) -> None:
    owed = await facts_of(source, Balance, HARBOUR)
    # 500.00 + 286.50 - 86.25, of which 500.00 are 83 days late.
    assert (owed.currency, owed.balance) == ("GBP", Decimal("700.25"))
    assert (owed.overdue_amount, owed.unapplied_credit) == (Decimal(500), Decimal("86.25"))
    assert [i.days_overdue for i in owed.open_invoices] == [83, 0]
    assert [p.payment_method for p in owed.payments] == ["Bank Transfer"]


async def test_an_organisation_without_credit_limits_gives_none(source: RestConnector) -> None:
    terms = await facts_of(source, CreditTerms, HARBOUR)
    assert (terms.credit_limit, terms.credit_available) == (None, None)
    assert (terms.payment_terms, terms.days_until_due) == ("Net 30", 30)


async def test_a_credit_limit_is_read_where_it_is_switched_on(
    source: RestConnector, zoho: ZohoBooks
) -> None:
    zoho.customers[0]["credit_limit"] = 5000
    terms = await facts_of(source, CreditTerms, HARBOUR)
    assert terms.credit_available == Decimal("4213.50")


async def test_contacts_are_read_page_by_page_and_inactive_ones_are_gone(
    source: RestConnector, zoho: ZohoBooks
) -> None:
    items = await everything(source.contacts(None))
    harbour = items[0]
    assert isinstance(harbour, ContactRow)
    assert harbour.external_id == "C-100"
    assert [p.raw for p in harbour.phone_numbers] == ["020 7946 0958", "+44 7700 900123"]
    assert items[1] == Tombstone("460000000026050")
    assert [r.query["page"] for r in zoho.web.requests] == ["1", "2"]


async def test_sales_orders_and_items_are_read(source: RestConnector) -> None:
    bought = await facts_of(source, Purchases, HARBOUR)
    assert bought.orders[0].order_number == "SO-7"
    items = [i async for i in source.catalogue(None) if isinstance(i, Item)]
    assert [(i.sku, i.inventory_quantity, i.is_active) for i in items] == [
        ("SPADE", Decimal(7), True),
        (None, None, False),
    ]


async def test_an_expired_token_is_renewed_before_it_is_used(
    web: WebServer, zoho: ZohoBooks
) -> None:
    zoho.token = "another"
    source = connector(web, grant(age_h=2))
    assert isinstance(await source.fetch("balance", HARBOUR), Found)
    await source.aclose()
    assert zoho.tokens_given == 1


async def test_a_token_that_zoho_takes_back_is_renewed_once(
    web: WebServer, zoho: ZohoBooks
) -> None:
    zoho.token = "1000.taken-back"
    source = connector(web)
    assert isinstance(await source.fetch("credit_terms", HARBOUR), Found)
    await source.aclose()
    assert zoho.tokens_given == 1


async def test_a_withdrawn_authorisation_asks_a_person_to_connect_again(
    web: WebServer, zoho: ZohoBooks
) -> None:
    error = await failure(connector(web, grant(age_h=2, refresh_token="1000.withdrawn")))
    assert error.kind is ErrorKind.AUTH_EXPIRED
    assert "connect zoho again" in error.text


async def test_a_wrong_organisation_says_where_to_find_the_right_one(
    web: WebServer, zoho: ZohoBooks
) -> None:
    result = await checked(connector(web, query={"organization_id": "1"}))
    assert result.status is CheckStatus.BAD_CONFIG
    assert "Organization Profile" in result.text


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (401, 57, ErrorKind.AUTH_DENIED, "the scope lacks it"),
        (429, 44, ErrorKind.RATE_LIMITED, "in this minute"),
        (429, 45, ErrorKind.RATE_LIMITED, "of the day"),
        (500, 1000, ErrorKind.UNAVAILABLE, "a fault of its own"),
    ],
)
async def test_errors_say_what_to_do(
    web: WebServer, zoho: ZohoBooks, status: int, code: int, kind: ErrorKind, words: str
) -> None:
    zoho.refuse["invoices"] = (status, code)
    error = await failure(connector(web))
    assert error.kind is kind
    assert words in error.text


async def test_a_renamed_field_is_not_taken_for_no_limit(
    web: WebServer, source: RestConnector, zoho: ZohoBooks
) -> None:
    del zoho.customers[0]["payment_terms"]
    _, found = await ask(source, CreditTerms, HARBOUR)
    assert found.incomplete == (
        "the answer has no `payment_terms` (days_until_due): was it renamed?"
    )
