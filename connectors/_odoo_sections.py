"""What Odoo says of one customer: open entries, terms, orders and tickets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors import _odoo_records as odoo
from connectors._odoo_api import OdooApi, id_of
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.types import Empty, Found
from connectors.sdk.values import Row
from connectors.sdk.vendor import Record

_LISTED_LINES_OF, _LINES_PAGE = 20, 1_000


@dataclass(frozen=True, slots=True)
class OdooSections:
    """Reads by the id of a commercial partner."""

    api: OdooApi
    base_url: str
    row_limit: int

    async def balance(self, payer: int, origin: Origin, notes: list[str]) -> Found | Empty:
        """Open entries on receivable accounts: invoices by instalment, credits, payments."""
        limit = self.row_limit
        lines, partners, payments = await asyncio.gather(
            self.api.search("account.move.line", _open_lines(payer), odoo.OPEN_LINE, limit + 1),
            self.api.search("res.partner", [["id", "=", payer]], ["credit"], 1, active_test=False),
            self.api.search(
                "account.payment", _payments(payer), odoo.PAYMENT, 10, "date desc, id desc"
            ),
        )
        rows = [odoo.open_item_of(line, n) for n, line in enumerate(lines[:limit], 1)]
        more = len(lines) > limit
        residuals = [Row({"of": odoo.money_of(x, "amount_residual")}) for x in lines]
        seen = sum((row.needed_amount("of") for row in residuals), Decimal(0))
        told = Row({"credit": odoo.money_of(partners[0], "credit")} if partners else {})
        credit = told.amount("credit")
        if not more and credit is not None and abs(credit - seen) >= Decimal("0.005"):
            notes.append(
                f"Odoo's total receivable is {origin.currency} {credit:.2f}: there are entries of"
                " branches, or that the key's user may not see"
            )
        # Of a contact who is there, no open entry means that nothing is owed.
        rows = rows or [Row({"amount_due": 0, "currency": origin.currency}, 1, "contact")]
        paid = Reading([odoo.payment_of(payment, n) for n, payment in enumerate(payments, 1)])
        return answer("balance", Reading(rows, more), origin, paid, notes)

    async def terms(self, payer: int, company: Record) -> list[Row]:
        fields = await self.api.there("res.partner", odoo.TERMS, odoo.TERMS_IF_THERE)
        own = [["id", "=", payer]]
        found = await self.api.search("res.partner", own, fields, 1, active_test=False)
        if not found:
            return []
        term = odoo.linked(found[0], "property_payment_term_id")
        days = []
        if term:
            of = [["payment_id", "=", term[0]]]
            names = ["nb_days", "delay_type"]
            days = await self.api.search("account.payment.term.line", of, names, 10)
        return [odoo.terms_of(found[0], days, company)]

    async def orders(
        self, payer: int, origin: Origin, zone: str, notes: list[str]
    ) -> Found | Empty:
        limit = self.row_limit
        where = [["partner_id.commercial_partner_id", "=", payer], ["state", "in", odoo.SOLD]]
        fields = await self.api.there("sale.order", odoo.ORDER, odoo.ORDER_IF_THERE)
        found = await self.api.search(
            "sale.order", where, fields, limit + 1, "date_order desc, id desc"
        )
        more, found = len(found) > limit, found[:limit]
        lines = await self.lines(found[:_LISTED_LINES_OF])
        rows = [odoo.order_of(order, payer, zone, n) for n, order in enumerate(found, 1)]
        reading = Reading(rows, more, [lines.get(id_of(order), []) for order in found])
        return answer("purchases", reading, origin, notes=notes)

    async def lines(self, orders: Sequence[Record]) -> dict[int, list[Row]]:
        """Read the lines of some orders, in as many pages as there are."""
        lines: dict[int, list[Row]] = {}
        if not orders:
            return lines
        of = [["order_id", "in", [id_of(order) for order in orders]], ["display_type", "=", False]]
        number = 0
        async for page in self.api.pages("sale.order.line", of, odoo.LINE, _LINES_PAGE):
            for line in page:
                number += 1
                order = odoo.linked(line, "order_id")
                if order:
                    lines.setdefault(order[0], []).append(odoo.line_of(line, number))
        return lines

    async def tickets(self, payer: int) -> list[Row]:
        fields = await self.api.there("helpdesk.ticket", odoo.TICKET, odoo.TICKET_IF_THERE)
        of = [["partner_id.commercial_partner_id", "=", payer]]
        found = await self.api.search("helpdesk.ticket", of, fields, 20, "write_date desc")
        base = self.base_url
        return [odoo.ticket_of(ticket, base, n) for n, ticket in enumerate(found, 1)]


def _open_lines(payer: int) -> list[Any]:
    return [
        ["account_id.account_type", "=", "asset_receivable"],
        ["parent_state", "=", "posted"],
        ["reconciled", "=", False],
        ["partner_id", "=", payer],
    ]


def _payments(payer: int) -> list[Any]:
    return [
        ["partner_id.commercial_partner_id", "=", payer],
        ["partner_type", "=", "customer"],
        ["payment_type", "=", "inbound"],
        ["state", "in", ["posted", "in_process", "paid"]],
    ]
