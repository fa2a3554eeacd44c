"""What to answer when a number's voice URL points at us by mistake: we control no calls."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from pydantic import AfterValidator, Field

from app.telephony.base import Answer
from app.telephony.secrets import OptionalText

# Seconds that the customer hears ringing when nobody else handles the call.
RING_ON_S = 120


def _web_address(url: str) -> str:
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise ValueError("must be a full address, such as https://example.com/voice")
    return url


VoiceUrl = Annotated[
    OptionalText,
    AfterValidator(_web_address),
    Field(
        title="Voice URL to hand calls to",
        description="Only if a number's voice or answer URL points at this webhook: the address "
        "that really handles the call. Without it such a call just keeps ringing.",
    ),
]


def voice_document(redirect_to: str, wait: str = "Pause") -> Answer:
    """Hand the call to its real document, or let it ring on; an empty one would hang up.

    As the first verb, `wait` is waited out before the call is picked up (Twilio and SignalWire
    `Pause`, Plivo `Wait`).
    """
    verb = (
        f'<Redirect method="POST">{escape(redirect_to)}</Redirect>'
        if redirect_to
        else f'<{wait} length="{RING_ON_S}"/>'
    )
    document = f'<?xml version="1.0" encoding="UTF-8"?><Response>{verb}</Response>'
    return Answer(200, document.encode(), "text/xml")
