"""LedgerSMB's own schema, from its Debian package, loaded as its set-up program does.

The package is unpacked, not installed: its programs and services are not wanted. With
`SCREENPOP_TEST_LEDGERSMB=required` in the environment its absence fails the tests.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

_FOLDER = Path(tempfile.gettempdir()) / "screenpop-test-ledgersmb"
_SQL = "usr/share/ledgersmb/sql"
_COPY = re.compile(r"(?ms)^(COPY [^;]* FROM stdin[^;]*;)\n(.*?)^\\\.$")
_WAIT_S = 120


def need_ledgersmb() -> Path:
    """Return the folder of the schema; otherwise skip the test, or fail it, and say why."""
    for root in (Path("/"), _FOLDER):
        if (root / _SQL / "Pg-database.sql").exists():
            return root / _SQL
    # The test processes of one run share what is unpacked.
    with Path(f"{_FOLDER}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        why = None if (_FOLDER / _SQL).exists() else _unpack()
    if why is None:
        return _FOLDER / _SQL
    reason = f"no LedgerSMB to test with: {why}"
    if os.environ.get("SCREENPOP_TEST_LEDGERSMB") == "required":
        pytest.fail(reason)
    pytest.skip(f"{reason}. Debian's package ledgersmb has its schema")


def _unpack() -> str | None:
    """Fetch and unpack the package; return why not."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "there is no apt-get here"
    with tempfile.TemporaryDirectory() as folder:
        # A download needs no rights, but the list of packages that only root can renew.
        steps = [["apt-get", "download", "ledgersmb"]]
        if os.geteuid() == 0:
            steps += [["apt-get", "update"], ["apt-get", "download", "ledgersmb"]]
        said = ""
        for step in steps:
            try:
                done = subprocess.run(
                    step, cwd=folder, capture_output=True, text=True, timeout=_WAIT_S
                )
            except subprocess.TimeoutExpired:
                return f"{' '.join(step[:2])} took more than {_WAIT_S} s"
            found = sorted(Path(folder).glob("ledgersmb_*.deb"))
            if found:
                new = Path(tempfile.mkdtemp(dir=_FOLDER.parent))
                subprocess.run(["dpkg", "-x", found[0], new], check=True, timeout=_WAIT_S)
                new.rename(_FOLDER)
                return None
            said = done.stderr.strip()[-300:] or said
        return f"apt-get download failed: {said}"


def load_schema(sql: Path, url: str) -> None:
    """Load the base schema and the changes since, in the package's own order."""
    with psycopg.connect(url, autocommit=True) as server:
        parts = _COPY.split((sql / "Pg-database.sql").read_text(encoding="utf-8"))
        for at in range(0, len(parts), 3):
            server.execute(parts[at].encode())
            if at + 1 < len(parts):
                with server.cursor().copy(parts[at + 1].encode()) as copy:
                    copy.write(parts[at + 2])
        for line in (sql / "changes" / "LOADORDER").read_text(encoding="utf-8").splitlines():
            name = line.split("#")[0].strip()
            if name:
                _change(server, sql / "changes" / name.lstrip("!"), may_fail=name.startswith("!"))


def _change(server: psycopg.Connection, file: Path, *, may_fail: bool) -> None:
    try:
        with server.transaction():
            server.execute(file.read_bytes())
    except psycopg.Error:
        # Marked so in LOADORDER: the base schema has most of these already.
        if not may_fail:
            raise
