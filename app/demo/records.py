"""What the demo business has on its books. Pure data; every amount is a `Decimal`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

PENNY = Decimal("0.01")
OrderStatus = Literal["processing", "dispatched", "completed", "on hold", "cancelled"]


@dataclass(frozen=True, slots=True)
class Item:
    """Something the business sells; `cycle_days` is how often a regular buys it again."""

    item_id: int
    sku: str
    name: str
    category: str
    price_gbp: Decimal
    stock: int | None
    usual_quantity: int
    cycle_days: int | None
    goes_with: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phone:
    """A number, and how each system has it in writing."""

    e164: str
    kind: Literal["work", "mobile", "home"]
    in_books: str
    in_shop: str


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody of the business who looks after customers."""

    code: str
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A company or a person.

    `account` None = unknown to the accounts, `shop_id` None = unknown to the shop; `terms` is a
    code of `TERMS`. A customer who is `new_today` is in the shop's live search and not yet in its
    customer list.
    """

    account: str | None
    shop_id: int | None
    name: str
    company: str | None = None
    contact: str | None = None
    email: str | None = None
    phones: tuple[Phone, ...] = ()
    region: str = "GB"
    currency: str = "GBP"
    language: str = "en"
    tier: str | None = None
    tags: tuple[str, ...] = ()
    owner: Staff | None = None
    terms: str = "N30"
    since: date
    new_today: bool = False

    @property
    def key(self) -> str:
        """What orders and earlier calls name the customer by."""
        return self.account or f"shop-{self.shop_id}"


# Code, wording and days of the payment terms in the accounts.
TERMS: Mapping[str, tuple[str, int]] = {
    "PF": ("Pro forma", 0),
    "N14": ("Net 14", 14),
    "N30": ("Net 30", 30),
    "N45": ("Net 45", 45),
    "N60": ("Net 60", 60),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order."""

    item: Item
    quantity: int
    unit_price: Decimal

    @property
    def total(self) -> Decimal:
        """Quantity times price, before tax."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class Order:
    """An order; totals are before tax."""

    number: str
    customer_key: str
    placed_on: date
    status: OrderStatus
    currency: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        """Sum of the lines."""
        return sum((line.total for line in self.lines), Decimal())


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice or a credit note; a credit note's amounts are positive too."""

    number: str
    kind: Literal["invoice", "credit_note"]
    account: str
    order_number: str | None
    issued_on: date
    due_on: date
    currency: str
    net: Decimal
    tax: Decimal

    @property
    def gross(self) -> Decimal:
        """What the customer owes for it, or is owed."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money received."""

    number: str
    account: str
    received_on: date
    currency: str
    amount: Decimal
    method: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """So much of a receipt or credit note (`from_number`) was set against an invoice."""

    from_number: str
    invoice_number: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CreditLine:
    """What the credit file says of an account. `limit` None = none set, which is not 0."""

    account: str
    name: str
    telephone: str | None
    currency: str
    limit: Decimal | None
    terms: str
    days: int
    stop_reason: str | None
    risk: str | None
    reviewed_on: date


@dataclass(frozen=True, slots=True)
class Ledger:
    """The accounts of one or all customers."""

    invoices: tuple[Invoice, ...]
    receipts: tuple[Receipt, ...]
    allocations: tuple[Allocation, ...]

    def outstanding(self) -> dict[str, Decimal]:
        """What is still open on each document, by its number; settled ones are left out."""
        left = {i.number: i.gross for i in self.invoices}
        left |= {r.number: r.amount for r in self.receipts}
        for allocation in self.allocations:
            left[allocation.from_number] -= allocation.amount
            left[allocation.invoice_number] -= allocation.amount
        return {number: amount for number, amount in left.items() if amount}


@dataclass(frozen=True, slots=True)
class Business:
    """Everything the demo's three systems hold, as of `today`."""

    today: date
    items: tuple[Item, ...]
    customers: tuple[Customer, ...]
    orders: tuple[Order, ...]
    ledger: Ledger
    credit_lines: tuple[CreditLine, ...]

    def customer(self, name: str) -> Customer:
        """Return the customer with this display name.

        Raises:
            KeyError: there is none.
        """
        for customer in self.customers:
            if customer.name == name:
                return customer
        raise KeyError(name)
