from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import phonenumbers
import pytest

from app.core.phone import normalise
from app.demo.business import make_business
from app.demo.cast import MARLOWE_SWITCHBOARD, OKAFOR_MOBILE, STRANGER
from app.demo.records import Business, Customer, Invoice

TODAY = date(2026, 11, 22)
DRAMA = (
    "+442079460", "+441632960", "+441614960", "+441134960", "+441214960", "+441174960",
    "+441314960", "+441914980", "+442920180", "+4428964960", "+442896496", "+447700900",
    "+493023125", "+494066969", "+498999998", "+49171392", "+3319900", "+3326191", "+3346571",
    "+3363998", "+3532091",
)  # fmt: skip


def _documents(business: Business, customer: Customer) -> list[Invoice]:
    return [i for i in business.ledger.invoices if i.account == customer.account]


def _owed(business: Business, customer: Customer, currency: str) -> Decimal:
    """Work out a balance from the movements alone: what was billed, less what came in."""
    billed = sum(
        (
            i.gross if i.kind == "invoice" else -i.gross
            for i in _documents(business, customer)
            if i.currency == currency
        ),
        Decimal(),
    )
    paid = sum(
        (
            r.amount
            for r in business.ledger.receipts
            if r.account == customer.account and r.currency == currency
        ),
        Decimal(),
    )
    return billed - paid


def _overdue_days(business: Business, customer: Customer) -> list[int]:
    left = business.ledger.outstanding()
    return [
        (TODAY - i.due_on).days
        for i in _documents(business, customer)
        if i.kind == "invoice" and i.number in left and i.due_on < TODAY
    ]


def _credit_line(business: Business, name: str):  # type: ignore[no-untyped-def]
    account = business.customer(name).account
    return next(line for line in business.credit_lines if line.account == account)


def test_the_same_day_makes_the_same_business(business: Business) -> None:
    assert make_business(TODAY) == business


@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2027, 1, 1), date(2031, 7, 6)])
def test_it_never_looks_old(today: date) -> None:
    business = make_business(today)
    dates = [o.placed_on for o in business.orders]
    assert max(dates) >= today - timedelta(days=3)
    assert today - timedelta(days=730) <= min(dates) <= today - timedelta(days=700)
    assert all(i.issued_on <= today for i in business.ledger.invoices)
    assert all(r.received_on <= today for r in business.ledger.receipts)


def test_it_is_the_size_of_a_wholesaler(business: Business) -> None:
    assert 250 <= len(business.customers) <= 500
    assert 55 <= len(business.items) <= 70
    assert len(business.orders) > 3000
    regions = Counter(c.region for c in business.customers)
    assert set(regions) == {"GB", "DE", "FR", "IE", "US"}
    assert regions["GB"] > len(business.customers) / 2


def test_accounts_shop_ids_names_and_document_numbers_are_unique(business: Business) -> None:
    ledger = business.ledger
    documents = [i.number for i in ledger.invoices] + [r.number for r in ledger.receipts]
    assert len(set(documents)) == len(documents)
    for given in (
        [c.key for c in business.customers],
        [c.name for c in business.customers],
        [c.shop_id for c in business.customers if c.shop_id is not None],
        [o.number for o in business.orders],
        [i.sku for i in business.items],
    ):
        assert len(set(given)) == len(given)


def test_the_money_adds_up_for_every_customer_and_currency(business: Business) -> None:
    left = business.ledger.outstanding()
    assert all(amount > 0 for amount in left.values())
    from_open_items: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for i in business.ledger.invoices:
        sign = 1 if i.kind == "invoice" else -1
        from_open_items[i.account, i.currency] += sign * left.get(i.number, Decimal())
    for r in business.ledger.receipts:
        from_open_items[r.account, r.currency] -= left.get(r.number, Decimal())
    for customer in business.customers:
        for currency in ("GBP", "EUR", "USD"):
            owed = _owed(business, customer, currency)
            assert from_open_items[customer.key, currency] == owed


def test_every_invoice_of_an_order_bills_its_lines_and_the_tax(business: Business) -> None:
    orders = {o.number: o for o in business.orders}
    of_orders = [i for i in business.ledger.invoices if i.kind == "invoice"]
    region = {c.key: c.region for c in business.customers}
    for i in of_orders:
        assert i.order_number is not None
        order = orders[i.order_number]
        assert i.net == sum((x.quantity * x.unit_price for x in order.lines), Decimal())
        assert i.gross == i.net * (Decimal("1.2") if region[i.account] == "GB" else 1)
        assert order.status not in ("cancelled", "processing")


def test_money_is_set_only_against_invoices_of_the_same_customer_and_currency(
    business: Business,
) -> None:
    ledger = business.ledger
    whose = {i.number: (i.account, i.currency) for i in ledger.invoices}
    whose |= {r.number: (r.account, r.currency) for r in ledger.receipts}
    assert all(whose[a.from_number] == whose[a.invoice_number] for a in ledger.allocations)


