"""What vendors granted by OAuth: encrypted, renewed by one process at a time, for all of them."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.calls import upsert
from app.store.engine import Database
from app.store.leases import hold, release
from app.store.source_models import OAuthGrant, OAuthRequest
from app.store.types import SecretBox
from connectors.sdk.grants import Grant
from connectors.sdk.types import ErrorKind, SourceError

REQUEST_LIFE = timedelta(minutes=15)
# Longer than a token endpoint is waited for (connectors.sdk.oauth.token_http).
_LEASE = timedelta(seconds=20)
_LOOK_AGAIN_S = 0.05


class StoredGrants:
    """The grant of one connector (`connectors.sdk.grants.Grants`)."""

    def __init__(
        self, db: Database, secrets: SecretBox, slug: str, kind: str, now: Callable[[], datetime]
    ) -> None:
        """Take the connector's slug and kind: what another kind was granted does not count."""
        self._db = db
        self._secrets = secrets
        self._slug = slug
        self._kind = kind
        self._now = now

    async def read(self) -> Grant | None:
        """Return the grant, None before somebody connected.

        Raises:
            SourceError: BAD_CONFIG, the key it was encrypted with is gone.
        """
        async with self._db.read() as session:
            row = await session.get(OAuthGrant, self._slug)
        if row is None or row.kind != self._kind:
            return None
        try:
            tokens = self._secrets.open(row.sealed)
        except ValueError as error:
            raise SourceError(ErrorKind.BAD_CONFIG, str(error)) from None
        return Grant(
            tokens["access_token"],
            tokens["refresh_token"],
            row.expires_at,
            tokens["extra"],
            row.refused_at,
        )

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Let one of all processes at a time renew the grant; a process that dies gives it back."""
        name = f"oauth:{self._slug}"
        if self._db.dialect == "sqlite":
            owner = uuid.uuid4().hex
            while not await hold(self._db, name, owner, self._now(), _LEASE):  # noqa: ASYNC110 - other processes
                await asyncio.sleep(_LOOK_AGAIN_S)
            try:
                yield
            finally:
                await release(self._db, name, owner)
        else:
            async with self._db.begin() as session:
                wait = {"wait": f"{_LEASE.seconds}s"}
                await session.execute(text("SELECT set_config('lock_timeout', :wait, true)"), wait)
                held = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
                try:
                    await session.execute(held, {"name": name})
                except DBAPIError:
                    raise SourceError(
                        ErrorKind.UNAVAILABLE,
                        "another process has been renewing the authorisation for too long",
                    ) from None
                yield

    async def write(self, grant: Grant) -> None:
        """Keep a renewed grant; when this returns it is on disk.

        Raises:
            SourceError: AUTH_EXPIRED, the connector was disconnected meanwhile.
        """
        async with self._db.begin() as session:
            mine = OAuthGrant.connector == self._slug, OAuthGrant.kind == self._kind
            kept = await session.scalar(
                update(OAuthGrant)
                .where(*mine)
                .values(**self._values(grant))
                .returning(OAuthGrant.connector)
            )
        if kept is None:
            raise SourceError(
                ErrorKind.AUTH_EXPIRED, f"{self._slug} was disconnected: connect it again"
            )

    async def connect(self, grant: Grant, by: str) -> None:
        """Keep what a person has just granted, in place of what was there."""
        fixed = {"connector": self._slug, "kind": self._kind, "connected_by": by}
        values = {**fixed, **self._values(grant), "connected_at": self._now()}
        # A renewal of the old grant that is under way must not come after it.
        async with self.lock(), self._db.begin() as session:
            await session.execute(upsert(self._db, OAuthGrant, values, ("connector",)))

    def _values(self, grant: Grant) -> dict[str, Any]:
        tokens = {
            "access_token": grant.access_token,
            "refresh_token": grant.refresh_token,
            "extra": dict(grant.extra),
        }
        return {
            "sealed": self._secrets.seal(tokens),
            "expires_at": grant.expires_at,
            "refused_at": grant.refused_at,
            "updated_at": self._now(),
        }


async def grants_by_connector(session: AsyncSession) -> dict[str, OAuthGrant]:
    """Return when each grant was given, ends, or was refused."""
    return {row.connector: row for row in await session.scalars(select(OAuthGrant))}


async def disconnect(session: AsyncSession, slug: str) -> bool:
    """Forget a grant; returns whether there was one."""
    gone = delete(OAuthGrant).where(OAuthGrant.connector == slug).returning(OAuthGrant.connector)
    return await session.scalar(gone) is not None


@dataclass(frozen=True, slots=True)
class Begun:
    """An authorisation that was begun and may be finished by who began it (`bound_to`)."""

    connector: str
    bound_to: str
    verifier: str
    redirect_uri: str


async def keep_request(
    session: AsyncSession, secrets: SecretBox, state: str, begun: Begun, now: datetime
) -> datetime:
    """Keep an authorisation that begins until its callback comes; returns when it is too late."""
    await session.execute(delete(OAuthRequest).where(OAuthRequest.expires_at <= now))
    sealed = secrets.seal({"verifier": begun.verifier, "redirect_uri": begun.redirect_uri})
    row = OAuthRequest(
        state_hash=_hash(state),
        connector=begun.connector,
        bound_to=begun.bound_to,
        sealed=sealed,
        expires_at=now + REQUEST_LIFE,
    )
    session.add(row)
    return row.expires_at


async def take_request(
    session: AsyncSession, secrets: SecretBox, state: str, now: datetime
) -> Begun | None:
    """Return what was begun with this state, once; None when there is none or it is too late."""
    mine = OAuthRequest.state_hash == _hash(state)
    row = await session.scalar(delete(OAuthRequest).where(mine).returning(OAuthRequest))
    if row is None or row.expires_at <= now:
        return None
    kept = secrets.open(row.sealed)
    return Begun(row.connector, row.bound_to, kept["verifier"], kept["redirect_uri"])


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
