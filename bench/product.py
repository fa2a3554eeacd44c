"""The product's data for a measurement: agents, customers, their numbers and earlier calls."""

from __future__ import annotations

import base64
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from app.configuration_file import plan_text
from app.configure import apply_plan
from app.core.call import Attestation, Call
from app.core.contact import StoredContact
from app.core.golden import Link, golden
from app.core.pop import call_json, dumps
from app.core.routing import Agent
from app.runtime import open_secrets
from app.settings import Settings
from app.store.accounts import agent_of
from app.store.engine import Database
from app.store.hot import documents
from app.store.logins import create_token
from app.store.migrations import migrate
from app.store.models import User
from app.store.version import bump_config_version
from app.store.words import INDEXED_UNTIL, terms
from bench.floor import KEY
from connectors.sdk.types import Number

EARLIER_CALLS = 4
SOURCES = ("books", "shop", "credit")
_SYSTEM = """
default_region: GB
phone_systems:
  - {slug: pbx, kind: generic, settings: {secret: {env: PBX_SECRET}}}
"""
_NOTE = (
    "Asked about the delivery of the spring order and the two items that were missing from it; "
    "promised to call back with a date before the end of the week."
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data folder that `screenpop serve` can start on."""

    folder: Path
    extensions: list[str]
    tokens: list[str]

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "screenpop.db"


def number(index: int) -> str:
    """Return the number of the customer with this index."""
    return f"+442079{index:06d}"


async def prepare(
    folder: Path, agents: int, customers: int, callers: int, connectors: str = ""
) -> Prepared:
    """Make a data folder; the first `callers` customers have called before.

    `connectors` is that part of the configuration file.
    """
    settings = Settings.model_construct(
        **{**Settings.model_construct().model_dump(), "data_dir": folder}
    )
    secrets = open_secrets(settings)
    await migrate(settings.database)
    db = Database(settings.database)
    try:
        secret = {"PBX_SECRET": "whsec_" + base64.b64encode(KEY).decode()}
        await apply_plan(db, secrets, plan_text(_SYSTEM + connectors, secret, "bench", folder))
        users, tokens = await _add_agents(db, agents)
    finally:
        await db.dispose()
    _fill(folder / "screenpop.db", customers, callers, agent_of(users[0]))
    _index_words(folder / "screenpop.db")
    return Prepared(folder, [user.extensions[0] for user in users], tokens)


async def _add_agents(db: Database, count: int) -> tuple[Sequence[User], list[str]]:
    now = datetime.now(UTC)
    users = [
        User(
            id=uuid.uuid4().hex,
            email=f"agent{i}@example.com",
            name=f"Agent {i}",
            role="agent",
            extensions=[str(1000 + i)],
            queues=["sales"],
            created_at=now,
        )
        for i in range(count)
    ]
    async with db.begin() as session:
        session.add_all(users)
        await session.flush()
        await bump_config_version(session)
        tokens = [(await create_token(session, u.id, "bench", None, now))[1] for u in users]
    return users, tokens


def _fill(database: Path, customers: int, callers: int, agent: Agent) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    at = now.isoformat(sep=" ")
    db = sqlite3.connect(database)
    contacts = [_contact(i) for i in range(customers)]
    db.executemany(
        "INSERT INTO customers (id, display_name, doc, updated_at) VALUES (?, ?, ?, ?)",
        (
            (
                f"c-{i:020d}",
                contact["display_name"],
                dumps(golden(f"c-{i:020d}", [Link(s, 0, contact) for s in SOURCES])).decode(),
                at,
            )
            for i, contact in enumerate(contacts)
        ),
    )
    db.executemany(
        "INSERT INTO phone_index (key, connector, remote_id, customer_id, raw, type, is_primary) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (number(i), SOURCES[0], contact["remote_id"], f"c-{i:020d}", number(i), "work", True)
            for i, contact in enumerate(contacts)
        ),
    )
    earlier = list(_earlier(callers, agent))
    db.executemany(
        "INSERT INTO calls (call_id, phone_system, live, state, e164, customer_id, agent_id, "
        "user_ids, started_at, doc, summary) VALUES (?, 'pbx', 0, 'ended', ?, ?, ?, ?, ?, ?, ?)",
        (row for row, _ in earlier),
    )
    db.executemany(
        "INSERT INTO notes (id, call_id, user_id, text, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        ((note_id, row[0], agent.user_id, _NOTE, at, at) for row, note_id in earlier),
    )
    db.commit()
    db.close()


def _index_words(database: Path) -> None:
    """Leave nothing to index: a server has done so minutes after a sync."""
    with closing(sqlite3.connect(database)) as db:
        found = db.execute("SELECT id, doc FROM customers ORDER BY id").fetchall()
        words = sorted((term, i) for i, doc in found for term in terms(orjson.loads(doc)))
        db.executemany("INSERT INTO customer_terms (term, customer_id) VALUES (?, ?)", words)
        until = f"{datetime.now(UTC).isoformat()} {found[-1][0]}"
        db.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (INDEXED_UNTIL, until))
        db.execute("ANALYZE")
        db.commit()


def _contact(i: int) -> StoredContact:
    return {
        "remote_id": f"{10_000 + i}",
        "display_name": f"Kestrel Garden Supplies {i}",
        "company_name": f"Kestrel Garden Supplies {i} Ltd",
        "external_id": f"C-{i}",
        "tier": "gold",
        "language": "en",
        "region": "GB",
        "remote_url": f"https://books.example.com/customers/{10_000 + i}",
        "owner": {"name": "Ada Archer", "email": "ada@example.com"},
        "tags": ["trade", "north"],
        "email_addresses": [f"orders{i}@kestrel.example.com", f"accounts{i}@kestrel.example.com"],
        "phone_numbers": [
            {"raw": number(i), "type": "work", "is_primary": True, "e164": number(i)},
            {"raw": "0161 496 0000", "type": "mobile", "is_primary": False, "e164": None},
        ],
    }


def _earlier(callers: int, agent: Agent) -> Iterator[tuple[tuple[object, ...], str]]:
    now = datetime.now(UTC)
    for i in range(callers):
        for back in range(1, EARLIER_CALLS + 1):
            at = now - timedelta(days=7 * back, seconds=i)
            call = Call(
                call_id=f"pbx:earlier-{i}-{back}",
                phone_system="pbx",
                direction="inbound",
                state="ended",
                ani=Number(number(i), number(i)),
                attestation=Attestation("A"),
                started_at=at,
            )
            row = (
                call.call_id,
                number(i),
                f"c-{i:020d}",
                agent.user_id,
                dumps([agent.user_id]).decode(),
                at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds"),
                *documents(call_json(call, agent, agent.extension)).values(),
            )
            yield row, f"n-{i}-{back}"
