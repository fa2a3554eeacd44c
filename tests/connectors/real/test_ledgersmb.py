# ruff: noqa: E501 - rows of SQL are read best on one line
"""The LedgerSMB preset on LedgerSMB's real schema; every figure is worked out by hand here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from connectors.presets import presets, with_preset
from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    CheckStatus,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Found,
    Item,
    Number,
    Purchase,
    Purchases,
    Tombstone,
)
from connectors.sql import SqlConfig, SqlConnector
from tests.connectors.real.ledgersmb import load_schema, need_ledgersmb
from tests.servers import PostgresServer

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
# Accounts 1 receivables, 2 bank, 3 sales, 4 tax, 5 overpayments. Debits are negative.
SEED = """
UPDATE defaults SET value = 'GBP:EUR' WHERE setting_key = 'curr';
INSERT INTO defaults (setting_key, value)
  SELECT 'curr', 'GBP:EUR' WHERE NOT EXISTS (SELECT 1 FROM defaults WHERE setting_key = 'curr');
INSERT INTO account_heading (id, accno, description) VALUES (1, '1', 'All');
INSERT INTO account (id, accno, description, category, heading) VALUES
  (1, '1100', 'Debtors', 'A', 1), (2, '1200', 'Bank', 'A', 1), (3, '4000', 'Sales', 'I', 1),
  (4, '2200', 'VAT', 'L', 1), (5, '2150', 'Paid too much', 'L', 1), (6, '1300', 'Stock', 'A', 1);
INSERT INTO account_link VALUES (1, 'AR'), (2, 'AR_paid'), (5, 'AR_overpayment');
INSERT INTO entity (id, name, entity_class, control_code, country_id)
  SELECT n.id, n.name, n.class, n.code, country.id FROM country, (VALUES
    (101, 'Harbour Chandlers', 2, 'E-1'), (102, 'Owl Imports', 2, 'E-2'),
    (103, 'A supplier', 1, 'E-3'), (104, 'Closed & Co', 2, 'E-4')
  ) n (id, name, class, code) WHERE country.short_name = 'GB';
INSERT INTO company (entity_id, legal_name, tax_id) VALUES
  (101, 'Harbour Chandlers Ltd', 'GB 123'), (102, 'Owl Imports BV', NULL);
INSERT INTO entity_credit_account
  (id, entity_id, entity_class, meta_number, creditlimit, terms, curr, enddate, ar_ap_account_id)
  VALUES (201, 101, 2, 'C-100', 5000, 30, 'GBP', NULL, 1), (202, 102, 2, 'C-200', 0, 14, 'EUR', NULL, 1),
         (203, 103, 1, 'V-1', 0, 0, 'GBP', NULL, 1), (204, 104, 2, 'C-400', 0, 0, 'GBP', '2020-01-01', 1);
INSERT INTO entity_to_contact (entity_id, contact_class_id, contact) VALUES
  (101, 1, '(020) 7946 0958'), (101, 12, 'office@harbour.example'), (101, 9, '020 7946 0999'),
  (102, 1, '020 7946 0958'), (103, 1, '020 7946 0100');
INSERT INTO eca_to_contact (credit_id, contact_class_id, contact) VALUES (201, 3, '+44 7700 900123');
INSERT INTO partsgroup (id, partsgroup) VALUES (1, 'Tools');
INSERT INTO parts (id, partnumber, description, sellprice, onhand, partsgroup_id,
  inventory_accno_id, income_accno_id, expense_accno_id, obsolete) VALUES
  (1, 'SPADE', 'Spade', 25, 7, 1, 6, 3, 3, false), (2, 'HELP', 'Hour of help', 40, 0, NULL, NULL, 3, 3, false),
  (3, 'OLD', 'Old thing', 1, 0, NULL, 6, 3, 3, true), (4, 'PAY', 'Wages', 1, 0, NULL, 6, NULL, 3, false);
"""
INVOICE = """
INSERT INTO ar (id, invnumber, transdate, duedate, amount, netamount, curr, invoice, approved,
  entity_credit_account) VALUES (%(id)s, %(no)s, %(day)s, %(due)s, %(gross)s, %(net)s, %(curr)s, true,
  %(approved)s, %(who)s);
INSERT INTO acc_trans (trans_id, chart_id, amount, transdate) VALUES
  (%(id)s, 1, -%(gross)s::numeric, %(day)s), (%(id)s, 3, %(net)s, %(day)s),
  (%(id)s, 4, %(gross)s::numeric - %(net)s::numeric, %(day)s);
