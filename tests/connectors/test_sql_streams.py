"""The purchase history and the catalogue from a database, time zones, and a very large customer."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

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
    Tickets,
    Tombstone,
)
from connectors.sql import SqlConfig, SqlConnector
from tests.connectors.test_sql import KESTREL, SCHEMA, connector, ledger_url, with_query  # noqa: F401

HISTORY = (
    "SELECT customer_id AS remote_id, order_no AS order_number, day AS order_date, sku AS item_id,"
    " qty AS quantity, price AS unit_price FROM lines WHERE day > :since ORDER BY order_no"
)
ROWS = "SELECT '{}' AS order_number, {} AS remote_id, {} AS updated_at, {} AS deleted, 'A' AS sku"


def union(*rows: tuple[str, str, str, str]) -> str:
    return " UNION ALL ".join(ROWS.format(*row) for row in rows)


async def test_order_lines_become_orders_of_their_customers(ledger_url: str) -> None:
    source = with_query(ledger_url, history=HISTORY)
    assert source.provides == {"history"}
    first, second, end = [item async for item in source.purchases(None)]
    await source.aclose()
    assert isinstance(first, Purchase)
    assert (first.remote_id, first.order.order_number) == ("1", "O-1")
    assert first.order.order_date == date(2026, 1, 5)
    assert [line.item_id for line in first.order.line_items] == ["SPADE", "FORK"]
    assert isinstance(second, Purchase)
    assert second.order.currency == "EUR"
    # It uses :since and gives no updated_at: the next read begins where this one did.
    assert end == Checkpoint(None)


async def test_a_changed_history_goes_on_where_it_was_and_knows_what_is_gone(
    ledger_url: str,
) -> None:
    rows = union(("O-1", "1", "'2026-11-01'", "0"), ("O-2", "1", "'2026-11-02'", "1"))
    sql = f"SELECT * FROM ({rows}) AS o WHERE updated_at > :since ORDER BY order_number"
    source = with_query(ledger_url, history=sql)
    items = [item async for item in source.purchases("2026-11-01")]
    assert items == [Tombstone("O-2"), Checkpoint("2026-11-02")]
    assert [item async for item in source.purchases("2026-11-02")] == [Checkpoint("2026-11-02")]
    await source.aclose()


async def test_lines_of_an_order_that_stand_apart_are_refused_with_the_cure(
    ledger_url: str,
) -> None:
    row = ("O-1", "1", "NULL", "0")
    source = with_query(ledger_url, history=union(row, ("O-2", "1", "NULL", "0"), row))
    with pytest.raises(SourceError, match="add ORDER BY order_number to the history query"):
        [item async for item in source.purchases(None)]
    await source.aclose()


async def test_an_order_of_nobody_is_rejected_and_the_rest_is_read(
    ledger_url: str,
) -> None:
    rows = union(("O-1", "NULL", "NULL", "0"), ("O-2", "1", "NULL", "0"))
    source = with_query(ledger_url, history=f"{rows} ORDER BY order_number")
    bad, good, _ = [item async for item in source.purchases(None)]
    await source.aclose()
    assert bad == RejectedRow("history row 1", "column `remote_id` of history row 1 is empty")
    assert isinstance(good, Purchase)


async def test_a_catalogue_is_read_and_checked(ledger_url: str) -> None:
    source = with_query(
        ledger_url,
        catalogue="SELECT 'S' AS item_id, 'Spade' AS name, 25.00 AS unit_price,"
        " NULL AS inventory_quantity, 1 AS is_active, 'x' AS colour",
    )
    result = await source.check()
    spade, end = [item async for item in source.catalogue(None)]
    await source.aclose()
    assert isinstance(spade, Item)
    assert (spade.unit_price, spade.currency) == (Decimal(25), "EUR")
    assert spade.inventory_quantity is None
    assert end == Checkpoint(None)
    assert result.status is CheckStatus.OK
    assert result.proved == ("catalogue: 1 rows, columns not used: colour",)


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        ({"history": "SELECT 1 AS order_number"}, "history needs the column `remote_id`"),
        ({"catalogue": "SELECT 1 AS item_id"}, "catalogue needs the column `name`"),
    ],
)
async def test_a_column_that_is_missing_is_named(
    ledger_url: str,
    queries: dict[str, str],
    said: str,
) -> None:
    source = with_query(ledger_url, **queries)
    result = await source.check()
    await source.aclose()
    assert result.status is CheckStatus.BAD_CONFIG
    assert said in result.text


# As many orders as a database makes quickly, newest first.
MANY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
    " SELECT 'O-' || i AS order_number, '2026-01-01' AS order_date, 2.50 AS order_total,"
    " 'SPADE' AS sku FROM n WHERE :remote_id = '1'"
)
TOTALS = (
    "SELECT 100000 AS order_count, 250000.00 AS lifetime_amount, '2001-05-06' AS first_order_date"
    " WHERE :remote_id = '1'"
)


@pytest.mark.parametrize("totals", ["", TOTALS])
async def test_100_000_orders_are_right_or_honestly_partial_and_bounded(
    ledger_url: str,
    totals: str,
) -> None:
    source = with_query(ledger_url, purchases=MANY, purchase_totals=totals)
    tracemalloc.start()
    start = time.monotonic()
    found = await source.fetch("purchases", KESTREL)
    took = time.monotonic() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await source.aclose()
    assert isinstance(found, Found)
    facts = found.facts
    assert isinstance(facts, Purchases)
    assert len(facts.orders) == 20
    if totals:
        assert (facts.order_count, facts.lifetime_amount) == (100_000, Decimal(250_000))
        assert facts.first_order_date == date(2001, 5, 6)
        assert found.incomplete is None
    else:
        assert (facts.order_count, facts.lifetime_amount) == (None, None)
        assert found.incomplete == "only the first 2000 rows of purchases were read (row_limit)"
    # Of 100,000 rows only the first 2,000 leave the database.
    assert peak < 16_000_000
    assert took < 5


async def test_totals_are_those_of_the_currency_that_is_shown(ledger_url: str) -> None:
    rows = [
        f"SELECT {n} AS order_count, '{code}' AS currency" for n, code in ((3, "USD"), (2, "EUR"))
    ]
    source = with_query(
        ledger_url,
        purchases="SELECT 'O-1' AS order_number, 'EUR' AS currency WHERE '1' = :remote_id",
        purchase_totals=f"SELECT * FROM ({' UNION ALL '.join(rows)}) AS t WHERE '1' = :remote_id",
    )
    found = await source.fetch("purchases", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Purchases)
    assert (found.facts.currency, found.facts.order_count) == ("EUR", 2)


async def test_overdue_is_by_the_companys_date_on_any_database(ledger_url: str) -> None:
    # 02:00 UTC on the 2nd: in New York it is still the day on which the invoice F-2 is due.
    night = datetime(2026, 12, 2, 2, 0, tzinfo=UTC)
    overdue: dict[str, Any] = {}
    for zone in ("America/New_York", "Asia/Tokyo"):
        sql = "SELECT due AS due_date, due_amount AS amount_due FROM items WHERE :remote_id = '1'"
        own = {"url": ledger_url, "queries": {"balance": sql}, "currency": "EUR", "time_zone": zone}
        source = SqlConnector(
            SqlConfig.model_validate(own), Context("b", "GB", Path(), lambda: night)
        )
        found = await source.fetch("balance", CustomerRef("1"))
        await source.aclose()
        assert isinstance(found, Found)
        assert isinstance(found.facts, Balance)
        overdue[zone] = found.facts.overdue_amount
    assert overdue == {"America/New_York": Decimal(456), "Asia/Tokyo": Decimal(856)}


async def test_a_time_without_an_offset_is_of_the_companys_zone(ledger_url: str) -> None:
    sql = "SELECT 'T-1' AS number, '2026-07-01 10:00:00' AS updated_at WHERE '1' = :remote_id"
    source = connector(ledger_url, queries={"tickets": sql}, time_zone="Europe/Berlin")
    found = await source.fetch("tickets", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Tickets)
    assert found.facts.tickets[0].updated_at == datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"queries": {"history": "SELECT 1 WHERE :remote_id = 1"}}, "did you mean :since"),
        ({"queries": {"purchase_totals": "SELECT 1 WHERE :remote_id = 1"}}, "with the purchases"),
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SqlConfig.model_validate({"url": "sqlite:///a.db", "queries": {}, **settings})
    assert said in str(caught.value)
