"""Which level of service a customer gets: the first rule whose every condition is known to hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.alerts import Alert
from app.core.priority import Conditions, Priority, Rule, priority
from app.core.profile import NOT_CONFIGURED, SECTION_NAMES, Section

CUSTOMER = {"tier": "Gold", "tags": ["wholesale", "Garden Centre"]}
FACTS: dict[str, Any] = {
    "balance": {"currency": "EUR", "overdue_amount": "500.01"},
    "purchases": {"currency": "EUR", "lifetime_amount": "10000.00"},
    "credit_terms": {"on_hold": True},
    "interactions": [{"disposition": "Complaint", "follow_up": None}],
}


def sections(**data: Any) -> dict[str, Section]:
    known = {name: Section("ok", value) for name, value in data.items()}
    return dict.fromkeys(SECTION_NAMES, NOT_CONFIGURED) | known


def applies(when: dict[str, Any], customer: Any = CUSTOMER, **data: Any) -> bool:
    rule = Rule.of({"name": "r", "level": 5, "when": when})
    return priority([rule], customer, sections(**data)) is not None


def test_the_first_rule_that_applies_counts() -> None:
    rules = [
        Rule("platinum", 9, Conditions(tier=("platinum",))),
        Rule("gold", 7, Conditions(tier=("gold",)), queue="gold-desk"),
        Rule("everybody else", 3),
    ]
    assert priority(rules, CUSTOMER, sections()) == Priority(7, "gold", "gold-desk")
    assert priority(rules[::-1], CUSTOMER, sections()) == Priority(3, "everybody else")
    assert priority(rules, {"tier": None, "tags": []}, sections()) == Priority(3, "everybody else")
    assert priority([], CUSTOMER, sections()) is None


def test_nobody_known_gets_no_priority() -> None:
    assert priority([Rule("everybody", 3)], None, sections()) is None


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({}, True),
        ({"tier": ["silver", "GOLD"]}, True),
        ({"tier": ["silver"]}, False),
        ({"tags": ["garden centre"]}, True),
        ({"tags": ["school"]}, False),
        ({"tier": ["gold"], "tags": ["school"]}, False),
        ({"overdue_over": "500.00"}, True),
        ({"overdue_over": "500.01"}, False),
        ({"lifetime_over": "9999.99"}, True),
        ({"lifetime_over": "10000"}, False),
        ({"open_complaint": True}, True),
        ({"open_complaint": False}, False),
        ({"on_hold": True}, True),
        ({"on_hold": False}, False),
        ({"on_hold": True, "open_complaint": True, "tags": ["wholesale"]}, True),
    ],
)
def test_every_condition_of_a_rule_must_hold(when: dict[str, Any], holds: bool) -> None:
    assert applies(when, **FACTS) is holds


@pytest.mark.parametrize(
    "when",
    [{"overdue_over": "0"}, {"lifetime_over": "0"}, {"on_hold": True}, {"on_hold": False}],
)
def test_what_is_not_known_meets_no_condition(when: dict[str, Any]) -> None:
    unknown = {"balance": {"overdue_amount": None}, "purchases": {"lifetime_amount": None}}
    assert not applies(when)
    assert not applies(when, **unknown, credit_terms={"on_hold": None})


def test_a_customer_without_a_call_before_has_no_open_complaint() -> None:
    assert applies({"open_complaint": False})
    assert not applies({"open_complaint": True})


@given(
    over=st.decimals("0", "99999", places=2),
    overdue=st.none() | st.decimals("0", "99999", places=2),
)
def test_an_amount_is_over_its_limit_or_it_is_not_known(over: Any, overdue: Any) -> None:
    balance = {"currency": "EUR", "overdue_amount": None if overdue is None else str(overdue)}
    holds = applies({"overdue_over": str(over)}, balance=balance)
    assert holds is (overdue is not None and overdue > over)


def test_the_agent_is_told_by_the_name_of_the_rule() -> None:
    assert Priority(9, "Key accounts").alert() == Alert("info", "priority", "Key accounts")
