"""Which customers have become one, and which id that one goes by. Pure.

The rules give each record a home customer (`identity.assign`). Merges lie above that: edges from
the customer that is gone to the one that survived, made by a person, or by the rules where their
evidence made two homes one. Customers connected by edges are one, shown by the root's id. To undo
a merge is to take its edge away, so nothing else that was merged, before or after, is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple


class Edge(NamedTuple):
    """`gone` became part of `survivor`; `by_rule` or by a person."""

    merge_id: int
    gone: str
    survivor: str
    by_rule: bool


def family(customer: str, edges: Collection[Edge]) -> frozenset[str]:
    """Return every customer that is one with this one, itself included."""
    around: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        around[edge.gone].append(edge.survivor)
        around[edge.survivor].append(edge.gone)
    seen, waiting = {customer}, [customer]
    while waiting:
        for other in around[waiting.pop()]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return frozenset(seen)


def root(of: Collection[str], edges: Iterable[Edge]) -> str:
    """Return the id that a family goes by: the survivor of what persons merged, else of all."""
    inside = [edge for edge in edges if edge.gone in of]
    by_user = [edge for edge in inside if not edge.by_rule]
    survivors = {edge.survivor for edge in by_user} - {edge.gone for edge in by_user}
    left = survivors or set(of) - {edge.gone for edge in inside} or set(of)
    return min(left)


def rule_between(one: str, other: str, edges: Collection[Edge]) -> Edge | None:
    """Return an edge of the rules on the way from one customer to another; None = no way."""
    if other not in family(one, edges):
        return None
    for edge in edges:
        if edge.by_rule and other not in family(one, [e for e in edges if e != edge]):
            return edge
    # Several ways: any edge of the rules is on one of them.
    return next((edge for edge in edges if edge.by_rule and edge.gone in family(one, edges)), None)
