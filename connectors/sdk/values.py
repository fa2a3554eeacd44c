"""Reading one record of a source: typed values, and errors that name the column and the row.

An error says what kind of value it met, never the value itself: what a source sends is hostile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from typing import Any, Literal, get_args

from connectors.sdk.types import ErrorKind, SourceError

DateOrder = Literal["ymd", "dmy", "mdy"]

MAX_TEXT = 2_000
_DAMAGED = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d{2,}")
_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?([eE][+-]?\d{1,2})?|[+-]?\.\d+")
_GROUPED = {
    False: re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
    True: re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?"),
}
_DATE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[T ].*)?", re.DOTALL)
_YEAR_MONTH_DAY = {order: itemgetter(*map(order.index, "ymd")) for order in get_args(DateOrder)}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
# Yes and no in the languages of Europe, spreadsheets' own TRUE and FALSE among them. No word may
# mean both: where languages differ (a Czech "a", a French "o") it is left out.
_TRUE = frozenset(
    word
    for words in (
        "true t yes y 1 on x ja j oui si sí sì sim tak da ano áno kyllä igen jah jā taip ναι да",
        "evet wahr vrai verdadero vero verdadeiro waar prawda sant sand tosi igaz pravda",
    )
    for word in words.split()
)
_FALSE = frozenset(
    word
    for words in (
        "false f no n 0 off nein nee nej nei non não nao nie ne nu ei nem nē όχι не нет hayır",
        "falsch faux falso onwaar fałsz falskt falsk epätosi hamis nepravda",
    )
    for word in words.split()
)
_CURRENCY = re.compile(r"[A-Z]{3}")
# Beyond these an amount is a mistake; within them sums are exact (`facts.EXACT`).
_LARGEST = Decimal(10) ** 18
_FINEST = -18
# A float knows some 15 digits: finer ones are noise of the source's own arithmetic.
_FLOAT_STEP = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How a source writes numbers and dates as text.

    `zone` is where its days begin: a point in time is of the day that it is there, and one
    without an offset is meant there. `headers` are the source's own names of our columns.
    """

    decimal_comma: bool = False
    date_order: DateOrder = "ymd"
    zone: tzinfo | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Formula:
    """A spreadsheet's cell whose formula has no result: never calculated, or an error (#REF!)."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


PLAIN_TEXT = TextFormat()


def excel_damaged(value: object) -> bool:
    """Say whether a spreadsheet has turned an identifier or phone number into a number."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float | Decimal):
        return True
    return isinstance(value, str) and _DAMAGED.fullmatch(value.strip()) is not None


def web_link(value: str | None) -> str | None:
    """Return a link if it is http or https: what a source sends may be `javascript:`."""
    if value is None or not re.match(r"https?://[^\s/]", value, re.IGNORECASE):
        return None
    return None if re.search(r"[\s\"'<>\\]", value) else value


