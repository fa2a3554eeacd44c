"""Whatever is merged, parted, changed and taken back in any order: the store stays consistent."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.identity import Ref
from app.store import merging, parting
from app.store.customer_models import CustomerBar
from app.store.engine import Database
from app.store.merging import CannotMerge, NoSuchCustomer
from app.store.models import CallRow, Customer, CustomerLink, PhoneIndex
from tests.store.contacts_world import NOW, call, contact, customers, put

REFS = [Ref(slug, "1") for slug in "abcd"] + [Ref("a", "2"), Ref("b", "2")]
_WHO = st.sampled_from(REFS)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take out"), _WHO),
        st.tuples(st.just("put back"), st.integers(0, 5)),
        st.tuples(st.just("merge"), _WHO, _WHO),
        st.tuples(st.just("undo"), st.integers(0, 5)),
        st.tuples(st.just("change"), _WHO, st.sampled_from(["C-1", "C-2", None])),
        st.tuples(st.just("gone"), _WHO),
        st.tuples(st.just("call"), _WHO),
    ),
    max_size=10,
)


def reading(ref: Ref, account: str | None) -> Any:
    phone = f"020 7946 0{ord(ref.connector) % 10}{ref.remote_id}0"
    return contact(ref.remote_id, phone, **({"external_id": account} if account else {}))


@pytest.fixture(scope="module")
def prepared(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file in which the rules have made two customers of six records, to copy."""
    path = Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("six") / "db"))

    async def fill() -> None:
        db = Database(f"sqlite:///{path}")
        for ref in REFS:
            await put(db, ref.connector, reading(ref, f"C-{ref.remote_id}"))
        assert len(set((await customers(db)).values())) == 2
        await db.dispose()

    asyncio.run(fill())
    return path


@settings(max_examples=12)
@given(_STEPS)
def test_words_and_syncs_in_any_order_leave_nothing_inconsistent(
    prepared: Path, steps: list[Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(prepared, Path(folder) / "db"))
        asyncio.run(_live(steps, f"sqlite:///{path}"))


async def _live(steps: list[Any], url: str) -> None:
    db = Database(url)
    made: dict[str, list[int]] = {"take out": [], "merge": []}
    try:
        for number, step in enumerate(steps, 1):
            # What cannot be done is refused, and has changed nothing.
            with suppress(CannotMerge, NoSuchCustomer):
                await _do(db, step, made, NOW + timedelta(hours=number), number)
            await _check(db)
    finally:
        await db.dispose()


async def _do(db: Database, step: Any, made: dict[str, list[int]], at: Any, number: int) -> None:
    owners = await customers(db)
    async with db.begin() as session:
        conn = await session.connection()
        match step:
            case ("take out", ref) if ref in owners:
                taken = await parting.take_out(conn, owners[ref], ref, user_id="sue", at=at)
                made["take out"].append(taken.parting_id)
            case ("put back", index) if made["take out"]:
                mine = made["take out"]
                await parting.put_back(conn, mine[index % len(mine)], user_id="sue", at=at)
            case ("merge", one, other) if one in owners and other in owners:
                merged = await merging.merge(conn, owners[one], owners[other], user_id="sue", at=at)
                made["merge"].append(merged.merge_id)
            case ("undo", index) if made["merge"]:
                mine = made["merge"]
                await merging.undo(conn, mine[index % len(mine)], user_id="sue", at=at)
    match step:
        case ("change", ref, account):
            await put(db, ref.connector, reading(ref, account), at=at)
        case ("gone", ref):
            await put(db, ref.connector, gone=[ref.remote_id], at=at)
        case ("call", ref) if ref in owners:
            await call(db, f"call-{number}", owners[ref], None, at)


async def _check(db: Database) -> None:
    owners = await customers(db)
    async with db.read() as session:
        rows = await session.execute(select(Customer.id, Customer.doc))
        documents: dict[str, Any] = {row[0]: row[1] for row in rows}
        index = select(PhoneIndex.connector, PhoneIndex.remote_id, PhoneIndex.customer_id)
        for connector, remote_id, owner in await session.execute(index):
            assert owners[Ref(connector, remote_id)] == owner
        linked = {
            (owner, link["connector"], link["remote_id"])
            for owner, doc in documents.items()
            for link in doc["links"]
        }
        assert linked == {(owner, *ref) for ref, owner in owners.items()}
        spoken_of = set(await session.scalars(select(CallRow.customer_id)))
        assert spoken_of <= documents.keys()
        homes = select(CustomerLink.connector, CustomerLink.remote_id, CustomerLink.home_id)
        for connector, remote_id, home in await session.execute(homes):
            assert home != owners[Ref(connector, remote_id)]
        sides: dict[str, dict[bool, set[str | None]]] = {}
        bars = (CustomerBar.connector, CustomerBar.remote_id, CustomerBar.decision)
        for *ref, decision, side in await session.execute(select(*bars, CustomerBar.side)):
            if Ref(*ref) in owners:
                sides.setdefault(decision, {False: set(), True: set()})
                sides[decision][side].add(owners[Ref(*ref)])
        for of_word in sides.values():
            assert not of_word[False] & of_word[True]
