"""How long the console's lists take with a million customers, 5,000 users and 200 sources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx

from app.store import accounts, logins
from tests.large import LISTS, make_large
from tests.product import Product, settings_for
from tests.servers import running_postgres

CUSTOMERS = 1_000_000
_TIMES = 9


async def measure(url: str, folder: Path, customers: int) -> list[tuple[str, float, float]]:
    """Return for each list its address, and the first answer's and the others' median time, ms."""
    async with Product.running(settings_for(url, folder)) as product:
        await make_large(product.runtime, customers)
        async with product.runtime.db.begin() as session:
            await (await session.connection()).exec_driver_sql("ANALYZE")
        async with _admin(product) as admin:
            found = []
            for address in LISTS:
                took = []
                for _ in range(_TIMES):
                    began = perf_counter()
                    answer = await admin.get(address)
                    took.append((perf_counter() - began) * 1000)
                    answer.raise_for_status()
                found.append((address, took[0], median(took[1:])))
            return found


@asynccontextmanager
async def _admin(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    rt = product.runtime
    async with rt.db.begin() as session:
        fields: dict[str, Any] = {"email": "root@example.com", "name": "Root", "role": "admin"}
        fields |= {"extensions": [], "queues": []}
        user = await accounts.create_user(session, fields, rt.clock(), None)
        _, token = await logins.create_token(session, user.id, None, None, rt.clock())
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=product.url, headers=headers, timeout=60) as client:
        yield client


async def compare(folder: Path, customers: int) -> dict[str, list[tuple[str, float, float]]]:
    """Measure on both databases."""
    found = {"sqlite": await measure(f"sqlite:///{folder / 'lists.db'}", folder, customers)}
    with running_postgres() as server:
        found["postgresql"] = await measure(server.create_database(), folder / "pg", customers)
    return found


def table(found: dict[str, list[tuple[str, float, float]]]) -> str:
    """Say what was found, in lines."""
    return "\n".join(
        f"{name}: {address:66} first {first:7.1f} ms, then {then:6.1f} ms"
        for name, lists in found.items()
        for address, first, then in lists
    )
