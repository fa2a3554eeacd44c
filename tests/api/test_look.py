"""Looking at a source while it is mapped: tables, answers and files, and what they offer."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Site
from tests.api.test_session import problem
from tests.connectors.web import reply, web_server

URL = "/api/v1/connectors/books"
SECRET = "canary-key-3141592653"


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.executescript("""
            CREATE TABLE customers (cust_no TEXT PRIMARY KEY, name TEXT, phone TEXT);
            CREATE TABLE "open items" (cust_no TEXT, open_amount NUMERIC, due_date TEXT);
            INSERT INTO customers VALUES ('C1', 'Kestrel', '020 7946 0958');
            INSERT INTO "open items" VALUES ('C1', 12.5, '2026-10-12');
        """)
    return "sqlite:///ledger.db"


async def look(site: Site, body: dict[str, Any]) -> dict[str, Any]:
    admin = await site.browser("zoe@example.com")
    answer = await admin.post(f"{URL}/draft/look", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_database_shows_its_tables_before_any_query_is_written(
    site: Site, ledger: str
) -> None:
    seen = await look(site, {"kind": "sql", "settings": {"url": ledger}})
    shapes = {table["name"]: [c["name"] for c in table["columns"]] for table in seen["tables"]}
    assert shapes == {
        "customers": ["cust_no", "name", "phone"],
        "open items": ["cust_no", "open_amount", "due_date"],
    }


async def test_a_table_shows_rows_and_which_of_our_columns_they_may_be(
    site: Site, ledger: str
) -> None:
    body = {"kind": "sql", "settings": {"url": ledger}, "table": "open items", "name": "balance"}
    seen = await look(site, body)
    assert seen["rows"] == [{"cust_no": "C1", "open_amount": "12.5", "due_date": "2026-10-12"}]
    offered = {c["name"]: c["ours"] for c in seen["columns"]}
    assert offered == {"cust_no": "remote_id", "open_amount": "amount_due", "due_date": "due_date"}
    assert "amount_due" in seen["ours"]


async def test_a_query_shows_its_rows_its_plan_and_what_is_missing(site: Site, ledger: str) -> None:
    query = "SELECT name AS display_name, phone FROM customers WHERE cust_no = :remote_id"
    settings = {"url": ledger, "queries": {"credit_terms": query}}
    body = {"kind": "sql", "settings": settings, "name": "credit_terms"}
    seen = await look(site, {**body, "values": {"remote_id": "C1"}})
    assert seen["rows"] == [{"display_name": "Kestrel", "phone": "020 7946 0958"}]
    assert any("customers" in line for line in seen["plan"])
    assert "credit_limit" in seen["missing"]


async def test_a_query_that_would_write_is_not_run(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    settings = {"url": ledger, "queries": {"contacts": "DELETE FROM customers"}}
    body = {"kind": "sql", "settings": settings, "name": "contacts"}
    answer = await admin.post(f"{URL}/draft/look", json=body)
    assert problem(answer) == (422, "cannot_look")
    assert "must be one SELECT" in answer.json()["detail"]


async def test_no_table_is_named_that_the_database_does_not_have(site: Site, ledger: str) -> None:
    admin = await site.browser("zoe@example.com")
    body = {"kind": "sql", "settings": {"url": ledger}, "table": 'x" UNION SELECT 1 --'}
    answer = await admin.post(f"{URL}/draft/look", json=body)
    assert problem(answer) == (422, "cannot_look")


async def test_a_service_shows_its_raw_answer_and_the_paths_to_its_fields(site: Site) -> None:
    people = [{"id": 7, "name": "Kestrel", "contact": {"phone-number": "020 7946 0958"}}]
    async with web_server() as web:
        web.answers["/people"] = reply({"data": {"people": people}, "api_key": "x", "you": SECRET})
        settings = {
            "base_url": web.url,
            "allow_private_network": True,
            "auth": {"kind": "bearer", "token": SECRET},
            "contacts": {"path": "/people", "fields": {"nonsense": "("}},
        }
        body = {"kind": "rest", "settings": settings, "name": "contacts"}
        seen = await look(site, body)
    assert SECRET not in json.dumps(seen)
    assert seen["content"]["api_key"] == "•••"
    fields = {c["name"]: (c["sample"], c["ours"]) for c in seen["lists"]["data.people"]}
    assert fields == {
        "id": ("7", "remote_id"),
        "name": ("Kestrel", "display_name"),
        'contact."phone-number"': ("020 7946 0958", "phone"),
    }


async def test_the_lines_of_an_order_are_offered_the_names_of_lines(site: Site) -> None:
    lines = [{"id": 1, "title": "Pump", "qty": 3, "price": "129.00", "total": "387.00"}]
    async with web_server() as web:
        web.answers["/7/orders"] = reply([{"no": "SO-1", "total": "387.00", "lines": lines}])
        mapped = {"lines": "lines", "line_fields": {"sku": "id"}}
        settings = {
            "base_url": web.url,
            "allow_private_network": True,
            "purchases": {"path": "/{remote_id}/orders", **mapped},
        }
        body = {"kind": "rest", "settings": settings, "name": "purchases"}
        seen = await look(site, {**body, "values": {"remote_id": "7"}})
    assert {c["name"]: c["ours"] for c in seen["lists"]["@"]} == {
        "no": "order_number",
        "total": "order_total",
        "lines[0].id": "sku",
        "lines[0].title": "name",
        "lines[0].qty": "quantity",
        "lines[0].price": "unit_price",
        "lines[0].total": "total_amount",
    }


async def test_a_file_shows_how_it_was_read_and_which_rows_are_of_no_use(
    site: Site, tmp_path: Path
) -> None:
    text = "Customer;Name;Telephone;Credit limit\nC1;Kestrel;020 7946 0958;500\n;No id;020;1\n"
    (tmp_path / "credit.csv").write_bytes(text.encode("cp1252") + b"C2;Caf\xe9;020 7946 0111;2\n")
    seen = await look(site, {"kind": "table", "settings": {"path": "credit.csv"}})
    facts = seen["facts"]
    assert (facts["encoding"], facts["delimiter"], facts["rows"]) == ("windows-1252", ";", 3)
    assert seen["rows"][2]["Name"] == "Café"
    offered = {c["name"]: c["ours"] for c in seen["columns"]}
    assert offered == {
        "Customer": "remote_id",
        "Name": "display_name",
        "Telephone": "phone",
        "Credit limit": "credit_limit",
    }
    columns = {"remote_id": "Customer", "display_name": "Name", "phone": "Telephone"}
    settings = {"path": "credit.csv", "delimiter": ";", "encoding": "windows-1252"}
    mapped = await look(site, {"kind": "table", "settings": {**settings, "columns": columns}})
    assert mapped["facts"]["brings"] == ["contacts"]
    assert mapped["rejected_count"] == 1
    assert mapped["rejected"][0][0] == "row 3"


async def test_a_file_outside_the_data_folder_is_not_looked_at(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    body = {"kind": "table", "settings": {"path": "../../etc/passwd"}}
    answer = await admin.post(f"{URL}/draft/look", json=body)
    assert problem(answer) == (422, "cannot_look")


async def test_a_kind_that_knows_its_fields_has_nothing_to_map(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.post(f"{URL}/draft/look", json={"kind": "stripe", "settings": {}})
    assert problem(answer) == (409, "nothing_to_map")


async def test_each_kind_says_what_it_brings_and_needs(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    kinds = {k["kind"]: k for k in (await admin.get("/api/v1/connector-kinds")).json()["items"]}
    assert kinds["ldap"]["brings"] == ["contacts", "find"]
    assert kinds["sql"]["needs"] == ["Database URL", "Queries"]
    assert all(kind["brings"] for kind in kinds.values() if kind["broken"] is None)


async def test_a_database_server_is_looked_at_like_a_file(either_site: Site) -> None:
    settings = {
        "url": either_site.runtime.settings.database,
        "queries": {"find": "SELECT id AS remote_id, email AS phone FROM users WHERE id = :e164"},
    }
    body = {"kind": "sql", "settings": settings}
    tables = {each["name"] for each in (await look(either_site, body))["tables"]}
    assert {"users", "connectors"} <= tables
    rows = (await look(either_site, {**body, "table": "users"}))["rows"]
    assert sorted(row["name"] for row in rows) == ["Ada", "Sue", "Zoe"]
    seen = await look(either_site, {**body, "name": "find", "values": {"e164": "nobody"}})
    assert seen["rows"] == []
    assert any("users" in line for line in seen["plan"])
    assert "display_name" in seen["missing"]
