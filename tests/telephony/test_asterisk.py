"""Asterisk's manager events, in the shapes that Asterisk 22 sends, become calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.call import CallEvent, EventKind
from app.telephony.asterisk import AmiConversation, Asterisk, read_block
from app.telephony.asterisk_block import extension_of
from app.telephony.asterisk_calls import AsteriskCalls
from app.telephony.stream import LoginRefused, StreamLost
from tests.telephony.stories import disordered, left, live, only, screen, told
from tests.telephony.streams import NOW, Host, heard

TRUNK, ADA, BEN = "PJSIP/trunk-00000000", "PJSIP/101-00000001", "PJSIP/102-00000002"
CALLER, LINKED = "+442071838750", "1795302301.0"
CALL = {"Channel": TRUNK, "CallerIDNum": CALLER, "CallerIDName": "KESTREL", "Uniqueid": LINKED}
CALL |= {"Linkedid": LINKED, "Exten": "+448005550100"}
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
ACCEPTED = b"Response: Success\r\nActionID: login\r\nMessage: Authentication accepted\r\n\r\n"
FOLLOW = b"Response: Success\r\nActionID: channels\r\nEventList: start\r\n\r\n"
COMPLETE = b"Event: CoreShowChannelsComplete\r\nActionID: channels\r\nListItems: 0\r\n\r\n"


def block(event: str, second: float | None = None, /, **fields: str) -> dict[str, str]:
    told = {"Event": event, "Privilege": "call,all", **fields}
    if second is not None:
        told["Timestamp"] = f"{NOW.timestamp() + second:.6f}"
    return told


def dial(event: str, second: float, dest: str = ADA, status: str = "") -> dict[str, str]:
    to = {"DestChannel": dest, "DestUniqueid": f"u-{dest}", "DestLinkedid": LINKED}
    to |= {"DialString": extension_of(dest)}
    if status:
        to["DialStatus"] = status
    return block(event, second, **{**CALL, **to})


def hangup(second: float, cause: str = "16", **channel: str) -> dict[str, str]:
    return block("Hangup", second, **{**CALL, **channel, "Cause": cause})


def on(channel: str, **more: str) -> dict[str, str]:
    number = extension_of(channel)
    return {"Channel": channel, "Uniqueid": f"u-{channel}", "CallerIDNum": number} | more


def read(*blocks: dict[str, str], **settings: Any) -> list[CallEvent]:
    calls = AsteriskCalls("pbx", **{"trunks": ["trunk"], **settings})
    host = Host()
    return [event for b in blocks for event in calls.read(b, host.now())]


def raw(*blocks: dict[str, str]) -> bytes:
    lines = ["".join(f"{k}: {v}\r\n" for k, v in b.items()) for b in blocks]
    return "".join(f"{text}\r\n" for text in lines).encode()


RINGS = [block("Newchannel", 0, **CALL), dial("DialBegin", 1), dial("DialBegin", 1, BEN)]
RINGS += [dial("DialState", 1.2, status="RINGING"), dial("DialState", 1.3, status="RINGING")]
ANSWERED = [*RINGS, dial("DialEnd", 4, BEN, "CANCEL"), dial("DialEnd", 4, status="ANSWER")]


def test_a_group_call_rings_both_and_is_answered_by_one() -> None:
    assert live(only(read(*RINGS))) == {"101", "102"}
    call = only(read(*ANSWERED))
    assert (call.call_id, call.state, live(call)) == (f"pbx:{LINKED}", "answered", {"101"})
    assert (call.direction, call.dnis, call.cnam) == ("inbound", "+448005550100", "KESTREL")
    assert call.caller.e164 == CALLER
    assert left(call) == {"101": None, "102": "answered_elsewhere"}


def test_the_call_ends_when_its_first_channel_does() -> None:
    agent_gone = hangup(9, Channel=ADA, Uniqueid="u-ada")
    assert not only(read(*ANSWERED, agent_gone)).over
    call = only(read(*ANSWERED, agent_gone, hangup(9)))
    assert (call.state, call.ended_reason) == ("ended", "completed")


def test_a_caller_who_gives_up_is_missed() -> None:
    call = only(read(*RINGS, dial("DialEnd", 8, status="CANCEL"), hangup(8)))
    assert (call.state, call.ended_reason) == ("missed", "cancelled")


@pytest.mark.parametrize("status", ["NOANSWER", "BUSY", "CHANUNAVAIL", "CONGESTION"])
def test_a_phone_that_does_not_answer_stops_ringing_and_the_call_goes_on(status: str) -> None:
    call = only(read(*RINGS[:2], dial("DialEnd", 8, status=status)))
    assert (live(call), call.over) == (set(), False)


QUEUE = {**CALL, "Queue": "sales"}
MEMBER = {"Interface": "Local/101@from-queue/n", "MemberName": "Ada", "DestChannel": ADA}
QUEUED = [block("Newchannel", 0, **CALL), block("QueueCallerJoin", 1, **QUEUE, Position="1")]


def test_a_queue_rings_its_members_in_turn() -> None:
    ben = {"Interface": "PJSIP/102", "MemberName": "Ben"}
    rung = [*QUEUED, block("AgentCalled", 2, **QUEUE, **MEMBER)]
    assert (only(read(*rung)).queue, live(only(read(*rung)))) == ("sales", {"101"})
    rung += [block("AgentRingNoAnswer", 17, **QUEUE, **MEMBER)]
    rung += [block("AgentCalled", 18, **QUEUE, **ben)]
    assert live(only(read(*rung))) == {"102"}
    call = only(read(*rung, block("AgentConnect", 20, **QUEUE, **ben)))
    assert (call.state, live(call)) == ("answered", {"102"})


def test_who_leaves_the_queue_unanswered_is_missed() -> None:
    call = only(read(*QUEUED, block("QueueCallerAbandon", 30, **QUEUE), hangup(30)))
    assert (call.state, call.queue) == ("missed", "sales")


def test_hold_is_the_agents_and_not_the_customers() -> None:
    held = [*ANSWERED, block("Hold", 6, **on(ADA, Linkedid=LINKED))]
    assert only(read(*held)).state == "held"
    assert only(read(*held, block("Unhold", 7, **on(ADA, Linkedid=LINKED)))).state == "answered"
    assert only(read(*ANSWERED, block("Hold", 6, **CALL))).state == "answered"


BLIND = {"TransfererChannel": ADA, "TransfererLinkedid": LINKED, "TransfereeChannel": TRUNK}
BLIND |= {"TransfereeLinkedid": LINKED, "Result": "Success", "Extension": "102"}


def test_a_blind_transfer_moves_the_pop() -> None:
    moved = [*ANSWERED, block("BlindTransfer", 10, **BLIND)]
    moved += [hangup(10, Channel=ADA, Uniqueid="u-ada"), dial("DialBegin", 11, BEN)]
    call = only(read(*moved))
    assert (live(call), left(call)["101"]) == ({"102"}, "transferred")
    refused = block("BlindTransfer", 10, **BLIND | {"Result": "Fail"})
    assert live(only(read(*ANSWERED, refused))) == {"101"}


CONSULT = {**on("PJSIP/101-00000003"), "Uniqueid": "1795302399.5", "Linkedid": "1795302399.5"}
CONSULTS = [
    block("Newchannel", 10, **CONSULT, Exten="102"),
    block("DialBegin", 10, **CONSULT, DestChannel=BEN, DestUniqueid="u-ben"),
    block("DialEnd", 12, **CONSULT, DestChannel=BEN, DestUniqueid="u-ben", DialStatus="ANSWER"),
]
ATTENDED = block(
    "AttendedTransfer",
    15,
    Result="Success",
    OrigTransfererChannel=ADA,
    OrigTransfererLinkedid=LINKED,
    SecondTransfererChannel="PJSIP/101-00000003",
    SecondTransfererLinkedid="1795302399.5",
    TransfereeChannel=TRUNK,
    TransfereeLinkedid=LINKED,
    TransferTargetChannel=BEN,
    TransferTargetChannelStateDesc="Up",
    TransferTargetLinkedid=LINKED,
)


def test_an_attended_transfer_moves_the_call_and_ends_the_consultation() -> None:
    story = [*ANSWERED, *CONSULTS, ATTENDED]
    # By now the consultation's channel is linked to the customer's call.
    story += [hangup(15.1, Channel=CONSULT["Channel"], Uniqueid=CONSULT["Uniqueid"])]
    calls = told(read(*story))
    customer, consult = calls[f"pbx:{LINKED}"], calls["pbx:1795302399.5"]
    assert (live(customer), customer.state) == ({"102"}, "answered")
    assert left(customer)["101"] == "transferred"
    assert (consult.direction, consult.state) == ("internal", "ended")


OUT = {**on(ADA, Uniqueid=LINKED, Linkedid=LINKED), "Exten": "02079460958"}
TO_TRUNK = {"DestChannel": TRUNK, "DestUniqueid": "u-trunk"}


def test_a_call_to_outside_is_the_callers_own() -> None:
    out = [block("Newchannel", 0, **OUT), block("DialBegin", 1, **OUT, **TO_TRUNK)]
    call = only(read(*out))
    assert (call.direction, call.dnis, live(call)) == ("outbound", "02079460958", {"101"})
    call = only(read(*out, block("DialEnd", 5, **OUT, **TO_TRUNK, DialStatus="ANSWER")))
    assert (call.state, live(call)) == ("answered", {"101"})


def test_a_call_to_outside_that_was_transferred_outlives_its_first_phone() -> None:
    trunk = {**on(TRUNK), "Linkedid": LINKED}
    out = [block("Newchannel", 0, **OUT), block("Newchannel", 0, **trunk)]
    out += [block("DialEnd", 5, **OUT, **TO_TRUNK, DialStatus="ANSWER")]
    blind = BLIND | {"TransfererLinkedid": LINKED}
    moved = [*out, block("BlindTransfer", 9, **blind), block("Hangup", 9.1, **OUT, Cause="16")]
    assert live(only(read(*moved))) == {"102"}
    assert only(read(*moved, block("Hangup", 20, **trunk, Cause="16"))).over


def test_a_feature_code_is_no_call() -> None:
    voicemail = OUT | {"Exten": "*97"}
    assert read(block("Newchannel", **voicemail), block("Hangup", **voicemail, Cause="16")) == []


def test_without_trunks_a_phone_is_who_calls_with_its_own_name() -> None:
    assert only(read(*RINGS, trunks=())).direction == "inbound"
    inside = {**OUT, "DestChannel": BEN, "DestUniqueid": "u"}
    assert only(read(block("DialBegin", **inside), trunks=())).direction == "internal"


@pytest.mark.parametrize("number", ["<unknown>", "", "anonymous"])
def test_a_caller_without_a_number_is_withheld(number: str) -> None:
    caller = only(read(block("Newchannel", **CALL | {"CallerIDNum": number}))).caller
    assert (caller.e164, caller.withheld) == (None, True)


def presented(event: str, second: float, value: str) -> dict[str, str]:
    return block(event, second, **QUEUE, ChanVariable=f"PRES={value}\nUUI=C-100")


def test_a_hidden_number_is_never_told_where_the_dialplan_says_so() -> None:
    events = read(
        presented("Newchannel", 0, ""),
        presented("QueueCallerJoin", 1, "prohib_not_screened"),
        hangup(9, ChanVariable="PRES=prohib_not_screened"),
        presentation_variable="PRES",
    )
    assert CALLER not in str(events)
    call = only(events)
    assert (call.caller.withheld, dict(call.attached_data)) == (True, {"UUI": "C-100"})


def test_a_number_may_be_shown_once_the_dialplan_has_said_so() -> None:
    first, second = presented("Newchannel", 0, ""), presented("QueueCallerJoin", 1, "allowed")
    assert only(read(first, presentation_variable="PRES")).ani is None
    assert only(read(first, second, presentation_variable="PRES")).caller.e164 == CALLER


def test_a_system_name_keeps_two_servers_apart() -> None:
    assert only(read(*RINGS, system_name="london")).call_id == f"pbx:london-{LINKED}"


def test_any_order_and_repeats_end_in_the_same_screen_where_asterisk_tells_the_time() -> None:
    story = [*ANSWERED, block("Hold", 6, **on(ADA, Linkedid=LINKED))]
    events = read(*story, block("BlindTransfer", 10, **BLIND), dial("DialBegin", 11, BEN))
    whole = screen(told(events))
    for some in disordered(events, arriving=True):
        assert screen(told(some)) == whole


@pytest.mark.parametrize(
    ("channel", "extension"),
    [
        ("PJSIP/agent201-00000001", "agent201"),
        ("SIP/sales-desk-0000001f", "sales-desk"),
        ("Local/203@from-queue-00000004;2", "203"),
        ("Local/203@from-queue/n", "203"),
        ("PJSIP/sales-ace", "sales-ace"),
        ("Agent/1001", "1001"),
        ("", ""),
    ],
)
def test_whose_a_channel_is(channel: str, extension: str) -> None:
    assert extension_of(channel) == extension


def system(**settings: Any) -> Asterisk:
    given = {"secret": "pa55", "trunks": ["trunk"], **settings}
    return Asterisk("pbx", Asterisk.Config.model_validate(given))


def shown(channel: str, state: str, **more: str) -> dict[str, str]:
    head = {"Event": "CoreShowChannel", "ActionID": "channels", "ChannelStateDesc": state}
    return head | on(channel) | {"Linkedid": LINKED} | more


def test_it_logs_in_and_asks_for_the_open_channels() -> None:
    host = Host()
    talk = AmiConversation(system(username="pop"), host)
    sent = heard(talk, host, BANNER + ACCEPTED + FOLLOW + COMPLETE)
    assert sent == [
        "Action: Login\r\nActionID: login\r\nUsername: pop\r\nSecret: pa55\r\nEvents: on\r\n\r\n",
        "Action: CoreShowChannels\r\nActionID: channels\r\n\r\n",
    ]
    assert talk.ready
    assert talk.warning is None


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_the_bytes_may_come_in_any_pieces(cuts: list[int]) -> None:
    host = Host()
    whole = BANNER + ACCEPTED + FOLLOW + COMPLETE + raw(*ANSWERED)
    heard(AmiConversation(system(), host), host, whole, cuts)
    assert live(only(host.events)) == {"101"}


@given(st.binary(max_size=300), st.lists(st.integers(0, 10_000), max_size=6))
def test_no_bytes_raise_anything_but_a_lost_stream(junk: bytes, cuts: list[int]) -> None:
    host = Host()
    good = BANNER + ACCEPTED + raw(*ANSWERED[:2], block("Hold"), block("Hangup"))
    try:
        heard(AmiConversation(system(), host), host, good + junk + b"\r\n\r\n", cuts)
    except StreamLost as lost:
        assert str(lost)  # noqa: PT017 - either is right


def test_a_wrong_secret_is_said_plainly() -> None:
    refused = b"Response: Error\r\nActionID: login\r\nMessage: Authentication failed\r\n\r\n"
    host = Host()
    with pytest.raises(LoginRefused, match="refuses the manager user or its secret") as caught:
        heard(AmiConversation(system(), host), host, BANNER + refused)
    assert "pa55" not in str(caught.value)


def test_another_service_is_recognised() -> None:
    host = Host()
    with pytest.raises(StreamLost, match="check the port"):
        heard(AmiConversation(system(), host), host, b"HTTP/1.1 400 Bad Request\r\n")


def test_a_user_who_may_not_list_channels_is_connected_with_a_warning() -> None:
    denied = b"Response: Error\r\nActionID: channels\r\nMessage: Permission denied\r\n\r\n"
    host = Host({f"pbx:{LINKED}": frozenset({"101"})})
    talk = AmiConversation(system(), host)
    heard(talk, host, BANNER + ACCEPTED + denied + raw(hangup(3)))
    assert talk.ready
    assert "write=reporting" in str(talk.warning)
    assert [event.kind for event in host.events] == [EventKind.ENDED]


def resynced(known: dict[str, frozenset[str]], *blocks: dict[str, str]) -> Host:
    host = Host(known, at=NOW + timedelta(minutes=1))
    channels = FOLLOW + raw(*blocks) + COMPLETE
    heard(AmiConversation(system(), host), host, BANNER + ACCEPTED + channels)
    return host


def test_after_a_reconnect_the_open_channels_tell_which_calls_there_are() -> None:
    trunk = shown(TRUNK, "Up", **CALL)
    host = resynced({"pbx:gone": frozenset({"103"})}, trunk, shown(BEN, "Ringing"))
    calls = told(host.events)
    assert (calls["pbx:gone"].over, calls["pbx:gone"].ended_reason) == (True, "resync")
    found = calls[f"pbx:{LINKED}"]
    assert (live(found), found.caller.e164, found.direction) == ({"102"}, CALLER, "inbound")


def test_a_call_that_was_passed_on_meanwhile_leaves_the_first_agent() -> None:
    trunk = shown(TRUNK, "Up", **CALL)
    host = resynced({f"pbx:{LINKED}": frozenset({"101"})}, trunk, shown(BEN, "Up"))
    before = read(*ANSWERED)
    call = only([*before, *host.events])
    assert (live(call), call.over) == ({"102"}, False)


def test_a_call_to_outside_is_found_again_as_such() -> None:
    rings = resynced({}, shown(ADA, "Ring", **OUT), shown(TRUNK, "Ringing"))
    assert (live(only(rings.events)), only(rings.events).direction) == ({"101"}, "outbound")
    talks = resynced({}, shown(ADA, "Up", **OUT), shown(TRUNK, "Up"))
    assert only(talks.events).state == "answered"


def test_what_happens_while_the_channels_are_listed_is_not_undone() -> None:
    host = Host()
    listing = FOLLOW + raw(block("Newchannel", **CALL | {"Linkedid": "2.0", "Uniqueid": "2.0"}))
    listing += raw(shown(TRUNK, "Up", **CALL), hangup(2)) + COMPLETE
    heard(AmiConversation(system(), host), host, BANNER + ACCEPTED + listing)
    assert {call_id for call_id, call in told(host.events).items() if not call.over} == {"pbx:2.0"}


def test_a_key_that_comes_again_keeps_all_its_values() -> None:
    assert read_block(b"Event: X\r\nChanVariable: A=1\r\nChanVariable: B=2")["ChanVariable"] == (
        "A=1\nB=2"
    )


@pytest.mark.parametrize("setting", ["secret", "username"])
def test_a_setting_cannot_carry_a_second_action(setting: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        system(**{setting: "x\r\nAction: Originate"})
