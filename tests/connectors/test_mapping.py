"""Picking fields from documents with JMESPath."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.mapping import pick
from connectors.sdk.types import ErrorKind, SourceError

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner), max_leaves=8
)


@given(DOCUMENTS, st.sampled_from(["a", '"a"', "@", "a.b", "[0].a", "[*].a", "a || b", "{x: a}"]))
def test_an_expression_picks_what_jmespath_says(document: Any, expression: str) -> None:
    assert pick(expression, document) == jmespath.search(expression, document)


def test_a_document_of_another_shape_is_bad_data_that_names_the_expression() -> None:
    with pytest.raises(SourceError, match=r"`to_number\(a\) > length\(b\)`") as caught:
        pick("to_number(a) > length(b)", {"a": "1", "b": 2})
    assert caught.value.kind == ErrorKind.BAD_DATA
