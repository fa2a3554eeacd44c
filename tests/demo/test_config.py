"""The configuration is accepted, and through it the connectors read the demo's three systems."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.configuration_file import Plan, plan_text
from app.core.phone import normalise
from app.demo.books import write_books
from app.demo.config import BOOKS_FILE, CREDIT_FILE, configuration
from app.demo.credit_file import write_credit_file
from app.demo.people import PEOPLE
from app.demo.records import Business
from app.demo.sales import SalesServer
from connectors import registry
from connectors.sdk.connector import Connector, Context
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckStatus,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Empty,
    Found,
    Purchases,
    RejectedRow,
    SectionFacts,
    SectionName,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Demo:
    """The demo's systems and the connectors that the configuration makes of them."""

    plan: Plan
    connectors: dict[str, Connector[Any]]

    async def contacts(self, slug: str) -> tuple[dict[str, ContactRow], list[RejectedRow]]:
        """Return the contacts by remote id, and the rows that were rejected."""
        items = [i async for i in self.connectors[slug].contacts(None)]
        assert isinstance(items[-1], Checkpoint)
        rows = {i.remote_id: i for i in items if isinstance(i, ContactRow)}
        return rows, [i for i in items if isinstance(i, RejectedRow)]

    async def facts(self, slug: str, section: SectionName, ref: CustomerRef) -> SectionFacts:
        """Return what a source says of a customer."""
        answer = await self.connectors[slug].fetch(section, ref)
        assert isinstance(answer, Found), (slug, section, ref)
        assert answer.incomplete is None
        return answer.facts


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(business: Business, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    folder = tmp_path_factory.mktemp("a demo")
    write_books(business, folder / BOOKS_FILE)
    write_credit_file(business, folder / CREDIT_FILE)
    noon = datetime.combine(business.today, time(12), UTC)
    async with SalesServer(business, delays=False) as shop:
        text, environment = configuration(folder, shop.url, shop.api_key)
        plan = plan_text(text, environment, "demo.yaml", folder)
        kinds = registry.kinds()
        made = {
            entry.slug: kinds[entry.kind](
                kinds[entry.kind].Config.model_validate(entry.settings),
                Context(entry.slug, entry.region, folder, lambda: noon),
            )
            for entry in plan.connectors or ()
        }
        yield Demo(plan, made)
        for connector in made.values():
            await connector.aclose()


async def test_it_names_two_agents_an_admin_a_phone_system_and_three_sources(demo: Demo) -> None:
    users = demo.plan.users or ()
    assert [(u.name, u.role, u.extensions, u.queues) for u in users] == [
        ("Ada", "agent", ["101"], ["sales"]),
        ("Ben", "agent", ["102"], ["service"]),
        ("Morgan", "admin", [], []),
    ]
    assert set(demo.plan.passwords) == {p.email for p in PEOPLE}
    assert len(set(demo.plan.passwords.values())) == len(PEOPLE)
    assert [s.slug for s in demo.plan.phone_systems or ()] == ["pbx"]
    assert set(demo.connectors) == {"books", "shop", "credit"}
    assert demo.plan.default_region == "GB"
    assert demo.plan.values["default_currency"] == "GBP"


async def test_no_secret_stands_in_the_text(tmp_path: Path) -> None:
    text, environment = configuration(tmp_path, "http://127.0.0.1:1", "the-shop's-key")
    assert all(value not in text for value in environment.values())
    other = configuration(tmp_path, "http://127.0.0.1:1", "the-shop's-key")[1]
    assert environment["DEMO_PBX_SECRET"] != other["DEMO_PBX_SECRET"]
    assert environment["DEMO_ADA_PASSWORD"] != other["DEMO_ADA_PASSWORD"]


@pytest.mark.parametrize("slug", ["books", "shop", "credit"])
async def test_the_connection_test_passes_and_every_column_is_used(demo: Demo, slug: str) -> None:
    result = await demo.connectors[slug].check()
    assert result.status is CheckStatus.OK, result.text
    assert not [text for text in result.proved if "not used" in text]


async def test_the_shop_knows_its_customers_and_their_account_numbers(
    demo: Demo, business: Business
) -> None:
    contacts, rejected = await demo.contacts("shop")
    expected = [c for c in business.customers if c.shop_id is not None and not c.new_today]
    assert not rejected
    assert set(contacts) == {str(c.shop_id) for c in expected}
    for customer in expected:
        row = contacts[str(customer.shop_id)]
        assert (row.external_id, row.display_name) == (customer.account, customer.name)
        assert {normalise(p.raw, row.region).e164 for p in row.phone_numbers} == {
            p.e164 for p in customer.phones
        }


async def test_who_registered_today_is_found_by_asking_the_shop(
    demo: Demo, business: Business
) -> None:
    tobias = business.customer("Tobias Wren")
    contacts, _ = await demo.contacts("shop")
    assert str(tobias.shop_id) not in contacts
    number = normalise(tobias.phones[0].e164, None)
    (row,) = await demo.connectors["shop"].find(number)
    assert (row.remote_id, row.display_name) == (str(tobias.shop_id), "Tobias Wren")


async def test_the_shop_says_what_each_of_the_cast_bought(demo: Demo, business: Business) -> None:
    for customer in business.customers[:25]:
        orders = [o for o in business.orders if o.customer_key == customer.key]
        if customer.shop_id is None or not orders:
            continue
        bought = await demo.facts("shop", "purchases", CustomerRef(str(customer.shop_id)))
        assert isinstance(bought, Purchases)
        assert bought.order_count == len(orders)
        assert bought.lifetime_amount == sum(
            line.quantity * line.unit_price
            for o in orders
            if o.currency == customer.currency
            for line in o.lines
        )
        newest = max(orders, key=lambda o: (o.placed_on, o.number))
        assert bought.orders[0].order_number == newest.number
        assert [x.sku for x in bought.orders[0].line_items] == [x.item.sku for x in newest.lines]


async def test_the_credit_file_says_what_each_account_may_owe(
    demo: Demo, business: Business
) -> None:
    for line in business.credit_lines:
        terms = await demo.facts("credit", "credit_terms", CustomerRef(line.account, line.account))
        assert isinstance(terms, CreditTerms)
        assert (
            terms.currency,
            terms.credit_limit,
            terms.payment_terms,
            terms.days_until_due,
            terms.on_hold,
            terms.hold_reason,
            terms.risk_rating,
        ) == (
            line.currency,
            line.limit,
            line.terms,
            line.days,
            line.stop_reason is not None,
            line.stop_reason,
            line.risk,
        )


async def test_the_ledger_and_the_credit_file_disagree_about_the_first_caller(
    demo: Demo, business: Business
) -> None:
    account = business.customer("Kestrel Garden Supplies Ltd").account
    ledger, _ = await demo.contacts("books")
    ref = CustomerRef(
        next(r.remote_id for r in ledger.values() if r.external_id == account), account
    )
    owed = await demo.facts("books", "balance", ref)
    ledger_terms = await demo.facts("books", "credit_terms", ref)
    file_terms = await demo.facts("credit", "credit_terms", CustomerRef(account or "", account))
    assert isinstance(owed, Balance)
    assert isinstance(ledger_terms, CreditTerms)
    assert isinstance(file_terms, CreditTerms)
    assert (owed.balance, owed.overdue_amount) == (Decimal("886.92"), Decimal("535.92"))
    assert ledger_terms.credit_used == owed.balance
    assert (ledger_terms.payment_terms, file_terms.payment_terms) == ("Net 30", "Net 60")


async def test_a_customer_of_the_shop_alone_is_not_in_the_other_systems(demo: Demo) -> None:
    for slug in ("books", "credit"):
        contacts, _ = await demo.contacts(slug)
        assert "Priya Raman" not in {row.display_name for row in contacts.values()}
    answer = await demo.connectors["credit"].fetch("credit_terms", CustomerRef("50023", None))
    assert isinstance(answer, Empty)


async def test_a_number_that_a_spreadsheet_damaged_is_reported_with_its_row(demo: Demo) -> None:
    _, rejected = await demo.contacts("credit")
    assert len(rejected) == 1
    assert any(char.isdigit() for char in rejected[0].where)
