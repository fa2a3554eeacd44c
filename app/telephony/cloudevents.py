"""CloudEvents 1.0 over HTTP: structured, binary and batch, in JSON (cloudevents.io, spec 1.0.2).

CloudEvents carries no signature: whoever uses it proves itself some other way.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from app.telephony.base import NotUnderstood
from app.telephony.body import json_type, json_value, required_text, text, timestamp

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MAX_BATCH = 500

_WHY = {
    "id": "CloudEvents needs an id, unique within its source",
    "source": "CloudEvents needs a source, which names the sender",
    "type": "CloudEvents needs a type, such as com.example.call.ringing",
}


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """The part of an envelope that we use; `at` is the JSON pointer of `data` in the body."""

    source: str
    id: str
    time: datetime | None
    data: Any
    at: str


def is_binary(headers: Mapping[str, str]) -> bool:
    """Tell whether the attributes are in the headers and the body is the data alone."""
    return "ce-specversion" in headers


def read_binary(headers: Mapping[str, str], data: Any) -> CloudEvent:
    """Read an event whose attributes are `ce-…` headers.

    Raises:
        NotUnderstood: a required header is missing, or not as CloudEvents 1.0 has it.
    """
    attributes = {
        name: unquote(headers[f"ce-{name}"])
        for name in ("specversion", "id", "source", "type", "time")
        if f"ce-{name}" in headers
    }
    try:
        return _event(attributes, data, "", "")
    except NotUnderstood as wrong:
        error = wrong.errors[0]
        header = "ce-" + error["pointer"].removeprefix("/")
        raise NotUnderstood(f"header {header}: {error['detail']}") from None


def read_structured(envelope: object, at: str = "") -> CloudEvent:
    """Read an event whose attributes and data are one JSON object.

    Raises:
        NotUnderstood: with the JSON pointer of what is missing or wrong.
    """
    if not isinstance(envelope, dict):
        raise NotUnderstood(f"must be a CloudEvents object, not {json_type(envelope)}", at)
    content_type = text(envelope, "datacontenttype", at)
    if content_type is not None:
        media = content_type.partition(";")[0].strip().lower()
        if media not in ("application/json", "text/json") and not media.endswith("+json"):
            raise NotUnderstood(
                "the data must be JSON: send application/json", f"{at}/datacontenttype"
            )
    encoded = text(envelope, "data_base64", at, limit=1 << 20)
    if encoded is None:
        if "data" not in envelope:
            raise NotUnderstood("is missing: put the phone event here", f"{at}/data")
        return _event(envelope, envelope["data"], at, f"{at}/data")
    if "data" in envelope:
        raise NotUnderstood("send data or data_base64, not both", f"{at}/data_base64")
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NotUnderstood("is not base64", f"{at}/data_base64") from None
    pointer = f"{at}/data_base64"
    return _event(envelope, json_value(decoded, pointer), at, pointer)


def read_batch(envelopes: object) -> list[CloudEvent]:
    """Read a list of structured events; one bad event refuses the whole list.

    Raises:
        NotUnderstood: with the JSON pointer of the first thing wrong, such as `/3/id`.
    """
    if not isinstance(envelopes, list):
        raise NotUnderstood(f"a batch must be a list of events, not {json_type(envelopes)}")
    if len(envelopes) > MAX_BATCH:
        raise NotUnderstood(f"{len(envelopes)} events in one batch: send at most {MAX_BATCH}")
    return [read_structured(envelope, f"/{index}") for index, envelope in enumerate(envelopes)]


def _event(attributes: Mapping[str, Any], data: Any, at: str, data_at: str) -> CloudEvent:
    version = attributes.get("specversion")
    if version != "1.0":
        raise NotUnderstood('must be "1.0", the version of CloudEvents', f"{at}/specversion")
    identity = required_text(attributes, "id", at, _WHY["id"])
    source = required_text(attributes, "source", at, _WHY["source"])
    required_text(attributes, "type", at, _WHY["type"])
    time = text(attributes, "time", at)
    return CloudEvent(
        source=source,
        id=identity,
        time=None if time is None else timestamp(time, f"{at}/time"),
        data=data,
        at=data_at,
    )
