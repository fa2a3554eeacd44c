"""From the rows of a source to facts: what is owed, bought and allowed. Pure.

The columns are named in `COLUMNS`; a source gives those it has, and unknown stays None. Amounts
of two currencies are never added: the facts are of the main one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from functools import reduce
from typing import NamedTuple

from connectors.sdk.types import (
    Aging,
    Balance,
    CreditTerms,
    CurrencyBalance,
    ErrorKind,
    Invoice,
    LineItem,
    Order,
    Payment,
    Purchases,
    SourceError,
    Ticket,
    Tickets,
)
from connectors.sdk.values import Row, web_link

# Digits enough for any sum of amounts that `Row.amount` accepts.
EXACT = Context(prec=60)

AGING = ("current", "days_1_30", "days_31_60", "days_61_90", "days_over_90")
OPEN_ITEM = ("number", "issue_date", "due_date", "total_amount", "amount_due", "currency")
SUMMARY = ("balance", "overdue_amount", "unapplied_credit", "oldest_due_date", "currency", *AGING)
PAYMENT = ("transaction_date", "total_amount", "payment_method", "currency")
CREDIT = ("amount", "number", "issue_date", "currency")
LINE = ("item_id", "sku", "name", "quantity", "unit_price")
ORDER = ("order_number", "order_date", "status", "order_total", "currency", "total_amount")
TERMS = (
    "credit_limit",
    "credit_used",
    "credit_available",
    "exposure_includes_orders",
    "payment_terms",
    "days_until_due",
    "on_hold",
    "hold_reason",
    "risk_rating",
)
TOTALS = ("order_count", "lifetime_amount", "first_order_date", "currency")
TICKET = ("number", "subject", "status", "priority", "updated_at", "url")

LISTED_INVOICES = 200
LISTED_ORDERS = 20
LISTED_PAYMENTS = 10
LISTED_TICKETS = 20


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, amounts, Decimal(0))


def balance(
    rows: Sequence[Row], today: date, currency: str | None = None, payments: Sequence[Row] = ()
) -> Balance | None:
    """Work out what is owed from open items, or from a summary row with a column `balance`.

    Positive items are open invoices, negative ones unapplied credit. `currency` is that of
    amounts whose row names none, and the main one if any row has it. None: nothing on record.
    Payments alone mean that nothing is open: without its summary row a source passes none.

    Raises:
        SourceError: a value is not what its column says, or a currency is unknown.
    """
    if not rows and not payments:
        return None
    codes = [row.currency(currency) for row in rows]
    main = _main(codes or [row.currency(currency) for row in payments], currency)
    if rows and not rows[0].has("amount_due") and rows[0].has("balance"):
        parts = {code: _summary(row, code) for row, code in zip(rows, codes, strict=True)}
        if len(parts) < len(rows):
            raise SourceError(ErrorKind.BAD_DATA, "two balance rows of one customer and currency")
    else:
        parts = {
            code: _open_items(
                [r for r, c in zip(rows, codes, strict=True) if c == code], code, today
            )
            for code in dict.fromkeys([main, *codes])
        }
    others = tuple(
        CurrencyBalance(currency=c, balance=b.balance, overdue_amount=b.overdue_amount)
        for c, b in sorted(parts.items())
        if c != main
    )
    paid = _payments([r for r in payments if r.currency(currency) == main])
    return parts[main].model_copy(update={"other_currencies": others, "payments": paid})


def credits_as_items(rows: Iterable[Row]) -> list[Row]:
    """Turn unapplied credits (`amount`, positive) into the open items that they are.

    Raises:
        SourceError: an amount is missing or no number.
    """
    return [
        Row(
            {**row.values, "amount_due": -row.needed_amount("amount")},
            row.number,
            row.what,
            row.form,
        )
        for row in rows
    ]


def _main(codes: Sequence[str], preferred: str | None) -> str:
    preferred = preferred.upper() if preferred else None
    if preferred in codes:
        return str(preferred)
    return min(Counter(codes).items(), key=lambda item: (-item[1], item[0]))[0]


def _open_items(rows: Sequence[Row], currency: str, today: date) -> Balance:
    invoices: list[Invoice] = []
    credit = Decimal(0)
    for row in rows:
        due = row.needed_amount("amount_due")
        if due < 0:
            credit = EXACT.subtract(credit, due)
        elif due > 0:
            invoices.append(_invoice(row, due, today))
    invoices.sort(key=lambda i: (i.due_date or date.max, i.issue_date or date.max, i.number or ""))
    owed = _sum(i.amount_due for i in invoices)
    overdue = _sum(i.amount_due for i in invoices if i.days_overdue)
    return Balance(
        currency=currency,
        balance=EXACT.subtract(owed, credit),
        overdue_amount=overdue,
        unapplied_credit=credit,
        oldest_due_date=min((i.due_date for i in invoices if i.due_date), default=None),
        aging=_aging(invoices),
        open_invoices=tuple(invoices[:LISTED_INVOICES]),
        open_invoice_count=len(invoices),
    )


def _invoice(row: Row, amount_due: Decimal, today: date) -> Invoice:
    due_date = row.day("due_date")
    return Invoice(
        number=row.text("number"),
        issue_date=row.day("issue_date"),
        due_date=due_date,
        total_amount=row.amount("total_amount"),
        amount_due=amount_due,
        days_overdue=max(0, (today - due_date).days) if due_date else None,
    )


def _aging(invoices: Iterable[Invoice]) -> Aging:
    """Sum by days past due; an item without a due date is not known to be late: current."""
    sums = dict.fromkeys(AGING, Decimal(0))
    for invoice in invoices:
        late = invoice.days_overdue or 0
        bucket = 0 if late == 0 else min(4, (late + 29) // 30)
        sums[AGING[bucket]] = EXACT.add(sums[AGING[bucket]], invoice.amount_due)
    return Aging(**sums)


def _summary(row: Row, currency: str) -> Balance:
    owed = row.needed_amount("balance")
    credit = row.amount("unapplied_credit")
    buckets = {name: value for name in AGING if (value := row.amount(name)) is not None}
    aging = Aging(**buckets) if len(buckets) == len(AGING) else None
    # Buckets that contradict the balance would be read as fact: better none.
    if aging is not None and _sum(buckets.values()) != EXACT.add(owed, credit or 0):
        aging = None
    return Balance(
        currency=currency,
        balance=owed,
        overdue_amount=row.amount("overdue_amount"),
        unapplied_credit=credit,
        oldest_due_date=row.day("oldest_due_date"),
        aging=aging,
    )


def _payments(rows: Sequence[Row]) -> tuple[Payment, ...]:
    found = [
        Payment(
            transaction_date=row.day("transaction_date"),
            total_amount=row.needed_amount("total_amount"),
            payment_method=row.text("payment_method"),
        )
        for row in rows
    ]
    found.sort(key=lambda p: p.transaction_date or date.min, reverse=True)
    return tuple(found[:LISTED_PAYMENTS])


def group_lines(rows: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    """Gather order-line rows by `order_number`: an order's own columns are those of its first."""
    orders: dict[str, tuple[Row, list[Row]]] = {}
    for row in rows:
        _, lines = orders.setdefault(row.needed_text("order_number"), (row, []))
        if row.has(*LINE):
            lines.append(row)
    return list(orders.values())


