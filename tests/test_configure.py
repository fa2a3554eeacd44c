"""`screenpop apply` and `export`: the configuration as a file."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from textwrap import dedent

import pytest
from cryptography.fernet import Fernet
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from sqlalchemy import func, select

from app.configuration_export import _nicely, _variable
from app.configuration_file import Plan, plan_text
from app.configure import apply_plan, export
from app.errors import UserError
from app.passwords import verify_password
from app.store import configuration
from app.store.engine import Database
from app.store.migrations import migrate
from app.store.models import (
    ConnectorRow,
    Customer,
    CustomerLink,
    Note,
    PhoneIndex,
    PhoneSystemRow,
    Session,
    SyncState,
    User,
)
from app.store.types import SecretBox
from app.store.version import config_version

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
ENV = {
    "ADA_PASSWORD": "seven pumps in a row",
    "PBX_SECRET": "whsec_Y2FuYXJ5LXBieC1zZWNyZXQtMDEyMzQ1Njc4OQ==",
    "BOOKS_URL": "postgresql://reader:canary-books@db/ledger",
}
FILE = """\
default_region: GB
users:
  - {email: Ada@Example.com, name: Ada, role: agent, extensions: ["101"], queues: [sales],
     password: {env: ADA_PASSWORD}}
  - {email: zoe@example.com, name: Zoë, role: admin}
phone_systems:
  - {slug: pbx, kind: generic, settings: {secret: {env: PBX_SECRET}}}
connectors:
  - slug: books
    kind: sql
    name: Ledger
    settings:
      url: {env: BOOKS_URL}
      queries:
        balance: |
          SELECT *
          FROM invoices WHERE customer = :remote_id
    region: GB
    timeout_ms: 900
    cache_s: {balance: 60}
    priority: 10
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url)
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture
def secrets() -> SecretBox:
    return SecretBox([Fernet.generate_key().decode()])


def read(text: str, env: dict[str, str] | None = None, folder: Path = Path()) -> Plan:
    return plan_text(dedent(text), ENV if env is None else env, "pop.yaml", folder)


def verbs(changes: list[object]) -> list[str]:
    return [str(change) for change in changes]


async def apply(database: Database, secrets: SecretBox, text: str) -> list[str]:
    return verbs([*await apply_plan(database, secrets, read(text), now=NOW)])


async def test_applying_a_file_makes_the_configuration_equal_to_it(
    database: Database, secrets: SecretBox
) -> None:
    assert await apply(database, secrets, FILE) == [
        "created   default_region GB",
        "created   user ada@example.com",
        "created   user zoe@example.com",
        "created   phone_system pbx",
        "created   connector books",
    ]
    async with database.read() as session:
        ada = (await session.scalars(select(User).where(User.email == "ada@example.com"))).one()
        assert (ada.name, ada.role, ada.extensions, ada.queues) == (
            "Ada",
            "agent",
            ["101"],
            ["sales"],
        )
        assert await verify_password(ada.password_hash, ENV["ADA_PASSWORD"])
        books = await session.get_one(ConnectorRow, "books")
        assert configuration.open_settings(books, secrets)["url"] == ENV["BOOKS_URL"]
        assert (books.timeout_ms, books.cache_s, books.priority) == (900, {"balance": 60.0}, 10)
        assert await configuration.default_region(session) == "GB"
        assert b"canary" not in books.settings


async def test_applying_a_file_again_changes_nothing(
    database: Database, secrets: SecretBox
) -> None:
    await apply(database, secrets, FILE)
    async with database.read() as session:
        before = await config_version(session)
    again = await apply(database, secrets, FILE)
    async with database.read() as session:
        assert await config_version(session) == before
    assert {line.split()[0] for line in again} == {"unchanged"}


async def test_a_dry_run_tells_and_changes_nothing(database: Database, secrets: SecretBox) -> None:
    changes = await apply_plan(database, secrets, read(FILE), dry_run=True)
    assert {change.verb for change in changes} == {"created"}
    async with database.read() as session:
        assert await config_version(session) == 0
        for table in (User, PhoneSystemRow, ConnectorRow):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_the_plan_names_the_fields_that_differ_and_not_their_values(
    database: Database, secrets: SecretBox
) -> None:
    await apply(database, secrets, FILE)
    changed = FILE.replace("priority: 10", "priority: 11").replace("name: Ada", "name: Ada B")
    env = {**ENV, "BOOKS_URL": "sqlite:///canary-new.db", "ADA_PASSWORD": "canary in the mine"}
    changes = await apply_plan(database, secrets, read(changed, env), now=NOW)
    assert [str(change) for change in changes if change.verb != "unchanged"] == [
        "changed   user ada@example.com: name, password",
        "changed   connector books: settings.url, priority",
    ]
    assert "canary" not in repr(changes)
    assert "canary" not in repr(read(changed, env))


async def test_a_list_that_the_file_does_not_have_is_left_alone(
    database: Database, secrets: SecretBox
) -> None:
    await apply(database, secrets, FILE)
    assert await apply(database, secrets, "default_region: GB") == ["unchanged default_region GB"]
    assert await apply(database, secrets, "phone_systems: []") == ["removed   phone_system pbx"]
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(ConnectorRow)) == 1


