"""What it takes to tell a customer by hand: the cast is told in `cast`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from app.demo.bookkeeping import LooseCredit
from app.demo.names import Segment
from app.demo.numbers import Style, write
from app.demo.records import Customer, Phone
from app.demo.trade import Habit, KnownSale, Plan


@dataclass(frozen=True, slots=True)
class Terms:
    """What the credit file says; `terms` and `days` None = the same as the accounts."""

    limit: Decimal | None
    risk: str | None = "B"
    stop_reason: str | None = None
    terms: str | None = None
    days: int | None = None
    telephone: str | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """The plans of the cast, what stands loose on their accounts, and their credit terms."""

    plans: tuple[Plan, ...]
    loose_credits: tuple[LooseCredit, ...]
    terms: dict[str, Terms]


def phone(
    e164: str, books: Style, shop: Style = "international", kind: Literal["work", "mobile"] = "work"
) -> Phone:
    """Return a number as the books and the shop have it in writing."""
    return Phone(e164, kind, write(e164, books), write(e164, shop))


def mobile(e164: str, books: Style = "national", shop: Style = "solid") -> Phone:
    """Return a mobile number as the books and the shop have it in writing."""
    return phone(e164, books, shop, "mobile")


class Casting:
    """Collects the cast and gives out account numbers and shop ids in order."""

    def __init__(self, today: date) -> None:
        self._today = today
        self.plans: list[Plan] = []
        self.loose: list[LooseCredit] = []
        self.terms: dict[str, Terms] = {}

    def add(
        self,
        name: str,
        segment: Segment,
        phones: tuple[Phone, ...],
        *,
        gap_days: int | None = 30,
        size: int = 1,
        habit: Habit = "on time",
        open_sales: tuple[KnownSale, ...] = (),
        credit: Terms | None = None,
        in_books: bool = True,
        in_shop: bool = True,
        years: int = 4,
        **about: Any,
    ) -> Customer:
        """Add a customer; `about` are further fields of `Customer`, or `days` since it began."""
        number = len(self.plans) + 1
        is_company = segment != "household"
        customer = Customer(
            account=f"C-{1000 + number}" if in_books else None,
            shop_id=50000 + number if in_shop else None,
            name=name,
            company=name if is_company else None,
            phones=phones,
            since=self._today - timedelta(days=about.pop("days", years * 365 + 40 * (number % 7))),
            **about,
        )
        self.plans.append(
            Plan(
                customer=customer,
                segment=segment,
                gap_days=gap_days,
                size=size,
                habit=habit,
                known_sales=open_sales,
            )
        )
        if credit is not None:
            self.terms[customer.key] = credit
        return customer

    def on_account(self, customer: Customer, amount: str, days_ago: int) -> None:
        """Let a payment stand against no invoice."""
        self.loose.append(LooseCredit(customer, "on account", Decimal(amount), days_ago))

    def credit_note(self, customer: Customer, amount: str, days_ago: int) -> None:
        """Let a credit note stand against no invoice."""
        self.loose.append(LooseCredit(customer, "credit note", Decimal(amount), days_ago))
