"""What people do to files: formulas, dates as text, words of their language, half a write."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from connectors.sdk.connector import Context
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckStatus,
    CustomerRef,
    Found,
    Item,
    Purchase,
    Purchases,
    RejectedRow,
    SourceError,
)
from connectors.table import TableConfig, TableConnector
from tests.connectors.test_table import (
    COLUMNS,
    CREDIT,
    KESTREL,
    connector,
    failure,
    terms,
    write,
    write_sheet,
)

HEADERS = list(COLUMNS.values())


@pytest.mark.parametrize("sheet", ["Terms", "Q1 & <Q2>"])
async def test_a_formula_without_its_result_is_not_taken_for_no_limit(
    tmp_path: Path, sheet: str
) -> None:
    rows: list[list[Any]] = [HEADERS, ["C-100", "Kestrel", "1", "=1000*2", None]]
    write_sheet(tmp_path / "terms.xlsx", rows, sheet)
    error = await failure(connector(tmp_path, "terms.xlsx", sheet=sheet))
    named = "column `Limit` (credit_limit) of row 2"
    assert f"{named} is a formula whose result was not saved" in error.text
    assert "open the file in a spreadsheet program and save it" in error.text


async def test_a_formula_in_a_column_that_nobody_reads_does_no_harm(tmp_path: Path) -> None:
    rows: list[list[Any]] = [[*HEADERS, "Sum"], ["C-100", "Kestrel", "1", 2000, None, "=D2*2"]]
    write_sheet(tmp_path / "terms.xlsx", rows)
    source = connector(tmp_path, "terms.xlsx")
    assert (await terms(source)).credit_limit == 2000
    await source.aclose()


async def test_an_error_of_a_formula_is_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADERS)
    sheet.append(["C-100", "Kestrel", "1", 1, None])
    sheet["D2"].value = "#REF!"
    sheet["D2"].data_type = "e"
    book.save(tmp_path / "terms.xlsx")
    error = await failure(connector(tmp_path, "terms.xlsx"))
    assert "is an error of a formula (#REF!, #N/A)" in error.text


@pytest.mark.parametrize(
    ("word", "held"),
    [("ja", True), ("Nein", False), ("OUI", True), ("não", False), ("x", True), ("FAUX", False),
     ("Tak", True), ("όχι", False), ("Sí", True), ("1", True)],
)  # fmt: skip
async def test_yes_and_no_are_understood_in_the_languages_of_europe(
    tmp_path: Path, word: str, held: bool
) -> None:
    write(tmp_path, f"Account No,Customer,Telephone,Limit,On stop\nC-100,K,1,2,{word}\n")
    source = connector(tmp_path)
    assert (await terms(source)).on_hold is held
    await source.aclose()


async def test_a_word_that_is_neither_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path, "Account No,Customer,Telephone,Limit,On stop\nC-100,K,1,2,perhaps\n")
    error = await failure(connector(tmp_path))
    assert error.text == "column `On stop` (on_hold) of row 2 is neither yes nor no"


async def test_dates_as_text_are_read_in_the_order_that_is_set(tmp_path: Path) -> None:
    write(tmp_path, "Account No,Due,Open\nC-100,03.04.2026,10\nC-100,13.04.2026,5\n")
    columns = {"external_id": "Account No", "due_date": "Due", "amount_due": "Open"}
    source = connector(tmp_path, columns=columns, date_order="dmy")
    found = await source.fetch("balance", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Balance)
    assert found.facts.oldest_due_date == date(2026, 4, 3)
    error = await failure(connector(tmp_path, columns=columns, date_order="mdy"), "balance")
    assert error.text == (
        "column `Due` (due_date) of row 3 is not a date in the order mdy: is the setting"
        " `date_order` right?"
    )
    error = await failure(connector(tmp_path, columns=columns), "balance")
    assert error.text == (
        "column `Due` (due_date) of row 2 is a date with its year elsewhere, or of two digits:"
        " write it as 2026-10-12, or set the `date_order` of a file"
    )


async def test_a_date_that_a_spreadsheet_keeps_as_a_number_is_not_guessed(tmp_path: Path) -> None:
    columns = {"external_id": "Account No", "due_date": "Due", "amount_due": "Open"}
    write_sheet(tmp_path / "due.xlsx", [["Account No", "Due", "Open"], ["C-100", 46_000, 10]])
    error = await failure(connector(tmp_path, "due.xlsx", columns=columns), "balance")
    assert error.text == (
        "column `Due` (due_date) of row 2 is a number, not a date (in a spreadsheet: format the"
        " column as a date)"
    )


async def test_a_file_replaced_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "credit.csv"
    os.mkfifo(path)
    new = write(tmp_path, CREDIT.replace("2000.00", "3000.00"), "new.csv")

    def replace() -> None:
        # Opens when the reader has; the reader is at its end when this is closed.
        with path.open("w") as half:
            half.write(CREDIT[:90])
            half.flush()
            new.replace(path)

    writer = threading.Thread(target=replace)
    writer.start()
    source = connector(tmp_path)
    assert (await terms(source)).credit_limit == 3000
    await source.aclose()
    writer.join()


async def test_a_file_that_is_written_all_the_time_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "credit.csv"
    os.mkfifo(path)

    def keep_writing() -> None:
        for _ in range(3):
            fifo = tmp_path / "next"
            os.mkfifo(fifo)
            with path.open("w") as half:
                half.write(CREDIT[:90])
                half.flush()
                fifo.replace(path)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    source = connector(tmp_path)
    with pytest.raises(SourceError, match="is being written: have it written under another name"):
        await source.fetch("credit_terms", KESTREL)
    writer.join()
    path.unlink()
    write(tmp_path, CREDIT)
    assert (await terms(source)).credit_limit == 2000
    await source.aclose()


async def test_amounts_of_two_currencies_are_not_added(tmp_path: Path) -> None:
    write(tmp_path, "Account No,Open,Money\nC-100,10,GBP\nC-100,5,EUR\n")
    columns = {"external_id": "Account No", "amount_due": "Open", "currency": "Money"}
    source = connector(tmp_path, columns=columns)
    found = await source.fetch("balance", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Balance)
    assert (found.facts.currency, found.facts.balance) == ("GBP", Decimal(10))
    assert [(o.currency, o.balance) for o in found.facts.other_currencies] == [("EUR", Decimal(5))]


LINES = {
    "external_id": "cust", "order_number": "order", "order_date": "day", "item_id": "sku",
    "quantity": "qty", "total_amount": "sum",
}  # fmt: skip


async def test_the_history_gathers_an_orders_lines_wherever_they_stand(tmp_path: Path) -> None:
    write(
        tmp_path,
        "cust,order,day,sku,qty,sum\nC-100,O-1,2026-01-05,SPADE,2,30\n"
        "C-200,O-2,2026-01-06,HOSE,-1,-9\nC-100,O-1,2026-01-05,FORK,1,9.99\n"
        ",O-3,2026-01-07,X,1,1\n",
    )
    source = connector(tmp_path, columns=LINES)
    first, second, bad, end = [item async for item in source.purchases(None)]
    await source.aclose()
    assert isinstance(first, Purchase)
    assert (first.remote_id, first.order.total_amount) == ("C-100", Decimal("39.99"))
    assert [line.item_id for line in first.order.line_items] == ["SPADE", "FORK"]
    assert isinstance(second, Purchase)
    assert second.order.line_items[0].quantity == -1
    assert bad == RejectedRow("row 5", "column `remote_id` of row 5 is empty")
    assert end == Checkpoint(None, 3)


async def test_a_price_list_is_a_catalogue(tmp_path: Path) -> None:
    write(tmp_path, "sku;name;price;stock;live\nSP;Spade;25,00;7;ja\nXX;;1;;ja\nOL;Old;1;;nein\n")
    columns = {
        "item_id": "sku", "name": "name", "unit_price": "price", "inventory_quantity": "stock",
        "is_active": "live",
    }  # fmt: skip
    source = connector(tmp_path, columns=columns, delimiter=";", decimal_comma=True)
    assert source.provides == {"catalogue"}
    spade, bad, old, end = [item async for item in source.catalogue(None)]
    assert isinstance(spade, Item)
    assert (spade.unit_price, spade.currency) == (Decimal("25.00"), "GBP")
    assert isinstance(bad, RejectedRow)
    assert isinstance(old, Item)
    assert (old.is_active, old.inventory_quantity) == (False, None)
    assert end == Checkpoint(None, 3)
    result = await source.check()
    await source.aclose()
    assert result.status is CheckStatus.OK
    assert "catalogue: 2 items, 1 rows rejected" in result.proved[-1]


async def test_overdue_is_by_the_companys_date(tmp_path: Path) -> None:
    write(tmp_path, "Account No,Due,Open\nC-100,2026-11-22,10\n")
    columns = {"external_id": "Account No", "due_date": "Due", "amount_due": "Open"}
    # 23:30 UTC on the 22nd: in Berlin it is the 23rd already, in New York still the 22nd.
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    overdue = {}
    for zone in ("Europe/Berlin", "America/New_York"):
        settings = {"path": "credit.csv", "columns": columns, "currency": "GBP", "time_zone": zone}
        config = TableConfig.model_validate(settings)
        source = TableConnector(config, Context("credit", "GB", tmp_path, lambda: late))
        found = await source.fetch("balance", KESTREL)
        await source.aclose()
        assert isinstance(found, Found)
        assert isinstance(found.facts, Balance)
        overdue[zone] = found.facts.overdue_amount
    assert overdue == {"Europe/Berlin": 10, "America/New_York": 0}


@pytest.fixture(scope="module")
def many_orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of 100,000 orders of one customer and one of another."""
    folder = tmp_path_factory.mktemp("many")
    lines = [f"C-100,O-{n},2026-01-{n % 28 + 1:02},SPADE,1,2.50" for n in range(100_000)]
    lines.append("C-200,P-1,2026-01-05,FORK,1,9.99")
    write(folder, "cust,order,day,sku,qty,sum\n" + "\n".join(lines) + "\n")
    return folder


