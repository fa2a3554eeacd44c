"""Files handed over by an admin: streamed to the data folder, used by a `table` connector."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.api.uploads import LARGEST_FILE
from tests.api.conftest import Site
from tests.api.test_session import problem

URL = "/api/v1/uploads"
AS_IT_IS = {"content-type": "application/octet-stream"}


async def test_a_file_is_kept_under_a_safe_name_and_can_be_read_by_a_connector(
    site: Site, tmp_path: Path
) -> None:
    admin = await site.browser("zoe@example.com")
    content = b"id,limit\nC1,500\n"
    answer = await admin.post(
        f"{URL}?name=../../Crédit file (1).CSV", content=content, headers=AS_IT_IS
    )
    assert answer.status_code == 201, answer.text
    path = answer.json()["path"]
    assert path.startswith("uploads/cr-dit-file-1-")
    assert path.endswith(".csv")
    kept = tmp_path / path
    assert kept.read_bytes() == content
    assert kept.stat().st_mode & 0o077 == 0
    settings = {
        "path": path,
        "currency": "EUR",
        "columns": {"remote_id": "id", "credit_limit": "limit"},
    }
    check = await admin.post(
        "/api/v1/connectors/check", json={"kind": "table", "settings": settings}
    )
    assert check.json()["status"] == "ok", check.text


async def test_a_file_larger_than_other_bodies_is_taken(site: Site) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.post(f"{URL}?name=big.csv", content=b"a,b\n" * 500_000, headers=AS_IT_IS)
    assert (answer.status_code, answer.json()["bytes"]) == (201, 2_000_000)


async def test_a_file_above_the_limit_is_refused_and_leaves_nothing(
    site: Site, tmp_path: Path
) -> None:
    admin = await site.browser("zoe@example.com")
    headers = {**AS_IT_IS, "content-length": str(LARGEST_FILE + 1)}
    answer = await admin.post(f"{URL}?name=big.csv", content=b"a", headers=headers)
    assert problem(answer) == (413, "too_large")
    assert "64 MiB" in answer.json()["detail"]
    assert list(tmp_path.glob("uploads/*")) == []


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("run.exe", b"MZ", "not_a_table"),
        ("sheet.xlsx", b"a,b\n1,2\n", "not_a_table"),
        ("sheet.csv", b"PK\x03\x04", "not_a_table"),
        ("empty.csv", b"", "empty_file"),
    ],
)
async def test_what_is_no_table_is_refused_and_leaves_nothing(
    site: Site, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    admin = await site.browser("zoe@example.com")
    answer = await admin.post(f"{URL}?name={name}", content=content, headers=AS_IT_IS)
    assert problem(answer) == (422, code)
    assert [p for p in tmp_path.glob("uploads/*") if p.is_file()] == []
