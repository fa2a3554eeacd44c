"""docs/recipes/amazon-connect: its Lambda asks the real product, its flow is walked."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from tests.ledger import WITH_BOOKS, write_books
from tests.product import Product, settings_for

RECIPE = Path(__file__).parents[2] / "docs/recipes/amazon-connect"
FLOW = json.loads((RECIPE / "flow.json").read_text(encoding="utf-8"))
ACTIONS: dict[str, dict[str, Any]] = {action["Identifier"]: action for action in FLOW["Actions"]}
# The errors that each type of action can have, by the Amazon Connect Flow language.
ERRORS = {
    "InvokeLambdaFunction": {"NoMatchingError"},
    "UpdateContactAttributes": {"NoMatchingError"},
    "Compare": {"NoMatchingCondition"},
    "UpdateContactRoutingBehavior": set(),
    "UpdateContactTargetQueue": {"NoMatchingError"},
    "TransferContactToQueue": {"QueueAtCapacity", "NoMatchingError"},
    "MessageParticipant": {"NoMatchingError"},
    "DisconnectParticipant": set(),
}
KESTREL = "+442079460958"
RULES = """
priorities:
  - {name: Known, when: {}, level: LEVEL, queue: QUEUE}
"""


@pytest.fixture
def who_calls(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SCREENPOP_DEADLINE_S", "5")
    spec = importlib.util.spec_from_file_location("who_calls", RECIPE / "who_calls.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest_asyncio.fixture
async def product(
    migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Product]:
    async with Product.running(settings_for(migrated_sqlite_url, tmp_path)) as running:
        await running.configure(WITH_BOOKS, BOOKS_URL=write_books(tmp_path))
        monkeypatch.setenv("SCREENPOP_URL", running.url)
        monkeypatch.setenv("SCREENPOP_TOKEN", await running.token("cyd@example.com"))
        yield running


async def served(product: Product, tmp_path: Path, level: int, queue: str) -> None:
    """Serve whoever is known like this."""
    rules = RULES.replace("LEVEL", str(level)).replace("QUEUE", queue)
    await product.configure(WITH_BOOKS + rules, BOOKS_URL=f"sqlite:///{tmp_path}/books.db")


def call_from(number: str | None) -> dict[str, Any]:
    endpoint = {"Address": number, "Type": "TELEPHONE_NUMBER"} if number else None
    contact = {"ContactId": "c-1", "Channel": "VOICE", "CustomerEndpoint": endpoint}
    return {"Name": "ContactFlowEvent", "Details": {"ContactData": contact, "Parameters": {}}}


async def asked(who_calls: ModuleType, number: str | None) -> dict[str, str]:
    answer: dict[str, str] = await asyncio.to_thread(who_calls.handler, call_from(number), None)
    # What a flow can take.
    assert {type(value) for value in answer.values()} == {str}
    return answer


def walked(external: dict[str, str] | None, **errors: str) -> tuple[list[str], str | None]:
    """Walk the flow with the function's answer, to where a call is queued or ends.

    None: the function failed. `errors` says which error a type of action has. Returns the blocks
    and the queue.
    """
    here, path, queue = FLOW["StartAction"], [], None
    while True:
        path.append(here)
        assert len(path) <= len(ACTIONS), f"it goes in circles: {path}"
        action = ACTIONS[here]
        kind, transitions = action["Type"], action["Transitions"]
        error = errors.get(kind)
        if kind == "InvokeLambdaFunction" and external is None:
            error = "NoMatchingError"
        if kind == "Compare":
            name = action["Parameters"]["ComparisonValue"].removeprefix("$.External.")
            found = [
                each["NextAction"]
                for each in transitions["Conditions"]
                if holds(each["Condition"], (external or {}).get(name, ""))
            ]
            error = None if found else "NoMatchingCondition"
            here = found[0] if found else here
            if found:
                continue
        if error is None and kind == "UpdateContactTargetQueue":
            queue = here
        if kind == "DisconnectParticipant" or (kind == "TransferContactToQueue" and error is None):
            return path, queue if kind == "TransferContactToQueue" else None
        here = transitions["NextAction"]
        if error is not None:
            [here] = [e["NextAction"] for e in transitions["Errors"] if e["ErrorType"] == error]


def holds(condition: dict[str, Any], value: str) -> bool:
    operand: str = condition["Operands"][0]
    if condition["Operator"] == "Equals":
        return value == operand
    assert condition["Operator"] == "NumberGreaterOrEqualTo"
    return value != "" and float(value) >= float(operand)


def leads_to(action: dict[str, Any]) -> Iterator[str]:
    transitions = action["Transitions"]
    if "NextAction" in transitions:
        yield transitions["NextAction"]
    for branch in ("Errors", "Conditions"):
        yield from (each["NextAction"] for each in transitions.get(branch, ()))


# --- the flow's form ---


def test_every_transition_leads_to_a_block_and_every_block_is_reached() -> None:
    assert FLOW["Version"] == "2019-10-30"
    assert len(ACTIONS) == len(FLOW["Actions"])
    reached, waiting = set(), deque([FLOW["StartAction"]])
    while waiting:
        name = waiting.popleft()
        if name not in reached:
            reached.add(name)
            waiting += leads_to(ACTIONS[name])
    assert reached == set(ACTIONS)
    assert set(FLOW["Metadata"]["ActionMetadata"]) == set(ACTIONS)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_error_that_a_block_can_have_has_its_branch(name: str) -> None:
    action = ACTIONS[name]
    transitions = action["Transitions"]
    branches = [each["ErrorType"] for each in transitions.get("Errors", ())]
    assert len(branches) == len(set(branches))
    assert set(branches) == ERRORS[action["Type"]]
    assert (transitions == {}) == (action["Type"] == "DisconnectParticipant")
    assert not set(name) & set("%:(\\/)=$,;[]{}|")
    assert len(name) <= 50


def test_it_reads_only_what_the_function_answers(who_calls: ModuleType) -> None:
    text = json.dumps(FLOW)
    used = {part.split('"')[0] for part in text.split("$.External.")[1:]}
    assert used <= {"outcome", *who_calls.NAMES}
    seconds = int(ACTIONS["Who calls"]["Parameters"]["InvocationTimeLimitSeconds"])
    assert 1.5 < seconds <= 8


# --- the function's answers, and where they lead ---


async def test_an_important_customer_comes_first_in_the_queue_of_the_rule(
    who_calls: ModuleType, product: Product, tmp_path: Path
) -> None:
    await served(product, tmp_path, 8, "care")
    answer = await asked(who_calls, KESTREL)
    assert (answer["outcome"], answer["display_name"]) == ("single", "Kestrel Garden")
    assert (answer["priority"], answer["queue"], answer["tier"]) == ("8", "care", "")
    path, queue = walked(answer)
    assert (queue, "First in the queue" in path) == ("Care queue", True)


async def test_a_lower_level_waits_as_usual(
    who_calls: ModuleType, product: Product, tmp_path: Path
) -> None:
    await served(product, tmp_path, 2, "collections")
    path, queue = walked(await asked(who_calls, KESTREL))
    assert (queue, "First in the queue" in path) == ("Collections queue", False)


@pytest.mark.parametrize(
    ("number", "outcome"),
    [("+442079460777", "none"), ("anonymous", "withheld"), (None, "withheld")],
)
async def test_who_is_not_known_waits_in_the_main_queue(
    who_calls: ModuleType, product: Product, number: str | None, outcome: str
) -> None:
    answer = await asked(who_calls, number)
    assert answer.pop("outcome") == outcome
    assert set(answer.values()) == {""}
    path, queue = walked(answer)
    assert (queue, "First in the queue" in path) == ("Main queue", False)


async def test_a_refused_token_does_not_lose_the_caller(
    who_calls: ModuleType,
    product: Product,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SCREENPOP_TOKEN", "another")
    answer = await asked(who_calls, KESTREL)
    assert answer["outcome"] == "failed"
    assert walked(answer)[1] == "Main queue"
    said = capsys.readouterr().out
    assert "401" in said
    assert "another" not in said


async def test_a_server_that_does_not_answer_is_given_up(
    who_calls: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SCREENPOP_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("SCREENPOP_TOKEN", "t")
        monkeypatch.setenv("SCREENPOP_DEADLINE_S", "0.2")
        answer = await asked(who_calls, KESTREL)
    assert answer["outcome"] == "failed"


async def test_a_server_that_answers_byte_by_byte_is_given_up_at_the_deadline(
    who_calls: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not answered.is_set():
            writer.write(b" ")
            await asyncio.sleep(0.02)
        writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        monkeypatch.setenv(
            "SCREENPOP_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        )
        monkeypatch.setenv("SCREENPOP_TOKEN", "t")
        monkeypatch.setenv("SCREENPOP_DEADLINE_S", "0.3")
        async with asyncio.timeout(3):
            answer = await asked(who_calls, KESTREL)
        answered.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert answer["outcome"] == "failed"


async def test_the_token_follows_no_redirection(
    who_calls: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        where = writer.get_extra_info("sockname")[1]
        writer.write(f"HTTP/1.1 302 X\r\nlocation: http://127.0.0.1:{where}/x\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(elsewhere, "127.0.0.1", 0) as server:
        monkeypatch.setenv(
            "SCREENPOP_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        )
        monkeypatch.setenv("SCREENPOP_TOKEN", "t")
        answer = await asked(who_calls, KESTREL)
    assert (answer["outcome"], len(seen)) == ("failed", 1)


@pytest.mark.parametrize(
    ("errors", "queue"),
    [
        ({}, "Main queue"),
        ({"UpdateContactTargetQueue": "NoMatchingError"}, None),
        ({"TransferContactToQueue": "QueueAtCapacity"}, None),
        (
            {"TransferContactToQueue": "NoMatchingError", "MessageParticipant": "NoMatchingError"},
            None,
        ),
    ],
)
def test_a_function_that_fails_does_not_lose_the_caller(
    errors: dict[str, str], queue: str | None
) -> None:
    path, found = walked(None, **errors)
    assert found == queue
    assert path[-1] == ("Into the queue" if queue else "Hang up")
