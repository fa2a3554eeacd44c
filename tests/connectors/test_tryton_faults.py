"""What goes wrong with Tryton: every wrong setting, an expired session, answers that changed.

A real Tryton answers; `Between` spoils on the way only what no Tryton of today says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from connectors.sdk.types import (
    Balance,
    CheckStatus,
    CreditTerms,
    CustomerRef,
    ErrorKind,
    Found,
    SourceError,
)
from connectors.tryton import TrytonConnector
from tests.connectors.asking import ask, facts_of
from tests.connectors.real.tryton import (
    PASSWORD,
    Between,
    Connect,
    Tryton,
    between,
    connector,
)
from tests.connectors.web import reply

pytestmark = pytest.mark.timeout(300)  # the first test makes the databases

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
CAFE = CustomerRef("2")
HOSTILE = "<b>raw words of the server</b>"


@pytest_asyncio.fixture
async def link(tryton: Tryton) -> AsyncIterator[Between]:
    async with between(tryton) as made:
        yield made


@pytest_asyncio.fixture
async def erp(connect_tryton: Connect, link: Between) -> TrytonConnector:
    return connect_tryton(link.web.url)


async def failure(
    source: TrytonConnector, section: Any = "balance", who: CustomerRef = CAFE
) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.fetch(section, who)
    return caught.value


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        ({"username": "clerk", "password": "wrong"}, "invalid_auth", "password of clerk"),
        ({"username": "stranger"}, "invalid_auth", "no such user"),
        ({"database": "fulll"}, "bad_config", "no Tryton database of this name"),
        ({"username": "clerk"}, "missing_permission", "the user into the group Accounting"),
        ({"username": "nobody"}, "bad_config", "has no company"),
        ({"company": "Kestrel America"}, "bad_config", "works in another company"),
    ],
)
async def test_the_connection_test_says_which_setting_is_wrong(
    connect_tryton: Connect, tryton: Tryton, settings: dict[str, Any], status: str, words: str
) -> None:
    erp = connect_tryton(tryton.url, **settings)
    result = await erp.check()
    assert (result.status, words in result.text) == (CheckStatus(status), True), result.text


async def test_a_module_that_is_missing_is_named_with_both_cures(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    """The database `small` has the modules party and company only."""
    erp = connect_tryton(tryton.url, database="small", username="admin")
    result = await erp.check()
    errors = [await failure(erp, section) for section in ("credit_terms", "purchases")]
    assert (result.status, len(result.proved)) == (CheckStatus.BAD_CONFIG, 2)
    assert result.text == (
        "balance: Tryton's module `account_invoice` is not activated: activate it, or name balance"
        " in `leave_out`"
    )
    assert ["`account_credit_limit`" in errors[0].text, "`sale`" in errors[1].text] == [True, True]


async def test_what_tryton_does_not_know_is_named(
    connect_tryton: Connect, link: Between, tryton: Tryton
) -> None:
    """When the user may not list the modules, Tryton itself says what is missing."""
    link.web.answers["/small/rpc/"] = link.web.answers["/full/rpc/"]
    link.instead["ir.module.search_read"] = [
        reply({"id": 1, "error": ["UserError", ["no", "", None]]})
    ]
    erp = connect_tryton(link.web.url, database="small", username="admin")
    company = CustomerRef("1")
    errors = [await failure(erp, s, company) for s in ("purchases", "balance", "credit_terms")]
    assert [error.kind for error in errors] == [ErrorKind.BAD_CONFIG] * 3
    assert ["`sale.sale`" in errors[0].text, "`account." in errors[1].text] == [True, True]
    assert "`credit_limit_amount`" in errors[2].text


async def test_the_connection_test_proves_what_it_can(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    erp = connect_tryton(tryton.url, company="Kestrel Wholesale")
    result = await erp.check()
    assert result.proved[0] == "sign-in: screenpop in Kestrel Wholesale, EUR, America/New_York"
    assert [line.split(":")[0] for line in result.proved] == [
        "sign-in",
        "contacts",
        "balance",
        "credit_terms",
        "purchases",
        "history",
        "catalogue",
    ]


async def test_a_wrong_password_is_not_tried_again_and_again(
    connect_tryton: Connect, link: Between
) -> None:
    """Tryton would lock the user out: once a minute is enough."""
    clock = [NOW]
    erp = connect_tryton(link.web.url, lambda: clock[0], username="clerk", password="wrong")
    kinds = [(await failure(erp)).kind for _ in range(3)]
    assert kinds == [ErrorKind.AUTH_EXPIRED] * 3
    assert link.asked == ["common.db.login"]
    clock[0] += timedelta(seconds=61)
    await failure(erp)
    assert link.asked == ["common.db.login"] * 2


async def test_too_many_wrong_passwords_say_how_long_to_wait(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    """After five wrong ones Tryton refuses the right one too: HTTP 429."""
    for _ in range(7):
        tryton.execute(
            "INSERT INTO res_user_login_attempt (login, create_date, create_uid)"
            " VALUES ('american', strftime('%Y-%m-%d %H:%M:%f', 'now'), 0)"
        )
    erp = connect_tryton(tryton.url, username="american")
    error = await failure(erp)
    result = await erp.check()
    tryton.execute("DELETE FROM res_user_login_attempt WHERE login = 'american'")
    assert (error.kind, error.retry_after_s) == (ErrorKind.RATE_LIMITED, 300)
    assert result.status is CheckStatus.CANNOT_CONNECT
    assert "wait 5 minutes" in result.text


async def test_an_expired_session_is_opened_again_once(
    erp: TrytonConnector, link: Between, tryton: Tryton
) -> None:
    """However many questions were under way."""
    await erp.fetch("credit_terms", CAFE)
    assert tryton.execute("DELETE FROM ir_session WHERE create_uid != 1") >= 1
    link.asked.clear()
    found = await asyncio.gather(*(erp.fetch("purchases", CAFE) for _ in range(4)))
    assert all(isinstance(each, Found) for each in found)
    assert link.asked.count("common.db.login") == 1


async def test_a_session_that_is_refused_at_once_is_an_error(
    erp: TrytonConnector, link: Between
) -> None:
    await erp.fetch("credit_terms", CAFE)
    link.instead["party.party.search_read"] = [reply(b"", 401)] * 2
    assert (await failure(erp, "credit_terms")).kind is ErrorKind.AUTH_EXPIRED


async def test_a_pop_takes_five_questions(erp: TrytonConnector, link: Between) -> None:
    """Sign-in and who the user is are asked once in a session."""
    await erp.check()
    link.asked.clear()
    await asyncio.gather(*(erp.fetch(s, CAFE) for s in ("balance", "credit_terms", "purchases")))
    assert sorted(link.asked) == [
        "account.invoice.search_read",
        "account.move.line.search_read",
        "account.move.line.search_read",
        "party.party.search_read",
        "sale.sale.search_read",
    ]


async def test_closing_signs_out(connect_tryton: Connect, link: Between) -> None:
    erp = connect_tryton(link.web.url)
    await erp.fetch("credit_terms", CAFE)
    await erp.aclose()
    assert link.asked[-1] == "common.db.logout"


async def test_without_a_web_client_there_are_no_links(erp: TrytonConnector) -> None:
    _, found = await ask(erp, Balance, CAFE)
    assert found.remote_url is None
    assert "no web client" in (await erp.check()).proved[0]


async def test_a_fault_that_passes_is_asked_again(erp: TrytonConnector, link: Between) -> None:
    link.instead["sale.sale.search_read"] = [reply(HOSTILE.encode(), 502, "text/html")]
    assert isinstance(await erp.fetch("purchases", CAFE), Found)


def _without(name: str) -> Any:
    def spoil(document: Any) -> Any:
        for record in document["result"]:
            record.pop(name, None)
        return document

    return spoil


def _with(name: str, value: Any) -> Any:
    def spoil(document: Any) -> Any:
        for record in document["result"]:
            record[name] = value
        return document

    return spoil


@pytest.mark.parametrize(
    ("question", "section", "spoil", "kind", "words"),
    [
        (
            "account.move.line",
            "balance",
            _without("debit"),
            "bad_data",
            "without the field `debit`",
        ),
        ("account.move.line", "balance", _with("debit", {"a": 1}), "bad_data", "column `debit`"),
        ("account.move.line", "balance", _with("move.", [1]), "bad_data", "`move.` is no object"),
        (
            "account.invoice",
            "balance",
            _with("total_amount", {"__class__": "Decimal"}),
            "bad_data",
            "damaged Decimal",
        ),
        ("sale.sale", "purchases", _with("lines.", HOSTILE), "bad_data", "`lines.` is no list"),
        ("sale.sale", "purchases", _with("id", None), "bad_data", "without the field `id`"),
        ("party.party", "credit_terms", lambda _: {"result": {}}, "bad_data", "not Tryton's"),
        ("party.party", "credit_terms", lambda _: [1, 2], "bad_data", "not Tryton's"),
        (
            "party.party",
            "credit_terms",
            lambda _: {"error": ["'credit_amount'", HOSTILE]},
            "bad_config",
            "knows no `credit_amount`",
        ),
        (
            "party.party",
            "credit_terms",
            lambda _: {"error": [HOSTILE, HOSTILE]},
            "unavailable",
            "failed to read `party.party`",
        ),
        (
            "sale.sale",
            "purchases",
            lambda _: {"error": ["UserError", [HOSTILE, "", None]]},
            "auth_denied",
            "into the group Sales",
        ),
    ],
)
async def test_an_answer_that_changed_is_explained(
    erp: TrytonConnector,
    link: Between,
    question: str,
    section: str,
    spoil: Any,
    kind: str,
    words: str,
) -> None:
    """In our words: nothing that the server wrote."""
    link.spoil = lambda method, document: (
        spoil(document) if method == f"{question}.search_read" else document
    )
    error = await failure(erp, section)
    assert (error.kind, words in error.text) == (ErrorKind(kind), True), error.text
    assert "raw words" not in error.text


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            reply({"id": 1, "error": ["LoginException", ["sms_code", HOSTILE, "char"]]}),
            "bad_config",
            "more than a password",
        ),
        (reply({"id": 1, "result": None}), "bad_data", "not Tryton's"),
        (reply(HOSTILE.encode(), 200, "text/html"), "bad_data", "web page"),
        (reply(HOSTILE.encode(), 503, "text/html"), "unavailable", "fault of its own"),
    ],
)
async def test_a_sign_in_that_goes_otherwise_is_explained(
    erp: TrytonConnector, link: Between, answer: bytes, kind: str, words: str
) -> None:
    link.instead["common.db.login"] = [answer] * 3
    error = await failure(erp)
    assert (error.kind, words in error.text) == (ErrorKind(kind), True), error.text


async def test_a_time_zone_that_is_not_known_here_is_named(
    erp: TrytonConnector, link: Between
) -> None:
    link.spoil = lambda method, document: (
        _with("timezone", "Mars/Olympus")(document) if method.startswith("company.") else document
    )
    error = await failure(erp)
    assert (error.kind, "tzdata" in error.text) == (ErrorKind.BAD_CONFIG, True)


async def test_a_user_who_may_not_list_modules_gets_what_there_is(
    erp: TrytonConnector, link: Between
) -> None:
    """Whether orders count as credit used is then unknown."""
    refusal = reply({"id": 1, "error": ["UserError", ["no", "", None]]})
    link.instead["ir.module.search_read"] = [refusal]
    terms = await facts_of(erp, CreditTerms, CAFE)
    assert terms.exposure_includes_orders is None


async def test_a_record_that_cannot_be_used_stops_no_other(
    erp: TrytonConnector, link: Between
) -> None:
    def nameless(method: str, document: Any) -> Any:
        if method == "party.party.search_read":
            for record in document["result"]:
                if record["id"] == 3:
                    record["rec_name"] = {"__class__": "bytes"}
        return document

    link.spoil = nameless
    kinds = [type(item).__name__ async for item in erp.contacts(None)]
    assert kinds.count("RejectedRow") == 1
    assert kinds.count("ContactRow") > 3


async def test_a_server_that_is_down_says_so_without_the_password(
    connect_tryton: Connect,
) -> None:
    erp = connect_tryton("http://127.0.0.1:9")
    result = await erp.check()
    assert result.status is CheckStatus.CANNOT_CONNECT
    assert "nothing answers" in result.text
    assert PASSWORD not in repr(result)


async def test_what_is_left_out_is_not_promised(connect_tryton: Connect, tryton: Tryton) -> None:
    erp = connect_tryton(tryton.url, leave_out=["purchases", "history", "credit_terms"])
    result = await erp.check()
    assert erp.provides == {"contacts", "find", "balance", "catalogue"}
    assert not any(line.startswith(("purchases", "credit_terms")) for line in result.proved)


@pytest.mark.parametrize("database", ["../full", "full/rpc", "", "a b"])
def test_a_database_is_a_name_and_no_path(database: str) -> None:
    with pytest.raises(ValueError, match="database"):
        connector("http://127.0.0.1:9", database=database)
