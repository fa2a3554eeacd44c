"""The SQL connector on real databases: SQLite and PostgreSQL."""

from __future__ import annotations

import socket
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Empty,
    Found,
    Number,
    Purchases,
    SourceError,
    Tombstone,
)
from connectors.sql import SqlConfig, SqlConnector

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, account TEXT, name TEXT, phone TEXT, mobile TEXT,
  credit_limit NUMERIC(12,2), on_hold BOOLEAN, changed TIMESTAMP, gone BOOLEAN);
CREATE TABLE extra_phones (customer_id INTEGER, phone TEXT);
CREATE TABLE items (customer_id INTEGER, number TEXT, due DATE, total NUMERIC(20,6),
  due_amount NUMERIC(20,6));
CREATE TABLE payments (customer_id INTEGER, day DATE, amount NUMERIC(12,2), method TEXT);
CREATE TABLE lines (customer_id INTEGER, order_no TEXT, day DATE, sku TEXT, qty NUMERIC(12,3),
  price NUMERIC(12,2));
INSERT INTO customers VALUES
 (1,'C-100','Kestrel Garden','020 7946 0958','+44 7700 900123',2000.00,TRUE,
  '2026-11-01 08:00:00',FALSE),
 (2,'C-200','Owl Ltd',NULL,NULL,NULL,FALSE,'2026-11-02 08:00:00',FALSE),
 (3,'C-300','Gone & Co','020 7946 0300',NULL,NULL,FALSE,'2026-11-03 08:00:00',TRUE);
INSERT INTO extra_phones VALUES (1,'020 7946 0959');
INSERT INTO items VALUES (1,'F-1','2026-10-12',456.000000,456.000000),
 (1,'F-2','2026-12-01',400.000000,400.000000), (1,'G-1',NULL,-70.000000,-70.000000);
INSERT INTO payments VALUES (1,'2026-09-01',120.50,'card'), (1,'2026-10-01',80.25,'bank');
INSERT INTO lines VALUES (1,'O-1','2026-01-05','SPADE',2,15.00),
 (1,'O-1','2026-01-05','FORK',1,9.99), (1,'O-2','2026-03-05','HOSE',1,30.00);
