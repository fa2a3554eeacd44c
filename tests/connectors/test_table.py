"""The table connector on real CSV and Excel files."""

from __future__ import annotations

import os
import time
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Found,
    Purchases,
    RejectedRow,
    SourceError,
)
from connectors.table import TableConfig, TableConnector

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KESTREL = CustomerRef("C-100", "C-100")
COLUMNS = {
    "external_id": "Account No",
    "display_name": "Customer",
    "phone": "Telephone",
    "credit_limit": "Limit",
    "on_hold": "On stop",
}
CREDIT = (
    "Account No,Customer,Telephone,Limit,On stop\n"
    "C-100,Kestrel Garden,020 7946 0958,2000.00,N\n"
    "C-100,Kestrel Garden,+44 7700 900123,2000.00,N\n"
    "C-200,Owl Ltd,020 7946 0300,,Y\n"
)


def connector(folder: Path, path: str = "credit.csv", **settings: Any) -> TableConnector:
    config = TableConfig.model_validate(
        {"path": path, "columns": COLUMNS, "currency": "GBP", **settings}
    )
    return TableConnector(config, Context("credit", "GB", folder, lambda: NOW))


def settled(path: Path) -> Path:
    """Make a file look as if it had been written a while ago, so that nobody waits for its end."""
    then = time.time_ns() - 60 * 10**9
    os.utime(path, ns=(then, then))
    return path


def write(folder: Path, text: str, name: str = "credit.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return settled(path)


def write_sheet(path: Path, rows: list[list[Any]], title: str = "Terms") -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    book.close()
    settled(path)


async def terms(source: TableConnector, ref: CustomerRef = KESTREL) -> CreditTerms:
    found = await source.fetch("credit_terms", ref)
    assert isinstance(found, Found)
    assert isinstance(found.facts, CreditTerms)
    return found.facts


async def failure(source: TableConnector, section: Any = "credit_terms") -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.fetch(section, KESTREL)
    await source.aclose()
    return caught.value


class TestContract(ConnectorContract):
    known = KESTREL
    unknown = CustomerRef("C-999", "C-999")

    @pytest.fixture
    def working(self, tmp_path: Path) -> TableConnector:
        write(tmp_path, CREDIT)
        return connector(tmp_path)

    @pytest.fixture
    def broken(self, tmp_path: Path) -> TableConnector:
        return connector(tmp_path, "no-such.csv")


async def test_terms_are_found_by_account_number(tmp_path: Path) -> None:
    path = write(tmp_path, CREDIT)
    source = connector(tmp_path)
    found = await source.fetch("credit_terms", CustomerRef("1", "C-100"))
    assert isinstance(found, Found)
    assert found.facts == CreditTerms(
        currency="GBP", credit_limit=Decimal("2000.00"), on_hold=False
    )
    assert found.as_of is not None
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    assert abs(found.as_of - changed) <= timedelta(microseconds=1)
    assert (await terms(source, CustomerRef("C-200"))).credit_limit is None
    await source.aclose()


async def test_repeated_rows_of_a_customer_are_one_contact_with_all_numbers(
    tmp_path: Path,
) -> None:
    write(tmp_path, CREDIT)
    source = connector(tmp_path)
    kestrel, owl, end = [item async for item in source.contacts(None)]
    await source.aclose()
    assert isinstance(kestrel, ContactRow)
    assert [p.raw for p in kestrel.phone_numbers] == ["020 7946 0958", "+44 7700 900123"]
    assert (kestrel.remote_id, kestrel.external_id) == ("C-100", "C-100")
    assert isinstance(owl, ContactRow)
    assert end == Checkpoint(None, 2)


async def test_continental_text_is_read_as_set(tmp_path: Path) -> None:
    write(
        tmp_path,
        "Konto;Name;Beleg;Fällig;Offen\n1;Müller;R-1;12.10.2026;1.234,50\n1;Müller;R-2;;-0,50\n",
        encoding="windows-1252",
    )
    columns = {
        "remote_id": "Konto",
        "number": "Beleg",
        "due_date": "FÄLLIG ",
        "amount_due": "Offen",
    }
    source = connector(
        tmp_path,
        columns=columns,
        delimiter=";",
        decimal_comma=True,
        date_order="dmy",
        encoding="windows-1252",
        currency="EUR",
    )
    assert source.provides == {"balance"}
    found = await source.fetch("balance", CustomerRef("1"))
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Balance)
    assert found.facts.balance == Decimal("1234.00")
    assert found.facts.oldest_due_date == date(2026, 10, 12)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
