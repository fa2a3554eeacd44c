"""The fullest webhooks of hosted PBXs, and of our own generic form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bench.payloads.made_up import CALLER, DIALLED, GROUP, NAME, iso, uid


def generic(at: datetime) -> list[dict[str, Any]]:
    """Make a CloudEvents batch of 10 events, each with all that the ring of a phone can have."""
    return [
        {
            "specversion": "1.0",
            "id": f"e-{i}",
            "source": "https://pbx.example.com/site/main",
            "type": "com.example.call.ringing",
            "subject": f"c-{i}",
            "time": iso(at),
            "datacontenttype": "application/json",
            "data": {
                "event": "ringing",
                "call_id": f"c-{i}",
                "event_id": f"e-{i}",
                "occurred_at": iso(at),
                "direction": "inbound",
                "ani": CALLER,
                "cnam": NAME,
                "dnis": DIALLED,
                "extension": "101",
                "queue": "sales",
                "attestation": {"level": "A", "verdict": "passed"},
                "collected": {"account": "C-100", "menu": "2"},
                "attached_data": {"language": "fr", "campaign": "spring", "intent": "order"},
                "parent_call_id": "c-0",
            },
        }
        for i in range(10)
    ]


def aircall(at: datetime, token: str) -> dict[str, Any]:
    """Make the event of a call with its contact, teams, 20 tags and 10 comments."""
    seconds = int(at.timestamp())

    def user(i: int) -> dict[str, Any]:
        return {
            "id": 456 + i,
            "direct_link": f"https://api.aircall.io/v1/users/{456 + i}",
            "name": f"Agent {i}",
            "email": f"agent{i}@example.com",
            "available": True,
            "availability_status": "available",
            "created_at": iso(at),
            "time_zone": "Europe/London",
            "language": "en-US",
            "state": "always_opened",
            "wrap_up_time": 0,
        }

    return {
        "resource": "call",
        "event": "call.transferred",
        "timestamp": seconds,
        "token": token,
        "data": {
            "id": 812,
            "direct_link": "https://api.aircall.io/v1/calls/812",
            "sid": "CA" + "1" * 32,
            "call_uuid": "CA" + "1" * 32,
            "direction": "inbound",
            "status": "answered",
            "missed_call_reason": None,
            "started_at": seconds - 60,
            "answered_at": seconds - 50,
            "ended_at": None,
            "duration": 60,
            "voicemail": None,
            "recording": None,
            "asset": None,
            "raw_digits": "+44 20 7946 0958",
            "user": user(0),
            "contact": {
                "id": 699,
                "direct_link": "https://api.aircall.io/v1/contacts/699",
                "first_name": "Kestrel",
                "last_name": "Garden",
                "company_name": NAME,
                "information": "Prefers to be called in the morning. " * 5,
                "is_shared": True,
                "created_at": seconds,
                "updated_at": seconds,
                "phone_numbers": [
                    {"id": i, "label": "Work", "value": f"+44207946095{i}"} for i in range(5)
                ],
                "emails": [
                    {"id": i, "label": "Work", "value": f"a{i}@example.com"} for i in range(5)
                ],
            },
            "archived": False,
            "assigned_to": user(1),
            "transferred_by": user(0),
            "transferred_to": user(1),
            "external_transferred_to": None,
            "cost": "0.00",
            "number": {
                "id": 1234,
                "direct_link": "https://api.aircall.io/v1/numbers/1234",
                "name": "Sales",
                "digits": "+44 800 555 0100",
                "created_at": iso(at),
                "country": "GB",
                "time_zone": "Europe/London",
                "open": True,
                "availability_status": "custom",
                "is_ivr": True,
                "live_recording_activated": True,
                "messages": {"welcome": "https://example.com/a.mp3", "waiting": None},
            },
            "country_code_a2": "GB",
            "pricing_type": "landline",
            "teams": [
                {
                    "id": i,
                    "name": f"Team {i}",
                    "direct_link": f"https://api.aircall.io/v1/teams/{i}",
                }
                for i in range(5)
            ],
            "comments": [
                {"id": i, "content": "Asked where the order is. " * 4, "posted_at": seconds}
                | {"posted_by": user(i)}
                for i in range(10)
            ],
            "tags": [
                {"id": i, "name": f"tag {i}", "created_at": seconds, "tagged_by": user(0)}
                for i in range(20)
            ],
            "ivr_options_selected": [
                {"id": uid(i), "title": "Sales", "key": "1", "branch": "Sales"} for i in range(5)
            ],
        },
    }


def zoom(at: datetime) -> dict[str, Any]:
    """Make the ring of an agent by a queue, with every optional field."""

    def person(name: str, kind: str) -> dict[str, Any]:
        return {
            "extension_type": kind,
            "extension_number": 101,
            "extension_id": "DKmFY5-hQ6KcKmQYFN0VpA",
            "phone_number": CALLER,
            "user_id": "z8yCxjabcdEFGHfp8uQ",
            "name": name,
            "device_type": "Windows_Client(6.1.0.41275)",
            "device_id": "8a4f3ab1d12f",
            "device_name": "DESKTOP-1",
            "device_private_ip": "10.100.111.237",
            "device_public_ip": "192.0.2.77",
            "connection_type": "voip",
            "timezone": "Europe/London",
            "country_code": "44",
            "carrier": "Example Telecom",
            "number_type": 2,
        }

    return {
        "event": "phone.callee_ringing",
        "event_ts": int(at.timestamp() * 1000),
        "payload": {
            "account_id": "3vt4b7wtb79q4wvb",
            "object": {
                "call_id": "7097494128518592347",
                "callee": person("Ada Lovelace", "user"),
                "caller": person(NAME, "pstn"),
                "ringing_start_time": iso(at),
                "answer_start_time": iso(at),
                "call_end_time": iso(at),
                "handup_result": "Call connected",
                "forwarded_by": person("Sales", "callQueue"),
                "redirect_forwarded_by": person("Main", "autoReceptionist"),
                "site_id": "8f71O6rWT8KFUGQmJIFAdQ",
            },
        },
    }


def dialpad(at: datetime) -> dict[str, Any]:
    """Make the event of an operator's call in a contact centre, with labels and data."""
    milliseconds = int(at.timestamp() * 1000)

    def target(i: int, kind: str) -> dict[str, Any]:
        return {
            "id": 5708630252388352 + i,
            "type": kind,
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "phone": DIALLED,
            "phone_number": DIALLED,
            "office_id": 5749525315371008,
        }

    return {
        "call_id": 4513163512520704,
        "entry_point_call_id": 4513163512520705,
        "master_call_id": 4513163512520705,
        "operator_call_id": 4513163512520704,
        "state": "connected",
        "direction": "inbound",
        "date_started": milliseconds,
        "date_rang": milliseconds,
        "date_queued": milliseconds,
        "date_connected": milliseconds,
        "date_first_rang": milliseconds,
        "date_ended": None,
        "event_timestamp": milliseconds,
        "duration": 0,
        "total_duration": 4000.5,
        "talk_time": 0,
        "hold_time": None,
        "external_number": CALLER,
        "internal_number": DIALLED,
        "contact": {
            "id": "https://example.com/contacts/1",
            "type": "local",
            "name": NAME,
            "email": "garden@example.com",
            "phone": CALLER,
        },
        "target": target(0, "user"),
        "entry_point_target": target(1, "callcenter"),
        "proxy_target": target(2, "user"),
        "group_id": "CallCenter:5749525315371009",
        "is_transferred": False,
        "labels": [f"label {i}" for i in range(20)],
        "custom_data": "C-100 " + "what the application gave along " * 8,
        "was_recorded": True,
        "recording_url": ["https://dialpad.com/blob/call/1.mp3"],
        "recording_details": [{"id": "1", "url": "https://dialpad.com/r/1", "duration": 1.0}],
        "voicemail_link": None,
        "voicemail_recording_id": None,
        "call_recording_share_links": [],
        "csat_score": None,
        "transcription_text": None,
        "public_call_review_share_link": "https://dialpad.com/shared/call/1",
        "routing_breadcrumbs": [
            {"breadcrumb_type": "callrouter", "target_type": "callcenter", "date": milliseconds}
            for _ in range(5)
        ],
        "integrations": {},
        "mos_score": 4.4,
    }


