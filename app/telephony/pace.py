"""Counts what comes of phone systems' events until the minutes are taken to be written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from app import metrics
from app.core.latency import size_class
from app.core.pace import Part, PhoneMinute

_MINUTE = timedelta(minutes=1)


_HISTOGRAMS = {
    "identified": metrics.identified_ms,
    "first_push": metrics.first_push_ms,
    "complete": metrics.complete_ms,
    "drawn": metrics.drawn_ms,
    "painted": metrics.painted_ms,
}


class Pace:
    """The minutes of this process that are not yet written down.

    What a call waits for is only noted; `count_up` counts it when the call has its answer.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._minutes: dict[tuple[str, datetime], PhoneMinute] = {}
        # The minute that was counted in last, by phone system: asked for at every step of a call.
        self._latest: dict[str, PhoneMinute] = {}
        self._times: list[tuple[str, Part, float]] = []
        self._callers: list[tuple[str, str, frozenset[str]]] = []

    def heard(
        self, phone_system: str, happened: Iterable[datetime | None], received_at: datetime
    ) -> None:
        """Count events that were accepted; `happened` None: the phone system did not say when."""
        minute = self._minute(phone_system)
        for at in happened:
            minute.events += 1
            minute.last_event_at = received_at
            if at is not None:
                ms = max(0.0, (received_at - at).total_seconds() * 1000)
                self.took(phone_system, "delay", ms)

    def answered(self, phone_system: str, status: int) -> None:
        """Count how a webhook was answered."""
        self._minute(phone_system).answers[str(status)] += 1

    def recognised(self, phone_system: str, outcome: str, connectors: Iterable[str]) -> None:
        """Note a caller, and the connectors whose records knew the number."""
        self._callers.append((phone_system, outcome, frozenset(connectors)))

    def took(self, phone_system: str, part: Part, ms: float) -> None:
        """Note how long a part took."""
        self._times.append((phone_system, part, ms))

    def count_up(self) -> None:
        """Count what was noted, here and for `/metrics`."""
        callers, self._callers = self._callers, []
        for phone_system, outcome, connectors in callers:
            minute = self._minute(phone_system)
            minute.matches[outcome] += 1
            metrics.one(metrics.matches, outcome).inc()
            for connector in connectors:
                minute.matched[connector] += 1
                metrics.one(metrics.source_matches, connector).inc()
        times, self._times = self._times, []
        for phone_system, part, ms in times:
            self._minute(phone_system).sizes.setdefault(part, Counter())[size_class(ms)] += 1
            histogram = _HISTOGRAMS.get(part) or metrics.one(metrics.event_delay_ms, phone_system)
            histogram.observe(ms)

    def minutes(self) -> list[PhoneMinute]:
        """Return what is not yet written down."""
        self.count_up()
        return list(self._minutes.values())

    def take(self, *, whole_minutes: bool = True) -> list[PhoneMinute]:
        """Hand over what is to be written down, without the minute that still runs."""
        self.count_up()
        running = self._now().replace(second=0, microsecond=0)
        taken = [m for m in self._minutes.values() if m.at != running or not whole_minutes]
        for minute in taken:
            del self._minutes[(minute.phone_system, minute.at)]
        self._latest.clear()
        return taken

    def give_back(self, minutes: Iterable[PhoneMinute]) -> None:
        """Take back what could not be written down."""
        for minute in minutes:
            self._minutes.setdefault((minute.phone_system, minute.at), minute)

    def _minute(self, phone_system: str) -> PhoneMinute:
        now = self._now()
        latest = self._latest.get(phone_system)
        if latest is not None and timedelta() <= now - latest.at < _MINUTE:
            return latest
        key = (phone_system, now.replace(second=0, microsecond=0))
        minute = self._minutes.setdefault(key, PhoneMinute(*key))
        self._latest[phone_system] = minute
        return minute
