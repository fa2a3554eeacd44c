"""What ERPNext says of one customer in one company, and of the items it sells."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors import _erpnext_records as erp
from connectors._erpnext_api import ErpNextApi, Filters, name_of
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.types import Empty, Found
from connectors.sdk.values import Row
from connectors.sdk.vendor import Record

_LISTED, _CENT = 20, Decimal("0.005")


@dataclass(frozen=True, slots=True)
class ErpNextSections:
    """Reads by the name of a customer."""

    api: ErpNextApi
    base_url: str
    row_limit: int
    sales: erp.Sales

    async def balance(
        self, customer: str, company: Record, origin: Origin, notes: list[str]
    ) -> Found | Empty:
        """Open invoices, and payments on account; the ledger tells whether that is all."""
        limit = self.row_limit
        own: Filters = [["docstatus", "=", 1], ["company", "=", name_of(company)]]
        paid: Filters = [["party_type", "=", "Customer"], ["party", "=", customer],
                ["payment_type", "=", "Receive"]]  # fmt: skip
        unpaid: Filters = [["customer", "=", customer], ["outstanding_amount", "!=", 0]]
        rows = self.api.rows
        invoices, unused, payments, ledger = await asyncio.gather(
            rows("Sales Invoice", erp.INVOICE, [*own, *unpaid], limit + 1),
            rows(
                "Payment Entry", erp.PAYMENT, [*own, *paid, ["unallocated_amount", ">", 0]], limit
            ),
            rows("Payment Entry", erp.PAYMENT, [*own, *paid], 10, "posting_date desc, name desc"),
            self._ledger(customer, company, in_account_currency=True),
        )
        items = [erp.open_invoice(invoice, n) for n, invoice in enumerate(invoices[:limit], 1)]
        items += [erp.credit_of(credit, n) for n, credit in enumerate(unused, 1)]
        more = len(invoices) > limit or len(unused) >= limit
        known = sum((item.needed_amount("amount_due") for item in items), Decimal(0))
        currencies = {item.currency(origin.currency) for item in items} or {origin.currency or ""}
        if not more and len(currencies) == 1 and abs(ledger - known) >= _CENT:
            notes.append(
                f"the ledger says {currencies.pop()} {ledger:.2f}: there are journal entries, or"
                " documents that the key's user may not see"
            )
        # Of a customer who is there, nothing open means that nothing is owed.
        items = items or [Row({"amount_due": 0, "currency": origin.currency}, 1, "customer")]
        received = Reading([erp.payment_of(p, n) for n, p in enumerate(payments, 1)])
        return answer("balance", Reading(items, more), origin, received, notes)

    async def _ledger(
        self, customer: str, company: Record, *, in_account_currency: bool
    ) -> Decimal:
        told = await self.api.method(
            "erpnext.accounts.utils.get_balance_on",
            party_type="Customer",
            party=customer,
            company=name_of(company),
            in_account_currency=in_account_currency,
        )
        return Row({"balance": told}, 1, "ledger").needed_amount("balance")

    async def terms(self, customer: Record, company: Record) -> Row:
        """Read limit and terms, which may be the customer's, its group's or the company's."""
        name, group = name_of(customer), str(customer.get("customer_group") or "")
        limit_fields = ["credit_limit", "bypass_credit_limit_check"]
        of = ["company", "=", name_of(company)]
        child, children = "Customer Credit Limit", self.api.children
        own, grouped, groups = await asyncio.gather(
            children("Customer", child, limit_fields, [name], of),
            children("Customer Group", child, limit_fields, [group] if group else [], of),
            self.api.named("Customer Group", ["payment_terms"], [group] if group else []),
        )
        limit, with_orders = erp.limit_of(own.get(name, []), grouped.get(group, []), company)
        levels = (customer, groups.get(group, {}), company)
        template = next((str(r["payment_terms"]) for r in levels if r.get("payment_terms")), None)
        used, ordered, days = await asyncio.gather(
            self._ledger(name, company, in_account_currency=False),
            self._ordered(name, company) if with_orders else _nothing(),
            self._days(template),
        )
        values = {
            "credit_limit": limit,
            "credit_used": used + ordered,
            "exposure_includes_orders": with_orders,
            "payment_terms": template,
            "days_until_due": days,
            **erp.hold_of(customer),
        }
        return Row(values, 1, "customer")

    async def _ordered(self, customer: str, company: Record) -> Decimal:
        """Sum what is ordered and not invoiced, as ERPNext's own check does."""
        where: Filters = [
            ["customer", "=", customer], ["company", "=", name_of(company)], ["docstatus", "=", 1],
            ["per_billed", "<", 100], ["status", "!=", "Closed"],
        ]  # fmt: skip
        fields = ["name", "base_grand_total", "per_billed"]
        return erp.ordered(await self.api.rows("Sales Order", fields, where, 0))

    async def _days(self, template: str | None) -> Any:
        if template is None:
            return None
        parent, child = "Payment Terms Template", "Payment Terms Template Detail"
        fields = ["credit_days", "due_date_based_on"]
        found = await self.api.children(parent, child, fields, [template])
        return erp.days_of(found.get(template, []))

    async def purchases(
        self, customer: str, company: Record, origin: Origin, notes: list[str]
    ) -> Found | Empty:
        """Read the newest orders, and the lines of those that are shown."""
        sales, limit = self.sales, self.row_limit
        where: Filters = [["customer", "=", customer], ["company", "=", name_of(company)],
                 ["docstatus", "=", 1]]  # fmt: skip
        newest = f"{sales.day} desc, name desc"
        found = await self.api.rows(sales.name, sales.fields, where, limit + 1, newest)
        more, found = len(found) > limit, found[:limit]
        names = [name_of(order) for order in found[:_LISTED]]
        lines = await self.api.children(sales.name, sales.lines, erp.LINE, names)
        rows = [erp.order_row(order, sales, n) for n, order in enumerate(found, 1)]
        own = [erp.line_rows(lines.get(name_of(order), [])) for order in found]
        return answer("purchases", Reading(rows, more, own), origin, notes=notes)

    async def issues(self, customer: str, zone: str) -> list[Row]:
        """Read the support issues that changed last."""
        where: Filters = [["customer", "=", customer]]
        found = await self.api.rows("Issue", erp.ISSUE, where, _LISTED, "modified desc")
        return [
            erp.issue_row(issue, self.base_url, erp.in_utc(issue.get("modified"), zone), n)
            for n, issue in enumerate(found, 1)
        ]

    async def prices(self, items: Sequence[str], price_list: str, today: date) -> dict[str, Record]:
        """Return the price of each item in a list that is valid today, for any customer."""
        where: Filters = [["item_code", "in", list(items)], ["price_list", "=", price_list],
                 ["selling", "=", 1], ["customer", "is", "not set"]]  # fmt: skip
        fields = ["item_code", "price_list_rate", "currency", "valid_from", "valid_upto"]
        found = await self.api.rows("Item Price", fields, where, 0, "valid_from asc, modified asc")
        day = today.isoformat()
        return {
            str(price.get("item_code")): price
            for price in found
            if str(price.get("valid_from") or "") <= day <= str(price.get("valid_upto") or "9999")
        }

    async def bins(self, items: Sequence[str]) -> dict[str, list[Record]]:
        """Return the stock of each item by warehouse."""
        where: Filters = [["item_code", "in", list(items)]]
        found: dict[str, list[Record]] = {}
        for each in await self.api.rows("Bin", ["item_code", "actual_qty"], where, 0):
            found.setdefault(str(each.get("item_code")), []).append(each)
        return found


async def _nothing() -> Decimal:
    return Decimal(0)
