"""What an admin sees of a source while mapping it: its tables, an answer, a file. Each kind's own.

Looking needs only the part of the settings that says where the source is: the mapping may be
missing, or wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at.

    `name` is ours: of the query or operation that is being written. `table` is a table's name as
    `tables` gave it, `values` what stands for the parameters or placeholders.
    """

    name: str = ""
    table: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the source: its name, or path, its type if known, and something that stands there.

    `ours` is our name for it, `is_offered` that the name is a guess.
    """

    name: str
    type: str = ""
    sample: str = ""
    ours: str = ""
    is_offered: bool = False


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table or view."""

    name: str
    columns: Sequence[Column]


@dataclass(slots=True)
class Look:
    """What was seen. What is not of this kind of source stays empty.

    `ours` are our names for what is being mapped, `missing` what it cannot do without, `facts`
    how the source was read (delimiter, encoding…) and `rejected` rows that cannot be used, by
    where they stand.
    """

    ours: Sequence[str] = ()
    tables: Sequence[TableShape] = ()
    columns: Sequence[Column] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    plan: Sequence[str] = ()
    lists: Mapping[str, Sequence[Column]] = field(default_factory=dict)
    content: Any = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    missing: str | None = None
    rejected: Sequence[tuple[str, str]] = ()
    rejected_count: int = 0
    cut: bool = False
