"""sipgate.io: its signature, its calls, and the answer that asks for more."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError
from standardwebhooks import Webhook

from app.core.call import CallEvent, EventKind
from app.errors import UserError
from app.telephony.base import HookRequest, NotUnderstood, Refused, TestCall
from app.telephony.sipgate import Sipgate, SipgateConfig
from tests.telephony.hooks import NOW, URL, hook, received
from tests.telephony.stories import disordered, left, live, only, screen, told

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
FORM = "application/x-www-form-urlencoded"


def pem(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


PBX = Sipgate("sg", SipgateConfig(public_key=pem(PRIVATE), test_secret=SECRET))
# The vendor's own test has this body and signature (sipgateio-node, lib/webhook/webhook.test.ts).
PUBLISHED_BODY = (
    b"callId=&direction=in&event=newCall&from=4912354678&fullUserId%5B%5D%5B0%5D=123456789"
    b"&originalCallId=&to=49999999&user%5B%5D%5B0%5D=TestUser&userId%5B%5D%5B0%5D=123456789&xcid="
)
PUBLISHED_SIGNATURE = (
    "hlY7r9Vad0NP/7xJxf+vcDqjWaGWHOcIrj+rcP5aqQQcHtbSLsElp2kRNRPBL5unWbq6bExVPZB49HHM+Y/fWSVL19q7"
    "KSJhYPHfikcME0r0mCYB4S/VnJwnIvpiqz6s7Dpnk3wDCy65B3WQLwBVWA9oh6ojNM/g+87YnoMTKRx1KoFqosKNfBp1"
    "c1I8XjXusGOW/VlGnMb6wHhUVdwi9K7FfUgxj2pnV+M1Xv9rYs6RAi4V1OcUPqdT5geHsxWa09sk+AEHSUm1EFnAvx7P"
    "hIkugpNwST7yPKHf0+iyei4qUQCBZtfQVOI4mLZTRfQuyVo3YuJfvHaNPYY34/1ZCZGCKeu+HS6WHs1vGUyKxSi8v4JJ"
    "qog2VOlWruf8pMGg+syuAFwuxiCnWsSXgaaUfe9JrBAFjBxUmNP9DzR1bbkwxkJnthacu7jALXjGsubjSSSl955QgenV"
    "/ZpODHgWDPg0fe6qGILtk+kXLjyfSsoR/qgzE5W5OAyZq8W64h01KAt9Q283N7/2nogy6keiIWL3qjPolWnrchSP7iJU"
    "atM2YiTcpkNKnJ70UE05cdw3swuNe7zqD51MdOX3rAioEOFgOIFMSrxMVX+V4XK7sa5o43smN8lHoa+0AogQMuIrC7k2"
    "axdRbulSSNfyqVAZIT4qS0cItiv3aPXsdDKkkA0="
)
NEW_CALL: dict[str, Any] = {
    "event": "newCall",
    "direction": "in",
    "from": "442079460958",
    "to": "4915791234567",
    "callId": "1",
    "origCallId": "1",
    "user[]": ["Alice"],
    "userId[]": ["w0"],
    "fullUserId[]": ["1234567w0"],
}
ANSWER = {**NEW_CALL, "event": "answer", "user": "Alice", "userId": "w0", "fullUserId": "1234567w0"}
ANSWER = {name: value for name, value in ANSWER.items() if "[" not in name}
HANGUP = {
    **{name: NEW_CALL[name] for name in ("direction", "from", "to", "callId", "origCallId")},
    "event": "hangup",
    "cause": "normalClearing",
}


def form(fields: dict[str, Any]) -> HookRequest:
    return hook(urlencode(fields, doseq=True).encode(), {"content-type": FORM})


def signed(body: bytes, key: rsa.RSAPrivateKey = PRIVATE) -> HookRequest:
    signature = base64.b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()
    return hook(body, {"content-type": FORM, "x-sipgate-signature": signature})


def parsed(fields: dict[str, Any], pbx: Sipgate = PBX) -> CallEvent:
    [event] = pbx.parse(form(fields))
    return event


# --- the signature ---


def test_the_vendors_published_example_is_accepted_with_the_published_key() -> None:
    request = hook(PUBLISHED_BODY, {"x-sipgate-signature": PUBLISHED_SIGNATURE})
    Sipgate("sg", SipgateConfig()).verify(request)
    with pytest.raises(Refused):
        PBX.verify(request)


def test_another_key_can_be_set_and_several_at_once() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    both = Sipgate("sg", SipgateConfig(public_key=pem(other) + pem(PRIVATE)))
    body = urlencode(NEW_CALL, doseq=True).encode()
    both.verify(signed(body))
    both.verify(signed(body, other))
    with pytest.raises(Refused):
        PBX.verify(signed(body, other))


def test_a_flipped_byte_of_body_or_signature_is_refused() -> None:
    request = signed(urlencode(NEW_CALL, doseq=True).encode())
    PBX.verify(request)
    for at in range(0, len(request.body), 7):
        body = bytearray(request.body)
        body[at] ^= 1
        with pytest.raises(Refused):
            PBX.verify(hook(bytes(body), request.headers))
    signature = request.headers["x-sipgate-signature"]
    for at in (0, 1, 100, len(signature) - 3, len(signature) - 2, len(signature) - 1):
        other = "A" if signature[at] != "A" else "B"
        bad = signature[:at] + other + signature[at + 1 :]
        with pytest.raises(Refused):
            PBX.verify(hook(request.body, {"x-sipgate-signature": bad}))


@pytest.mark.parametrize("signature", ["", "=", "no base64!", "\xff", "AAAA", "A" * 5000])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(Refused):
        PBX.verify(hook(b"event=newCall", {"x-sipgate-signature": signature}))


# --- the events ---


def test_a_new_call_rings_for_its_user() -> None:
    event = parsed({**NEW_CALL, "diversion": "49211000"})
    assert event == CallEvent(
        kind=EventKind.RINGING,
        call_id="sg:1",
        phone_system="sg",
        received_at=NOW,
        event_key=event.event_key,
        direction="inbound",
        ani="+442079460958",
        dnis="+4915791234567",
        extensions=("w0",),
        attached_data={"diversion": "49211000"},
    )


@pytest.mark.parametrize(
    ("agents_by", "named"), [("userId", "w0"), ("fullUserId", "1234567w0"), ("user", "Alice")]
)
def test_the_settings_say_what_names_an_agent(agents_by: Any, named: str) -> None:
    pbx = Sipgate("sg", SipgateConfig(agents_by=agents_by))
    assert parsed(NEW_CALL, pbx).extensions == (named,)
    assert parsed(ANSWER, pbx).extensions == (named,)


def test_without_an_id_the_users_name_stands_in() -> None:
    plain = {name: value for name, value in NEW_CALL.items() if "serId" not in name}
    assert parsed(plain).extensions == ("Alice",)


def test_a_call_for_nobody_in_particular_has_only_arrived() -> None:
    nobody = {name: value for name, value in NEW_CALL.items() if "[" not in name}
    assert (parsed(nobody).kind, parsed(nobody).extensions) == (EventKind.INCOMING, ())


@pytest.mark.parametrize(
    ("caller", "ani", "withheld"),
    [("anonymous", "anonymous", False), ("", None, True), ("22", "22", False)],
)
def test_a_hidden_caller_has_no_number(caller: str, ani: str | None, withheld: bool) -> None:
    event = parsed({**NEW_CALL, "from": caller})
    assert (event.ani, event.withheld) == (ani, withheld)
    assert only([event]).caller.e164 is None


def test_an_answer_is_of_the_user_or_else_of_whatever_took_the_call() -> None:
    event = parsed(ANSWER)
    assert (event.kind, event.extensions) == (EventKind.ANSWERED, ("w0",))
    mailbox = {name: value for name, value in ANSWER.items() if "ser" not in name}
    assert parsed({**mailbox, "answeringNumber": "4921199999999"}).extensions == ("+4921199999999",)
    assert (
        parsed({**mailbox, "direction": "out", "answeringNumber": "49211999999"}).extensions == ()
    )


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("normalClearing", "completed"),
        ("busy", "busy"),
        ("cancel", "cancelled"),
        ("noAnswer", "no_answer"),
        ("congestion", "failed"),
        ("notFound", "failed"),
        ("forwarded", "forwarded"),
        ("something new", "something new"),
        ("", None),
    ],
)
def test_a_hang_up_ends_the_call_with_a_reason(cause: str, reason: str | None) -> None:
    event = parsed({**HANGUP, "cause": cause})
    assert (event.kind, event.extensions, event.ended_reason) == (EventKind.ENDED, (), reason)


def test_typed_digits_are_collected_and_none_are_nothing() -> None:
    event = parsed({"event": "dtmf", "dtmf": "4711", "callId": "1"})
    assert (event.kind, event.collected) == (EventKind.INCOMING, {"dtmf": "4711"})
    assert PBX.parse(form({"event": "dtmf", "dtmf": "", "callId": "1"})) == []


def test_a_repeat_is_recognised_and_another_event_is_not() -> None:
    key = parsed(NEW_CALL).event_key
    assert parsed(NEW_CALL).event_key == key
    for other in (ANSWER, HANGUP, {**NEW_CALL, "callId": "2"}, {**NEW_CALL, "userId[]": ["w1"]}):
        assert parsed(other).event_key != key


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (form({}), "/event"),
        (form({"event": "newCall"}), "/callId"),
        (form({**NEW_CALL, "event": "unheard"}), "/event"),
        (form({**NEW_CALL, "direction": "sideways"}), "/direction"),
        (form({**NEW_CALL, "callId": "x" * 300}), "/callId"),
        (form({**NEW_CALL, "userId[]": ["nul\0"]}), "/userId"),
        (hook(b"event=%ff", {"content-type": FORM}), ""),
        (hook({"event": "newCall"}), ""),
    ],
)
def test_what_is_not_sipgates_is_not_understood(request_: HookRequest, pointer: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        PBX.parse(request_)
    assert refusal.value.errors[0]["pointer"] == pointer


# --- whole calls ---


def test_a_group_rings_and_closes_for_the_others_when_one_answers() -> None:
    group = {**NEW_CALL, "userId[]": ["w0", "w1", "w2"]}
    events = [parsed(group), parsed({**ANSWER, "userId": "w1"})]
    assert live(only(events[:1])) == {"w0", "w1", "w2"}
    assert live(only(events)) == {"w1"}
    assert left(only(events))["w0"] == "answered_elsewhere"


@pytest.mark.parametrize("cause", ["noAnswer", "cancel"])
def test_a_call_that_nobody_takes_is_missed(cause: str) -> None:
    call = only([parsed(NEW_CALL), parsed({**HANGUP, "cause": cause})])
    assert (call.state, live(call)) == ("missed", set())


def test_a_transferred_call_moves_to_the_next_user_and_outlives_the_first_ones_hang_up() -> None:
    # The order of sipgate's FAQ: Doc answers and transfers to Marty.
    second = {"callId": "2", "origCallId": "1", "diversion": "4921163553355"}
    events = [
        parsed({**NEW_CALL, "userId[]": ["doc"]}),
        parsed({**ANSWER, "userId": "doc"}),
        parsed({**NEW_CALL, **second, "userId[]": ["marty"]}),
        parsed({**ANSWER, **second, "userId": "marty"}),
        parsed(HANGUP),
    ]
    calls = told(events)
    assert live(calls["sg:1"]) == set()
    assert live(calls["sg:2"]) == {"marty"}
    assert calls["sg:2"].parent_call_id == "sg:1"
    assert calls["sg:2"].caller.e164 == "+442079460958"
    assert told([*events, parsed({**HANGUP, **second})])["sg:2"].state == "ended"


def test_whatever_the_order_and_however_often_the_screen_is_the_same() -> None:
    second = {"callId": "2", "origCallId": "1"}
    events = [
        parsed({**NEW_CALL, "userId[]": ["w0", "w1"]}),
        parsed(ANSWER),
        parsed({**NEW_CALL, **second, "userId[]": ["w2"]}),
        parsed({**ANSWER, **second, "userId": "w2"}),
        parsed(HANGUP),
        parsed({**HANGUP, **second}),
    ]
    expected = screen(told(events))
    for some in disordered(events, arriving=True):
        assert screen(told(some)) == expected


# --- the answers, the settings and the test call ---


def test_the_answer_to_a_new_call_asks_for_its_answer_and_hang_up() -> None:
    url = 'https://pop.example.com/hooks/sg?a=1&b="<2>"'
    body = urlencode(NEW_CALL, doseq=True).encode()
    answer = PBX.answer(hook(body, {"content-type": FORM}, url=url), [])
    assert (answer.status, answer.content_type) == (200, "application/xml")
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?><Response ')
    response = ElementTree.fromstring(answer.body)
    assert (response.tag, response.attrib) == ("Response", {"onAnswer": url, "onHangup": url})


@pytest.mark.parametrize("fields", [ANSWER, HANGUP])
def test_the_answers_to_the_others_ask_for_nothing(fields: dict[str, Any]) -> None:
    answer = PBX.answer(form(fields), [])
    assert (answer.status, ElementTree.fromstring(answer.body).attrib) == (200, {})


@pytest.mark.parametrize(
    "settings",
    [
        {"public_key": "ssh-rsa AAAA"},
        {"public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
        {"public_key": pem(ec.generate_private_key(ec.SECP256R1()))},
        {"test_secret": "plain words"},
        {"agents_by": "shoe size"},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SipgateConfig.model_validate(settings)


def test_a_test_call_is_signed_with_its_own_secret() -> None:
    request = PBX.ring(TestCall("ring-1", "+442079460958", "w0", NOW, URL))
    PBX.verify(received(request))
    assert (
        Webhook(SECRET).sign("msg_ring-1", NOW, request.body.decode())
        == (request.headers["webhook-signature"])
    )
    with pytest.raises(Refused):
        PBX.verify(hook(request.body + b"&x=1", request.headers))
    with pytest.raises(Refused):
        Sipgate("sg", SipgateConfig()).verify(received(request))


def test_without_that_secret_a_test_call_says_what_to_do() -> None:
    with pytest.raises(UserError, match="test_secret"):
        Sipgate("sg", SipgateConfig()).ring(TestCall("r", "+442079460958", "w0", NOW, URL))
