"""The settings of the REST connector."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from connectors.sdk.address import check_origin
from connectors.sdk.auth import (
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    NoAuth,
    auth_headers,
    check_headers,
)
from connectors.sdk.connector import ConnectorConfig
from connectors.sdk.mapping import check_names, compiled
from connectors.sdk.operation import Operation, OrdersOperation, check_operation
from connectors.sdk.paging import NoPaging, Paging
from connectors.sdk.settings import Currency, CustomerUrl, TimeZone
from connectors.sdk.sign_in import SignIn
from connectors.sdk.types import ErrorKind, SourceError

# Each is a setting with a request.
OPERATIONS = (
    "contacts",
    "find",
    "balance",
    "payments",
    "credits",
    "purchases",
    "purchase_totals",
    "credit_terms",
    "tickets",
    "history",
    "catalogue",
)


def _operation(title: str, description: str, kind: type[Operation] = Operation) -> Any:
    return Field(default_factory=kind, title=title, description=description)


class RestConfig(ConnectorConfig):
    """Settings of a web service."""

    base_url: str = Field(
        title="Base URL", description="Where the service is: https://shop.example.com/api/v1."
    )
    auth: SignIn = Field(
        default_factory=NoAuth, title="Credentials", description="How the service knows us."
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        title="Headers",
        description="Further headers, such as a tenant or version. Not for secrets.",
    )
    query: dict[str, str] = Field(
        default_factory=dict,
        title="Query",
        description="Query parameters of every request, such as a company. Not for secrets.",
    )
    contacts: Operation = _operation(
        "Contacts",
        "All customers. Fields: remote_id, display_name, phone (and any phone…, mobile…,"
        " email…; a value may be a list), company_name, external_id, tax_number, tier, tags,"
        " language, region, owner_name, owner_email, remote_url, marketing_consent, deleted. With"
        " {since}, give updated_at too.",
    )
    find: Operation = _operation(
        "Find by number",
        "Customers with a phone number: {e164}, {national} or {digits}. Fields as in contacts.",
    )
    balance: Operation = _operation(
        "Balance",
        "Open items of a customer: {remote_id} or {external_id}. Fields: amount_due (negative"
        " for credits), number, issue_date, due_date, total_amount, currency. Or one object:"
        " balance, overdue_amount, unapplied_credit, oldest_due_date, currency.",
    )
    payments: Operation = _operation(
        "Payments",
        "Payments of a customer, shown with the balance. Fields: transaction_date, total_amount,"
        " payment_method, currency.",
    )
    credits: Operation = _operation(
        "Credits",
        "Credit notes and unallocated payments of a customer, if they are not among the open"
        " items. Fields: amount (positive), number, issue_date, currency.",
    )
    purchases: OrdersOperation = _operation(
        "Purchases",
        "Orders of a customer. Fields: order_number, order_date, status, order_total, currency.",
        OrdersOperation,
    )
    purchase_totals: Operation = _operation(
        "Purchase totals",
        "One object over all orders of a customer, for customers with more orders than the row"
        " limit. Fields: order_count, lifetime_amount, first_order_date, currency.",
    )
    credit_terms: Operation = _operation(
        "Credit terms",
        "One object. Fields: credit_limit, credit_used, exposure_includes_orders, payment_terms,"
        " days_until_due, on_hold, hold_reason, risk_rating, currency.",
    )
    tickets: Operation = _operation(
        "Tickets",
        "Support cases of a customer. Fields: number, subject, status, priority, updated_at, url.",
    )
    history: OrdersOperation = _operation(
        "Purchase history",
        "Orders of all customers, for suggestions. Fields as in purchases, with remote_id. With"
        " {since}, give updated_at too; deleted says that an order is gone.",
        OrdersOperation,
    )
    catalogue: Operation = _operation(
        "Catalogue",
        "All items that are sold. Fields: item_id, name, sku, category, unit_price, currency,"
        " inventory_quantity, is_active, remote_url. With {since}, give updated_at too; deleted"
        " says that an item is gone.",
    )
    paging: Paging = Field(
        default_factory=NoPaging,
        title="Paging",
        description="How the service divides long lists.",
    )
    currency: Currency = ""
    customer_url: CustomerUrl = ""
    time_zone: TimeZone = ""
    error_code: str = Field(
        "",
        title="Error code",
        description="JMESPath of the service's own error code in an answer: code.",
    )
    errors: dict[str, str] = Field(
        default_factory=dict,
        title="Errors",
        description="What a code means: auth_expired, auth_denied, rate_limited, not_found,"
        " unavailable, bad_config or bad_data, and after a colon what to do.",
    )
    row_limit: int = Field(
        2_000, ge=1, le=100_000, title="Row limit", description="Most records of one customer."
    )
    requests_per_minute: int = Field(
        0,
        ge=0,
        le=100_000,
        title="Requests per minute",
        description="Most requests in any minute; 0: no limit of ours.",
    )
    timeout_ms: int = Field(
        10_000,
        ge=100,
        le=600_000,
        title="Request timeout (ms)",
        description="One request is given up after this time.",
    )
    max_answer_mib: int = Field(
        8, ge=1, le=256, title="Largest answer (MiB)", description="Larger answers are refused."
    )
    max_connections: int = Field(
        8, ge=1, le=100, title="Connections", description="Most connections open at once."
    )
    allow_private_network: bool = Field(
        False,
        title="Server in the own network",
        description="Allow private addresses (10.…, 192.168.…, localhost) and plain http.",
    )
    ca_file: str = Field(
        "",
        title="Certificate authority",
        description="PEM file in the data folder, for a server with your own certificates.",
    )

    @field_validator("headers")
    @classmethod
    def _headers_can_be_sent(cls, headers: dict[str, str]) -> dict[str, str]:
        check_headers(headers)
        return headers

    @field_validator("auth")
    @classmethod
    def _credentials_can_be_sent(cls, auth: SignIn) -> SignIn:
        if isinstance(auth, HeaderAuth | BearerAuth | BasicAuth):
            auth_headers(auth)
        return auth

    @field_validator("errors")
    @classmethod
    def _errors_are_known(cls, errors: dict[str, str]) -> dict[str, str]:
        for meaning in errors.values():
            check_names([meaning.partition(":")[0].strip()], set(ErrorKind), "meaning")
        return errors

    @field_validator("error_code")
    @classmethod
    def _error_code_is_jmespath(cls, expression: str) -> str:
        if expression:
            compiled(expression)
        return expression

    @field_validator(*OPERATIONS)
    @classmethod
    def _operation_fits_its_name(cls, operation: Operation, info: Any) -> Operation:
        check_operation(info.field_name, operation)
        return operation

    @model_validator(mode="after")
    def _address_may_be_reached(self) -> RestConfig:
        if self.payments.path and not self.balance.path:
            raise ValueError("payments are shown with the balance: give balance too")
        if self.credits.path and "amount_due" not in self.balance.fields:
            raise ValueError("credits are taken from open items: map amount_due in balance")
        if self.purchase_totals.path and not self.purchases.path:
            raise ValueError("purchase_totals are shown with the purchases: give purchases too")
        try:
            check_origin(self.base_url, allow_private=self.allow_private_network)
        except SourceError as error:
            raise ValueError(f"base_url: {error.text}") from None
        return self