async def test_a_user_who_is_removed_is_logged_out_and_their_notes_keep_their_name(
    database: Database, secrets: SecretBox
) -> None:
    await apply(database, secrets, FILE)
    async with database.begin() as session:
        ada = (await session.scalars(select(User).where(User.email == "ada@example.com"))).one()
        session.add(
            Session(
                token_hash="h", user_id=ada.id, created_at=NOW, last_seen_at=NOW, expires_at=NOW
            )
        )
        session.add(
            Note(
                id="n", call_id="pbx:1", user_id=ada.id, text="said", created_at=NOW, updated_at=NOW
            )
        )
    only_zoe = "users: [{email: zoe@example.com, name: Zoë, role: admin}]"
    assert await apply(database, secrets, only_zoe) == [
        "unchanged user zoe@example.com",
        "removed   user ada@example.com",
    ]
    async with database.read() as session:
        kept = await session.get_one(User, ada.id)
        assert kept.disabled
        assert await session.get(Session, "h") is None
    back = await apply(database, secrets, FILE)
    assert "changed   user ada@example.com: disabled" in back


async def test_a_connector_that_is_removed_no_longer_matches_numbers(
    database: Database, secrets: SecretBox
) -> None:
    await apply(database, secrets, FILE)
    async with database.begin() as session:
        session.add(Customer(id="c", display_name="Kestrel", doc={}, updated_at=NOW))
        await session.flush()
        phone = {"raw": "020 7946 0958", "type": None, "is_primary": True, "e164": "+442079460958"}
        contact = {"remote_id": "1", "display_name": "Kestrel", "phone_numbers": [phone]}
        session.add(
            CustomerLink(
                connector="books", remote_id="1", customer_id="c", data=contact, sync_id="s"
            )
        )
        session.add(
            PhoneIndex(
                key="+442079460958",
                connector="books",
                remote_id="1",
                customer_id="c",
                raw="020 7946 0958",
                is_primary=True,
            )
        )
    await apply(database, secrets, "connectors: []")
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(PhoneIndex)) == 0


async def test_a_connector_that_reads_from_elsewhere_syncs_from_the_beginning(
    database: Database, secrets: SecretBox
) -> None:
    await apply(database, secrets, FILE)
    async with database.begin() as session:
        session.add(
            SyncState(connector="books", part="contacts", checkpoint="2026-11-01", rejected=[])
        )
    await apply(database, secrets, FILE.replace("priority: 10", "priority: 11"))
    async with database.read() as session:
        assert (await session.get_one(SyncState, ("books", "contacts"))).checkpoint == "2026-11-01"
    await apply_plan(database, secrets, read(FILE, {**ENV, "BOOKS_URL": "sqlite:///x.db"}))
    async with database.read() as session:
        assert (await session.get_one(SyncState, ("books", "contacts"))).checkpoint is None


async def test_an_export_is_the_same_configuration_without_its_secrets(
    database: Database, secrets: SecretBox
) -> None:
    await apply(database, secrets, FILE)
    text = await export(database, secrets)
    assert "canary" not in text
    assert ENV["PBX_SECRET"] not in text
    env = {name: ENV[name] for name in ("PBX_SECRET", "BOOKS_URL")}
    assert set(re.findall(r"env: (\w+)", text)) == set(env)
    changes = await apply_plan(database, secrets, read(text, env))
    assert {change.verb for change in changes} == {"unchanged"}
    assert "          FROM invoices" in text  # queries stay readable


async def test_an_export_applied_to_an_empty_database_makes_the_same_one(
    database: Database, secrets: SecretBox, tmp_path: Path
) -> None:
    await apply(database, secrets, FILE)
    text = await export(database, secrets)
    url = f"sqlite:///{tmp_path / 'other.db'}"
    await migrate(url)
    other = Database(url)
    await apply_plan(other, secrets, read(text))
    assert await export(other, secrets) == text
    await other.dispose()


async def test_entries_in_another_order_are_told_and_kept_in_it(
    database: Database, secrets: SecretBox
) -> None:
    two = """\
        phone_systems:
          - {slug: a, kind: generic, settings: {secret: {env: PBX_SECRET}}}
          - {slug: b, kind: generic, settings: {secret: {env: PBX_SECRET}}}
        """
    await apply(database, secrets, two)
    swapped = two.replace("slug: a", "slug: x").replace("slug: b", "slug: a")
    swapped = swapped.replace("slug: x", "slug: b")
    assert await apply(database, secrets, swapped) == [
        "changed   phone_system b: order",
        "changed   phone_system a: order",
    ]
    async with database.read() as session:
        rows = await configuration.rows_of(session, PhoneSystemRow)
    assert [row.slug for row in rows] == ["b", "a"]


async def test_a_file_with_one_wrong_entry_changes_nothing(
    database: Database, secrets: SecretBox
) -> None:
    with pytest.raises(UserError):
        await apply(database, secrets, FILE + "  - {slug: Bad, kind: sql}")
    async with database.read() as session:
        assert await config_version(session) == 0


@example("\x85")
@example("line\n\u2028 line")
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_any_text_in_the_settings_survives_the_file(value: str) -> None:
    yaml, out = YAML(typ="rt", pure=True), StringIO()
    yaml.width = 4096
    yaml.dump({"text": _nicely(value)}, out)
    assert str(YAML(typ="rt", pure=True).load(out.getvalue())["text"]) == value


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True),
            st.tuples(st.text(min_size=1, max_size=5)),
        ),
        max_size=20,
    )
)
def test_every_secret_gets_a_variable_of_its_own(places: list[tuple[str, tuple[str]]]) -> None:
    names: set[str] = set()
    made = [_variable(slug, path, names) for slug, path in places]
    assert len(set(made)) == len(places)
    assert all(re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) for name in made)
    assert not any(name.startswith("SCREENPOP_") for name in made)
