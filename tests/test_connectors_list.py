"""`screenpop connectors list` says how each source is, and what a person has to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.latency import Minute
from app.runtime import Runtime, open_runtime
from app.store.configuration import put_row
from app.store.grants import StoredGrants
from app.store.models import ConnectorRow
from app.store.source_health import write_minutes
from connectors import registry
from connectors.sdk.grants import Grant
from tests.api.acme import install
from tests.product import settings_for

ROOT = Path(__file__).parent.parent
NOW = datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture
async def rt(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    install(folder)
    monkeypatch.syspath_prepend(folder)
    registry._registry.cache_clear()
    runtime = await open_runtime(settings_for(migrated_sqlite_url, tmp_path), run_migrations=False)
    yield runtime
    await runtime.close()
    monkeypatch.undo()
    registry._registry.cache_clear()


async def configure(rt: Runtime, slug: str, **settings: str) -> None:
    fields = {
        "kind": "acme", "name": None, "region": None, "timeout_ms": 1000, "cache_s": {},
        "priority": 0, "enabled": True,
        "settings": {"base_url": "https://acme.example", **settings},
    }  # fmt: skip
    async with rt.db.begin() as session:
        await put_row(session, ConnectorRow, slug, fields, rt.secrets, NOW, "zoe@example.com")


def listed(rt: Runtime) -> dict[str, str]:
    """Run the command; return each connector's line."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{rt.settings.data_dir / 'site-packages'}:{ROOT}",
        "SCREENPOP_DATA_DIR": str(rt.settings.data_dir),
        "SCREENPOP_DATABASE_URL": str(rt.settings.database_url),
        "SCREENPOP_SECRET_KEYS": str(rt.settings.secret_keys),
    }
    done = subprocess.run(
        [sys.executable, "-m", "app", "connectors", "list", "--no-migrate"],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: " ".join(line.split()) for line in done.stdout.splitlines()[1:]}


async def test_each_line_says_what_state_the_source_is_in(rt: Runtime) -> None:
    for slug in ("fresh", "expired", "connected"):
        await configure(rt, slug, client_id="app", client_secret="s")
    for slug in ("fine", "failing", "quiet"):
        await configure(rt, slug, key="k")
    grant = Grant("a", "r", NOW + timedelta(hours=1))
    for slug in ("expired", "connected"):
        grants = StoredGrants(rt.db, rt.secrets, slug, "acme", lambda: NOW)
        await grants.connect(grant, "zoe")
        if slug == "expired":
            await grants.write(replace(grant, refused_at=NOW))
    ago = [NOW - timedelta(minutes=minutes) for minutes in (3, 2, 1)]
    down = Counter({"unavailable": 2})
    minutes = [
        *(Minute("fine", "balance", at, 1, errors=down) for at in ago),
        Minute("failing", "balance", ago[0], 1),
        *(Minute("failing", "balance", at, 0, errors=down) for at in ago[1:]),
        Minute("connected", "balance", ago[2], 1),
    ]
    await write_minutes(rt.db, "one", minutes)
    lines = listed(rt)
    assert lines["fresh"].startswith("fresh acme not connected: connect it on /admin/sources/")
    since = f"{NOW:%Y-%m-%d %H:%M}Z"
    again = f"auth_expired since {since}: connect it again on /admin/sources/expired"
    assert again in lines["expired"]
    assert lines["connected"].startswith("connected acme ok")
    assert lines["fine"].startswith("fine acme ok")
    assert f"unavailable since {ago[1]:%Y-%m-%d %H:%M}Z" in lines["failing"]
    assert lines["quiet"].startswith("quiet acme not asked lately")
