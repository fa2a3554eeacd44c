"""A small ledger in SQLite, and a configuration that reads it: for tests of the whole product."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from tests.product import USERS

BOOKS = """
CREATE TABLE c (id TEXT, name TEXT, phone TEXT, acc TEXT);
INSERT INTO c VALUES ('1', 'Kestrel Garden', '020 7946 0958', 'C-100'),
  ('2', 'Marlowe Pumps', '020 7946 0111', 'C-200'), ('3', 'Marlowe Hire', '020 7946 0111', 'C-300');
CREATE TABLE i (c TEXT, no TEXT, due TEXT, amount TEXT);
INSERT INTO i VALUES ('1', 'INV-1', '2020-01-01', '456.00'), ('2', 'INV-2', '2999-01-01', '10.00'),
  ('3', 'INV-3', '2999-01-01', '5.00');
"""
WITH_BOOKS = f"""{USERS}
connectors:
  - slug: books
    kind: sql
    name: Ledger
    region: GB
    settings:
      url: {{env: BOOKS_URL}}
      queries:
        contacts: SELECT id AS remote_id, name AS display_name, phone, acc AS external_id FROM c
        balance: >-
          SELECT no AS number, due AS due_date, amount AS amount_due, 'GBP' AS currency
          FROM i WHERE c = :remote_id
"""


def write_books(folder: Path) -> str:
    """Write the ledger and return its URL."""
    path = folder / "books.db"
    with contextlib.closing(sqlite3.connect(path)) as books:
        books.executescript(BOOKS)
    return f"sqlite:///{path}"
