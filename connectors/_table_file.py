"""The file behind the table connector: read again when it changes, and never in mid-write.

All of it blocks, and is called in the connector's one thread: a reload and the look-ups behind it
never see half a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from connectors.sdk.indexed import Content, Key
from connectors.sdk.tabular import BEING_WRITTEN, stamp
from connectors.sdk.types import Empty, ErrorKind, Found, SourceError

# Who writes a file in place may pause in the middle of it.
QUIET_S = 1.0
# A timer of a busy event loop goes off too early: by less than this, waited on top.
_TIMER_S = 0.1
# Rows of one customer from which on working them out takes longer than a caller should wait.
LARGE = 2_000

Answer = Found | Empty | SourceError


class Reading(NamedTuple):
    """What a file held when it was like `stamp`, and what is wrong with the file since."""

    content: Content
    note: str | None
    stamp: tuple[int, int, int] | None


class WatchedFile:
    """A file of the data folder, read by `read` whenever it is another than before."""

    def __init__(self, folder: Path, name: str, read: Callable[[Path, datetime], Content]) -> None:
        self._folder = folder
        self._name = name
        self._read = read
        self._stamp: tuple[int, int, int] | None = None
        self._content: Content | None = None
        self._fault: SourceError | None = None

    def reading(self) -> Reading:
        """Return the content, read again if the file changed; the old one if it is unreadable now.

        Raises:
            SourceError: it was never readable.
        """
        path = self._path()
        try:
            now = stamp(path)
        except OSError:
            self._stamp = None
            self._fault = SourceError(
                ErrorKind.UNAVAILABLE, f"the file {path.name} is not in the data folder"
            )
        else:
            if now != self._stamp:
                self._stamp = now
                self._reload(path, datetime.fromtimestamp(now[0] / 1e9, UTC))
        if self._content is None:
            raise self._fault or SourceError(ErrorKind.UNAVAILABLE, "the file was not read")
        if self._fault is None:
            return Reading(self._content, None, self._stamp)
        age = f"{self._content.as_of:%Y-%m-%d %H:%M} UTC"
        note = f"{self._fault.text}; the content of {age} is used"
        return Reading(self._content, note, self._stamp)

    def quiet_in_s(self, reading: Reading) -> float:
        """Return how long to wait until it is clear that nobody is writing the file; 0: it is."""
        written = reading.stamp[0] / 1e9 if reading.stamp else 0.0
        age = time.time() - written
        # A time in the future is that of another machine's clock: it says nothing.
        return QUIET_S - age + _TIMER_S if 0 <= age < QUIET_S else 0.0

    def check_whole(self, reading: Reading) -> None:
        """Refuse what was read of a file that was written on since: it may be a part of it.

        One that was replaced by another, or removed, was whole.

        Raises:
            SourceError: UNAVAILABLE, the same file has changed.
        """
        path = self._path()
        try:
            now = stamp(path)
        except OSError:
            return
        if reading.stamp is not None and now != reading.stamp and now[2] == reading.stamp[2]:
            raise being_written(path.name)

    def _reload(self, path: Path, as_of: datetime) -> None:
        try:
            self._content = self._read(path, as_of)
            self._fault = None
        except SourceError as error:
            self._fault = error
            if error.kind is ErrorKind.UNAVAILABLE:
                # It was in the way of somebody who wrote it: once more the next time.
                self._stamp = None

    def _path(self) -> Path:
        folder = self._folder.resolve()
        path = (folder / self._name).resolve()
        if not path.is_relative_to(folder):
            raise SourceError(
                ErrorKind.BAD_CONFIG, "the file must be in the data folder: give its name there"
            )
        return path


def being_written(name: str) -> SourceError:
    """Say that somebody writes a file at this moment, and how that is done without harm."""
    return SourceError(ErrorKind.UNAVAILABLE, f"{name} {BEING_WRITTEN}")


class LargeCustomers:
    """The purchases of customers with very many rows, worked out once for each content."""

    def __init__(self) -> None:
        self._content: Content | None = None
        self._known: dict[Key, Answer] = {}

    def kept(
        self, content: Content, key: Key | None, work_out: Callable[[], Found | Empty]
    ) -> Found | Empty:
        """Return what `work_out` gives or gave; of a small customer it is not kept.

        Raises:
            SourceError: as `work_out` did.
        """
        if key is None or len(content.by_key[key]) < LARGE:
            return work_out()
        if content is not self._content:
            self._content, self._known = content, {}
        if key not in self._known:
            self._known[key] = self._same_rows(content, key) or _outcome(work_out)
        answer = self._known[key]
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def _same_rows(self, content: Content, key: Key) -> Answer | None:
        """Return what is known by the customer's other id."""
        rows = content.by_key[key]
        same = (known for other, known in self._known.items() if content.by_key[other] == rows)
        return next(same, None)


def large_customers(content: Content) -> list[Key]:
    """Return where the customers with very many rows are."""
    return [key for key, rows in content.by_key.items() if len(rows) >= LARGE]


def _outcome(work_out: Callable[[], Found | Empty]) -> Answer:
    try:
        return work_out()
    except SourceError as error:
        return error


def with_notes(answer: Found | Empty, link: str | None, note: str | None) -> Found | Empty:
    """Return an answer with the link to its record, and what is missing from it."""
    if isinstance(answer, Empty):
        return answer
    incomplete = "; ".join(part for part in (note, answer.incomplete) if part) or None
    return replace(answer, remote_url=link, incomplete=incomplete)
