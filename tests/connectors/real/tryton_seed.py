"""Makes the Tryton databases of the tests: a program of its own, with their folder as argument.

`small` is a company with the modules of contacts only, `full` a business whose figures are worked
out by hand in `test_tryton.py`. Everything is entered through proteus, as a user of Tryton would.
The folder holds `trytond.conf` and `password`, which every user gets.
"""

from __future__ import annotations

import datetime as dt
import gc
import os
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.connectors.real.tryton_office import Office, Record

MANY_LINES = 120
MANY_SALES = 23


def main(folder: Path) -> None:
    """Make both databases in the folder."""
    # An allocation-heavy program that ends soon: collecting costs a fifth of its time.
    gc.disable()
    for left in folder.glob("*.sqlite*"):
        left.unlink()
    os.environ["TRYTONPASSFILE"] = str(folder / "password")
    # Here and below: Tryton reads its configuration while it is imported.
    import trytond.config as config

    config.update_etc(str(folder / "trytond.conf"))
    _activate(folder, "full", "company")
    office = Office()
    office.currency("Dollar", "USD", "1.25")
    office.company("Kestrel Wholesale", office.currency("Euro", "EUR", "1"), "America/New_York")
    _copy(folder / "full.sqlite", folder / "small.sqlite")
    _activate(folder, "full", "account_credit_limit", "sale_credit_limit")
    Business((folder / "password").read_text()).enter()
    _make_old(folder / "full.sqlite")


