"""A small shop in SQLite with purchase history, catalogue and credit terms, for whole products."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.product import USERS

KESTREL, MARLOWE, NEWCOMER = "+442079460958", "+442079460111", "+442079460222"
TODAY = datetime.now(UTC).date()
_TABLES = """
CREATE TABLE c (id TEXT, name TEXT, phone TEXT);
INSERT INTO c VALUES ('1', 'Kestrel Garden', '020 7946 0958'),
  ('2', 'Marlowe Pumps', '020 7946 0111'), ('3', 'Newcomer', '020 7946 0222');
CREATE TABLE o (c TEXT, no TEXT, day TEXT, item TEXT, qty TEXT);
CREATE TABLE p (id TEXT, name TEXT, category TEXT, price TEXT, stock TEXT);
INSERT INTO p VALUES ('hose', 'Hose', 'Hose', '36.50', '12'),
  ('clip', 'Clip', 'Fitting', '6.90', '9'),
  ('pump', 'Pump', 'Pumps', '129.00', '3'), ('seal', 'Seal', 'Pump parts', '18.60', NULL),
  ('old', 'Old hose', 'Hose', '20.00', '0'), ('carr', 'Carriage', 'Freight', '9.50', NULL);
CREATE TABLE t (c TEXT, credit_limit TEXT, used TEXT, hold TEXT);
INSERT INTO t VALUES ('1', '1000.00', '900.00', 'false'), ('2', '500.00', '0.00', 'true');
"""
WITH_TRADE_SHOP = f"""{USERS}
connectors:
  - slug: shop
    kind: sql
    name: Shop
    region: GB
    settings:
      url: {{env: SHOP_URL}}
      queries:
        contacts: SELECT id AS remote_id, name AS display_name, phone FROM c
        history: >-
          SELECT c AS remote_id, no AS order_number, day AS order_date, item AS item_id,
          qty AS quantity, 'GBP' AS currency FROM o WHERE day < '{TODAY}' ORDER BY order_number
        catalogue: >-
          SELECT id AS item_id, name, category, price AS unit_price, 'GBP' AS currency,
          stock AS inventory_quantity FROM p
        purchases: >-
          SELECT no AS order_number, day AS order_date, item AS item_id, qty AS quantity,
          'GBP' AS currency FROM o WHERE c = :remote_id ORDER BY day DESC, no LIMIT 50
        credit_terms: >-
          SELECT credit_limit, used AS credit_used, hold AS on_hold, 'GBP' AS currency
          FROM t WHERE c = :remote_id
suggestions:
  excluded_categories: [freight]
"""
Line = tuple[str, str, date, str, int]


def write_trade_shop(folder: Path, more: Iterable[Line] = ()) -> str:
    """Write the shop with its orders, and `more` of them; return its URL."""
    path = folder / "trade_shop.db"
    with contextlib.closing(sqlite3.connect(path)) as shop:
        shop.executescript(_TABLES)
        rows = [(c, no, str(day), item, qty) for c, no, day, item, qty in (*orders(), *more)]
        shop.executemany("INSERT INTO o VALUES (?, ?, ?, ?, ?)", rows)
        shop.commit()
    return f"sqlite:///{path}"


def orders() -> Iterable[Line]:
    """Kestrel buys a hose every month; others buy pumps with seals; carriage is on every order."""
    for month in range(1, 13):
        day = TODAY - timedelta(days=30 * month)
        yield from (("1", f"K-{month}", day, item, 1) for item in ("hose", "old", "carr"))
    for number in range(40):
        day = TODAY - timedelta(days=10 * number + 1)
        customer = f"x{number % 20}"
        for item in ("hose", "clip", "carr") if number % 2 else ("pump", "seal", "carr"):
            yield customer, f"X-{number}", day, item, 1
