"""What `/metrics` tells (Prometheus). Labels never hold anything personal."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_MS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

hooks = Counter(
    "screenpop_hooks_total", "Webhooks by phone system and answer", ["phone_system", "status"]
)
first_push_ms = Histogram(
    "screenpop_first_push_ms", "Webhook received to first push, ms", buckets=_MS
)
complete_ms = Histogram("screenpop_complete_ms", "Webhook received to whole pop, ms", buckets=_MS)
painted_ms = Histogram("screenpop_painted_ms", "Webhook received to painted, ms", buckets=_MS)
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
matches = Counter("screenpop_matches_total", "Callers by match outcome", ["outcome"])
sockets = Gauge("screenpop_sockets", "Open websockets")
live_calls = Gauge("screenpop_live_calls", "Calls that have not ended")


def observe_source(connector: str, section: str, status: str, elapsed_ms: float) -> None:
    """Count one answer of a source."""
    source_ms.labels(connector, section).observe(elapsed_ms)
    source_outcomes.labels(connector, section, status).inc()
