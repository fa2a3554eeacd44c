"""No bytes of a stream raise anything but a lost stream: real frames, twisted in every way."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.call import CallEvent
from app.telephony.asterisk import AmiConversation, Asterisk
from app.telephony.freeswitch import EslConversation, Freeswitch
from app.telephony.stream import Conversation, StreamLost
from tests.telephony.streams import Host, heard
from tests.telephony.test_registry import FRAGMENTS, mutated, texts

# `make fuzz` asks for more.
EXAMPLES = int(os.environ.get("SCREENPOP_TEST_FUZZ", "1000"))
Frame = Mapping[str, object]

IDS = ("1795302301.0", "1795302301.1", "1795302309.7", "", "\0", "x" * 300)
NUMBERS = ("+442079460958", "201", "<unknown>", "s", "", "9" * 400, "1.5", "-1", "\u2603")
CHANNELS = ("PJSIP/trunk-00000000", "PJSIP/201-00000001", "Local/202@q-0000000a;2", "/", "", "\0")
LEGS = ("leg-a", "leg-b", "leg-c", "", "\0")
PRESENCES = ("1001@pbx", "1002@pbx", "@", "", "\0@", "x" * 300)

AMI_VALUES: Mapping[str, Sequence[str]] = {
    "Event": (
        *("Newchannel", "NewCallerid", "DialBegin", "DialState", "DialEnd", "QueueCallerJoin"),
        *("AgentCalled", "AgentConnect", "AgentRingNoAnswer", "QueueCallerAbandon", "Hold"),
        *("Unhold", "BlindTransfer", "AttendedTransfer", "Hangup", "CoreShowChannel"),
        *("CoreShowChannelsComplete", "Newexten"),
    ),
    "Response": ("Success", "Error", ""),
    "ActionID": ("login", "channels", "ping", ""),
    "Timestamp": ("1795302301.123456", "nan", "inf", "1e308", "-1e308", "x", ""),
    "DialStatus": ("RINGING", "ANSWER", "NOANSWER", "CANCEL", "BUSY", ""),
    "Result": ("Success", "Fail"),
    "Cause": ("16", "17", "x", ""),
    "ChannelStateDesc": ("Up", "Ring", "Ringing", "Down"),
    "TransferTargetChannelStateDesc": ("Up", "Ring"),
    "ChanVariable": ("pres=prohib", "a=b", "=", "", "x" * 2000),
    **dict.fromkeys(
        (
            *("Uniqueid", "Linkedid", "DestLinkedid", "DestUniqueid", "TransfereeLinkedid"),
            *("TransfererLinkedid", "OrigTransfererLinkedid"),
        ),
        IDS,
    ),
    **dict.fromkeys(
        (
            *("Channel", "DestChannel", "Interface", "TransfererChannel", "OrigTransfererChannel"),
            "TransferTargetChannel",
        ),
        CHANNELS,
    ),
    **dict.fromkeys(
        (
            *("CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Exten"),
            *("Extension", "Queue", "Message"),
        ),
        NUMBERS,
    ),
}
ESL_VALUES: Mapping[str, Sequence[object]] = {
    "Event-Name": (
        *("CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER"),
        *("CHANNEL_BRIDGE", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_HANGUP_COMPLETE", "CUSTOM"),
        *("HEARTBEAT", None, 5, [], {}),
    ),
    "Event-Subclass": ("callcenter::info", "x"),
    "CC-Action": (
        *("member-queue-start", "agent-offering", "bridge-agent-start", "bridge-agent-fail", "x"),
    ),
    "Call-Direction": ("inbound", "outbound", "x"),
    "Caller-Context": ("public", "default"),
    "Hangup-Cause": ("NORMAL_CLEARING", "BLIND_TRANSFER", "LOSE_RACE", "x", ""),
    "Event-Date-Timestamp": ("1795302301000000", "9" * 18, "9" * 30, "-1", "x", "²", 7),
    "Event-Sequence": ("1", "9" * 30, "", "²"),
    "Caller-Privacy-Hide-Number": ("true", "false", None),
    "rows": ([{"uuid": "leg-a", "direction": "inbound"}, {"uuid": "leg-b"}, 5, {}], None, {}, 5),
    **dict.fromkeys(
        (
            *("Unique-ID", "Channel-Call-UUID", "Bridge-A-Unique-ID", "Bridge-B-Unique-ID"),
            *("Other-Leg-Unique-ID", "CC-Member-Session-UUID", "variable_cc_member_session_uuid"),
            "Core-UUID",
        ),
        LEGS,
    ),
    **dict.fromkeys(
        (
            *("Channel-Presence-ID", "Other-Leg-Presence-ID", "CC-Agent", "CC-Queue"),
            *("variable_dialed_user", "variable_user_name", "Caller-Username"),
        ),
        PRESENCES,
    ),
    **dict.fromkeys(
        (
            *("Caller-Caller-ID-Number", "Caller-Caller-ID-Name", "Caller-Destination-Number"),
            *("Other-Leg-Callee-ID-Number", "CC-Member-CID-Number", "CC-Member-CID-Name"),
        ),
        NUMBERS,
    ),
}
AMI_EVENTS: Sequence[Frame] = [
    {"Event": event, "Channel": channel, "Uniqueid": unique, "Linkedid": IDS[0]}
    for event in AMI_VALUES["Event"]
    for channel, unique in zip(CHANNELS, IDS, strict=True)
]
AMI_LISTED: Sequence[Frame] = [
    {"Event": "CoreShowChannel", "ActionID": "channels", "Linkedid": IDS[0]},
    {"Event": "CoreShowChannel", "ActionID": "channels", "Linkedid": IDS[0], "Channel": "SIP/201"},
    {"Event": "CoreShowChannelsComplete", "ActionID": "channels"},
]
ESL_EVENTS: Sequence[Frame] = [
    {"Event-Name": event, "Unique-ID": leg, "Channel-Call-UUID": "leg-a"}
    for event in ESL_VALUES["Event-Name"]
    for leg in LEGS
]
ESL_LISTED: Sequence[Frame] = [{"rows": rows} for rows in ESL_VALUES["rows"]]
CUTS = st.lists(st.integers(0, 5000), max_size=4)


def frames(
    values: Mapping[str, Sequence[object]], events: Sequence[Frame], listed: Sequence[Frame]
) -> st.SearchStrategy[list[Frame]]:
    """Draw a few events and open channels, with any other fields and one of their values."""
    heads = st.sampled_from(events) | st.sampled_from(listed)
    fields = st.sampled_from([(key, value) for key, of in values.items() for value in of])
    frame = st.tuples(heads, st.lists(fields, max_size=9))
    return st.lists(frame.map(lambda drawn: {**drawn[0], **dict(drawn[1])}), max_size=7)


AMI_FRAMES = frames(AMI_VALUES, AMI_EVENTS, AMI_LISTED)
ESL_FRAMES = frames(ESL_VALUES, ESL_EVENTS, ESL_LISTED)


def ami(sent: Sequence[Frame]) -> bytes:
    blocks = ("".join(f"{key}: {value}\r\n" for key, value in frame.items()) for frame in sent)
    return "".join(f"{block}\r\n" for block in blocks).encode()


def esl(sent: Sequence[Frame]) -> bytes:
    bodies = [json.dumps(frame) for frame in sent]
    kinds = ["api/response" if "rows" in frame else "text/event-json" for frame in sent]
    return "".join(
        f"Content-Length: {len(body)}\nContent-Type: {kind}\n\n{body}"
        for body, kind in zip(bodies, kinds, strict=True)
    ).encode()


def survives(talk: Conversation, host: Host, received: bytes, cuts: Sequence[int]) -> None:
    try:
        heard(talk, host, received, cuts)
    except StreamLost as lost:
        assert str(lost)  # noqa: PT017 - either is right
    assert [text for event in host.events for text in texts(event) if "\0" in text] == []
    assert all(_is_short(event) for event in host.events)


def _is_short(event: CallEvent) -> bool:
    return all(len(text) <= 1100 for text in texts(event))


@settings(max_examples=EXAMPLES)
@given(sent=AMI_FRAMES, junk=st.data(), cuts=CUTS, known=st.booleans())
def test_no_bytes_make_asterisks_stream_raise_anything_but_its_loss(
    sent: list[Frame], junk: st.DataObject, cuts: list[int], known: bool
) -> None:
    config = {"secret": "pa55", "trunks": ["trunk"], "presentation_variable": "pres"}
    host = Host({"pbx:1795302301.0": frozenset({"201"})} if known else {})
    talk = AmiConversation(Asterisk("pbx", Asterisk.Config.model_validate(config)), host)
    good = ami(sent)
    twisted = junk.draw(st.just(good) | mutated(good) | FRAGMENTS)
    banner = b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: login\r\n\r\n"
    survives(talk, host, banner + twisted, cuts)


@settings(max_examples=EXAMPLES)
@given(sent=ESL_FRAMES, junk=st.data(), cuts=CUTS, known=st.booleans())
def test_no_bytes_make_freeswitchs_stream_raise_anything_but_its_loss(
    sent: list[Frame], junk: st.DataObject, cuts: list[int], known: bool
) -> None:
    host = Host({"fs:leg-a": frozenset({"1001"})} if known else {})
    talk = EslConversation(
        Freeswitch("fs", Freeswitch.Config.model_validate({"secret": "x"})), host
    )
    good = esl(sent)
    twisted = junk.draw(st.just(good) | mutated(good) | FRAGMENTS)
    reply = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
    survives(talk, host, b"Content-Type: auth/request\n\n" + reply * 2 + twisted, cuts)