def sipgate() -> list[tuple[str, str]]:
    """Make a new call that rings for 20 users."""
    group = range(GROUP)
    return [
        ("event", "newCall"),
        ("direction", "in"),
        ("from", CALLER.removeprefix("+")),
        ("to", DIALLED.removeprefix("+")),
        ("callId", "12345678901234567890"),
        ("origCallId", "12345678901234567889"),
        ("xcid", "123abc456def789ghi"),
        ("diversion", "492111234567"),
        *(("user[]", f"Agent {i}") for i in group),
        *(("userId[]", f"w{i}") for i in group),
        *(("fullUserId[]", f"1234567w{i}") for i in group),
    ]


def placetel() -> dict[str, str]:
    """Make the end of a call, which has the most fields."""
    return {
        "call_id": "4a4cbb39578170aed9a2761a7bec8c7e704a541f52291ef603d6f5f152980c3c",
        "direction": "out",
        "duration": "42",
        "event": "HungUp",
        "from": "022199998560",
        "peer": "7777abcdefg@fpbx.de",
        "to": "022129191999",
        "type": "accepted",
    }


def zammad() -> dict[str, Any]:
    """Make a new call that rings for 20 users."""
    return {
        "event": "newCall",
        "from": CALLER.removeprefix("+"),
        "to": DIALLED.removeprefix("+"),
        "direction": "in",
        "callId": "307fa962-de8d-4ffc-817b-7f6993204159",
        "user": [f"Agent {i}" for i in range(GROUP)],
        "queue": "sales",
        "answeringNumber": "101",
        "cause": "normalClearing",
    }


def threecx(at: datetime) -> dict[str, str]:
    """Make the call report that our CRM template asks for."""
    return {
        "CallType": "Inbound",
        "Number": CALLER,
        "Agent": "101",
        "Duration": "00:00:42",
        "DateTime": iso(at),
    }
