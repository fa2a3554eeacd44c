"""The fullest events of the phone systems that we connect to, as they stand in the stream."""

from __future__ import annotations

from datetime import datetime

import orjson

from bench.payloads.made_up import CALLER, DIALLED, NAME, uid

_ASTERISK = "1795302301"


def asterisk(at: datetime, number: int) -> bytes:
    """Make `DialEnd`, which has two whole channels in it, with channel variables."""

    def channel(prefix: str, name: str, unique: str) -> dict[str, str]:
        return {
            f"{prefix}Channel": name,
            f"{prefix}ChannelState": "6",
            f"{prefix}ChannelStateDesc": "Up",
            f"{prefix}CallerIDNum": CALLER,
            f"{prefix}CallerIDName": NAME,
            f"{prefix}ConnectedLineNum": "201",
            f"{prefix}ConnectedLineName": "Ada Lovelace",
            f"{prefix}Language": "en",
            f"{prefix}AccountCode": "",
            f"{prefix}Context": "from-internal",
            f"{prefix}Exten": DIALLED,
            f"{prefix}Priority": "1",
            f"{prefix}Uniqueid": f"{_ASTERISK}.{unique}",
            f"{prefix}Linkedid": f"{_ASTERISK}.0",
        }

    lines = [
        "Event: DialEnd",
        "Privilege: call,all",
        f"Timestamp: {at.timestamp() + number / 1000:.6f}",
        *(f"{k}: {v}" for k, v in channel("", "PJSIP/trunk-00000000", "0").items()),
        *(f"ChanVariable: crm_field_{i}=value {i} that the dialplan has set" for i in range(20)),
        *(f"{k}: {v}" for k, v in channel("Dest", "PJSIP/201-00000001", "1").items()),
        *(f"DestChanVariable: crm_field_{i}=value {i} of the dialplan" for i in range(20)),
        "DialStatus: ANSWER",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def freeswitch(at: datetime, number: int) -> bytes:
    """Make `CHANNEL_ANSWER` of an agent's leg with 200 channel variables."""
    event = {
        "Event-Name": "CHANNEL_ANSWER",
        "Core-UUID": uid(1),
        "FreeSWITCH-Hostname": "pbx",
        "FreeSWITCH-Switchname": "pbx",
        "FreeSWITCH-IPv4": "192.0.2.10",
        "FreeSWITCH-IPv6": "::1",
        "Event-Date-Local": "2026-11-22 10:00:00",
        "Event-Date-GMT": "Sun, 22 Nov 2026 10:00:00 GMT",
        "Event-Date-Timestamp": str(int(at.timestamp() * 1_000_000) + number),
        "Event-Calling-File": "switch_channel.c",
        "Event-Calling-Function": "switch_channel_perform_mark_answered",
        "Event-Calling-Line-Number": "3876",
        "Event-Sequence": str(1000 + number),
        "Channel-State": "CS_CONSUME_MEDIA",
        "Channel-Call-State": "ACTIVE",
        "Channel-State-Number": "7",
        "Channel-Name": "sofia/internal/1001@pbx.example.com",
        "Unique-ID": uid(2),
        "Call-Direction": "outbound",
        "Presence-Call-Direction": "outbound",
        "Channel-HIT-Dialplan": "false",
        "Channel-Presence-ID": "1001@pbx.example.com",
        "Channel-Call-UUID": uid(3),
        "Answer-State": "answered",
        **{
            f"{who}-{name}": value
            for who in ("Caller", "Other-Leg")
            for name, value in {
                "Direction": "inbound",
                "Logical-Direction": "inbound",
                "Username": CALLER,
                "Dialplan": "XML",
                "Caller-ID-Name": NAME,
                "Caller-ID-Number": CALLER,
                "Orig-Caller-ID-Name": NAME,
                "Orig-Caller-ID-Number": CALLER,
                "Callee-ID-Name": "Ada Lovelace",
                "Callee-ID-Number": "1001",
                "Network-Addr": "192.0.2.20",
                "ANI": CALLER,
                "Destination-Number": DIALLED,
                "Unique-ID": uid(3),
                "Source": "mod_sofia",
                "Context": "public",
                "Channel-Name": "sofia/external/trunk",
                "Profile-Created-Time": "1795302301000000",
                "Channel-Answered-Time": "1795302302000000",
                "Privacy-Hide-Name": "false",
                "Privacy-Hide-Number": "false",
            }.items()
        },
        **{
            f"variable_sip_field_{i:03}": f"value {i} of the SIP message or of the dialplan"
            for i in range(200)
        },
    }
    body = orjson.dumps(event)
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


def freeswitch_call(at: datetime) -> bytes:
    """Make the two legs that the answer is about."""
    began = {
        "Event-Name": "CHANNEL_CREATE",
        "Core-UUID": uid(1),
        "Event-Sequence": "1",
        "Event-Date-Timestamp": str(int(at.timestamp() * 1_000_000)),
        "Unique-ID": uid(3),
        "Channel-Call-UUID": uid(3),
        "Call-Direction": "inbound",
        "Caller-Context": "public",
        "Caller-Caller-ID-Number": CALLER,
        "Caller-Destination-Number": DIALLED,
    }
    rings = {**began, "Unique-ID": uid(2), "Call-Direction": "outbound", "Event-Sequence": "2"}
    bodies = [orjson.dumps(began), orjson.dumps(rings)]
    return b"".join(
        b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(b), b) for b in bodies
    )
