"""The Salesforce connector against a fake of its REST API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.salesforce import SalesforceConfig, SalesforceConnector
from connectors.sdk.connector import Context
from connectors.sdk.grants import Grant
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckStatus,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    Item,
    Number,
    Purchase,
    Purchases,
    SourceError,
    Tickets,
    Tombstone,
)
from tests.connectors.asking import checked, everything, facts_of
from tests.connectors.fakes.salesforce import (
    ABE,
    ACME,
    ADA,
    CLIENT,
    EXPIRED,
    GONE,
    LEO,
    LOST,
    NO_ORDERS,
    ORGANISATION,
    OWL,
    SECRET,
    USED_UP,
    FakeSalesforce,
    error,
)
from tests.connectors.grants import MemoryGrants
from tests.connectors.web import WebServer, hang_up, reply, web_server

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MONEY = {
    "external_id_field": "Number__c",
    "balance_field": "Balance__c",
    "overdue_field": "Overdue__c",
    "credit_limit_field": "Limit__c",
    "payment_terms_field": "Terms__c",
    "on_hold_field": "Hold__c",
    "multi_currency": True,
}


@pytest.fixture
def vendor() -> FakeSalesforce:
    return FakeSalesforce()


@pytest.fixture
async def web(vendor: FakeSalesforce) -> AsyncIterator[WebServer]:
    async with web_server() as server:
        server.answers["*"] = vendor
        vendor.url = server.url
        yield server


def connector(
    web: WebServer, grants: MemoryGrants | None = None, **changes: Any
) -> SalesforceConnector:
    settings = {
        "base_url": web.url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "allow_private_network": True,
        **MONEY,
        **changes,
    }
    config = SalesforceConfig.model_validate(settings)
    context = Context("sf", "GB", Path(), lambda: NOW, grants or MemoryGrants())
    return SalesforceConnector(config, context)


@pytest.fixture
async def sf(web: WebServer) -> AsyncIterator[SalesforceConnector]:
    source = connector(web)
    yield source
    await source.aclose()


class TestContract(ConnectorContract):
    known = CustomerRef(ADA)
    unknown = CustomerRef("003000000000777AAA")
    secrets = (SECRET, "00D!token")

    @pytest.fixture
    def working(self, web: WebServer) -> SalesforceConnector:
        return connector(web)

    @pytest.fixture
    def broken(self, web: WebServer) -> SalesforceConnector:
        web.answers["*"] = hang_up
        return connector(web)


async def test_accounts_contacts_and_leads_are_read_page_by_page(sf: SalesforceConnector) -> None:
    items = await everything(sf.contacts(None))
    rows = {item.remote_id: item for item in items if isinstance(item, ContactRow)}
    assert set(rows) == {ACME, OWL, ADA, ABE, LEO}
    assert (rows[ACME].external_id, rows[ACME].company_name) == ("C-100", "Acme Ltd")
    ada = rows[ADA]
    assert (ada.display_name, ada.company_name) == ("Ada Kestrel", "Acme Ltd")
    assert [(p.raw, p.type) for p in ada.phone_numbers] == [
        ("(020) 7946 0958", None),
        ("07700 900123", "mobile"),
    ]
    assert ada.owner is not None
    assert ada.owner.email == "olga@us.example"
    assert ada.remote_url is not None
    assert ada.remote_url.endswith(f"/lightning/r/Contact/{ADA}/view")
    assert rows[LEO].company_name == "Leo & Co"
    assert Tombstone(LOST) in items


async def test_a_read_that_broke_off_goes_on_where_it_was(sf: SalesforceConnector) -> None:
    items = await everything(sf.contacts(None))
    marks = [item.cursor for item in items if isinstance(item, Checkpoint)]
    assert marks[1] == f"2026-11-22T08:55:00Z Contact {ABE}"
    rest = await everything(sf.contacts(marks[1]))
    assert [i.remote_id for i in rest if isinstance(i, ContactRow)] == [LEO]
    assert rest[-1] == Checkpoint("2026-11-22T08:55:00Z")


async def test_a_later_read_brings_changes_and_deletions_only(sf: SalesforceConnector) -> None:
    items = await everything(sf.contacts("2026-11-12T00:00:00Z"))
    assert [i.remote_id for i in items if isinstance(i, ContactRow)] == [ACME, LEO]
    assert [i for i in items if isinstance(i, Tombstone)] == [Tombstone(GONE), Tombstone(LOST)]


async def test_a_cursor_cannot_put_words_into_the_query(sf: SalesforceConnector) -> None:
    with pytest.raises(SourceError, match="read everything again"):
        await everything(sf.contacts("2026' OR Id != ''"))
    items = await everything(sf.contacts("2026-11-12T00:00:00Z Contact 1'OR'1'='1"))
    assert [i.remote_id for i in items if isinstance(i, ContactRow)] == [ADA, ABE, LEO]


async def test_a_number_is_found_and_the_same_digits_elsewhere_are_not(
    sf: SalesforceConnector,
) -> None:
    ada = Number("+442079460958", "+442079460958", "020 7946 0958")
    assert [c.remote_id for c in await sf.find(ada)] == [ADA]
    assert [c.remote_id for c in await sf.find(Number("+12079460958", "+12079460958"))] == [ABE]
    assert [c.remote_id for c in await sf.find(Number("x", "+442079460777"))] == [LEO]
    assert await sf.find(Number("x", "+442079460778")) == []
    assert await sf.find(Number("x", "+} OR {")) == []


async def test_a_contact_has_the_money_of_its_account(sf: SalesforceConnector) -> None:
    for ref in (CustomerRef(ADA), CustomerRef(ACME)):
        owed = await facts_of(sf, Balance, ref)
        assert (owed.currency, owed.balance) == ("GBP", Decimal("786.1"))
        assert owed.overdue_amount == 456
        assert owed.unapplied_credit is None


async def test_an_empty_field_is_unknown_and_not_zero(sf: SalesforceConnector) -> None:
    assert isinstance(await sf.fetch("balance", CustomerRef(OWL)), Empty)
    terms = await facts_of(sf, CreditTerms, CustomerRef(OWL))
    assert (terms.credit_limit, terms.credit_available) == (None, None)
    assert terms.on_hold is True


async def test_terms_come_from_the_fields_that_are_named(sf: SalesforceConnector) -> None:
    terms = await facts_of(sf, CreditTerms, CustomerRef(ACME))
    assert terms.credit_available == Decimal("1213.9")
    assert terms.payment_terms == "30 days"


async def test_without_named_fields_no_money_is_promised(web: WebServer) -> None:
    nothing: dict[str, Any] = {**dict.fromkeys(MONEY, ""), "multi_currency": False}
    plain = connector(web, **nothing)
    assert plain.provides == {"contacts", "find", "tickets", "purchases", "history", "catalogue"}
    await plain.aclose()


async def test_orders_that_are_no_drafts_are_purchases(sf: SalesforceConnector) -> None:
    bought = await facts_of(sf, Purchases, CustomerRef(ADA))
    assert [o.order_number for o in bought.orders] == ["00000102", "00000101"]
    assert (bought.currency, bought.lifetime_amount) == ("GBP", Decimal("150.50"))
    assert [i.sku for i in bought.orders[1].line_items] == ["SPADE", "FORK"]
    assert bought.orders[0].line_items == ()


async def test_won_opportunities_can_be_the_purchases(web: WebServer) -> None:
    source = connector(web, sales="opportunities")
    bought = await facts_of(source, Purchases, CustomerRef(ACME))
    await source.aclose()
    assert bought.lifetime_amount == Decimal("77.7")


async def test_the_history_is_read_once_and_then_by_changes(sf: SalesforceConnector) -> None:
    items = await everything(sf.purchases(None))
    bought = [item for item in items if isinstance(item, Purchase)]
    assert [(p.remote_id, p.order.order_number) for p in bought] == [
        (ACME, "00000101"),
        (ACME, "00000102"),
    ]
    end = items[-1]
    assert end == Checkpoint("2026-11-22T08:55:00Z")
    later = await everything(sf.purchases("2026-05-06T00:00:00Z"))
    # One has become a draft again, one is deleted.
    assert later[:-1] == [Tombstone("00000103"), Tombstone("00000104")]


async def test_products_have_their_standard_price(sf: SalesforceConnector) -> None:
    items = await everything(sf.catalogue(None))
    spade, fork = (item for item in items if isinstance(item, Item))
    assert (spade.sku, spade.unit_price, spade.currency) == ("SPADE", Decimal("30.25"), "GBP")
    assert (fork.unit_price, fork.is_active, fork.inventory_quantity) == (None, False, None)


async def test_cases_are_tickets_newest_first(sf: SalesforceConnector) -> None:
    facts = await facts_of(sf, Tickets, CustomerRef(ADA))
    assert [t.number for t in facts.tickets] == ["00001002", "00001001"]
    url = facts.tickets[0].url
    assert url is not None
    assert url.endswith("/lightning/r/Case/500000000000002AAA/view")


async def test_an_id_that_is_none_of_salesforces_is_not_asked_for(
    sf: SalesforceConnector, vendor: FakeSalesforce
) -> None:
    for remote_id in ("1' OR Id != '", "003", "500000000000001AAA", LEO):
        assert isinstance(await sf.fetch("purchases", CustomerRef(remote_id)), Empty)
    assert vendor.asked == []


async def test_an_expired_session_is_renewed_once(
    sf: SalesforceConnector, vendor: FakeSalesforce
) -> None:
    await sf.fetch("tickets", CustomerRef(ADA))
    vendor.expire()
    assert isinstance(await sf.fetch("tickets", CustomerRef(ADA)), Found)
    assert vendor.tokens == 2
    vendor.next = [EXPIRED]
    assert isinstance(await sf.fetch("tickets", CustomerRef(ADA)), Found)


async def test_somebody_may_connect_it_instead(web: WebServer, vendor: FakeSalesforce) -> None:
    config = SalesforceConfig.model_validate(
        {"base_url": "https://acme.my.salesforce.com", "client_id": CLIENT, "client_secret": SECRET,
         "sign_in": "code"}
    )  # fmt: skip
    kind = SalesforceConnector.oauth_kind(config)
    assert kind is not None
    assert kind.authorization_url == "https://acme.my.salesforce.com/services/oauth2/authorize"
    result = await checked(connector(web, sign_in="code"))
    assert result.status == CheckStatus.INVALID_AUTH
    assert "nobody has connected sf yet" in result.text
    grants = MemoryGrants(Grant("old", "refresh-me", None, {"instance_url": web.url}))
    connected = connector(web, grants, sign_in="code")
    assert (await checked(connected)).status == CheckStatus.OK
    assert grants.written[-1].access_token == vendor.valid
    assert grants.written[-1].refresh_token == "refresh-me"


@pytest.mark.parametrize(
    ("changes", "answers", "status", "said"),
    [
        ({"client_secret": "wrong"}, [], CheckStatus.MISSING_PERMISSION, "client id and secret"),
        (
            {"organization_id": "00D000000000000"},
            [],
            CheckStatus.BAD_CONFIG,
            f"{ORGANISATION}, not",
        ),
        ({"balance_field": "Saldo__c"}, [], CheckStatus.BAD_CONFIG, "has no field Saldo__c"),
        ({"api_version": "61.0"}, [], CheckStatus.BAD_CONFIG, "sign-in: "),
    ],
)
async def test_each_fault_has_its_words(
    web: WebServer,
    vendor: FakeSalesforce,
    changes: dict[str, Any],
    answers: list[bytes],
    status: CheckStatus,
    said: str,
) -> None:
    vendor.next = answers
    result = await checked(connector(web, **changes))
    assert (result.status, said in result.text) == (status, True), result


async def test_a_token_of_another_organisation_is_refused(
    web: WebServer, vendor: FakeSalesforce
) -> None:
    vendor.instance_url = "https://other.my.salesforce.com"
    result = await checked(connector(web))
    assert result.status == CheckStatus.BAD_CONFIG
    assert "another organisation than base_url" in result.text


async def test_requests_that_are_used_up_are_not_tried(
    sf: SalesforceConnector, vendor: FakeSalesforce
) -> None:
    await sf.fetch("tickets", CustomerRef(ADA))
    empty = {"totalSize": 0, "done": True, "records": []}
    vendor.next = [reply(empty, Sforce_Limit_Info="api-usage=15000/15000")]
    await sf.fetch("tickets", CustomerRef(ADA))
    asked = len(vendor.asked)
    with pytest.raises(SourceError, match="used up") as caught:
        await sf.fetch("tickets", CustomerRef(ADA))
    assert caught.value.kind is ErrorKind.RATE_LIMITED
    assert len(vendor.asked) == asked


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (USED_UP, ErrorKind.RATE_LIMITED, "24 hours are used up"),
        (NO_ORDERS, ErrorKind.AUTH_DENIED, "may not read the object Order"),
        (error(403, "API_DISABLED_FOR_ORG", "x"), ErrorKind.AUTH_DENIED, "API Enabled"),
        (error(400, "MALFORMED_QUERY", "<b>"), ErrorKind.BAD_CONFIG, "does not understand"),
        (reply({"totalSize": 1}), ErrorKind.BAD_DATA, "no list of objects `records`"),
        (reply({"done": True, "records": [{}]}), ErrorKind.BAD_DATA, "column `order_number`"),
    ],
)
async def test_a_refusal_is_told_in_our_words(
    sf: SalesforceConnector, vendor: FakeSalesforce, answer: bytes, kind: ErrorKind, said: str
) -> None:
    await sf.fetch("tickets", CustomerRef(ADA))
    vendor.next = [answer]
    with pytest.raises(SourceError, match=said) as caught:
        await sf.fetch("purchases", CustomerRef(ADA))
    assert caught.value.kind is kind
    assert "<b>" not in caught.value.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"balance_field": "Balance__c"}, "give the currency"),
        ({"overdue_field": "O__c", "currency": "GBP"}, "give balance_field too"),
        ({"balance_field": "B FROM User", "currency": "GBP"}, "pattern"),
        ({"base_url": "http://acme.my.salesforce.com"}, "https"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], said: str) -> None:
    settings = {"base_url": "https://acme.my.salesforce.com", "client_id": "x",
                "client_secret": "y", **changes}  # fmt: skip
    with pytest.raises(ValidationError, match=said):
        SalesforceConfig.model_validate(settings)
