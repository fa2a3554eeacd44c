"""What goes wrong with ERPNext: wrong settings, missing roles, answers that changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.erpnext import ErpNextConfig, ErpNextConnector
from connectors.sdk.types import (
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    ErrorKind,
    RejectedRow,
    SourceError,
)
from tests.connectors.asking import checked, everything
from tests.connectors.fakes.erpnext import FORBIDDEN_PAGE, FakeErpNext, connector, fault
from tests.connectors.web import WebServer, reply

KESTREL = CustomerRef("Customer/Kestrel Garden")


@pytest.fixture
def vendor() -> FakeErpNext:
    return FakeErpNext()


@pytest.fixture
async def source(web: WebServer) -> AsyncIterator[ErpNextConnector]:
    made = connector(web)
    yield made
    await made.aclose()


async def test_the_connection_test_says_what_it_proved(source: ErpNextConnector) -> None:
    assert (await source.check()).proved == (
        "sign-in: the key is accepted, days of Asia/Kolkata",
        "company: Meadow Ltd (INR)",
        "contacts: 1 customer read, 1 contact read, deletions are told",
        "find: the search of numbers answers",
        "balance: invoices, payments and credit limits can be read",
        "purchases: orders can be read",
        "catalogue: 1 item read, 0 with a price",
        "issues: issues can be read",
    )


@pytest.mark.parametrize(
    ("changes", "answers", "forbidden", "status", "said"),
    [
        ({"api_secret": "old"}, [], "", CheckStatus.INVALID_AUTH, "generate new ones"),
        ({}, [], "Payment Entry", CheckStatus.MISSING_PERMISSION, "balance: the user of the API"),
        ({}, [], "Issue", CheckStatus.MISSING_PERMISSION, "issues: the user of the API key"),
        ({}, [fault(403, "PermissionError")], "", CheckStatus.MISSING_PERMISSION, "the roles"),
        ({"company": "Meadow"}, [], "", CheckStatus.BAD_CONFIG, "check `company`"),
        ({"company": ""}, [], "", CheckStatus.BAD_CONFIG, "name yours in `company`"),
        ({}, [fault(417, "ValidationError")], "", CheckStatus.BAD_CONFIG, "HTTP 417"),
        ({}, [fault(417, "DataError")], "", CheckStatus.BAD_CONFIG, "older than version 14"),
        ({}, [reply(b"<html>", 404, "text/html")], "", CheckStatus.BAD_CONFIG, "check base_url"),
        ({}, [fault(429, "TooManyRequestsError")], "", CheckStatus.CANNOT_CONNECT, "less often"),
        ({}, [reply(b"<html>", 200, "text/html")], "", CheckStatus.BAD_CONFIG, "web page"),
        ({}, [reply({"message": "x"}), reply({"message": {"time_zone": "Mars"}})], "",
         CheckStatus.BAD_CONFIG, "`time_zone`"),
    ],
)  # fmt: skip
async def test_each_fault_has_its_words(
    web: WebServer,
    vendor: FakeErpNext,
    changes: dict[str, Any],
    answers: list[bytes],
    forbidden: str,
    status: CheckStatus,
    said: str,
) -> None:
    vendor.next, vendor.forbidden = answers, {forbidden}
    result = await checked(connector(web, **changes))
    assert (result.status, said in result.text) == (status, True), result
    assert "raw words" not in result.text


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (reply({"message": None}), ErrorKind.BAD_DATA, "no list of objects"),
        (reply({"message": [{"customer_name": "x"}]}), ErrorKind.BAD_DATA, "no text `name`"),
        (reply([1]), ErrorKind.BAD_DATA, "no object"),
        (FORBIDDEN_PAGE, ErrorKind.AUTH_DENIED, "the roles that may"),
    ],
)
async def test_a_changed_answer_is_named_and_not_read_as_nothing(
    source: ErpNextConnector, vendor: FakeErpNext, answer: bytes, kind: ErrorKind, said: str
) -> None:
    vendor.next = [answer]
    with pytest.raises(SourceError, match=said) as caught:
        await source.fetch("balance", KESTREL)
    assert caught.value.kind is kind


async def test_a_record_that_changed_its_form_is_rejected_alone(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    vendor.tables["Customer"][0]["tax_id"] = {"x": 1}
    vendor.tables["Contact Phone"][2]["phone"] = {"x": 1}
    items = await everything(source.contacts(None))
    assert [i for i in items if isinstance(i, RejectedRow)] == [
        RejectedRow("customer 3", "column `tax_number` of customer 3 is an object, not text"),
        RejectedRow("contact 4", "column `phone` of contact 4 is an object, not text"),
    ]
    assert len([i for i in items if isinstance(i, ContactRow)]) == 3


async def test_an_id_that_is_none_of_ours_is_not_asked_for(
    source: ErpNextConnector, vendor: FakeErpNext
) -> None:
    for hostile in ("Kestrel Garden", "User/Administrator", "Customer/", "Contact/" + "x" * 200):
        assert isinstance(await source.fetch("balance", CustomerRef(hostile)), Empty)
    assert vendor.asked == []


def test_settings_that_cannot_work_are_refused() -> None:
    given = {"base_url": "https://x.example", "api_key": "k", "api_secret": "s"}
    for changes in ({"base_url": "x.example"}, {"time_zone": "Mars"}, {"purchases": "quotes"}):
        with pytest.raises(ValidationError):
            ErpNextConfig.model_validate({**given, **changes})
