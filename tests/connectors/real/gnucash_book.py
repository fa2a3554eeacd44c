# ruff: noqa: E501 - lines of an invoice are read best on one line
"""Makes a book with GnuCash's own engine: `python3 gnucash_book.py FILE`, a program of its own.

It runs in the Python that Debian's package python3-gnucash is for. The figures are worked out by
hand in `test_gnucash.py`.
"""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import gnucash
from gnucash import Account, GncNumeric, Session, SessionOpenMode
from gnucash.gnucash_business import BillTerm, Customer, Entry, Invoice, Job

RECEIVABLE, INCOME, BANK = 11, 8, 0
Record = Any


class Book:
    """A book with its accounts."""

    def __init__(self, path: str) -> None:
        # A new file is only made; what is entered is written at once when it is opened again.
        new = Session(f"sqlite3://{path}", SessionOpenMode.SESSION_NEW_STORE)
        new.save()
        new.end()
        self.session = Session(f"sqlite3://{path}", SessionOpenMode.SESSION_NORMAL_OPEN)
        self.book = self.session.book
        self.root = self.book.get_root_account()
        self.pound = self.book.get_table().lookup("CURRENCY", "GBP")
        self.euro = self.book.get_table().lookup("CURRENCY", "EUR")
        self.debtors = self.account("Debtors", RECEIVABLE, self.pound)
        self.foreign = self.account("Debtors EUR", RECEIVABLE, self.euro)
        self.sales = self.account("Sales", INCOME, self.pound)
        self.sales_eur = self.account("Sales EUR", INCOME, self.euro)
        self.bank = self.account("Bank", BANK, self.pound)

    def account(self, name: str, kind: int, currency: Record) -> Record:
        """Make an account."""
        made = Account(self.book)
        self.root.append_child(made)
        made.SetName(name)
        made.SetType(kind)
        made.SetCommodity(currency)
        return made

    def customer(self, number: str, name: str, phone: str, currency: Record) -> Record:
        """Make a customer."""
        made = Customer(self.book, number, currency, name)
        address = made.GetAddr()
        address.SetName(f"{name} Ltd")
        address.SetAddr1("1 Quay Street")
        address.SetPhone(phone)
        address.SetEmail(f"office@{number.lower()}.example")
        return made

    def invoice(
        self,
        number: str,
        owner: Record,
        day: dt.date,
        due: dt.date | None,
        lines: list[tuple[str, GncNumeric, GncNumeric]],
        *,
        currency: Record = None,
        credit_note: bool = False,
    ) -> Record:
        """Make an invoice, posted unless it has no due date."""
        euro = currency is self.euro and currency is not None
        made = Invoice(self.book, number, self.euro if euro else self.pound, owner)
        if credit_note:
            made.SetIsCreditNote(True)
        made.SetDateOpened(day)
        for what, quantity, price in lines:
            line = Entry(self.book, made, day)
            line.SetDescription(what)
            line.SetQuantity(quantity.neg() if credit_note else quantity)
            line.SetInvAccount(self.sales_eur if euro else self.sales)
            line.SetInvPrice(price)
            line.SetInvTaxable(False)
        if due is not None:
            made.PostToAccount(self.foreign if euro else self.debtors, day, due, "", True, False)
        return made

    def pay(self, invoice: Record, amount: GncNumeric, day: dt.date, number: str) -> None:
        """Enter a payment for an invoice."""
        invoice.ApplyPayment(None, self.bank, amount, GncNumeric(1), day, "", number)


def main(path: str) -> None:
    """Make the book."""
    book = Book(path)
    harbour = book.customer("C-100", "Harbour Chandlers", "(020) 7946 0958", book.pound)
    harbour.GetShipAddr().SetPhone("+44 7700 900123")
    harbour.SetCredit(GncNumeric(5000, 1))
    month = BillTerm(book.book)
    month.SetName("30 days")
    month.SetType(1)
    month.SetDueDays(30)
    harbour.SetTerms(month)
    owl = book.customer("C-200", "Owl Imports", "020 7946 0200", book.euro)
    closed = book.customer("C-300", "Closed & Co", "020 7946 0300", book.pound)
    closed.SetActive(False)

    one = GncNumeric(1)
    first = book.invoice(
        "INV-1", harbour, dt.date(2026, 8, 1), dt.date(2026, 8, 31),
        [("Spade", GncNumeric(40), GncNumeric(25)), ("Twine", GncNumeric(3), GncNumeric(6667, 100))],
    )  # fmt: skip
    book.pay(first, GncNumeric(70001, 100), dt.date(2026, 9, 15), "CHQ-7")
    second = [("Twine", GncNumeric(5, 2), GncNumeric(1146, 10))]
    book.invoice("INV-2", harbour, dt.date(2026, 11, 10), dt.date(2026, 12, 10), second)
    refit = Job(book.book, "J-1", harbour, "Refit")
    hours = book.invoice(
        "INV-3", refit, dt.date(2026, 4, 5), dt.date(2026, 5, 5),
        [("Hour of help", GncNumeric(9, 4), GncNumeric(40))],
    )  # fmt: skip
    # 40.00 more than the invoice: money on account.
    book.pay(hours, GncNumeric(130), dt.date(2026, 5, 5), "CARD")
    back = [("Spade", GncNumeric(2), GncNumeric(18))]
    when = dt.date(2026, 9, 20)
    book.invoice("CN-1", harbour, when, when, back, credit_note=True)
    book.invoice("DRAFT", harbour, dt.date(2026, 11, 21), None, [("Spade", one, GncNumeric(999))])
    book.invoice(
        "INV-6", owl, dt.date(2026, 10, 1), dt.date(2026, 10, 15), [("Spade", one, GncNumeric(100))],
        currency=book.euro,
    )  # fmt: skip
    book.session.end()


if __name__ == "__main__":
    print(gnucash.__file__)
    main(sys.argv[1])
