"""The HubSpot connector against a fake of its API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.hubspot import HubspotConfig, HubspotConnector
from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    Item,
    Number,
    Owner,
    Purchase,
    Purchases,
    RejectedRow,
    SourceError,
    Tickets,
    Tombstone,
)
from tests.connectors.asking import ask, checked, everything, facts_of
from tests.connectors.fakes.hubspot import MISSING_SCOPES, TOKEN, FakeHubspot, error, throttled
from tests.connectors.web import Request, WebServer, hang_up, reply

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KESTREL = CustomerRef("contact/51")
KESTREL_PAGE = "https://app-eu1.hubspot.com/contacts/146500/record/0-1/51"
ADA = Number("+442079460958", "+442079460958", "020 7946 0958")


@pytest.fixture
def vendor() -> FakeHubspot:
    return FakeHubspot()


def connector(web: WebServer, **changes: Any) -> HubspotConnector:
    settings = {
        "base_url": web.url,
        "access_token": TOKEN,
        "invoices": True,
        "external_id_property": "account_no",
        "allow_private_network": True,
        **changes,
    }
    config = HubspotConfig.model_validate(settings)
    return HubspotConnector(config, Context("crm", "GB", Path(), lambda: NOW))


@pytest.fixture
async def crm(web: WebServer) -> AsyncIterator[HubspotConnector]:
    source = connector(web)
    yield source
    await source.aclose()


class TestContract(ConnectorContract):
    known = KESTREL
    unknown = CustomerRef("contact/999")
    secrets = (TOKEN,)

    @pytest.fixture
    def working(self, web: WebServer) -> HubspotConnector:
        return connector(web)

    @pytest.fixture
    def broken(self, web: WebServer) -> HubspotConnector:
        web.answers["*"] = hang_up
        return connector(web)


async def test_contacts_and_companies_are_read_page_by_page(crm: HubspotConnector) -> None:
    items = await everything(crm.contacts(None))
    rows = {item.remote_id: item for item in items if isinstance(item, ContactRow)}
    assert set(rows) == {"contact/51", "contact/52", "company/7"}
    ada = rows["contact/51"]
    assert (ada.display_name, ada.company_name) == ("Ada Kestrel", "Kestrel Garden")
    assert [(p.raw, p.type) for p in ada.phone_numbers] == [
        ("020 7946 0958", None),
        ("+44 7700 900123", "mobile"),
    ]
    assert ada.external_id == "C-100"
    assert ada.owner == Owner(name="Olga Owner", email="olga@us.example")
    assert ada.tags == ("customer",)
    assert ada.remote_url == KESTREL_PAGE
    assert rows["company/7"].remote_url == KESTREL_PAGE.replace("0-1/51", "0-2/7")


async def test_a_record_without_a_name_is_rejected_and_a_merged_one_is_gone(
    crm: HubspotConnector,
) -> None:
    items = await everything(crm.contacts(None))
    assert Tombstone("contact/40") in items
    rejected = [item for item in items if isinstance(item, RejectedRow)]
    assert [r.where for r in rejected] == ["contact contact/53 1"]
    assert "display_name" in rejected[0].why


async def test_a_read_that_broke_off_goes_on_where_it_was(
    crm: HubspotConnector, vendor: FakeHubspot
) -> None:
    items = await everything(crm.contacts(None))
    half = next(item for item in items if isinstance(item, Checkpoint))
    assert half.cursor == "2026-11-22T08:55:00+00:00 contact 52"
    rest = await everything(crm.contacts(half.cursor))
    ids = [item.remote_id for item in rest if isinstance(item, ContactRow)]
    assert ids == ["company/7"]
    assert rest[-1] == items[-1] == Checkpoint("2026-11-22T08:55:00+00:00")


async def test_a_later_read_brings_changes_and_deletions_only(
    crm: HubspotConnector, vendor: FakeHubspot
) -> None:
    items = await everything(crm.contacts("2026-11-02T00:00:00+00:00"))
    assert [i.remote_id for i in items if isinstance(i, ContactRow)] == ["contact/51", "company/7"]
    assert [i for i in items if isinstance(i, Tombstone)] == [
        Tombstone("contact/40"),
        Tombstone("contact/60"),
    ]
    assert vendor.count("/objects/contacts?limit=100&properties") == 0


async def test_past_what_one_search_gives_the_next_goes_on(
    web: WebServer, vendor: FakeHubspot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors._hubspot_api._SEARCHED", 101)
    crm = connector(web, companies=False)
    items = await everything(crm.contacts("2026-10-01T00:00:00+00:00"))
    await crm.aclose()
    assert {i.remote_id for i in items if isinstance(i, ContactRow)} == {"contact/51", "contact/52"}
    assert vendor.count("search") == 2


async def test_a_number_is_found_and_the_same_digits_elsewhere_are_not(
    crm: HubspotConnector,
) -> None:
    assert [c.remote_id for c in await crm.find(ADA)] == ["contact/51"]
    maine = Number("+12079460958", "+12079460958")
    assert [c.remote_id for c in await crm.find(maine)] == ["contact/52"]
    mobile = Number("+447700900123", "+447700900123")
    assert [c.remote_id for c in await crm.find(mobile)] == ["contact/51"]
    assert await crm.find(Number("+442079460000", "+442079460000")) == []


async def test_open_invoices_become_a_balance_without_mixing_currencies(
    crm: HubspotConnector,
) -> None:
    owed, found = await ask(crm, Balance, KESTREL)
    assert (owed.currency, owed.balance) == ("GBP", Decimal("856.10"))
    assert (owed.overdue_amount, owed.oldest_due_date) == (Decimal("456.00"), date(2026, 10, 12))
    assert [(o.currency, o.balance) for o in owed.other_currencies] == [("USD", Decimal("50.00"))]
    assert owed.unapplied_credit is None
    assert [i.number for i in owed.open_invoices] == ["INV-701", "INV-702"]
    assert found.remote_url == KESTREL_PAGE


async def test_balances_are_not_promised_without_invoices(web: WebServer) -> None:
    source = connector(web, invoices=False)
    assert source.provides == {"contacts", "find", "tickets", "purchases", "history", "catalogue"}
    await source.aclose()


async def test_won_deals_are_purchases_of_the_day_in_the_accounts_zone(
    crm: HubspotConnector,
) -> None:
    bought = await facts_of(crm, Purchases, KESTREL)
    # 801 was closed at 23:30 UTC, which was 1 July in London.
    assert [(o.order_number, o.order_date) for o in bought.orders] == [
        ("801", date(2026, 7, 1)),
        ("804", date(2026, 5, 7)),
        ("802", date(2026, 5, 5)),
    ]
    assert (bought.currency, bought.lifetime_amount) == ("GBP", Decimal("150.50"))
    assert [(i.sku, i.quantity) for i in bought.orders[0].line_items] == [
        ("SPADE", Decimal(2)),
        ("FORK", Decimal(1)),
    ]
    assert bought.orders[2].line_items == ()


async def test_the_history_has_each_won_deal_of_a_customer(crm: HubspotConnector) -> None:
    items = await everything(crm.purchases(None))
    assert items[-1] == Checkpoint(None)
    bought = [item for item in items if isinstance(item, Purchase)]
    assert [(p.remote_id, p.order.order_number, p.order.currency) for p in bought] == [
        ("contact/51", "801", "GBP"),
        ("contact/51", "802", "GBP"),
        ("company/7", "804", "EUR"),
    ]
    assert [line.item_id for line in bought[0].order.line_items] == ["31", "32"]
    assert bought[1].order.line_items == ()


async def test_products_are_the_catalogue_and_have_no_stock(crm: HubspotConnector) -> None:
    items = await everything(crm.catalogue(None))
    spade, fork = (item for item in items if isinstance(item, Item))
    assert (spade.item_id, spade.sku, spade.unit_price) == ("31", "SPADE", Decimal("30.25"))
    assert (fork.unit_price, fork.inventory_quantity) == (None, None)


async def test_tickets_have_the_label_of_their_stage(crm: HubspotConnector) -> None:
    facts = await facts_of(crm, Tickets, KESTREL)
    assert [(t.number, t.status, t.priority) for t in facts.tickets] == [
        ("902", "Closed", None),
        ("901", "New", "HIGH"),
    ]
    assert facts.tickets[1].url == KESTREL_PAGE.replace("0-1/51", "0-5/901")


async def test_an_id_that_is_none_of_hubspots_is_not_asked_for(
    crm: HubspotConnector, vendor: FakeHubspot
) -> None:
    for remote_id in ("51", "contact/../7", "deal/801", "contact/"):
        assert isinstance(await crm.fetch("tickets", CustomerRef(remote_id)), Empty)
    assert vendor.asked == []


async def test_the_connection_test_says_what_it_proved(
    crm: HubspotConnector, vendor: FakeHubspot
) -> None:
    result = await crm.check()
    assert vendor.count("/search") == 1
    assert result.status == CheckStatus.OK, result.text
    assert result.proved[0] == "account 146500"
    assert "invoices: 1 read" in result.proved
    assert result.proved[-1] == "find: the search answers"


@pytest.mark.parametrize(
    ("changes", "answers", "status", "said"),
    [
        ({"access_token": "old"}, [], CheckStatus.INVALID_AUTH, "does not accept the access token"),
        ({"portal_id": "999"}, [], CheckStatus.BAD_CONFIG, "account 146500, not of 999"),
        ({}, [MISSING_SCOPES], CheckStatus.MISSING_PERMISSION, "crm.objects.tickets.read: tick"),
        ({}, [throttled("DAILY")], CheckStatus.CANNOT_CONNECT, "daily limit"),
        ({}, [reply(b"<html>", 200, "text/html")], CheckStatus.BAD_CONFIG, "a web page"),
        ({}, [reply({"portalId": "x"})], CheckStatus.BAD_CONFIG, "which account"),
        (
            {},
            [error(400, "VALIDATION_ERROR", "Property values were not valid")],
            CheckStatus.BAD_CONFIG,
            "external_id_property",
        ),
    ],
)
async def test_each_fault_has_its_words(
    web: WebServer,
    vendor: FakeHubspot,
    changes: dict[str, Any],
    answers: list[bytes],
    status: CheckStatus,
    said: str,
) -> None:
    vendor.next = answers
    result = await checked(connector(web, **changes))
    assert result.status == status, result
    assert said in result.text
    assert "<b>" not in result.text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply({"items": []}), "no list of objects `results`"),
        (reply({"results": ["901"]}), "no list of objects `results`"),
        (reply({"results": [{"id": "901"}]}), "has no `toObjectId`"),
    ],
)
async def test_a_changed_answer_is_named_and_not_read_as_nothing(
    crm: HubspotConnector, vendor: FakeHubspot, answer: bytes, said: str
) -> None:
    await crm.fetch("tickets", KESTREL)
    vendor.next = [answer]
    with pytest.raises(SourceError, match=said) as caught:
        await crm.fetch("tickets", KESTREL)
    assert caught.value.kind is ErrorKind.BAD_DATA


async def test_an_amount_that_is_none_is_named(crm: HubspotConnector, vendor: FakeHubspot) -> None:
    vendor.objects["invoices"][0]["properties"]["hs_balance_due"] = "a lot"
    with pytest.raises(SourceError, match="column `amount_due` of invoice 1"):
        await crm.fetch("balance", KESTREL)


async def test_a_short_throttling_is_waited_for_and_a_long_one_is_told(
    crm: HubspotConnector, vendor: FakeHubspot
) -> None:
    await crm.fetch("tickets", KESTREL)
    vendor.next = [throttled("SECONDLY", Retry_After="0")]
    assert isinstance(await crm.fetch("tickets", KESTREL), Found)
    vendor.next = [throttled("TEN_SECONDLY_ROLLING")]
    with pytest.raises(SourceError) as caught:
        await crm.fetch("tickets", KESTREL)
    assert (caught.value.kind, caught.value.retry_after_s) == (ErrorKind.RATE_LIMITED, 10)


async def test_owners_that_may_not_be_read_are_unknown_and_nothing_else_is(
    web: WebServer, vendor: FakeHubspot
) -> None:
    def without_owners(request: Request) -> bytes:
        return MISSING_SCOPES if "owners" in request.path else vendor(request)

    web.answers["*"] = without_owners
    crm = connector(web)
    rows = [item for item in await everything(crm.contacts(None)) if isinstance(item, ContactRow)]
    await crm.aclose()
    assert len(rows) == 3
    assert all(row.owner is None for row in rows)


def test_an_address_in_the_own_network_has_to_be_allowed() -> None:
    with pytest.raises(ValidationError, match="allow_private_network: true"):
        HubspotConfig.model_validate({"access_token": "x", "base_url": "https://10.0.0.1"})