def _activate(folder: Path, database: str, *modules: str) -> None:
    """Install modules, as `trytond-admin -u` does, and all that they need."""
    from trytond.cli.admin import main as admin
    from trytond.model import ModelStorage

    path = folder / f"{database}.sqlite"
    path.touch()
    sys.argv = ["trytond-admin", "-c", str(folder / "trytond.conf"), "-d", database]
    sys.argv += ["-u", *modules, "--activate-dependencies", "--email", "admin@example.com"]
    validate = ModelStorage.__dict__["_validate"]
    # The packages' own records are known to be valid: checking each takes longer than all else.
    ModelStorage._validate = classmethod(lambda *_args, **_kwargs: None)
    try:
        admin()
    finally:
        ModelStorage._validate = validate


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _make_old(path: Path) -> None:
    """Let all have been written long ago, so that a test sees what is changed after it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("party_party", "party_contact_mechanism", "sale_sale"):
            connection.execute(
                f"UPDATE {table} SET create_date = '2026-01-02 03:04:05',"
                " write_date = '2026-01-02 03:04:05'"
            )


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


class Business(Office):
    """One company with its customers; a second company has the same customer in its books."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self.password = password

    def enter(self) -> None:
        """Enter everything, in an order in which each record finds what it needs."""
        self.euro, self.dollar = self.currency_of("EUR"), self.currency_of("USD")
        self.work_in(self.model("company.company")(1))
        self.accounts = self.accounting()
        self.terms()
        self.customers()
        self.products()
        self.invoices()
        self.sales()
        self.stock()
        self.ledger_of_many_lines()
        self.users()
        self.second_company()

    def terms(self) -> None:
        term = self.model("account.invoice.payment_term")
        self.month = term(name="30 days")
        self.month.lines.new(type="remainder").relativedeltas.new(days=30)
        self.month.save()
        self.halves = term(name="Half now, half in 30 days")
        self.halves.lines.new(type="percent", ratio=Decimal("0.5"))
        self.halves.lines.new(type="remainder").relativedeltas.new(days=30)
        self.halves.save()

    def customer(
        self, name: str, code: str, region: str, *numbers: tuple[str, str], **more: Any
    ) -> Record:
        (country,) = self.model("country.country").find([("code", "=", region)])
        one = self.model("party.party")(name=name, code=code, **more)
        address = one.addresses[0] if one.addresses else one.addresses.new()
        address.country = country
        address.street, address.city = "1 Quay Street", "Portsmouth"
        one.save()
        # Not as on the form, which would make a phone of whatever can be read as one.
        self.model("party.contact_mechanism")._proxy.create(
            [{"party": one.id, "type": kind, "value": value} for kind, value in numbers],
            self.config.context,
        )
        return one

    def customers(self) -> None:
        """Enter customers: numbers of type phone and mobile are kept as E.164, others as typed."""
        for code, name in (("GB", "United Kingdom"), ("US", "United States")):
            with self.as_root():
                self.model("country.country")(code=code, name=name).save()
        self.cafe = self.customer(
            "Harbour Café", "C-100", "GB",
            ("phone", "020 7946 0958"), ("mobile", "+44 7400 123456"),
            ("other", "Yard 0161 496 0000 x12"), ("email", "orders@harbour.example"),
            ("fax", "020 7946 0999"), ("website", "https://harbour.example/02079460000"),
            customer_payment_term=self.month, credit_limit_amount=Decimal(2000),
        )  # fmt: skip
        self.bar = self.customer(
            "Harbour Bar", "C-101", "GB", ("phone", "+44 (0)20 7946 0958"),
            credit_limit_amount=Decimal(0), customer_payment_term=self.halves,
        )  # fmt: skip
        self.quiet = self.customer("Quiet Customer", "C-102", "GB", ("other", "0044 113 496 0001"))
        gone = self.customer("Gone Ltd", "C-103", "GB", ("phone", "020 7946 0111"))
        gone.active = False
        gone.save()
        self.heavy = self.customer("Ledger & Sons", "C-104", "US", ("phone", "(212) 555-0123"))

    def products(self) -> None:
        category = self.model("product.category")(name="Goods", accounting=True)
        category.account_revenue = self.accounts["revenue"]
        category.account_expense = self.accounts["expense"]
        category.save()
        garden = self.model("product.category")(name="Garden")
        garden.save()
        (unit,) = self.model("product.uom").find([("name", "=", "Unit")])
        made = {}
        for code, name, kind, price in (
            ("W-1", "Watering can", "goods", "25"),
            ("D-1", "Delivery", "service", "10"),
            ("O-1", "Old bucket", "goods", "5"),
        ):
            template = self.model("product.template")(name=name, type=kind, salable=True)
            template.default_uom = unit
            template.list_price = Decimal(price)
            template.account_category = category
            template.categories.append(self.model("product.category")(garden.id))
            template.products[0].suffix_code = code
            template.save()
            (made[code],) = template.products
        old = made["O-1"]
        old.active = False
        old.save()
        self.can, self.delivery = made["W-1"], made["D-1"]

    def invoice(
        self, date: str, amount: str, term: Record, currency: Record | None = None
    ) -> Record:
        """Post an invoice to the café; a negative amount makes a credit note."""
        one = self.model("account.invoice")(party=self.cafe, type="out")
        one.invoice_date, one.payment_term = day(date), term
        one.currency = currency or self.euro
        price = Decimal(amount)
        line = one.lines.new(account=self.accounts["revenue"])
        line.description = "as ordered"
        line.quantity, line.unit_price = (-1, -price) if price < 0 else (1, price)
        one.click("post")
        return one

    def pay(self, invoice: Record, date: str, amount: str) -> None:
        entry = self.wizard("account.invoice.pay", [invoice])
        entry.form.payment_method, entry.form.amount = self.method, Decimal(amount)
        entry.form.date = day(date)
        entry.execute("choice")
        if entry.form and hasattr(entry.form, "type"):
            entry.form.type = "partial"
            entry.execute("pay")

    def invoices(self) -> None:
        (self.cash,) = self.model("account.journal").find([("type", "=", "cash")])
        self.method = self.model("account.invoice.payment.method")(name="Cash", journal=self.cash)
        self.method.credit_account = self.method.debit_account = self.accounts["cash"]
        self.method.save()
        self.pay(self.invoice("2026-07-01", "120", self.month), "2026-07-15", "120")
        self.pay(self.invoice("2026-08-10", "500", self.month), "2026-09-01", "200")
        self.invoice("2026-10-01", "90", self.month, self.dollar)
        self.invoice("2026-10-05", "-60", self.month)
        self.invoice("2026-10-23", "80", self.month)
        self.pay(self.invoice("2026-11-01", "400", self.halves), "2026-11-05", "50")
        self.invoice("2026-11-10", "150", self.month)
        self.move("2026-11-12", self.cash, [(self.cafe, "-40", None)])

    def move(
        self, date: str, journal: Record, lines: list[tuple[Record, str, dt.date | None]]
    ) -> None:
        """Post a move of receivable lines (positive = owed) against the account `cash`."""
        period = self.model("account.period").find(
            [("start_date", "<=", day(date)), ("end_date", ">=", day(date)),
             ("company", "=", self.own.id), ("type", "=", "standard")]
        )[0]  # fmt: skip
        receivable, cash = self.accounts["receivable"].id, self.accounts["cash"].id
        written = [
            {
                "account": receivable, "party": party.id, "maturity_date": due,
                "debit": max(Decimal(amount), Decimal(0)),
                "credit": max(-Decimal(amount), Decimal(0)),
            }
            for party, amount, due in lines
        ]  # fmt: skip
        owed = sum(line["debit"] - line["credit"] for line in written)
        other = {"account": cash, "debit": max(-owed, Decimal(0)), "credit": max(owed, Decimal(0))}
        move = self.model("account.move")
        (made,) = move._proxy.create(
            [{"company": self.own.id, "period": period.id, "journal": journal.id,
              "date": day(date), "lines": [("create", [*written, other])]}],
            self.config.context,
        )  # fmt: skip
        move.click([move(made)], "post")

    def sale(
        self, customer: Record, date: str, quantity: int, reach: str, *, manual: bool = False
    ) -> Record:
        """Enter a sale of watering cans and bring it to a state."""
        one = self.model("sale.sale")(party=customer)
        one.sale_date = day(date)
        one.payment_term = self.month
        if manual:
            one.invoice_method = one.shipment_method = "manual"
        line = one.lines.new(product=self.can)
        line.quantity = quantity
        one.save()
        for step in {"quotation": ["quote"], "cancelled": ["cancel"]}.get(
            reach, ["quote", "confirm"]
        ):
            one.click(step)
        return one

    def sales(self) -> None:
        self.sale(self.cafe, "2026-05-04", 2, "confirmed", manual=True)
        self.sale(self.cafe, "2026-11-15", 4, "confirmed")
        self.sale(self.cafe, "2026-11-20", 6, "quotation")
        self.sale(self.cafe, "2026-11-21", 7, "cancelled")
        self.many_sales([day(f"2026-03-{number:02}") for number in range(1, MANY_SALES + 1)])

    def many_sales(self, dates: list[dt.date]) -> None:
        """Enter one watering can for each date in one go: on a form each takes 0.2 s."""
        sale, address = self.model("sale.sale"), self.heavy.addresses[0].id
        line = {"product": self.can.id, "unit": self.can.sale_uom.id, "quantity": 1}
        ids = sale._proxy.create(
            [{"party": self.heavy.id, "company": self.own.id, "currency": self.euro.id,
              "invoice_address": address, "shipment_address": address, "sale_date": date,
              "lines": [("create", [{**line, "unit_price": Decimal(25)}])]} for date in dates],
            self.config.context,
        )  # fmt: skip
        sales = [sale(number) for number in ids]
        sale.click(sales, "quote")
        sale.click(sales, "confirm")

    def stock(self) -> None:
        location = self.model("stock.location")
        (storage,) = location.find([("code", "=", "STO")])
        (supplier,) = location.find([("code", "=", "SUP")])
        move = self.model("stock.move")(product=self.can, quantity=30)
        move.from_location, move.to_location = supplier, storage
        move.unit_price, move.currency = Decimal(10), self.euro
        move.planned_date = move.effective_date = day("2026-02-01")
        move.save()
        move.click("do")

    def ledger_of_many_lines(self) -> None:
        (journal,) = self.model("account.journal").find([("type", "=", "revenue")])
        self.move("2026-01-31", journal, [(self.heavy, "1.25", day("2026-03-01"))] * MANY_LINES)

    def users(self) -> None:
        groups, mine = ("Accounting", "Sales"), [self.own.id]
        self.user("screenpop", self.password, groups, mine)
        self.user("clerk", self.password, (), mine)
        self.user("nobody", self.password, groups, [])

    def second_company(self) -> None:
        """The same café owes another company of the same server, in that company's currency."""
        first = self.own
        own = self.company("Kestrel America", self.dollar, "America/Chicago")
        self.accounts = self.accounting()
        self.move("2026-06-01", self.cash, [(self.cafe, "999", day("2026-07-01"))])
        self.user("american", self.password, ("Accounting", "Sales"), [own.id])
        self.work_in(first)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
