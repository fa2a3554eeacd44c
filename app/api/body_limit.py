"""Refuses large request bodies, before anybody has logged in."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import TOO_LARGE, problem
from app.api.uploads import LARGEST_FILE, PATH
from app.errors import AppError

LARGEST_BODY = 1024 * 1024
# Where files are handed over; who may not is refused before the body is read.
_LARGER = {PATH: LARGEST_FILE}


class BodyLimit:
    """ASGI middleware: 413 above `LARGEST_BODY`, told or found while reading."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        largest = _LARGER.get(scope["path"], LARGEST_BODY)
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > largest:
            answer = problem(AppError(413, "too_large", _words(largest)))
            await answer(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > largest:
                # The one exception that FastAPI lets through while it reads a body.
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)


def _words(largest: int) -> str:
    if largest == LARGEST_BODY:
        return TOO_LARGE
    return f"the file is larger than {largest // 1024 // 1024} MiB"