async def test_a_customer_with_100_000_orders_has_right_totals_and_nobody_waits_for_them(
    many_orders: Path,
) -> None:
    source = connector(many_orders, columns=LINES)
    # Reading the file is followed by working out what takes long: the second comes after that.
    for _ in range(2):
        small = await source.fetch("purchases", CustomerRef("C-200"))
        assert isinstance(small, Found)
        assert isinstance(small.facts, Purchases)
        assert small.facts.lifetime_amount == Decimal("9.99")
    began = time.process_time()
    found = await source.fetch("purchases", CustomerRef("C-100"))
    took = time.process_time() - began
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Purchases)
    assert found.incomplete is None
    assert (found.facts.order_count, len(found.facts.orders)) == (100_000, 20)
    assert found.facts.lifetime_amount == 250_000
    assert took < 0.05


async def test_of_many_orders_one_that_cannot_be_read_is_named_again_and_again(
    tmp_path: Path,
) -> None:
    lines = [f"C-100,O-{n},2026-01-05,SPADE,1,2.50" for n in range(2_500)]
    write(tmp_path, "cust,order,day,sku,qty,sum\n" + "\n".join([*lines, "C-100,O-x,soon,S,1,1"]))
    source = connector(tmp_path, columns=LINES, customer_url="https://books.example/{remote_id}")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"`day` \(order_date\) of row 2502 is text that"):
            await source.fetch("purchases", CustomerRef("C-100"))
    write(tmp_path, "cust,order,day,sku,qty,sum\n" + "\n".join(lines))
    found = await source.fetch("purchases", CustomerRef("C-100"))
    assert isinstance(found, Found)
    assert found.remote_url == "https://books.example/C-100"
    (tmp_path / "credit.csv").unlink()
    old = await source.fetch("purchases", CustomerRef("C-100"))
    await source.aclose()
    assert isinstance(old, Found)
    assert old.facts == found.facts
    assert old.incomplete is not None
    assert "the file credit.csv is not in the data folder; the content of" in old.incomplete
