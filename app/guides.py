"""The guides of the phone systems, as they are shipped: in the wheel, else in the checkout."""

from __future__ import annotations

from pathlib import Path

from app.telephony.registry import kinds


def guides_folder() -> Path:
    """Return where the guides are."""
    here = Path(__file__).parent
    shipped = here / "_guides"
    return shipped if shipped.is_dir() else here.parent / "docs" / "phone-systems"


def guide_text(kind: str) -> str | None:
    """Return the guide of a kind, None where there is none yet; only known kinds are looked for."""
    if kind not in kinds():
        return None
    file = guides_folder() / f"{kind}.md"
    return file.read_text("utf-8") if file.is_file() else None
