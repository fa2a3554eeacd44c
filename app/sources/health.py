"""How each source has been answering: by minute for charts, and the latest faults in words."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app import metrics
from app.core.latency import Minute, size_class
from app.core.profile import SourceOutcome

RECENT_FAULTS = 20
_ANSWERED = ("ok", "empty", "partial")


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that failed."""

    at: datetime
    section: str
    code: str
    text: str | None


class Health:
    """Counts until the minutes are taken to be written down; keeps the last faults."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._minutes: dict[tuple[str, str, datetime], Minute] = {}
        self._faults: dict[str, deque[Fault]] = {}

    def answered(self, section: str, outcome: SourceOutcome) -> None:
        """Count what a source said, or that it failed."""
        minute = self._minute(outcome.connector, section)
        elapsed_ms = outcome.elapsed_ms or 0.0
        # How fast a refusal is says nothing: a source that is left alone refuses at once.
        if outcome.status != "failed":
            minute.sizes[size_class(elapsed_ms)] += 1
        metrics.observe_source(outcome.connector, section, outcome.status, elapsed_ms)
        if outcome.status in _ANSWERED:
            minute.answers += 1
            minute.last_success_at = self._now()
            return
        code = outcome.error_code or outcome.status
        minute.errors[code] += 1
        metrics.source_errors.labels(outcome.connector, section, code).inc()
        faults = self._faults.setdefault(outcome.connector, deque(maxlen=RECENT_FAULTS))
        faults.append(Fault(self._now(), section, code, outcome.error_text))

    def cached(self, connector: str, section: str) -> None:
        """Count an answer from the cache, for which nobody was asked."""
        self._minute(connector, section).cache_hits += 1
        metrics.source_cache_hits.labels(connector, section).inc()

    def faults(self, connector: str) -> list[Fault]:
        """Return the last faults that this process saw, newest first."""
        return list(reversed(self._faults.get(connector, ())))

    def minutes(self, connector: str | None = None) -> list[Minute]:
        """Return what is not yet written down, of one connector or of all."""
        unwritten = self._minutes.values()
        return [each for each in unwritten if connector in (None, each.connector)]

    def take(self, *, whole_minutes: bool = True) -> list[Minute]:
        """Hand over what is to be written down, without the minute that still runs."""
        running = self._now().replace(second=0, microsecond=0)
        taken = [m for m in self._minutes.values() if m.at != running or not whole_minutes]
        for minute in taken:
            del self._minutes[(minute.connector, minute.section, minute.at)]
        return taken

    def give_back(self, minutes: list[Minute]) -> None:
        """Take back what could not be written down."""
        for minute in minutes:
            self._minutes.setdefault((minute.connector, minute.section, minute.at), minute)

    def _minute(self, connector: str, section: str) -> Minute:
        at = self._now().replace(second=0, microsecond=0)
        key = (connector, section, at)
        minute = self._minutes.get(key)
        if minute is None:
            minute = self._minutes[key] = Minute(connector, section, at)
        return minute
