"""What the payloads share: a caller, ids, times, attached data. All of it is made up."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

CALLER, DIALLED = "+442079460958", "+448005550100"
NAME = "KESTREL GARDEN CENTRE LTD"
GROUP = 20


def iso(at: datetime) -> str:
    """Write a time as most providers do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def uid(number: int) -> str:
    """Make an id of the usual length."""
    return str(UUID(int=0x3F2A9C00_0000_4000_8000_000000000000 + number))


def extra(count: int) -> dict[str, str]:
    """Make the data that flows, bots and CRMs attach to a call."""
    return {
        f"crm_field_{i:02}": f"value {i} of what the flow has found out about the caller"
        for i in range(count)
    }
