"""The words every connector and the core share: numbers, contacts, facts, outcomes.

Pure data. Money is `Decimal` beside an ISO 4217 currency, dates are dates, instants are aware
UTC datetimes, unknown is `None` (never 0 or "").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

SectionName = Literal["balance", "purchases", "credit_terms", "tickets"]
SECTIONS: tuple[SectionName, ...] = ("balance", "purchases", "credit_terms", "tickets")

# Minor units other than 2 (ISO 4217 table A.1).
_MINOR_UNITS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


def money_text(amount: Decimal, currency: str | None = None) -> str:
    """Write an amount with at least the currency's minor units, keeping finer digits if any.

    `money_text(Decimal("786.000000"), "EUR")` is `"786.00"`.
    """
    digits = _MINOR_UNITS.get(currency or "", 2)
    text = f"{amount:f}"
    if len(text.partition(".")[2]) == digits:
        return text  # As most amounts are written.
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > digits:
        digits = -exponent
    return f"{amount:.{digits}f}"


def _decimal(value: Any) -> Any:
    # Floats go through their shortest text, so 0.1 stays 0.1 and not 0.1000000000000000055.
    return str(value) if isinstance(value, float) else value


Money = Annotated[
    Decimal, BeforeValidator(_decimal), PlainSerializer(lambda d: money_text(d), return_type=str)
]
Quantity = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    PlainSerializer(lambda d: f"{d.normalize():f}", return_type=str),
]


@dataclass(frozen=True, slots=True)
class Number:
    """A phone number as received and as understood (contract section 5).

    `e164` is None when the caller withheld it or it cannot be read.
    """

    raw: str | None
    e164: str | None = None
    national: str | None = None
    international: str | None = None
    region: str | None = None
    line_type: str | None = None
    withheld: bool = False


def number_parameters(number: Number) -> dict[str, str]:
    """Return what a search by number may ask with: `e164`, `digits` and `national`.

    All without spaces and marks: +442079460958, 442079460958, 02079460958.
    """
    e164, national = number.e164 or "", number.national or ""
    return {
        "e164": e164,
        "digits": e164.removeprefix("+"),
        "national": "".join(c for c in national if c.isdecimal()),
    }


class Facts(BaseModel):
    """Base of everything a source says about a customer. Unknown columns are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PhoneRow(Facts):
    """One number of a contact, as the source stores it."""

    raw: str
    type: str | None = None
    is_primary: bool = False


class Owner(Facts):
    """Who looks after the customer."""

    name: str | None = None
    email: str | None = None


class ContactRow(Facts):
    """One customer record of a source, for the phone index and the golden record.

    `external_id` is the id that the same customer has in another system (an account number):
    records of different connectors with the same `external_id` are one customer. `updated_at` is
    when the source last changed the record. `marketing_consent`: the customer agreed to be
    offered things unasked; False = refused, None = the source does not say.
    """

    remote_id: str
    display_name: str
    company_name: str | None = None
    external_id: str | None = None
    tax_number: str | None = None
    tier: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    owner: Owner | None = None
    email_addresses: tuple[str, ...] = ()
    phone_numbers: tuple[PhoneRow, ...] = ()
    region: str | None = None
    remote_url: str | None = None
    postal_address: str | None = None
    marketing_consent: bool | None = None
    updated_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The record is gone from the source: its numbers must stop matching."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything before this point has been handed over; a sync may resume with `cursor`.

    `total` is how many contacts the source has, when it knows, for the progress bar.
    """

    cursor: str | None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A record that cannot be used, and why, in words an admin can act on."""

    where: str
    why: str


class Invoice(Facts):
    """An open invoice; `amount_due` is positive."""

    number: str | None = None
    issue_date: date | None = None
    due_date: date | None = None
    total_amount: Money | None = None
    amount_due: Money
    days_overdue: int | None = None


class Payment(Facts):
    """A payment received."""

    transaction_date: date | None = None
    total_amount: Money
    payment_method: str | None = None


class Aging(Facts):
    """Open amounts by days past due; the buckets sum to the open invoices."""

    current: Money
    days_1_30: Money
    days_31_60: Money
    days_61_90: Money
    days_over_90: Money


