"""The rest connector reads every page once, and survives services that are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.sdk.types import (
    Checkpoint,
    CheckStatus,
    ContactRow,
    ErrorKind,
    Found,
    Purchases,
    SourceError,
)
from tests.connectors.test_rest import KESTREL, TOKEN, connector, shop, web  # noqa: F401 - fixtures
from tests.connectors.web import Request, WebServer, reply, web_server

MANY = [{"id": n, "name": f"C {n}", "phones": []} for n in range(1, 8)]


def numbered_pages(request: Request) -> bytes:
    start = (int(request.query["p"]) - 1) * 3
    part = MANY[start : start + 3]
    return reply({"data": part}) if part else reply({}, 404)


def offset_pages(request: Request) -> bytes:
    start = int(request.query["skip"])
    return reply({"data": MANY[start : start + int(request.query["take"])]})


def cursor_pages(request: Request) -> bytes:
    start = int(request.query.get("after", "0"))
    more = start + 3 < len(MANY)
    return reply({"data": MANY[start : start + 3], "next": start + 3 if more else None})


def linked_pages(request: Request) -> bytes:
    start = int(request.query.get("from", "0"))
    link = f'<?from=0>; rel="first", <?from={start + 3}>; title="x"; rel="next"'
    part = reply({"data": MANY[start : start + 3]}, link=link)
    return part if start + 3 < len(MANY) else reply({"data": MANY[start:]})


@pytest.mark.parametrize(
    ("paging", "pages"),
    [
        ({"kind": "page", "param": "p", "size": 3}, numbered_pages),
        ({"kind": "page", "param": "p", "size": 3, "size_param": "n"}, numbered_pages),
        ({"kind": "offset", "param": "skip", "size_param": "take", "size": 3}, offset_pages),
        ({"kind": "offset", "param": "skip", "size_param": "take", "size": 7}, offset_pages),
        ({"kind": "cursor", "param": "after", "next": "next"}, cursor_pages),
        ({"kind": "link"}, linked_pages),
    ],
)
async def test_every_page_is_read_once(web: WebServer, paging: dict[str, Any], pages: Any) -> None:
    web.answers["/customers"] = pages
    source = connector(web.url, paging=paging)
    items = [item async for item in source.contacts(None)]
    await source.aclose()
    assert [c.remote_id for c in items if isinstance(c, ContactRow)] == list("1234567")


async def test_a_service_that_ignores_paging_is_not_read_for_ever(web: WebServer) -> None:
    web.answers["/customers"] = reply({"data": MANY[:3]})
    source = connector(web.url, paging={"kind": "page", "size": 3})
    with pytest.raises(SourceError, match="`paging` does not fit"):
        [item async for item in source.contacts(None)]
    await source.aclose()


async def test_a_next_page_on_another_host_gets_no_credentials(web: WebServer) -> None:
    async with web_server() as other:
        link = f'<{other.url}/customers>; rel="next"'
        web.answers["/customers"] = reply({"data": MANY[:3]}, link=link)
        source = connector(web.url, paging={"kind": "link"})
        with pytest.raises(SourceError, match="another host"):
            [item async for item in source.contacts(None)]
        await source.aclose()
        assert other.requests == []


async def test_a_sync_asks_for_what_changed_since_the_last(web: WebServer) -> None:
    rows = [
        {"remote_id": n, "display_name": "x", "phone": "1", "updated_at": f"2026-11-0{n}T00:00:00Z"}
        for n in (2, 1)
    ]
    web.answers["/changes"] = reply(rows)
    source = connector(web.url, contacts={"path": "/changes", "query": {"after": "{since}"}})
    *_, end = [item async for item in source.contacts(None)]
    assert end == Checkpoint("2026-11-02T00:00:00Z")
    assert [item async for item in source.contacts("2026-11-02T00:00:00Z")][-1] == end
    await source.aclose()
    asked = [request.query["after"] for request in web.requests]
    assert asked == ["1970-01-01T00:00:00Z", "2026-11-02T00:00:00Z"]


async def test_payments_that_fail_leave_a_partial_balance(web: WebServer) -> None:
    web.answers["/pay/7"] = reply(b"<html>", 500)
    source = connector(web.url, payments={"path": "/pay/{remote_id}"})
    found = await source.fetch("balance", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert found.incomplete == "payments: the source has a fault of its own (HTTP 500)"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (reply(b"Sorry secret-of-the-source", 500, "text/html"), ErrorKind.UNAVAILABLE, "500"),
        (reply(b"<html>secret-of-the-source", 200), ErrorKind.BAD_DATA, "a web page"),
        (reply({"error": "secret-of-the-source"}), ErrorKind.BAD_DATA, "amount_due"),
        (reply("secret-of-the-source"), ErrorKind.BAD_DATA, "neither a list nor an object"),
        (reply(None), ErrorKind.BAD_DATA, "not in the answer"),
        (reply(["secret-of-the-source"]), ErrorKind.BAD_DATA, "holds more than objects"),
        (reply([{"open": "secret-of-the-source"}]), ErrorKind.BAD_DATA, "record 1 is text that"),
        (reply([{"open": 1}, {"open": {"a": 1}}]), ErrorKind.BAD_DATA, "record 2 is an object"),
        (reply([{"open": True}]), ErrorKind.BAD_DATA, "true or false"),
        (reply(b'[{"open": 1e999}]'), ErrorKind.BAD_DATA, "more digits"),
        (reply([{"open": 1, "due": "secret-of-the-source"}]), ErrorKind.BAD_DATA, "`due_date`"),
        (reply([{"open": 1, "due": 20261122}]), ErrorKind.BAD_DATA, "not a date"),
        (reply([{"open": 1, "no": ["secret"]}]), ErrorKind.BAD_DATA, "`number`"),
        (reply({}, 401), ErrorKind.AUTH_EXPIRED, "credentials"),
        (reply({}, 403), ErrorKind.AUTH_DENIED, "right"),
        (reply({}, 429, retry_after="3"), ErrorKind.RATE_LIMITED, "less often"),
        (reply({}, 302, location="http://169.254.169.254/"), ErrorKind.BAD_CONFIG, "redirects"),
    ],
)
async def test_a_source_that_is_wrong_costs_a_section_and_says_why_in_our_words(
    web: WebServer, answer: bytes, kind: ErrorKind, said: str
) -> None:
    web.answers["/customers/7/items"] = answer
    source = connector(web.url)
    with pytest.raises(SourceError) as caught:
        await source.fetch("balance", KESTREL)
    await source.aclose()
    assert caught.value.kind == kind
    assert said in caught.value.text
    assert "secret" not in caught.value.text


async def test_more_open_items_than_the_limit_are_not_summed(web: WebServer) -> None:
    source = connector(web.url, row_limit=2)
    with pytest.raises(SourceError, match="row_limit"):
        await source.fetch("balance", KESTREL)
    await source.aclose()


async def test_of_a_customer_with_100_000_orders_only_the_first_pages_are_asked_for(
    web: WebServer,
) -> None:
    asked = 0

    def page(request: Request) -> bytes:
        nonlocal asked
        asked += 1
        first = (int(request.query["page"]) - 1) * 100
        numbers = range(first, min(first + 100, 100_000))
        return reply(
            {"orders": [{"no": f"O-{n}", "at": "2026-03-05", "total": 1} for n in numbers]}
        )

    web.answers["/orders"] = page
    source = connector(web.url, paging={"kind": "page", "size": 100}, row_limit=500)
    found = await source.fetch("purchases", KESTREL)
    await source.aclose()
    assert isinstance(found, Found)
    assert isinstance(found.facts, Purchases)
    assert asked == 6
    assert [o.order_number for o in found.facts.orders[:2]] == ["O-99", "O-98"]
    assert (found.facts.order_count, found.facts.lifetime_amount) == (None, None)
    assert found.incomplete == "only the first 500 rows of purchases were read (row_limit)"


async def test_the_connection_test_names_the_operation_that_fails(web: WebServer) -> None:
    web.answers["/orders"] = reply({"orders": [{"nr": 1}]})
    source = connector(web.url)
    result = await source.check()
    await source.aclose()
    assert result.status == CheckStatus.BAD_CONFIG
    assert result.text.startswith("purchases: ")
    assert result.proved == (
        "contacts: 3 records",
        "find: 0 records",
        "balance: 3 records",
    )


@pytest.mark.parametrize(
    ("status", "meaning", "said"),
    [
        (401, CheckStatus.INVALID_AUTH, "does not accept the credentials: renew them"),
        (403, CheckStatus.MISSING_PERMISSION, "does not allow this: give the account the right"),
    ],
)
async def test_the_connection_test_tells_a_wrong_key_from_a_missing_right(
    web: WebServer, status: int, meaning: CheckStatus, said: str
) -> None:
    web.answers["/customers"] = reply({}, status)
    source = connector(web.url)
    result = await source.check()
    await source.aclose()
    assert result.status == meaning
    assert result.text == f"contacts: the source {said} (HTTP {status})"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "https://10.1.2.3", "allow_private_network": False}, "10.1.2.3 is a private"),
        ({"base_url": "http://169.254.169.254"}, "can never have"),
        ({"balance": {"path": "/items"}}, "must use {external_id} or {remote_id}"),
        ({"balance": {"path": "/{remote}"}}, "did you mean remote_id"),
        ({"balance": {"path": "/{remote_id"}}, "no partner"),
        ({"balance": {"path": "/x?c={remote_id}"}}, "belong under query"),
        ({"balance": {"path": "/{remote_id}", "fields": {"amount": "a"}}}, "amount_due"),
        ({"balance": {"path": "/{remote_id}", "fields": {"number": "a"}}}, "`amount_due`"),
        ({"balance": {"path": "/{remote_id}", "records": "a["}}, "is not JMESPath"),
        ({"contacts": {"path": "/", "fields": {"remote_id": "a", "phone": "b"}}}, "display_name"),
        ({"purchases": {"path": "/{remote_id}", "line_fields": {"skoo": "a"}}}, "skoo"),
        ({"auth": {"kind": "bearer", "token": f"{TOKEN}\r\nX: y"}}, "without a line break"),
        ({"auth": {"kind": "token", "token": TOKEN}}, "bearer"),
        ({"headers": {"X:Y": "a"}}, "letters, digits"),
        ({"balance": {}, "payments": {"path": "/{remote_id}"}}, "give balance too"),
        ({"customer_url": "javascript:alert({remote_id})"}, "must start with https://"),
        ({"customer_url": "https://crm.example/{id}"}, "placeholder"),
        ({"alow_private_network": True}, "alow_private_network"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_a_secret(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        connector("https://shop.example", **changes)
    assert said in str(caught.value)
    assert TOKEN not in str(caught.value)