class Row:
    """One record of a source, read column by column.

    `number` counts the records as the source's owner does (1 = the first), `what` says of what.
    Every reader returns None for an absent or empty value and raises SourceError(BAD_DATA).
    """

    __slots__ = ("form", "number", "values", "what")

    def __init__(
        self,
        values: Mapping[str, Any],
        number: int = 1,
        what: str = "row",
        form: TextFormat = PLAIN_TEXT,
    ) -> None:
        self.values = values
        self.number = number
        self.what = what
        self.form = form

    @property
    def where(self) -> str:
        """Name the record for people."""
        return f"{self.what} {self.number}"

    def has(self, *columns: str) -> bool:
        """Say whether the source gives any of these columns, even if empty."""
        return not self.values.keys().isdisjoint(columns)

    def text(self, column: str) -> str | None:
        """Read words. Whole numbers are accepted, for ids kept as numbers."""
        value = self.values.get(column)
        if isinstance(value, str):
            printable = value.isprintable()
            cleaned = (value if printable else _CONTROL.sub(" ", value)).strip()
            if len(cleaned) > MAX_TEXT:
                raise self._bad(column, f"is longer than {MAX_TEXT} characters")
            return cleaned or None
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return self._other_text(column, value)
        try:
            whole = int(value)
        except (ValueError, OverflowError):
            raise self._bad(column, "is not a finite number") from None
        return str(whole) if whole == value else str(value)

    def _other_text(self, column: str, value: object) -> str:
        if isinstance(value, datetime | date):
            return value.isoformat()
        if type(value).__module__ == "uuid":
            return str(value)
        raise self._bad(column, f"is {_kind(value)}, not text")

    def texts(self, column: str) -> tuple[str, ...]:
        """Read several words: a list, or text separated by comma or semicolon."""
        value = self.values.get(column)
        if value is None:
            return ()
        if isinstance(value, str):
            if "," not in value and ";" not in value:
                text = self.text(column)
                return () if text is None else (text,)
            value = re.split(r"[,;]", value)
        if not isinstance(value, list | tuple):
            value = [value]
        found = (Row({column: v}, self.number, self.what).text(column) for v in value)
        return tuple(dict.fromkeys(v for v in found if v is not None))

    def amount(self, column: str) -> Decimal | None:
        """Read an exact number; text keeps every digit it has."""
        value = self.values.get(column)
        if isinstance(value, str):
            return self._amount_of_text(column, value.strip())
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise self._bad(column, f"is {_kind(value)}, not a number")
        if not isinstance(value, float):
            return self._sane(column, Decimal(value))
        # The shortest text of a float is what the source's owner typed.
        number = self._sane(column, Decimal(repr(value)), finest=-400)
        exponent = number.as_tuple().exponent
        fine = isinstance(exponent, int) and exponent < -8
        return number.quantize(_FLOAT_STEP).normalize() if fine else number

    def _amount_of_text(self, column: str, text: str) -> Decimal | None:
        if not text:
            return None
        comma = self.form.decimal_comma
        if (comma or "," in text) and _GROUPED[comma].fullmatch(text):
            text = text.replace("." if comma else ",", "")
        if comma:
            text = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
        plain = _PLAIN.fullmatch(text) if text.isascii() else None
        if plain is None:
            hint = "" if comma else " (a decimal comma is a setting of the source)"
            raise self._bad(column, f"is text that is not a number{hint if ',' in text else ''}")
        try:
            number = Decimal(text)
            # So few digits without an exponent are neither too many nor too fine.
            return number if len(text) < 18 and not plain[1] else self._sane(column, number)
        except InvalidOperation:
            raise self._bad(column, "is not a number") from None

    def _sane(self, column: str, number: Decimal, finest: int = _FINEST) -> Decimal:
        if not number.is_finite():
            raise self._bad(column, "is not a finite number")
        exponent = number.as_tuple().exponent
        if abs(number) >= _LARGEST or (isinstance(exponent, int) and exponent < finest):
            raise self._bad(column, "has more digits than an amount can have")
        return number

    def whole(self, column: str) -> int | None:
        """Read a whole number."""
        number = self.amount(column)
        if number is None:
            return None
        if number != number.to_integral_value():
            raise self._bad(column, "is not a whole number")
        return int(number)

    def day(self, column: str) -> date | None:
        """Read a date; of a point in time with an offset, the date it is in the source's zone."""
        value = self.values.get(column)
        if isinstance(value, datetime):
            return self._day_of(value)
        if value is None or isinstance(value, date):
            return value
        if not isinstance(value, str):
            number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
            hint = " (in a spreadsheet: format the column as a date)" if number else ""
            raise self._bad(column, f"is {_kind(value)}, not a date{hint}")
        text = value.strip()
        if not text:
            return None
        if self.form.zone is not None and len(text) > 10:
            with suppress(ValueError):
                return self._day_of(datetime.fromisoformat(text))
        found = _DATE.fullmatch(text)
        if not text.isascii() or found is None:
            raise self._bad(column, "is text that is not a date")
        return self._date_of_parts(column, found.groups())

    def _day_of(self, value: datetime) -> date:
        zone = self.form.zone
        if zone is None or value.tzinfo is None:
            return value.date()
        with suppress(OverflowError):
            return value.astimezone(zone).date()
        return value.date()

    def _date_of_parts(self, column: str, parts: tuple[str, ...]) -> date:
        order = "ymd" if len(parts[0]) == 4 else self.form.date_order
        year, month, day = _YEAR_MONTH_DAY[order](parts)
        if len(year) != 4:
            raise self._bad(
                column,
                "is a date with its year elsewhere, or of two digits: write it as 2026-10-12, or"
                " set the `date_order` of a file",
            )
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            hint = "" if order == "ymd" else ": is the setting `date_order` right?"
            raise self._bad(column, f"is not a date in the order {order}{hint}") from None

    def instant(self, column: str) -> datetime | None:
        """Read a point in time in UTC; without an offset it is of the source's zone, or UTC."""
        value = self.values.get(column)
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                value = self.day(column)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise self._bad(column, f"is {_kind(value)}, not a time")
        try:
            aware = value if value.tzinfo else value.replace(tzinfo=self.form.zone or UTC)
            return aware.astimezone(UTC)
        except OverflowError:
            raise self._bad(column, "is not a time") from None

    def flag(self, column: str) -> bool | None:
        """Read yes or no: true/false, yes/no, 1/0, on/off, and these words of other languages."""
        value = self.values.get(column)
        if value is None or isinstance(value, bool):
            return value
        if not isinstance(value, str | int | Decimal | float):
            raise self._bad(column, f"is {_kind(value)}, neither yes nor no")
        word = str(value).strip().lower().removesuffix(".0")
        if not word:
            return None
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise self._bad(column, "is neither yes nor no")

    def currency(self, default: str | None) -> str:
        """Read the column `currency`, else take the source's setting.

        Raises:
            SourceError: there is neither, or it is not an ISO 4217 code.
        """
        code = (self.text("currency") or default or "").upper()
        if not code:
            raise self._bad("currency", "is missing: give the column, or the setting `currency`")
        if not code.isascii() or not _CURRENCY.fullmatch(code):
            raise self._bad("currency", "is not a currency code of three letters")
        return code

    def needed_text(self, column: str) -> str:
        """Read words that must be there."""
        value = self.text(column)
        if value is None:
            raise self._bad(column, "is empty")
        return value

    def needed_amount(self, column: str) -> Decimal:
        """Read a number that must be there."""
        value = self.amount(column)
        if value is None:
            raise self._bad(column, "is empty")
        return value

    def _bad(self, column: str, why: str) -> SourceError:
        theirs = self.form.headers.get(column, column).strip()
        named = f"`{column}`" if theirs.casefold() == column else f"`{theirs}` ({column})"
        return SourceError(ErrorKind.BAD_DATA, f"column {named} of {self.where} {why}")


def numbered(records: Iterable[Mapping[str, Any]], what: str = "row") -> list[Row]:
    """Wrap records as rows counted from 1."""
    return [Row(values, number, what) for number, values in enumerate(records, 1)]


def _kind(value: object) -> str:
    if isinstance(value, Formula):
        return value.why
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple | set):
        return "a list"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float | Decimal):
        return "a number"
    return "text" if isinstance(value, str) else "binary or of an unknown type"
