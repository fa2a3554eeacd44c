"""Puts pages, migrations and guides into the wheel: installing it needs no Node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelContents(BuildHookInterface[Any]):
    """Refuses to build a wheel without the pages. An editable install serves them from the tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders; `version` is "standard" or "editable"."""
        if version == "editable":
            return
        root = Path(self.root)
        pages = root / "screenpop_ui" / "dist"
        if not (pages / "index.html").exists():
            raise RuntimeError(f"{pages} is not built: run `npm ci && npm run build` in its parent")
        build_data["force_include"][str(pages)] = "app/_ui"
        build_data["force_include"][str(root / "alembic")] = "app/_alembic"
        guides = root / "docs" / "phone-systems"
        build_data["force_include"][str(guides)] = "app/_guides"
