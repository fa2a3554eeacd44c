"""How fast passwords may be guessed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.api.throttle import PER_ADDRESS, Allowance, Buckets, LoginThrottle, network

ALLOWANCE = Allowance(free=5, every_s=30)


@given(st.lists(st.floats(0, 100), max_size=60))
def test_in_any_time_no_more_guesses_pass_than_are_allowed(pauses: list[float]) -> None:
    buckets, now, passed = Buckets(ALLOWANCE), 1000.0, 0
    for pause in pauses:
        now += pause
        if buckets.wait_s("k", now) == 0:
            buckets.guess("k", now)
            passed += 1
    assert passed <= ALLOWANCE.free + (now - 1000) / ALLOWANCE.every_s + 1e-6


@given(st.lists(st.floats(0, 10), max_size=30))
def test_who_waits_as_told_may_guess_again(pauses: list[float]) -> None:
    buckets, now = Buckets(ALLOWANCE), 0.0
    for pause in pauses:
        now += pause
        buckets.guess("k", now)
    assert buckets.wait_s("k", now + buckets.wait_s("k", now) + 1e-6) == 0


def test_a_stranger_who_guesses_does_not_lock_the_person_out() -> None:
    throttle = LoginThrottle()
    for number in range(1000):
        throttle.guess("ada", f"203.0.113.{number % 100}", float(number) / 100)
    assert throttle.refused_for_s("ada", "203.0.113.1", 10) > 0
    assert throttle.refused_for_s("ada", "198.51.100.1", 10) == 0
    assert throttle.slowed_by_s("ada", 10) > 0
    assert throttle.slowed_by_s("ben", 10) == 0


def test_one_address_that_tries_many_accounts_is_refused() -> None:
    throttle = LoginThrottle()
    for number in range(PER_ADDRESS.free):
        assert throttle.refused_for_s(f"user{number}", "203.0.113.7", 0) == 0
        throttle.guess(f"user{number}", "203.0.113.7", 0)
    assert throttle.refused_for_s("another", "203.0.113.7", 0) > 0


def test_who_got_it_right_starts_afresh_at_their_own_account_only() -> None:
    throttle = LoginThrottle()
    for _ in range(5):
        throttle.guess("ada", "203.0.113.7", 0)
        throttle.guess("ben", "203.0.113.7", 0)
    throttle.succeeded("ada", "203.0.113.7")
    assert throttle.refused_for_s("ada", "203.0.113.7", 0) == 0
    assert throttle.refused_for_s("ben", "203.0.113.7", 0) > 0


def test_an_ipv6_subscriber_is_one_address() -> None:
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("not an address") == "?"


def test_memory_is_bounded() -> None:
    buckets = Buckets(ALLOWANCE)
    for number in range(25_000):
        buckets.guess(str(number), 0)
    assert len(buckets._owed) <= 20_000
