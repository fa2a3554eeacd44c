"""Files that an admin hands over, for connectors that read files from the data folder."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from app.api.deps import Admin, RuntimeDep
from app.errors import AppError

router = APIRouter(prefix="/api/v1", tags=["connectors"])
log = structlog.get_logger("api")
FOLDER = "uploads"
LARGEST_FILE = 64 * 1024 * 1024
PATH = "/api/v1/uploads"
_ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
# What a spreadsheet file begins with: a zip archive, or the compound file of old .xls.
_MAGIC = (b"PK", b"\xd0\xcf\x11\xe0")
_WRITE_AT_ONCE = 1024 * 1024


class UploadOut(BaseModel):
    """A file that is in the data folder now; `path` is what a connector's settings name."""

    path: str
    name: str
    bytes: int


@router.post("/uploads", status_code=201)
async def upload(
    request: Request,
    _admin: Admin,
    runtime: RuntimeDep,
    name: Annotated[str, Query(min_length=1, max_length=255, description="The file's own name.")],
) -> UploadOut:
    """Take a file (the body, as it is) of at most 64 MiB into the data folder, under a new name."""
    ending = Path(name).suffix.lower()
    if ending not in _ENDINGS:
        detail = f"a table is expected, a file that ends in {', '.join(_ENDINGS)}"
        raise AppError(422, "not_a_table", detail, [{"pointer": "/name", "detail": detail}])
    folder = runtime.settings.data_dir / FOLDER
    path = folder / f"{_safe(name)}-{secrets.token_hex(4)}{ending}"
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        size = await _receive(request, part, ending)
        await asyncio.to_thread(part.replace, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    log.info("file_uploaded", file=path.name, bytes=size)
    return UploadOut(path=f"{FOLDER}/{path.name}", name=name, bytes=size)


async def _receive(request: Request, path: Path, ending: str) -> int:
    size = 0
    waiting = bytearray()
    # Nobody else on the machine reads it; who connects here is an administrator.
    file = await asyncio.to_thread(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        async for chunk in request.stream():
            if size == 0 and not waiting and chunk:
                _refuse_other(bytes(chunk[:512]), ending)
            waiting += chunk
            if len(waiting) >= _WRITE_AT_ONCE:
                size += await _written(file, waiting)
                waiting = bytearray()
        size += await _written(file, waiting)
    finally:
        os.close(file)
    if size == 0:
        raise AppError(422, "empty_file", "the file is empty")
    return size


async def _written(file: int, content: bytearray) -> int:
    data = bytes(content)
    done = 0
    while done < len(data):
        done += await asyncio.to_thread(os.write, file, data[done:])
    return done


def _refuse_other(start: bytes, ending: str) -> None:
    is_sheet = start.startswith(_MAGIC)
    is_text = ending in (".csv", ".tsv", ".txt")
    if is_sheet == is_text:
        what = "a spreadsheet named as text" if is_text else "no spreadsheet"
        raise AppError(422, "not_a_table", f"it is {what}: give it the ending it has, or export it")


def _safe(name: str) -> str:
    """Return a short name of letters and digits: nothing else of it reaches the disk."""
    stem = re.sub(r"[^a-z0-9]+", "-", Path(name).stem.lower()).strip("-")
    return stem[:40] or "table"
