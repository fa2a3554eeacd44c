"""`screenpop customers`: duplicates looked for, merged and parted, records to mend, by hand."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Iterator
from logging import getLogger
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from app.cli import cli
from app.configuration_file import plan_text
from app.configure import apply_plan
from app.runtime import open_runtime
from app.settings import load_settings
from tests.product import SECRET, TOKEN, USERS
from tests.store.contacts_world import contact, customers, put


@pytest.fixture
def known(
    monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str, tmp_path: Path
) -> Iterator[None]:
    """Make a database with a likely pair of customers and a faulty number."""
    monkeypatch.setenv("SCREENPOP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SCREENPOP_DATABASE_URL", migrated_sqlite_url)
    asyncio.run(_fill())
    root = getLogger()
    handlers, level = root.handlers, root.level
    yield
    # The commands log to a stderr that is closed with each of them.
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


async def _fill() -> None:
    rt = await open_runtime(load_settings(), run_migrations=False)
    env = {"PBX_SECRET": SECRET, "PBX_TOKEN": TOKEN}
    await apply_plan(rt.db, rt.secrets, plan_text(USERS, env, "test.yaml", Path()))
    await put(rt.db, "books", contact("1", "07700 900123", display_name="Ann Bell"))
    await put(rt.db, "shop", contact("7", "07700 900123", "0", display_name="Anne Bell"))
    await rt.close()


def screenpop(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(cli, ["customers", *arguments])
    assert done.exit_code == status, done.output
    return done.output if status == 0 else done.stderr


@pytest.mark.usefixtures("known")
def test_a_likely_pair_is_printed_merged_and_parted_again() -> None:
    printed = screenpop("duplicates")
    assert "2 customers, 1 likely duplicates to decide" in printed
    assert "same number: +447700900123" in printed
    one, other = re.findall(r"\((c-[\w-]+)\)", printed)
    merged = screenpop("merge", one, other, "--user", "Sue@example.com")
    assert f"{other} is part of {one} now, with 1 records and 0 calls" in merged
    merge_id = merged.split()[1].rstrip(":")
    parted = screenpop("undo", merge_id, "--user", "sue@example.com")
    assert f"{other} is a customer of its own again" in parted
    assert "0 likely duplicates" in screenpop("duplicates")


@pytest.mark.usefixtures("known")
def test_a_record_is_taken_out_of_a_customer_and_put_back() -> None:
    joint = asyncio.run(_join())
    by = ("--user", "sue@example.com")
    taken = screenpop("take-out", joint, "shop", "7", *by)
    made = re.fullmatch(
        r"parting (\d+): shop 7 is (c-[\w-]+) now, with 0 calls;"
        rf" no rule joins it to {joint} again\n",
        taken.replace("\n", " ").rstrip() + "\n",
    )
    assert made is not None, taken
    again = screenpop("take-out", joint, "shop", "7", *by, status=1)
    assert again == "shop 7 is no record of this customer any more: read it again\n"
    assert "the record is part of c-" in screenpop("put-back", made[1], *by)
    assert "taken back already" in screenpop("put-back", made[1], *by, status=1)


async def _join() -> str:
    rt = await open_runtime(load_settings(), run_migrations=False)
    for connector, remote_id in (("books", "1"), ("shop", "7")):
        await put(rt.db, connector, contact(remote_id, "07700 900123", tax_number="GB123456789"))
    (joint,) = set((await customers(rt.db)).values())
    await rt.close()
    return joint


@pytest.mark.usefixtures("known")
def test_who_may_not_decide_is_told_so() -> None:
    for nobody in ("ada@example.com", "nobody@example.com"):
        said = screenpop("merge", "c-1", "c-2", "--user", nobody, status=1)
        assert said == f"{nobody} is no supervisor or admin: name one who may decide\n"
    assert screenpop("undo", "7", "--user", "sue@example.com", status=1) == "there is no merge 7\n"


@pytest.mark.usefixtures("known")
def test_records_to_mend_are_printed_and_given_as_a_file() -> None:
    screenpop("duplicates")
    assert "number_unusable" in screenpop("quality")
    assert "cannot be called: 0" in screenpop("quality", "--connector", "shop")
    rows = list(csv.DictReader(io.StringIO(screenpop("quality", "--csv"))))
    assert {(r["connector"], r["kind"]) for r in rows} >= {("shop", "number_unusable")}
    assert "there is no kind nonsense" in screenpop("quality", "--kind", "nonsense", status=1)
