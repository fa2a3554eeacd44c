"""Whether a customer agreed to marketing, from a source's words on: unknown is not yes."""

from __future__ import annotations

import pytest

from app.core.contact import Reading, read_contact
from connectors.sdk.contacts import contact
from connectors.sdk.types import ContactRow
from connectors.sdk.values import Row


def kept(*words: object) -> object:
    """Return what is kept of a customer whose rows, one for each number, have these words."""
    rows = [
        Row({"remote_id": "1", "display_name": "Ann", "marketing_consent": word}, 1)
        for word in words
    ]
    made = contact(rows)
    assert isinstance(made, ContactRow)
    reading = read_contact(made, "GB")
    assert isinstance(reading, Reading)
    return reading.contact.get("marketing_consent")


@pytest.mark.parametrize(("word", "consent"), [("yes", True), (1, True), ("FALSE", False)])
def test_yes_and_no_are_kept(word: object, consent: bool) -> None:
    assert kept(word) is consent


@pytest.mark.parametrize("word", [None, "", "perhaps", 7, ["yes"]])
def test_what_is_neither_is_unknown_and_no_reason_to_refuse_the_contact(word: object) -> None:
    assert kept(word) is None


def test_one_no_counts_more_than_a_yes() -> None:
    assert kept("yes", "no") is False
    assert kept(None, "yes") is True
    assert kept("yes", "perhaps") is None