INSERT INTO invoice (trans_id, parts_id, description, qty, allocated, sellprice, fxsellprice, discount)
  VALUES (%(id)s, %(part)s, %(what)s, %(qty)s, 0, %(price)s, %(price)s, 0);
"""
PAYMENT = """
INSERT INTO acc_trans (trans_id, chart_id, amount, transdate, source, approved) VALUES
  (%(id)s, 1, %(paid)s, %(day)s, %(source)s, %(approved)s),
  (%(id)s, 2, -%(paid)s::numeric, %(day)s, %(source)s, %(approved)s);
"""
OVERPAYMENT = """
INSERT INTO gl (id, reference, description, transdate) VALUES (900, 'R-9', 'Paid too much', '2026-10-01');
INSERT INTO acc_trans (entry_id, trans_id, chart_id, amount, transdate, source) VALUES
  (9001, 900, 2, -50.25, '2026-10-01', 'R-9'), (9002, 900, 5, 50.25, '2026-10-01', 'R-9');
INSERT INTO payment (id, reference, gl_id, payment_class, payment_date, entity_credit_id, currency)
  VALUES (1, 'R-9', 900, 2, '2026-10-01', 201, 'GBP');
INSERT INTO payment_links VALUES (1, 9001, 2), (1, 9002, 2);
"""
# SO-1: 10 spades less 10 %, 4 of them shipped. SO-0 is closed, Q-1 a quotation.
ORDERS = """
INSERT INTO oe (id, ordnumber, transdate, amount, netamount, curr, closed, entity_credit_account, oe_class_id)
  VALUES (1, 'SO-1', '2026-11-05', 135.00, 112.50, 'GBP', false, 201, 1),
         (2, 'SO-0', '2026-01-05', 77.00, 77.00, 'GBP', true, 201, 1),
         (3, 'Q-1', '2026-11-06', 55.00, 55.00, 'GBP', false, 201, 3);
INSERT INTO orderitems (trans_id, parts_id, description, qty, sellprice, discount, ship) VALUES
  (1, 1, 'Spade', 10, 12.50, 0.1, 4), (2, 1, 'Spade', 1, 77, 0, 1), (3, 1, 'Spade', 1, 55, 0, 0);
