"""Which records are one customer, and what the customer looks like."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.contact import Reading, read_contact
from app.core.golden import Link, golden
from app.core.identity import (
    Bar,
    Record,
    Ref,
    assign,
    customer_id,
    join,
    normal_name,
    proofs,
)
from connectors.sdk.types import ContactRow, Owner, PhoneRow, RejectedRow


def reading(remote_id: str = "1", source_region: str | None = "GB", **fields: Any) -> Reading:
    phones = tuple(
        PhoneRow(raw=phone) if isinstance(phone, str) else phone
        for phone in fields.pop("phones", ())
    )
    row = ContactRow.model_validate(
        {"remote_id": remote_id, "display_name": "Jo", "phone_numbers": phones, **fields}
    )
    read = read_contact(row, source_region)
    assert isinstance(read, Reading)
    return read


def record(connector: str, remote_id: str = "1", **fields: Any) -> Record:
    return Record.of(connector, reading(remote_id, **fields).contact)


def together(*records: Record) -> set[frozenset[str]]:
    """Return the customers as sets of `connector/remote_id`, those of one record left out."""
    groups = join(records)
    return {frozenset("/".join(r.ref) for r in group) for group in groups if len(group) > 1}


ONE_CUSTOMER = {frozenset({"books/1", "shop/1"})}
KESTREL: dict[str, Any] = {"display_name": "Kestrel Garden Ltd", "phones": ["020 7946 0958"]}


def test_records_with_the_same_account_number_are_one_customer() -> None:
    books = record("books", external_id="C-100", display_name="Kestrel")
    assert together(books, record("shop", external_id=" C-100 ", display_name="Mr. K")) == (
        ONE_CUSTOMER
    )
    assert not together(books, record("shop", external_id="c-100"))


@pytest.mark.parametrize("placeholder", ["0", "000", "-", "n/a", "N/A", "none", "Unknown", ""])
def test_a_placeholder_is_no_account_number(placeholder: str) -> None:
    assert not together(
        record("books", external_id=placeholder), record("shop", external_id=placeholder)
    )


def test_tax_numbers_are_compared_without_spaces_and_marks() -> None:
    assert together(
        record("books", tax_number="GB 123 4567 89"), record("shop", tax_number="gb123456789")
    ) == (ONE_CUSTOMER)
    assert not together(record("books", tax_number="00000000"), record("shop", tax_number="0"))


def test_the_same_name_on_an_unshared_number_is_one_customer() -> None:
    shop = record("shop", display_name="KESTREL-GARDEN", phones=["+44 20 7946 0958"])
    assert together(record("books", **KESTREL), shop) == ONE_CUSTOMER


def test_a_persons_company_counts_as_a_name() -> None:
    shop = record(
        "shop", display_name="Ann Bell", company_name="Kestrel Garden", phones=["02079460958"]
    )
    assert together(record("books", **KESTREL), shop) == ONE_CUSTOMER


def test_the_same_number_alone_joins_nobody() -> None:
    shop = record("shop", display_name="Somebody Else", phones=["020 7946 0958"])
    assert not together(record("books", **KESTREL), shop)


def test_a_name_on_a_number_that_others_of_the_source_have_too_joins_nobody() -> None:
    neighbour = record("books", "2", display_name="Bell", phones=["020 7946 0958"])
    assert not together(record("books", **KESTREL), record("shop", **KESTREL), neighbour)


def test_the_same_e_mail_on_a_shared_number_is_one_customer() -> None:
    phones = ["020 7946 0958"]
    ann: dict[str, Any] = {
        "email_addresses": ["Ann@Example.com"],
        "phones": phones,
        "display_name": "Ann",
    }
    assert together(
        record("books", **ann),
        record("books", "2", display_name="Ben", phones=phones),
        record("shop", **{**ann, "email_addresses": ["ann@example.com"], "display_name": "A."}),
    ) == (ONE_CUSTOMER)


def test_two_records_of_one_connector_are_never_joined() -> None:
    twice: dict[str, Any] = {"external_id": "C-1", "tax_number": "GB123456789", **KESTREL}
    assert not together(record("books", "1", **twice), record("books", "2", **twice))


def test_an_account_number_that_a_source_has_twice_joins_nobody() -> None:
    assert not together(
        record("books", external_id="C-1"),
        record("shop", "1", external_id="C-1"),
        record("shop", "2", external_id="C-1"),
    )


def test_stronger_evidence_wins_where_weaker_contradicts_it() -> None:
    books = record("books", external_id="C-1", tax_number="GB123456789")
    by_account = record("shop", "1", external_id="C-1")
    by_tax = record("shop", "2", tax_number="GB123456789")
    assert together(books, by_account, by_tax) == ONE_CUSTOMER


def test_a_chain_of_links_joins_three_systems() -> None:
    assert together(
        record("books", external_id="C-1"),
        record("crm", external_id="C-1", tax_number="GB123456789"),
        record("shop", tax_number="GB123456789"),
    ) == {frozenset({"books/1", "crm/1", "shop/1"})}


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Müller & Söhne GmbH & Co. KG", "muller and sohne"),
        ("O'Neill's  Pumps, Inc.", "oneills pumps"),
        ("ACME S.A.", "acme"),
        ("The Ltd", "the"),
        ("Limited", "limited"),
        ("Straße 5 e.V.", "strasse 5"),
        ("…", ""),
    ],
)
def test_a_name_is_compared_without_case_accents_marks_and_legal_form(
    name: str, normal: str
) -> None:
    assert normal_name(name) == normal


_RECORDS = st.lists(
    st.builds(
        lambda connector, remote_id, keys, number, name: Record(
            Ref(connector, remote_id), keys, number, name
        ),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["1", "2", "3"]),
        st.frozensets(st.sampled_from(["x:1", "x:2", "t:1", "t:2", "m:1", "m:2"]), max_size=3),
        st.frozensets(st.sampled_from(["+441", "+442"]), max_size=2),
        st.frozensets(st.sampled_from(["ann", "bell"]), max_size=1),
    ),
    unique_by=lambda r: r.ref,
)


def customers(records: list[Record]) -> set[frozenset[Ref]]:
    return {frozenset(r.ref for r in group) for group in join(records)}


@given(_RECORDS, st.randoms(use_true_random=False))
def test_who_is_joined_does_not_depend_on_the_order_of_the_records(
    records: list[Record], random: Random
) -> None:
    shuffled = records[:]
    random.shuffle(shuffled)
    assert customers(shuffled) == customers(records)


@given(_RECORDS)
def test_every_record_has_one_customer_and_no_customer_two_of_a_connector(
    records: list[Record],
) -> None:
    groups = join(records)
    assert sorted(r.ref for group in groups for r in group) == sorted(r.ref for r in records)
    for group in groups:
        assert len({r.ref.connector for r in group}) == len(group)


@given(_RECORDS)
def test_records_without_common_evidence_stay_apart(records: list[Record]) -> None:
    for group in join(records):
        for one in group:
            others = [r for r in group if r is not one]
            assert not others or any(
                one.keys & other.keys or (one.numbers & other.numbers and one.names & other.names)
                for other in others
            )


@given(_RECORDS, st.dictionaries(st.sampled_from("abc"), st.sampled_from(["C1", "C2", "C3"])))
def test_an_assignment_gives_each_customer_to_one_group_and_forgets_none(
    records: list[Record], by_connector: dict[str, str]
) -> None:
    current = {r.ref: by_connector[r.ref[0]] for r in records if r.ref[0] in by_connector}
    groups = join(records)
    assignment = assign(groups, current)
    kept = [i for i in assignment.ids if i is not None]
    assert len(kept) == len(set(kept))
    assert set(kept) | set(assignment.successors) == set(current.values())
    assert set(assignment.successors.values()) <= set(kept)


def test_a_customer_whose_records_part_stays_with_the_record_that_founded_it() -> None:
    a, b = record("a"), record("b")
    founded_by_b = customer_id(b.ref)
    assignment = assign([[a], [b]], {a.ref: founded_by_b, b.ref: founded_by_b})
    assert assignment.ids == (None, founded_by_b)


def link(connector: str, priority: int, **fields: Any) -> Link:
    return Link(connector, priority, reading(**fields).contact)


def test_the_golden_record_has_every_key_of_the_contract() -> None:
    assert golden("c-1", [link("books", 0, display_name="Kestrel")]) == {
        "customer_id": "c-1",
        "display_name": "Kestrel",
        "company_name": None,
        "tier": None,
        "tags": [],
        "language": None,
        "phone_numbers": [],
        "email_addresses": [],
        "owner": None,
        "links": [
            {"connector": "books", "remote_id": "1", "remote_url": None, "external_id": None}
        ],
    }


def test_the_source_of_higher_priority_wins_each_field_that_it_has() -> None:
    books = link("books", 10, display_name="Kestrel Garden", owner=Owner(name="Zoe"))
    shop = link("shop", 20, display_name="kestrel", tier="gold")
    customer = golden("c-1", [books, shop])
    assert customer["display_name"] == "kestrel"
    assert customer["tier"] == "gold"
    assert customer["owner"] == {"name": "Zoe", "email": None}
    assert [k["connector"] for k in customer["links"]] == ["shop", "books"]


def test_where_priorities_are_equal_the_first_connector_by_name_wins() -> None:
    links = [link("shop", 5, display_name="S"), link("books", 5, display_name="B")]
    assert golden("c-1", links)["display_name"] == "B"
    assert golden("c-1", links[::-1]) == golden("c-1", links)


def test_numbers_addresses_and_tags_are_united_without_repeats() -> None:
    books = link(
        "books",
        10,
        phones=["020 7946 0958", PhoneRow(raw="07700 900123", is_primary=True)],
        email_addresses=["Ann@example.com"],
        tags=["VIP"],
    )
    shop = link(
        "shop",
        5,
        phones=[PhoneRow(raw="+442079460958", type="work", is_primary=True), "12345678901234567"],
        email_addresses=["ann@EXAMPLE.com", "ben@example.com"],
        tags=["vip", "new"],
    )
    customer = golden("c-1", [shop, books])
    assert customer["phone_numbers"] == [
        {"e164": "+442079460958", "raw": "020 7946 0958", "type": "work", "is_primary": False},
        {"e164": "+447700900123", "raw": "07700 900123", "type": None, "is_primary": True},
        {"e164": None, "raw": "12345678901234567", "type": None, "is_primary": False},
    ]
    assert customer["email_addresses"] == ["Ann@example.com", "ben@example.com"]
    assert customer["tags"] == ["VIP", "new"]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://books.example/c/1?tab=2", True),
        ("http://10.0.0.5/c/1", True),
        ("javascript:alert(1)", False),
        ("JavaScript://x/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("//books.example/c/1", False),
        ("https:///c/1", False),
        ("https://[::1", False),
        ("https://books.example/\n1", False),
    ],
)
def test_only_web_addresses_are_kept_as_links(url: str, kept: bool) -> None:
    customer = golden("c-1", [link("books", 0, remote_url=url)])
    assert customer["links"][0]["remote_url"] == (url if kept else None)


def test_a_number_is_read_in_the_region_of_its_record_else_of_its_source() -> None:
    german = reading(phones=["030 23125 123"], region="de")
    assert [row.key for row in german.index] == ["+493023125123"]
    nowhere = reading(phones=["020 7946 0958"], region="Atlantis")
    assert [row.key for row in nowhere.index] == ["+442079460958"]


def test_a_number_that_cannot_be_read_is_reported_and_indexed_by_its_last_digits() -> None:
    read = reading("K 7", phones=["020 7946 0958 / 0959 0960"], source_region=None)
    assert [row.key for row in read.index] == ["~809590960"]
    assert read.rejected == (
        RejectedRow(
            "contact 'K 7'",
            "number '020 7946 0958 / 0959 0960' cannot be read: give it a country code, "
            "or the connector a region",
        ),
    )


def test_an_internal_extension_is_indexed_as_it_is_and_is_no_fault() -> None:
    read = reading(phones=["204"])
    assert [row.key for row in read.index] == ["~204"]
    assert read.rejected == ()


def test_a_word_for_a_hidden_number_is_not_indexed() -> None:
    read = reading(phones=["anonymous"])
    assert read.index == ()
    assert "hidden number" in read.rejected[0].why
    assert "phone_numbers" not in read.contact


def test_a_number_listed_twice_has_one_index_row() -> None:
    read = reading(phones=["020 7946 0958", PhoneRow(raw="+442079460958", is_primary=True)])
    assert [(row.key, row.raw, row.is_primary) for row in read.index] == [
        ("+442079460958", "020 7946 0958", True)
    ]


def test_a_record_whose_id_cannot_serve_is_refused() -> None:
    for remote_id in ("", "a\x00b", "x" * 201):
        refused = read_contact(ContactRow(remote_id=remote_id, display_name="Jo"), None)
        assert isinstance(refused, RejectedRow)
        assert "remote_id" in refused.why
        assert "\x00" not in refused.where


def test_hostile_text_is_cleaned_and_bounded() -> None:
    contact = reading(display_name="Jo\x00\n\u202egnp.exe" + "x" * 10_000, tags=["a"] * 999).contact
    assert contact["display_name"].startswith("Jo gnp.exe")
    assert len(contact["display_name"]) == 200
    assert len(contact["tags"]) == 50


@given(st.text(), st.text(max_size=40), st.lists(st.text(max_size=40), max_size=3))
def test_any_text_can_be_stored(name: str, raw: str, emails: list[str]) -> None:
    read = reading(display_name=name, phones=[raw], email_addresses=emails, external_id=raw)
    stored = repr(read.contact) + repr(Record.of("a", read.contact)) + repr(read.index)
    assert "\\x00" not in stored
    stored.encode("utf-8")


def test_a_persons_word_parts_what_every_proof_would_join() -> None:
    books, shop = record("books", external_id="C-1"), record("shop", external_id="C-1")
    parted = [
        replace(each, bars=frozenset({Bar("d1", side)}))
        for each, side in ((books, False), (shop, True))
    ]
    assert together(books, shop) == ONE_CUSTOMER
    assert not together(*parted)
    assert together(parted[0], shop) == ONE_CUSTOMER


def test_each_record_says_which_evidence_links_it() -> None:
    books = record("books", external_id="C-1", **KESTREL)
    shop = record("shop", external_id="C-1", **KESTREL)
    found = proofs([books, shop])
    assert found[books.ref].score == 0.99
    assert found[books.ref].reasons == (
        "same account number C-1, as in shop",
        "same name on the number +442079460958: kestrel garden, as in shop",
    )
    assert proofs([books])[books.ref].reasons == ("the only record",)
    stranger = record("crm", display_name="Else")
    assert proofs([books, stranger])[stranger.ref].score == 0.0


def test_evidence_that_others_of_the_source_have_too_is_no_proof() -> None:
    books, shop = record("books", **KESTREL), record("shop", **KESTREL)
    assert proofs([books, shop], {"+442079460958"})[shop.ref].score == 0.0
