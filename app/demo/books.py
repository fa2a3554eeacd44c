"""The demo's accounts: a SQLite file with a bookkeeping program's own tables and names."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from app.demo.cast import STAFF
from app.demo.records import TERMS, Business, Customer, Invoice

# Amounts are whole pence, as in many an old ledger: SQLite has no exact decimals.
_SCHEMA = """
CREATE TABLE terms (terms_cd TEXT PRIMARY KEY, descr TEXT NOT NULL, days INTEGER NOT NULL);
CREATE TABLE staff (staff_cd TEXT PRIMARY KEY, staff_nm TEXT NOT NULL, email TEXT NOT NULL);
CREATE TABLE cust (
  cust_id INTEGER PRIMARY KEY, acct_no TEXT NOT NULL UNIQUE, cust_nm TEXT NOT NULL,
  is_company INTEGER NOT NULL, contact_nm TEXT, email TEXT, tel TEXT, mob TEXT,
  ctry TEXT NOT NULL, ccy TEXT NOT NULL, lang TEXT, grade TEXT, marks TEXT,
  staff_cd TEXT REFERENCES staff, terms_cd TEXT NOT NULL REFERENCES terms, opened_dt TEXT NOT NULL);
CREATE TABLE doc (
  doc_no TEXT PRIMARY KEY, doc_type TEXT NOT NULL CHECK (doc_type IN ('INV', 'CRN')),
  cust_id INTEGER NOT NULL REFERENCES cust, our_ref TEXT, doc_dt TEXT NOT NULL,
  due_dt TEXT NOT NULL, ccy TEXT NOT NULL, net_p INTEGER NOT NULL, vat_p INTEGER NOT NULL,
  gross_p INTEGER NOT NULL, os_p INTEGER NOT NULL);
CREATE TABLE rcpt (
  rcpt_no TEXT PRIMARY KEY, cust_id INTEGER NOT NULL REFERENCES cust, rcpt_dt TEXT NOT NULL,
  ccy TEXT NOT NULL, amt_p INTEGER NOT NULL, meth TEXT NOT NULL, unalloc_p INTEGER NOT NULL);
CREATE TABLE alloc (
  from_no TEXT NOT NULL, doc_no TEXT NOT NULL REFERENCES doc, amt_p INTEGER NOT NULL);
"""
# Built after the rows are in: quicker than keeping them up to date row by row.
_INDEXES = """
CREATE INDEX doc_cust ON doc (cust_id, doc_dt);
CREATE INDEX rcpt_cust ON rcpt (cust_id, rcpt_dt);
"""


def write_books(business: Business, path: Path) -> None:
    """Write the accounts into a new SQLite file.

    Raises:
        FileExistsError: there is such a file already.
    """
    if path.exists():
        raise FileExistsError(path)
    in_books = [c for c in business.customers if c.account is not None]
    ids = {c.key: 101 + index for index, c in enumerate(in_books)}
    left = business.ledger.outstanding()
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_SCHEMA)
        with database:
            _fill(database, "terms", [(code, *term) for code, term in TERMS.items()])
            _fill(database, "staff", [(s.code, s.name, s.email) for s in STAFF])
            _fill(database, "cust", [_customer_row(ids[c.key], c) for c in in_books])
            _fill(
                database,
                "doc",
                [
                    _document_row(ids[i.account], i, left.get(i.number, Decimal()))
                    for i in business.ledger.invoices
                ],
            )
            _fill(
                database,
                "rcpt",
                [
                    (
                        r.number,
                        ids[r.account],
                        r.received_on.isoformat(),
                        r.currency,
                        _pence(r.amount),
                        r.method,
                        _pence(left.get(r.number, Decimal())),
                    )
                    for r in business.ledger.receipts
                ],
            )
            _fill(
                database,
                "alloc",
                [
                    (a.from_number, a.invoice_number, _pence(a.amount))
                    for a in business.ledger.allocations
                ],
            )
        database.executescript(_INDEXES)


def _fill(
    database: sqlite3.Connection, table: str, rows: list[tuple[str | int | None, ...]]
) -> None:
    marks = ", ".join("?" * len(rows[0]))
    database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 our own names


def _pence(amount: Decimal) -> int:
    return int(amount * 100)


def _customer_row(cust_id: int, customer: Customer) -> tuple[str | int | None, ...]:
    mobile = next((p.in_books for p in customer.phones if p.kind == "mobile"), None)
    landline = next((p.in_books for p in customer.phones if p.kind != "mobile"), None)
    return (
        cust_id,
        customer.account,
        customer.name,
        int(customer.company is not None),
        customer.contact,
        customer.email,
        landline,
        mobile,
        customer.region,
        customer.currency,
        customer.language,
        customer.tier,
        ",".join(customer.tags) or None,
        customer.owner.code if customer.owner else None,
        customer.terms,
        customer.since.isoformat(),
    )


def _document_row(cust_id: int, document: Invoice, left: Decimal) -> tuple[str | int | None, ...]:
    return (
        document.number,
        "INV" if document.kind == "invoice" else "CRN",
        cust_id,
        document.order_number,
        document.issued_on.isoformat(),
        document.due_on.isoformat(),
        document.currency,
        _pence(document.net),
        _pence(document.tax),
        _pence(document.gross),
        _pence(left),
    )


# What the `sql` connector asks. The columns carry the connector's names; `:remote_id` is `cust_id`.
QUERIES = {
    "contacts": """\
SELECT c.cust_id AS remote_id, c.acct_no AS external_id, c.cust_nm AS display_name,
       CASE WHEN c.is_company THEN c.cust_nm END AS company_name,
       c.email AS email, c.tel AS phone, c.mob AS mobile, c.ctry AS region, c.lang AS language,
       c.grade AS tier, c.marks AS tags, s.staff_nm AS owner_name, s.email AS owner_email
FROM cust c LEFT JOIN staff s ON s.staff_cd = c.staff_cd
ORDER BY c.cust_id
""",
    "balance": """\
SELECT doc_no AS number, doc_dt AS issue_date, due_dt AS due_date, ccy AS currency,
       gross_p / 100.0 AS total_amount,
       CASE doc_type WHEN 'CRN' THEN -os_p ELSE os_p END / 100.0 AS amount_due
FROM doc WHERE cust_id = :remote_id AND os_p <> 0
UNION ALL
SELECT rcpt_no, rcpt_dt, rcpt_dt, ccy, amt_p / 100.0, -unalloc_p / 100.0
FROM rcpt WHERE cust_id = :remote_id AND unalloc_p <> 0
""",
    "payments": """\
SELECT rcpt_dt AS transaction_date, amt_p / 100.0 AS total_amount, meth AS payment_method,
       ccy AS currency
FROM rcpt WHERE cust_id = :remote_id ORDER BY rcpt_dt DESC LIMIT 10
""",
    "credit_terms": """\
SELECT c.ccy AS currency, t.descr AS payment_terms, t.days AS days_until_due,
       0 AS exposure_includes_orders,
       ((SELECT COALESCE(SUM(CASE d.doc_type WHEN 'CRN' THEN -d.os_p ELSE d.os_p END), 0)
           FROM doc d WHERE d.cust_id = c.cust_id AND d.ccy = c.ccy)
        - (SELECT COALESCE(SUM(r.unalloc_p), 0)
             FROM rcpt r WHERE r.cust_id = c.cust_id AND r.ccy = c.ccy)) / 100.0 AS credit_used
FROM cust c JOIN terms t ON t.terms_cd = c.terms_cd WHERE c.cust_id = :remote_id
""",
}
