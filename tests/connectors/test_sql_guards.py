"""The sql connector only reads, stops what is slow, and says what is wrong."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import ValidationError

from connectors.sdk.types import (
    Balance,
    CheckStatus,
    ErrorKind,
    Found,
    Purchases,
)
from connectors.sql import SqlConfig
from tests.connectors.test_sql import (  # noqa: F401 - fixtures
    KESTREL,
    PASSWORD,
    QUERIES,
    SCHEMA,
    connector,
    failure,
    ledger,
    ledger_url,
    with_query,
)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH gone AS (DELETE FROM items RETURNING *) SELECT 1 AS amount_due FROM gone"
        " WHERE '1' = :remote_id",
        "SELECT 1 AS amount_due WHERE '1' = :remote_id; DELETE FROM items",
    ],
)
async def test_a_query_that_writes_is_refused_and_changes_nothing(
    ledger_url: str, sql: str
) -> None:
    error = await failure(with_query(ledger_url, balance=sql))
    assert error.kind == ErrorKind.BAD_CONFIG
    source = connector(ledger_url)
    assert isinstance(await source.fetch("balance", KESTREL), Found)
    await source.aclose()


async def test_postgresql_refuses_a_function_that_writes(
    postgres_url: str,
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("CREATE TABLE t (a INT)")
        server.execute(
            "CREATE FUNCTION sneak() RETURNS INT LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM set_config(''transaction_read_only'', ''off'', true);"
            " INSERT INTO t VALUES (1); RETURN 1; END'"
        )
        error = await failure(
            with_query(postgres_url, balance="SELECT sneak() AS amount_due WHERE '1' = :remote_id")
        )
        assert server.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert error.kind in {ErrorKind.BAD_CONFIG, ErrorKind.UNAVAILABLE}


async def test_postgresql_settings_do_not_leak_into_the_next_query(postgres_url: str) -> None:
    source = with_query(
        postgres_url,
        balance="SELECT 1 AS amount_due, 'EUR' AS currency,"
        " set_config('statement_timeout', '0', false),"
        " set_config('default_transaction_read_only', 'off', false) WHERE '1' = :remote_id",
        tickets="SELECT current_setting('statement_timeout') || ' ' ||"
        " current_setting('transaction_read_only') AS number WHERE '1' = :remote_id",
    )
    await source.fetch("balance", KESTREL)
    found = await source.fetch("tickets", KESTREL)
    assert isinstance(found, Found)
    assert found.facts.model_dump()["tickets"][0]["number"] == "5s on"
    await source.aclose()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT load_extension('x') AS amount_due WHERE '1' = :remote_id",
        "SELECT amount_due FROM pragma_table_info(:remote_id)",
    ],
)
async def test_sqlite_loads_no_code_and_tells_nothing_of_itself(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "a.db"
    sqlite3.connect(path).close()
    error = await failure(with_query(f"sqlite:///{path}", balance=sql))
    assert error.kind == ErrorKind.BAD_CONFIG


async def test_sqlite_attaches_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    sqlite3.connect(path).close()
    with pytest.raises(ValidationError, match="must be one SELECT"):
        with_query(f"sqlite:///{path}", balance="ATTACH 'b.db' AS b; SELECT :remote_id")


async def test_a_slow_query_is_stopped_by_the_database(ledger_url: str) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT count(*) AS amount_due FROM n WHERE '1' = :remote_id"
    )
    source = connector(ledger_url, queries={"balance": endless}, statement_timeout_ms=200)
    began = time.monotonic()
    error = await failure(source)
    assert error.kind == ErrorKind.UNAVAILABLE
    assert "200 ms" in error.text
    assert time.monotonic() - began < 3


async def test_a_cancelled_query_frees_its_thread_at_once(ledger_url: str) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT count(*) AS number FROM n WHERE '1' = :remote_id"
    )
    queries = {"balance": QUERIES["balance"], "tickets": endless}
    source = connector(ledger_url, queries=queries, statement_timeout_ms=60_000, max_connections=1)
    await source.fetch("balance", KESTREL)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(source.fetch("tickets", KESTREL), 0.2)
    found = await asyncio.wait_for(source.fetch("balance", KESTREL), 5)
    assert isinstance(found, Found)
    await source.aclose()


async def test_a_database_that_never_answers_is_given_up_after_three_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        error = await failure(connector(f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/x"))
    assert error.kind == ErrorKind.UNAVAILABLE
    assert "does not answer" in error.text


async def test_too_many_open_items_are_not_summed(ledger_url: str) -> None:
    error = await failure(connector(ledger_url, row_limit=2))
    assert error.kind == ErrorKind.BAD_CONFIG
    assert "row_limit" in error.text


async def test_purchases_cut_by_the_row_limit_are_partial(ledger_url: str) -> None:
    source = connector(ledger_url, row_limit=2)
    found = await source.fetch("purchases", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert found.incomplete
    assert isinstance(found.facts, Purchases)
    assert found.facts.lifetime_amount is None


async def test_a_balance_may_be_one_summary_row(ledger_url: str) -> None:
    sql = "SELECT SUM(due_amount) AS balance FROM items WHERE customer_id = :remote_id"
    source = with_query(ledger_url, balance=sql.replace("SUM", "'USD' AS currency, SUM"))
    found = await source.fetch("balance", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Balance)
    assert (found.facts.currency, found.facts.balance) == ("USD", Decimal(786))
    assert found.facts.aging is None


async def test_payments_that_fail_leave_a_partial_balance(ledger_url: str) -> None:
    source = connector(
        ledger_url,
        queries={**QUERIES, "payments": "SELECT x AS total_amount FROM nowhere WHERE 1=:remote_id"},
    )
    found = await source.fetch("balance", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert found.incomplete == "payments: there is no table `nowhere`: was it renamed?"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "SELECT amount AS amount_due FROM items WHERE 1 = :remote_id",
            "no column `amount`: was it renamed?",
        ),
        (
            "SELECT 1 AS amount_due FROM facturas WHERE 1 = :remote_id",
            "no table `facturas`: was it renamed?",
        ),
        ("SELECT 1 AS amount FROM items WHERE 1 = :remote_id", "`amount_due` or `balance`"),
        ("SELECT FROM FROM items WHERE 1 = :remote_id", "syntax error"),
        ("SELECT number AS amount_due FROM items WHERE customer_id = :remote_id", "amount_due"),
    ],
)
async def test_the_connection_test_says_what_is_wrong_with_a_query(
    ledger_url: str, sql: str, said: str
) -> None:
    source = connector(ledger_url, queries={"contacts": QUERIES["contacts"], "balance": sql})
    result = await source.check()
    await source.aclose()
    assert result.status == CheckStatus.BAD_CONFIG
    assert "query `balance`" in result.text
    assert said in result.text
    assert result.proved == ("contacts: 4 rows",)


async def test_the_connection_test_names_a_column_that_is_not_used(ledger_url: str) -> None:
    sql = "SELECT 1 AS amount_due, 2 AS amout FROM items WHERE customer_id = :remote_id"
    source = with_query(ledger_url, balance=sql)
    result = await source.check()
    await source.aclose()
    assert "columns not used: amout" in result.proved[0]


async def test_a_database_without_a_query_is_connected_to_all_the_same(ledger_url: str) -> None:
    source = connector(ledger_url, queries={})
    result = await source.check()
    await source.aclose()
    assert (result.status, result.proved) == (CheckStatus.BAD_CONFIG, ("connected",))
    assert "no query is set" in result.text


async def test_a_wrong_password_is_told_from_a_missing_right(postgres_url: str) -> None:
    user = "clerk_" + urlsplit(postgres_url).path.lstrip("/")
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(SCHEMA)  # type: ignore[call-overload, unused-ignore]
        server.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")  # type: ignore[arg-type, unused-ignore]
        parts = urlsplit(postgres_url)
        url = parts._replace(netloc=f"{user}:{PASSWORD}@{parts.hostname}:{parts.port}").geturl()
        source = with_query(url, balance=QUERIES["balance"])
        result = await source.check()
        await source.aclose()
        server.execute(f"DROP ROLE {user}")  # type: ignore[arg-type, unused-ignore]
    assert result.status == CheckStatus.MISSING_PERMISSION
    assert "may not read `items`: grant SELECT on it" in result.text

    source = with_query(url, balance=QUERIES["balance"])
    result = await source.check()
    await source.aclose()
    assert result.status == CheckStatus.INVALID_AUTH
    assert "does not accept the user name or password: correct them in the URL" in result.text
    assert PASSWORD not in repr(result)


async def test_another_companys_database_is_told_from_one_that_is_not_there(
    postgres_url: str,
) -> None:
    parts = urlsplit(postgres_url)
    for url, said in (
        (postgres_url, "query `balance`: there is no table `items`: was it renamed?"),
        (
            parts._replace(path="/no_such_company").geturl(),
            "there is no database of the name at the end of the URL",
        ),
    ):
        source = with_query(url, balance=QUERIES["balance"])
        result = await source.check()
        await source.aclose()
        assert result.status == CheckStatus.BAD_CONFIG
        assert said in result.text


async def test_an_unknown_host_and_a_missing_file_are_named_as_such(tmp_path: Path) -> None:
    for url, said in (
        (f"postgresql://u:{PASSWORD}@no-such-host.invalid/x", "host name"),
        (f"sqlite:///{tmp_path}/none.db", "file is not there"),
    ):
        source = connector(url)
        result = await source.check()
        await source.aclose()
        assert result.status == CheckStatus.CANNOT_CONNECT
        assert said in result.text
        bare = connector(url, queries={})
        assert (await bare.check()).status == CheckStatus.CANNOT_CONNECT
        await bare.aclose()


async def test_a_driver_that_is_not_installed_is_named() -> None:
    error = await failure(connector("oracle://u:p@host/x"))
    assert error.kind == ErrorKind.BAD_CONFIG
    assert "install the Python package" in error.text


async def test_a_relative_sqlite_name_is_in_the_data_folder(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "books.db") as file:
        file.executescript(SCHEMA)
    file.close()
    source = connector("sqlite:///books.db", tmp_path)
    assert isinstance(await source.fetch("balance", KESTREL), Found)
    await source.aclose()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": f"no url {PASSWORD}"}, "cannot be read"),
        ({"queries": {"balance": "SELECT 1 AS balance"}}, "must use :external_id or :remote_id"),
        ({"queries": {"balance": "SELECT :remoteid"}}, "did you mean :remote_id"),
        ({"queries": {"balance": "DELETE FROM x WHERE a = :remote_id"}}, "must be one SELECT"),
        ({"queries": {"payments": "SELECT :remote_id"}}, "give a balance query too"),
        ({"queries": {"balence": "SELECT :remote_id"}}, "balence"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_a_secret(
    settings: dict[str, Any], said: str
) -> None:
    base = {"url": f"postgresql://u:{PASSWORD}@h/x", "queries": {}}
    with pytest.raises(ValidationError) as caught:
        SqlConfig.model_validate({**base, **settings})
    assert said in str(caught.value)
    assert PASSWORD not in str(caught.value)
