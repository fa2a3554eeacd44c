"""What a sync knows of itself: which part of a source it reads, and how far it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from connectors.sdk.types import RejectedRow

Part = Literal["contacts", "history", "catalogue"]
PARTS: tuple[Part, ...] = get_args(Part)
REJECTED_KEPT = 100


@dataclass(slots=True)
class SyncRun:
    """How far a sync is. `full` reads start at no cursor and end by removing what they missed.

    `records` and `numbers` count what was read, `total` what the source says there is. `saved` is
    the checkpoint as last written, by which a run notices that another took over. `loading` names
    the rows that are being written in several transactions: after a crash they are suspect.
    """

    connector: str
    sync_id: str
    full: bool
    part: Part = "contacts"
    cursor: str | None = None
    records: int = 0
    numbers: int = 0
    total: int | None = None
    rejected_count: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    saved: str = ""
    loading: str | None = None

    def reject(self, *rows: RejectedRow) -> None:
        """Count rows that cannot be used; the first of them are kept."""
        self.rejected_count += len(rows)
        self.rejected += rows[: max(0, REJECTED_KEPT - len(self.rejected))]