def test_goods_that_go_with_an_item_are_in_the_catalogue(business: Business) -> None:
    skus = {i.sku for i in business.items}
    assert all(set(i.goes_with) <= skus - {i.sku} for i in business.items)


def test_no_number_can_ring_a_real_telephone(business: Business) -> None:
    for phone in [p for c in business.customers for p in c.phones]:
        is_555 = phone.e164.startswith("+1") and phone.e164[5:10] == "55501"
        assert is_555 or phone.e164.startswith(DRAMA)


def test_numbers_read_back_to_what_they_are_however_they_are_written(business: Business) -> None:
    formats = set()
    for customer in business.customers:
        for phone in customer.phones:
            assert normalise(phone.in_books, "GB").e164 == phone.e164
            assert normalise(phone.in_shop, customer.region).e164 == phone.e164
            formats.add("".join("9" if c.isdigit() else c for c in phone.in_books))
    assert len(formats) > 30
    raws = {p.in_books for c in business.customers for p in c.phones}
    assert "020 7946 0958" in raws
    assert any(r.startswith("+44 (0)") for r in raws)
    assert any(r.startswith("0044") for r in raws)
    assert any(r.startswith("00 49") for r in raws)
    assert any(r.endswith(" x12") for r in raws)


def test_three_companies_of_a_group_share_a_switchboard_and_a_family_a_mobile(
    business: Business,
) -> None:
    holders = defaultdict(set)
    for customer in business.customers:
        for phone in customer.phones:
            holders[phone.e164].add(customer.name)
    assert len(holders[MARLOWE_SWITCHBOARD]) == 3
    assert holders[OKAFOR_MOBILE] == {"Grace Okafor", "Daniel Okafor"}
    assert STRANGER not in holders
    assert phonenumbers.is_possible_number(phonenumbers.parse(STRANGER))


def test_one_customer_is_on_hold_with_a_reason_and_one_over_the_limit(business: Business) -> None:
    assert _credit_line(business, "Thornbury Pump Services Ltd").stop_reason
    name = "Brackenfield Nurseries Ltd"
    line = _credit_line(business, name)
    assert line.limit is not None
    assert line.stop_reason is None
    assert _owed(business, business.customer(name), "GBP") > line.limit


def test_no_limit_is_not_a_limit_of_nothing(business: Business) -> None:
    assert _credit_line(business, "Wexcombe Parish Council").limit is None
    assert _credit_line(business, "Pitt & Sons Garden Services").limit == 0


def test_one_customer_has_a_payment_on_account_and_an_open_credit_note(business: Business) -> None:
    customer = business.customer("Hollins & Daughter")
    left = business.ledger.outstanding()
    notes = [i for i in _documents(business, customer) if i.kind == "credit_note"]
    assert sum(left.get(i.number, Decimal()) for i in notes) == Decimal("84.00")
    receipts = [r for r in business.ledger.receipts if r.account == customer.account]
    assert sum(left.get(r.number, Decimal()) for r in receipts) == Decimal("350.00")
    assert _owed(business, customer, "GBP") > 0


def test_one_customer_is_owed_money(business: Business) -> None:
    assert _owed(business, business.customer("Silverpine Academy Trust"), "GBP") == Decimal(
        "-612.40"
    )


def test_one_customer_is_overdue_in_every_age(business: Business) -> None:
    days = _overdue_days(business, business.customer("Copperbeech Hotels Ltd"))
    assert sorted(days) == [15, 45, 80, 130]


def test_one_customer_owes_in_two_currencies(business: Business) -> None:
    customer = business.customer("Atlantic Nursery Traders Ltd")
    assert _owed(business, customer, "EUR") > 0
    assert _owed(business, customer, "GBP") > 0


def test_some_customers_are_known_to_one_system_only(business: Business) -> None:
    priya, mill = business.customer("Priya Raman"), business.customer("Old Mill Trout Farm")
    assert (priya.account, mill.shop_id) == (None, None)
    assert any(o.customer_key == priya.key for o in business.orders)


def test_the_first_caller_has_something_in_every_section(business: Business) -> None:
    customer = business.customer("Kestrel Garden Supplies Ltd")
    line = _credit_line(business, customer.name)
    assert _overdue_days(business, customer) == [40]
    assert line.limit is not None
    assert Decimal() < _owed(business, customer, "GBP") < line.limit
    assert line.terms == "Net 60"
    assert customer.terms == "N30"
    assert any(o.customer_key == customer.key for o in business.orders)


def test_names_are_long_right_to_left_and_quoted(business: Business) -> None:
    names = [c.name for c in business.customers]
    assert max(map(len, names)) > 120
    assert any("\u0600" <= n[0] <= "\u06ff" for n in names)
    assert any("\u0590" <= n[0] <= "\u05ff" for n in names)
    assert any("'" in n and '"' in n and "&" in n for n in names)