"""
HARBOUR = CustomerRef("201", "C-100")
OWL = CustomerRef("202", "C-200")


def invoice(
    server: Any, ar: int, no: str, day: str, due: str, gross: str, net: str, **more: Any
) -> None:
    given = {
        "who": 201,
        "curr": "GBP",
        "approved": True,
        "part": 1,
        "what": "Spade",
        "qty": 1,
        "price": net,
    }
    values = {
        **given,
        "id": ar,
        "no": no,
        "day": day,
        "due": due,
        "gross": gross,
        "net": net,
        **more,
    }
    for statement in INVOICE.split(";\n")[:-1]:
        server.execute(statement, {k: v for k, v in values.items() if f"%({k})s" in statement})


def payment(
    server: Any, ar: int, paid: str, day: str, source: str, *, approved: bool = True
) -> None:
    values = {"id": ar, "paid": paid, "day": day, "source": source, "approved": approved}
    server.execute(PAYMENT, values)


def seed(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(SEED.encode())
        # 500.00 of it is open, 83 days late.
        invoice(
            server,
            301,
            "INV-1",
            "2026-08-01",
            "2026-08-31",
            "1200.00",
            "1000.00",
            qty=40,
            price="25",
        )
        payment(server, 301, "700.00", "2026-09-15", "CHQ-7")
        # A batch payment that nobody has approved does not count.
        invoice(server, 302, "INV-2", "2026-11-10", "2026-12-10", "286.50", "238.75")
        payment(server, 302, "100.00", "2026-11-20", "BATCH", approved=False)
        invoice(
            server, 303, "INV-3", "2026-04-05", "2026-05-05", "90.00", "75.00", part=2, what="Help"
        )
        payment(server, 303, "90.00", "2026-05-05", "CARD")
        invoice(
            server, 304, "CN-1", "2026-09-20", "2026-09-20", "-36.00", "-30.00", qty=-2, price="15"
        )
        # A draft.
        invoice(
            server, 305, "INV-5", "2026-11-21", "2026-11-21", "999.00", "999.00", approved=False
        )
        # 100.00 EUR, which were 85.00 GBP.
        invoice(
            server,
            306,
            "INV-6",
            "2026-10-01",
            "2026-10-15",
            "85.00",
            "85.00",
            who=202,
            curr="EUR",
            price="100.00",
        )
        server.execute(OVERPAYMENT.encode())
        server.execute(ORDERS.encode())


@pytest.fixture(scope="module")
def ledger_url(postgres_server: PostgresServer) -> Iterator[str]:
    sql = need_ledgersmb()
    url = postgres_server.create_database()
    load_schema(sql, url)
    seed(url)
    yield url
    postgres_server.drop_database(url)


def connector(url: str, **settings: Any) -> SqlConnector:
    config = SqlConfig.model_validate(with_preset(presets()["ledgersmb"], {"url": url, **settings}))
    return SqlConnector(config, Context("ledger", "GB", now=lambda: NOW))


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[SqlConnector]:
    source = connector(ledger_url)
    yield source
    await source.aclose()


class TestContract(ConnectorContract):
    known = HARBOUR
    unknown = CustomerRef("999")

    @pytest.fixture
    def working(self, ledger_url: str) -> SqlConnector:
        return connector(ledger_url)

    @pytest.fixture
    def broken(self) -> SqlConnector:
        return connector("postgresql://reader:pw@127.0.0.1:1/company")


async def facts(source: SqlConnector, section: Any, ref: CustomerRef) -> Any:
    found = await source.fetch(section, ref)
    assert isinstance(found, Found)
    assert found.incomplete is None
    return found.facts


async def test_the_balance_counts_part_payments_credit_notes_and_overpayments(
    ledger: SqlConnector,
) -> None:
    owed: Balance = await facts(ledger, "balance", HARBOUR)
    assert owed.currency == "GBP"
    assert [(i.number, i.amount_due, i.days_overdue) for i in owed.open_invoices] == [
        ("INV-1", Decimal("500.00"), 83),
        ("INV-2", Decimal("286.50"), 0),
    ]
    # 36.00 credit note and 50.25 paid too much.
    assert owed.unapplied_credit == Decimal("86.25")
    assert owed.balance == Decimal("700.25")
    assert owed.overdue_amount == Decimal("500.00")
    assert owed.aging is not None
    assert (owed.aging.days_61_90, owed.aging.current) == (Decimal("500.00"), Decimal("286.50"))


async def test_payments_are_those_that_reached_the_bank(ledger: SqlConnector) -> None:
    owed: Balance = await facts(ledger, "balance", HARBOUR)
    assert [(p.transaction_date, p.total_amount, p.payment_method) for p in owed.payments] == [
        (date(2026, 9, 15), Decimal("700.00"), "Bank"),
        (date(2026, 5, 5), Decimal("90.00"), "Bank"),
    ]


async def test_the_limit_is_used_by_receivables_and_open_orders(ledger: SqlConnector) -> None:
    terms: CreditTerms = await facts(ledger, "credit_terms", HARBOUR)
    # 500.00 + 286.50 - 36.00 receivable, and 135.00 ordered.
    assert (terms.credit_limit, terms.credit_used) == (Decimal(5000), Decimal("885.50"))
    assert terms.credit_available == Decimal("4114.50")
    assert (terms.exposure_includes_orders, terms.days_until_due) == (True, 30)


async def test_a_limit_that_nobody_entered_is_none_and_not_zero(ledger: SqlConnector) -> None:
    terms: CreditTerms = await facts(ledger, "credit_terms", OWL)
    assert terms.credit_limit is None
    assert terms.credit_available is None


async def test_purchases_are_invoiced_goods_and_what_is_left_of_open_orders(
    ledger: SqlConnector,
) -> None:
    bought: Purchases = await facts(ledger, "purchases", HARBOUR)
    assert [(o.order_number, o.status, o.total_amount) for o in bought.orders] == [
        ("INV-2", "invoiced", Decimal("286.50")),
        ("SO-1", "open", Decimal("67.50")),
        ("CN-1", "invoiced", Decimal("-36.00")),
        ("INV-1", "invoiced", Decimal("1200.00")),
        ("INV-3", "invoiced", Decimal("90.00")),
    ]
    line = bought.orders[1].line_items[0]
    assert (line.sku, line.quantity, line.unit_price) == ("SPADE", Decimal(6), Decimal("11.25"))
    assert (bought.order_count, bought.lifetime_amount) == (5, Decimal("1608.00"))
    assert bought.first_order_date == date(2026, 4, 5)


async def test_a_foreign_customer_owes_in_the_companys_money_and_bought_in_its_own(
    ledger: SqlConnector,
) -> None:
    owed: Balance = await facts(ledger, "balance", OWL)
    assert (owed.currency, owed.balance, owed.overdue_amount) == ("GBP", Decimal(85), Decimal(85))
    bought: Purchases = await facts(ledger, "purchases", OWL)
    assert (bought.currency, bought.lifetime_amount) == ("EUR", Decimal(100))


async def test_contacts_have_the_numbers_of_the_company_and_of_the_account(
    ledger: SqlConnector,
) -> None:
    items = [item async for item in ledger.contacts(None)]
    rows = {i.remote_id: i for i in items if isinstance(i, ContactRow)}
    assert set(rows) == {"201", "202"}
    harbour = rows["201"]
    assert (harbour.external_id, harbour.company_name) == ("C-100", "Harbour Chandlers Ltd")
    assert (harbour.tax_number, harbour.region) == ("GB 123", "GB")
    assert harbour.email_addresses == ("office@harbour.example",)
    assert [(p.raw, p.type) for p in harbour.phone_numbers] == [
        ("(020) 7946 0958", "work"),
        ("+44 7700 900123", "mobile"),
    ]
    assert Tombstone("204") in items


async def test_a_shared_number_finds_all_customers_and_no_supplier(ledger: SqlConnector) -> None:
    number = Number("02079460958", "+442079460958", "02079460958")
    assert sorted(c.remote_id for c in await ledger.find(number)) == ["201", "202"]
    supplier = Number("02079460100", "+442079460100", "02079460100")
    assert await ledger.find(supplier) == []


async def test_the_history_has_approved_invoices_with_returns_negative(
    ledger: SqlConnector,
) -> None:
    items = [item async for item in ledger.purchases(None)]
    orders = {i.order.order_number: i for i in items if isinstance(i, Purchase)}
    assert set(orders) == {"INV-1", "INV-2", "INV-3", "CN-1", "INV-6"}
    assert orders["INV-6"].remote_id == "202"
    assert orders["CN-1"].order.line_items[0].quantity == -2


async def test_the_catalogue_has_what_is_sold_and_counts_only_goods(ledger: SqlConnector) -> None:
    items = {i.sku: i async for i in ledger.catalogue(None) if isinstance(i, Item)}
    assert set(items) == {"SPADE", "HELP", "OLD"}
    assert (items["SPADE"].inventory_quantity, items["SPADE"].category) == (Decimal(7), "Tools")
    assert items["HELP"].inventory_quantity is None
    assert items["OLD"].is_active is False


async def test_a_company_of_another_version_is_told_by_the_column_it_lacks(ledger_url: str) -> None:
    with psycopg.connect(ledger_url, autocommit=True) as server:
        server.execute("ALTER TABLE ar RENAME amount TO amount_bc")
    source = connector(ledger_url)
    try:
        result = await source.check()
    finally:
        await source.aclose()
        with psycopg.connect(ledger_url, autocommit=True) as server:
            server.execute("ALTER TABLE ar RENAME amount_bc TO amount")
    assert result.status == CheckStatus.BAD_CONFIG
    assert "there is no column `ar.amount`: was it renamed?" in result.text


async def test_the_rights_that_the_documentation_gives_are_enough(ledger_url: str) -> None:
    page = (ROOT / "docs" / "data-sources" / "ledgersmb.md").read_text(encoding="utf-8")
    granted = re.findall(r"GRANT [^;]+;", page)
    assert len(granted) == 1
    with psycopg.connect(ledger_url, autocommit=True) as server:
        server.execute("CREATE ROLE screenpop LOGIN PASSWORD 'of a test'")
        server.execute(granted[0].encode())
    parts = urlsplit(ledger_url)
    own = f"screenpop:of%20a%20test@{parts.netloc.rpartition('@')[2]}"
    source = connector(urlunsplit(parts._replace(netloc=own)))
    try:
        result = await source.check()
    finally:
        await source.aclose()
        with psycopg.connect(ledger_url, autocommit=True) as server:
            server.execute("DROP OWNED BY screenpop; DROP ROLE screenpop")
    assert (result.status, result.text) == (CheckStatus.OK, "")
