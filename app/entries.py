"""What a user, a phone system, a connector and a priority rule consist of, wherever given."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import Annotated, Any, Literal

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.core.priority import HIGHEST, LOWEST
from connectors.sdk.types import SectionName

Role = Literal["agent", "supervisor", "admin"]

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,2})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")


def _line(text: str) -> str:
    # A database keeps no NUL, and a name with a line break is a mistake or an attack on logs.
    if any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text):
        raise ValueError("must be one line without control characters")
    return text


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("is not an e-mail address; write it like ada@example.com")
    return text.lower()


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError("use lower case letters, digits and dashes, such as main-pbx")
    return text


def known_region(text: str) -> str:
    """Return an ISO 3166 region in capitals.

    Raises:
        ValueError: phone numbers are not known by this region; names the nearest one.
    """
    code = text.upper()
    if code not in SUPPORTED_REGIONS:
        near = ["GB"] if code in ("UK", "EN") else []
        near = near or difflib.get_close_matches(code, sorted(SUPPORTED_REGIONS), 1, 0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"is not an ISO 3166 region such as GB{hint}")
    return code


def _currency(text: str) -> str:
    code = text.upper()
    if not _CURRENCY.fullmatch(code):
        raise ValueError("is not an ISO 4217 currency; write it like EUR")
    return code


def _amount(text: str) -> str:
    if not _AMOUNT.fullmatch(text):
        raise ValueError('is not an amount of money; write it like "500.00"')
    return text


def _once(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, strict=True),
    AfterValidator(_line),
]
Email = Annotated[Line, AfterValidator(_email)]
Slug = Annotated[str, StringConstraints(max_length=63, strict=True), AfterValidator(_slug)]
Region = Annotated[str, AfterValidator(known_region)]
Currency = Annotated[str, StringConstraints(max_length=3), AfterValidator(_currency)]
Lines = Annotated[list[Line], Field(max_length=100), AfterValidator(_once)]


Amount = Annotated[str, StringConstraints(strict=True), AfterValidator(_amount)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UserFields(_Fields):
    """A person. The first extension is the one that is shown."""

    email: Email
    name: Line
    role: Role
    extensions: Lines = []
    queues: Lines = []


class PhoneSystemFields(_Fields):
    """A phone system; what `settings` may hold depends on `kind`."""

    kind: Line
    name: Line | None = None
    settings: dict[str, Any] = {}
    region: Region | None = None


class ConnectorFields(_Fields):
    """A connector. `timeout_ms` is for one section, `cache_s` how long each may be shown again.

    Of two sources that give the same field, the one with the higher `priority` wins.
    """

    kind: Line
    name: Line | None = None
    settings: dict[str, Any] = {}
    region: Region | None = None
    timeout_ms: Annotated[int, Field(strict=True, ge=50, le=60_000)] = 1500
    cache_s: dict[SectionName, Annotated[float, Field(ge=0, le=86_400)]] = {}
    priority: Annotated[int, Field(strict=True, ge=-1_000_000, le=1_000_000)] = 0
    enabled: Annotated[bool, Field(strict=True)] = True


class ConditionFields(_Fields):
    """What a priority rule asks for, all of it. One of the tiers or tags is enough."""

    tier: Lines = []
    tags: Lines = []
    overdue_over: Amount | None = None
    lifetime_over: Amount | None = None
    open_complaint: Annotated[bool, Field(strict=True)] | None = None
    on_hold: Annotated[bool, Field(strict=True)] | None = None


class PriorityFields(_Fields):
    """A priority rule; of several that apply, the first one counts."""

    name: Line
    when: ConditionFields = ConditionFields()
    level: Annotated[int, Field(strict=True, ge=LOWEST, le=HIGHEST)]
    queue: Line | None = None


AlertCode = Literal[
    "credit_hold",
    "over_limit",
    "overdue",
    "open_complaint",
    "follow_up_due",
    "low_attestation",
    "vip",
    "priority",
]
BlockName = Literal[
    "balance", "purchases", "credit_terms", "suggestions", "interactions", "tickets"
]


class AlertFields(_Fields):
    """Which alerts stay away: those that are `off`, and what is owed up to an amount or age."""

    off: Annotated[list[AlertCode], AfterValidator(_once)] = []
    overdue_over: Amount | None = None
    overdue_days: Annotated[int, Field(strict=True, ge=0, le=3650)] | None = None
    over_limit_over: Amount | None = None


class LayoutFields(_Fields):
    """The pop's blocks for a queue, or for every other queue without one.

    Blocks that `order` does not name come last; `hidden` ones are not sent to the agent at all.
    """

    queue: Line | None = None
    order: Annotated[list[BlockName], AfterValidator(_once)] = []
    hidden: Annotated[list[BlockName], AfterValidator(_once)] = []


def _one_for_each_queue(layouts: list[LayoutFields]) -> list[LayoutFields]:
    queues = [layout.queue for layout in layouts]
    if len(set(queues)) < len(queues):
        raise ValueError("two layouts are for the same queue")
    return layouts


def _one_of_each_name(rules: list[PriorityFields]) -> list[PriorityFields]:
    names = [rule.name for rule in rules]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise ValueError(f"two rules are called {double!r}; give each its own name")
    return rules


Layouts = Annotated[list[LayoutFields], Field(max_length=200), AfterValidator(_one_for_each_queue)]
Priorities = Annotated[
    list[PriorityFields], Field(max_length=200), AfterValidator(_one_of_each_name)
]
Dispositions = Annotated[
    list[Annotated[Line, Field(max_length=60)]],
    Field(min_length=1, max_length=50),
    AfterValidator(_once),
]


class SuggestionFields(_Fields):
    """What may be suggested: nothing of these categories, and `goes_with` nothing bought lately."""

    excluded_categories: Lines = []
    never_again_days: Annotated[int, Field(strict=True, ge=0, le=3_650)] = 180
