"""What `/metrics` tells (Prometheus). Labels never hold anything personal."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram

Metric = TypeVar("Metric", Counter, Histogram)
_MS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

hooks = Counter(
    "screenpop_hooks_total", "Webhooks by phone system and answer", ["phone_system", "status"]
)
identified_ms = Histogram(
    "screenpop_identified_ms", "Webhook received to caller looked up, ms", buckets=_MS
)
first_push_ms = Histogram(
    "screenpop_first_push_ms", "Webhook received to first push, ms", buckets=_MS
)
complete_ms = Histogram("screenpop_complete_ms", "Webhook received to whole pop, ms", buckets=_MS)
painted_ms = Histogram("screenpop_painted_ms", "Webhook received to painted, ms", buckets=_MS)
drawn_ms = Histogram("screenpop_drawn_ms", "Pop at the browser to painted, ms", buckets=_MS)
event_delay_ms = Histogram(
    "screenpop_event_delay_ms",
    "From an event at the phone system to its receipt, ms",
    ["phone_system"],
    buckets=_MS,
)
source_ms = Histogram(
    "screenpop_source_ms",
    "A source's answer by connector and section, ms",
    ["connector", "section"],
    buckets=_MS,
)
source_outcomes = Counter(
    "screenpop_source_outcomes_total",
    "Answers of sources by outcome",
    ["connector", "section", "status"],
)
source_errors = Counter(
    "screenpop_source_errors_total",
    "Failures of sources by code",
    ["connector", "section", "code"],
)
source_cache_hits = Counter(
    "screenpop_source_cache_hits_total",
    "Answers from the cache",
    ["connector", "section"],
)
source_breaker = Gauge("screenpop_source_breaker", "0 closed, 1 half open, 2 open", ["connector"])
source_budget_left = Gauge(
    "screenpop_source_budget_left", "Requests that may be made now", ["connector"]
)
source_matches = Counter(
    "screenpop_source_matches_total", "Callers whom a connector's records knew", ["connector"]
)
matches = Counter("screenpop_matches_total", "Callers by match outcome", ["outcome"])
stream_up = Gauge("screenpop_stream_up", "1 connected, 0 not", ["phone_system"])
last_sync = Gauge(
    "screenpop_source_last_sync_timestamp_seconds",
    "When the contacts were last read whole or in part, Unix time",
    ["connector"],
)
sockets = Gauge("screenpop_sockets", "Open websockets")
live_calls = Gauge("screenpop_live_calls", "Calls that have not ended")


def observe_source(connector: str, section: str, status: str, elapsed_ms: float) -> None:
    """Count one answer of a source."""
    source_ms.labels(connector, section).observe(elapsed_ms)
    source_outcomes.labels(connector, section, status).inc()


@lru_cache(maxsize=4096)
def one(metric: Metric, *labels: str) -> Metric:
    """Return the series with these labels; several times quicker than to ask the library."""
    return metric.labels(*labels)
