"""What is owed, bought and allowed, worked out from rows: the invariants of the contract."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk import facts
from connectors.sdk.contacts import contact
from connectors.sdk.types import (
    ContactRow,
    ErrorKind,
    RejectedRow,
    SourceError,
    Ticket,
    Tombstone,
    money_text,
)
from connectors.sdk.values import Row, TextFormat, numbered, web_link

TODAY = date(2026, 11, 22)
AMOUNTS = st.decimals(-(10**9), 10**9, places=4)
DAYS = st.none() | st.dates(date(2024, 1, 1), date(2028, 1, 1))
ITEMS = st.fixed_dictionaries(
    {"amount_due": AMOUNTS, "due_date": DAYS, "currency": st.sampled_from(["EUR", "USD", "JPY"])}
)


def total(amounts: Any) -> Decimal:
    with localcontext(prec=60):
        return sum(amounts, Decimal(0))


@given(AMOUNTS, st.sampled_from(["EUR", "JPY", "KWD", None]))
def test_an_amount_is_written_with_the_minor_units_and_loses_no_digit(
    amount: Decimal, currency: str | None
) -> None:
    text = money_text(amount, currency)
    assert Decimal(text) == amount
    assert text == money_text(Decimal(text), currency)
    digits = {"JPY": 0, "KWD": 3}.get(currency or "", 2)
    decimals = text.partition(".")[2]
    assert len(decimals) == digits or (len(decimals) > digits and decimals[-1] != "0")


@given(st.lists(ITEMS, min_size=1, max_size=30))
def test_the_numbers_of_a_balance_agree_with_each_other(items: list[dict[str, Any]]) -> None:
    balance = facts.balance(numbered(items), TODAY)
    assert balance is not None
    assert balance.aging is not None
    owed = total(i.amount_due for i in balance.open_invoices)
    own = [i for i in items if i["currency"] == balance.currency]
    assert balance.unapplied_credit is not None
    assert balance.balance == owed - balance.unapplied_credit
    assert balance.balance == total(i["amount_due"] for i in own)
    assert balance.unapplied_credit == -total(i["amount_due"] for i in own if i["amount_due"] < 0)
    assert total(getattr(balance.aging, name) for name in facts.AGING) == owed
    late = [i for i in own if i["due_date"] and i["due_date"] < TODAY and i["amount_due"] > 0]
    assert balance.overdue_amount == total(i["amount_due"] for i in late)
    assert balance.overdue_amount == owed - balance.aging.current
    dues = [i["due_date"] for i in own if i["due_date"] and i["amount_due"] > 0]
    assert balance.oldest_due_date == (min(dues) if dues else None)


@given(st.lists(ITEMS, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_to_what_is_owed(
    items: list[dict[str, Any]], random: Any
) -> None:
    shuffled = random.sample(items, len(items))
    first, second = (facts.balance(numbered(rows), TODAY) for rows in (items, shuffled))
    assert first is not None
    assert second is not None
    without = {"open_invoices"}
    assert first.model_dump(exclude=without) == second.model_dump(exclude=without)


@given(st.lists(ITEMS, min_size=1, max_size=30), st.sampled_from(["EUR", "USD", "JPY"]))
def test_currencies_are_never_added_and_the_sources_own_is_the_main_one(
    items: list[dict[str, Any]], own: str
) -> None:
    balance = facts.balance(numbered(items), TODAY, own)
    assert balance is not None
    codes = {i["currency"] for i in items}
    if own in codes:
        assert balance.currency == own
    assert {balance.currency, *(o.currency for o in balance.other_currencies)} == codes
    for other in balance.other_currencies:
        assert other.balance == total(
            i["amount_due"] for i in items if i["currency"] == other.currency
        )


def items(*pairs: tuple[str, str | None]) -> list[Row]:
    return numbered([{"amount_due": a, "due_date": d, "currency": "EUR"} for a, d in pairs])


@pytest.mark.parametrize(
    ("due", "bucket"),
    [
        ("2026-11-22", "current"),
        ("2026-11-21", "days_1_30"),
        ("2026-10-23", "days_1_30"),
        ("2026-10-22", "days_31_60"),
        ("2026-09-23", "days_31_60"),
        ("2026-09-22", "days_61_90"),
        ("2026-08-24", "days_61_90"),
        ("2026-08-23", "days_over_90"),
        (None, "current"),
    ],
)
def test_an_item_ages_by_the_days_since_it_was_due(due: str | None, bucket: str) -> None:
    balance = facts.balance(items(("10", due)), TODAY)
    assert balance is not None
    assert balance.aging is not None
    assert getattr(balance.aging, bucket) == 10


def test_open_invoices_come_oldest_first_and_those_without_a_date_last() -> None:
    rows = items(("1", None), ("2", "2026-12-01"), ("3", "2026-01-01"), ("0", None), ("-5", None))
    balance = facts.balance(rows, TODAY)
    assert balance is not None
    assert [i.amount_due for i in balance.open_invoices] == [3, 2, 1]
    assert [i.days_overdue for i in balance.open_invoices] == [325, 0, None]
    assert balance.open_invoice_count == 3


def test_nothing_on_record_is_none_and_payments_alone_mean_that_nothing_is_open() -> None:
    assert facts.balance([], TODAY, "EUR") is None
    paid = numbered([{"total_amount": "5.00", "transaction_date": "2026-01-01"}])
    balance = facts.balance([], TODAY, "EUR", paid)
    assert balance is not None
    assert balance.balance == 0
    assert balance.payments[0].total_amount == 5


def test_a_summary_row_is_taken_as_it_is() -> None:
    row = {"balance": "786.00", "currency": "EUR", "overdue_amount": "456.00"}
    balance = facts.balance(numbered([row]), TODAY)
    assert balance is not None
    assert str(balance.balance) == "786.00"
    assert balance.unapplied_credit is None
    assert balance.aging is None


def test_a_summary_whose_aging_contradicts_its_balance_shows_no_aging() -> None:
    aging = dict.fromkeys(facts.AGING, "10.00")
    right = facts.balance(numbered([{"balance": 50, "currency": "EUR", **aging}]), TODAY)
    wrong = facts.balance(numbered([{"balance": 60, "currency": "EUR", **aging}]), TODAY)
    assert right is not None
    assert right.aging is not None
    assert wrong is not None
    assert wrong.aging is None


def test_summaries_in_several_currencies_are_kept_apart() -> None:
    rows = numbered([{"balance": 5, "currency": "USD"}, {"balance": 7, "currency": "EUR"}])
    balance = facts.balance(rows, TODAY, "EUR")
    assert balance is not None
    assert (balance.currency, balance.other_currencies[0].currency) == ("EUR", "USD")
    with pytest.raises(SourceError, match="two balance rows"):
        facts.balance(numbered([{"balance": 5}, {"balance": 7}]), TODAY, "EUR")


def test_an_amount_without_a_currency_is_refused() -> None:
    with pytest.raises(SourceError, match="the setting `currency`"):
        facts.balance(numbered([{"amount_due": 5}]), TODAY)


LINES = st.lists(
    st.fixed_dictionaries(
        {
            "order_number": st.sampled_from(["O-1", "O-2", "O-3"]),
            "order_date": st.dates(date(2024, 1, 1), date(2026, 1, 1)),
            "sku": st.text("AB", min_size=1),
            "total_amount": AMOUNTS,
        }
    ),
    min_size=1,
    max_size=20,
)


@given(LINES)
def test_every_line_is_in_one_order_and_orders_come_newest_first(
    lines: list[dict[str, Any]],
) -> None:
    bought = facts.purchases(facts.group_lines(numbered(lines)), "EUR", all_read=True)
    assert bought is not None
    assert bought.order_count == len({line["order_number"] for line in lines})
    assert sum(len(o.line_items) for o in bought.orders) == len(lines)
    assert bought.lifetime_amount == total(line["total_amount"] for line in lines)
    dates = [o.order_date for o in bought.orders if o.order_date]
    assert dates == sorted(dates, reverse=True)
    assert bought.first_order_date == min(dates)


def test_totals_over_all_orders_are_unknown_when_not_all_were_read_or_an_amount_is_missing() -> (
    None
):
    rows = numbered([{"order_number": "1", "total_amount": 5}, {"order_number": "2"}])
    orders: Any = [(row, []) for row in rows]
    some = facts.purchases(orders[:1], "EUR", all_read=False)
    gap = facts.purchases(orders, "EUR", all_read=True)
    assert some is not None
    assert gap is not None
    assert (some.order_count, some.lifetime_amount) == (None, None)
    assert (gap.order_count, gap.lifetime_amount) == (2, None)
    assert gap.first_order_date is None


def test_credit_terms_know_the_difference_between_no_limit_and_a_limit_of_nothing() -> None:
    none = facts.credit_terms(numbered([{"credit_limit": None, "credit_used": 5}]), "EUR")
    nothing = facts.credit_terms(numbered([{"credit_limit": 0, "credit_used": 5}]), "EUR")
    given_ = facts.credit_terms(numbered([{"credit_limit": 100, "credit_available": 30}]), "EUR")
    assert none is not None
    assert (none.credit_limit, none.credit_available) == (None, None)
    assert nothing is not None
    assert nothing.credit_available == -5
    assert given_ is not None
    assert given_.credit_used == 70
    assert given_.credit_available == 30


def test_several_rows_of_terms_are_refused() -> None:
    with pytest.raises(SourceError, match="several rows"):
        facts.credit_terms(numbered([{"on_hold": 1}, {"on_hold": 0}]))


@given(st.decimals(-(10**17), 10**17, places=10))
def test_text_keeps_every_digit(amount: Decimal) -> None:
    read = Row({"a": f"{amount:f}"}).amount("a")
    assert read is not None
    assert read.as_tuple() == amount.as_tuple()


@pytest.mark.parametrize(
    ("text", "comma", "amount"),
    [
        ("1,234.50", False, "1234.50"),
        ("1.234,50", True, "1234.50"),
        ("1.234", True, "1234"),
        ("1234,5", True, "1234.5"),
        ("-0,07", True, "-0.07"),
        ("1234.5", True, "1234.5"),
        (" 12 ", False, "12"),
        ("1e3", False, "1E+3"),
    ],
)
def test_amounts_as_text_are_read_as_the_source_writes_them(
    text: str, comma: bool, amount: str
) -> None:
    assert str(Row({"a": text}, form=TextFormat(comma)).amount("a")) == amount


@pytest.mark.parametrize(
    "value",
    ["12,50", "£5", "1,23,456", "5-", "NaN", "Infinity", "１２", "1_000", "0x10", "1e99", "--1",
     float("nan"), float("inf"), True, [1], {"a": 1}, b"1", Decimal("NaN"), 10**30],
)  # fmt: skip
def test_what_is_not_an_amount_is_bad_data_that_names_column_and_row(value: Any) -> None:
    with pytest.raises(SourceError) as caught:
        Row({"a": value}, 7, "line").amount("a")
    assert caught.value.kind == ErrorKind.BAD_DATA
    assert "`a` of line 7" in caught.value.text


def test_a_float_that_lost_its_last_digits_is_rounded_to_what_was_meant() -> None:
    assert Row({"a": 0.1 + 0.2}).amount("a") == Decimal("0.3")
    assert Row({"a": 785.9999999999999}).amount("a") == 786
    assert Row({"a": 786.1}).amount("a") == Decimal("786.1")


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2026-10-12", "ymd", date(2026, 10, 12)),
        ("2026-10-12T23:59:59Z", "ymd", date(2026, 10, 12)),
        ("2026-10-12 00:00:00", "dmy", date(2026, 10, 12)),
        ("12.10.2026", "dmy", date(2026, 10, 12)),
        ("12/10/2026", "mdy", date(2026, 12, 10)),
        ("1/2/2026", "dmy", date(2026, 2, 1)),
    ],
)
def test_dates_as_text_are_read_in_the_order_set(text: str, order: Any, day: date) -> None:
    assert Row({"d": text}, form=TextFormat(date_order=order)).day("d") == day


@pytest.mark.parametrize("text", ["12.10.26", "12.10.2026", "2026-13-01", "soon", "٢٠٢٦-١٠-١٢"])
def test_a_date_that_could_be_another_is_not_guessed(text: str) -> None:
    with pytest.raises(SourceError, match="`d` of row 1"):
        Row({"d": text}).day("d")


def test_instants_are_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    expected = datetime(2026, 11, 22, 8, tzinfo=UTC)
    for value in (
        "2026-11-22T10:00:00+02:00",
        "2026-11-22T08:00:00Z",
        "2026-11-22 08:00:00",
        datetime(2026, 11, 22, 10, tzinfo=east),
        datetime(2026, 11, 22, 8),  # noqa: DTZ001 - as a database without zones gives it
    ):
        assert Row({"t": value}).instant("t") == expected


@pytest.mark.parametrize(
    ("value", "flag"), [("Y", True), (0, False), ("f", False), (Decimal(1), True), ("", None)]
)
def test_yes_and_no_have_many_spellings(value: Any, flag: bool | None) -> None:
    assert Row({"x": value}).flag("x") is flag
    with pytest.raises(SourceError):
        Row({"x": "maybe"}).flag("x")


def test_text_is_cleaned_of_control_characters_and_bounded() -> None:
    assert Row({"x": " a\x00\r\nb\x1b "}).text("x") == "a b"
    assert Row({"x": 12.0}).text("x") == "12"
    with pytest.raises(SourceError, match="longer than"):
        Row({"x": "a" * 3000}).text("x")


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//evil", "https://a b", 'https://a"b']
)
def test_only_web_links_are_links(link: str) -> None:
    assert web_link(link) is None
    assert web_link("https://crm.example/c/1") == "https://crm.example/c/1"


def test_a_contact_gathers_all_that_its_rows_say() -> None:
    rows = numbered(
        [
            {"remote_id": 1, "display_name": "Ada", "phone": "1", "phone_type": "work",
             "tags": "vip; gold", "email": "a@x", "is_primary": "y", "owner_name": "Bo"},
            {"remote_id": 1, "phone": "1", "mobile_2": "2", "email_2": "b@x"},
        ]
    )  # fmt: skip
    made = contact(rows, "https://crm.example/{remote_id}")
    assert isinstance(made, ContactRow)
    assert [(p.raw, p.type, p.is_primary) for p in made.phone_numbers] == [
        ("1", "work", True),
        ("2", "mobile", False),
    ]
    assert made.email_addresses == ("a@x", "b@x")
    assert made.tags == ("vip", "gold")
    assert made.owner is not None
    assert made.owner.name == "Bo"
    assert made.remote_url == "https://crm.example/1"


def test_a_contact_that_is_gone_or_unusable_is_said_to_be() -> None:
    gone = contact(numbered([{"remote_id": "1", "display_name": "x", "deleted": 1}]))
    assert gone == Tombstone("1")
    nameless = contact(numbered([{"remote_id": "1", "phone": "1"}]))
    assert isinstance(nameless, RejectedRow)
    assert nameless.where == "row 1"


def test_a_ticket_says_in_which_time_zone_it_was_updated() -> None:
    with pytest.raises(ValueError, match="timezone"):
        Ticket(number="T-1", updated_at=datetime(2026, 1, 1, 10))  # noqa: DTZ001 - what is refused
