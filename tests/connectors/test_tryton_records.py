"""From Tryton's ledger lines to open items: nothing is lost and nothing counted twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._tryton_records import contact_rows, open_items, terms_row
from connectors._tryton_wire import marked, plain
from connectors.sdk.types import SourceError

_AMOUNT = st.decimals(0, 10_000, places=2).filter(bool)
_INVOICE = st.integers(1, 4)


def line(
    amount: Decimal | int, due: date | None = None, invoice: int = 0, pays: int = 0, code: str = ""
) -> dict[str, Any]:
    """Write a receivable line as Tryton does; `pays` is the invoice that it is a payment of."""
    return {
        "id": 1,
        "debit": str(max(amount, 0)),
        "credit": str(max(-amount, 0)),
        "amount_second_currency": str(amount) if code else None,
        "second_currency.": {"code": code} if code else None,
        "maturity_date": due,
        "date": date(2026, 1, 1),
        "invoice_payment": pays or None,
        "move.": {"origin": f"account.invoice,{invoice}" if invoice else None, "origin.": None},
    }


_CREDIT = _AMOUNT.map(lambda amount: -amount)
_DUE = st.dates() | st.none()
_CODE = st.sampled_from(["", "USD"])
_LINES = st.lists(
    st.builds(line, _AMOUNT, _DUE, _INVOICE, code=_CODE)
    | st.builds(line, _CREDIT, pays=_INVOICE, code=_CODE)
    | st.builds(line, _CREDIT, _DUE, _INVOICE)
    | st.builds(line, _CREDIT)
)


@given(_LINES)
def test_the_items_add_up_to_the_ledger_in_each_currency(lines: list[dict[str, Any]]) -> None:
    items = open_items(lines, [], "EUR")
    for code, marks in (("EUR", ""), ("USD", "USD")):
        ledger = [
            Decimal(row["debit"]) - Decimal(row["credit"])
            for row in lines
            if (row["second_currency."] or {"code": ""})["code"] == marks
        ]
        found = [item["amount_due"] for item in items if item["currency"] == code]
        assert sum(found, Decimal(0)) == sum(ledger, Decimal(0))


@given(_LINES)
def test_a_payment_never_makes_an_instalment_negative(lines: list[dict[str, Any]]) -> None:
    owed = sum(1 for row in lines if Decimal(row["debit"]))
    items = open_items(lines, [], "EUR")
    assert sum(1 for item in items if item["amount_due"] > 0) <= owed
    assert all(item["amount_due"] for item in items)


def test_a_part_payment_is_of_the_earliest_instalments() -> None:
    first, second, third = (date(2026, month, 1) for month in (1, 2, 3))
    lines = [line(100, third, 7), line(100, first, 7), line(100, second, 7), line(-150, pays=7)]
    due = {item["due_date"]: item["amount_due"] for item in open_items(lines, [], "EUR")}
    assert due == {second: 50, third: 100}


def test_what_was_paid_too_much_is_credit() -> None:
    (item,) = open_items([line(100, date(2026, 1, 1), 7), line(-130, pays=7)], [], "EUR")
    assert (item["amount_due"], item["currency"]) == (-30, "EUR")


def test_a_payment_in_another_currency_is_not_taken_off() -> None:
    items = open_items([line(100, None, 7, code="USD"), line(-40, pays=7)], [], "EUR")
    assert [(i["amount_due"], i["currency"]) for i in items] == [(100, "USD"), (-40, "EUR")]


def test_an_item_is_named_after_its_invoice_or_what_it_came_from() -> None:
    opening = line(10)
    opening["move."]["origin."] = {"rec_name": "Opening balance"}
    invoices = [{"id": 7, "number": "INV-7", "invoice_date": date(2026, 1, 2), "total_amount": "9"}]
    items = open_items([line(9, None, 7), opening], invoices, "EUR")
    assert [item["number"] for item in items] == ["INV-7", "Opening balance"]


@pytest.mark.parametrize(
    ("deltas", "days"),
    [
        ([], 0),
        ([{"days": 14}], 14),
        ([{"days": 2, "weeks": 4}], 30),
        ([{"days": 30}, {"day": 31}], None),
        ([{"months": 1}], None),
    ],
)
def test_days_are_those_of_a_single_payment(deltas: list[dict[str, int]], days: int | None) -> None:
    party = {"customer_payment_term.": {"lines.": [{"relativedeltas.": deltas}]}}
    assert terms_row(party, with_orders=None)["days_until_due"] == days


@pytest.mark.parametrize(
    ("kind", "value", "counts"),
    [
        ("phone", "020 7946 0958", True),
        ("mobile", "07400 123456", True),
        ("other", "Yard 0161 496 0000 x12", True),
        ("other", "Room 12", False),
        ("other", "someone1234567@example.com", False),
        ("website", "https://example.com/02079460958", False),
        ("fax", "020 7946 0958", False),
    ],
)
def test_only_what_can_be_called_is_a_number(kind: str, value: str, counts: bool) -> None:
    mechanism = {"id": 1, "type": kind, "value": value, "active": True}
    rows = contact_rows({"id": 1, "active": True, "contact_mechanisms.": [mechanism]})
    assert any(row.keys() & {"phone", "mobile"} for row in rows) is counts


@given(st.datetimes() | st.dates())
def test_dates_and_times_come_back_as_they_went(value: date) -> None:
    assert plain([{"at": marked(value)}]) == [{"at": value}]


@pytest.mark.parametrize("part", [{"__class__": "date", "year": 2026}, {"__class__": "Decimal"}])
def test_a_damaged_value_is_no_value(part: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match="damaged"):
        plain({"due": part})