class CurrencyBalance(Facts):
    """What is owed in a currency other than the main one."""

    currency: str
    balance: Money
    overdue_amount: Money | None = None


class Balance(Facts):
    """What a customer owes: `balance` = sum of `amount_due` - `unapplied_credit`."""

    currency: str
    balance: Money
    overdue_amount: Money | None = None
    unapplied_credit: Money | None = None
    oldest_due_date: date | None = None
    aging: Aging | None = None
    open_invoices: tuple[Invoice, ...] = ()
    open_invoice_count: int | None = None
    payments: tuple[Payment, ...] = ()
    other_currencies: tuple[CurrencyBalance, ...] = ()


class LineItem(Facts):
    """One line of an order."""

    item_id: str | None = None
    sku: str | None = None
    name: str | None = None
    quantity: Quantity | None = None
    unit_price: Money | None = None
    total_amount: Money | None = None


class Order(Facts):
    """One order."""

    order_number: str
    order_date: date | None = None
    status: str | None = None
    total_amount: Money | None = None
    currency: str | None = None
    line_items: tuple[LineItem, ...] = ()


class Purchases(Facts):
    """What a customer bought, newest first; the totals cover all orders, not only those listed."""

    currency: str | None = None
    orders: tuple[Order, ...] = ()
    order_count: int | None = None
    lifetime_amount: Money | None = None
    first_order_date: date | None = None


class CreditTerms(Facts):
    """Terms of credit. `credit_limit` None = no limit set, which is not a limit of 0."""

    currency: str | None = None
    credit_limit: Money | None = None
    credit_used: Money | None = None
    credit_available: Money | None = None
    exposure_includes_orders: bool | None = None
    payment_terms: str | None = None
    days_until_due: int | None = None
    on_hold: bool | None = None
    hold_reason: str | None = None
    risk_rating: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """One order of one customer, for the purchase history.

    A later one with the same `order.order_number` replaces it, and a `Tombstone` of the history
    names an order number.
    """

    remote_id: str
    order: Order


class Item(Facts):
    """One thing that is sold. `inventory_quantity` None = stock is not counted, which is not 0."""

    item_id: str
    sku: str | None = None
    name: str
    category: str | None = None
    unit_price: Money | None = None
    currency: str | None = None
    inventory_quantity: Quantity | None = None
    is_active: bool = True
    remote_url: str | None = None


class Ticket(Facts):
    """A support case."""

    number: str
    subject: str | None = None
    status: str | None = None
    priority: str | None = None
    updated_at: AwareDatetime | None = None
    url: str | None = None
    source: str | None = None


class Tickets(Facts):
    """The support cases of a customer, newest first."""

    tickets: tuple[Ticket, ...] = ()


SectionFacts = Balance | Purchases | CreditTerms | Tickets


@dataclass(frozen=True, slots=True)
class CustomerRef:
    """How a connector names the customer it is asked about."""

    remote_id: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The source knows the customer. `incomplete` says what is missing, if anything is."""

    facts: SectionFacts
    as_of: datetime | None = None
    remote_url: str | None = None
    incomplete: str | None = None


@dataclass(frozen=True, slots=True)
class Empty:
    """The source answered, and has nothing on record."""

    as_of: datetime | None = None


class ErrorKind(StrEnum):
    """Why a source could not answer (reference: the same words for every connector)."""

    AUTH_EXPIRED = "auth_expired"
    AUTH_DENIED = "auth_denied"
    RATE_LIMITED = "rate_limited"
    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"
    BAD_CONFIG = "bad_config"
    BAD_DATA = "bad_data"
    BUSY = "busy"


class SourceError(Exception):
    """A source failed; `text` is plain words for people and holds nothing the source sent raw."""

    def __init__(self, kind: ErrorKind, text: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.retry_after_s = retry_after_s


class CheckStatus(StrEnum):
    """Outcome of a connection test."""

    OK = "ok"
    CANNOT_CONNECT = "cannot_connect"
    INVALID_AUTH = "invalid_auth"
    MISSING_PERMISSION = "missing_permission"
    BAD_CONFIG = "bad_config"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a connection test proved (`proved`), or what is wrong and what to do (`text`)."""

    status: CheckStatus
    text: str = ""
    proved: tuple[str, ...] = ()
    samples: Mapping[str, Any] = field(default_factory=dict)
