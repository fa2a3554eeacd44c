"""Fits the suggestion tables from the synchronised purchase history, beside the calls.

history ▶ parts on disk (kept for an hour: a fit that was broken off goes on) ▶ counted and
learned ▶ one file, put in place at once ▶ the fit's row: from then on every process uses it
"""

from __future__ import annotations

import asyncio
import csv
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

import app
from app.core.purchases import item_key
from app.errors import UserError
from app.runtime import Runtime
from app.store import suggestions as store
from app.store.history import History, HistoryLine, day_number
from app.store.leases import held, hold, release
from app.store.suggestion_models import SuggestionFit
from app.suggest.fit import fit
from app.suggest.quality import measure

LOOK_EVERY_S = 30.0
GROWTH = 0.05
AGAIN = timedelta(minutes=15)
KEPT_FITS = 5
_LEASE = "suggestions"
_LIFE = timedelta(minutes=2)
_RENEW_S = 30.0
_TELL_S = 0.5
_STARTING = "starting"
_STARTS_WITHIN = timedelta(seconds=30)
_RUNNING = "the suggestion tables are being fitted already: wait until it is done"
_PARTS_FOR = timedelta(hours=1)
_NIGHT_FROM = 2
_LINES = """
SELECT customer_id, item_id, day, quantity FROM read_csv(
  ?, header = false, columns = {
    'customer_id': 'VARCHAR', 'item_id': 'VARCHAR', 'day': 'INTEGER', 'quantity': 'DOUBLE'
  }, quote = '"', delim = ',', auto_detect = false
)
"""
Progress = Callable[[str, float], None]
log = structlog.get_logger("fitting")


class FitRunning(UserError):
    """The tables are being fitted already, by this process or another."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A finished fit."""

    number: int
    lines: int
    customers: int
    items: int


@dataclass(frozen=True, slots=True)
class _Counted:
    lines: int
    customers: int
    items: int
    quality: Any


async def fit_history(rt: Runtime, progress: Progress = lambda _step, _share: None) -> Fitted:
    """Fit the tables of the synchronised history and put them in use.

    Raises:
        FitRunning: another process is at it.
        UserError: there is nothing to fit from, or it failed; says why.
    """
    async with _alone(rt), _told(rt, progress) as told:
        started_at = rt.clock()
        async with rt.db.read() as session:
            number = await store.next_number(session)
            orders = await store.known_orders(session)
        row: dict[str, Any] = {
            "number": number,
            "started_at": started_at,
            "orders": orders,
            "lines": 0,
            "customers": 0,
            "items": 0,
            "quality": None,
        }
        try:
            lines = await _export(rt, orders, told)
            path = rt.shelf.file(number)
            today = day_number(started_at.date())
            counted = await asyncio.to_thread(_fit, path, lines, today, started_at, told)
            parts = [] if rt.settings.embedded else store.parts_of(path.read_bytes())
        except BaseException as error:
            why = str(error) if isinstance(error, UserError) else type(error).__name__
            failed = {**row, "state": "failed", "finished_at": rt.clock(), "error": why}
            with suppress(Exception):
                await asyncio.shield(store.save_fit(rt.db, failed))
            raise
        row |= {
            "lines": counted.lines,
            "customers": counted.customers,
            "items": counted.items,
            "quality": counted.quality,
        }
        done = {**row, "state": "live", "finished_at": rt.clock(), "error": None}
        await store.save_fit(rt.db, done, parts)
        kept = await store.forget_fits(rt.db, KEPT_FITS)
        await asyncio.to_thread(_tidy, rt.shelf.folder, kept)
        return Fitted(number, counted.lines, counted.customers, counted.items)


def _fit(path: Path, lines: int, today: int, started_at: datetime, progress: Progress) -> _Counted:
    # Loaded where it is used: the server, which starts this in another process, has no need of it.
    from app.suggest.duck import DuckEngine

    parts = _parts_folder(path.parent) / "*.csv"
    with DuckEngine(folder=path.parent) as engine:
        engine.read(_LINES, [str(parts)], today)
        totals = engine.totals()
        if totals.baskets == 0:
            raise UserError("the purchase history holds no purchases to learn from")
        about = {"fitted_at": started_at.isoformat(), "lines": lines}
        fit(engine, path, about=about, progress=progress).close()
        items = sum(1 for _ in engine.items())
        quality = measure(engine, progress=progress).to_json()
        return _Counted(lines, totals.customers, items, quality)


async def _export(rt: Runtime, orders: int, progress: Progress) -> int:
    """Write the history in parts; those that a fit before wrote lately are taken as they are."""
    folder = _parts_folder(rt.shelf.folder)
    after, count = await asyncio.to_thread(_begin_parts, folder, rt.clock())
    seen = 0
    progress("history", 0.0)
    async for chunk in History(rt.db).lines(after):
        if not chunk:
            continue
        last = max(line.basket for line in chunk)
        await asyncio.to_thread(_write_part, folder, last, count + len(chunk), chunk)
        count += len(chunk)
        seen += len({line.basket for line in chunk})
        progress("history", min(1.0, seen / orders) if orders else 1.0)
    if count == 0:
        raise UserError("no purchase history is synchronised yet: screenpop connectors sync")
    return count


def _parts_folder(folder: Path) -> Path:
    return folder / "parts"


