"""The generic phone system: who may send, its settings, answers and test call."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook

from app.core.call import EventKind
from app.telephony.base import Accepted, Refused, TestCall
from app.telephony.generic import Generic, GenericConfig
from tests.telephony.hooks import NOW, URL, hook, received

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"before the last rotation").decode()
PBX = Generic("pbx", GenericConfig(secret=SECRET))


def signed(body: bytes, secret: str, **more: str) -> dict[str, str]:
    # Our clock, not the machine's: only the SDK's verify looks at that.
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", NOW, body.decode()),
        **more,
    }


def test_either_of_two_secrets_will_do() -> None:
    pbx = Generic("pbx", GenericConfig(secret=[SECRET, OLD_SECRET]))
    for secret in (SECRET, OLD_SECRET):
        pbx.verify(hook(b"{}", signed(b"{}", secret)))


def test_a_bearer_token_will_do_where_one_is_set() -> None:
    pbx = Generic("pbx", GenericConfig(token="t0ken"))
    pbx.verify(hook(b"{}", {"authorization": "Bearer t0ken"}))
    pbx.verify(hook(b"{}", {"authorization": "bearer  t0ken "}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer other"},
        {"authorization": "Bearer t0ken2"},
        {"authorization": "Basic t0ken"},
        {"authorization": "t0ken"},
        {"authorization": "Bearer é☎"},
        signed(b"{}", SECRET),
    ],
)
def test_without_the_token_a_sender_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused):
        Generic("pbx", GenericConfig(token="t0ken")).verify(hook(b"{}", headers))


def test_where_only_a_secret_is_set_no_token_helps() -> None:
    for token in ("", "None", SECRET):
        with pytest.raises(Refused):
            PBX.verify(hook(b"{}", {"authorization": f"Bearer {token}"}))


def test_where_both_are_set_either_proves_the_sender() -> None:
    pbx = Generic("pbx", GenericConfig(secret=SECRET, token="t0ken"))
    pbx.verify(hook(b"{}", {"authorization": "Bearer t0ken"}))
    pbx.verify(hook(b"{}", signed(b"{}", SECRET, authorization="Bearer other")))
    with pytest.raises(Refused):
        pbx.verify(hook(b"{}", signed(b"{}", OLD_SECRET, authorization="Bearer other")))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"secret": []},
        {"token": ""},
        {"token": " "},
        {"secret": "plain text!"},
        {"secret": [SECRET, ""]},
        {"secret": SECRET, "colour": "red"},
    ],
)
def test_settings_that_prove_nobody_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GenericConfig.model_validate(settings)


def test_null_is_a_setting_not_given() -> None:
    assert GenericConfig.model_validate({"secret": None, "token": "t"}).secret == ()
    assert len(GenericConfig.model_validate({"secret": SECRET, "token": None}).secret) == 1


def test_a_refused_secret_is_not_shown() -> None:
    with pytest.raises(ValidationError) as error:
        GenericConfig(secret="hunter2!")
    assert "hunter2!" not in str(error.value)


def test_secrets_do_not_show_in_the_settings() -> None:
    config = GenericConfig(secret=SECRET, token="t0ken")
    assert SECRET not in repr(config)
    assert "t0ken" not in config.model_dump_json()


# --- the answer and the test call ---


def test_the_answer_names_the_call_and_whether_it_was_known() -> None:
    answer = PBX.answer(hook(b"{}"), [Accepted("pbx:c-1001", False)])
    assert (answer.status, answer.content_type) == (202, "application/json")
    assert orjson.loads(answer.body) == {"call_id": "pbx:c-1001", "duplicate": False}


@pytest.mark.parametrize("config", [{"secret": [SECRET, OLD_SECRET]}, {"token": "t0ken"}])
def test_a_test_call_is_one_that_it_accepts_itself(config: dict[str, Any]) -> None:
    pbx = Generic("pbx", GenericConfig.model_validate(config))
    request = received(pbx.ring(TestCall("ring-1", "+442079460958", "101", NOW, URL)))
    pbx.verify(request)
    [event] = pbx.parse(request)
    assert (event.kind, event.call_id, event.ani) == (
        EventKind.RINGING,
        "pbx:ring-1",
        "+442079460958",
    )
    assert event.occurred_at == NOW


def test_a_test_call_is_signed_as_the_official_sdk_would_sign_it() -> None:
    now = datetime.now(UTC)
    request = PBX.ring(TestCall("ring-1", "", "101", now, URL))
    Webhook(SECRET).verify(request.body, dict(request.headers))
    [event] = PBX.parse(received(request))
    assert event.withheld
