"""The pages stay small: what a browser loads for each, compressed."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from app.main import ui_folder

KB = 1024


@pytest.mark.parametrize(("page", "most"), [("admin.html", 120 * KB), ("index.html", 40 * KB)])
def test_the_script_of_a_page_is_within_its_budget(page: str, most: int) -> None:
    folder = ui_folder()
    assert folder is not None, "the pages are not built: run `make ui`"
    scripts = reached(folder, set(re.findall(r"assets/[\w.-]+\.js", (folder / page).read_text())))
    assert scripts
    sizes = {name: len(gzip.compress((folder / name).read_bytes())) for name in scripts}
    assert sum(sizes.values()) <= most, sizes


def reached(folder: Path, names: set[str]) -> set[str]:
    """Return the scripts and all that they import, also what is imported later."""
    found: set[str] = set()
    while names:
        name = names.pop()
        found.add(name)
        text = (folder / name).read_text()
        imported = re.findall(r"[\"'`]\./([\w.-]+\.js)[\"'`]", text)
        names |= {f"assets/{each}" for each in imported} - found
    return found
