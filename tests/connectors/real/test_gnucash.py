"""The GnuCash preset on a book of GnuCash 4.13; every figure is worked out by hand here.

`gnucash_book.sql` is what `gnucash_book.py` made with GnuCash's own engine in the time zone
Europe/Berlin. Where GnuCash's Python package is installed, the book is made anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.presets import presets, with_preset
from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Found,
    Number,
    Purchase,
    Purchases,
    Tombstone,
)
from connectors.sql import SqlConfig, SqlConnector

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
# The Python that Debian's package python3-gnucash is for.
PYTHON = Path("/usr/bin/python3")


def kept_book(path: Path) -> None:
    with sqlite3.connect(path) as book:
        book.executescript((HERE / "gnucash_book.sql").read_text(encoding="utf-8"))
    book.close()


def new_book(path: Path) -> None:
    """Have GnuCash make the book, in a zone where its day begins before that of UTC."""
    probe = [str(PYTHON), "-c", "import gnucash"]
    if not PYTHON.exists() or subprocess.run(probe, capture_output=True).returncode:
        reason = "no GnuCash to test with: as root, apt-get install gnucash python3-gnucash"
        if os.environ.get("SCREENPOP_TEST_GNUCASH") == "required":
            pytest.fail(reason)
        pytest.skip(f"{reason} libdbd-sqlite3")
    subprocess.run(
        [PYTHON, HERE / "gnucash_book.py", path],
        env={"TZ": "Asia/Tokyo", "PATH": os.environ["PATH"], "HOME": str(path.parent)},
        check=True,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture(params=["kept", "new"], scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gnucash")
    (kept_book if request.param == "kept" else new_book)(place / "books.gnucash")
    return place


def connector(folder: Path, **settings: Any) -> SqlConnector:
    given = {"url": "sqlite:///books.gnucash", **settings}
    config = SqlConfig.model_validate(with_preset(presets()["gnucash"], given))
    return SqlConnector(config, Context("books", "GB", folder, lambda: NOW))


def guid(folder: Path, number: str) -> str:
    book = sqlite3.connect(folder / "books.gnucash")
    found: str = book.execute("SELECT guid FROM customers WHERE id = ?", [number]).fetchone()[0]
    book.close()
    return found


async def facts(folder: Path, section: Any, number: str) -> Any:
    source = connector(folder)
    found = await source.fetch(section, CustomerRef(guid(folder, number)))
    await source.aclose()
    assert isinstance(found, Found)
    assert found.incomplete is None
    return found.facts


class TestContract(ConnectorContract):
    unknown = CustomerRef("0" * 32)

    @pytest.fixture
    def working(self, tmp_path: Path) -> SqlConnector:
        kept_book(tmp_path / "books.gnucash")
        type(self).known = CustomerRef(guid(tmp_path, "C-100"))
        return connector(tmp_path)

    @pytest.fixture
    def broken(self, tmp_path: Path) -> SqlConnector:
        return connector(tmp_path / "elsewhere")


async def test_the_balance_is_what_the_lots_hold(folder: Path) -> None:
    owed: Balance = await facts(folder, "balance", "C-100")
    # INV-1: 40 at 25.00 and 3 at 66.67 are 1200.01, of which 700.01 are paid.
    assert [(i.number, i.total_amount, i.amount_due, i.due_date) for i in owed.open_invoices] == [
        ("INV-1", Decimal("1200.01"), Decimal("500.00"), date(2026, 8, 31)),
        ("INV-2", Decimal("286.50"), Decimal("286.50"), date(2026, 12, 10)),
    ]
    assert owed.open_invoices[0].days_overdue == 83
    # The credit note of 36.00, and 40.00 that were paid too much for INV-3.
    assert owed.unapplied_credit == Decimal("76.00")
    assert (owed.balance, owed.overdue_amount) == (Decimal("710.50"), Decimal("500.00"))
    assert [(p.transaction_date, p.total_amount, p.payment_method) for p in owed.payments] == [
        (date(2026, 9, 15), Decimal("700.01"), "CHQ-7"),
        (date(2026, 5, 5), Decimal("90.00"), "CARD"),
    ]


async def test_fractions_become_exact_amounts(folder: Path) -> None:
    bought: Purchases = await facts(folder, "purchases", "C-100")
    lines = {o.order_number: o.line_items[0] for o in bought.orders}
    # 5/2 at 1146/10, and 9/4 at 40.
    twine, hours = lines["INV-2"], lines["INV-3"]
    assert (twine.quantity, twine.unit_price) == (Decimal("2.5"), Decimal("114.6"))
    assert twine.total_amount == Decimal("286.5")
    assert (hours.quantity, hours.total_amount) == (Decimal("2.25"), Decimal(90))


async def test_purchases_count_jobs_and_credit_notes_but_no_drafts(folder: Path) -> None:
    bought: Purchases = await facts(folder, "purchases", "C-100")
    assert [o.order_number for o in bought.orders] == ["INV-2", "CN-1", "INV-1", "INV-3"]
    # 286.50 - 36.00 + 1200.01 + 90.00
    assert (bought.order_count, bought.lifetime_amount) == (4, Decimal("1540.51"))
    assert bought.first_order_date == date(2026, 4, 5)


async def test_a_credit_limit_of_0_was_never_entered(folder: Path) -> None:
    terms: CreditTerms = await facts(folder, "credit_terms", "C-100")
    # 500.00 + 286.50 - 36.00 receivable.
    assert (terms.credit_limit, terms.credit_used) == (Decimal(5000), Decimal("750.5"))
    assert (terms.payment_terms, terms.days_until_due) == ("30 days", 30)
    foreign: CreditTerms = await facts(folder, "credit_terms", "C-200")
    assert (foreign.currency, foreign.credit_limit) == ("EUR", None)
    assert foreign.credit_used == 100


async def test_contacts_and_search_know_both_numbers_and_no_closed_customer(folder: Path) -> None:
    source = connector(folder)
    items = [item async for item in source.contacts(None)]
    rows = {i.external_id: i for i in items if isinstance(i, ContactRow)}
    assert set(rows) == {"C-100", "C-200"}
    assert [p.raw for p in rows["C-100"].phone_numbers] == ["(020) 7946 0958", "+44 7700 900123"]
    assert Tombstone(guid(folder, "C-300")) in items
    number = Number("02079460958", "+442079460958", "020 7946 0958")
    assert [c.external_id for c in await source.find(number)] == ["C-100"]
    closed = Number("02079460300", "+442079460300", "020 7946 0300")
    assert await source.find(closed) == []
    await source.aclose()


async def test_the_history_names_the_customer_behind_a_job(folder: Path) -> None:
    source = connector(folder)
    found = [item async for item in source.purchases(None) if isinstance(item, Purchase)]
    await source.aclose()
    assert len(found) == 5
    owners = {p.order.line_items[0].name: p.remote_id for p in found}
    assert owners["Hour of help"] == guid(folder, "C-100")


async def test_reading_a_book_does_not_change_or_lock_it(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "books.gnucash", tmp_path / "books.gnucash")
    before = (tmp_path / "books.gnucash").read_bytes()
    source = connector(tmp_path)
    await source.check()
    await source.aclose()
    assert (tmp_path / "books.gnucash").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["books.gnucash"]