async def test_the_mark_of_a_unicode_file_is_recognised(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, CREDIT, encoding=encoding)
    source = connector(tmp_path)
    assert (await terms(source)).credit_limit == 2000
    await source.aclose()


async def test_order_lines_become_purchases(tmp_path: Path) -> None:
    write(
        tmp_path,
        "cust\torder\tday\tsku\tqty\tsum\nC-100\tO-1\t2026-01-05\tSPADE\t2\t30\n"
        "C-100\tO-1\t2026-01-05\tFORK\t1\t9.99\n",
    )
    columns = {
        "remote_id": "cust",
        "order_number": "order",
        "order_date": "day",
        "sku": "sku",
        "quantity": "qty",
        "total_amount": "sum",
    }
    source = connector(tmp_path, columns=columns, delimiter="tab")
    assert source.provides == {"purchases", "history"}
    found = await source.fetch("purchases", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Purchases)
    assert found.facts.lifetime_amount == Decimal("39.99")


async def test_a_spreadsheet_keeps_types_and_row_numbers(tmp_path: Path) -> None:
    write_sheet(
        tmp_path / "terms.xlsx",
        [
            [],
            ["Account No", "Customer", "Telephone", "Limit", "On stop"],
            ["C-100", "Kestrel", "020 7946 0958", 1999.9, False],
            [200, "Owl", "020 7946 0300", 0, True],
            ["C-300", "Wren", "020 7946 0301", "much", None],
        ],
    )
    source = connector(tmp_path, "terms.xlsx", sheet="Terms")
    assert (await terms(source)).credit_limit == Decimal("1999.9")
    assert (await terms(source, CustomerRef("200"))).credit_limit == 0
    with pytest.raises(SourceError, match=r"`Limit` \(credit_limit\) of row 5 is text"):
        await source.fetch("credit_terms", CustomerRef("C-300"))
    await source.aclose()


async def test_numbers_that_a_spreadsheet_spoilt_are_reported_and_never_guessed(
    tmp_path: Path,
) -> None:
    write_sheet(
        tmp_path / "terms.xlsx",
        [
            ["Account No", "Customer", "Telephone", "Mobile", "Limit", "On stop"],
            ["C-1", "Lost zero", 2079460958, "07700 900123", 1, None],
            ["C-2", "Float", 4.42079e11, None, 1, None],
            [1.23456789012345e18, "Cut id", "020 7946 0958", None, 1, None],
        ],
    )
    source = connector(tmp_path, "terms.xlsx", columns={**COLUMNS, "mobile": "Mobile"})
    items = [item async for item in source.contacts(None)]
    await source.aclose()
    rejected = [item for item in items if isinstance(item, RejectedRow)]
    assert [r.where for r in rejected] == ["row 2", "row 3", "row 4"]
    assert "'Telephone'" in rejected[0].why
    assert "format the column as text" in rejected[0].why
    contacts = [item for item in items if isinstance(item, ContactRow)]
    assert [[p.raw for p in c.phone_numbers] for c in contacts] == [["07700 900123"], []]


async def test_a_number_in_scientific_notation_in_a_text_file_is_reported(
    tmp_path: Path,
) -> None:
    write(tmp_path, CREDIT.replace("020 7946 0958", "4.42079E+11"))
    source = connector(tmp_path)
    first, *_ = [item async for item in source.contacts(None)]
    await source.aclose()
    assert isinstance(first, RejectedRow)
    assert first.where == "row 2"


async def test_formulas_give_the_value_they_last_had(tmp_path: Path) -> None:
    path = tmp_path / "terms.xlsx"
    write_sheet(path, [["Account No", "Customer", "Telephone", "Limit", "On stop"],
                       ["C-100", "Kestrel", "1", "=1000*2", None]])  # fmt: skip
    # What a spreadsheet program stores beside the formula when it saves.
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = (
        parts[sheet]
        .replace(b"<f>1000*2</f><v />", b"<f>1000*2</f><v>2000</v>")
        .replace(b"<f>1000*2</f><v></v>", b"<f>1000*2</f><v>2000</v>")
    )
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    source = connector(tmp_path, "terms.xlsx")
    assert (await terms(source)).credit_limit == 2000
    await source.aclose()
