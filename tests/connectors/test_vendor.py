"""What connectors to vendors share: reads at once, records, signs."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from connectors.sdk.sections import NOTHING, Reading
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.vendor import at, columns, mapped, negated, part, records, together


async def test_the_first_read_that_fails_ends_the_others() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> Reading:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return NOTHING

    async def failing() -> Reading:
        await began.wait()
        raise SourceError(ErrorKind.NOT_FOUND, "no such customer")

    with pytest.raises(SourceError, match="no such customer"):
        await together(endless(), failing())
    assert ended.is_set()


def test_a_nested_field_is_none_where_it_is_absent_and_refused_where_it_was_changed() -> None:
    assert at({"Phone": {"Number": "1"}}, "Phone", "Number") == "1"
    assert at({"Phone": None}, "Phone", "Number") is None
    assert at({}, "Phone", "Number") is None
    with pytest.raises(SourceError, match="field `Phone` is no object"):
        at({"Phone": "1"}, "Phone", "Number")


def test_our_columns_are_named_beside_the_vendors_fields() -> None:
    names = columns("remote_id=Id email=Mail.Address")
    assert mapped({"Id": "7", "Mail": {"Address": "a@b.example"}}, names) == {
        "remote_id": "7",
        "email": "a@b.example",
    }


@pytest.mark.parametrize("document", [None, [], {"Rows": {}}, {"Rows": [1]}, {"rows": []}])
def test_a_list_that_is_no_list_of_objects_is_named(document: object) -> None:
    with pytest.raises(SourceError, match="`Rows`"):
        records(document, "Rows")


@pytest.mark.parametrize("document", [None, "x", {"Row": [1]}])
def test_an_object_that_is_none_is_named(document: object) -> None:
    with pytest.raises(SourceError, match="`Row`"):
        part(document, "Row")


def test_a_return_has_the_other_sign_and_unknown_stays_unknown() -> None:
    values = {"quantity": "1.50", "total_amount": None, "name": "Spade"}
    assert negated(values, "quantity", "total_amount") == {
        "quantity": Decimal("-1.50"),
        "total_amount": None,
        "name": "Spade",
    }
    with pytest.raises(SourceError, match="`quantity`"):
        negated({"quantity": "many"}, "quantity")
