"""What a browser may say: everything else is refused in words, and never breaks anything."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.push.protocol import (
    LARGEST_FRAME,
    BadMessage,
    Choose,
    Dismiss,
    Get,
    Painted,
    Ping,
    frame,
    read,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
messages = st.fixed_dictionaries(
    {"type": st.sampled_from(["painted", "get", "choose", "dismiss", "ping", "x"]) | json_values},
    optional=dict.fromkeys(("call_id", "customer_id", "version", "since_received_ms"), json_values),
)


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        ({"type": "ping"}, Ping()),
        ({"type": "get", "call_id": "pbx:1"}, Get("pbx:1")),
        ({"type": "dismiss", "call_id": "pbx:1", "more": 1}, Dismiss("pbx:1")),
        ({"type": "choose", "call_id": "pbx:1", "customer_id": "c"}, Choose("pbx:1", "c")),
        (
            {"type": "painted", "call_id": "pbx:1", "version": 3, "since_received_ms": 12.5},
            Painted("pbx:1", 3, 12.5),
        ),
    ],
)
def test_each_message_of_the_contract(sent: dict[str, Any], understood: object) -> None:
    assert read(json.dumps(sent)) == understood
    assert read(json.dumps(sent).encode()) == understood


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", "bad_json"),
        ("hello", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        ('{"type": "ping"', "bad_json"),
        ("[" * 3000, "bad_json"),
        ("[]", "bad_message"),
        ("7", "bad_message"),
        ("{}", "bad_message"),
        ('{"type": 7}', "bad_message"),
        ('{"type": "subscribe"}', "unknown_type"),
        ('{"type": "get"}', "bad_message"),
        ('{"type": "get", "call_id": ""}', "bad_message"),
        ('{"type": "get", "call_id": 7}', "bad_message"),
        (json.dumps({"type": "get", "call_id": "x" * 513}), "bad_message"),
        ('{"type": "choose", "call_id": "1"}', "bad_message"),
        ('{"type": "painted", "call_id": "1", "version": "3"}', "bad_message"),
        ('{"type": "painted", "call_id": "1", "version": true}', "bad_message"),
        (
            '{"type": "painted", "call_id": "1", "version": 1, "since_received_ms": -1}',
            "bad_message",
        ),
        ('{"type": "ping", "pad": "' + "x" * LARGEST_FRAME + '"}', "too_large"),
    ],
)
def test_anything_else_is_refused_with_a_code(sent: str | bytes, code: str) -> None:
    with pytest.raises(BadMessage) as caught:
        read(sent)
    assert caught.value.code == code
    assert caught.value.detail


@given(messages.map(json.dumps) | st.text() | st.binary())
def test_no_frame_breaks_the_reader(sent: str | bytes) -> None:
    with contextlib.suppress(BadMessage):
        assert isinstance(read(sent), Painted | Get | Choose | Dismiss | Ping)


def test_a_frame_is_an_object_with_its_type_first() -> None:
    assert frame("close", call_id="pbx:1", reason="ended") == (
        '{"type":"close","call_id":"pbx:1","reason":"ended"}'
    )