def purchases(
    orders: Sequence[tuple[Row, Sequence[Row]]],
    currency: str | None = None,
    *,
    all_read: bool,
    totals: Sequence[Row] = (),
) -> Purchases | None:
    """Work out what was bought from orders with their lines. None: nothing on record.

    An order's total is `order_total` (`total_amount` in a source without lines), else the sum
    of its lines. The totals over all orders come from the row of `totals` in their currency; they
    are summed if there is none, and unknown unless `all_read`.

    Raises:
        SourceError: a value is not what its column says.
    """
    if not orders:
        return None
    heads = [_head(row, lines, currency) for row, lines in orders]
    newest = sorted(range(len(heads)), key=lambda at: heads[at].newness, reverse=True)
    found = [order_of(*orders[at], currency) for at in newest[:LISTED_ORDERS]]
    codes = [head.currency for head in heads if head.currency]
    main = _main(codes, currency) if codes else None
    listed = Purchases(currency=main, orders=tuple(found))
    for row in totals:
        if main is None or row.currency(currency) == main:
            return listed.model_copy(
                update={
                    "order_count": row.whole("order_count"),
                    "lifetime_amount": row.amount("lifetime_amount"),
                    "first_order_date": row.day("first_order_date"),
                }
            )
    if not all_read:
        return listed
    amounts = [head.total for head in heads if head.currency == main]
    known = [amount for amount in amounts if amount is not None]
    dates = [head.day for head in heads if head.day]
    return listed.model_copy(
        update={
            "order_count": len(heads),
            "lifetime_amount": _sum(known) if main and len(known) == len(amounts) else None,
            "first_order_date": min(dates) if len(dates) == len(heads) else None,
        }
    )


