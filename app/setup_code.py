"""The one-time code by which who reads the server's log may make the first administrator."""

from __future__ import annotations

import base64

import structlog

from app.runtime import Runtime
from app.store.accounts import is_empty
from app.store.types import SecretBox

log = structlog.get_logger("setup")


def setup_code(secrets: SecretBox) -> str:
    """Return the code: the same in every process that has the key, and 60 bits to guess."""
    text = base64.b32encode(secrets.derived("first administrator")[:8]).decode()[:12]
    return "-".join(text[place : place + 4] for place in (0, 4, 8))


async def tell_setup_code(rt: Runtime) -> None:
    """Show the code where the server's log is read, as long as there is nobody."""
    async with rt.db.read() as session:
        if not await is_empty(session):
            return
    # Without a public address only who starts the server knows the port.
    page = f"{rt.settings.public_url or ''}/admin"
    log.warning("make_the_first_administrator", at=page, setup_code=setup_code(rt.secrets))
