"""A small shop in SQLite with purchase history and a catalogue, and a configuration that reads it.

Twelve customers buy feed every 30 days, and a scoop with it; the first few differ in their data.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

from tests.product import USERS, Product

CUSTOMERS = [
    ("1", "Kestrel Garden", "020 7946 0958", "Gold", "wholesale", "yes"),
    ("2", "Marlowe Pumps", "020 7946 0111", "gold", "", "no"),
    ("3", "Orchard Hire", "020 7946 0222", "Silver", "wholesale", None),
    ("4", "=Formula Ltd", "020 7946 0333", "Silver", "", "maybe"),
    *((str(n), f"Customer {n}", f"020 7946 04{n:02}", None, "", None) for n in range(5, 13)),
]
CATALOGUE = [
    ("FEED", "Layer feed [20 kg]", "feed", "18.00", "40"),
    ("SCOOP", "Scoop", "tools", "4.50", "7"),
    ("BUCKET", "Bucket", "tools", "6.00", "0"),
    ("FREIGHT", "Freight", "Freight", "9.00", None),
    ("GRIT", "Grit", "feed", "7.00", "3"),
]
WITH_SHOP = f"""{USERS}
connectors:
  - slug: shop
    kind: sql
    name: Shop
    region: GB
    settings:
      url: {{env: SHOP_URL}}
      currency: GBP
      queries:
        contacts: >-
          SELECT id AS remote_id, name AS display_name, phone, tier, tags,
          consent AS marketing_consent FROM customer ORDER BY id
        credit_terms: >-
          SELECT '10.00' AS credit_limit, '0.00' AS credit_used, hold AS on_hold
          FROM customer WHERE id = :remote_id
        history: >-
          SELECT customer AS remote_id, no AS order_number, day AS order_date, item AS item_id,
          item AS name, '1' AS quantity FROM sold ORDER BY no
        catalogue: >-
          SELECT id AS item_id, name, category, price AS unit_price, 'GBP' AS currency,
          stock AS inventory_quantity FROM item
suggestions: {{excluded_categories: [freight]}}
"""


def write_shop(folder: Path, today: date, on_hold: str = "") -> str:
    """Write the shop's database and return its URL; `on_hold` is a customer's id."""
    path = folder / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as shop:
        shop.executescript(
            "CREATE TABLE customer"
            " (id TEXT, name TEXT, phone TEXT, tier TEXT, tags TEXT, consent TEXT, hold TEXT);"
            "CREATE TABLE item (id TEXT, name TEXT, category TEXT, price TEXT, stock TEXT);"
            "CREATE TABLE sold (customer TEXT, no TEXT, day TEXT, item TEXT);"
        )
        shop.executemany(
            "INSERT INTO customer VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*each, "yes" if each[0] == on_hold else "no") for each in CUSTOMERS],
        )
        shop.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?)", CATALOGUE)
        shop.executemany("INSERT INTO sold VALUES (?, ?, ?, ?)", _sold(today))
        shop.commit()
    return f"sqlite:///{path}"


def screenpop(product: Product, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the database of a product."""
    settings = product.settings
    env = {name: value for name, value in os.environ.items() if "SCREENPOP_" not in name} | {
        "SCREENPOP_DATA_DIR": str(settings.data_dir),
        "SCREENPOP_DATABASE_URL": settings.database_url or "",
        "SCREENPOP_SECRET_KEYS": settings.secret_keys or "",
    }
    command = [sys.executable, "-m", "app", *arguments, "--no-migrate"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def _sold(today: date) -> list[tuple[str, str, str, str]]:
    lines = []
    for customer, *_ in CUSTOMERS:
        # The third customer stopped buying half a year ago.
        ago = 200 if customer == "3" else 29
        for time in range(6):
            day = (today - timedelta(days=ago + 30 * time)).isoformat()
            items = ["FEED", "FREIGHT"]
            # The first one never took the scoop and the grit that go with feed.
            items += ["BUCKET"] if customer == "1" else ["SCOOP", "GRIT", "BUCKET"]
            lines += [(customer, f"{customer}-{time}", day, item) for item in items]
    return lines
