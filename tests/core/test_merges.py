"""Which customers have become one, whatever the order in which they were merged and parted."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core.merges import Edge, family, root, rule_between


def user(merge_id: int, gone: str, survivor: str) -> Edge:
    return Edge(merge_id, gone, survivor, by_rule=False)


def rule(merge_id: int, gone: str, survivor: str) -> Edge:
    return Edge(merge_id, gone, survivor, by_rule=True)


def test_a_customer_alone_is_its_own_root() -> None:
    assert family("a", []) == {"a"}
    assert root({"a"}, []) == "a"


def test_a_chain_of_merges_goes_by_the_last_survivor() -> None:
    edges = [user(1, "a", "b"), user(2, "b", "c")]
    assert family("a", edges) == {"a", "b", "c"}
    assert root(family("a", edges), edges) == "c"


def test_without_one_merge_of_a_chain_the_rest_holds() -> None:
    edges = [user(2, "b", "c"), user(3, "d", "b")]
    assert family("a", edges) == {"a"}
    assert root(family("d", edges), edges) == "c"


def test_what_a_person_merged_keeps_its_id_when_the_rules_join_it_with_another() -> None:
    edges = [user(1, "b", "m"), rule(2, "m", "a")]
    assert root(family("m", edges), edges) == "m"
    assert root(family("m", edges[1:]), edges[1:]) == "a"


def test_the_rules_edge_on_the_way_is_found() -> None:
    edges = [rule(1, "a", "b"), user(2, "b", "c"), rule(3, "x", "c")]
    assert rule_between("a", "c", edges) == edges[0]
    assert rule_between("a", "z", edges) is None


_EDGES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.booleans()).filter(
        lambda edge: edge[0] != edge[1]
    ),
    max_size=8,
).map(lambda found: [Edge(i, *each) for i, each in enumerate(found)])


@given(_EDGES, st.randoms())
def test_a_family_goes_by_one_id_in_any_order(edges: list[Edge], rng: Any) -> None:
    shuffled = list(edges)
    rng.shuffle(shuffled)
    for customer in "abcdef":
        of_it = family(customer, edges)
        assert family(customer, shuffled) == of_it
        assert root(of_it, shuffled) == root(of_it, edges)
        assert root(of_it, edges) in of_it
        assert all(family(other, edges) == of_it for other in of_it)
