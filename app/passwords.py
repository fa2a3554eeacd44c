"""Passwords: argon2id at OWASP's minimum, off the event loop, and what may be one."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import AppError

T = TypeVar("T")

MIN_LENGTH = 8
MAX_LENGTH = 256
_MAX_WAITING = 100

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# One worker: a crowd that logs in at once must not take the processor from the calls.
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")
_waiting = 0

# Verified when there is no such user, so that the answer takes as long. The hash of no password.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$c2NyZWVucG9wLW5vYm9keQ"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

# The passwords of eight or more characters that people use most, and so guessers try first.
_COMMON = frozenset(
    Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split()
)


def password_fault(password: str, email: str = "") -> str | None:
    """Say why this may not be a password, or None. Length counts, composition does not."""
    plain = _normal(password)
    if len(plain) < MIN_LENGTH:
        return f"use at least {MIN_LENGTH} characters; a few words are easy to remember"
    if len(plain) > MAX_LENGTH:
        return f"use at most {MAX_LENGTH} characters"
    folded = plain.casefold()
    if folded in _COMMON or len(set(folded)) == 1:
        return "this is one of the passwords that are guessed first; use another"
    if email and folded in (email.casefold(), email.casefold().split("@")[0]):
        return "use something other than the e-mail address"
    return None


async def hash_password(password: str) -> str:
    """Return the hash to keep.

    Raises:
        AppError: too many others wait for theirs.
    """
    return await _off_the_loop(lambda: _hasher.hash(_normal(password)))


async def verify_password(kept: str | None, password: str) -> bool:
    """Compare with a hash; takes as long when there is none.

    Raises:
        AppError: too many others wait for theirs.
    """

    def verify() -> bool:
        try:
            _hasher.verify(kept or _NOBODY, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    return await _off_the_loop(verify)


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def _normal(password: str) -> str:
    # The same characters can be typed as different code points (NIST SP 800-63B 5.1.1.2).
    return unicodedata.normalize("NFKC", password)


async def _off_the_loop(work: Callable[[], T]) -> T:
    global _waiting
    if _waiting >= _MAX_WAITING:
        raise AppError(503, "busy", "too many people are logging in; try again in a moment")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_worker, work)
    finally:
        _waiting -= 1
