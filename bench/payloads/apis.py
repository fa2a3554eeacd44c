"""The fullest webhooks of telephony APIs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bench.payloads.made_up import CALLER, DIALLED, NAME, extra, iso, uid


def twilio(at: datetime) -> dict[str, str]:
    """Make a status callback with all request parameters, and SIP headers."""
    places = {"City": "LONDON", "State": "GREATER LONDON", "Zip": "SW1A 1AA", "Country": "GB"}
    return {
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "CallSid": "CA" + "1" * 32,
        "ParentCallSid": "CA" + "2" * 32,
        "CallStatus": "ringing",
        "CallbackSource": "call-progress-events",
        "CallDuration": "0",
        "Duration": "0",
        "CallToken": "%7B%22parentCallInfoToken%22%3A%22" + "eyJhbGciOiJFUzI1NiJ9" * 20,
        "CallerName": NAME,
        "Direction": "outbound-dial",
        "From": CALLER,
        "To": "client:ada",
        "Caller": CALLER,
        "Called": "client:ada",
        "ForwardedFrom": DIALLED,
        "SequenceNumber": "1",
        "SipResponseCode": "180",
        "StirStatus": "B",
        "StirVerstat": "TN-Validation-Passed-A",
        "StirPassportToken": "eyJhbGciOiJFUzI1NiIsInBwdCI6InNoYWtlbiJ9." * 10,
        "Timestamp": at.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000"),
        "Digits": "100234",
        "SpeechResult": "I would like to know where my spring order is",
        "Confidence": "0.93",
        "RecordingUrl": "https://api.twilio.com/2010-04-01/Accounts/AC/Recordings/RE",
        "RecordingSid": "RE" + "3" * 32,
        "RecordingDuration": "0",
        **{f"{who}{k}": v for who in ("From", "To", "Caller", "Called") for k, v in places.items()},
        **{f"SipHeader_X-Crm-{i}": f"value {i} that came with the SIP call" for i in range(10)},
    }


def telnyx(at: datetime) -> dict[str, Any]:
    """Make `call.initiated` with custom and SIP headers, client state and tags."""
    return {
        "data": {
            "record_type": "event",
            "event_type": "call.initiated",
            "id": uid(1),
            "occurred_at": iso(at),
            "payload": {
                "call_control_id": "v3:" + "MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg",
                "call_leg_id": uid(2),
                "call_session_id": uid(3),
                "call_screening_result": "not_flagged",
                "caller_id_name": NAME,
                "client_state": "eyJjdXN0b21lciI6ICJDLTEwMCIsICJsYW5ndWFnZSI6ICJmciJ9",
                "connection_codecs": "g722,PCMU,PCMA",
                "connection_id": "7267xxxxxxxxxxxxxx",
                "custom_headers": [
                    {"name": f"X-Crm-{i}", "value": f"value {i} that came with the SIP call"}
                    for i in range(10)
                ],
                "direction": "outgoing",
                "from": CALLER,
                "from_sip_uri": f"{CALLER}@carrier.example.com",
                "offered_codecs": "PCMU,PCMA,G729",
                "shaken_stir_attestation": "A",
                "shaken_stir_validated": True,
                "sip_headers": [
                    {"name": "User-to-User", "value": "433a432d313030;encoding=hex"},
                    {"name": "Diversion", "value": f"<sip:{DIALLED}@carrier.example.com>"},
                ],
                "start_time": iso(at),
                "state": "bridging",
                "tags": [f"tag-{i}" for i in range(10)],
                "to": "sip:ada@sip.telnyx.com",
                "to_sip_uri": "sip:ada@sip.telnyx.com",
            },
        },
        "meta": {"attempt": 1, "delivered_to": "https://pop.example.com/hooks/pbx"},
    }


def vonage(at: datetime) -> dict[str, Any]:
    """Make an event of an agent's leg, with SIP headers and the application's own data."""
    return {
        "from": CALLER.removeprefix("+"),
        "to": "sip:ada@sip.example.com",
        "uuid": uid(1),
        "conversation_uuid": f"CON-{uid(2)}",
        "status": "ringing",
        "direction": "outbound",
        "timestamp": iso(at),
        "start_time": iso(at),
        "end_time": iso(at),
        "duration": "2",
        "rate": "0.00450000",
        "price": "0.00015000",
        "network": "23410",
        "region_url": "https://api-eu-3.vonage.com",
        "endpoint_type": "sip",
        "custom_data": extra(10),
        **{f"SipHeader_X-Crm-{i}": f"value {i} that came with the SIP call" for i in range(10)},
    }


def plivo() -> dict[str, str]:
    """Make a callback of `<Dial>` with all parameters and custom headers."""
    return {
        "ALegUUID": uid(1),
        "ALegRequestUUID": uid(2),
        "AnswerTime": "",
        "BillDuration": "0",
        "BillRate": "0.0085",
        "CallStatus": "in-progress",
        "CallUUID": uid(1),
        "CallerName": NAME,
        "DialAction": "answer",
        "DialALegUUID": uid(1),
        "DialBLegBillRate": "0.0085",
        "DialBLegDuration": "0",
        "DialBLegFrom": CALLER.removeprefix("+"),
        "DialBLegHangupCause": "NORMAL_CLEARING",
        "DialBLegHangupCauseCode": "4000",
        "DialBLegHangupCauseName": "Normal Hangup",
        "DialBLegHangupSource": "Callee",
        "DialBLegStatus": "answer",
        "DialBLegTo": "sip:ada@phone.plivo.com",
        "DialBLegUUID": uid(3),
        "DialDigitsMatch": "",
        "DialDigitsPressedBy": "",
        "Direction": "inbound",
        "Event": "DialAnswer",
        "ForwardedFrom": DIALLED.removeprefix("+"),
        "From": CALLER.removeprefix("+"),
        "HangupCause": "NORMAL_CLEARING",
        "ParentAuthID": "MA" + "X" * 18,
        "RequestUUID": uid(2),
        "STIRAttestation": "A",
        "STIRVerification": "Verified",
        "SessionStart": "2026-11-22 10:00:00.000000",
        "To": DIALLED.removeprefix("+"),
        "TotalCost": "0.00000",
        **{f"X-PH-Crm-{i}": f"value {i} that came with the SIP call" for i in range(10)},
    }


def exotel() -> dict[str, str]:
    """Make a Passthru request after the Connect applet, which has the most parameters."""
    return {
        "CallSid": "a" * 32,
        "CallFrom": "09876543210",
        "CallTo": "02248964153",
        "Direction": "incoming",
        "Created": "Sun, 22 Nov 2026 15:30:00",
        "DialCallDuration": "42",
        "StartTime": "2026-11-22 15:30:00",
        "EndTime": "1970-01-01 05:30:00",
        "CallType": "completed",
        "DialWhomNumber": "sip:ada@app.exotel.com",
        "DialCallStatus": "completed",
        "RecordingUrl": "https://s3-ap-southeast-1.amazonaws.com/exotelrecordings/a/b.mp3",
        "RecordingAvailableBy": "Sun, 22 Nov 2026 15:35:00",
        "From": "09876543210",
        "To": "02248964153",
        "CurrentTime": "2026-11-22 15:31:00",
        "flow_id": "123456",
        "tenant_id": "654321",
        "digits": '"100234"',
        "CustomField": "C-100 " + "what the application gave along " * 8,
        "Legs[0][Number]": "09876543211",
        "Legs[0][Type]": "single",
        "Legs[0][OnCallDuration]": "42",
        "Legs[0][CauseCode]": "NORMAL_CLEARING",
        "Legs[0][Cause]": "16",
        "OutgoingPhoneNumber": "02248964153",
    }


def relay(at: datetime) -> dict[str, Any]:
    """Make SignalWire's state of an agent's leg."""
    return {
        "event_type": "calling.call.state",
        "event_channel": f"swml:{uid(1)}",
        "timestamp": at.timestamp(),
        "project_id": uid(2),
        "space_id": uid(3),
        "params": {
            "call_id": uid(4),
            "node_id": f"{uid(5)}@west-us",
            "segment_id": uid(6),
            "tag": uid(7),
            "call_state": "ringing",
            "direction": "outbound",
            "parent": {"call_id": uid(8), "node_id": f"{uid(5)}@west-us"},
            "peer": {"call_id": uid(8), "node_id": f"{uid(5)}@west-us"},
            "device": {
                "type": "sip",
                "params": {
                    "from": CALLER,
                    "to": "sip:ada@example.signalwire.com",
                    "headers": [
                        {"name": f"X-Crm-{i}", "value": f"value {i} that came with the SIP call"}
                        for i in range(10)
                    ],
                },
            },
            "created_by": "dial",
            "start_time": int(at.timestamp() * 1000),
        },
    }
