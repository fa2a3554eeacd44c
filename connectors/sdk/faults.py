"""What pydantic finds wrong, in the words of who wrote it: they know forms, JSON and YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NUMBER = "should be a number"
_WHOLE = "should be a whole number"
_YES_NO = "should be true or false"
_TEXT = "should be text"
_LIST = "should be a list"
_MAPPING = "should be a mapping of names to values"
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "there is no such field",
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "bool_parsing": _YES_NO,
    "bool_type": _YES_NO,
    "string_type": _TEXT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}
# "String should have at least 1 character": the field's name stands before it already.
_SUBJECT = re.compile(r"^[A-Z][A-Za-z]* (?=should )")
_OURS = "Value error, "


def plain_detail(error: Mapping[str, Any]) -> str:
    """Return what is wrong at a field, to stand behind its name; without what was given.

    `error` is one of pydantic's `errors()`: its `type` and `msg` are used
    (docs.pydantic.dev, "Validation Errors", has the types).
    """
    known = _WORDS.get(error["type"])
    if known is not None:
        return known
    message = str(error["msg"])
    if message.startswith(_OURS):
        return message.removeprefix(_OURS)
    return _SUBJECT.sub("", message)
