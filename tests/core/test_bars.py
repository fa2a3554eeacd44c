"""What a person's word that records are not the same does to the rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.core.identity import Bar, Record, Ref, join

KEYS = st.frozensets(st.sampled_from(["x:C-1", "t:12345", "m:+44 a@b", "x:C-2"]), max_size=3)
RECORDS = st.lists(
    st.builds(Record, st.builds(Ref, st.sampled_from("abcd"), st.sampled_from("12")), KEYS),
    max_size=7,
    unique_by=lambda record: record.ref,
)


def barred(decision: str, one: Iterable[Record], other: Iterable[Record]) -> list[Record]:
    """Return the records after somebody said that the two sides differ."""
    return [
        replace(record, bars=record.bars | {Bar(decision, side)})
        for side, records in ((False, one), (True, other))
        for record in records
    ]


def customers(records: Iterable[Record]) -> set[frozenset[Ref]]:
    return {frozenset(record.ref for record in group) for group in join(records)}


def record(connector: str, *keys: str) -> Record:
    return Record(Ref(connector, "1"), frozenset(keys))


@given(RECORDS, KEYS)
def test_who_is_taken_out_leaves_the_others_as_if_it_had_never_been_there(
    others: list[Record], keys: frozenset[str]
) -> None:
    taken = Record(Ref("z", "9"), keys)
    assert customers(barred("d1", [taken], others)) == {
        frozenset({taken.ref}),
        *customers(others),
    }


@given(RECORDS, KEYS, KEYS)
def test_so_do_two_that_are_taken_out_one_after_the_other(
    others: list[Record], keys: frozenset[str], more: frozenset[str]
) -> None:
    first, second = Record(Ref("y", "9"), keys), Record(Ref("z", "9"), more)
    one, *rest = barred("d1", [first], [second, *others])
    two, *left = barred("d2", [rest[0]], rest[1:])
    found = customers([one, two, *left])
    assert found == {frozenset({first.ref}), frozenset({second.ref}), *customers(others)}


@given(RECORDS, st.data())
def test_the_order_of_the_records_decides_nothing(
    records: list[Record], data: st.DataObject
) -> None:
    sides = data.draw(st.lists(st.sampled_from([False, True, None]), min_size=7, max_size=7))
    one = [r for r, side in zip(records, sides, strict=False) if side is False]
    other = [r for r, side in zip(records, sides, strict=False) if side is True]
    neither = [r for r, side in zip(records, sides, strict=False) if side is None]
    all_of_them = [*barred("d1", one, other), *neither]
    mixed = data.draw(st.permutations(all_of_them))
    found = customers(all_of_them)
    assert customers(mixed) == found
    refs = [{r.ref for r in side} for side in (one, other)]
    assert not any(group & refs[0] and group & refs[1] for group in found)


def test_a_newcomer_that_evidence_links_to_both_sides_joins_neither() -> None:
    apart = barred(
        "d1", [record("shop", "t:12345")], [record("a", "t:12345"), record("b", "t:12345")]
    )
    groups = customers([*apart, record("crm", "t:12345")])
    assert groups == {
        frozenset({Ref("shop", "1")}),
        frozenset({Ref("a", "1"), Ref("b", "1")}),
        frozenset({Ref("crm", "1")}),
    }


def test_a_newcomer_that_links_both_sides_in_a_chain_parts_nobody() -> None:
    shop, a, b = record("shop", "x:C-1"), record("a", "t:12345"), record("b", "t:12345")
    apart = barred("d1", [shop], [a, b])
    groups = customers([*apart, record("crm", "x:C-1", "m:+44 a@b", "t:12345")])
    assert frozenset({a.ref, b.ref}) in groups
    assert frozenset({shop.ref, Ref("crm", "1")}) in groups