def _begin_parts(folder: Path, now: datetime) -> tuple[int, int]:
    """Return after which order to go on, and how many lines there are already."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for partial in folder.glob("*.partial"):
        partial.unlink()
    parts = sorted(folder.glob("*.csv"))
    oldest = min((part.stat().st_mtime for part in parts), default=0.0)
    if parts and now.timestamp() - oldest > _PARTS_FOR.total_seconds():
        for part in parts:
            part.unlink()
        parts = []
    if not parts:
        return 0, 0
    last, count = parts[-1].stem.split("-")
    return int(last), int(count)


def _write_part(folder: Path, last: int, count: int, lines: Iterable[HistoryLine]) -> None:
    """Write a part under the name of its last order, and of how many lines there are up to it."""
    path = folder / f"{last:020}-{count}.csv"
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows(
            (
                line.customer_id or item_key(line.connector, line.remote_id),
                item_key(line.connector, line.item),
                line.day,
                1.0 if line.thousandths is None else line.thousandths / 1000,
            )
            for line in lines
        )
    partial.replace(path)


def _tidy(folder: Path, kept: list[int]) -> None:
    """Remove the parts, and the files of fits that are forgotten."""
    for part in _parts_folder(folder).glob("*"):
        part.unlink()
    names = {f"{number}.tables" for number in kept}
    for file in folder.glob("*.tables"):
        if file.name not in names:
            file.unlink()


async def start_fit(rt: Runtime) -> None:
    """Begin a fit in a process of its own; how far it is says `store.fit_progress`.

    Raises:
        FitRunning: one is going on already.
    """
    if await fit_running(rt) is not None:
        raise FitRunning(_RUNNING)
    await store.tell_progress(rt.db, _STARTING, 0.0, rt.clock())

    async def run() -> None:
        try:
            await fit_in_a_process(rt)
        finally:
            await store.forget_progress(rt.db)

    rt.spawn(run())


async def fit_running(rt: Runtime) -> tuple[str, float] | None:
    """Return the step that a fit is at and how much of it is done, 0..1; None = none goes on."""
    told = await store.fit_progress(rt.db)
    if await held(rt.db, _LEASE, rt.clock()):
        return (told[0], told[1]) if told else (_STARTING, 0.0)
    if told and told[0] == _STARTING and rt.clock() - told[2] < _STARTS_WITHIN:
        return _STARTING, 0.0
    return None


@asynccontextmanager
async def _told(rt: Runtime, progress: Progress) -> AsyncIterator[Progress]:
    """Also write the progress down from time to time, for whoever watches."""
    last: list[tuple[str, float]] = []

    def tell(step: str, share: float) -> None:
        last[:] = [(step, share)]
        progress(step, share)

    async def write() -> None:
        while True:
            if last:
                with suppress(Exception):
                    await store.tell_progress(rt.db, *last.pop(), rt.clock())
            await asyncio.sleep(_TELL_S)

    writing = asyncio.create_task(write())
    try:
        yield tell
    finally:
        writing.cancel()
        with suppress(Exception):
            await asyncio.shield(store.forget_progress(rt.db))


async def fit_due(rt: Runtime) -> None:
    """Fit when it is time, in a process of its own; one process of all sees to it."""
    async with rt.db.read() as session:
        last = next(iter(await store.fits(session, 1)), None)
        orders = await store.known_orders(session)
    if is_due(last, orders, rt.clock()):
        await fit_in_a_process(rt, "--beside")


def is_due(last: SuggestionFit | None, orders: int, now: datetime) -> bool:
    """Say whether to fit: at first, once a night (after 2 o'clock UTC), or when much is new."""
    if orders == 0:
        return False
    if last is None:
        return True
    if now - last.finished_at < AGAIN:
        return False
    night = now.date() > last.started_at.date() and now.hour >= _NIGHT_FROM
    late = now - last.started_at > timedelta(days=1, hours=12)
    grown = orders > last.orders * (1 + GROWTH)
    return last.state == "failed" or night or late or grown


async def fit_in_a_process(rt: Runtime, *options: str) -> None:
    """Run `screenpop suggest fit`; the calls go on meanwhile."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        *("suggest", "fit", "--no-migrate", *options),
        cwd=Path(app.__file__).parents[1],
        env=_environment(rt),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    lines = said.decode(errors="replace").strip().splitlines()
    if process.returncode == 0:
        log.info("suggestion_tables_fitted")
    else:
        log.warning("suggestion_fit_failed", why=lines[-1] if lines else process.returncode)


def _environment(rt: Runtime) -> dict[str, str]:
    """Return the process's environment: the settings as they are, whatever they came from."""
    own = {name: v for name, v in os.environ.items() if not name.startswith("SCREENPOP_")}
    settings = rt.settings
    own["SCREENPOP_DATA_DIR"] = str(settings.data_dir.absolute())
    own["SCREENPOP_DATABASE_URL"] = settings.database
    own["SCREENPOP_LOG_LEVEL"] = "warning"
    if settings.secret_keys is not None:
        own["SCREENPOP_SECRET_KEYS"] = settings.secret_keys
    return own


@asynccontextmanager
async def _alone(rt: Runtime) -> AsyncIterator[None]:
    """Be the only one of all processes that fits; a dead one's turn runs out."""
    owner = f"{rt.process_id}-{uuid.uuid4().hex[:8]}"
    if not await hold(rt.db, _LEASE, owner, rt.clock(), _LIFE):
        raise FitRunning(_RUNNING)

    async def renew() -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            with suppress(Exception):
                await hold(rt.db, _LEASE, owner, rt.clock(), _LIFE)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.shield(release(rt.db, _LEASE, owner))
