"""What the sources sell: the catalogue that suggestions take names, prices and stock from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from app.core.contact import clean, web_address
from app.core.sync import Part, SyncRun
from app.store.engine import Database
from app.store.records import chunks
from app.store.source_models import CatalogueItem
from app.store.sync_state import finish_sync, save_progress, start_sync
from connectors.sdk.types import Item, RejectedRow

ITEMS = CatalogueItem.metadata.tables["catalogue_items"]
_TEXT = 200
_AT_A_TIME = 500


class Catalogue:
    """Items, as a sync writes them (`sources.sync.PartStore`)."""

    part: Part = "catalogue"

    def __init__(self, db: Database) -> None:
        self._db = db

    async def start_sync(self, connector: str, *, full: bool, at: datetime) -> SyncRun:
        """Begin a full read, or go on where the last one was."""
        return await start_sync(self._db, connector, self.part, full=full, at=at)

    async def write(
        self, run: SyncRun, changes: Mapping[str, Item | None], *, at: datetime
    ) -> None:
        """Write a batch of items by id and the checkpoint it reaches; None = it is gone."""
        rows = {}
        for item_id, item in changes.items():
            if item is not None and (row := _row(item, run, at)) is not None:
                rows[item_id] = row
        run.records += len(rows)
        mine = ITEMS.c.connector == run.connector
        async with self._db.begin() as session:
            conn = await session.connection()
            gone = [item_id for item_id, item in changes.items() if item is None]
            for ids in chunks(gone):
                await conn.execute(delete(ITEMS).where(mine, ITEMS.c.item_id.in_(ids)))
            known: set[str] = set()
            for ids in chunks(rows):
                found = select(ITEMS.c.item_id).where(mine, ITEMS.c.item_id.in_(ids))
                known |= set(await conn.scalars(found))
            if new := [row for item_id, row in rows.items() if item_id not in known]:
                await conn.execute(insert(ITEMS), new)
            if changed := [{**rows[i], "b_item_id": i} for i in known]:
                one = ITEMS.c.item_id == bindparam("b_item_id")
                await conn.execute(update(ITEMS).where(mine, one), changed)
            await save_progress(conn, run)

    async def remove_unseen(self, run: SyncRun, *, at: datetime) -> int:  # noqa: ARG002
        """Remove the items that a full read did not come across, and say how many."""
        return await self._remove(run.connector, ITEMS.c.sync_id != run.sync_id)

    async def kept(self, connector: str) -> int:
        """Return how many items of a connector are known."""
        async with self._db.read() as session:
            query = select(func.count()).where(ITEMS.c.connector == connector)
            return await session.scalar(query) or 0

    async def finish_sync(
        self, run: SyncRun, *, at: datetime, error: str | None, settled: bool = True
    ) -> None:
        """Write how the sync ended."""
        kept = await self.kept(run.connector)
        await finish_sync(self._db, run, kept=kept, at=at, error=error, settled=settled)

    async def settle(self, run: SyncRun) -> None:
        """Nothing waits: each batch is written as it comes."""

    async def aclose(self) -> None:
        """Nothing is held."""

    async def forget_connector(self, connector: str) -> int:
        """Remove everything that came from a connector, when it leaves the configuration."""
        return await self._remove(connector)

    async def _remove(self, connector: str, *conditions: Any) -> int:
        removed = 0
        mine = ITEMS.c.connector == connector
        while True:
            some = select(ITEMS.c.item_id).where(mine, *conditions).limit(_AT_A_TIME)
            async with self._db.read() as session:
                ids = list(await session.scalars(some))
            if not ids:
                return removed
            async with self._db.begin() as session:
                await session.execute(delete(ITEMS).where(mine, ITEMS.c.item_id.in_(ids)))
            removed += len(ids)


def _row(item: Item, run: SyncRun, at: datetime) -> dict[str, Any] | None:
    if not item.item_id.isprintable() or not 0 < len(item.item_id) <= _TEXT:
        where = f"item {(clean(item.item_id, 40) or '')!r}"
        why = f"the item_id must have 1 to {_TEXT} characters, none a control character"
        run.reject(RejectedRow(where, why))
        return None
    return {
        "connector": run.connector,
        "item_id": item.item_id,
        "sku": clean(item.sku),
        "name": clean(item.name) or item.item_id,
        "category": clean(item.category),
        "unit_price": _exact(item.unit_price),
        "currency": clean(item.currency, 8),
        "inventory_quantity": _exact(item.inventory_quantity),
        "is_active": item.is_active,
        "remote_url": web_address(item.remote_url),
        "updated_at": at,
        "sync_id": run.sync_id,
    }


def _exact(value: Decimal | None) -> str | None:
    return None if value is None or not value.is_finite() else f"{value:f}"
