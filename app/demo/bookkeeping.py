"""From the demo's sales to numbered orders, invoices, receipts and what was set against what."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from app.demo.records import PENNY, TERMS, Allocation, Customer, Invoice, Ledger, Order, Receipt
from app.demo.trade import Habit, Sale

_VAT = {"GB": Decimal("0.20")}  # elsewhere the goods are exported without tax
# Days from the due date to the payment.
_PAYS_AFTER_DUE: dict[Habit, tuple[int, int]] = {
    "on time": (-6, 1),
    "late": (4, 28),
    "very late": (25, 100),
    "by card": (0, 0),
}
_METHODS = {
    "GB": ("BACS", "BACS", "BACS", "direct debit", "card", "cheque"),
    "US": ("ACH", "ACH", "check", "card"),
}
_METHODS_ELSEWHERE = ("SEPA transfer", "SEPA transfer", "card")


@dataclass(frozen=True, slots=True)
class LooseCredit:
    """Money of a customer that stands against no invoice: a payment on account or a credit note."""

    customer: Customer
    kind: str
    amount: Decimal
    days_ago: int


class Books:
    """Numbers documents in the order they are written, as a bookkeeper does."""

    def __init__(self, today: date, rng: random.Random) -> None:
        self._today = today
        self._rng = rng
        self._orders: list[Order] = []
        self._invoices: list[Invoice] = []
        self._receipts: list[Receipt] = []
        self._allocations: list[Allocation] = []

    def enter(
        self, sales: list[Sale], loose: list[LooseCredit]
    ) -> tuple[tuple[Order, ...], Ledger]:
        """Enter everything in order of date and return the orders and the ledger."""
        for sale in sorted(sales, key=lambda s: (s.placed_on, s.plan.customer.key)):
            self._enter_sale(sale)
        for credit in loose:
            self._enter_loose_credit(credit)
        ledger = Ledger(tuple(self._invoices), tuple(self._receipts), tuple(self._allocations))
        return tuple(self._orders), ledger

    def _enter_sale(self, sale: Sale) -> None:
        customer = sale.plan.customer
        order = Order(
            number=f"SO-{10001 + len(self._orders)}",
            customer_key=customer.key,
            placed_on=sale.placed_on,
            status=sale.status,
            currency=sale.currency,
            lines=sale.lines,
        )
        self._orders.append(order)
        if sale.invoiced_on is None or sale.invoiced_on > self._today or customer.account is None:
            return
        net = order.total
        invoice = Invoice(
            number=f"INV-{40001 + len(self._invoices)}",
            kind="invoice",
            account=customer.account,
            order_number=order.number,
            issued_on=sale.invoiced_on,
            due_on=sale.invoiced_on + timedelta(days=TERMS[customer.terms][1]),
            currency=sale.currency,
            net=net,
            tax=(net * _VAT.get(customer.region, Decimal())).quantize(PENNY),
        )
        self._invoices.append(invoice)
        if sale.open_but_for is None:
            self._settle(invoice, sale)
        elif sale.open_but_for:
            paid_on = min(invoice.due_on, self._today)
            self._receive(customer, invoice, paid_on, sale.open_but_for)

    def _settle(self, invoice: Invoice, sale: Sale) -> None:
        """Pay an invoice as the customer usually does, as far as that has come by today."""
        customer, to_pay = sale.plan.customer, invoice.gross
        if self._rng.random() < 0.02:
            to_pay -= self._credit_return(invoice, sale)
        earliest, latest = _PAYS_AFTER_DUE[sale.plan.habit]
        paid_on = invoice.due_on + timedelta(days=self._rng.randint(earliest, latest))
        paid_on = max(paid_on, invoice.issued_on)
        if sale.plan.known_sales is not None:
            paid_on = min(paid_on, self._today)
        elif self._rng.random() < 0.04:
            half = (to_pay / 2).quantize(PENNY)
            self._receive(customer, invoice, paid_on, half)
            to_pay -= half
            paid_on += timedelta(days=30)
        self._receive(customer, invoice, paid_on, to_pay)

    def _credit_return(self, invoice: Invoice, sale: Sale) -> Decimal:
        """Take back the first line of a sale and set the credit note against its invoice."""
        net = sale.lines[0].total
        note = Invoice(
            number=f"CRN-{7001 + len(self._invoices)}",
            kind="credit_note",
            account=invoice.account,
            order_number=invoice.order_number,
            issued_on=invoice.issued_on,
            due_on=invoice.issued_on,
            currency=invoice.currency,
            net=net,
            tax=(net * _VAT.get(sale.plan.customer.region, Decimal())).quantize(PENNY),
        )
        self._invoices.append(note)
        credit = min(note.gross, invoice.gross)
        self._allocations.append(Allocation(note.number, invoice.number, credit))
        return credit

    def _receive(self, customer: Customer, invoice: Invoice, day: date, amount: Decimal) -> None:
        if day > self._today or amount <= 0:
            return
        receipt = self._receipt(customer, day, invoice.currency, amount)
        self._allocations.append(Allocation(receipt.number, invoice.number, amount))

    def _receipt(self, customer: Customer, day: date, currency: str, amount: Decimal) -> Receipt:
        methods = _METHODS.get(customer.region, _METHODS_ELSEWHERE)
        receipt = Receipt(
            number=f"RC-{60001 + len(self._receipts)}",
            account=customer.key,
            received_on=day,
            currency=currency,
            amount=amount,
            method=self._rng.choice(methods),
        )
        self._receipts.append(receipt)
        return receipt

    def _enter_loose_credit(self, credit: LooseCredit) -> None:
        customer, day = credit.customer, self._today - timedelta(days=credit.days_ago)
        if credit.kind == "on account":
            self._receipt(customer, day, customer.currency, credit.amount)
            return
        net = (credit.amount / (1 + _VAT.get(customer.region, Decimal()))).quantize(PENNY)
        self._invoices.append(
            Invoice(
                number=f"CRN-{7001 + len(self._invoices)}",
                kind="credit_note",
                account=customer.key,
                order_number=None,
                issued_on=day,
                due_on=day,
                currency=customer.currency,
                net=net,
                tax=credit.amount - net,
            )
        )
