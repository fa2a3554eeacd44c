"""The measurements of the sync and the phone index measure what they say, at a small size."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import index, sync


async def test_a_sync_is_measured_against_its_floor_on_both_databases(tmp_path: Path) -> None:
    found = await sync.compare(tmp_path, 300)
    for name in ("sqlite", "postgresql"):
        each = found[name]
        assert (each.contacts, each.numbers) == (300, 450)
        assert each.acks_ms
        assert 0 < each.again.seconds < 100
        assert each.product.peak_mib > 10
    text = sync.table(found)
    assert "300 contacts, 450 numbers" in text
    assert "x the floor's time" in text


async def test_callers_are_found_among_few_and_many_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "FEW", 100)
    monkeypatch.setattr(index, "_LOOKUPS", 50)
    found = await index.compare(tmp_path, 500)
    sizes = {name: [each.numbers for each in lookups] for name, lookups in found.items()}
    assert sizes == {"sqlite": [100, 500], "postgresql": [100, 500]}
    assert "500 numbers: a caller is found in p50" in index.table(found)
