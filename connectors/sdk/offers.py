"""Which of a source's own fields probably means what of ours, by its name. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Words that sources use for our names, surest first; all in small letters without marks.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "remote_id": (
        "id",
        "customerid",
        "custno",
        "customerno",
        "customernumber",
        "customer",
        "accountid",
        "uuid",
    ),
    "external_id": (
        "accountnumber",
        "accountno",
        "account",
        "customernumber",
        "custno",
        "debtorno",
    ),
    "display_name": ("name", "customername", "fullname", "company", "companyname", "title"),
    "company_name": ("company", "companyname", "organisation", "organization", "business"),
    "phone": ("phonenumber", "telephone", "tel", "phone1", "contactphone", "telefon"),
    "mobile": ("mobilephone", "mobilenumber", "cell", "cellphone", "gsm"),
    "email": ("emailaddress", "mail", "e-mail"),
    "tax_number": ("vat", "vatnumber", "taxid", "vatid"),
    "tier": ("level", "class", "segment", "customergroup", "category"),
    "amount_due": ("open", "openamount", "outstanding", "due", "balancedue", "remaining"),
    "balance": ("openbalance", "currentbalance", "saldo", "outstanding"),
    "overdue_amount": ("overdue", "pastdue"),
    "number": ("invoicenumber", "invoiceno", "documentno", "reference", "id", "no"),
    "issue_date": ("date", "invoicedate", "created", "createdat", "issued"),
    "due_date": ("due", "duedt", "dueon", "maturity"),
    "total_amount": ("total", "amount", "grandtotal", "linetotal", "price"),
    "currency": ("currencycode", "curr", "iso"),
    "order_number": ("orderno", "orderid", "number", "reference", "id", "no"),
    "order_date": ("date", "orderedat", "created", "createdat", "placedat"),
    "order_total": ("total", "grandtotal", "amount"),
    "item_id": ("productid", "itemno", "articleno", "article", "id"),
    "sku": ("code", "productcode", "articlenumber"),
    "name": ("description", "productname", "itemname", "title"),
    "quantity": ("qty", "count", "units"),
    "unit_price": ("price", "rate", "unitprice"),
    "credit_limit": ("limit", "creditline"),
    "credit_used": ("used", "exposure", "utilised"),
    "payment_terms": ("terms", "paymentterm"),
    "days_until_due": ("netdays", "days", "termdays"),
    "on_hold": ("hold", "blocked", "stopped", "credithold"),
    "hold_reason": ("reason", "blockreason"),
    "risk_rating": ("risk", "rating", "score"),
    "subject": ("title", "summary", "topic"),
    "status": ("state", "stage"),
    "updated_at": ("modified", "updated", "changed", "lastmodified", "modifiedat"),
    "url": ("link", "weburl", "href"),
    "transaction_date": ("date", "paymentdate", "paidat", "paidon"),
    "payment_method": ("method", "paidby", "means"),
    "inventory_quantity": ("stock", "onhand", "available", "inventory"),
}
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEPTH = 4
_MOST_PATHS = 200
_SAMPLE = 120


def offered(ours: Sequence[str], theirs: Sequence[str]) -> dict[str, str]:
    """Say for each of our names which of theirs (headers, columns, paths) it probably is.

    A field of theirs is offered once; what no word fits is left out.
    """
    free = {name: _plain(name) for name in theirs}
    found: dict[str, str] = {}
    # An equal name beats any likely word, whichever of ours comes first.
    for likely in (False, True):
        for our in ours:
            words = [_plain(w) for w in _WORDS.get(our, ())] if likely else [_plain(our)]
            fits = next((t for w in words for t, plain in free.items() if plain == w), None)
            if our not in found and fits is not None:
                found[our] = fits
                del free[fits]
    return {our: found[our] for our in ours if our in found}


def lists_in(document: Any) -> dict[str, list[Any]]:
    """Return the lists of records in an answer by their JMESPath; `@` is the answer itself."""
    found: dict[str, list[Any]] = {}
    _walk(document, "", 0, found)
    if isinstance(document, dict):
        # One record, such as credit terms.
        found.setdefault("@", [document])
    return found


def fields_in(records: Iterable[Any]) -> dict[str, str]:
    """Return the fields of records by their JMESPath, with what stands there, first value first."""
    found: dict[str, str] = {}
    for record in records:
        _leaves(record, "", 0, found)
    return dict(list(found.items())[:_MOST_PATHS])


def _walk(value: Any, path: str, depth: int, found: dict[str, list[Any]]) -> None:
    if isinstance(value, list):
        if value and all(isinstance(each, dict) for each in value):
            found[path or "@"] = value
    elif isinstance(value, dict) and depth < _DEPTH:
        for key, inner in value.items():
            _walk(inner, _below(path, key), depth + 1, found)


def _leaves(value: Any, path: str, depth: int, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items() if depth < _DEPTH else ():
            _leaves(inner, _below(path, key), depth + 1, found)
    elif isinstance(value, list):
        if value and not isinstance(value[0], dict | list):
            found.setdefault(path, ", ".join(str(each) for each in value)[:_SAMPLE])
        elif value and depth < _DEPTH:
            _leaves(value[0], f"{path}[0]", depth + 1, found)
    elif path and (path not in found or (found[path] == "" and value is not None)):
        found[path] = "" if value is None else str(value)[:_SAMPLE]


def _below(path: str, key: str) -> str:
    # JMESPath quotes names as JSON does.
    name = key if _PLAIN_NAME.fullmatch(key) else json.dumps(key)
    return f"{path}.{name}" if path else name


def _plain(name: str) -> str:
    """Return what names are compared by: `Customer No.` and `customer_no` are the same."""
    last = name.rpartition(".")[2] if _PLAIN_NAME.match(name) and " " not in name else name
    return re.sub(r"[^0-9a-zà-ÿ]", "", (last or name).lower())
