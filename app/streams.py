"""Connections to the phone systems that we connect to: one process holds each, and keeps it up."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.call import CallEvent
from app.runtime import Runtime
from app.screenpop import receive_all
from app.store.leases import hold, release
from app.store.stream_health import StreamHealth, healths, write_health
from app.telephony.stream import LoginRefused, Picture, StreamLost, StreamPhoneSystem

LEASE = timedelta(seconds=15)
RENEW_EVERY_S = 5.0
ASK_EVERY_S = 1.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
CONNECTING = StreamHealth(False, error="connecting")
STOPPED = "the server process that was connected has stopped"
log = structlog.get_logger("streams")


@dataclass
class Streams:
    """One task for each configured stream of this process."""

    rt: Runtime
    running: dict[str, tuple[StreamPhoneSystem[Any], asyncio.Task[None]]] = field(
        default_factory=dict
    )

    async def follow_configuration(self) -> None:
        """Start, restart and stop connections so that they are those that are configured."""
        wanted = {
            slug: system
            for slug, system in self.rt.phone_systems.items()
            if isinstance(system, StreamPhoneSystem)
        }
        for slug, (system, task) in tuple(self.running.items()):
            new = wanted.get(slug)
            same = new is not None and type(new) is type(system) and new.config == system.config
            if task.done() or not same:
                task.cancel()
                await asyncio.wait([task])
                del self.running[slug]
        for slug in wanted.keys() - self.running.keys():
            task = self.rt.start(keep_connected(self.rt, wanted[slug]))
            self.running[slug] = (wanted[slug], task)


async def stream_healths(session: AsyncSession, rt: Runtime) -> dict[str, StreamHealth]:
    """Return the health of every configured stream, whichever process holds it."""
    slugs = [s for s, system in rt.phone_systems.items() if isinstance(system, StreamPhoneSystem)]
    return await healths(session, slugs, rt.clock())


async def keep_connected(rt: Runtime, system: StreamPhoneSystem[Any]) -> None:
    """Hold the connection whenever this process has the lease; come back after every loss."""
    lease = f"stream:{system.slug}"
    stream = Stream(rt, system)
    holding = False
    try:
        while True:
            try:
                holding = await hold(rt.db, lease, rt.process_id, rt.clock(), LEASE)
                if holding:
                    await stream.connect(lease)
                else:
                    await asyncio.sleep(ASK_EVERY_S)
            except StreamLost as error:
                await stream.lost(error)
            except Exception as error:
                log.exception("stream_failed", phone_system=system.slug)
                await stream.lost(StreamLost(f"something went wrong: {type(error).__name__}"))
    finally:
        if holding:
            with contextlib.suppress(Exception):
                await stream.tell(StreamHealth(False, rt.clock(), STOPPED))
                await release(rt.db, lease, rt.process_id)


@dataclass
class Stream:
    """One phone system's connection, as its protocol sees us (`StreamHost`)."""

    rt: Runtime
    system: StreamPhoneSystem[Any]
    wait_s: float = FIRST_WAIT_S
    health: StreamHealth = CONNECTING

    def now(self) -> datetime:
        """Return the time."""
        return self.rt.clock()

    def picture(self) -> Picture:
        """Return this phone system's live calls as we know them."""
        return {
            live.call.call_id: frozenset(leg.extension for leg in live.call.legs if leg.live)
            for live in self.rt.calls
            if live.call.phone_system == self.system.slug and not live.call.over
        }

    async def connected(self, warning: str | None) -> None:
        """Hear that the stream is up; `warning` is what does not work all the same."""
        log.info("stream_connected", phone_system=self.system.slug, warning=warning)
        self.wait_s = FIRST_WAIT_S
        await self.tell(StreamHealth(True, self.now(), warning))

    async def take(self, events: Sequence[CallEvent]) -> None:
        """Take events; returns when they are on disk."""
        await receive_all(self.rt, events)
        happened = [event.occurred_at for event in events]
        self.rt.pace.heard(self.system.slug, happened, self.now())

    async def connect(self, lease: str) -> None:
        """Connect and follow the events, renewing the lease, until one of both ends.

        Raises:
            StreamLost: the connection is over, or another process has it now.
        """
        await self.tell(self.health)
        work = asyncio.create_task(self.system.run(self))
        renewing = asyncio.create_task(self._renew(lease))
        try:
            await asyncio.wait((work, renewing), return_when=asyncio.FIRST_COMPLETED)
            for task in (work, renewing):
                if task.done():
                    task.result()
        finally:
            work.cancel()
            renewing.cancel()
            await asyncio.gather(work, renewing, return_exceptions=True)

    async def lost(self, error: StreamLost) -> None:
        """Say why the connection is over and wait, longer each time, before the next attempt."""
        log.warning("stream_lost", phone_system=self.system.slug, why=str(error))
        if isinstance(error, LoginRefused):
            self.wait_s = LONGEST_WAIT_S  # Who tries a wrong password often is locked out.
        since = self.health.since if not self.health.connected else self.now()
        with contextlib.suppress(Exception):
            await self.tell(StreamHealth(False, since or self.now(), str(error)))
        await asyncio.sleep(self.wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self.wait_s = min(self.wait_s * 2, LONGEST_WAIT_S)

    async def _renew(self, lease: str) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            if not await hold(self.rt.db, lease, self.rt.process_id, self.now(), LEASE):
                raise StreamLost("another server process has taken over")
            await self.tell(self.health)

    async def tell(self, health: StreamHealth) -> None:
        """Keep how the connection is, for whoever asks."""
        self.health = health
        longest = LEASE + timedelta(seconds=LONGEST_WAIT_S)
        await write_health(self.rt.db, self.system.slug, health, self.now() + longest)
