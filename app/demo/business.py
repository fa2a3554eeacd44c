"""A wholesale garden-and-pump supplier, invented whole: customers, orders, accounts, credit terms.

Deterministic: the same `today` gives the same business. Everything is told in days before
`today`, so it never looks old.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import get_args

from app.demo.bookkeeping import Books
from app.demo.cast import STAFF, STRANGER, cast
from app.demo.casting import Cast, Terms
from app.demo.catalogue import ITEMS
from app.demo.names import COUNTRIES, Country, Segment, company_name, email_address, person_name
from app.demo.numbers import NumberBook
from app.demo.records import TERMS, Business, CreditLine, Customer, Ledger, Phone
from app.demo.trade import Habit, Plan, sales

COMPANY_NAME = "Fernhill Garden & Pump Supplies"
CROWD = 290
_SEED = 20070946
_TIERS = (None,) * 12 + ("Bronze",) * 4 + ("Silver",) * 3 + ("Gold",)
_HABITS: tuple[Habit, ...] = ("on time",) * 12 + ("late",) * 5 + ("very late",)
_STOP_REASONS = (
    "Account over 90 days",
    "Insolvency notice in the Gazette",
    "Direct debit recalled",
)


def make_business(today: date) -> Business:
    """Make the whole business as of `today`."""
    rng = random.Random(_SEED)  # noqa: S311 an invented world, not a secret
    company = cast(today)
    taken = {phone.e164 for plan in company.plans for phone in plan.customer.phones}
    numbers = NumberBook(rng, taken | {STRANGER})
    plans = [*company.plans, *_crowd(len(company.plans), numbers, today, rng)]
    sold = [sale for plan in plans for sale in sales(plan, today, rng)]
    orders, ledger = Books(today, rng).enter(sold, list(company.loose_credits))
    customers = tuple(plan.customer for plan in plans)
    return Business(
        today=today,
        items=ITEMS,
        customers=customers,
        orders=orders,
        ledger=ledger,
        credit_lines=_credit_lines(customers, ledger, company, today, rng),
    )


def _crowd(first: int, numbers: NumberBook, today: date, rng: random.Random) -> list[Plan]:
    names: set[str] = set()
    plans: list[Plan] = []
    while len(plans) < CROWD:
        country = rng.choices(COUNTRIES, [c.weight for c in COUNTRIES])[0]
        household = country.region == "GB" and rng.random() < 0.28
        segment: Segment = (
            "household"
            if household
            else rng.choice([*country.companies][: len(get_args(Segment)) - 1])
        )
        person = person_name(rng, country)
        name = person if household else company_name(rng, country, segment)
        if name in names:
            continue
        names.add(name)
        plans.append(
            _plan(first + len(plans) + 1, name, person, segment, country, numbers, today, rng)
        )
    return plans


def _plan(
    number: int,
    name: str,
    person: str,
    segment: Segment,
    country: Country,
    numbers: NumberBook,
    today: date,
    rng: random.Random,
) -> Plan:
    household = segment == "household"
    in_books = not household or rng.random() < 0.4
    customer = Customer(
        account=f"C-{1000 + number}" if in_books else None,
        shop_id=50000 + number if not in_books or rng.random() < 0.95 else None,
        name=name,
        company=None if household else name,
        contact=None if household else person,
        email=email_address(person, None if household else name, country),
        phones=_phones(household, country, numbers, rng),
        region=country.region,
        currency=country.currency,
        language=country.language,
        tier=None if household else rng.choice(_TIERS),
        owner=None if household else rng.choice(STAFF),
        terms="N14" if household else rng.choice(("N30",) * 6 + ("N14", "N45", "N60", "PF")),
        since=today - timedelta(days=rng.randint(60, 4000)),
    )
    return Plan(
        customer=customer,
        segment=segment,
        gap_days=None if customer.shop_id is None else rng.randint(18, 75),
        size=1 if household else rng.choice((1, 1, 1, 2, 2, 3, 4)),
        habit=rng.choice(_HABITS) if in_books else "by card",
    )


def _phones(
    household: bool, country: Country, numbers: NumberBook, rng: random.Random
) -> tuple[Phone, ...]:
    if household:
        mobile = numbers.new(country.region, "mobile")
        return (mobile, numbers.new(country.region, "home")) if rng.random() < 0.3 else (mobile,)
    work = numbers.new(country.region, "work")
    return (work, numbers.new(country.region, "mobile")) if rng.random() < 0.4 else (work,)


def _credit_lines(
    customers: tuple[Customer, ...], ledger: Ledger, company: Cast, today: date, rng: random.Random
) -> tuple[CreditLine, ...]:
    left = ledger.outstanding()
    owed: dict[str, Decimal] = defaultdict(Decimal)
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for invoice in ledger.invoices:
        if invoice.kind == "invoice":
            owed[invoice.account] += left.get(invoice.number, Decimal())
            billed[invoice.account] += invoice.gross
    lines: list[CreditLine] = []
    for customer in customers:
        told = company.terms.get(customer.key)
        if told is None:
            if customer.company is None or customer.terms == "PF" or customer.account is None:
                continue
            told = _usual_terms(owed[customer.key], billed[customer.key], rng)
        wording, days = TERMS[customer.terms]
        lines.append(
            CreditLine(
                account=customer.key,
                name=customer.name,
                telephone=told.telephone
                or (customer.phones[0].in_books if customer.phones else None),
                currency=customer.currency,
                limit=told.limit,
                terms=told.terms or wording,
                days=days if told.days is None else told.days,
                stop_reason=told.stop_reason,
                risk=told.risk,
                reviewed_on=today - timedelta(days=rng.randint(5, 360)),
            )
        )
    return tuple(lines)


def _usual_terms(owed: Decimal, billed: Decimal, rng: random.Random) -> Terms:
    """Give a limit in steps of 500 that fits the trade of two years and leaves some room."""
    enough = max(Decimal(1000), billed / 5, owed * rng.randint(13, 30) / 10)
    reason = rng.choice(_STOP_REASONS) if rng.random() < 0.02 else None
    limit = (enough / 500).to_integral_value(ROUND_CEILING) * 500
    return Terms(limit, "D" if reason else rng.choice("AABBBC"), reason)
