"""Passwords: how they are kept, and which may be one."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import passwords
from app.errors import AppError
from app.passwords import hash_password, is_outdated, password_fault, verify_password

GOOD = "seven pumps in a row"


async def test_a_password_is_kept_as_argon2id_of_at_least_19_mib() -> None:
    kept = await hash_password(GOOD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != await hash_password(GOOD)
    assert await verify_password(kept, GOOD)
    assert not await verify_password(kept, GOOD.upper())
    assert not is_outdated(kept)
    assert is_outdated(kept.replace("m=19456", "m=8192"))


async def test_the_same_characters_typed_otherwise_are_the_same_password() -> None:
    assert await verify_password(await hash_password("Zoe\u0308 and seven"), "Zo\u00eb and seven")


@pytest.mark.parametrize("kept", [None, "", "not a hash", "$argon2id$v=19$m=19456,t=2,p=1$AA$AA"])
async def test_without_a_hash_nothing_is_right(kept: str | None) -> None:
    for password in ("", "x", "AAAAAAAAAAAAAAAAAAAAAAAA"):
        assert not await verify_password(kept, password)


async def test_an_unknown_user_takes_as_long_as_a_wrong_password() -> None:
    kept = await hash_password(GOOD)

    async def fastest(hashed: str | None) -> float:
        times = []
        for _ in range(8):
            start = time.perf_counter()
            await verify_password(hashed, "wrong one")
            times.append(time.perf_counter() - start)
        return min(times)

    assert 0.5 < await fastest(None) / await fastest(kept) < 2


async def test_a_crowd_that_logs_in_leaves_the_event_loop_free() -> None:
    kept = await hash_password(GOOD)
    crowd = asyncio.gather(*(verify_password(kept, GOOD) for _ in range(20)))
    turns = 0
    while not crowd.done():
        await asyncio.sleep(0)
        turns += 1
    assert all(await crowd)
    assert turns > 100


async def test_a_flood_of_log_ins_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_MAX_WAITING", 3)
    answers = await asyncio.gather(
        *(verify_password(None, "x") for _ in range(5)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, AppError)]
    assert [answer.status for answer in refused] == [503, 503]


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 8"),
        ("sevench", "at least 8"),
        ("x" * 257, "at most 256"),
        ("password", "guessed first"),
        ("PassWord1", "guessed first"),
        ("Qwertyuiop", "guessed first"),
        ("12345678", "guessed first"),
        ("zzzzzzzzzzzz", "guessed first"),
        ("\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17", "guessed first"),
        ("Ada@Example.com", "e-mail"),
        ("ada.lovelace", "e-mail"),
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str, why: str) -> None:
    email = "ada.lovelace@example.com" if "lovelace" in password else "ada@example.com"
    fault = password_fault(password, email)
    assert fault is not None
    assert why in fault


@given(st.text(st.characters(codec="utf-8"), min_size=8, max_size=60))
def test_length_counts_and_composition_does_not(password: str) -> None:
    varied = f"{password} ~ pumps"
    assert password_fault(varied) is None
