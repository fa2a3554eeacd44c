"""Priority rules in the configuration file: read, refused, applied, exported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.configuration_file import Plan, plan_text
from app.configure import apply_plan, export
from app.errors import UserError
from app.store import rules
from app.store.engine import Database
from app.store.types import SecretBox
from app.store.version import config_version

RULES = """\
priorities:
  - {name: Key accounts, when: {tier: [gold, platinum]}, level: 9, queue: key}
  - {name: Angry and owing, when: {overdue_over: "500.00", open_complaint: true}, level: 7}
  - {name: Everybody known, level: 3}
"""


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.dispose()


def read(text: str) -> Plan:
    return plan_text(text, {}, "pop.yaml", Path())


async def apply(database: Database, text: str, *, dry_run: bool = False) -> list[str]:
    secrets = SecretBox([Fernet.generate_key().decode()])
    return [str(c) for c in await apply_plan(database, secrets, read(text), dry_run=dry_run)]


async def stored(database: Database) -> list[str]:
    async with database.read() as session:
        return [rule["name"] for rule in await rules.priorities(session)]


async def version(database: Database) -> int:
    async with database.read() as session:
        return await config_version(session)


async def test_rules_are_created_changed_moved_and_removed(database: Database) -> None:
    assert await apply(database, RULES) == [
        "created   priority Key accounts",
        "created   priority Angry and owing",
        "created   priority Everybody known",
    ]
    swapped = """\
priorities:
  - {name: Angry and owing, when: {overdue_over: "600.00", open_complaint: true}, level: 7}
  - {name: Key accounts, when: {tier: [gold, platinum]}, level: 8, queue: key}
"""
    assert await apply(database, swapped) == [
        "changed   priority Angry and owing: when, order",
        "changed   priority Key accounts: level, order",
        "removed   priority Everybody known",
    ]
    assert await stored(database) == ["Angry and owing", "Key accounts"]
    assert await apply(database, "priorities: []") == [
        "removed   priority Angry and owing",
        "removed   priority Key accounts",
    ]
    assert await stored(database) == []


async def test_applying_them_again_changes_nothing(database: Database) -> None:
    await apply(database, RULES)
    before = await version(database)
    assert {line.split()[0] for line in await apply(database, RULES)} == {"unchanged"}
    assert await apply(database, "users: []") == []
    assert await version(database) == before
    assert len(await stored(database)) == 3


async def test_a_dry_run_tells_and_changes_nothing(database: Database) -> None:
    assert len(await apply(database, RULES, dry_run=True)) == 3
    assert await stored(database) == []


async def test_what_is_exported_makes_the_same_rules(database: Database) -> None:
    await apply(database, RULES)
    written = await export(database, SecretBox([Fernet.generate_key().decode()]))
    assert read(written).priorities == read(RULES).priorities
    assert {line.split()[0] for line in await apply(database, written)} == {"unchanged"}


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("{level: 5}", r"pop\.yaml:2: priorities\[0\]\.name: is missing"),
        ("{name: a}", r"pop\.yaml:2: priorities\[0\]\.level: is missing"),
        ("{name: a, level: 10}", r"pop\.yaml:2: priorities\[0\]\.level: should be .* 9"),
        ("{name: a, level: 0}", r"pop\.yaml:2: priorities\[0\]\.level: should be .* 1"),
        ("{name: a, level: high}", r"pop\.yaml:2: priorities\[0\]\.level: "),
        ("{name: a, level: 1, lvel: 1}", r"priorities\[0\]\.lvel: .*did you mean level\?"),
        (
            "\n    name: a\n    level: 1\n    when:\n      tiers: [gold]",
            r"pop\.yaml:6: priorities\[0\]\.when\.tiers: .*did you mean tier\?",
        ),
        (
            "{name: a, level: 1, when: {tier: gold}}",
            r"pop\.yaml:2: priorities\[0\]\.when\.tier: should be a list",
        ),
        (
            "{name: a, level: 1, when: {overdue_over: 500.00}}",
            r'priorities\[0\]\.when\.overdue_over: must be text; write it in quotes: "500.0"',
        ),
        (
            '{name: a, level: 1, when: {lifetime_over: "1e9"}}',
            r'priorities\[0\]\.when\.lifetime_over: is not an amount of money; write it like "500',
        ),
        (
            '{name: a, level: 1, when: {open_complaint: "yes"}}',
            r"priorities\[0\]\.when\.open_complaint: should be true or false",
        ),
        ("{name: a, level: 1}\n  - {name: a, level: 2}", r"pop\.yaml:3: .*a is there already"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(rule: str, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        read(f"priorities:\n  - {rule}")
