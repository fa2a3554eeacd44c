"""Whether what a source said is what a check expects. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError


def field_fault(field: str) -> str | None:
    """Say what is wrong with the path of a field, None if nothing is."""
    try:
        jmespath.compile(field)
    except JMESPathError:
        return "is not a JMESPath: write balance, or open_invoices[0].number"
    return None


def found_at(field: str, data: Any) -> Any:
    """Return what stands at a path in a section's data; None where there is nothing."""
    try:
        return jmespath.search(field, data)
    except JMESPathError:
        return None


def fits(found: Any, expected: str | None) -> bool:
    """Whether this is what was expected: 12.5 is 12.50, and None is nothing at all."""
    if expected is None or found is None:
        return found is None and expected is None
    if isinstance(found, bool):
        return expected.strip().lower() in (("true", "yes") if found else ("false", "no"))
    if isinstance(found, Mapping | list):
        return False
    text = str(found)
    return text.strip() == expected.strip() or _same_number(text, expected)


def shown(found: Any) -> str | None:
    """Return what was found, in a line."""
    if isinstance(found, bool):
        return "true" if found else "false"
    return None if found is None else str(found)[:200]


def _same_number(one: str, other: str) -> bool:
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False
