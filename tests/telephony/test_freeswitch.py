"""FreeSWITCH's events become calls."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.call import CallEvent
from app.telephony.freeswitch import EslConversation, Freeswitch
from app.telephony.freeswitch_calls import FreeswitchCalls
from app.telephony.stream import LoginRefused, StreamLost
from tests.telephony.stories import disordered, left, live, only, screen, told
from tests.telephony.streams import NOW, Host, heard

CALLER, A, CORE = "+442071838750", "503d2093-45f8-4156-bed5-10f1d387d04b", "core-1"
CUSTOMER = {"Unique-ID": A, "Channel-Call-UUID": A, "Call-Direction": "inbound"}
CUSTOMER |= {"Caller-Caller-ID-Number": CALLER, "Caller-Caller-ID-Name": "KESTREL"}
CUSTOMER |= {"Caller-Destination-Number": "+448005550100", "Caller-Context": "public"}


def agent(extension: str, call: str = A) -> dict[str, str]:
    return {
        "Unique-ID": f"leg-{extension}-{call[:4]}",
        "Channel-Call-UUID": call,
        "Call-Direction": "outbound",
        "Channel-Presence-ID": f"{extension}@pbx.example",
        "Caller-Caller-ID-Number": CALLER,
        "Caller-Destination-Number": extension,
    }


ADA, BEN = agent("101"), agent("102")


def event(name: str, second: float, leg: dict[str, str], **more: str) -> dict[str, str]:
    micros = int((NOW.timestamp() + second) * 1_000_000)
    time = {"Event-Date-Timestamp": str(micros), "Event-Sequence": str(int(second * 1000) + 1)}
    return {"Event-Name": name, "Core-UUID": CORE, **time, **leg, **more}


def hangup(second: float, leg: dict[str, str], cause: str = "NORMAL_CLEARING") -> dict[str, str]:
    return event("CHANNEL_HANGUP_COMPLETE", second, leg, **{"Hangup-Cause": cause})


def read(*events: dict[str, str]) -> list[CallEvent]:
    calls, host = FreeswitchCalls("fs", ["public"]), Host()
    return [e for each in events for e in calls.read(each, host.now())]


RINGS = [event("CHANNEL_CREATE", 0, CUSTOMER), event("CHANNEL_CREATE", 1, ADA)]
RINGS += [event("CHANNEL_CREATE", 1.1, BEN), event("CHANNEL_PROGRESS", 1.5, ADA)]
ANSWERED = [*RINGS, event("CHANNEL_ANSWER", 4, ADA), hangup(4.1, BEN, "LOSE_RACE")]


def test_a_group_call_rings_both_and_is_answered_by_one() -> None:
    assert live(only(read(*RINGS))) == {"101", "102"}
    call = only(read(*ANSWERED))
    assert (call.call_id, call.state, call.direction) == (f"fs:{A}", "answered", "inbound")
    assert (call.caller.e164, call.cnam, call.dnis) == (CALLER, "KESTREL", "+448005550100")
    assert left(call) == {"101": None, "102": "answered_elsewhere"}


def test_an_answer_by_the_ivr_is_not_an_agents() -> None:
    call = only(read(event("CHANNEL_CREATE", 0, CUSTOMER), event("CHANNEL_ANSWER", 1, CUSTOMER)))
    assert call.state == "incoming"


@pytest.mark.parametrize(
    ("story", "cause", "state", "reason"),
    [
        (ANSWERED, "NORMAL_CLEARING", "ended", "completed"),
        (RINGS, "ORIGINATOR_CANCEL", "missed", "cancelled"),
    ],
)
def test_the_call_ends_when_its_first_leg_does(
    story: list[dict[str, str]], cause: str, state: str, reason: str
) -> None:
    call = only(read(*story, hangup(9, CUSTOMER, cause)))
    assert (call.state, call.ended_reason) == (state, reason)


@pytest.mark.parametrize("cause", ["NO_ANSWER", "USER_BUSY", "CALL_REJECTED"])
def test_a_phone_that_does_not_answer_stops_ringing_and_the_call_goes_on(cause: str) -> None:
    call = only(read(*RINGS, hangup(8, BEN, cause)))
    assert (live(call), left(call)["102"], call.over) == ({"101"}, "missed", False)


def test_hold_is_the_agents_and_not_the_customers() -> None:
    held = [*ANSWERED, event("CHANNEL_HOLD", 6, ADA)]
    assert only(read(*held)).state == "held"
    assert only(read(*held, event("CHANNEL_UNHOLD", 7, ADA))).state == "answered"
    assert only(read(*ANSWERED, event("CHANNEL_HOLD", 6, CUSTOMER))).state == "answered"


def test_a_blind_transfer_moves_the_pop() -> None:
    again = BEN | {"Unique-ID": "leg-102-again"}
    moved = [*ANSWERED, hangup(10, ADA, "BLIND_TRANSFER"), event("CHANNEL_CREATE", 11, again)]
    call = only(read(*moved))
    assert (live(call), left(call)["101"]) == ({"102"}, "transferred")


def test_an_attended_transfer_moves_the_call_and_ends_the_consultation() -> None:
    consult = {"Unique-ID": "consult", "Channel-Call-UUID": "consult", "Call-Direction": "inbound"}
    consult |= {"Caller-Context": "default", "variable_user_name": "101"}
    target = agent("103", "consult")
    bridged = {"Bridge-A-Unique-ID": A, "Bridge-B-Unique-ID": target["Unique-ID"]}
    bridged |= {"Other-Leg-Callee-ID-Number": "103"}
    story = [*ANSWERED, event("CHANNEL_CREATE", 10, consult), event("CHANNEL_CREATE", 11, target)]
    story += [event("CHANNEL_ANSWER", 12, target), event("CHANNEL_BRIDGE", 15, CUSTOMER, **bridged)]
    story += [hangup(15.1, consult, "ATTENDED_TRANSFER"), hangup(15.2, ADA, "ATTENDED_TRANSFER")]
    calls = told(read(*story))
    assert (live(calls[f"fs:{A}"]), left(calls[f"fs:{A}"])["101"]) == ({"103"}, "transferred")
    assert (calls["fs:consult"].direction, calls["fs:consult"].over) == ("internal", True)
    assert told(read(*story, hangup(30, CUSTOMER)))[f"fs:{A}"].state == "ended"


OUT = CUSTOMER | {"Caller-Context": "default", "variable_user_name": "101"}
OUT |= {"Caller-Caller-ID-Number": "101", "Caller-Destination-Number": "02079460958"}
GATEWAY = {"Unique-ID": "leg-out", "Channel-Call-UUID": A, "Call-Direction": "outbound"}
GATEWAY |= {"Caller-Caller-ID-Number": "101", "Caller-Destination-Number": "02079460958"}


def test_a_call_to_outside_is_the_callers_own() -> None:
    rings = [event("CHANNEL_CREATE", 0, OUT), event("CHANNEL_CREATE", 1, GATEWAY)]
    call = only(read(*rings))
    assert (call.direction, call.dnis, live(call)) == ("outbound", "02079460958", {"101"})
    assert only(read(*rings, event("CHANNEL_ANSWER", 5, GATEWAY))).state == "answered"


def queue(second: float, action: str, **more: str) -> dict[str, str]:
    told = {"Event-Subclass": "callcenter::info", "CC-Action": action, "CC-Queue": "sales@default"}
    told |= {"CC-Member-Session-UUID": A, "CC-Member-CID-Number": CALLER}
    return event("CUSTOM", second, told, **more)


def test_a_queue_rings_its_agents_in_turn() -> None:
    ada, ben = {"CC-Agent": "101@pbx.example"}, {"CC-Agent": "102@pbx.example"}
    rung = [event("CHANNEL_CREATE", 0, CUSTOMER), queue(1, "member-queue-start")]
    rung += [queue(2, "agent-offering", **ada), queue(17, "bridge-agent-fail", **ada)]
    rung += [queue(18, "agent-offering", **ben)]
    call = only(read(*rung))
    assert (call.queue, live(call), left(call)["101"]) == ("sales", {"102"}, "missed")
    call = only(read(*rung, queue(20, "bridge-agent-start", **ben)))
    assert (call.state, live(call)) == ("answered", {"102"})
    call = only(read(*rung, queue(30, "member-queue-end"), hangup(30, CUSTOMER)))
    assert call.state == "missed"


def test_the_leg_that_a_queue_makes_belongs_to_the_callers_call() -> None:
    leg = agent("101", "own-call") | {"variable_cc_member_session_uuid": A}
    call = only(read(event("CHANNEL_CREATE", 0, CUSTOMER), event("CHANNEL_CREATE", 2, leg)))
    assert (call.call_id, live(call)) == (f"fs:{A}", {"101"})


@pytest.mark.parametrize(
    "hidden",
    [
        {"Caller-Privacy-Hide-Number": "true"},
        {"Caller-Caller-ID-Number": "anonymous"},
        {"Caller-Caller-ID-Number": "0000000000"},
        {"Caller-Caller-ID-Number": ""},
    ],
)
def test_a_withheld_caller_has_no_e164(hidden: dict[str, str]) -> None:
    caller = only(read(event("CHANNEL_CREATE", 0, CUSTOMER | hidden))).caller
    assert (caller.e164, caller.withheld) == (None, True)


def test_a_number_that_the_caller_hides_is_not_kept() -> None:
    hides = {"Caller-Privacy-Hide-Number": "true"}
    events = read(
        event("CHANNEL_CREATE", 0, CUSTOMER | hides), event("CHANNEL_CREATE", 1, ADA | hides)
    )
    assert CALLER not in str(events)


def test_any_order_and_repeats_end_in_the_same_screen() -> None:
    story = [*ANSWERED, event("CHANNEL_HOLD", 6, ADA), hangup(10, ADA, "BLIND_TRANSFER")]
    events = read(*story, event("CHANNEL_CREATE", 11, BEN | {"Unique-ID": "again"}))
    whole = screen(told(events))
    for some in disordered(events, arriving=True):
        assert screen(told(some)) == whole


def system(**settings: Any) -> Freeswitch:
    return Freeswitch("fs", Freeswitch.Config.model_validate({"secret": "ClueCon", **settings}))


AUTH = b"Content-Type: auth/request\n\n"
OK = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"


def message(kind: str, value: object) -> bytes:
    body = json.dumps(value).encode()
    return f"Content-Type: {kind}\nContent-Length: {len(body)}\n\n".encode() + body


def channels(*rows: dict[str, str]) -> bytes:
    return message("api/response", {"row_count": len(rows), **({"rows": rows} if rows else {})})


def events(*told: dict[str, str]) -> bytes:
    return b"".join(message("text/event-json", each) for each in told)


def test_it_logs_in_subscribes_and_asks_for_the_open_channels() -> None:
    host = Host()
    talk = EslConversation(system(), host)
    sent = [heard(talk, host, part) for part in (AUTH, OK, OK, channels())]
    assert sent[0] == ["auth ClueCon\n\n"]
    assert sent[1][0].startswith("event json CHANNEL_CREATE ")
    assert sent[2:] == [["api show channels as json\n\n"], []]
    assert talk.ready
    assert talk.warning is None


def test_a_directory_user_may_be_used() -> None:
    host = Host()
    talk = EslConversation(system(username="pop@pbx.example"), host)
    assert heard(talk, host, AUTH) == ["userauth pop@pbx.example:ClueCon\n\n"]


@given(st.lists(st.integers(0, 20_000), max_size=12))
def test_the_bytes_may_come_in_any_pieces(cuts: list[int]) -> None:
    host = Host()
    talk = EslConversation(system(), host)
    heard(talk, host, AUTH + OK + OK + channels() + events(*ANSWERED), cuts)
    assert live(only(host.events)) == {"101"}


@given(st.binary(max_size=300), st.lists(st.integers(0, 20_000), max_size=6))
def test_no_bytes_raise_anything_but_a_lost_stream(junk: bytes, cuts: list[int]) -> None:
    host = Host()
    size = f"Content-Length: {len(junk)}\nContent-Type: text/event-json\n\n".encode()
    odd = events({"Event-Name": "CHANNEL_HOLD", "Unique-ID": "x"}, *ANSWERED[:2]) + size + junk
    try:
        heard(EslConversation(system(), host), host, AUTH + OK + OK + odd + junk, cuts)
    except StreamLost as lost:
        assert str(lost)  # noqa: PT017 - either is right


def test_no_nul_and_no_endless_text_is_kept() -> None:
    odd = dict.fromkeys((*CUSTOMER, "Core-UUID"), f"a\x00{'b' * 5000}")
    odd |= {"Call-Direction": "inbound", "Caller-Context": "public"}
    [told] = read(event("CHANNEL_CREATE", 0, odd))
    texts = (told.call_id, told.ani, told.cnam, told.dnis, told.event_key)
    assert all(text and "\0" not in text and len(text) < 300 for text in texts)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n", "refuses the password"),
        (b"Content-Type: text/rude-rejection\nContent-Length: 0\n\n", "apply-inbound-acl"),
    ],
)
def test_who_is_not_let_in_is_told_why(answer: bytes, why: str) -> None:
    host = Host()
    with pytest.raises(LoginRefused, match=why) as caught:
        heard(EslConversation(system(), host), host, AUTH + answer)
    assert "ClueCon" not in str(caught.value)


def test_another_service_is_recognised() -> None:
    host = Host()
    with pytest.raises(StreamLost, match="check the port"):
        heard(EslConversation(system(), host), host, b"Asterisk Call Manager/11.0.0\r\n")


@pytest.mark.parametrize(
    "denied",
    [
        b"Content-Type: api/response\nContent-Length: 23\n\n-ERR permission denied\n",
        b"Content-Type: command/reply\nReply-Text: -ERR permission denied\n\n",
    ],
)
def test_who_may_not_list_channels_is_connected_with_a_warning(denied: bytes) -> None:
    host = Host()
    talk = EslConversation(system(), host)
    heard(talk, host, AUTH + OK + OK + denied)
    assert talk.ready
    assert "permission denied" in str(talk.warning)


FIRST = {"uuid": A, "call_uuid": A, "direction": "inbound", "context": "public", "cid_num": CALLER}
FIRST |= {"dest": "+448005550100", "callstate": "ACTIVE", "presence_id": ""}


def row(extension: str, callstate: str) -> dict[str, str]:
    presence = {"presence_id": f"{extension}@pbx.example", "callstate": callstate}
    return {"uuid": f"leg-{extension}", "call_uuid": A, "direction": "outbound", **presence}


def test_after_a_reconnect_the_open_channels_tell_which_calls_there_are() -> None:
    known = {"fs:gone": frozenset({"103"}), f"fs:{A}": frozenset({"101"})}
    host = Host(known, at=NOW + timedelta(minutes=1))
    answer = channels(FIRST, row("102", "RINGING"))
    heard(EslConversation(system(), host), host, AUTH + OK + OK + answer)
    calls = told([*read(*RINGS[:2]), *host.events])
    assert (calls["fs:gone"].over, calls["fs:gone"].ended_reason) == (True, "resync")
    assert (live(calls[f"fs:{A}"]), calls[f"fs:{A}"].caller.e164) == ({"102"}, CALLER)


def resynced(*rows: dict[str, str]) -> Host:
    host = Host(at=NOW + timedelta(minutes=1))
    heard(EslConversation(system(), host), host, AUTH + OK + OK + channels(*rows))
    return host


def test_a_leg_that_a_queue_has_made_is_found_as_the_callers() -> None:
    alone = row("101", "RINGING") | {"call_uuid": "leg-101"}
    assert live(only(resynced(FIRST, alone | {"cid_num": CALLER}).events)) == {"101"}
    assert live(only(resynced(FIRST, alone | {"cid_num": "+442079460000"}).events)) == set()


def test_a_call_to_outside_is_found_again_as_such() -> None:
    ada = FIRST | {"context": "default", "presence_id": "101@pbx.example", "cid_num": "101"}
    gateway = {"uuid": "out", "call_uuid": A, "direction": "outbound", "callstate": "RINGING"}
    call = only(resynced(ada | {"callstate": "RINGING"}, gateway).events)
    assert (call.direction, live(call), call.state) == ("outbound", {"101"}, "ringing")
    assert only(resynced(ada, gateway).events).state == "answered"


def test_a_secret_cannot_carry_a_second_command() -> None:
    with pytest.raises(ValueError, match="one line"):
        system(secret="x\n\napi shutdown")
