"""The SQL connector on MySQL or MariaDB, where `SCREENPOP_TEST_MYSQL_URL` names a server.

The URL (mysql://user:password@host/database) is of an account that may do anything there: the
connector must refuse to write all the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from connectors.sdk.types import (
    Balance,
    CheckStatus,
    ContactRow,
    CreditTerms,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    Tombstone,
)
from connectors.sql import SqlConnector
from tests.connectors.test_sql import (
    KESTREL,
    PASSWORD,
    QUERIES,
    SCHEMA,
    connector,
    failure,
    with_query,
)

URL = os.environ.get("SCREENPOP_TEST_MYSQL_URL", "")
pytestmark = pytest.mark.skipif(
    not URL, reason="no MySQL to test with: name a server in SCREENPOP_TEST_MYSQL_URL"
)


def run(*statements: str) -> list[Any]:
    """Run statements as the account that may write; returns the rows of the last."""
    engine = create_engine(make_url(URL).set(drivername="mysql+pymysql"))
    try:
        with engine.begin() as server:
            results = [server.execute(text(statement)) for statement in statements]
            return list(results[-1]) if results[-1].returns_rows else []
    finally:
        engine.dispose()


@pytest.fixture(autouse=True)
def _tables() -> None:
    tables = ("customers", "extra_phones", "items", "payments", "lines")
    quoted = SCHEMA.replace(" lines", " `lines`")
    run(*[f"DROP TABLE IF EXISTS `{name}`" for name in tables])
    run(*[statement for statement in quoted.split(";\n") if statement.strip()])


@pytest.fixture
async def ledger() -> AsyncIterator[SqlConnector]:
    queries = {**QUERIES, "purchases": QUERIES["purchases"].replace(" lines", " `lines`")}
    source = connector(URL, queries=queries)
    yield source
    await source.aclose()


async def test_everything_that_is_configured_is_proved(ledger: SqlConnector) -> None:
    result = await ledger.check()
    assert (result.status, result.text) == (CheckStatus.OK, "")
    assert not any("use a read-only user" in line for line in result.proved)


async def test_sections_and_contacts_are_read(ledger: SqlConnector) -> None:
    found = await ledger.fetch("balance", KESTREL)
    assert isinstance(found, Found)
    assert isinstance(found.facts, Balance)
    assert (found.facts.balance, found.facts.overdue_amount) == (Decimal(786), Decimal(456))
    terms = await ledger.fetch("credit_terms", KESTREL)
    assert isinstance(terms, Found)
    assert isinstance(terms.facts, CreditTerms)
    assert (terms.facts.credit_limit, terms.facts.on_hold) == (Decimal(2000), True)
    items = [item async for item in ledger.contacts(None)]
    assert isinstance(items[0], ContactRow)
    assert len(items[0].phone_numbers) == 3
    assert items[2] == Tombstone("3")


@pytest.mark.parametrize(
    "sql",
    [
        "WITH gone AS (SELECT 1 AS amount_due) DELETE FROM items WHERE '1' = :remote_id",
        "SELECT 1 AS amount_due WHERE '1' = :remote_id; DELETE FROM items",
        "SELECT sneak() AS amount_due WHERE '1' = :remote_id",
    ],
)
async def test_a_query_that_writes_is_refused_and_changes_nothing(sql: str) -> None:
    run("DROP FUNCTION IF EXISTS sneak")
    run(
        "CREATE FUNCTION sneak() RETURNS INT DETERMINISTIC MODIFIES SQL DATA"
        " BEGIN DELETE FROM items; RETURN 1; END"
    )
    assert (await failure(with_query(URL, balance=sql))).kind is ErrorKind.BAD_CONFIG
    assert run("SELECT count(*) FROM items") == [(3,)]


async def test_a_slow_query_is_stopped_by_the_server() -> None:
    slow = "SELECT 1 AS amount_due, SLEEP(20) FROM items WHERE '1' = :remote_id"
    source = connector(URL, queries={"balance": slow}, statement_timeout_ms=300)
    start = time.monotonic()
    error = await failure(source)
    assert time.monotonic() - start < 5
    assert "took longer than 300 ms" in error.text


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT amount FROM items WHERE '1' = :remote_id", "no column `amount`"),
        ("SELECT 1 AS amount_due FROM invoices WHERE '1' = :remote_id", "no table `"),
        ("SELECT FROM WHERE :remote_id", "syntax error"),
    ],
)
async def test_a_renamed_column_or_table_is_named(sql: str, said: str) -> None:
    error = await failure(with_query(URL, balance=sql))
    assert error.kind is ErrorKind.BAD_CONFIG
    assert said in error.text


async def test_a_wrong_password_and_a_missing_right_are_told_apart() -> None:
    wrong = make_url(URL).set(password=PASSWORD).render_as_string(hide_password=False)
    result = await (source := connector(wrong)).check()
    await source.aclose()
    assert result.status is CheckStatus.INVALID_AUTH
    assert PASSWORD not in result.text
    host = "127.0.0.1"
    run(f"DROP USER IF EXISTS reader@'{host}'", f"CREATE USER reader@'{host}' IDENTIFIED BY 'r'")
    run(f"GRANT SELECT ON customers TO reader@'{host}'")
    few = make_url(URL).set(username="reader", password="r").render_as_string(hide_password=False)
    sql = "SELECT due_amount AS amount_due FROM items WHERE '1' = :remote_id"
    source = with_query(few, balance=sql)
    result = await source.check()
    await source.aclose()
    assert result.status is CheckStatus.MISSING_PERMISSION
    assert "grant SELECT" in result.text


async def test_an_unknown_customer_is_empty(ledger: SqlConnector) -> None:
    assert isinstance(await ledger.fetch("credit_terms", CustomerRef("9", "C-9")), Empty)
