"""The Lambda of docs/phone-systems/amazon-connect-lambda.txt, run against a server on loopback."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook

from app.core.call import EventKind
from app.telephony.amazon_connect import AmazonConnect, AmazonConnectConfig
from app.telephony.base import HookRequest
from tests.telephony.amazon_connect_bodies import SECRET, agent_event, connected, flow_event
from tests.telephony.hooks import hook

LAMBDA = Path(__file__).parents[2] / "docs/phone-systems/amazon-connect-lambda.txt"
PBX = AmazonConnect("ac", AmazonConnectConfig(secret=SECRET))


class Receiver(HTTPServer):
    """Keeps what is posted, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posted: list[HookRequest] = []
        self.status = 202

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/ac"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        now = datetime.now(UTC)
        self.server.posted.append(hook(body, dict(self.headers), received_at=now))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def handler(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Any], Any]:
    monkeypatch.setenv("SCREENPOP_URL", receiver.url)
    monkeypatch.setenv("SCREENPOP_SECRET", SECRET)
    names: dict[str, Any] = {}
    exec(compile(LAMBDA.read_text(encoding="utf-8"), LAMBDA.name, "exec"), names)
    found: Callable[[Any, Any], Any] = names["handler"]
    return found


def kinesis(*events: dict[str, Any]) -> dict[str, Any]:
    data = [base64.b64encode(orjson.dumps(event)).decode() for event in events]
    return {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": d}} for d in data]}


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        (flow_event(), [EventKind.INCOMING]),
        (connected(2), [EventKind.ANSWERED]),
        (
            kinesis(agent_event("ada", 1, "CONNECTING"), agent_event("ada", 2, "CONNECTED")),
            [EventKind.RINGING, EventKind.ANSWERED],
        ),
    ],
)
def test_what_it_forwards_is_signed_and_understood(
    event: dict[str, Any],
    kinds: list[EventKind],
    handler: Callable[[Any, Any], Any],
    receiver: Receiver,
) -> None:
    answer = handler(event, None)
    [request] = receiver.posted
    Webhook(SECRET).verify(request.body, dict(request.headers))
    PBX.verify(request)
    assert [e.kind for e in PBX.parse(request)] == kinds
    # A flow takes only a flat map of texts.
    assert answer == ({"screenpop": "ok"} if "Details" in event else None)


def test_a_flow_goes_on_when_the_server_is_not_well(
    handler: Callable[[Any, Any], Any], receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.status = 503
    assert handler(flow_event(), None) == {"screenpop": "failed"}
    assert "503" in capsys.readouterr().out


@pytest.mark.parametrize("event", [connected(2), kinesis(agent_event("ada", 1, "CONNECTING"))])
def test_what_is_not_taken_is_left_to_aws_to_send_again(
    event: dict[str, Any], handler: Callable[[Any, Any], Any], receiver: Receiver
) -> None:
    receiver.status = 503
    with pytest.raises(OSError, match="503") as fault:
        handler(event, None)
    # urllib's error is also the open answer.
    close = getattr(fault.value, "close", None)
    assert close is not None
    close()