class _Head(NamedTuple):
    """What the totals need of an order: many orders are counted, few are shown."""

    day: date | None
    number: str
    total: Decimal | None
    currency: str | None

    @property
    def newness(self) -> tuple[date, str]:
        return self.day or date.min, self.number


def _head(row: Row, lines: Sequence[Row], currency: str | None) -> _Head:
    return _Head(
        row.day("order_date"),
        row.needed_text("order_number"),
        _order_total(row, lines),
        _order_currency(row, currency),
    )


def _order_currency(row: Row, currency: str | None) -> str | None:
    return row.currency(currency) if currency or row.text("currency") else None


def _order_total(row: Row, lines: Sequence[Row]) -> Decimal | None:
    total = row.amount("order_total")
    if total is None and not row.has(*LINE) and not row.has("order_total"):
        total = row.amount("total_amount")
    if total is not None or not lines:
        return total
    sums = [line.amount("total_amount") for line in lines]
    known = [amount for amount in sums if amount is not None]
    return _sum(known) if len(known) == len(sums) else None


def order_of(row: Row, lines: Sequence[Row], currency: str | None) -> Order:
    """Read one order and its lines; `currency` is that of an order that names none.

    Raises:
        SourceError: a value is not what its column says.
    """
    return Order(
        order_number=row.needed_text("order_number"),
        order_date=row.day("order_date"),
        status=row.text("status"),
        total_amount=_order_total(row, lines),
        currency=_order_currency(row, currency),
        line_items=tuple(_line(line) for line in lines),
    )


def _line(row: Row) -> LineItem:
    return LineItem(
        item_id=row.text("item_id"),
        sku=row.text("sku"),
        name=row.text("name"),
        quantity=row.amount("quantity"),
        unit_price=row.amount("unit_price"),
        total_amount=row.amount("total_amount"),
    )


def credit_terms(rows: Sequence[Row], currency: str | None = None) -> CreditTerms | None:
    """Read the terms of one customer. `credit_available` = limit - used, None without a limit.

    Raises:
        SourceError: there are several rows, or a value is not what its column says.
    """
    if not rows:
        return None
    if len(rows) > 1:
        raise SourceError(
            ErrorKind.BAD_DATA, "credit terms gave several rows for one customer, one is expected"
        )
    row = rows[0]
    limit, used = row.amount("credit_limit"), row.amount("credit_used")
    given = row.amount("credit_available")
    if used is None and limit is not None and given is not None:
        used = EXACT.subtract(limit, given)
    amounts = limit is not None or used is not None
    known = amounts or currency or row.text("currency")
    return CreditTerms(
        currency=row.currency(currency) if known else None,
        credit_limit=limit,
        credit_used=used,
        credit_available=EXACT.subtract(limit, used)
        if limit is not None and used is not None
        else None,
        exposure_includes_orders=row.flag("exposure_includes_orders"),
        payment_terms=row.text("payment_terms"),
        days_until_due=row.whole("days_until_due"),
        on_hold=row.flag("on_hold"),
        hold_reason=row.text("hold_reason"),
        risk_rating=row.text("risk_rating"),
    )


def tickets(rows: Sequence[Row], source: str) -> Tickets | None:
    """Read support cases, newest first. None: nothing on record."""
    if not rows:
        return None
    found = [
        Ticket(
            number=row.needed_text("number"),
            subject=row.text("subject"),
            status=row.text("status"),
            priority=row.text("priority"),
            updated_at=row.instant("updated_at"),
            url=web_link(row.text("url")),
            source=source,
        )
        for row in rows
    ]
    found.sort(key=lambda t: t.updated_at or datetime.min.replace(tzinfo=UTC), reverse=True)
    return Tickets(tickets=tuple(found[:LISTED_TICKETS]))
