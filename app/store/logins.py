"""Sessions of browsers and tokens of programs. Only hashes of both are kept."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, cast, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import AppError
from app.store.models import ApiToken, Session, User

IDLE = timedelta(hours=12)
LIFE = timedelta(days=7)
TOKEN_PREFIX = "spt_"  # noqa: S105  (what secret scanners look for)
# How old `last_seen_at` may be before it is written again: not on every request.
_SEEN_STEP = timedelta(minutes=5)


def token_hash(token: str) -> str:
    """Return what is kept of a session's or a program's token (256 random bits need no salt)."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


async def start_session(session: AsyncSession, user_id: str, now: datetime) -> str:
    """Log a browser in and return its token; sessions that have run out are deleted."""
    await session.execute(
        delete(Session).where(or_(Session.expires_at <= now, Session.last_seen_at <= now - IDLE))
    )
    token = secrets.token_urlsafe(32)
    session.add(
        Session(
            token_hash=token_hash(token),
            user_id=user_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + LIFE,
        )
    )
    return token


async def end_session(session: AsyncSession, hashed: str) -> None:
    """Log one browser out."""
    await session.execute(delete(Session).where(Session.token_hash == hashed))


async def end_sessions(session: AsyncSession, user_id: str, but: str | None = None) -> None:
    """Log a user out everywhere, but for one session."""
    where = [Session.user_id == user_id]
    if but is not None:
        where.append(Session.token_hash != but)
    await session.execute(delete(Session).where(*where))


async def list_sessions(session: AsyncSession, user_id: str, now: datetime) -> Sequence[Session]:
    """Return a user's live sessions, the one used last first."""
    rows = select(Session).where(Session.user_id == user_id, _live_session(now))
    return (await session.scalars(rows.order_by(Session.last_seen_at.desc()))).all()


async def mark_seen(session: AsyncSession, hashed: str, now: datetime) -> None:
    """Note that a session is in use, so that it does not run out for idleness."""
    await session.execute(
        update(Session).where(Session.token_hash == hashed).values(last_seen_at=now)
    )


async def create_token(
    session: AsyncSession,
    user_id: str,
    name: str | None,
    expires_at: datetime | None,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Make a token that may do what its user may; the text is returned this once."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        id=uuid.uuid4().hex,
        user_id=user_id,
        name=name,
        token_hash=token_hash(text),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    await session.flush()
    return row, text


async def list_tokens(session: AsyncSession, user_id: str) -> Sequence[ApiToken]:
    """Return a user's tokens, the newest first, revoked ones too."""
    rows = select(ApiToken).where(ApiToken.user_id == user_id)
    return (await session.scalars(rows.order_by(ApiToken.created_at.desc(), ApiToken.id))).all()


async def revoke_token(
    session: AsyncSession, token_id: str, now: datetime, user_id: str | None = None
) -> None:
    """End a token, of this user where one is named; one that is revoked stays so.

    Raises:
        AppError: 404, there is none.
    """
    row = await session.get(ApiToken, token_id)
    if row is None or (user_id is not None and row.user_id != user_id):
        raise AppError(404, "token_not_found", "there is no such token")
    row.revoked_at = row.revoked_at or now


async def session_user(
    session: AsyncSession, hashed: str, now: datetime
) -> tuple[User, bool] | None:
    """Return whose live session this is, and whether its use should be noted."""
    row = (
        await session.execute(
            select(User, Session.last_seen_at)
            .join(Session, Session.user_id == User.id)
            .where(Session.token_hash == hashed, _live_session(now), ~User.disabled)
        )
    ).first()
    return None if row is None else (row[0], now - row[1] >= _SEEN_STEP)


async def token_user(session: AsyncSession, hashed: str, now: datetime) -> User | None:
    """Return whose live token this is."""
    found: User | None = await session.scalar(
        select(User)
        .join(ApiToken, ApiToken.user_id == User.id)
        .where(ApiToken.token_hash == hashed, _live_token(now), ~User.disabled)
    )
    return found


async def live_logins(
    session: AsyncSession, hashes: Collection[str], now: datetime
) -> dict[str, str]:
    """Return the role behind each of these hashes; those that have ended are left out."""
    # One value, not one for each: 1,000 of them would cost more than the statement.
    asked = list(hashes)
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(json.dumps(asked)).table_valued("value").c.value
    else:
        # The type writes the list as JSON itself.
        each = func.jsonb_array_elements_text(cast(asked, JSONB)).column_valued()
    by_session = (
        select(Session.token_hash, User.role)
        .join(User, Session.user_id == User.id)
        .where(Session.token_hash.in_(select(each)), _live_session(now), ~User.disabled)
    )
    by_token = (
        select(ApiToken.token_hash, User.role)
        .join(User, ApiToken.user_id == User.id)
        .where(ApiToken.token_hash.in_(select(each)), _live_token(now), ~User.disabled)
    )
    rows = [*await session.execute(by_session), *await session.execute(by_token)]
    return {row[0]: row[1] for row in rows}


def _live_session(now: datetime) -> ColumnElement[bool]:
    return and_(Session.expires_at > now, Session.last_seen_at > now - IDLE)


def _live_token(now: datetime) -> ColumnElement[bool]:
    return and_(
        ApiToken.revoked_at.is_(None),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
    )