"""
QUERIES = {
    "contacts": "SELECT c.id AS remote_id, c.account AS external_id, c.name AS display_name,"
    " c.phone AS phone, c.mobile AS mobile, c.gone AS deleted, c.changed AS updated_at"
    " FROM customers c WHERE c.changed > :since"
    " UNION ALL SELECT c.id, c.account, c.name, e.phone, NULL, c.gone, c.changed"
    " FROM extra_phones e JOIN customers c ON c.id = e.customer_id WHERE c.changed > :since"
    " ORDER BY remote_id",
    "find": "SELECT id AS remote_id, name AS display_name, phone FROM customers"
    " WHERE replace(phone, ' ', '') = :national",
    "balance": "SELECT number, due AS due_date, total AS total_amount, due_amount AS amount_due"
    " FROM items WHERE customer_id = :remote_id",
    "payments": "SELECT day AS transaction_date, amount AS total_amount, method AS payment_method"
    " FROM payments WHERE customer_id = :remote_id",
    "purchases": "SELECT order_no AS order_number, day AS order_date, sku, qty AS quantity,"
    " price AS unit_price, qty * price AS total_amount FROM lines WHERE customer_id = :remote_id",
    "credit_terms": "SELECT credit_limit, on_hold FROM customers WHERE account = :external_id",
}
PASSWORD = "s3cret-Pa55"
KESTREL = CustomerRef("1", "C-100")


def connector(url: str, folder: Path = Path(), **settings: Any) -> SqlConnector:
    config = SqlConfig.model_validate(
        {"url": url, "queries": QUERIES, "currency": "EUR", **settings}
    )
    return SqlConnector(config, Context("books", "GB", folder, lambda: NOW))


def with_query(url: str, **queries: str) -> SqlConnector:
    return connector(url, queries=queries)


@pytest.fixture
def ledger_url(database_url: str) -> str:
    if database_url.startswith("sqlite"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as file:
            file.executescript(SCHEMA)
        file.close()
    else:
        with psycopg.connect(database_url, autocommit=True) as server:
            server.execute(SCHEMA)
    return database_url


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[SqlConnector]:
    source = connector(ledger_url)
    yield source
    await source.aclose()


async def failure(source: SqlConnector, section: Any = "balance") -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.fetch(section, KESTREL)
    await source.aclose()
    return caught.value


class TestContract(ConnectorContract):
    known = KESTREL
    unknown = CustomerRef("999", "C-999")
    secrets = (PASSWORD,)

    @pytest.fixture
    def working(self, ledger_url: str) -> SqlConnector:
        return connector(ledger_url)

    @pytest.fixture
    def broken(self, tmp_path: Path) -> SqlConnector:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        return connector(f"postgresql://user:{PASSWORD}@127.0.0.1:{port}/books")


async def test_open_items_become_a_balance_with_exact_amounts(ledger: SqlConnector) -> None:
    found = await ledger.fetch("balance", KESTREL)
    assert isinstance(found, Found)
    balance = found.facts
    assert isinstance(balance, Balance)
    assert balance.currency == "EUR"
    assert (balance.balance, balance.unapplied_credit) == (Decimal(786), Decimal(70))
    assert balance.overdue_amount == 456
    assert [i.number for i in balance.open_invoices] == ["F-1", "F-2"]
    assert balance.open_invoices[0].days_overdue == 41
    assert [p.total_amount for p in balance.payments] == [Decimal("80.25"), Decimal("120.50")]
    assert found.as_of == NOW


async def test_order_lines_become_orders_newest_first(ledger: SqlConnector) -> None:
    found = await ledger.fetch("purchases", KESTREL)
    assert isinstance(found, Found)
    bought = found.facts
    assert isinstance(bought, Purchases)
    assert [o.order_number for o in bought.orders] == ["O-2", "O-1"]
    assert bought.orders[1].total_amount == Decimal("39.99")
    assert bought.lifetime_amount == Decimal("69.99")
    assert bought.first_order_date == date(2026, 1, 5)


async def test_credit_terms_are_found_by_the_external_id(ledger: SqlConnector) -> None:
    found = await ledger.fetch("credit_terms", KESTREL)
    assert isinstance(found, Found)
    terms = found.facts
    assert isinstance(terms, CreditTerms)
    assert terms.credit_limit == 2000
    assert terms.on_hold is True
    assert terms.credit_available is None


async def test_a_customer_without_the_id_that_a_query_asks_for_has_nothing_there(
    ledger: SqlConnector,
) -> None:
    assert isinstance(await ledger.fetch("credit_terms", CustomerRef("1")), Empty)


async def test_contacts_gather_all_numbers_of_a_customer(ledger: SqlConnector) -> None:
    items = [item async for item in ledger.contacts(None)]
    kestrel, owl, gone, end = items
    assert isinstance(kestrel, ContactRow)
    assert {(p.raw, p.type) for p in kestrel.phone_numbers} == {
        ("020 7946 0958", None),
        ("+44 7700 900123", "mobile"),
        ("020 7946 0959", None),
    }
    assert (kestrel.remote_id, kestrel.external_id) == ("1", "C-100")
    assert isinstance(owl, ContactRow)
    assert owl.phone_numbers == ()
    assert gone == Tombstone("3")
    assert isinstance(end, Checkpoint)


async def test_a_sync_from_a_checkpoint_reads_only_what_changed(ledger: SqlConnector) -> None:
    items = [item async for item in ledger.contacts("2026-11-01 12:00:00")]
    assert [i.remote_id for i in items if isinstance(i, ContactRow | Tombstone)] == ["2", "3"]
    end = items[-1]
    assert isinstance(end, Checkpoint)
    assert [item async for item in ledger.contacts(end.cursor)] == [end]


async def test_a_number_is_found_live(ledger: SqlConnector) -> None:
    number = Number("+442079460958", "+442079460958", "02079460958")
    found = await ledger.find(number)
    assert [c.display_name for c in found] == ["Kestrel Garden"]


async def test_contacts_that_are_not_together_are_refused_with_the_cure(ledger_url: str) -> None:
    source = with_query(
        ledger_url,
        contacts="SELECT 1 AS remote_id, 'a' AS display_name, '1' AS phone UNION ALL SELECT 2,"
        " 'b', '2' UNION ALL SELECT 1, 'a', '3'",
    )
    with pytest.raises(SourceError, match="add ORDER BY remote_id"):
        [item async for item in source.contacts(None)]
    await source.aclose()


async def test_a_large_phone_book_does_not_sit_in_memory(ledger_url: str) -> None:
    source = with_query(
        ledger_url,
        contacts="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)"
        f" SELECT i AS remote_id, '{'A name that takes room ' * 40}' AS display_name,"
        " '020 7946 0958' AS phone FROM n",
    )
    count = 0
    async for _ in source.contacts(None):
        if count == 0:
            tracemalloc.start()
        count += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await source.aclose()
    assert count == 9_001
    assert peak < 5_000_000
