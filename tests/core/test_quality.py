"""What is wrong with records, in words for who mends them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.contact import Reading, read_contact
from app.core.identity import Ref
from app.core.quality import MANY, issues
from connectors.sdk.types import ContactRow, PhoneRow

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BOOKS, SHOP = Ref("books", "1"), Ref("shop", "7")
USABLE = (PhoneRow(raw="+442079460958"),)


def found(
    *records: tuple[Ref, dict[str, Any]], held: dict[str, int] | None = None
) -> list[tuple[str, str, str]]:
    contacts = {}
    for ref, fields in records:
        row = {"remote_id": ref.remote_id, "display_name": "Ann", "phone_numbers": USABLE, **fields}
        read = read_contact(ContactRow.model_validate(row), "GB")
        assert isinstance(read, Reading)
        contacts[ref] = read.contact
    wrong = issues(contacts, lambda number: (held or {}).get(number, 1), NOW)
    return [(issue.ref.connector, issue.kind, issue.text) for issue in wrong]


def test_a_record_in_good_order_has_no_issue() -> None:
    assert found((BOOKS, {"updated_at": datetime(2026, 1, 1, tzinfo=UTC)})) == []


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"phone_numbers": ()}, "no_number", "it has no number that can be read"),
        (
            {"phone_numbers": (PhoneRow(raw="999 9999 9999 9999"),), "region": "GB"},
            "number_unusable",
            "cannot be called: 999 9999 9999 9999",
        ),
        (
            {"phone_numbers": (PhoneRow(raw="020 7946 0958"),)},
            "country_missing",
            "neither it nor the number says which country: 020 7946 0958",
        ),
        (
            {"updated_at": datetime(2021, 5, 1, tzinfo=UTC)},
            "stale",
            "not changed since 2021-05-01",
        ),
    ],
)
def test_a_record_alone_can_be_faulty(fields: dict[str, Any], kind: str, text: str) -> None:
    assert found((BOOKS, fields)) == [("books", kind, text)]


def test_an_extension_and_a_region_are_no_fault() -> None:
    assert found((BOOKS, {"phone_numbers": (PhoneRow(raw="204"),)})) == []
    national = {"phone_numbers": (PhoneRow(raw="020 7946 0958"),), "region": "GB"}
    assert found((BOOKS, national)) == []


def test_a_number_of_very_many_is_told() -> None:
    told = found((BOOKS, {}), held={"+442079460958": MANY})
    assert told == [("books", "number_shared", f"+442079460958 is that of {MANY} customers")]


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ({"display_name": "Ann Bell"}, {"display_name": "Carl Fox"}, "names_conflict"),
        ({"email_addresses": ("a@x.io",)}, {"email_addresses": ("b@x.io",)}, "emails_conflict"),
        (
            {"postal_address": "12 High Street Leeds"},
            {"postal_address": "9 Rue de Rivoli Paris"},
            "addresses_conflict",
        ),
        ({"tax_number": "GB123456"}, {"tax_number": "GB654321"}, "tax_numbers_conflict"),
    ],
)
def test_two_sources_that_disagree_are_both_told(
    ours: dict[str, Any], theirs: dict[str, Any], kind: str
) -> None:
    told = found((BOOKS, ours), (SHOP, theirs))
    assert [(connector, what) for connector, what, _ in told] == [("books", kind), ("shop", kind)]
    assert told[0][2].endswith("in shop")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"display_name": "Kestrel Ltd"}, {"display_name": "KESTREL"}),
        ({"email_addresses": ("a@x.io", "b@x.io")}, {"email_addresses": ("B@x.io",)}),
        ({"postal_address": "12 High Street, Leeds"}, {"postal_address": "12 high st Leeds"}),
        ({"tax_number": "GB 123 456"}, {"tax_number": "gb123456"}),
    ],
)
def test_spellings_of_the_same_agree(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert found((BOOKS, ours), (SHOP, theirs)) == []


def test_two_records_of_one_source_do_not_disagree_with_each_other() -> None:
    other = Ref("books", "2")
    assert found((BOOKS, {"display_name": "Ann Bell"}), (other, {"display_name": "Carl Fox"})) == []
