"""What services do: leave fields out, answer with everyone's data, refuse in their own words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.rest import RestConfig, RestConnector
from connectors.sdk.connector import Context
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckStatus,
    ContactRow,
    CreditTerms,
    Empty,
    ErrorKind,
    Found,
    Item,
    Number,
    Purchase,
    Purchases,
    SourceError,
    Tombstone,
)
from tests.connectors.test_rest import KESTREL, ORDERS, SETTINGS, TERMS, connector
from tests.connectors.web import Request, WebServer, reply, web_server

TERMS_PATH = "/customers/7/terms"


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    async with web_server() as server:
        yield server


async def found(source: RestConnector, section: Any) -> Found:
    answer = await source.fetch(section, KESTREL)
    await source.aclose()
    assert isinstance(answer, Found)
    return answer


async def failure(source: RestConnector, section: Any = "credit_terms") -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.fetch(section, KESTREL)
    await source.aclose()
    return caught.value


async def test_a_limit_that_is_renamed_is_not_taken_for_none(web: WebServer) -> None:
    web.answers[TERMS_PATH] = reply({"max_credit": "2000.00", "used": 1, "blocked": False})
    answer = await found(connector(web.url), "credit_terms")
    assert answer.incomplete == "the answer has no `limit` (credit_limit): was it renamed?"


async def test_a_limit_that_is_null_is_none(web: WebServer) -> None:
    web.answers[TERMS_PATH] = reply({"limit": None, "used": 1, "blocked": False})
    answer = await found(connector(web.url), "credit_terms")
    assert answer.incomplete is None
    assert isinstance(answer.facts, CreditTerms)
    assert answer.facts.credit_limit is None


async def test_a_field_of_another_type_is_named(web: WebServer) -> None:
    web.answers[TERMS_PATH] = reply({**TERMS, "limit": {"amount": "2000.00"}})
    error = await failure(connector(web.url))
    assert error.kind is ErrorKind.BAD_DATA
    assert error.text == (
        "column `credit_limit` of credit_terms record 1 is an object, not a number"
    )


async def test_another_customers_records_are_never_shown(web: WebServer) -> None:
    # A service that does not know the parameter answers with everyone's orders.
    web.answers["/orders"] = reply({"orders": [{"no": "O-1", "who": "C-100"},
                                               {"no": "O-2", "who": "C-200"}]})  # fmt: skip
    orders = {**SETTINGS["purchases"], "fields": {"order_number": "no", "external_id": "who"}}
    error = await failure(connector(web.url, purchases=orders), "purchases")
    assert error.kind is ErrorKind.BAD_DATA
    assert "another customer's records" in error.text


@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        (200, 6041, ErrorKind.BAD_CONFIG, "choose the company under Settings (code 6041)"),
        (400, "57", ErrorKind.AUTH_DENIED, "the settings know (code 57)"),
        (403, 1, ErrorKind.AUTH_DENIED, "give the account the right (HTTP 403)"),
    ],
)
async def test_a_service_may_refuse_in_its_own_way(
    web: WebServer, status: int, code: Any, kind: ErrorKind, said: str
) -> None:
    web.answers[TERMS_PATH] = reply({"error": {"code": code, "message": "<b>x</b>"}}, status)
    errors = {"6041": "bad_config: choose the company under Settings", "57": "auth_denied"}
    error = await failure(connector(web.url, error_code="error.code", errors=errors))
    assert error.kind is kind
    assert said in error.text
    assert "<b>" not in error.text


async def test_an_error_code_may_mean_that_nothing_is_on_record(web: WebServer) -> None:
    web.answers[TERMS_PATH] = reply({"code": 1002}, 400)
    source = connector(web.url, error_code="code", errors={"1002": "not_found"})
    assert isinstance(await source.fetch("credit_terms", KESTREL), Empty)
    await source.aclose()


async def test_one_fault_of_the_service_is_tried_again(web: WebServer) -> None:
    answers = iter([reply({}, 503), reply(TERMS)])
    web.answers[TERMS_PATH] = lambda _: next(answers)
    await found(connector(web.url), "credit_terms")
    assert len(web.requests) == 2


async def test_the_requests_of_a_minute_are_not_exceeded(web: WebServer) -> None:
    web.answers[TERMS_PATH] = reply(TERMS)
    source = connector(web.url, requests_per_minute=1)
    await source.fetch("credit_terms", KESTREL)
    error = await failure(source)
    assert error.kind is ErrorKind.RATE_LIMITED
    assert len(web.requests) == 1


async def test_a_search_can_be_posted_as_json(web: WebServer) -> None:
    def search(request: Request) -> bytes:
        wanted = {"filter": [{"field": "phone", "is": '+44"20'}], "limit": 5, "page": 1}
        rows = [{"id": 7, "name": "K", "tel": "1"}] if request.json == wanted else []
        return reply({"data": rows})

    web.answers["/search"] = search
    body = '{"filter": [{"field": "phone", "is": "{e164}"}], "limit": 5}'
    find = {**SETTINGS["find"], "query": {}, "method": "POST", "body": body}
    source = connector(web.url, find=find, paging={"kind": "page", "size": 5})
    # What a caller sends stays inside its text.
    rows = await source.find(Number("x", '+44"20', "x"))
    await source.aclose()
    assert [row.remote_id for row in rows] == ["7"]
    assert web.requests[0].method == "POST"


async def test_a_link_in_the_answer_leads_to_the_next_page(web: WebServer) -> None:
    def pages(request: Request) -> bytes:
        number = int(request.query.get("page", "1"))
        rows = [{"id": number, "name": f"C{number}", "phones": []}]
        link = f"{web.url}/customers?page={number + 1}" if number < 3 else None
        return reply({"data": rows, "links": {"next": link}})

    web.answers["/customers"] = pages
    source = connector(web.url, paging={"kind": "link", "next": "links.next"})
    rows = [i async for i in source.contacts(None) if isinstance(i, ContactRow)]
    await source.aclose()
    assert [row.remote_id for row in rows] == ["1", "2", "3"]


async def test_a_customer_that_a_page_cuts_keeps_all_numbers(web: WebServer) -> None:
    ids = [1, 1, 2, 2, 2, 3]
    records = [
        {"id": i, "name": f"C{i}", "phones": [{"number": str(n)}]} for n, i in enumerate(ids)
    ]

    def pages(request: Request) -> bytes:
        start = (int(request.query["page"]) - 1) * 2
        more = start + 2 < len(records)
        return reply({"data": records[start : start + 2], "more": more})

    web.answers["/customers"] = pages
    source = connector(web.url, paging={"kind": "page", "more": "more"})
    rows = [i async for i in source.contacts(None) if isinstance(i, ContactRow)]
    await source.aclose()
    numbers = {row.remote_id: [p.raw for p in row.phone_numbers] for row in rows}
    assert numbers == {"1": ["0", "1"], "2": ["2", "3", "4"], "3": ["5"]}


async def test_parameters_of_the_service_go_with_every_request(web: WebServer) -> None:
    web.answers[TERMS_PATH] = reply(TERMS)
    await found(connector(web.url, query={"company": "A & B"}), "credit_terms")
    assert web.requests[0].query == {"company": "A & B"}


async def test_credits_that_are_kept_elsewhere_are_open_items(web: WebServer) -> None:
    web.answers["/customers/7/items"] = reply([{"open": "100.00", "due": "2026-10-12", "no": "1"}])
    web.answers["/customers/7/credits"] = reply([{"left": "30.00"}, {"left": "0.50"}])
    open_credits = {"path": "/customers/{remote_id}/credits", "fields": {"amount": "left"}}
    answer = await found(connector(web.url, credits=open_credits), "balance")
    assert isinstance(answer.facts, Balance)
    assert answer.facts.unapplied_credit == Decimal("30.50")
    assert answer.facts.balance == Decimal("69.50")


async def test_totals_from_the_service_hold_for_more_orders_than_are_read(web: WebServer) -> None:
    many = [{"no": f"O-{n}", "at": "2026-03-05", "total": 1} for n in range(50)]
    web.answers["/orders"] = reply({"orders": many})
    web.answers["/customers/7/totals"] = reply({"n": 100_000, "sum": "123456.78", "since": None})
    fields = {"order_count": "n", "lifetime_amount": "sum", "first_order_date": "since"}
    totals = {"path": "/customers/{remote_id}/totals", "fields": fields}
    answer = await found(connector(web.url, purchase_totals=totals, row_limit=30), "purchases")
    assert isinstance(answer.facts, Purchases)
    assert answer.facts.order_count == 100_000
    assert answer.facts.lifetime_amount == Decimal("123456.78")
    assert answer.incomplete is None


async def test_totals_that_cannot_be_read_leave_the_orders_partial(web: WebServer) -> None:
    web.answers["/orders"] = reply({"orders": ORDERS})
    totals = {"path": "/customers/{remote_id}/totals", "fields": {"order_count": "n"}}
    web.answers["/customers/7/totals"] = reply({"n": "many"})
    error = await failure(connector(web.url, purchase_totals=totals), "purchases")
    assert "`order_count` of purchase_totals record 1" in error.text
    web.answers["/customers/7/totals"] = reply({}, 403)
    answer = await found(connector(web.url, purchase_totals=totals), "purchases")
    assert answer.incomplete is not None
    assert answer.incomplete.startswith("purchase_totals: the source does not allow this")


HISTORY = {
    "path": "/all-orders",
    "query": {"since": "{since}"},
    "records": "orders",
    "fields": {
        "remote_id": "who",
        "order_number": "no",
        "order_date": "at",
        "updated_at": "changed",
        "deleted": "gone",
    },
}


async def test_the_history_is_read_from_a_point_in_time(web: WebServer) -> None:
    orders = [
        {"who": 7, "no": "O-1", "at": "2026-01-05", "changed": "2026-01-06T00:00:00Z",
         "lines": [{"sku": "SPADE", "qty": -1}]},
        {"who": 7, "no": "O-2", "changed": "2026-01-07T00:00:00Z", "gone": True},
    ]  # fmt: skip
    web.answers["/all-orders"] = reply({"orders": orders})
    history = {**HISTORY, "lines": "lines", "line_fields": {"item_id": "sku", "quantity": "qty"}}
    source = connector(web.url, history=history)
    assert "history" in source.provides
    first, gone, end = [item async for item in source.purchases("2026-01-01T00:00:00Z")]
    await source.aclose()
    assert isinstance(first, Purchase)
    assert first.remote_id == "7"
    assert first.order.line_items[0].quantity == -1
    assert gone == Tombstone("O-2")
    assert end == Checkpoint("2026-01-07T00:00:00Z")
    assert web.requests[0].query == {"since": "2026-01-01T00:00:00Z"}


async def test_history_records_may_be_single_lines_that_stand_together(web: WebServer) -> None:
    lines = [{"who": 7, "no": no, "sku": sku} for no, sku in (("1", "A"), ("1", "B"), ("2", "C"))]
    web.answers["/all-orders"] = reply({"orders": lines})
    fields = {"remote_id": "who", "order_number": "no", "item_id": "sku"}
    history = {**HISTORY, "query": {}, "fields": fields}
    source = connector(web.url, history=history)
    items = [i async for i in source.purchases(None) if isinstance(i, Purchase)]
    assert [len(i.order.line_items) for i in items] == [2, 1]
    web.answers["/all-orders"] = reply({"orders": [lines[0], lines[2], lines[1]]})
    with pytest.raises(SourceError, match="sort the history by order"):
        [item async for item in source.purchases(None)]
    await source.aclose()


async def test_a_catalogue_is_read(web: WebServer) -> None:
    rows = [{"id": 1, "t": "Spade", "p": "25.00", "n": 0, "on": False}, {"id": 2, "t": "Help"}]
    web.answers["/items"] = reply(rows)
    fields = {
        "item_id": "id", "name": "t", "unit_price": "p", "inventory_quantity": "n",
        "is_active": "on",
    }  # fmt: skip
    source = connector(web.url, catalogue={"path": "/items", "fields": fields})
    spade, help_, end = [item async for item in source.catalogue(None)]
    await source.aclose()
    assert isinstance(spade, Item)
    assert (spade.inventory_quantity, spade.is_active) == (Decimal(0), False)
    assert isinstance(help_, Item)
    # Not counted is not 0.
    assert (help_.inventory_quantity, help_.is_active) == (None, True)
    assert end == Checkpoint(None)


async def test_the_day_of_an_instant_is_the_companys(web: WebServer) -> None:
    web.answers["/customers/7/items"] = reply(
        [{"open": "10.00", "due": "2026-11-21T23:00:00Z", "no": "1"}]
    )
    # Midnight of the 22nd in Berlin, which is 23:00 UTC of the 21st.
    late = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
    days = {}
    for zone in ("Europe/Berlin", ""):
        own = {"base_url": web.url, **SETTINGS, "time_zone": zone}
        config = RestConfig.model_validate(own)
        source = RestConnector(config, Context("shop", "GB", Path(), lambda: late))
        facts = (await found(source, "balance")).facts
        assert isinstance(facts, Balance)
        days[zone] = (facts.oldest_due_date, facts.overdue_amount)
    assert days == {
        "Europe/Berlin": (date(2026, 11, 22), Decimal(0)),
        "": (date(2026, 11, 21), Decimal("10.00")),
    }


async def test_the_connection_test_says_which_fields_never_come(web: WebServer) -> None:
    web.answers["/customers"] = reply({"data": [{"id": 7, "fullName": "K", "phones": []}]})
    own = {"base_url": web.url, "allow_private_network": True}
    fields = {"remote_id": "id", "display_name": "fullName", "phone": "tel", "email": "mail"}
    contacts = {"path": "/customers", "records": "data", "fields": fields}
    source = RestConnector(RestConfig.model_validate({**own, "contacts": contacts}), Context("s"))
    result = await source.check()
    await source.aclose()
    assert result.status is CheckStatus.OK
    assert result.proved == ("contacts: 1 records, always empty: phone, email",)


@pytest.mark.parametrize(
    ("status", "proved"),
    [
        (200, CheckStatus.BAD_CONFIG),
        (403, CheckStatus.BAD_CONFIG),
        (404, CheckStatus.BAD_CONFIG),
        (401, CheckStatus.INVALID_AUTH),
        (503, CheckStatus.CANNOT_CONNECT),
    ],
)
async def test_a_service_without_an_operation_is_asked_at_its_base(
    web: WebServer, status: int, proved: CheckStatus
) -> None:
    web.answers["/"] = reply({}, status)
    own = {"base_url": web.url, "allow_private_network": True}
    source = RestConnector(RestConfig.model_validate(own), Context("shop"))
    result = await source.check()
    await source.aclose()
    assert result.status is proved
    assert (result.proved == ("the server answers",)) is (proved is CheckStatus.BAD_CONFIG)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"time_zone": "Berlin"}, "is not a time zone: write it like Europe/Berlin"),
        ({"errors": {"57": "denied"}}, "there is no meaning 'denied'"),
        ({"error_code": "a["}, "is not JMESPath"),
        ({"find": {**SETTINGS["find"], "body": "{}"}}, "only sent with method: POST"),
        ({"find": {**SETTINGS["find"], "body": "{", "method": "POST"}}, "is not JSON"),
        ({"history": {"path": "/o", "fields": {"order_number": "a"}}}, "column `remote_id`"),
        ({"catalogue": {"path": "/i", "query": {"a": "{remote_id}"}}}, "known are since"),
        ({"purchases": {"path": ""}, "purchase_totals": {"path": "/{remote_id}"}}, "give p"),
        ({"auth": {"kind": "session", "path": "https://x/login", "username": "a",
                   "password": "p"}}, "must be a path"),
        ({"auth": {"kind": "oauth_client", "token_url": "token", "client_id": "a",
                   "client_secret": "p"}}, "must start with https://"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], said: str) -> None:
    own = {"base_url": "https://shop.example", **SETTINGS, **settings}
    with pytest.raises(ValidationError) as caught:
        RestConfig.model_validate(own)
    assert said in str(caught.value)
