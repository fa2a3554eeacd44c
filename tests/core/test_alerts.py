"""What must catch the eye, from what is known and from nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from app.core.alerts import Alert, alerts_for
from app.core.call import Attestation
from app.core.profile import NOT_CONFIGURED, SECTION_NAMES, Section

TODAY = date(2026, 11, 22)
NOBODY_VOUCHES = "The carrier does not vouch for this number (attestation {})"


def alerts(
    attestation: Attestation | None = None,
    customer: dict[str, Any] | None = None,
    **data: Any,
) -> list[Alert]:
    sections = dict.fromkeys(SECTION_NAMES, NOT_CONFIGURED)
    sections |= {name: Section("ok", value) for name, value in data.items()}
    return list(alerts_for(attestation or Attestation(), customer, sections, TODAY))


def balance(overdue: str | None, oldest: str | None = None) -> dict[str, Any]:
    return {"currency": "EUR", "overdue_amount": overdue, "oldest_due_date": oldest}


def interaction(**fields: Any) -> dict[str, Any]:
    return {"disposition": None, "follow_up": None, "agent": {"name": "Ada"}, **fields}


def test_nothing_known_is_nothing_to_fear() -> None:
    assert alerts() == []
    assert alerts(balance=balance(None), credit_terms={"on_hold": None, "credit_available": None},
                  interactions=[]) == []  # fmt: skip


def test_the_gravest_comes_first() -> None:
    found = alerts(
        Attestation("C"),
        {"tags": ["vip"], "tier": None, "links": []},
        balance=balance("10.00"),
        credit_terms={"on_hold": True, "hold_reason": "unpaid", "currency": "EUR"},
    )
    assert [a.level for a in found] == ["critical", "warning", "warning", "info"]


@pytest.mark.parametrize(
    ("attestation", "text"),
    [
        (Attestation("A"), None),
        (Attestation("A", "passed"), None),
        (Attestation(None, "none"), None),
        (Attestation("B"), NOBODY_VOUCHES.format("B")),
        (Attestation("C", "passed"), NOBODY_VOUCHES.format("C")),
        (Attestation("A", "failed"), "The calling number failed verification"),
    ],
)
def test_a_number_that_nobody_vouches_for(attestation: Attestation, text: str | None) -> None:
    found = alerts(attestation)
    assert [a.text for a in found] == ([text] if text else [])
    assert all((a.level, a.code) == ("warning", "low_attestation") for a in found)


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ({"on_hold": True, "hold_reason": "3 unpaid"}, "On credit hold: 3 unpaid"),
        ({"on_hold": True, "hold_reason": None}, "On credit hold"),
        ({"on_hold": False, "hold_reason": "3 unpaid"}, None),
    ],
)
def test_a_credit_hold(terms: dict[str, Any], text: str | None) -> None:
    found = alerts(credit_terms=terms)
    assert found == ([Alert("critical", "credit_hold", text)] if text else [])


@pytest.mark.parametrize(
    ("available", "currency", "text"),
    [
        ("-0.01", "EUR", "0.01 EUR over the credit limit"),
        ("-1214.00", None, "1214.00 over the credit limit"),
        ("0.00", "EUR", None),
        (None, "EUR", None),
    ],
)
def test_over_the_limit(available: str | None, currency: str | None, text: str | None) -> None:
    found = alerts(credit_terms={"credit_available": available, "currency": currency})
    assert found == ([Alert("critical", "over_limit", text)] if text else [])


@pytest.mark.parametrize(
    ("overdue", "oldest", "text"),
    [
        ("456.00", "2026-10-12", "456.00 EUR overdue 41 days"),
        ("456.00", "2026-11-21", "456.00 EUR overdue 1 day"),
        ("456.00", None, "456.00 EUR overdue"),
        ("0.00", "2026-12-01", None),
        (None, None, None),
    ],
)
def test_overdue(overdue: str | None, oldest: str | None, text: str | None) -> None:
    found = alerts(balance=balance(overdue, oldest))
    assert found == ([Alert("warning", "overdue", text)] if text else [])


def test_a_complaint_stands_until_a_later_call_came_out_otherwise() -> None:
    complaint, settled = interaction(disposition="complaint"), interaction(disposition="order")
    unknown = interaction()
    expected = [Alert("warning", "open_complaint", "The last call was a complaint")]
    assert alerts(interactions=[complaint, settled]) == expected
    assert alerts(interactions=[unknown, complaint]) == expected
    assert alerts(interactions=[settled, complaint]) == []


@pytest.mark.parametrize(
    ("due_on", "done", "shown"),
    [
        ("2026-11-21", False, "21 Nov"),
        ("2026-11-22", False, "22 Nov"),
        ("2026-11-23", False, None),
        ("2026-11-21", True, None),
    ],
)
def test_a_promise_is_due_on_its_day_and_until_it_is_done(
    due_on: str, done: bool, shown: str | None
) -> None:
    follow_up = {"due_on": due_on, "text": "send the quote", "done": done}
    found = alerts(interactions=[interaction(follow_up=follow_up)])
    text = f"Ada promised a call back by {shown}: send the quote"
    assert found == ([Alert("warning", "follow_up_due", text)] if shown else [])


@pytest.mark.parametrize(
    ("tags", "tier", "shown"),
    [(["VIP"], None, True), ([], "Platinum", True), (["retail"], "gold", False), ([], None, False)],
)
def test_a_vip(tags: list[str], tier: str | None, shown: bool) -> None:
    found = alerts(customer={"tags": tags, "tier": tier, "links": []})
    assert found == ([Alert("info", "vip", "VIP customer")] if shown else [])


def test_of_several_records_in_one_source_it_is_told_whose_amounts_are_shown() -> None:
    links = [{"connector": c, "remote_id": i} for c, i in (("books", "1"), ("shop", "7"))]
    customer: dict[str, Any] = {"tags": [], "tier": None, "links": links}
    assert alerts(customer=customer) == []
    links.append({"connector": "books", "remote_id": "2"})
    (told,) = alerts(customer=customer)
    assert (told.level, told.code) == ("warning", "several_records")
    assert told.text == "2 records in books: amounts are of 1 alone, not of 2"
