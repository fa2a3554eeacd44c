from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from app.demo.books import QUERIES, write_books
from app.demo.records import Business, Customer
from connectors.sdk.connector import Context
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckStatus,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Empty,
    Found,
)
from connectors.sql import SqlConfig, SqlConnector


@pytest.fixture
async def books(
    business: Business, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SqlConnector]:
    path = tmp_path_factory.mktemp("books") / "books.db"
    write_books(business, path)
    now = datetime.combine(business.today, time(12), UTC)
    config = SqlConfig.model_validate({"url": f"sqlite:///{path}", "queries": QUERIES})
    connector = SqlConnector(config, Context("books", "GB", path.parent, lambda: now))
    yield connector
    await connector.aclose()


async def _contacts(books: SqlConnector) -> dict[str | None, ContactRow]:
    rows = [row async for row in books.contacts(None) if not isinstance(row, Checkpoint)]
    assert all(isinstance(row, ContactRow) for row in rows)
    return {row.external_id: row for row in rows if isinstance(row, ContactRow)}


def _by_movements(business: Business, customer: Customer, currency: str) -> Decimal:
    total = Decimal()
    for i in business.ledger.invoices:
        if (i.account, i.currency) == (customer.account, currency):
            total += i.gross if i.kind == "invoice" else -i.gross
    for r in business.ledger.receipts:
        if (r.account, r.currency) == (customer.account, currency):
            total -= r.amount
    return total


async def test_the_connection_test_passes_and_uses_every_column(books: SqlConnector) -> None:
    result = await books.check()
    assert result.status is CheckStatus.OK, result.text
    assert not [text for text in result.proved if "not used" in text]


async def test_every_account_is_a_contact_with_its_numbers(
    business: Business, books: SqlConnector
) -> None:
    contacts = await _contacts(books)
    assert set(contacts) == {c.account for c in business.customers if c.account}
    for customer in business.customers:
        if customer.account:
            row = contacts[customer.account]
            assert row.display_name == customer.name
            assert {p.raw for p in row.phone_numbers} == {p.in_books for p in customer.phones}
    vip = contacts[business.customer("Royal Tannock Golf & Country Club").account]
    assert vip.tags == ("vip", "key account")
    assert vip.owner is not None
    assert vip.owner.name == "Martha Quill"


async def test_the_books_say_what_each_of_the_cast_owes(
    business: Business, books: SqlConnector
) -> None:
    contacts = await _contacts(books)
    asked = 0
    for customer in business.customers[:40]:
        if customer.account is None:
            continue
        ref = CustomerRef(contacts[customer.account].remote_id, customer.account)
        owed = _by_movements(business, customer, customer.currency)
        answer = await books.fetch("balance", ref)
        terms = await books.fetch("credit_terms", ref)
        assert isinstance(terms, Found)
        assert isinstance(terms.facts, CreditTerms)
        assert terms.facts.credit_used == owed
        if isinstance(answer, Empty):
            assert owed == 0
            continue
        assert isinstance(answer.facts, Balance)
        assert answer.facts.currency == customer.currency
        assert answer.facts.balance == owed
        asked += 1
    assert asked > 20


async def test_two_currencies_stay_apart(business: Business, books: SqlConnector) -> None:
    customer = business.customer("Atlantic Nursery Traders Ltd")
    contacts = await _contacts(books)
    answer = await books.fetch("balance", CustomerRef(contacts[customer.account].remote_id))
    assert isinstance(answer, Found)
    assert isinstance(answer.facts, Balance)
    (other,) = answer.facts.other_currencies
    assert (answer.facts.currency, other.currency) == ("EUR", "GBP")
    assert other.balance == _by_movements(business, customer, "GBP")


def test_an_existing_file_is_never_overwritten(business: Business, tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    path.write_text("somebody's own")
    with pytest.raises(FileExistsError):
        write_books(business, path)
    assert path.read_text() == "somebody's own"
