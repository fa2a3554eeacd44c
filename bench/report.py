"""The figures of all rounds as one table: medians, ratios inside each round, goals."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from rich.table import Table

from bench.adapters import GOAL_US, Cost
from bench.side import Seen, Size
from bench.whole_pop import WholePops

WHOLE_POP_GOAL_MS = 3.0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured on both sides; `goal` is the greatest ratio wanted."""

    name: str
    unit: str
    value: Callable[[Seen], float | None]
    goal: float | None = None


FIGURES = (
    Figure("webhook to first push, p50", "ms", lambda s: percentile(s.push_ms, 0.5), 2.0),
    Figure("webhook to first push, p99", "ms", lambda s: percentile(s.push_ms, 0.99)),
    Figure("acknowledgement, p50", "ms", lambda s: percentile(s.ack_ms, 0.5), 1.8),
    Figure("acknowledgement, p99", "ms", lambda s: percentile(s.ack_ms, 0.99)),
    Figure("CPU an event", "µs", lambda s: s.cpu_us, 2.5),
    Figure("memory an idle socket", "KB", lambda s: s.socket_kb, 1.7),
    Figure("CPU when idle, all agents connected", "%", lambda s: s.idle_percent),
    Figure("size of the pushed pop", "bytes", lambda s: s.pop_bytes),
    Figure("pops that did not arrive", "", lambda s: s.lost),
    Figure("the client's own CPU", "%", lambda s: s.client_percent),
)


def results(
    size: Size,
    floor: Sequence[Seen],
    product: Sequence[Seen],
    whole: WholePops,
    micro: Mapping[str, float],
    costs: Sequence[Cost],
    flush_us: float,
) -> dict[str, Any]:
    """Return everything measured, as `results.json` keeps it."""
    compared = []
    for figure in FIGURES:
        values = [(figure.value(f), figure.value(p)) for f, p in zip(floor, product, strict=True)]
        pairs = [(f, p) for f, p in values if f is not None and p is not None]
        if not pairs:
            continue  # not measured at this size
        ratios = sorted(p / f for f, p in pairs if f > 0)
        compared.append(
            {
                "name": figure.name,
                "unit": figure.unit,
                "floor": round(median(f for f, _ in pairs), 3),
                "product": round(median(p for _, p in pairs), 3),
                "ratio": round(median(ratios), 2) if ratios else None,
                "ratios": [round(ratio, 2) for ratio in ratios],
                "goal": figure.goal,
            }
        )
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, one disk flush {flush_us:.0f} µs",
        "size": size._asdict(),
        "compared": compared,
        "whole_pop": {
            "calls": whole.calls,
            "whole": len(whole.seen_ms),
            "seen_ms": _spread(whole.seen_ms),
            "told_ms": _spread(whole.told_ms),
            "goal_ms": WHOLE_POP_GOAL_MS,
        },
        "steps_us": {name: round(value, 1) for name, value in micro.items()},
        "adapters": {"goal_us": GOAL_US, "kinds": [cost.row() for cost in costs]},
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"p50": round(percentile(values, 0.5), 2), "p99": round(percentile(values, 0.99), 2)}


def tables(found: Mapping[str, Any]) -> list[Table]:
    """Return the results for people."""
    size = found["size"]
    main = Table(
        caption=f"{size['agents']:,} agents, {size['numbers']:,} numbers, {size['rate']:g} events/s"
        f" (each call: ringing, ended), {size['rounds']} rounds\n{found['machine']}",
        caption_justify="left",
    )
    for name in ("", "floor", "product", "ratio", "of rounds", "goal"):
        main.add_column(name, justify="left" if not name else "right")
    for row in found["compared"]:
        main.add_row(
            f"{row['name']}, {row['unit']}" if row["unit"] else row["name"],
            f"{row['floor']:g}",
            f"{row['product']:g}",
            "" if row["ratio"] is None or row["goal"] is None else _judged(row),
            f"{row['ratios'][0]:g}–{row['ratios'][-1]:g}" if row["goal"] else "",
            f"≤ {row['goal']:g}" if row["goal"] else "",
        )
    whole = found["whole_pop"]
    rest = Table()
    for name in ("the product alone", "p50", "p99", "goal"):
        rest.add_column(name, justify="left" if " " in name else "right")
    goal = whole["goal_ms"]
    for text, key in (
        ("whole pop after the slowest of 3 sources of 50 ms, ms", "seen_ms"),
        ("the same by the pop's own timing, ms", "told_ms"),
    ):
        spread = whole[key]
        aim = f"≤ {goal:g}" if key == "seen_ms" else ""
        rest.add_row(text, f"{spread['p50']:g}", f"{spread['p99']:g}", aim)
    rest.add_row("pops that became whole", f"{whole['whole']} of {whole['calls']}", "", "")
    for name, value in found["steps_us"].items():
        rest.add_row(f"{name}, µs", f"{value:g}", "", "")
    return [main, rest, _adapters(found["adapters"])]


def _adapters(found: Mapping[str, Any]) -> Table:
    """Return what each phone system's fullest message costs."""
    table = Table(
        caption="the fullest webhook of each kind (bench/payloads), or event of a stream; the "
        "floor reads the same bytes and checks one signature, nothing else",
        caption_justify="left",
    )
    for name in ("verify and parse, µs CPU", "bytes", "events", "floor", "product", "goal"):
        table.add_column(name, justify="left" if " " in name else "right")
    goal = found["goal_us"]
    for row in found["kinds"]:
        shown = (row["kind"], f"{row['bytes']}", f"{row['events']}", f"{row['floor_us']:g}")
        table.add_row(*shown, _coloured(row["us"], goal), f"≤ {goal:g}")
    return table


def _judged(row: Mapping[str, Any]) -> str:
    return _coloured(row["ratio"], row["goal"])


def _coloured(value: float, goal: float) -> str:
    return f"[{'green' if value <= goal else 'red'}]{value:g}[/]"
