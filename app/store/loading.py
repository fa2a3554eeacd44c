"""Loads of many contacts: staged in temporary tables, then moved by a few statements.

What is new and shares no evidence with another connector's records is written here, set by set.
What has changed, or may join or part customers, is handed back for `linking` to decide.
The two databases differ in how rows are staged and moved: `loading_sqlite`, `loading_postgresql`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self

from app.core.loading import Prepared

STAGING = (
    "CREATE TEMP TABLE load_contacts (remote_id TEXT, customer_id TEXT, display_name TEXT,"
    " doc TEXT, data TEXT)",
    "CREATE TEMP TABLE load_numbers (key TEXT, remote_id TEXT, customer_id TEXT, raw TEXT,"
    " type TEXT, is_primary BOOLEAN)",
    "CREATE TEMP TABLE load_keys (key TEXT, remote_id TEXT)",
    # The records that are not simply new: `same` as stored, or for `linking` to decide.
    "CREATE TEMP TABLE load_other (remote_id TEXT PRIMARY KEY, lane TEXT)",
)
SORT_OUT = """
INSERT INTO load_other SELECT t.remote_id, CASE
  WHEN EXISTS (SELECT 1 FROM customer_links l WHERE l.connector = :connector
               AND l.remote_id = t.remote_id AND l.data = t.data)
  THEN 'same' ELSE 'linking' END
FROM load_contacts t
WHERE EXISTS (SELECT 1 FROM customer_links l WHERE l.connector = :connector
              AND l.remote_id = t.remote_id)
   OR EXISTS (SELECT 1 FROM customer_links l WHERE l.customer_id = t.customer_id)
   OR EXISTS (SELECT 1 FROM customer_merges m WHERE m.gone_id = t.customer_id
              OR m.survivor_id = t.customer_id)
"""
# Least and greatest are each one step in the index, where "any other" would read it all.
OTHERS = """
SELECT (SELECT min(connector) FROM customer_links) <> :connector
    OR (SELECT max(connector) FROM customer_links) <> :connector
"""
HELD_BY_OTHERS = """
INSERT INTO load_other SELECT found.remote_id, 'linking' FROM (
  SELECT t.remote_id FROM load_keys t WHERE EXISTS (
    SELECT 1 FROM customer_keys k WHERE k.key = t.key AND k.connector <> :connector)
  UNION SELECT t.remote_id FROM load_numbers t WHERE EXISTS (
    SELECT 1 FROM phone_index p WHERE p.key = t.key AND p.connector <> :connector)) found
WHERE NOT EXISTS (SELECT 1 FROM load_other o WHERE o.remote_id = found.remote_id)
"""
LANES = "SELECT DISTINCT lane FROM load_other"
IS_NEW = "NOT EXISTS (SELECT 1 FROM load_other n WHERE n.remote_id = t.remote_id)"
LEFT_OVER = """
SELECT t.remote_id, t.data FROM load_contacts t
JOIN load_other o ON o.remote_id = t.remote_id WHERE o.lane = 'linking'
"""
_CUSTOMERS = """
INSERT INTO customers (id, display_name, doc, updated_at)
SELECT t.customer_id, t.display_name, t.doc, :at FROM {rows}
ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name, doc = excluded.doc,
  updated_at = excluded.updated_at
"""
_LINKS = """
INSERT INTO customer_links (connector, remote_id, customer_id, data, sync_id, linked_at)
SELECT :connector, t.remote_id, t.customer_id, t.data, :mark, :at
FROM {rows} ON CONFLICT DO NOTHING
"""
_KEYS = """
INSERT INTO customer_keys (key, connector, remote_id)
SELECT t.key, :connector, t.remote_id FROM {rows} ON CONFLICT DO NOTHING
"""
_NUMBERS = """
INSERT INTO phone_index (key, connector, remote_id, customer_id, raw, type, is_primary)
SELECT t.key, :connector, t.remote_id, t.customer_id, t.raw, t.type, t.is_primary
FROM {rows} ON CONFLICT DO NOTHING
"""
_SEEN = """
UPDATE customer_links SET sync_id = :mark WHERE connector = :connector AND remote_id IN
  (SELECT t.remote_id FROM {rows})
"""


class Pass(NamedTuple):
    """A statement, the staged rows that it moves, and which column the target is in order of.

    `among`: the table in which rows of other connectors may clash with these.
    """

    statement: str
    table: str
    order: str
    among: str | None = None


NEW = (
    # The ids of a load are near each other, its names everywhere in the index by name.
    Pass(_CUSTOMERS, "load_contacts", "display_name"),
    Pass(_LINKS, "load_contacts", "customer_id"),
    Pass(_KEYS, "load_keys", "key", "customer_keys"),
    Pass(_NUMBERS, "load_numbers", "key", "phone_index"),
)
SAME = Pass(_SEEN, "load_other", "remote_id")


@dataclass(slots=True)
class Rest:
    """What a load leaves: data of records that `linking` decides, and half-written records.

    The half-written are new ones that turned out, as they were written, to share evidence with
    another connector's record, or that somebody else changed meanwhile: they are written anew.
    """

    undecided: Mapping[str, str] = field(default_factory=dict)
    half_written: set[str] = field(default_factory=set)


class Load(Protocol):
    """Contacts on their way into the store; an asynchronous context manager."""

    async def __aenter__(self) -> Self:
        """Open a connection of its own, with empty staging tables."""

    async def __aexit__(self, *_: object) -> None:
        """Let the connection go, and with it the staged rows."""

    async def stage(self, ready: Prepared) -> None:
        """Take rows, without a lock that others wait for."""

    async def move(self, checkpoint: str) -> Rest:
        """Write what is new, as long as `checkpoint` is that of the sync.

        Raises:
            SyncTakenOver: another process has begun a sync of this connector.
        """
