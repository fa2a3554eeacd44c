"""RingCentral: handshake, token, and what the parties of a session do to a call."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest

from app.core.call import CallEvent, EventKind
from app.telephony.base import NotUnderstood
from app.telephony.ringcentral import RingCentral, RingCentralConfig
from tests.telephony.hooks import NOW, hook
from tests.telephony.odd_values import with_odd_values
from tests.telephony.one_call import screen, screen_in_any_order
from tests.telephony.stories import only

TOKEN = "0123456789abcdef-our-own"
PBX = RingCentral("rc", RingCentralConfig(verification_token=TOKEN))
CUSTOMER = {"phoneNumber": "+442079460958", "name": "KESTREL GARDEN"}
ADA, BOB, SALES = "62264425016", "62264425017", "62282928016"
QUEUE_TO = {"phoneNumber": "+12092271475", "name": "Sales", "extensionId": SALES}
QUEUE_INFO = {
    "primary": {"type": "QueueName", "value": "Sales"},
    "additional": {"type": "CallerIdName", "value": "WIRELESS CALLER"},
}


def party(
    number: int, extension: str, code: str, reason: str | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "accountId": "809646016",
        "extensionId": extension,
        "id": f"p-1-{number}",
        "direction": "Inbound",
        "from": CUSTOMER,
        "to": {"phoneNumber": "+12092271475", "name": "Ada", "extensionId": extension},
        "status": {"code": code, **({"reason": reason} if reason else {}), "rcc": False},
        "missedCall": False,
        "standAlone": False,
        "muted": False,
    } | more


def queued(
    number: int, extension: str, code: str, reason: str | None = None, **more: Any
) -> dict[str, Any]:
    shown = {"to": QUEUE_TO, "queueCall": True, "uiCallInfo": QUEUE_INFO}
    return party(number, extension, code, reason, **shown, **more)


def notice(
    sequence: int, *parties: dict[str, Any], session: str = "s-1", **more: Any
) -> dict[str, Any]:
    return {
        "uuid": f"{session}-{sequence}",
        "event": "/restapi/v1.0/account/809646016/telephony/sessions",
        "timestamp": f"2026-11-22T10:00:{sequence:02}.373Z",
        "subscriptionId": "72ec1f81",
        "ownerId": ADA,
        "body": {
            "sequence": sequence,
            "sessionId": "1160271560016",
            "telephonySessionId": session,
            "serverId": "10.13.23.227.TAM",
            # The call's start, whatever happens in it.
            "eventTime": "2026-11-22T10:00:00.300Z",
            "parties": list(parties),
            "origin": {"type": "Call"},
        },
    } | more


def events(sequence: int, *parties: dict[str, Any], session: str = "s-1") -> list[CallEvent]:
    return PBX.parse(hook(notice(sequence, *parties, session=session)))


def parsed(sequence: int, given: dict[str, Any]) -> CallEvent:
    [event] = events(sequence, given)
    return event


# --- what parties mean ---


def test_a_proceeding_party_rings_for_its_agent() -> None:
    event = parsed(3, party(2, ADA, "Proceeding"))
    assert event == CallEvent(
        kind=EventKind.RINGING,
        call_id="rc:s-1",
        phone_system="rc",
        received_at=NOW,
        event_key=event.event_key,
        occurred_at=NOW.replace(second=3, microsecond=373000),
        seq=3,
        direction="inbound",
        ani="+442079460958",
        cnam="KESTREL GARDEN",
        dnis="+12092271475",
        extensions=(ADA,),
    )


def test_a_queue_offers_its_call_to_an_agent() -> None:
    event = parsed(7, queued(3, ADA, "Proceeding"))
    assert (event.kind, event.extensions, event.queue, event.cnam) == (
        EventKind.RINGING,
        (ADA,),
        "Sales",
        "WIRELESS CALLER",
    )


@pytest.mark.parametrize("code", ["Setup", "Proceeding", "Answered"])
def test_the_queue_itself_only_lets_the_call_wait(code: str) -> None:
    event = parsed(2, queued(2, SALES, code))
    assert (event.kind, event.extensions, event.queue) == (EventKind.QUEUED, (), "Sales")


@pytest.mark.parametrize(
    ("code", "reason", "kinds"),
    [
        ("Setup", None, [EventKind.INCOMING]),
        ("Answered", None, [EventKind.ANSWERED, EventKind.RESUMED]),
        ("Hold", None, [EventKind.HELD]),
        ("Parked", None, [EventKind.HELD]),
        ("VoiceMail", None, [EventKind.MISSED]),
        ("Voicemail", None, [EventKind.MISSED]),
        ("VMScreening", None, [EventKind.MISSED]),
        ("Disconnected", "CallFinished", [EventKind.MISSED]),
        ("Disconnected", "BlindTransfer", [EventKind.TRANSFERRED]),
        ("Gone", "AttendedTransfer", [EventKind.TRANSFERRED]),
        ("FaxReceive", None, []),
        ("SomethingNew", None, []),
    ],
)
def test_a_partys_state_is_its_agents(
    code: str, reason: str | None, kinds: list[EventKind]
) -> None:
    read = events(3, party(2, ADA, code, reason))
    assert [event.kind for event in read] == kinds
    assert {event.extensions for event in read} <= {(ADA,), ()}


@pytest.mark.parametrize(
    ("reason", "missed", "ended", "goes_on"),
    [
        ("CallFinished", False, "completed", False),
        ("NoAnswer", True, "no_answer", False),
        ("Rejected", True, "declined", False),
        ("TargetBusy", True, "busy", False),
        ("Cancelled", True, "cancelled", False),
        ("AgentAnswered", False, "AgentAnswered", True),
        ("CallerInputRedirect", False, "CallerInputRedirect", True),
        (None, True, "no_answer", False),
        (None, False, "completed", False),
    ],
)
def test_why_a_party_left(reason: str | None, missed: bool, ended: str, goes_on: bool) -> None:
    event = parsed(9, party(2, ADA, "Disconnected", reason, missedCall=missed))
    assert (event.ended_reason, event.call_goes_on) == (ended, goes_on)


def test_a_group_that_rings_together_is_one_event() -> None:
    [event] = events(4, queued(3, ADA, "Proceeding"), queued(4, BOB, "Proceeding"))
    assert (event.kind, event.extensions) == (EventKind.RINGING, (ADA, BOB))


@pytest.mark.parametrize(
    "other",
    [
        queued(4, BOB, "Answered"),
        party(4, BOB, "Proceeding"),
        queued(4, BOB, "Proceeding") | {"from": {"phoneNumber": "+442079460959"}},
    ],
)
def test_parties_that_differ_are_events_of_their_own(other: dict[str, Any]) -> None:
    first, *rest = events(4, queued(3, ADA, "Proceeding"), other)
    assert first.extensions == (ADA,)
    assert {event.extensions for event in rest} == {(BOB,)}
    assert len({event.event_key for event in [first, *rest]}) == 1 + len(rest)


def test_parties_that_answer_together_answer_one_by_one() -> None:
    read = events(4, queued(3, ADA, "Answered"), queued(4, BOB, "Answered"))
    assert [event.extensions for event in read] == [(ADA,), (ADA,), (BOB,), (BOB,)]


@pytest.mark.parametrize(
    ("caller", "withheld"),
    [
        ({}, True),
        ({"name": "Anonymous"}, True),
        ({"phoneNumber": "+442079460958", "name": "Anonymous"}, True),
        ({"phoneNumber": "anonymous"}, False),
        (CUSTOMER, False),
    ],
)
def test_an_absent_or_anonymous_caller_is_withheld(caller: dict[str, str], withheld: bool) -> None:
    given = party(2, ADA, "Proceeding")
    assert parsed(3, given | {"from": caller}).withheld is withheld


def test_an_agent_who_dials_out_has_the_call_from_its_set_up() -> None:
    own = {"phoneNumber": "+12092271475", "name": "Ada", "extensionId": ADA}
    sides = {"direction": "Outbound", "from": own, "to": {"phoneNumber": "+442079460958"}}
    event = parsed(1, party(1, ADA, "Setup") | sides)
    assert (event.kind, event.direction, event.extensions) == (
        EventKind.RINGING,
        "outbound",
        (ADA,),
    )
    assert (event.ani, event.dnis, event.withheld) == ("+12092271475", "+442079460958", False)


def test_of_an_internal_call_only_the_called_party_is_only() -> None:
    sides = {
        "from": {"phoneNumber": "103", "name": "Bob", "extensionId": BOB},
        "to": {"phoneNumber": "102", "name": "Ada", "extensionId": ADA},
    }
    assert events(1, party(1, BOB, "Answered", direction="Outbound") | sides) == []
    event = parsed(2, party(2, ADA, "Proceeding") | sides)
    assert (event.direction, event.ani, event.extensions) == ("internal", "103", (ADA,))


def test_the_form_for_phone_apps_is_read_too() -> None:
    wrapped = {"uuid": "1", "pn_apns": notice(3, party(2, ADA, "Proceeding"))}
    [event] = PBX.parse(hook(wrapped))
    assert (event.kind, event.extensions) == (EventKind.RINGING, (ADA,))


@pytest.mark.parametrize(
    "body",
    [
        {"uuid": "1", "event": "/restapi/v1.0/subscription/~?threshold=60", "body": {"id": "1"}},
        {"uuid": "1", "event": "/restapi/v1.0/account/~/presence", "body": {"extensionId": "1"}},
        {"subscriptionId": "1"},
    ],
)
def test_notifications_about_other_things_are_no_events(body: dict[str, Any]) -> None:
    assert PBX.parse(hook(body)) == []


def test_a_repeat_is_recognised_and_another_notification_is_not() -> None:
    first = parsed(3, party(2, ADA, "Proceeding")).event_key
    assert parsed(3, party(2, ADA, "Proceeding")).event_key == first
    assert parsed(4, party(2, ADA, "Proceeding")).event_key != first
    nameless = notice(3, party(2, ADA, "Proceeding")) | {"uuid": None}
    assert PBX.parse(hook(nameless))[0].event_key is not None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"{}", "/event"),
        (orjson.dumps(notice(1, session="")), "/body/telephonySessionId"),
        (b'{"body": {"telephonySessionId": "s"}}', "/body/parties"),
        (b'{"body": {"telephonySessionId": "s", "parties": [5]}}', "/body/parties/0"),
        (
            b'{"body": {"telephonySessionId": "s", "parties": [{}]}}',
            "/body/parties/0/status/code",
        ),
        (orjson.dumps(notice(1, *([party(2, ADA, "Hold")] * 101))), "/body/parties"),
        (
            orjson.dumps(notice(1, party(2, ADA, "Hold") | {"from": {"name": 5}})),
            "/body/parties/0/from/name",
        ),
    ],
)
def test_what_is_not_ringcentrals_is_not_understood(body: bytes, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(hook(body))
    assert refusal.value.errors[0]["pointer"] == pointer


@pytest.mark.parametrize("sequence", [None, "3", 2**63, True])
def test_a_strange_sequence_is_left_out(sequence: Any) -> None:
    given = notice(3, party(2, ADA, "Proceeding"))
    given["body"]["sequence"] = sequence
    assert PBX.parse(hook(given))[0].seq is None


@pytest.mark.parametrize("code", ["Proceeding", "Answered", "Disconnected", "Gone"])
def test_no_odd_value_raises_anything_but_a_refusal(code: str) -> None:
    status = {"code": code, "reason": "NoAnswer", "peerId": {"telephonySessionId": "s-2"}}
    for odd in with_odd_values(notice(3, queued(2, ADA, code) | {"status": status})):
        with contextlib.suppress(NotUnderstood):
            for event in PBX.parse(hook(orjson.dumps(odd))):
                assert "\\x00" not in repr(event)


# --- whole calls ---


def test_a_direct_call_is_answered_held_and_ended() -> None:
    story = [
        *events(1, party(2, ADA, "Setup")),
        *events(2, party(2, ADA, "Proceeding")),
        *events(3, party(2, ADA, "Answered")),
        *events(4, party(2, ADA, "Hold")),
        *events(5, party(2, ADA, "Answered")),
    ]
    assert screen(story[:-2]).state == "held"
    assert screen_in_any_order(story).state == "answered"
    over = screen_in_any_order([*story, *events(6, party(2, ADA, "Disconnected", "CallFinished"))])
    assert (over.state, over.ended_reason, over.left) == ("ended", "completed", {(ADA, "ended")})


def queue_story() -> list[CallEvent]:
    return [
        *events(1, queued(2, SALES, "Setup")),
        *events(2, queued(3, ADA, "Proceeding"), queued(4, BOB, "Proceeding")),
    ]


def test_a_queue_rings_several_agents_and_one_answers() -> None:
    story = [
        *queue_story(),
        *events(3, queued(4, BOB, "Answered")),
        *events(4, queued(3, ADA, "Disconnected", "AgentAnswered")),
        *events(5, queued(2, SALES, "Disconnected", "AgentAnswered")),
    ]
    assert screen(story[:1]).state == "queued"
    assert screen(story[:2]).has_it == {ADA, BOB}
    seen = screen_in_any_order(story)
    assert (seen.state, seen.has_it) == ("answered", {BOB})
    assert seen.left >= {(ADA, "answered_elsewhere")}
    over = events(6, queued(4, BOB, "Disconnected", "CallFinished"))
    assert screen_in_any_order([*story, *over]).state == "ended"


def test_a_queue_goes_on_when_its_agents_miss_and_ends_when_it_gives_up() -> None:
    story = [
        *queue_story(),
        *events(3, queued(3, ADA, "Disconnected", "NoAnswer", missedCall=True)),
        *events(4, queued(4, BOB, "Disconnected", "NoAnswer", missedCall=True)),
    ]
    assert screen_in_any_order(story).state == "ringing"
    again = [*story, *events(5, queued(5, ADA, "Proceeding"))]
    assert screen_in_any_order(again).has_it == {ADA}
    gone = [*story, *events(6, queued(2, SALES, "Disconnected", "CallFinished"))]
    assert screen_in_any_order(gone).state == "missed"


def test_a_missed_call_goes_to_voicemail() -> None:
    story = [
        *events(1, party(2, ADA, "Proceeding")),
        *events(2, party(2, ADA, "VoiceMail")),
        *events(3, party(2, ADA, "Disconnected", "Voicemail", missedCall=True)),
    ]
    assert screen(story[:2]).has_it == set()
    seen = screen_in_any_order(story)
    assert (seen.state, seen.ended_reason) == ("missed", "voicemail")


def test_a_blind_transfer_goes_on_in_the_same_session() -> None:
    story = [
        *events(1, party(2, ADA, "Answered")),
        *events(2, party(2, ADA, "Disconnected", "BlindTransfer")),
        *events(3, party(3, BOB, "Proceeding")),
        *events(4, party(3, BOB, "Answered")),
    ]
    seen = screen_in_any_order(story)
    assert (seen.state, seen.has_it, seen.left) == ("answered", {BOB}, {(ADA, "transferred")})


def test_an_attended_transfer_goes_on_in_the_consultations_session() -> None:
    peer_2 = {"peerId": {"telephonySessionId": "s-2", "partyId": "p-2-1"}}
    peer_1 = {"peerId": {"telephonySessionId": "s-1", "partyId": "p-1-2"}}
    gone = {"code": "Gone", "reason": "AttendedTransfer"}
    inside = {
        "from": {"phoneNumber": "102", "name": "Ada", "extensionId": ADA},
        "to": {"phoneNumber": "103", "name": "Bob", "extensionId": BOB},
    }
    first = [
        *events(1, party(2, ADA, "Answered")),
        *events(5, party(2, ADA, "Gone", status=gone | peer_2)),
    ]
    assert first[-2].transfer_kind == "attended"
    seen = screen_in_any_order(first)
    assert (seen.state, seen.ended_reason) == ("ended", "forwarded")
    consultation = [
        *events(2, party(2, BOB, "Proceeding") | inside, session="s-2"),
        *events(3, party(2, BOB, "Answered") | inside, session="s-2"),
        *events(
            5,
            party(1, ADA, "Gone", direction="Outbound", status=gone | peer_1) | inside,
            session="s-2",
        ),
    ]
    assert screen_in_any_order(consultation).has_it == {BOB}
    assert only(consultation).parent_call_id == "rc:s-1"
