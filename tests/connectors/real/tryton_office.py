"""Working in a Tryton database of this process through proteus: companies, users, accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import proteus
import proteus.config

YEAR = (dt.date(2026, 1, 1), dt.date(2026, 12, 31))
Record = Any


class Office:
    """One database, in which `admin` may do everything."""

    def __init__(self) -> None:
        self.config = proteus.config.set_trytond("sqlite:///full", config_file=None)
        # Of payment dates in the past, which a test has by nature.
        self.config.skip_warning = True
        self.model = proteus.Model.get
        self.wizard = proteus.Wizard
        groups = [group.id for group in self.model("res.group").find([])]
        self.write_user(self.config.user, {"groups": [("add", groups)]})

    @contextmanager
    def as_root(self) -> Iterator[None]:
        """Act as Tryton itself: some rights are no group's."""
        own, self.config.user = self.config.user, 0
        yield
        self.config.user = own

    def write_user(self, user: int, values: dict[str, Any]) -> None:
        with self.as_root():
            self.model("res.user").write([user], values, {})

    def user(
        self, login: str, password: str, groups: tuple[str, ...], companies: list[int]
    ) -> None:
        """Add a user of some groups (names in English), who works in the first company."""
        made = self.model("res.user")(name=login, login=login, password=password)
        with self.as_root():
            made.save()
        found = self.model("res.group").find([("name", "in", list(groups))])
        self.write_user(
            made.id,
            {
                "groups": [("add", [group.id for group in found])],
                "companies": [("add", companies)],
                "company": next(iter(companies), None),
            },
        )

    def currency(self, name: str, code: str, rate: str) -> Record:
        """Add a currency; `rate` is what one euro is worth."""
        one = self.model("currency.currency")(name=name, code=code, symbol=code)
        one.rounding = Decimal("0.01")
        one.save()
        self.model("currency.currency.rate")(date=YEAR[0], rate=Decimal(rate), currency=one).save()
        return one

    def currency_of(self, code: str) -> Record:
        (one,) = self.model("currency.currency").find([("code", "=", code)])
        return one

    def company(self, name: str, currency: Record, zone: str) -> Record:
        """Add a company, and work in it from now on."""
        party = self.model("party.party")(name=name)
        party.save()
        entry = self.wizard("company.company.config")
        entry.execute("company")
        entry.form.party, entry.form.currency = party, currency
        entry.form.timezone = zone
        entry.execute("add")
        (one,) = self.model("company.company").find([("party", "=", party.id)])
        self.write_user(self.config.user, {"companies": [("add", [one.id])]})
        return self.work_in(one)

    def work_in(self, company: Record) -> Record:
        self.write_user(self.config.user, {"company": company.id})
        self.config._context = self.model("res.user").get_preferences(True, {})
        self.own = company
        return company

    def accounting(self) -> dict[str, Record]:
        """Give the company a year and a chart of accounts; returns the accounts by their use."""
        # Not at the top: these modules are activated after this one is first used.
        from trytond.modules.account.tests.tools import (
            create_chart,
            create_fiscalyear,
            get_accounts,
        )
        from trytond.modules.account_invoice.tests.tools import (
            set_fiscalyear_invoice_sequences,
        )

        year = set_fiscalyear_invoice_sequences(create_fiscalyear(self.own, YEAR))
        year.click("create_period")
        create_chart(self.own)
        accounts: dict[str, Record] = get_accounts(self.own)
        return accounts
